"""Runs the stratum "fillings": indexes the known fillings, asks the questions, and looks which clusters hold
two fillings.

All kinds are in the store of the run together, after its other queries, and are forgotten at the end. Each
question is asked twice: of the store, and of the known filling alone, as `quaid compare` does. Fillings with
other values are linked last, one kind of change at a time, so that no query meets them.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config import Config
from ..engine import Engine
from ..errors import NotFound
from ..records import ImageId, Verdict
from ..search.hits import Judged
from . import strata
from .dataset import Dataset, Item
from .engine_calls import Failure, QueryResponse, query_bytes, run_queries, run_query
from .filling_questions import AnyTemplate, Changed, FillingQuestion, PreparedKind, prepare
from .ground_truth import Fingerprint, GroundTruth
from .queries import EvaluationQuery, make_query
from .results import QueryKey, json_line

#: Name of the file of questions in the folder of a run.
QUESTIONS = "fillings.jsonl"
#: Name of the file of clusters in the folder of a run.
CLUSTERS = "filling-clusters.jsonl"
#: Maximum number of fillings of each kind and change that are linked. chosen: each costs as much as a query.
LINKED = 4
#: Changes after which fillings are linked; all values are changed between the known ones.
LINKED_CHANGES = (Changed.ONE, Changed.THREE, Changed.HALF)

#: Passes work through while showing a progress bar: the work, the number of steps, a label.
Progress = Callable[[Iterator[Any], int, str], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class ClusterCount:
    """How many fillings of a kind share a cluster with another filling."""

    #: Name of the template.
    kind: str
    #: How many values were replaced; NONE for the known fillings among each other.
    changed: Changed
    #: Number of fillings that were linked.
    fillings: int
    #: Number of these that share a cluster with another filling.
    shared: int


def prepare_fillings(
    templates: Sequence[AnyTemplate], asked: int, seed: int, out: Path, progress: Progress
) -> list[PreparedKind]:
    """Write the pictures and the questions into `out`, and return them. Raises ConfigError when the browser
    fails.
    """
    work = (prepare(template, place, asked, seed, out) for place, template in enumerate(templates))
    prepared = list(progress(work, len(templates), "filling in"))
    questions = (question for kind in prepared for question in kind.questions)
    (out / QUESTIONS).write_text("".join(map(json_line, questions)), "utf-8")
    return prepared


@contextmanager
def indexed(
    engine: Engine, prepared: Sequence[PreparedKind], truth: GroundTruth, progress: Progress
) -> Iterator[GroundTruth]:
    """Provide the ground truth with the fillings, the known ones of which are in the store meanwhile."""
    items = [item for kind in prepared for item in (*kind.known, *kind.others)]
    known = [item for item in items if item.indexed]
    try:
        added = (engine.add(item.path.read_bytes(), name=item.file) for item in known)
        for _ in progress(added, len(known), "adding fillings"):
            pass
        prints = {item.file: _fingerprint(item) for item in items}
        dataset = Dataset((*truth.dataset.items, *items), truth.dataset.edges)
        yield GroundTruth(dataset, {**truth.fingerprints, **prints}, truth.split)
    finally:
        _forget(engine, (item.path.read_bytes() for item in known))


def ask_fillings(
    config: Config,
    prepared: Sequence[PreparedKind],
    truth: GroundTruth,
    done: frozenset[QueryKey],
    processes: int,
) -> Iterator[QueryResponse | Failure]:
    """Yield the responses to all questions that are not done, in an order that depends on their number alone:
    the first half of a run is a smaller run.
    """
    queries = [_query(question, truth) for kind in prepared for question in kind.questions]
    random.Random(f"fillings:{len(queries)}").shuffle(queries)
    return run_queries(config, [query for query in queries if not query.keys & done], processes, ask)


def ask(engine: Engine, query: EvaluationQuery) -> QueryResponse | Failure:
    """Return the engine's response, with the verdict about the known filling alone besides it."""
    response = run_query(engine, replace(query, besides=()))
    if isinstance(response, Failure):
        return response
    data, _ = query_bytes(query.item, query.edit, engine.config.max_bytes)
    alone = tuple(Judged(image_id, _compared(engine, data, image_id)) for image_id in query.besides)
    return replace(response, query=query, inquiry=replace(response.inquiry, besides=alone))


def count_known_clusters(
    engine: Engine, prepared: Sequence[PreparedKind], truth: GroundTruth, out: Path
) -> None:
    """Write how many known fillings share a cluster with another one."""
    with open(out / CLUSTERS, "w", encoding="utf-8") as file:
        for kind in prepared:
            known = _known(kind, truth)
            count = ClusterCount(kind.kind, Changed.NONE, len(known), _shared(engine, known, known))
            file.write(json_line(count))


def count_clusters(
    engine: Engine, prepared: Sequence[PreparedKind], truth: GroundTruth, out: Path, progress: Progress
) -> None:
    """Link fillings with other values, and append how many share a cluster with another one."""
    work = (
        count
        for kind in prepared
        for change in LINKED_CHANGES
        for count in _linked(engine, kind, change, truth)
    )
    for count in progress(work, len(prepared) * len(LINKED_CHANGES), "linking fillings"):
        with open(out / CLUSTERS, "a", encoding="utf-8") as file:
            file.write(json_line(count))


def _query(question: FillingQuestion, truth: GroundTruth) -> EvaluationQuery:
    same = question.changed is Changed.NONE
    return make_query(
        truth,
        truth.dataset.by_file[question.query],
        question.edit,
        strata.FILLINGS,
        expected=frozenset([question.reference] if same else []),
        besides=(question.reference,),
    )


def _compared(engine: Engine, data: bytes, image_id: ImageId) -> Verdict:
    hit = engine.compare(data, image_id)
    calibration = engine.calibration.id
    return Verdict(
        hit.decision, hit.relation, hit.confidence, hit.evidence, calibration, hit.sentence, hit.reasons
    )


def _known(kind: PreparedKind, truth: GroundTruth) -> list[ImageId]:
    return [truth.fingerprints[item.file].image_id for item in kind.known]


def _linked(
    engine: Engine, kind: PreparedKind, change: Changed, truth: GroundTruth
) -> Iterator[ClusterCount]:
    """Yield the count of one kind and change, if there are such fillings. They are forgotten afterwards."""
    files = dict.fromkeys(question.query for question in kind.questions if question.changed is change)
    pictures = [truth.dataset.by_file[file].path.read_bytes() for file in list(files)[:LINKED]]
    if not pictures:
        return
    try:
        added = [engine.add(data).image_id for data in pictures]
        shared = _shared(engine, added, [*_known(kind, truth), *added])
    finally:
        _forget(engine, pictures)
    yield ClusterCount(kind.kind, change, len(added), shared)


def _shared(engine: Engine, some: Sequence[ImageId], everyone: Sequence[ImageId]) -> int:
    """Return how many of `some` share a cluster with another one of `everyone`."""
    members = Counter(name for name in engine.cluster_ids(everyone) if name)
    return sum(members[name] > 1 for name in engine.cluster_ids(some) if name)


def _fingerprint(item: Item) -> Fingerprint:
    """Return what the ground truth needs of a filling, without decoding it: all are written by one encoder,
    so pixels are equal where bytes are; and hashes say nothing about fillings.
    """
    digest = hashlib.sha256(item.path.read_bytes())
    return Fingerprint(digest.hexdigest(), digest.digest(), bytes(32), 0, 0)


def _forget(engine: Engine, pictures: Iterable[bytes]) -> None:
    for data in pictures:
        with suppress(NotFound):
            engine.forget(hashlib.sha256(data).hexdigest())
