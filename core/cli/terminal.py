"""What a command prints: one JSON object a line, or the same for people; progress and complaints go to
standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import click

Item = TypeVar("Item")
_COLOUR = {"match": "green", "review": "yellow", "no-match": None}


def json_line(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, separators=(", ", ": ")) + "\n")
    sys.stdout.flush()


def error_json(error: Exception) -> dict[str, Any]:
    return {"error": {"type": type(error).__name__, "message": str(error)}}


def say(text: str = "") -> None:
    """A line for people on standard output; characters that the terminal cannot show are escaped."""
    click.echo(
        text.encode(sys.stdout.encoding or "utf-8", "backslashreplace").decode(sys.stdout.encoding or "utf-8")
    )


def complain(text: str) -> None:
    click.echo(click.style(text.encode("utf-8", "backslashreplace").decode(), fg="red"), err=True)


def with_progress(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """The items, with a bar on standard error while they come; only on a terminal, and only for more than a
    few.
    """
    if total < 5 or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        for item in items:
            bar.advance(task)
            yield item


def decision_text(decision: str) -> str:
    return click.style(decision, fg=_COLOUR[decision], bold=True)


def hit_text(hit: dict[str, Any]) -> str:
    """One hit as two or three indented lines."""
    relation = f" {hit['relation']}" if hit["relation"] else ""
    lines = [
        f"  {decision_text(hit['decision'])}{relation} {hit['confidence']:.3f}  image {hit['image_id'][:12]}",
        f"    {hit['sentence']}",
    ]
    labels = [
        f"{name['name']}: " + ", ".join(f"{k}={v}" for k, v in name["labels"].items())
        for name in hit["collections"]
    ]
    seen = hit["occurrences"][:3]
    if seen:
        more = hit["occurrence_count"] - len(seen)
        lines.append(
            "    seen at "
            + ", ".join(seen)
            + (f" and {more} more" if more > 0 else "")
            + f", first {hit['first_seen']}"
        )
    if labels:
        lines.append("    " + "; ".join(labels))
    return "\n".join(lines)


def hub_text(hub: dict[str, Any]) -> str:
    """A part or a cluster that is found in a large share of everything, as one or two lines."""
    ignored = "  (ignored)" if hub["ignored"] else ""
    if hub["kind"] == "cluster":
        lines = [
            f"cluster {hub['id'][:14]}: {hub['pictures']} images, {100 * hub['share']:.1f} % of all{ignored}"
        ]
    else:
        left, top, right, bottom = (round(100 * side) for side in hub["region"])
        where = f"{left}-{right} % across, {top}-{bottom} % down"
        lines = [
            f"patch in image {hub['id'][:12]} ({where}): in at least {hub['pictures']} pictures, {100 * hub['share']:.1f} % of all{ignored}"
        ]
    lines += ["    seen at " + ", ".join(hub["occurrences"])] if hub["occurrences"] else []
    return "\n".join(lines)
