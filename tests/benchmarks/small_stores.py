"""How good are answers in a store of a newcomer? Stores of 10, 100 and 600 pictures.

Each store holds pictures of different groups, half of them screenshots and half photographs (250 at most).
Asked are pictures of the store after the edits of the suite and the twelve double ones, each in turn, and
pictures of groups that the store does not hold. Reports found, `match` of these, wrong matches, reviews, and
how far the confidence of the best hits is from the share that is right. Numbers were chosen by the same
pictures, so this is how a small store differs from a large one, not how often either errs in the field.

    python -m benchmarks.small_stores --pictures DIR [--queries 200] [--seed 1] [--sample]
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from support.server import Server

from douglas_quaid import Engine
from douglas_quaid.answers import QueryResult
from douglas_quaid.evaluation import edits
from douglas_quaid.records import Decision

from . import report
from .corpus import PHOTOS, Corpus, Item

#: Number of pictures in a store, and number of such stores.
SIZES = ((10, 10), (100, 1), (600, 1))
#: Edits of the queries.
EDITS = (*edits.SUITE, *edits.DOUBLES)


@dataclass(frozen=True, slots=True)
class Asked:
    """One question and its answer."""

    #: Number of pictures in the store.
    size: int
    #: Whether it is a photograph.
    photo: bool
    #: Name of the edit; "" for a question without an answer.
    edit: str
    #: Whether the store holds the answer.
    has_answer: bool
    #: Whether the first hit is right; None without a hit.
    right: bool | None
    #: Decision and confidence of the first hit.
    decision: Decision
    confidence: float
    #: Whether any correct hit is a match, or a review.
    matched: bool
    reviewed: bool
    #: Wrong matches: what was asked, what was found, and how sure the answer was.
    wrong: tuple[str, ...]


def main() -> int:
    """Run the benchmark, and return its exit status."""
    parser = report.arguments(__doc__)
    parser.add_argument("--queries", type=int, default=200, help="questions of each kind for each size")
    options = parser.parse_args()
    count = 10 if options.sample else options.queries
    corpus = Corpus.load(options.pictures)
    report.heading("Small stores", options)
    asked: list[Asked] = []
    for size, stores in SIZES[:1] if options.sample else SIZES:
        for number in range(stores):
            asked += _of_store(corpus, size, count // stores, f"{options.seed} {size} {number}")
        print(f"{size} done", file=sys.stderr)
    return _report(asked)


def _of_store(corpus: Corpus, size: int, count: int, seed: str) -> list[Asked]:
    rng = random.Random(seed)
    groups: dict[bool, list[Item]] = {True: [], False: []}
    for members in corpus.groups.values():
        item = rng.choice(members)
        if item.file not in corpus.blank and item.set != "phishing":
            groups[item.set == PHOTOS].append(item)
    kept: list[Item] = []
    others: list[Item] = []
    for photo, items in groups.items():
        rng.shuffle(items)
        half = min(size // 2, len(items) * 3 // 4) if photo else size - min(size // 2, 187)
        kept += items[:half]
        others += items[half:]
    server = Server(Path(tempfile.mkdtemp())).start()
    try:
        with Engine.open(server.url) as engine:
            names = {engine.add(corpus.data(item), link=False).image_id: item for item in kept}
            found: list[Asked] = []
            for photo in (False, True):
                known = [item for item in kept if (item.set == PHOTOS) is photo]
                unknown = [item for item in others if (item.set == PHOTOS) is photo]
                for number in range(count):
                    item = known[number % len(known)]
                    name = EDITS[rng.randrange(len(EDITS))]
                    picture = edits.edit(name, edits.opened(corpus.folder / item.file), seed=item.file)
                    result = engine.query(edits.png(picture))
                    found.append(_asked(corpus, size, item, name, result, names))
                for item in unknown[: count // 2]:
                    if corpus.right_answers(item).isdisjoint(one.file for one in kept):
                        result = engine.query(corpus.data(item))
                        found.append(_asked(corpus, size, item, "", result, names))
    finally:
        server.kill()
    return found


def _asked(
    corpus: Corpus, size: int, item: Item, edit: str, result: QueryResult, names: dict[str, Item]
) -> Asked:
    answers = corpus.right_answers(item)
    right = [names[hit.image_id].file in answers for hit in result.hits]
    pairs = list(zip(result.hits, right, strict=True))
    return Asked(
        size,
        item.set == PHOTOS,
        edit,
        bool(edit),
        right[0] if right else None,
        result.decision,
        result.hits[0].confidence if result.hits else 0.0,
        any(is_right and hit.decision is Decision.MATCH for hit, is_right in pairs),
        any(is_right for _, is_right in pairs),
        tuple(
            f"{item.file} {edit or 'as it is'}: {names[hit.image_id].file} {hit.confidence:.2f}"
            for hit, is_right in pairs
            if not is_right and hit.decision is Decision.MATCH
        ),
    )


def _report(asked: list[Asked]) -> int:
    rows, musts = [], []
    for size, photo in sorted({(one.size, one.photo) for one in asked}):
        these = [one for one in asked if (one.size, one.photo) == (size, photo)]
        answered = [one for one in these if one.has_answer]
        unanswered = [one for one in these if not one.has_answer]
        found = sum(one.reviewed for one in answered)
        matched = sum(one.matched for one in answered)
        wrong = sum(len(one.wrong) for one in these)
        reviews = sum(one.decision is Decision.REVIEW for one in unanswered)
        kind = "photographs" if photo else "screenshots"
        rows.append(
            [
                size,
                kind,
                report.share(found, len(answered)),
                report.share(matched, found),
                wrong,
                report.share(reviews, len(unanswered)),
            ]
        )
        least, match = (0.995, 0.97) if photo else (0.97, 0.93)
        musts += [
            (f"{size} {kind}: {100 * least:.1f} % found", found >= least * len(answered)),
            (f"{size} {kind}: {100 * match:.0f} % of these match", matched >= match * found),
            (f"{size} {kind}: no wrong match", wrong == 0),
            (f"{size} {kind}: 2 % of the others in review", reviews <= 0.02 * max(1, len(unanswered))),
        ]
    report.table(("pictures", "asked", "found", "match of these", "wrong matches", "others in review"), rows)
    missed = Counter(one.edit for one in asked if one.has_answer and not one.matched)
    print("Not a match: " + ", ".join(f"{name} {number}" for name, number in missed.most_common()) + "\n")
    print("Wrong matches:\n")
    print("\n".join(f"- {text}" for one in asked for text in one.wrong) + "\n")
    hits = [one for one in asked if one.right is not None]
    error = abs(sum(one.confidence - bool(one.right) for one in hits)) / max(1, len(hits))
    musts.append((f"calibration error at most 0.03 ({error:.3f})", error <= 0.03))
    return report.verdict(musts)


if __name__ == "__main__":
    sys.exit(main())
