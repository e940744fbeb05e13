"""The report of an evaluation as Markdown, and its totals as one JSON object. Says what was measured; passes
no judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from . import strata
from .metrics import SURE, ConfidenceMetrics, Metrics, MetricsRow, SameSite, Share
from .run import FinishedRun

COLUMNS = (
    "edit",
    "asked",
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


def markdown(ran: FinishedRun, measures: Metrics, errors: Sequence[tuple[str, str]]) -> str:
    """The whole report; `errors`: pictures of the worst errors, relative to it, and what they show."""
    return (
        "\n".join(
            [
                *_head(ran, measures),
                *_rows(measures),
                *_calibration(measures),
                *_pages(measures),
                *_errors(ran, errors),
            ]
        )
        + "\n"
    )


def totals(ran: FinishedRun, measures: Metrics) -> dict[str, Any]:
    """The numbers of a run for programs; shares are 0 to 1, null where nothing was asked."""
    return {
        "run": ran.header,
        "images_searched": ran.indexed,
        "queries": sum(row.asked for row in measures.rows),
        "failed": len(ran.failures),
        "mean_found": {
            name: _rounded(measures.mean_found(name)) for name in strata.ANSWERED if measures.stratum(name)
        },
        "strata": {name: _row_json(row) for name in strata.ORDER if (row := measures.stratum(name))},
        "edits": [{"stratum": row.stratum} | _row_json(row) for row in measures.rows],
        "false_matches": {
            "all": _share_json(measures.false_matches),
            "without_answer": _share_json(measures.false_matches_without),
        },
        "review": {
            "answered": _rounded(measures.review_answered),
            "without_answer": _rounded(measures.review_without),
            "four_in_five_without": _rounded(measures.review_in_life),
        },
        "calibration": {
            "all_pairs": _calibrated_json(measures.all_pairs),
            "pairs_with_a_map": _calibrated_json(measures.mapped_pairs),
        },
        "same_site": {
            "as_they_are": _site_json(measures.pages_as_they_are),
            "after_edits": _site_json(measures.after_edits),
            "of_one_design": _site_json(measures.of_one_design),
        },
        "linked": {
            "pairs": measures.linked.pairs,
            "found": measures.linked.found,
            "others": measures.linked.others,
            "wrong": measures.linked.wrong,
        },
        "seconds": {"median": measures.seconds[0], "p99": measures.seconds[1]},
    }


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    cells = [" | ".join(str(cell) for cell in row) for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {row} |" for row in cells), ""]


def percent(share: Share | float | None) -> str:
    value = share.value if isinstance(share, Share) else share
    return "-" if value is None else f"{100 * value:.1f} %"


def _head(ran: FinishedRun, measures: Metrics) -> list[str]:
    header = ran.header
    asked = sum(row.asked for row in measures.rows)
    return [
        "# Evaluation",
        "",
        f"{asked:,} queries among {ran.indexed:,} images; part `{header['part']}` of {header['source']}, seed {header['seed']}, calibration "
        f"`{header['calibration']}`, version {header['version']}{', commit ' + header['commit'] if header['commit'] else ''}.",
        "",
        *table(
            ("what", "measured"),
            [
                *(
                    (
                        f"{name}: mean share found over {len(measures.edits(name))} edits",
                        percent(measures.mean_found(name)),
                    )
                    for name in strata.ANSWERED
                ),
                ("of what is found after edits, answered `match`", percent(_sum(measures, "matched"))),
                (
                    "hits answered `match` that are wrong, all queries",
                    f"{measures.false_matches.part} in {measures.false_matches.whole:,}",
                ),
                (
                    "... queries without an answer",
                    f"{measures.false_matches_without.part} in {measures.false_matches_without.whole:,}",
                ),
                ("queries ending in `review`: edited ones", percent(measures.review_answered)),
                ("... without an answer", percent(measures.review_without)),
                ("... four in five without an answer", percent(measures.review_in_life)),
                (
                    "median and 99 % of a query, side by side with others",
                    f"{measures.seconds[0]:.3f} s, {measures.seconds[1]:.3f} s",
                ),
            ],
        ),
        "Found: the first hit is right, `match` or `review`. Candidate, @1, @8, @50: a right picture is among the (first 1, 8, 50) verified. Given the pair:",
        "the edited picture against its source, whether that was a candidate or not, is at least `review`.",
        "",
    ]


def _sum(measures: Metrics, name: str) -> Share:
    return sum((getattr(row, name) for row in measures.rows if row.stratum in strata.ANSWERED), Share(0, 0))


def _rows(measures: Metrics) -> list[str]:
    lines = []
    for name in strata.ORDER:
        rows = [row for row in measures.rows if row.stratum == name]
        if rows:
            together = [measures.stratum(name)] if len(rows) > 1 else []
            lines += [
                f"## {name[0].upper()}{name[1:]}",
                "",
                *table(COLUMNS, [_cells(row) for row in (*rows, *together) if row]),
            ]
    return lines


def _cells(row: MetricsRow) -> tuple[object, ...]:
    shares = (row.proposed, row.at_1, row.at_8, row.at_50, row.judged, row.found, row.matched, row.review)
    return (row.edit or "(as it is)", row.asked, *(percent(share) for share in shares), row.false_matches)


def _calibration(measures: Metrics) -> list[str]:
    kinds = (
        ("all verified pairs with a label", measures.all_pairs),
        ("... those with a map from one to the other", measures.mapped_pairs),
    )
    rows = [
        (
            name,
            f"{found.pairs:,}",
            _number(found.brier),
            _number(found.error),
            f"{percent(found.sure)} of {found.sure.whole:,}",
        )
        for name, found in kinds
    ]
    curve = [
        (
            f"{bin_.low:.2f} to {bin_.high:.2f}",
            f"{bin_.pairs:,}",
            f"{bin_.confidence:.3f}",
            f"{bin_.right:.3f}",
        )
        for bin_ in measures.all_pairs.bins
    ]
    return [
        "## Confidence",
        "",
        *table(("pairs", "count", "Brier score", "calibration error", f"right at {SURE} and more"), rows),
        "![Confidence and share right](reliability.png)",
        "",
        *table(("confidence", "pairs", "mean confidence", "share right"), curve),
    ]


def _pages(measures: Metrics) -> list[str]:
    found = (
        ("pages as they are", measures.pages_as_they_are),
        ("one of them edited", measures.after_edits),
        ("of one design, perhaps two states of one page", measures.of_one_design),
    )
    rows = [
        (name, f"{one.judged:,}", f"{one.accepted:,}", percent(one.match), percent(one.review))
        for name, one in found
    ]
    lines = [
        "## Pairs of pages of one site",
        "",
        *table(("pairs", "judged", "geometry accepts", "of these match", "of these review"), rows),
    ]
    if measures.linked.pairs:
        linked = measures.linked
        lines += ["## Pairs that a person drew", ""]
        lines += table(
            ("pairs", "count", "by relation"),
            [
                ("linked", linked.pairs, _relations(linked.found)),
                ("others", linked.others, _relations(linked.wrong)),
            ],
        )
        lines += [
            "Each pair is judged both ways, as against a baseline collection, and the stronger relation counts; `same-template` is no hit.",
            "",
        ]
    return lines


def _relations(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _errors(ran: FinishedRun, errors: Sequence[tuple[str, str]]) -> list[str]:
    lines = (
        ["## Worst errors", "", *(f"- [{name}]({name}): {text}" for name, text in errors), ""]
        if errors
        else []
    )
    if ran.failures:
        lines += [
            "## Pictures that could not be used",
            "",
            *(f"- {failure.file}: {failure.message}" for failure in ran.failures),
            "",
        ]
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _share_json(share: Share) -> dict[str, Any]:
    return {"part": share.part, "whole": share.whole, "share": _rounded(share.value)}


def _row_json(row: MetricsRow) -> dict[str, Any]:
    names = ("proposed", "at_1", "at_8", "at_50", "judged", "found", "matched", "review")
    shares = {name: _rounded(getattr(row, name).value) for name in names}
    return {"edit": row.edit, "asked": row.asked, **shares, "false_matches": row.false_matches}


def _calibrated_json(found: ConfidenceMetrics) -> dict[str, Any]:
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
