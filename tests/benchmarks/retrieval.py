"""Does the correct picture come first, after an edit of the whole picture?

Adds all pictures of a folder (link=False), then queries 60 screenshots and 60 photographs after each of seven
edits. Correct: the first hit shows a picture of the query's group (or a twin of one, see set_aside.jsonl) and
is at least `review`. The original itself is in the store. Must: correct for 97 % of the queries, for
screenshots and photographs separately. Every miss is listed with the first hit and the reason.

    python -m benchmarks.retrieval --pictures DIR [--sample] [--store URL] [--edits NAME,...] [--out FILE]
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2

from douglas_quaid import Engine
from douglas_quaid.evaluation.edits import edit, opened, png

from . import report
from .corpus import PHOTOS, WHOLE_PICTURE, Corpus, Item, random_photos, spread_screenshots
from .filled_store import add_argument, filled_store

MUST = 0.97
EACH = 60
THREADS = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a query."""

    #: File of the picture.
    file: str
    #: Set of the picture.
    set: str
    #: Name of the edit.
    edit: str
    #: Whether the first hit is correct.
    right: bool
    #: Whether the first hit is correct and a `match`.
    matched: bool
    #: right, low (correct picture first, but no-match), behind (correct picture listed, not first), wrong or
    #: nothing.
    kind: str
    #: Duration of the query.
    seconds: float
    #: The first hit and, for a miss, the rank of the correct picture.
    note: str


def main() -> int:
    parser = report.arguments(__doc__)
    add_argument(parser)
    parser.add_argument(
        "--edits", default=",".join(WHOLE_PICTURE), help="comma-separated names from edits.EDITS"
    )
    parser.add_argument("--out", type=Path, help="write every outcome as a line of JSON")
    options = parser.parse_args()
    corpus = Corpus.load(options.pictures)
    each = 10 if options.sample else EACH
    queries = [*spread_screenshots(corpus, each, options.seed), *random_photos(corpus, each, options.seed)]
    items = corpus.items
    if options.sample:
        asked = {item.group for item in queries}
        items = tuple(item for place, item in enumerate(items) if item.group in asked or place % 8 == 0)
    report.heading(
        f"Retrieval: {2 * each} pictures x {len(options.edits.split(','))} edits among {len(items):,}",
        options,
    )
    cv2.setNumThreads(1)  # THREADS queries at a time are enough for the machine
    with (
        filled_store(corpus, items, options.store) as url,
        Engine.open(url) as engine,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        names = {corpus.image_id(item): item.file for item in items}
        asked_for = [(item, name) for name in options.edits.split(",") for item in queries]
        outcomes = report.collected(
            pool.map(lambda pair: ask(engine, corpus, names, *pair), asked_for), len(asked_for), options.out
        )
    return print_outcomes(outcomes)


def ask(engine: Engine, corpus: Corpus, names: dict[str, str], item: Item, name: str) -> Outcome:
    data = png(edit(name, opened(corpus.folder / item.file), seed=item.file))
    began = time.perf_counter()
    result = engine.query(data, limit=10, min_decision="no-match")
    seconds = time.perf_counter() - began
    right_files = corpus.right_answers(item)
    ranks = [place for place, hit in enumerate(result.hits) if names.get(hit.image_id) in right_files]
    kind = "right"
    if not result.hits:
        kind = "nothing"
    elif not ranks:
        kind = "wrong"
    elif ranks[0] > 0:
        kind = "behind"
    elif result.hits[0].decision.value == "no-match":
        kind = "low"
    first = f"{names.get(result.hits[0].image_id)}: {describe(result.hits[0])}" if result.hits else "no hits"
    note = (
        first
        if not ranks or ranks[0] == 0
        else f"{first}; correct one at {ranks[0] + 1}: {describe(result.hits[ranks[0]])}"
    )
    matched = kind == "right" and result.hits[0].decision.value == "match"
    return Outcome(
        item.file,
        item.set,
        name,
        kind == "right",
        matched,
        kind,
        seconds,
        note if result.informative else f"not informative; {note}",
    )


def describe(hit: object) -> str:
    relation = getattr(hit.relation, "value", None)  # type: ignore[attr-defined]
    return f"{hit.decision.value} {relation} {hit.confidence:.3f}, {hit.sentence}"  # type: ignore[attr-defined]


def print_outcomes(outcomes: Sequence[Outcome]) -> int:
    by: dict[tuple[str, bool], list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by[outcome.edit, outcome.set == PHOTOS].append(outcome)
    edits = list(dict.fromkeys(outcome.edit for outcome in outcomes))
    rows = [(name, *(_cell(by[name, photo]) for photo in (False, True))) for name in edits]
    totals = {
        photo: [outcome for outcome in outcomes if (outcome.set == PHOTOS) == photo]
        for photo in (False, True)
    }
    rows.append(("**all**", _cell(totals[False]), _cell(totals[True])))
    report.table(
        ("edit", "screenshots: correct (of these match)", "photographs: correct (of these match)"), rows
    )
    sets = sorted({outcome.set for outcome in outcomes})
    report.table(
        ("set", "correct (of these match)"),
        [(name, _cell([outcome for outcome in outcomes if outcome.set == name])) for name in sets],
    )
    seconds = sorted(outcome.seconds for outcome in outcomes)
    print(
        f"A query took {median(seconds):.2f} s (median; 95 %: {seconds[len(seconds) * 95 // 100]:.2f} s), "
        f"{THREADS} at a time.\n"
    )
    misses = [outcome for outcome in outcomes if not outcome.right]
    if misses:
        print(f"Misses: {dict(Counter(miss.kind for miss in misses))}\n")
        report.table(
            ("file", "edit", "kind", "first hit"),
            [(miss.file, miss.edit, miss.kind, miss.note.replace("|", "/")) for miss in misses],
        )
    musts = []
    for photo, words in ((False, "screenshots"), (True, "photographs")):
        right = sum(outcome.right for outcome in totals[photo])
        musts.append(
            (
                f"{words}: correct first in at least 97 % ({report.share(right, len(totals[photo]))})",
                right >= MUST * len(totals[photo]),
            )
        )
    return report.verdict(musts)


def _cell(outcomes: Sequence[Outcome]) -> str:
    right = sum(outcome.right for outcome in outcomes)
    return f"{report.share(right, len(outcomes))} ({sum(outcome.matched for outcome in outcomes)})"


if __name__ == "__main__":
    sys.exit(main())
