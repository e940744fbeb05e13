"""How AIL is changed, and in which order, so that a process may be killed between any two steps.

`Sink` is everything that is asked of AIL. `apply` brings AIL from one entry of the ledger to the next: first
the ledger, then AIL, then the ledger again.
"""

from dataclasses import replace
from typing import Protocol

from douglas_quaid import Correlator

from .. import tags
from ..objects import AilObject
from .ledger import Correlation, Entry, Line, Lines, Note, OriginTag, Tag, claims, write_entry
from .origins import ask, is_ours, release

#: Name under which scores stand in AIL's duplicates: `<score>:douglas-quaid:<id>`.
ALGORITHM = "douglas-quaid"


class Sink(Protocol):
    """AIL's correlations, duplicates and tags. Repeating a call changes nothing.

    Every call may raise what AIL raises while its servers are away.
    """

    def correlate(self, a: AilObject, b: AilObject) -> None:
        """Add a correlation."""

    def uncorrelate(self, a: AilObject, b: AilObject) -> None:
        """Remove a correlation."""

    def correlated(self, a: AilObject, b: AilObject) -> bool:
        """Return whether AIL has this correlation, whoever wrote it."""

    def duplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """Add a row with this score at both objects, which have one type, under the name ALGORITHM."""

    def unduplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """Remove both rows."""

    def tag(self, obj: AilObject, tag: str) -> None:
        """Send a tag through AIL's queue `Tags`, so that AIL's exports see it. AIL has it a moment later."""

    def untag(self, obj: AilObject, tag: str) -> None:
        """Remove a tag."""

    def tags(self, obj: AilObject) -> set[str]:
        """Return all tags that AIL has for an object now."""

    def tag_origin(self, origin: str, tag: str) -> None:
        """Give a tag to a domain or an item, named by its global id, and to nothing else."""

    def untag_origin(self, origin: str, tag: str) -> None:
        """Remove a tag of a domain or an item."""

    def origin_tags(self, origin: str) -> set[str]:
        """Return all tags that AIL has for a domain or an item now."""

    def note(self, obj: AilObject, text: str) -> None:
        """Put a text on AIL's page of the object, in place of nobody else's."""

    def unnote(self, obj: AilObject, text: str) -> None:
        """Remove that text."""


def without_foreign(engine: Correlator, sink: Sink, obj: AilObject, before: Entry, after: Entry) -> Entry:
    """Return `after` without new lines that AIL already has from somebody else. Answers of analysts that are
    there already count as heard: they are not about these lines.
    """
    ours = (*before.lines, *before.going.lines)
    correlations = [
        line for line in after.correlations if _shows(ours, line) or not _is_foreign(engine, sink, obj, line)
    ]
    passed_on = [
        line
        for line in after.origins
        if line in ours or is_ours(engine, line) or line.name not in sink.origin_tags(line.origin)
    ]
    names = {tag.name for tag in before.tags}
    new = [tag for tag in after.tags if tag.name not in names]
    is_first = bool(after.lines) and not before.lines
    there = sink.tags(obj) if new or is_first else set()
    answers = there & {tags.FALSE_POSITIVE, *(tags.analysts(tag.name) for tag in new)}
    return replace(
        after,
        correlations=tuple(correlations),
        origins=tuple(passed_on),
        tags=tuple(tag for tag in after.tags if tag not in new or tag.name not in there or _shows(ours, tag)),
        heard=tuple(sorted({*after.heard, *answers})),
    )


def apply(engine: Correlator, sink: Sink, obj: AilObject, before: Entry, after: Entry) -> bool:
    """Bring AIL and the ledger from `before`, which the ledger says, to `after`. Return whether AIL was asked
    to change anything. Call it while holding the object.

    What the ledger calls settled is not written again, so what somebody removed in AIL stays removed. Raises
    StoreError, and what AIL raises while its servers are away.
    """
    going = Lines.of(line for line in (*before.lines, *before.going.lines) if not _shows(after.lines, line))
    coming = tuple(line for line in after.lines if not before.settled or not _shows(before.lines, line))
    if not going.lines and not coming and before.settled:
        if after != before:
            write_entry(engine, obj, after)
        return False
    write_entry(engine, obj, replace(after, going=going, settled=False))
    for line in going.lines:
        _remove(engine, sink, obj, line)
    there = sink.tags(obj) if any(isinstance(line, Tag) for line in coming) else set()
    for line in coming:
        _add(engine, sink, obj, line, there)
    write_entry(engine, obj, replace(after, going=Lines(), settled=True))
    return True


def _is_foreign(engine: Correlator, sink: Sink, obj: AilObject, line: Correlation) -> bool:
    """Whether a correlation that is not in the ledger is somebody else's."""
    return sink.correlated(obj, line.other) and not claims(engine, line.other, line, obj)


def _shows(lines: tuple[Line, ...], line: Line) -> bool:
    """Whether AIL looks the same for a line. The reason of a correlation or a tag does not count."""
    if isinstance(line, Correlation):
        return any(isinstance(other, Correlation) and other.other == line.other for other in lines)
    if isinstance(line, Tag):
        return any(isinstance(other, Tag) and other.name == line.name for other in lines)
    return line in lines


def _remove(engine: Correlator, sink: Sink, obj: AilObject, line: Line) -> None:
    if isinstance(line, Tag):
        sink.untag(obj, line.name)
        return
    if isinstance(line, Note):
        sink.unnote(obj, line.text)
        return
    if isinstance(line, OriginTag):
        release(engine, obj, line, sink.untag_origin)
        return
    if claims(engine, line.other, line, obj):  # the other object wrote the same, and its reason holds
        return
    if isinstance(line, Correlation):
        sink.uncorrelate(obj, line.other)
    else:
        sink.unduplicate(obj, line.other, line.score)


def _add(engine: Correlator, sink: Sink, obj: AilObject, line: Line, there: set[str]) -> None:
    if isinstance(line, Tag):
        if line.name not in there:
            sink.tag(obj, line.name)
    elif isinstance(line, Note):
        sink.note(obj, line.text)
    elif isinstance(line, OriginTag):
        ask(engine, obj, line, sink.tag_origin)
    elif isinstance(line, Correlation):
        sink.correlate(obj, line.other)
    else:
        sink.duplicate(obj, line.other, line.score)
