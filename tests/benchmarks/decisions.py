"""Can the answers be trusted? Runs `quaid evaluate` on the development pictures and on the larger set, and
compares the result with the targets.

Two runs on one store that contains both sets: the development pictures (edits, versions, clones, phishing
pairs), then the larger set, with its unanswered pages and pictures as queries (false matches, reviews, pages
of one site). Queries come from the reporting part only.

    python -m benchmarks.decisions --pictures DIR --larger DIR [--store URL] [--screenshots N]
        [--larger-screenshots N] [--photos N] [--unanswered N] [--processes N] [--resume | --read] --out DIR
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid.cli.terminal import with_progress
from douglas_quaid.evaluation import edits, strata
from douglas_quaid.evaluation.confidence import Share
from douglas_quaid.evaluation.filling_metrics import filling_metrics
from douglas_quaid.evaluation.markdown import percent, table
from douglas_quaid.evaluation.metrics import Metrics, metrics_of_runs
from douglas_quaid.evaluation.queries import SampleSizes
from douglas_quaid.evaluation.report import totals, write_report
from douglas_quaid.evaluation.results import HEADER
from douglas_quaid.evaluation.run import RunPlan, run
from douglas_quaid.evaluation.split import Split, Subset
from douglas_quaid.store.embedded import given_or_throwaway

#: Development sets of one design each, by the part to which they belong.
FIT, REPORT = frozenset({"nhsuk", "jupyterlab"}), frozenset({"siemens", "streamlit"})
EACH = ("browser_bar", "banner", "crop_75", "border_10", "rotate_5", "rotate_90", "mirror")
HARD = ("crop_50", "embed_40")
PROPOSED = ("browser_bar", "border_10", "crop_75", "banner", "rotate_5", "rotate_90")


@dataclass(frozen=True, slots=True)
class Target:
    """A target and its outcome."""

    #: What is measured.
    what: str
    #: The target.
    wanted: str
    #: The outcome.
    measured: str
    #: Whether the target was met.
    met: bool


def main() -> int:
    options = _options()
    folders = [options.out / name for name in ("development", "larger")]
    if not options.read:
        _run(options, *folders)
    header = json.loads((folders[0] / HEADER).read_text())
    both = metrics_of_runs([folder for folder in folders if (folder / HEADER).exists()], edits.SUITE)
    print(
        f"{header['indexed']:,} images indexed; calibration {header['calibration']}, commit "
        f"{header['commit']}, seed {header['seed']}\n"
    )
    met = [_print("Must", _musts(both, header["indexed"])), _print("Aim", _aims(both))]
    print("\n".join(_beside(both)))
    return 0 if met[0] else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pictures", type=Path, required=True, help="development pictures: a folder with groups.jsonl"
    )
    parser.add_argument("--larger", type=Path, required=True, help="the larger set (larger_set.py)")
    parser.add_argument("--store", help="store to use and keep (default: a temporary embedded one)")
    parser.add_argument("--screenshots", type=int, default=60)
    parser.add_argument(
        "--larger-screenshots",
        type=int,
        default=0,
        help="number of pages of the larger set that are edited and queried, too",
    )
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--unanswered", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="continue a run that was stopped")
    parser.add_argument(
        "--read", action="store_true", help="only print the results in --out, also of a run in progress"
    )
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def _run(options: argparse.Namespace, development: Path, larger: Path) -> None:
    split = Split(FIT, REPORT)
    asked = (
        SampleSizes(options.screenshots, options.photos, 0, 2),
        SampleSizes(options.larger_screenshots, 0, options.unanswered, 0),
    )
    plans = (
        (
            development,
            RunPlan(
                options.pictures, (options.larger,), Subset.REPORT, split, edits.SUITE, asked[0], options.seed
            ),
        ),
        (
            larger,
            RunPlan(
                options.larger, (options.pictures,), Subset.REPORT, split, edits.SUITE, asked[1], options.seed
            ),
        ),
    )
    with given_or_throwaway(options.store) as url:
        for out, plan in plans:
            done = run(
                plan,
                out,
                store=url,
                processes=options.processes,
                resume=options.resume,
                progress=with_progress,
            )
            metrics, fillings = metrics_of_runs([out], edits.SUITE), filling_metrics(out)
            write_report(done, metrics, fillings)
            (out / "totals.json").write_text(json.dumps(totals(done, metrics, fillings), indent=1) + "\n")
            for failure in done.failures:
                print(f"failed: {failure.file}: {failure.message}", file=sys.stderr)


def _musts(found: Metrics, indexed: int) -> Iterator[Target]:
    yield Target("images indexed", "10,000", f"{indexed:,}", indexed >= 10_000)
    count = len([name for name in found.edits(strata.SCREENSHOTS) if name in edits.SUITE])
    yield _least(
        f"screenshots: mean share found over {count} edits", found.mean_found(strata.SCREENSHOTS), 0.96
    )
    yield _least("photographs, likewise", found.mean_found(strata.PHOTOGRAPHS), 0.97)
    for name in EACH:
        yield _least(f"screenshots, {name}: found", _row(found, strata.SCREENSHOTS, name, "found"), 0.98)
    edited = found.together(strata.SCREENSHOTS, strata.PHOTOGRAPHS)
    yield _least("share of match in what is found", edited.matched.value, 0.95)
    without = found.together(strata.UNANSWERED)
    wrong = f"{without.false_matches.part} in {without.asked:,}" if without.asked else "-"
    yield Target(
        "queries without an answer: false matches",
        "0 in 10,000",
        wrong,
        without.asked >= 10_000 and not without.false_matches.part,
    )
    pages = found.pages_as_they_are
    yield _most(
        "pages of one site with a transform: match", pages.match.value, 0.005, f" of {pages.accepted:,}"
    )
    yield _most("queries ending in review, four in five without an answer", found.review_in_life, 0.02)
    yield _most(
        "calibration error over all verified pairs with a label",
        found.all_pairs.error,
        0.02,
        f" of {found.all_pairs.pairs:,}",
        digits=4,
    )
    yield _least(
        "correct at a confidence of 0.99 and more",
        found.all_pairs.sure.value,
        0.99,
        f" of {found.all_pairs.sure.whole:,}",
    )
    linked = found.linked
    hits = sum(count for relation, count in linked.wrong.items() if relation != "same-template")
    layouts = linked.wrong.get("same-template", 0)
    shown = f"{sum(linked.found.values())} of {linked.pairs}; {hits}, and {layouts} listed as same-template"
    yield Target(
        "phishing pairs found, whatever the relation; wrong hits",
        "5; 0",
        shown,
        sum(linked.found.values()) == 5 and not hits,
    )


def _aims(found: Metrics) -> Iterator[Target]:
    yield _least("screenshots: mean share found", found.mean_found(strata.SCREENSHOTS), 0.98)
    yield _least("photographs: mean share found", found.mean_found(strata.PHOTOGRAPHS), 0.99)
    for name in HARD:
        yield _least(f"screenshots, {name}: found", _row(found, strata.SCREENSHOTS, name, "found"), 0.9)
    for name in PROPOSED:
        yield _least(
            f"screenshots, {name}: correct picture among 50 candidates (this index; words.py has 100,000)",
            _row(found, strata.SCREENSHOTS, name, "at_50"),
            0.99,
        )


def _beside(found: Metrics) -> list[str]:
    """Return what the targets do not cover and a reader should see."""
    pages, design, everything = found.after_edits, found.of_one_design, found.together()
    rows = [
        (
            "screenshots and tall pages: mean share found",
            percent(found.mean_found(strata.SCREENSHOTS, strata.TALL)),
        ),
        ("low texture: found", percent(found.together(strata.LOW_TEXTURE).found)),
        (
            "versions of a page: found",
            percent(found.together(strata.VERSIONS).found),
        ),
        ("clones: found", percent(found.together(strata.CLONES).found)),
        ("pages of one site, one edited: match", f"{percent(pages.match)} of {pages.accepted:,}"),
        (
            "pictures of one design, perhaps one page: match",
            f"{percent(design.match)} of {design.accepted:,}",
        ),
        (
            "calibration error of pairs with a transform",
            f"{found.mapped_pairs.error or 0:.4f} of {found.mapped_pairs.pairs:,}",
        ),
        ("false matches, all queries", f"{everything.false_matches.part} in {everything.asked:,}"),
        (
            "review: with an answer, without an answer",
            ", ".join(percent(found.together(*names).review) for names in (strata.EDITED, strata.WITHOUT)),
        ),
        (
            "review, without an answer: pages of a site that is indexed, all others",
            ", ".join(_reviews(found, name) for name in (strata.SAME_SITE, strata.UNANSWERED)),
        ),
    ]
    return ["## Further numbers", "", *table(("what", "measured"), rows)]


def _reviews(found: Metrics, stratum: str) -> str:
    row = found.together(stratum)
    return f"{percent(row.review)} of {row.asked:,}" if row.asked else "-"


def _row(found: Metrics, stratum: str, edit: str, name: str) -> float | None:
    share: Share = sum(
        (getattr(row, name) for row in found.rows if (row.stratum, row.edit) == (stratum, edit)), Share(0, 0)
    )
    return share.value


def _least(what: str, value: float | None, wanted: float, more: str = "") -> Target:
    return Target(what, f"{100 * wanted:g} %", percent(value) + more, value is not None and value >= wanted)


def _most(what: str, value: float | None, wanted: float, more: str = "", digits: int = 0) -> Target:
    shown = percent(value) if not digits or value is None else f"{value:.{digits}f}"
    return Target(
        what,
        f"at most {wanted if digits else f'{100 * wanted:g} %'}",
        shown + more,
        value is not None and value <= wanted,
    )


def _print(title: str, targets: Iterator[Target]) -> bool:
    listed: Sequence[Target] = list(targets)
    rows = [
        (target.what, target.wanted, target.measured, "met" if target.met else "**NOT met**")
        for target in listed
    ]
    print("\n".join([f"## {title}", "", *table(("what", "target", "measured", ""), rows)]))
    return all(target.met for target in listed)


if __name__ == "__main__":
    sys.exit(main())
