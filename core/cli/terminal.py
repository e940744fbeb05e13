"""The one place that prints: JSON objects, one on a line, or lines for people. Progress, questions and errors
go to standard error.

What is printed was partly written by strangers: names of files, labels, texts of other programs. A line stays
one line, and every character of it that cannot be seen is escaped. What cannot be printed at all ends the
command with OutputLost, which `main` of group.py turns into one line and an exit status.
"""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, TextIO, TypeVar

import click

Item = TypeVar("Item")

_COLOUR = {"match": "green", "review": "yellow", "no-match": None}


class OutputLost(Exception):
    """Raised when standard output was closed or cannot be written."""


class Coloured(str):
    """Text with the codes of a colour, made here from words of our own: it is printed as it is."""


#: A line for people, or its parts, of which those that are Coloured keep their codes.
Line = str | tuple[str, ...]


def visible(text: str) -> str:
    """Return a text as one line, where control and format characters, other invisible characters and lone
    surrogates are escaped (\\n, \\x1b, \\u202e).
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def json_line(line: dict[str, Any]) -> None:
    """Print a JSON object on a line of its own, in ASCII without control characters. Raises OutputLost."""
    _out(json.dumps(line).replace("\x7f", "\\u007f"))


def print_result(line: dict[str, Any], *lines: Line, as_json: bool) -> None:
    """Print a result as JSON, or as lines for people. Raises OutputLost."""
    if as_json:
        json_line(line)
    else:
        say(*lines)


def error_json(error: Exception) -> dict[str, Any]:
    """Return the JSON form of an error: its class and its message."""
    return {"error": {"type": type(error).__name__, "message": str(error)}}


def print_failure(error: Exception, *, as_json: bool) -> None:
    """Print the error of one of several inputs, where its result would be."""
    if as_json:
        json_line(error_json(error))
    else:
        complain(f"{type(error).__name__}: {error}")


def say(*lines: Line) -> None:
    """Print lines for people. Raises OutputLost."""
    for line in lines:
        parts = (line,) if isinstance(line, str) else line
        _out("".join(part if isinstance(part, Coloured) else visible(part) for part in parts))


def show_text(text: str) -> None:
    """Print a text of several lines, such as a diff, whose tabs are kept. Raises OutputLost."""
    for line in text.removesuffix("\n").split("\n") if text else ():
        _out("\t".join(map(visible, line.split("\t"))))


def write_pieces(pieces: Iterable[str]) -> None:
    """Print a long text in pieces, whose maker escapes what cannot be seen. Raises OutputLost."""
    try:
        for piece in pieces:
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(piece.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except (OSError, ValueError) as error:
        abandon(sys.stdout)
        raise OutputLost(getattr(error, "strerror", None) or str(error)) from None


def complain(*lines: str) -> None:
    """Print an error in red on standard error."""
    for line in lines:
        _err(click.style(visible(line), fg="red"))


def note(text: str) -> None:
    """Print how far a command is on standard error."""
    _err(visible(text))


def confirmed(question: str) -> bool:
    """Return whether the user answers a question, asked on standard error, with yes."""
    return click.confirm(visible(question), err=True)


class _Log(logging.Handler):
    """Prints what is logged where nobody has set up logging."""

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


def prepare() -> None:
    """Make the standard streams safe, before anything is opened or printed.

    The number of a closed stream would be given to the next file or socket that is opened, and what is
    printed would go there. So it is taken by the null device, opened the wrong way round: using it fails.
    """
    logging.lastResort = _Log(logging.WARNING)
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:  # the lowest free number is this one
            os.open(os.devnull, os.O_WRONLY if mode == "r" else os.O_RDONLY)
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - for the whole process


def abandon(stream: TextIO | None) -> None:
    """Let what a stream has not written yet go nowhere, so that Python does not fail on it at its end."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[union-attr]
        os.close(null)


def _out(line: str) -> None:
    try:
        _write(sys.stdout, line)
    except (OSError, ValueError) as error:
        abandon(sys.stdout)
        raise OutputLost(getattr(error, "strerror", None) or str(error)) from None


def _err(line: str) -> None:
    try:
        _write(sys.stderr, line)
    except (OSError, ValueError):
        abandon(sys.stderr)  # there is nowhere left to say it


def _write(stream: TextIO, line: str) -> None:
    encoding = stream.encoding or "utf-8"
    click.echo(line.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def with_progress(items: Iterable[Item], total: int, label: str) -> Iterator[Item]:
    """Return the items, and show a progress bar meanwhile: on a terminal, if there are at least five."""
    if total < 5 or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # What is printed meanwhile must not go where the bar is, if that is elsewhere.
    shared = sys.stdout.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=shared) as bar:
        yield from bar.track(items, total=total, description=visible(label))


def progress_of(total: int, label: str) -> Callable[[int], None]:
    """Return a function that takes a number of items that are done, and moves a progress bar."""
    bar = with_progress(iter(int, 1), total, label)

    def tell(items: int) -> None:
        for _ in range(items):
            next(bar, None)

    return tell


def decision_text(decision: str) -> Coloured:
    """Return the decision in its colour."""
    return Coloured(click.style(decision, fg=_COLOUR[decision], bold=True))


def hit_lines(hit: dict[str, Any]) -> list[Line]:
    """Return a hit, given as JSON, as two to four indented lines."""
    relation = f" {hit['relation']}" if hit["relation"] else ""
    found = f"{relation} {hit['confidence']:.3f}  image {hit['image_id'][:12]}"
    lines: list[Line] = [
        ("  ", decision_text(hit["decision"]), found),
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
    return lines


def chain_text(chain: dict[str, Any]) -> str:
    """Return a chain, given as JSON, as one line."""
    names = " and ".join(chain[key][:14] for key in ("cluster_a", "cluster_b"))
    pairs = "1 match" if chain["pairs"] == 1 else f"{chain['pairs']:,} matches"
    return f"{names}: {pairs}, such as {chain['a'][:12]} and {chain['b'][:12]}"


def hub_lines(hub: dict[str, Any]) -> list[str]:
    """Return a common region or a large cluster, given as JSON, as one or two lines."""
    share = f"{100 * hub['share']:.1f} % of all{'  (ignored)' if hub['ignored'] else ''}"
    if hub["kind"] == "cluster":
        lines = [f"cluster {hub['id'][:14]}: {hub['pictures']} images, {share}"]
    else:
        left, top, right, bottom = (round(100 * side) for side in hub["region"])
        where = f"{left}-{right} % across, {top}-{bottom} % down"
        lines = [
            f"region of image {hub['id'][:12]} ({where}): in at least {hub['pictures']} pictures, {share},"
            f" common since {hub['since']}"
        ]
        if hub["shown_by"]:
            images = ", ".join(image_id[:12] for image_id in hub["shown_by"])
            lines.append(
                f"    shown by {images}, which came from {hub['first_shown']} to {hub['last_shown']}"
            )
    lines += ["    seen at " + ", ".join(hub["occurrences"])] if hub["occurrences"] else []
    return lines
