"""What we wrote about an object, so that only ours is ever taken back: bookmarks `ail:wrote:<global id>` of
the store, JSON.

An entry is written before AIL is, and again when AIL has it all (`settled`); whoever finds one that is not
settled finishes it. So what is in AIL is in the ledger, whenever a process was killed. `hold` lets one
process at a time change what is written about an object.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from douglas_quaid.engine import Engine
from douglas_quaid.errors import CorruptRecord, StoreTimeout, UnknownVersion
from douglas_quaid.records import ImageId

PREFIX = "ail:wrote:"
LOCK = "ail:busy:"
VERSION = 1
#: Age at which the lock of a process that cannot be asked for is taken over. chosen: a write takes
#: milliseconds; AIL's servers may be slow.
HOLD_SECONDS = 30.0
#: Pause before a lock is tried again. chosen.
WAIT_SECONDS = 0.01


class Kind(str, Enum):
    """Why a tag was written."""

    MATCH = "match"
    REVIEW = "review"
    #: It shows, or looks like, a picture of a collection.
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """A correlation."""

    #: Global id.
    other: str
    #: Empty: to the representative of the object's own cluster. Else the image that it matches, whose
    #: cluster's representative it is.
    via: ImageId = ""


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """A row of AIL's duplicates, at both objects."""

    #: Global id, of the same type.
    other: str
    #: 100 * confidence, rounded.
    score: int


@dataclass(frozen=True, slots=True, order=True)
class Label:
    """A tag."""

    tag: str
    kind: Kind
    #: The image that it was written because of.
    about: ImageId
    #: Whether AIL had it when feedback was last asked for; before that its queue may still hold it.
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    edges: tuple[Edge, ...] = ()
    rows: tuple[Row, ...] = ()
    labels: tuple[Label, ...] = ()
    #: What is being taken back, and may be in AIL or not.
    going: tuple[Edge | Row | Label, ...] = ()
    #: Whether AIL has all of it, as far as we are concerned; what was removed there later stays removed.
    settled: bool = True
    #: Words of analysts that were acted upon, or were there before we wrote.
    heard: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[Edge | Row | Label, ...]:
        return (*self.edges, *self.rows, *self.labels)


class Ledger:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, gid: str) -> Entry:
        """An empty entry for an object that nothing is written about. Raises CorruptRecord, UnknownVersion."""
        text = self._engine.bookmark(PREFIX + gid)
        return Entry() if text is None else _decoded(gid, text)

    def write(self, gid: str, entry: Entry) -> None:
        self._engine.set_bookmark(PREFIX + gid, None if entry == Entry() else _encoded(entry))

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """All global ids with an entry, each at least once, in no order."""
        for name, text in self._engine.bookmarks(PREFIX):
            gid = name.removeprefix(PREFIX)
            yield gid, _decoded(gid, text)

    def claims(self, gid: str, line: Edge | Row | Label, owner: str) -> bool:
        """Whether the entry of `gid` says that the same correlation or row with `owner` is its own."""
        if isinstance(line, Label):
            return False
        entry = self.read(gid)
        if isinstance(line, Edge):
            return any(edge.other == owner for edge in entry.edges)
        return Row(owner, line.score) in entry.rows

    @contextmanager
    def hold(self, gid: str) -> Iterator[None]:
        """Until the block ends nobody else changes this object's entry. Raises StoreTimeout when somebody
        does not end.
        """
        name, token = LOCK + gid, secrets.token_hex(8)
        give_up = time.monotonic() + 2 * HOLD_SECONDS
        while not self._lock(name, token):
            found = self._engine.bookmark(name)
            if found is not None and _is_abandoned(found):
                self._break(name, found)
            elif time.monotonic() > give_up:
                raise StoreTimeout(
                    f"{gid}: another process has been writing about it for {2 * HOLD_SECONDS:.0f} s; it is tried again later"
                )
            else:
                time.sleep(WAIT_SECONDS)
        try:
            yield
        finally:
            found = self._engine.bookmark(name)
            if found is not None and token in found:
                self._engine.set_bookmark(name, None)

    def _lock(self, name: str, token: str = "") -> bool:
        return self._engine.set_bookmark(
            name, json.dumps([time.time(), socket.gethostname(), os.getpid(), token]), unless_there=True
        )

    def _break(self, name: str, found: str) -> None:
        """Remove an abandoned lock. One at a time, who looks again: a second one would remove the lock that
        the first has taken since.
        """
        guard = f"{name}:break"
        if self._lock(guard):
            if self._engine.bookmark(name) == found:
                self._engine.set_bookmark(name, None)
            self._engine.set_bookmark(guard, None)
        elif (other := self._engine.bookmark(guard)) is not None and _is_abandoned(other):
            self._engine.set_bookmark(guard, None)
        else:
            time.sleep(WAIT_SECONDS)


def _is_abandoned(lock: str) -> bool:
    """Whether who wrote it is dead, or has held it for longer than any write takes."""
    since, host, pid, _ = json.loads(lock)
    if time.time() - since > HOLD_SECONDS:
        return True
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's, and alive
        return False
    return False


def _encoded(entry: Entry) -> str:
    edges, rows, labels = _lists(entry.lines)
    fields: dict[str, object] = {
        "v": VERSION,
        "edges": edges,
        "rows": rows,
        "tags": labels,
        "heard": list(entry.heard),
    }
    if entry.going:
        fields["going"] = _lists(entry.going)
    if not entry.settled:
        fields["open"] = True
    return json.dumps({name: value for name, value in fields.items() if value != []}, separators=(",", ":"))


def _lists(lines: tuple[Edge | Row | Label, ...]) -> tuple[list[object], list[object], list[object]]:
    edges: list[object] = [
        [line.other, line.via] if line.via else [line.other] for line in lines if isinstance(line, Edge)
    ]
    rows: list[object] = [[line.other, line.score] for line in lines if isinstance(line, Row)]
    labels: list[object] = [
        [line.tag, line.kind.value, line.about, line.seen] for line in lines if isinstance(line, Label)
    ]
    return edges, rows, labels


def _decoded(gid: str, text: str) -> Entry:
    try:
        fields = json.loads(text)
        if fields["v"] > VERSION:
            raise UnknownVersion(
                f"what was written about {gid} was noted by a newer douglas-quaid; use it, nothing was changed"
            )
        edges, rows, labels = _lines(fields.get("edges", []), fields.get("rows", []), fields.get("tags", []))
        going = [line for lines in _lines(*fields.get("going", ([], [], []))) for line in lines]
        return Entry(
            edges, rows, labels, tuple(going), not fields.get("open", False), tuple(fields.get("heard", []))
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRecord(f"the note of what was written about {gid} cannot be read: {error}") from None


def _lines(
    edges: list[list[str]], rows: list[tuple[str, int]], labels: list[tuple[str, str, str, bool]]
) -> tuple[tuple[Edge, ...], tuple[Row, ...], tuple[Label, ...]]:
    return (
        tuple(Edge(*edge) for edge in edges),
        tuple(Row(str(other), int(score)) for other, score in rows),
        tuple(Label(tag, Kind(kind), about, bool(seen)) for tag, kind, about, seen in labels),
    )
