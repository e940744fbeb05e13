"""What commands print: one JSON object per line, or text for people. Progress and errors go to standard
error.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import click

Item = TypeVar("Item")

_COLOUR = {"match": "green", "review": "yellow", "no-match": None}


def json_line(line: dict[str, Any]) -> None:
    """Print a JSON object on a line of its own."""
    click.echo(json.dumps(line))


def print_result(line: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print a result as JSON, or as text for people."""
    if as_json:
        json_line(line)
    else:
        say(text)


def error_json(error: Exception) -> dict[str, Any]:
    """Return the JSON form of an error: its class and its message."""
    return {"error": {"type": type(error).__name__, "message": str(error)}}


def say(text: str = "") -> None:
    """Print text for people; characters that the terminal cannot show are escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding))


def complain(text: str) -> None:
    """Print an error in red on standard error."""
    click.echo(click.style(text.encode("utf-8", "backslashreplace").decode(), fg="red"), err=True)


def with_progress(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """Return the items, and show a progress bar meanwhile: on a terminal, if there are at least five."""
    if total < 5 or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(items, total=total, description=label)


def decision_text(decision: str) -> str:
    """Return the decision in its colour."""
    return click.style(decision, fg=_COLOUR[decision], bold=True)


def hit_text(hit: dict[str, Any]) -> str:
    """Return a hit, given as JSON, as two to four indented lines."""
    relation = f" {hit['relation']}" if hit["relation"] else ""
    lines = [
        f"  {decision_text(hit['decision'])}{relation} {hit['confidence']:.3f}  image {hit['image_id'][:12]}",
        f"    {hit['sentence']}",
    ]
    seen = hit["occurrences"][:3]
    if seen:
        more = hit["occurrence_count"] - len(seen)
        others = f" and {more} more" if more > 0 else ""
        lines.append(f"    seen at {', '.join(seen)}{others}, first {hit['first_seen']}")
    labels = [
        f"{member['name']}: " + ", ".join(f"{k}={v}" for k, v in member["labels"].items())
        for member in hit["collections"]
    ]
    if labels:
        lines.append("    " + "; ".join(labels))
    return "\n".join(lines)


def hub_text(hub: dict[str, Any]) -> str:
    """Return a common region or a large cluster, given as JSON, as one or two lines."""
    share = f"{100 * hub['share']:.1f} % of all{'  (ignored)' if hub['ignored'] else ''}"
    if hub["kind"] == "cluster":
        lines = [f"cluster {hub['id'][:14]}: {hub['pictures']} images, {share}"]
    else:
        left, top, right, bottom = (round(100 * side) for side in hub["region"])
        where = f"{left}-{right} % across, {top}-{bottom} % down"
        lines = [
            f"region of image {hub['id'][:12]} ({where}): in at least {hub['pictures']} pictures, {share}"
        ]
    lines += ["    seen at " + ", ".join(hub["occurrences"])] if hub["occurrences"] else []
    return "\n".join(lines)
