"""Is a given pair judged correctly? Edited pairs must be detected, pairs of different pictures must not be a
match.

1. Each screenshot against itself after browser bar, 10 % border, crop to 0.75, banner, 5 degrees. Must: at
least `review` for 95 % of the pairs that show something on both sides (a random crop of a nearly empty page
is blank). All pairs are counted, too. 2. 20,000 random pairs across sets, without twins (set_aside.jsonl).
Must: no `match`. Reviews are counted, too. 3. 2,000 pairs of different groups of one set (two pages of one
design system may differ in a single line). Reported without a must.

Compares through the public interface: stored pictures by id, edited ones by their bytes. One process per
core.

    python -m benchmarks.pairs --pictures DIR [--sample] [--store URL] [--edits NAME,...] [--screenshots N]
        [--across N] [--template N] [--out FILE]
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from douglas_quaid import Engine
from douglas_quaid.evaluation.edits import edit, opened, png

from . import report
from .corpus import (
    PARTIAL,
    PHOTOS,
    Corpus,
    Item,
    has_ink,
    pairs_across_sets,
    pairs_of_one_template,
    spread_screenshots,
)
from .filled_store import add_argument, filled_store

MUST = 0.95
#: Maximum number of errors that are printed; --out contains all.
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict about a pair."""

    #: Name of the edit, or "across", or "template".
    stratum: str
    #: File of the query.
    query: str
    #: File of the reference.
    reference: str
    #: Set of the query.
    set: str
    #: Decision.
    decision: str
    #: Relation, if any.
    relation: str | None
    #: Confidence, 0 to 1.
    confidence: float
    #: The evidence in words.
    sentence: str
    #: The evidence.
    evidence: dict[str, object]
    #: Duration of the comparison.
    seconds: float
    #: Whether one side shows almost nothing: a blank original (set_aside.jsonl), or an edit that left
    #: nothing.
    blank: bool


@dataclass(frozen=True, slots=True)
class Job:
    """A pair to compare."""

    #: Name of the edit of the query, or "across", or "template".
    stratum: str
    #: The query.
    query: Item
    #: The reference.
    reference: Item


def main() -> int:
    parser = report.arguments(__doc__)
    add_argument(parser)
    parser.add_argument(
        "--edits", default=",".join(PARTIAL), help="comma-separated names from edits.EDITS; empty for none"
    )
    parser.add_argument("--screenshots", type=int, default=0, help="number of screenshots to edit, 0 for all")
    parser.add_argument(
        "--photos", type=int, default=0, help="number of photographs to edit, too (reported without a must)"
    )
    parser.add_argument("--across", type=int, default=20_000, help="number of pairs across sets")
    parser.add_argument(
        "--template", type=int, default=2_000, help="number of pairs of different groups of one set"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, help="write every outcome as a line of JSON")
    options = parser.parse_args()
    if options.sample:
        options.screenshots, options.across, options.template = (
            options.screenshots or 60,
            min(1_000, options.across),
            min(300, options.template),
        )
    corpus = Corpus.load(options.pictures)
    jobs = list(edited_jobs(corpus, options.edits, options.screenshots, options.photos, options.seed))
    jobs += [Job("across", *pair) for pair in pairs_across_sets(corpus, options.across, options.seed)]
    jobs += [Job("template", *pair) for pair in pairs_of_one_template(corpus, options.template, options.seed)]
    report.heading(f"Pairs: {len(jobs):,} comparisons", options)
    needed = {item.file: item for job in jobs for item in (job.query, job.reference)}
    with filled_store(corpus, list(needed.values()), options.store) as url:
        began = time.perf_counter()
        with ProcessPoolExecutor(
            options.processes,
            mp_context=get_context("spawn"),
            initializer=_start,
            initargs=(url, options.pictures),
        ) as pool:
            outcomes = report.collected(pool.map(_judge, jobs, chunksize=20), len(jobs), options.out)
        print(
            f"{len(jobs):,} comparisons in {time.perf_counter() - began:.0f} s by {options.processes} "
            "processes.\n"
        )
    return print_outcomes(outcomes)


def edited_jobs(corpus: Corpus, names: str, screenshots: int, photos: int, seed: int) -> list[Job]:
    chosen = list(corpus.screenshots) if screenshots == 0 else spread_screenshots(corpus, screenshots, seed)
    chosen += random.Random(seed).sample(corpus.photos, min(photos, len(corpus.photos)))
    return [Job(name, item, item) for item in chosen for name in names.split(",") if name]


#: This process's engine and corpus, opened once by _start.
_opened: list[tuple[Engine, Corpus]] = []


def _start(url: str, pictures: Path) -> None:
    import cv2

    cv2.setNumThreads(1)  # a process per core is enough
    _opened.append((Engine.open(url).__enter__(), Corpus.load(pictures)))


