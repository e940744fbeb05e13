"""The second table of peers.py: at which rank does a search find the correct picture among some hundred?

Takes the queries of the pairs, with the same edits, and indexes their originals among random others. PDQ and
pHash rank all pictures by distance, ties in the peer's favour; perception's `deduplicate` reports pairs, here
ordered by inliers; `Engine.query` ranks hits. The crop-resistant hash and plain ORB have no search: they
would have to be compared with every picture.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2

from douglas_quaid import Engine
from douglas_quaid.evaluation.dataset import Item, Kind
from douglas_quaid.evaluation.edits import edit, opened, png
from douglas_quaid.store.embedded import stop_embedded

from . import report
from .corpus import has_ink
from .peers_systems import LIMITS, OURS, Perception, System, pdq, phash, readable

KINDS = (Kind.SCREENSHOT, Kind.PHOTOGRAPH)
FIRST_TEN = 10


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query of the search."""

    #: The original.
    item: Item
    #: The edited picture.
    data: bytes
    #: Files that are correct answers, the original among them.
    right: frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """The rank of the first correct picture of a query."""

    #: From 0; None if it is not listed.
    rank: int | None
    #: Whether it is accepted at the published limit, or as `match` or `review`.
    accepted: bool


def print_search(
    asked: Sequence[Item],
    right: Mapping[str, set[str]],
    edits: Sequence[str],
    possible: Sequence[Item],
    options: argparse.Namespace,
) -> None:
    """Print the table. `asked`: originals of the queries; `right`: correct answers of each; `possible`: other
    pictures for the index.
    """
    rng = random.Random(f"search:{options.seed}")
    others = [item for item in possible if item not in asked]
    indexed = [*asked, *rng.sample(others, min(len(others), max(0, options.indexed - len(asked))))]
    files = {item.file: readable(item.path) for item in indexed}
    queries = list(_queries(rng, asked, right, edits, options.searches))
    print(f"Searches: {len(queries)} of these queries among {len(indexed)} pictures.\n")
    lines = []
    for system in (pdq(), phash()):
        lines.append(_line(system.name, queries, *_by_distance(system, queries, files)))
    if options.perception_python:
        perception = Perception(options.perception_python)
        lines.append(
            _line(
                f"{perception.name}, its deduplicate", queries, *_by_deduplication(perception, queries, files)
            )
        )
        perception.close()
    lines.append(_line(f"{OURS}, `Engine.query`", queries, *_by_engine(queries, files)))
    columns = ("first and accepted, %", "first, %", "in the first 10, %")
    report.table(
        ("search", *(f"{kind.value}s: {column}" for kind in KINDS for column in columns), "CPU, ms a query"),
        lines,
    )


def _queries(
    rng: random.Random, asked: Sequence[Item], right: Mapping[str, set[str]], edits: Sequence[str], count: int
) -> Iterator[SearchQuery]:
    """Yield equal numbers of screenshots and photographs, as far as there are enough."""
    for kind in KINDS:
        possible = [(item, name) for item in asked if item.kind is kind for name in edits]
        for item, name in rng.sample(possible, min(count // 2, len(possible))):
            picture = edit(name, opened(item.path), seed=item.file)
            if has_ink(picture):
                yield SearchQuery(item, png(picture), frozenset(right[item.file]))


def _by_distance(
    system: System, queries: Sequence[SearchQuery], files: dict[str, bytes]
) -> tuple[list[Place], float]:
    for file, data in files.items():
        system.describe(file, data)
    places, began = [], system.cpu()
    for query in queries:
        system.describe("query", query.data)
        scores = {file: system.compare("query", file)[0] for file in files}
        best = max(score for file, score in scores.items() if file in query.right)
        nearer = sum(score > best for file, score in scores.items() if file not in query.right)
        places.append(Place(nearer, best >= LIMITS[system.name][0].published))
    return places, system.cpu() - began


def _by_deduplication(
    perception: Perception, queries: Sequence[SearchQuery], files: dict[str, bytes]
) -> tuple[list[Place], float]:
    asked = {str(perception.file(query.data)): query for query in queries}
    among = {str(perception.file(data)): file for file, data in files.items()}
    began = perception.cpu()
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for query, reference, inliers in perception.search(list(asked), list(among)):
        found[query].append((-inliers, among[reference]))
    places = []
    for path, query in asked.items():
        ranked = [file for _, file in sorted(found[path])]
        rank = next((place for place, file in enumerate(ranked) if file in query.right), None)
        places.append(Place(rank, rank is not None))
    return places, perception.cpu() - began


def _by_engine(queries: Sequence[SearchQuery], files: dict[str, bytes]) -> tuple[list[Place], float]:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        try:
            with Engine.open(f"embedded:{folder}") as engine:
                names = {
                    engine.add(data, link=False, name=file).image_id: file for file, data in files.items()
                }
                places, began = [], time.process_time()
                for query in queries:
                    hits = engine.query(query.data, limit=FIRST_TEN, min_decision="no-match").hits
                    ranks = [place for place, hit in enumerate(hits) if names[hit.image_id] in query.right]
                    places.append(
                        Place(
                            ranks[0] if ranks else None,
                            bool(ranks) and hits[ranks[0]].decision.value != "no-match",
                        )
                    )
                return places, time.process_time() - began
        finally:
            stop_embedded(folder)


def _line(
    name: str, queries: Sequence[SearchQuery], places: Sequence[Place], seconds: float
) -> tuple[str, ...]:
    cells = []
    for kind in KINDS:
        these = [place for query, place in zip(queries, places, strict=True) if query.item.kind is kind]
        first = [place for place in these if place.rank == 0]
        listed = sum(place.rank is not None and place.rank < FIRST_TEN for place in these)
        counts = (sum(place.accepted for place in first), len(first), listed)
        cells += [f"{100 * count / len(these):.1f}" if these else "-" for count in counts]
    return name, *cells, f"{1000 * seconds / max(1, len(queries)):.0f}"
