"""How often is another filling of a template called the same, and are the changed values shown?

Reads a run of `quaid evaluate --fillings`, prints what counts most of it, and asks other systems about the
same pairs, each at its published limit: PDQ within 31 bits, pHash within 8, ORB with 8 inliers of one
transform, and perception (SIFT), if --perception-python names a Python that has it. A pair is a picture with
other values, as it is or after a light edit, and the filling that it was made from.

    quaid evaluate DATASET --part report --fillings 20 --out RUN
    python -m benchmarks.other_fillings --run RUN [--perception-python PYTHON] [--sample]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

from douglas_quaid.evaluation import edits
from douglas_quaid.evaluation.confidence import NOTHING, Share
from douglas_quaid.evaluation.filling_metrics import FEW, OTHER, FillingMetrics, filling_metrics
from douglas_quaid.evaluation.filling_questions import Changed, FillingQuestion
from douglas_quaid.evaluation.filling_report import WORDS, summary

from . import report
from .peers_systems import LIMITS, OURS, InProcess, Perception, orb, pdq, phash

#: Number of pairs of a sample.
SAMPLE = 20
#: Edits after which a filling has no box, in so many of a hundred cases.
UNBOXED = 95


def main() -> int:
    """Run the benchmark, and return its exit status."""
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--run", type=Path, required=True, help="output of quaid evaluate --fillings")
    parser.add_argument("--perception-python", type=Path, help="Python of an environment with perception")
    options = parser.parse_args()
    report.heading("Other fillings of a template", options)
    metrics = filling_metrics(options.run)
    if metrics is None:
        parser.error(f"{options.run} has no fillings: quaid evaluate --fillings N makes them")
    kinds = ", ".join(metrics.kinds)
    print(f"{len(metrics.answered):,} pairs and queries; {len(metrics.kinds)} templates: {kinds}.\n")
    report.table(
        ("what", "share", "count", "95 % interval"),
        summary(metrics),
    )
    questions = [each.question for each in metrics.answered]
    systems: list[InProcess | Perception] = [pdq(), phash(), orb()]
    if options.perception_python is not None:
        systems.append(Perception(options.perception_python))
    step = max(1, len(questions) // SAMPLE) if options.sample else 1
    same = _asked(systems, questions[::step], options.run)
    _print_peers(metrics, same)
    return _verdict(metrics)


def _asked(
    systems: list[InProcess | Perception], questions: list[FillingQuestion], run: Path
) -> dict[tuple[str, Changed], Share]:
    """Return how many pairs each system calls the same, after each kind of change."""
    counts: dict[tuple[str, Changed], Share] = defaultdict(lambda: NOTHING)
    described: set[str] = set()
    for number, question in enumerate(questions):
        picture = edits.opened(run / question.query)
        edited = edits.edit(question.edit, picture, question.query) if question.edit else picture
        known = question.reference not in described
        described.add(question.reference)
        for system in systems:
            if known:
                system.describe(question.reference, (run / question.reference).read_bytes())
            system.describe("query", edits.png(edited))
            scores = system.compare("query", question.reference)
            same = scores[0] >= LIMITS[system.name][0].published
            counts[system.name, question.changed] += Share(int(same), 1)
        if number % 50 == 0:
            print(f"{number} of {len(questions)}", file=sys.stderr, flush=True)
    return counts


def _print_peers(metrics: FillingMetrics, same: dict[tuple[str, Changed], Share]) -> None:
    names = [*dict.fromkeys(name for name, _ in same), OURS]
    for changed in Changed:
        same[OURS, changed] = metrics.row(changed).match
    rows = []
    for name in names:
        other = sum((same.get((name, changed), NOTHING) for changed in OTHER), NOTHING)
        shown = [*(same.get((name, changed), NOTHING) for changed in (Changed.NONE, *FEW)), other]
        cells = [report.share(share.part, share.whole) for share in shown]
        rows.append((name, LIMITS[name][0].words, *cells))
    print("Pairs that each system calls the same:\n")
    heads = [WORDS[changed] for changed in (Changed.NONE, *FEW)]
    report.table(("system", "limit", *heads, "half or all values"), rows)


def _verdict(metrics: FillingMetrics) -> int:
    other, same = metrics.row(*OTHER), metrics.row(Changed.NONE)
    one, three = metrics.row(Changed.ONE), metrics.row(Changed.THREE)
    personal = metrics.row(*FEW, *OTHER, personal=True)
    joined = sum((metrics.shared(changed) for changed in Changed), NOTHING)

    def at_least(share: Share, least: float) -> bool:
        return (share.value or 0.0) >= least

    def at_most(share: Share, most: float) -> bool:
        return (share.value or 0.0) <= most

    unboxed = [metrics.row(Changed.NONE, edit=edit) for edit in metrics.edits if edit]
    return report.verdict(
        [
            ("half or all values changed: `match` at most 1 in 1,000 pairs", at_most(other.match, 0.001)),
            ("and queries", at_most(other.wrong, 0.001)),
            ("`review` at most 10 % of pairs", at_most(other.review, 0.1)),
            ("and of queries", at_most(other.query_review, 0.1)),
            ("one changed value is hit in 85 %", at_least(one.values_hit, 0.85)),
            ("three changed values are hit in 92 %", at_least(three.values_hit, 0.92)),
            ("80 % of the area of boxes lies on changes", at_least(one.area + three.area, 0.8)),
            (
                f"{UNBOXED} % of edited pictures without a box, after each edit",
                all(at_most(row.with_box, 1 - UNBOXED / 100) for row in unboxed),
            ),
            ("phrases, codes, cards, receipts: no `match`", personal.match.part == 0),
            ("edited: 98 % found", at_least(same.found, 0.98)),
            ("of these 95 % `match`", at_least(same.matched, 0.95)),
            ("no cluster holds two fillings", joined.part == 0),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
