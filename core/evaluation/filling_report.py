"""The section of an evaluation's report about fillings of templates, and its numbers for programs."""

from collections.abc import Sequence
from typing import Any

from .confidence import Share
from .filling_metrics import FEW, OTHER, FillingMetrics, FillingRow
from .filling_questions import Changed
from .markdown import percent, table, with_interval

#: Heads of the tables of pairs.
PAIRS = ("pairs", "match", "review", "same-template", "with a box", "values hit", "area on changes")
#: Heads of the tables of queries.
QUERIES = ("found", "of these match", "queries with a wrong match", "queries in review")
#: How many values were replaced, in words.
WORDS = {
    Changed.NONE: "the same filling",
    Changed.ONE: "1 value",
    Changed.THREE: "3 values",
    Changed.HALF: "half of the values",
    Changed.ALL: "all values",
}


def shares(metrics: FillingMetrics) -> dict[str, Share]:
    """Return what counts most, by what it says."""
    other, same = metrics.row(*OTHER), metrics.row(Changed.NONE)
    one, three = metrics.row(Changed.ONE), metrics.row(Changed.THREE)
    personal = metrics.row(*FEW, *OTHER, personal=True)
    unboxed = Share(same.asked - same.with_box.part, same.asked)
    return {
        "half or all values changed: pairs that are a `match`": other.match,
        "half or all values changed: pairs in `review`": other.review,
        "half or all values changed: pairs that are `same-template`": other.same_template,
        "half or all values changed: queries with a wrong `match`": other.wrong,
        "half or all values changed: queries in `review`": other.query_review,
        "1 value changed: values that a box hits": one.values_hit,
        "1 value changed: area of boxes on changes": one.area,
        "1 value changed: pairs that are a `match`": one.match,
        "3 values changed: values that a box hits": three.values_hit,
        "3 values changed: area of boxes on changes": three.area,
        "3 values changed: pairs that are a `match`": three.match,
        "phrases, codes, cards, receipts, any change: pairs that are a `match`": personal.match,
        "same filling, light edit: pairs without a box": unboxed,
        "same filling, light edit: queries that find it": same.found,
        "same filling, light edit: of these `match`": same.matched,
        "known fillings that share a cluster with another": metrics.shared(Changed.NONE),
        "fillings with 1 value changed that share a cluster with another": metrics.shared(Changed.ONE),
        "fillings with 3 values changed that share a cluster with another": metrics.shared(Changed.THREE),
        "fillings with half of the values changed that share a cluster with another": metrics.shared(
            Changed.HALF
        ),
    }


def filling_section(metrics: FillingMetrics | None, left_out: Sequence[str]) -> list[str]:
    """Return the lines of the section; none for a run without fillings. `left_out`: templates that only a
    browser makes, where none is installed.
    """
    if metrics is None:
        return []
    return [
        "## Fillings of templates",
        "",
        f"{len(metrics.answered):,} pictures of {len(metrics.kinds)} templates, each compared with the "
        "filling that it was made from, and asked of the store. Other values: half of the pictures as they "
        "are, half after a light edit. A box is a region of `differences`; an area counts as on a change "
        "within 8 pixels of a value that was replaced or moved.",
        "",
        *(
            [f"Left out, because no Chromium is installed to render them: {', '.join(left_out)}.", ""]
            if left_out
            else []
        ),
        *table(("what", "share", "count", "95 % interval"), summary(metrics)),
        "### By template",
        "",
        *table(("template", "changed", *PAIRS, *QUERIES, "share a cluster"), _by_kind(metrics)),
        "### By edit",
        "",
        *table(("edit", "changed", *PAIRS, *QUERIES), _by_edit(metrics)),
    ]


def filling_json(metrics: FillingMetrics | None) -> dict[str, Any] | None:
    """Return the numbers for programs; None for a run without fillings."""
    if metrics is None:
        return None
    return {
        name.replace("`", ""): {"part": share.part, "whole": share.whole, "share": share.value}
        for name, share in shares(metrics).items()
    }


def summary(metrics: FillingMetrics) -> list[Sequence[object]]:
    """Return the rows of what counts most: words, share, count, 95 % interval."""
    rows: list[Sequence[object]] = []
    for name, share in shares(metrics).items():
        # Pixels of an area are no independent samples, so they have no interval
        value, count, interval = with_interval(share)
        rows.append((name, value, *(("-", "-") if "area" in name else (count, interval))))
    return rows


def _by_kind(metrics: FillingMetrics) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = []
    for kind in metrics.kinds:
        for changed in Changed:
            row = metrics.row(changed, kind=kind)
            if row.asked:
                shared = metrics.shared(changed, kind)
                joined = f"{shared.part} of {shared.whole}" if shared.whole else "-"
                rows.append((kind, WORDS[changed], *_cells(row), joined))
    return rows


def _by_edit(metrics: FillingMetrics) -> list[Sequence[object]]:
    return [
        (edit or "(as it is)", WORDS[changed], *_cells(row))
        for changed in Changed
        for edit in metrics.edits
        if (row := metrics.row(changed, edit=edit)).asked
    ]


def _cells(row: FillingRow) -> Sequence[object]:
    pairs = (row.match.part, row.review.part, row.same_template.part, row.with_box.part)
    queries = (percent(row.found), percent(row.matched), row.wrong.part, row.query_review.part)
    return (row.asked, *pairs, percent(row.values_hit), percent(row.area), *queries)
