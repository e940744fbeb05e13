"""Makes a small frozen sample of labelled evidence. Tests compare the shipped calibration with it, so that it
cannot get worse unnoticed.

Takes runs of `quaid evaluate` over the reporting part, writes lines of JSON without pictures to
tests/data/pairs.jsonl: queries with an answer and without one, drawn by the seed, and also the hardest ones
without (by the shipped calibration). Sentences and verdicts are dropped and numbers rounded; the evidence
stays.

    python -m benchmarks.fixture [--questions N] [--hardest N] [--candidates N] [--seed N] [--out FILE] RUN...
"""

from __future__ import annotations

import argparse
import random
from dataclasses import fields, replace
from pathlib import Path

from support.records import write_records

from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.evaluation.results import PAIRS, LabelledPair, group_by_query, read_pairs
from douglas_quaid.records import Decision, Evidence, Verdict

OUT = Path(__file__).resolve().parents[1] / "data" / "pairs.jsonl"
DIGITS = 4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument(
        "--questions", type=int, default=120, help="number of queries with an answer, and of those without"
    )
    parser.add_argument(
        "--hardest",
        type=int,
        default=20,
        help="number of the hardest queries without an answer, added to these",
    )
    parser.add_argument(
        "--candidates",
        type=int,
        default=3,
        help="pairs kept of each query: those with a transform first, in their order",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    groups = [
        group
        for run in options.runs
        for group in group_by_query(read_pairs(run / PAIRS if run.is_dir() else run))
    ]
    groups = [[pair for pair in group if pair.label is not None and pair.place >= 0] for group in groups]
    rng = random.Random(options.seed)
    answered = [group for group in groups if any(pair.label for pair in group)]
    without = [group for group in groups if group and not any(pair.label for pair in group)]
    chosen = [
        group for kind in (answered, without) for group in rng.sample(kind, min(options.questions, len(kind)))
    ]
    chosen += sorted((group for group in without if group not in chosen), key=_best, reverse=True)[
        : options.hardest
    ]
    kept = [pair for group in chosen for pair in _first(group, options.candidates)]
    options.out.parent.mkdir(exist_ok=True)
    write_records(options.out, kept)
    print(
        f"{len(kept)} pairs of {len(chosen)} queries, {options.out.stat().st_size:,} bytes in {options.out}"
    )


def _best(group: list[LabelledPair]) -> float:
    return max(shipped().probability(pair.verdict.evidence) for pair in group)


def _first(group: list[LabelledPair], count: int) -> list[LabelledPair]:
    """Return the correct pair, then those with a transform, then the others, with new ranks."""
    order = sorted(
        group, key=lambda pair: (not pair.label, pair.verdict.evidence.matrix is None, pair.place)
    )[:count]
    return [replace(pair, place=place, verdict=_bare(pair.verdict)) for place, pair in enumerate(order)]


def _bare(verdict: Verdict) -> Verdict:
    measured = {field.name: getattr(verdict.evidence, field.name) for field in fields(Evidence)}
    rounded = {
        name: round(value, DIGITS) if isinstance(value, float) else value for name, value in measured.items()
    }
    matrix = verdict.evidence.matrix
    evidence = Evidence(
        **rounded | {"matrix": None if matrix is None else tuple(round(value, DIGITS) for value in matrix)}
    )
    return Verdict(Decision.NO_MATCH, None, 0.0, evidence, "fixture", "")


if __name__ == "__main__":
    main()
