"""The report of an evaluation as Markdown, and its totals as one JSON object: what was measured, without
judgement.
"""

from collections.abc import Sequence
from typing import Any

from ..config import Config
from . import strata
from .confidence import BINS, SURE, ConfidenceMetrics, Share
from .error_gallery import draw_errors, find_errors
from .filling_metrics import FillingMetrics
from .filling_report import filling_json, filling_section
from .markdown import percent, table
from .metrics import SHARES, Metrics, MetricsRow, SameSite
from .reliability_diagram import draw_reliability
from .results import ANSWERS, PAIRS, read_outcomes, read_pairs
from .run import FinishedRun

#: Name of the report in the folder of a run.
REPORT = "report.md"
#: Name of the reliability diagram in the folder of a run.
DIAGRAM = "reliability.png"
#: Heads of the tables of queries: edit, queries, the shares in the order of `metrics.SHARES`, wrong hits.
COLUMNS = (
    "edit",
    "queries",
    "candidate",
    "@1",
    "@8",
    "@50",
    "given the pair",
    "found",
    "of these match",
    "review",
    "false match",
)


def write_report(done: FinishedRun, metrics: Metrics, fillings: FillingMetrics | None) -> str:
    """Write the report, the reliability diagram and the drawings of the worst errors into the folder of the
    run; return the report. Raises NotFound or ConfigError for missing or broken results.
    """
    examples = find_errors(read_outcomes(done.out / ANSWERS), read_pairs(done.out / PAIRS))
    drawings = draw_errors(examples, done.truth, Config.from_environment(), done.out)
    curves = {
        "all verified pairs": (metrics.all_pairs, "#1f5fa8"),
        "pairs with a transform": (metrics.mapped_pairs, "#b3541e"),
    }
    (done.out / DIAGRAM).write_bytes(draw_reliability(curves))
    sections = (
        _summary(done, metrics),
        _queries(metrics),
        filling_section(fillings, done.header["not_filled"]),
        _confidence(metrics),
        _pairs(metrics),
        _errors(done, drawings),
    )
    text = "\n".join(line for section in sections for line in section) + "\n"
    (done.out / REPORT).write_text(text, "utf-8")
    return text


def totals(done: FinishedRun, metrics: Metrics, fillings: FillingMetrics | None) -> dict[str, Any]:
    """Return the numbers of a run for programs; shares are 0 to 1, and null where there was no query."""
    return {
        "run": done.header,
        "images_searched": done.header["indexed"],
        "queries": metrics.together().asked,
        "failed": len(done.failures),
        "mean_found": {
            name: _rounded(metrics.mean_found(name)) for name in strata.ANSWERED if metrics.edits(name)
        },
        "strata": {name: _row_json(metrics.together(name)) for name in strata.ORDER if metrics.edits(name)},
        "edits": [{"stratum": row.stratum} | _row_json(row) for row in metrics.rows],
        "false_matches": {
            "all": _share_json(metrics.together().false_matches),
            "without_answer": _share_json(metrics.together(*strata.WITHOUT).false_matches),
        },
        "review": {
            "answered": _rounded(metrics.together(*strata.EDITED).review.value),
            "without_answer": _rounded(metrics.together(*strata.WITHOUT).review.value),
            "four_in_five_without": _rounded(metrics.review_in_life),
        },
        "calibration": {
            "all_pairs": _confidence_json(metrics.all_pairs),
            "pairs_with_a_map": _confidence_json(metrics.mapped_pairs),
        },
        "same_site": {
            "as_they_are": _site_json(metrics.pages_as_they_are),
            "after_edits": _site_json(metrics.after_edits),
            "of_one_design": _site_json(metrics.of_one_design),
        },
        "linked": {
            "pairs": metrics.linked.pairs,
            "found": metrics.linked.found,
            "others": metrics.linked.others,
            "wrong": metrics.linked.wrong,
        },
        "fillings": filling_json(fillings),
        "seconds": {"median": metrics.seconds[0], "p99": metrics.seconds[1]},
    }


def _summary(done: FinishedRun, metrics: Metrics) -> list[str]:
    header, everything, without = done.header, metrics.together(), metrics.together(*strata.WITHOUT)
    commit = f", commit {header['commit']}" if header["commit"] else ""
    return [
        "# Evaluation",
        "",
        f"{everything.asked:,} queries among {header['indexed']:,} images; part "
        f"`{header['part']}` of {header['source']}, seed {header['seed']}, calibration "
        f"`{header['calibration']}`, version {header['version']}{commit}.",
        "",
        *table(
            ("what", "measured"),
            [
                *(
                    (
                        f"{name}: mean share found over {len(metrics.edits(name))} edits",
                        percent(metrics.mean_found(name)),
                    )
                    for name in strata.ANSWERED
                ),
                (
                    "share of `match` in what is found after edits",
                    percent(metrics.together(*strata.ANSWERED).matched),
                ),
                (
                    "wrong `match` hits, all queries",
                    f"{everything.false_matches.part} in {everything.asked:,}",
                ),
                (
                    "wrong `match` hits, queries without an answer",
                    f"{without.false_matches.part} in {without.asked:,}",
                ),
                (
                    "queries ending in `review`: edited pictures",
                    percent(metrics.together(*strata.EDITED).review),
                ),
                ("queries ending in `review`: without an answer", percent(without.review)),
                (
                    "queries ending in `review`: four in five without an answer",
                    percent(metrics.review_in_life),
                ),
                (
                    "median and 99th percentile of a query, several processes at a time",
                    f"{metrics.seconds[0]:.3f} s, {metrics.seconds[1]:.3f} s",
                ),
            ],
        ),
        "Found: the first hit is correct, `match` or `review`. Candidate, @1, @8, @50: a correct picture is "
        "among the (first 1, 8, 50) verified candidates.",
        "Given the pair: the edited picture compared with its source, candidate or not, is at least "
        "`review`.",
        "",
    ]


