"""Is a viewport capture (shot) found in the full-page capture, and the reverse, up to 1:10?

Full-page captures: stacked from the corpus, rendered from real documentation (--rendered, see
render_pages.py), and those of the corpus. From each, viewport shots (16:10) at five scroll positions: as they
are, as JPEG of quality 50, and at 75 % of the size under a browser bar.

1. The captures are stored among other pictures, and each shot is queried. Found: its page is among the first
10 hits, at least `review`. 2. The plain shots are stored among other pictures, and each capture is queried.
Found: the same, for each of its shots, among 20 hits.

Must: 95 % of the plain shots in both directions (chosen). Misses are listed with
the verdict of `compare` about the pair, which separates missing candidates from wrong verdicts.

    python -m benchmarks.tall --pictures DIR [--rendered DIR] [--stacked 27] [--others 400] [--sample]
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from douglas_quaid import Engine
from douglas_quaid.answers import Hit
from douglas_quaid.store.embedded import stop_embedded

from . import report
from .corpus import Corpus, Item
from .tall_pages import SHOTS, Shot, TallPage, captured_pages, rendered_pages, shots_of, stacked_pages

MUST = 0.95
PLAIN = SHOTS[0]
BINS = ((2.0, 4.0), (4.0, 6.0), (6.0, 8.0), (8.0, 10.01))
THREADS = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for a shot."""

    #: "shot in page" or "page in shot": the query, and what is stored.
    direction: str
    #: The shot.
    shot: Shot
    #: Rank of the correct answer among the hits, from 1; None if it is missing.
    rank: int | None
    #: Decision of that hit; None if it is missing.
    decision: str | None
    #: The evidence in words.
    note: str


def main() -> int:
    parser = report.arguments(__doc__)
    parser.add_argument("--rendered", type=Path, help="folder of captures from render_pages.py")
    parser.add_argument("--stacked", type=int, default=27)
    parser.add_argument("--others", type=int, default=400, help="number of other pictures in the store")
    options = parser.parse_args()
    if options.sample:
        options.stacked, options.others = 5, 60
    corpus = Corpus.load(options.pictures)
    pages, used = stacked_pages(corpus, options.stacked, options.seed)
    pages += captured_pages(corpus)
    rendered = list(rendered_pages(options.rendered)) if options.rendered else []
    pages += rendered[::6] if options.sample else rendered
    tall = {item.group for item in corpus.items if item.file in {page.name for page in pages}}
    free = [item for item in corpus.items if item.group not in used | tall]
    others = random.Random(options.seed).sample(free, min(options.others, len(free)))
    report.heading(f"Tall pages: {len(pages)} captures among {len(others)} other pictures", options)
    outcomes = [*shots_in_pages(corpus, pages, others), *pages_in_shots(corpus, pages, others)]
    return print_outcomes(outcomes)


def with_engine(
    stored: Iterable[bytes], ask: Callable[[Engine, ThreadPoolExecutor], list[Outcome]]
) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        try:
            with Engine.open(f"embedded:{folder}") as engine, ThreadPoolExecutor(THREADS) as pool:
                list(pool.map(lambda data: engine.add(data, link=False), stored))
                return ask(engine, pool)
        finally:
            stop_embedded(folder)


def shots_in_pages(corpus: Corpus, pages: Sequence[TallPage], others: Sequence[Item]) -> list[Outcome]:
    ids = {page.name: sha256(page.data).hexdigest() for page in pages}
    stored = [*(page.data for page in pages), *(corpus.data(item) for item in others)]

    def ask(engine: Engine, shot: Shot) -> Outcome:
        right = {ids[shot.page.name], *(ids[name] for name in shot.page.twins if name in ids)}
        hits = engine.query(shot.data, limit=10).hits
        return judged("shot in page", engine, shot, hits, right, shot.data, ids[shot.page.name])

    return with_engine(
        stored,
        lambda engine, pool: [
            o for page in pages for o in pool.map(lambda shot: ask(engine, shot), shots_of(page))
        ],
    )


def pages_in_shots(corpus: Corpus, pages: Sequence[TallPage], others: Sequence[Item]) -> list[Outcome]:
    shots = {page.name: list(shots_of(page, (PLAIN,))) for page in pages}
    stored = [
        *(shot.data for of_page in shots.values() for shot in of_page),
        *(corpus.data(item) for item in others),
    ]

    def ask(engine: Engine, page: TallPage) -> list[Outcome]:
        hits = engine.query(page.data, limit=20).hits
        found = []
        for shot in shots[page.name]:
            image_id = sha256(shot.data).hexdigest()
            found.append(judged("page in shot", engine, shot, hits, {image_id}, page.data, image_id))
        return found

    return with_engine(
        stored,
        lambda engine, pool: [o for found in pool.map(lambda page: ask(engine, page), pages) for o in found],
    )


def judged(
    direction: str,
    engine: Engine,
    shot: Shot,
    hits: Sequence[Hit],
    right: set[str],
    query: bytes,
    reference: str,
) -> Outcome:
    ranks = [place for place, hit in enumerate(hits, 1) if hit.image_id in right]
    if ranks:
        hit = hits[ranks[0] - 1]
        return Outcome(direction, shot, ranks[0], hit.decision.value, hit.sentence)
    pair = engine.compare(query, reference)
    return Outcome(
        direction, shot, None, None, f"{len(hits)} hits; compare says {pair.decision.value}: {pair.sentence}"
    )


def print_outcomes(outcomes: Sequence[Outcome]) -> int:
    strata: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        strata[outcome.direction, outcome.shot.kind].append(outcome)
    columns = (
        "query in store",
        "found",
        "of these match",
        "first",
        *(f"{low:.0f}:1 to {high:.0f}:1" for low, high in BINS),
    )
    rows = []
    for (direction, kind), these in strata.items():
        bins = [[o for o in these if low <= o.shot.page.ratio < high] for low, high in BINS]
        matched = sum(o.decision == "match" for o in these)
        rows.append(
            (
                f"{direction}, {kind}",
                _found(these),
                matched,
                sum(o.rank == 1 for o in these),
                *(_found(part) for part in bins),
            )
        )
    report.table(columns, rows)
    sources = list(dict.fromkeys(outcome.shot.page.source for outcome in outcomes))
    plain = {direction: strata[direction, PLAIN] for direction in ("shot in page", "page in shot")}
    rows = [
        (source, *(_found([o for o in these if o.shot.page.source == source]) for these in plain.values()))
        for source in sources
    ]
    report.table(("captures", *(f"{direction}, {PLAIN}" for direction in plain)), rows)
    misses = [outcome for outcome in outcomes if outcome.rank is None]
    if misses:
        print(f"Misses: {len(misses)}, the first 60\n")
        shown = [
            (
                f"{o.direction}: {o.shot.page.name} ({o.shot.page.ratio:.1f}:1) at {o.shot.scroll}, "
                f"{o.shot.kind}",
                o.note,
            )
            for o in misses[:60]
        ]
        report.table(("pair", "why"), shown)
    return report.verdict(
        (f"{direction}: {_found(these)} found", sum(o.rank is not None for o in these) >= MUST * len(these))
        for direction, these in plain.items()
    )


def _found(outcomes: Sequence[Outcome]) -> str:
    return report.share(sum(outcome.rank is not None for outcome in outcomes), len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
