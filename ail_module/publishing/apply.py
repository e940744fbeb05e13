"""What is done to AIL, and in which order, so that a process may be killed between any two steps.

`Sink` is all that the writer asks of AIL; the one implementation that imports AIL is in host.py. `carry_out`
brings AIL from one entry of the ledger to the next: the ledger first, then AIL, then the ledger again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from ..objects import AilObject
from .ledger import Edge, Entry, Label, Ledger, Row

#: Name of our rows in AIL's duplicates: `<score>:douglas-quaid:<id>`.
ALGORITHM = "douglas-quaid"


class Sink(Protocol):
    """AIL's correlations, duplicates and tags. Every call may be repeated and then changes nothing."""

    def correlate(self, a: AilObject, b: AilObject) -> None: ...

    def uncorrelate(self, a: AilObject, b: AilObject) -> None: ...

    def correlated(self, a: AilObject, b: AilObject) -> bool:
        """Whether AIL has this correlation, whoever wrote it."""
        ...

    def duplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """A row with this score at `a` and one at `b`, under the name ALGORITHM. Both are of one type."""
        ...

    def unduplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """Remove both rows."""
        ...

    def tag(self, obj: AilObject, tag: str) -> None:
        """Through AIL's queue `Tags`, so that what follows tags in AIL follows ours; AIL has it a moment
        later.
        """
        ...

    def untag(self, obj: AilObject, tag: str) -> None: ...

    def tags(self, obj: AilObject) -> set[str]:
        """All tags that AIL has for it now."""
        ...


def carry_out(ledger: Ledger, sink: Sink, obj: AilObject, before: Entry, after: Entry) -> bool:
    """From `before`, what the ledger says, to `after`; call it while holding the object. Says whether AIL was
    asked for anything.

    What the ledger says is settled is not written again, so what somebody removed in AIL stays removed.
    """
    going = _without((*before.lines, *before.going), after)
    coming = tuple(line for line in after.lines if not before.settled or not _holds(before, line))
    if not going and not coming and before.settled:
        if after != before:
            ledger.write(obj.gid, after)
        return False
    ledger.write(obj.gid, replace(after, going=going, settled=False))
    for line in going:
        _take_back(ledger, sink, obj, line)
    tags = sink.tags(obj) if any(isinstance(line, Label) for line in coming) else set()
    for line in coming:
        _write(sink, obj, line, tags)
    ledger.write(obj.gid, replace(after, going=(), settled=True))
    return True


def _without(lines: tuple[Edge | Row | Label, ...], after: Entry) -> tuple[Edge | Row | Label, ...]:
    return tuple(dict.fromkeys(line for line in lines if not _holds(after, line)))


def _holds(entry: Entry, line: Edge | Row | Label) -> bool:
    """Whether AIL looks the same for this line: why a correlation or a tag was written may change without it."""
    if isinstance(line, Edge):
        return any(line.other == edge.other for edge in entry.edges)
    if isinstance(line, Row):
        return line in entry.rows
    return any(line.tag == label.tag for label in entry.labels)


def _take_back(ledger: Ledger, sink: Sink, obj: AilObject, line: Edge | Row | Label) -> None:
    if isinstance(line, Label):
        sink.untag(obj, line.tag)
        return
    if ledger.claims(line.other, line, obj.gid):  # the other wrote the same, and its reason still holds
        return
    other = AilObject.parse(line.other)
    if isinstance(line, Edge):
        sink.uncorrelate(obj, other)
    else:
        sink.unduplicate(obj, other, line.score)


def _write(sink: Sink, obj: AilObject, line: Edge | Row | Label, tags: set[str]) -> None:
    if isinstance(line, Edge):
        sink.correlate(obj, AilObject.parse(line.other))
    elif isinstance(line, Row):
        sink.duplicate(obj, AilObject.parse(line.other), line.score)
    elif line.tag not in tags:
        sink.tag(obj, line.tag)