def _judge(job: Job) -> Outcome:
    engine, corpus = _opened[0]
    reference = corpus.image_id(job.reference)
    query: bytes | str = corpus.image_id(job.query)
    blank = not corpus.blank.isdisjoint((job.query.file, job.reference.file))
    if job.stratum not in ("across", "template"):
        picture = edit(job.stratum, opened(corpus.folder / job.query.file), seed=job.query.file)
        query, blank = png(picture), blank or not has_ink(picture)
    began = time.perf_counter()
    hit = engine.compare(query, reference)
    seconds = time.perf_counter() - began
    return Outcome(
        stratum=job.stratum,
        query=job.query.file,
        reference=job.reference.file,
        set=job.query.set,
        decision=hit.decision.value,
        relation=hit.relation.value if hit.relation else None,
        confidence=round(hit.confidence, 4),
        sentence=hit.sentence,
        evidence={
            name: value
            for name, value in asdict(hit.evidence).items()
            if name != "matrix" and value is not None
        },
        seconds=round(seconds, 4),
        blank=blank,
    )


def print_outcomes(outcomes: Sequence[Outcome]) -> int:
    musts: list[tuple[str, bool]] = []
    edited = [outcome for outcome in outcomes if outcome.stratum not in ("across", "template")]
    shots = [outcome for outcome in edited if outcome.set != PHOTOS]
    if shots:
        sets = sorted({outcome.set for outcome in shots})
        rows = []
        for name in dict.fromkeys(outcome.stratum for outcome in shots):
            every = [outcome for outcome in shots if outcome.stratum == name]
            these = [outcome for outcome in every if not outcome.blank]
            parts = [_seen([outcome for outcome in these if outcome.set == set_]) for set_ in sets]
            rows.append((name, _seen(these), _matches(these), *parts, _seen(every)))
            seen = sum(outcome.decision != "no-match" for outcome in these)
            musts.append(
                (
                    f"{name}: at least review in 95 % of pairs that show something "
                    f"({report.share(seen, len(these))})",
                    seen >= MUST * len(these),
                )
            )
        report.table(
            ("edit", "at least review", "match", *sets, "including blank ones: at least review"), rows
        )
        if photos := [outcome for outcome in edited if outcome.set == PHOTOS]:
            names = dict.fromkeys(outcome.stratum for outcome in photos)
            parts = [(name, [outcome for outcome in photos if outcome.stratum == name]) for name in names]
            report.table(
                ("edit, photographs", "at least review", "match"),
                [(name, _seen(these), _matches(these)) for name, these in parts],
            )
        _print_list(
            "Edited pairs that show something, judged no-match",
            [o for o in edited if o.decision == "no-match" and not o.blank],
        )
    strata = (("across", "different sets"), ("template", "different groups of one set"))
    rows = []
    for stratum, words in strata:
        these = [outcome for outcome in outcomes if outcome.stratum == stratum]
        for set_ in ["all", *(sorted({outcome.set for outcome in these}) if stratum == "template" else ())]:
            part = [outcome for outcome in these if set_ in ("all", outcome.set)]
            relations = Counter(
                outcome.relation or "none" for outcome in part if outcome.decision != "no-match"
            )
            listed = ", ".join(f"{name} {count}" for name, count in relations.most_common())
            rows.append((f"{words}, {set_}", len(part), _matches(part), _reviews(part), listed or "-"))
    report.table(
        ("pairs of different pictures", "pairs", "match", "review", "relations of match and review"), rows
    )
    for stratum, words in strata:
        _print_list(
            f"Not no-match, {words}",
            [
                outcome
                for outcome in outcomes
                if outcome.stratum == stratum and outcome.decision != "no-match"
            ],
        )
    across = [outcome for outcome in outcomes if outcome.stratum == "across"]
    if across:
        false = sum(outcome.decision == "match" for outcome in across)
        musts.append((f"no match in {len(across):,} pairs across sets ({false})", false == 0))
    return report.verdict(musts)


def _seen(outcomes: Sequence[Outcome]) -> str:
    return report.share(sum(outcome.decision != "no-match" for outcome in outcomes), len(outcomes))


def _matches(outcomes: Sequence[Outcome]) -> str:
    return report.share(sum(outcome.decision == "match" for outcome in outcomes), len(outcomes))


def _reviews(outcomes: Sequence[Outcome]) -> str:
    return report.share(sum(outcome.decision == "review" for outcome in outcomes), len(outcomes))


def _print_list(title: str, outcomes: Sequence[Outcome]) -> None:
    if outcomes:
        first = sorted(outcomes, key=lambda outcome: (outcome.decision, -outcome.confidence))[:SHOWN]
        print(f"{title}: {len(outcomes)}{f', the first {SHOWN}' if len(outcomes) > SHOWN else ''}\n")
        names = [
            f"{o.stratum}: {o.query}" + (f" - {o.reference}" if o.reference != o.query else "") for o in first
        ]
        decisions = [f"{o.decision} {o.relation} {o.confidence}" for o in first]
        report.table(
            ("pair", "decision", "why"), zip(names, decisions, [o.sentence for o in first], strict=True)
        )


if __name__ == "__main__":
    sys.exit(main())