def _queries(metrics: Metrics) -> list[str]:
    lines = []
    for name in strata.ORDER:
        rows = [row for row in metrics.rows if row.stratum == name]
        if rows:
            shown = [*rows, metrics.together(name)] if len(rows) > 1 else rows
            lines += [f"## {name[0].upper()}{name[1:]}", "", *table(COLUMNS, map(_cells, shown))]
    return lines


def _cells(row: MetricsRow) -> tuple[object, ...]:
    shares = (percent(getattr(row, name)) for name in SHARES)
    return (row.edit or "(as it is)", row.asked, *shares, row.false_matches.part)


def _confidence(metrics: Metrics) -> list[str]:
    kinds = (
        ("all verified pairs with a label", metrics.all_pairs),
        ("those with a transform", metrics.mapped_pairs),
    )
    rows = [
        (
            name,
            f"{found.pairs:,}",
            *("-" if value is None else f"{value:.4f}" for value in (found.brier, found.error)),
            f"{percent(found.sure)} of {found.sure.whole:,}",
        )
        for name, found in kinds
    ]
    curve = [
        (
            f"{bin_.low:.2f} to {bin_.low + 1 / BINS:.2f}",
            f"{bin_.pairs:,}",
            f"{bin_.confidence:.3f}",
            f"{bin_.right:.3f}",
        )
        for bin_ in metrics.all_pairs.bins
    ]
    return [
        "## Confidence",
        "",
        *table(("pairs", "count", "Brier score", "calibration error", f"correct at {SURE} and more"), rows),
        f"![Confidence and share correct]({DIAGRAM})",
        "",
        *table(("confidence", "pairs", "mean confidence", "share correct"), curve),
    ]


def _pairs(metrics: Metrics) -> list[str]:
    kinds = (
        ("pages as they are", metrics.pages_as_they_are),
        ("one of them edited", metrics.after_edits),
        ("of one design, perhaps two states of one page", metrics.of_one_design),
    )
    rows = [
        (name, f"{one.judged:,}", f"{one.accepted:,}", percent(one.match), percent(one.review))
        for name, one in kinds
    ]
    lines = [
        "## Pairs of pages of one site",
        "",
        *table(("pairs", "judged", "with a transform", "of these match", "of these review"), rows),
    ]
    linked = metrics.linked
    if linked.pairs:
        drawn = (("linked", linked.pairs, linked.found), ("others", linked.others, linked.wrong))
        lines += [
            "## Pairs that a person drew",
            "",
            *table(
                ("pairs", "count", "by relation"),
                [
                    (name, count, ", ".join(f"{one} {n}" for one, n in sorted(by.items())) or "none")
                    for name, count, by in drawn
                ],
            ),
            "Each pair is judged in both directions, as against a baseline collection, and the stronger "
            "relation counts; `same-template` is not a hit.",
            "",
        ]
    return lines


def _errors(done: FinishedRun, drawings: Sequence[tuple[str, str]]) -> list[str]:
    drawn = [f"- [{name}]({name}): {text}" for name, text in drawings]
    failed = [f"- {failure.file}: {failure.message}" for failure in done.failures]
    sections = (("Worst errors", drawn), ("Pictures that could not be used", failed))
    return [line for title, lines in sections if lines for line in (f"## {title}", "", *lines, "")]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _share_json(share: Share) -> dict[str, Any]:
    return {"part": share.part, "whole": share.whole, "share": _rounded(share.value)}


def _row_json(row: MetricsRow) -> dict[str, Any]:
    shares = {name: _rounded(getattr(row, name).value) for name in SHARES}
    return {"edit": row.edit, "asked": row.asked, **shares, "false_matches": row.false_matches.part}


def _confidence_json(found: ConfidenceMetrics) -> dict[str, Any]:
    return {
        "pairs": found.pairs,
        "brier": _rounded(found.brier),
        "error": _rounded(found.error),
        "sure": _share_json(found.sure),
    }


def _site_json(found: SameSite) -> dict[str, Any]:
    return {
        "judged": found.judged,
        "accepted": found.accepted,
        "match": _share_json(found.match),
        "review": _share_json(found.review),
    }
