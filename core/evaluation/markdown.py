"""Tables and shares in Markdown, as reports show them."""

from collections.abc import Iterable, Sequence

from .confidence import Share


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a Markdown table, with an empty line after it."""
    lines = (f"| {' | '.join(map(str, row))} |" for row in (head, *rows))
    return [next(lines), f"|{'---|' * len(head)}", *lines, ""]


def percent(share: Share | float | None) -> str:
    """Return a share as per cent with one decimal place; "-" for a share of nothing."""
    value = share.value if isinstance(share, Share) else share
    return "-" if value is None else f"{100 * value:.1f} %"


def with_interval(share: Share) -> tuple[str, str, str]:
    """Return a share as three cells: per cent, counts, and its 95 % interval in per cent."""
    interval = share.interval
    shown = "-" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"
    return percent(share), f"{share.part:,} of {share.whole:,}", shown
