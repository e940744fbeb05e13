"""What this module wrote to AIL about each object, so that it never removes anything else.

One bookmark of the store for each object, `ail:wrote:<global id>`, in JSON. An entry is written before AIL is
changed, and again when AIL has everything (`settled`). A process that finds an unsettled entry finishes it.
Therefore everything that this module put into AIL is in the ledger, whenever a process is killed. `hold` lets
one process at a time change the entry of an object.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from douglas_quaid.engine import Engine
from douglas_quaid.errors import CorruptRecord, UnknownVersion
from douglas_quaid.records import ImageId

from ..objects import AilObject, BadObject

#: Start of the names of entries among the store's bookmarks.
PREFIX = "ail:wrote:"
#: Start of the names of locks.
LOCK = "ail:busy:"
#: Format of an entry. A reader refuses a higher one.
VERSION = 1
#: Seconds after which a lock ends although its owner runs. chosen: a write takes milliseconds, but AIL's
#: servers may be slow.
HOLD_SECONDS = 30.0


class Kind(str, Enum):
    """Why a tag was written."""

    #: A match on another domain.
    MATCH = "match"
    #: A pair that a person should look at.
    REVIEW = "review"
    #: The object shows, or looks like, a picture of a collection.
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True, order=True)
class Correlation:
    """A correlation in AIL."""

    #: The other object.
    other: AilObject
    #: Empty: `other` represents the object's own cluster. Otherwise an image that the object matches, and
    #: `other` represents that image's cluster.
    via: ImageId = ""


@dataclass(frozen=True, slots=True, order=True)
class Duplicate:
    """A row of AIL's duplicates, stored at both objects."""

    #: The other object, which has the same type.
    other: AilObject
    #: 100 * confidence, rounded.
    score: int


@dataclass(frozen=True, slots=True, order=True)
class Tag:
    """A tag in AIL."""

    #: As AIL shows it.
    name: str
    #: Why it was written.
    kind: Kind
    #: The image because of which it was written.
    about: ImageId
    #: Whether AIL had the tag when feedback was last read. Before that it may still be in AIL's queue.
    seen: bool = False


#: Anything that is written to AIL about an object.
Line = Correlation | Duplicate | Tag


@dataclass(frozen=True, slots=True)
class Entry:
    """All that is written about one object."""

    #: Its correlations; the one with the representative of its own cluster comes first.
    correlations: tuple[Correlation, ...] = ()
    #: Its rows of AIL's duplicates.
    duplicates: tuple[Duplicate, ...] = ()
    #: Its tags.
    tags: tuple[Tag, ...] = ()
    #: Lines that are being removed. AIL may or may not have them.
    going: tuple[Line, ...] = ()
    #: Whether AIL was given all of it. What somebody removes in AIL afterwards stays removed.
    settled: bool = True
    #: Tags by which analysts answered, and which were acted upon or were there before this module wrote.
    heard: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """Correlations, duplicates and tags, in this order."""
        return (*self.correlations, *self.duplicates, *self.tags)


class Ledger:
    """The entries of all objects, in the store of an engine. Every method may raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, obj: AilObject) -> Entry:
        """Return the entry of an object, which is empty if nothing is written about it.

        Raises CorruptRecord and UnknownVersion.
        """
        text = self._engine.bookmark(PREFIX + obj.gid)
        return Entry() if text is None else _decoded(obj.gid, text)

    def write(self, obj: AilObject, entry: Entry) -> None:
        """Replace the entry of an object. Call it while holding the object."""
        self._engine.set_bookmark(PREFIX + obj.gid, None if entry == Entry() else _encoded(entry))

    def objects(self) -> Iterator[AilObject]:
        """Yield every object that has an entry, each at least once, in no order."""
        for name, _ in self._engine.bookmarks(PREFIX):
            yield AilObject.parse(name.removeprefix(PREFIX))

    def claims(self, other: AilObject, line: Line, owner: AilObject) -> bool:
        """Return whether the entry of `other` holds the same correlation or duplicate with `owner`."""
        entry = self.read(other)
        if isinstance(line, Duplicate):
            return Duplicate(owner, line.score) in entry.duplicates
        return any(correlation.other == owner for correlation in entry.correlations)

    def hold(self, obj: AilObject) -> AbstractContextManager[None]:
        """Let nobody else change the entry of an object until the block ends.

        Entering raises StoreTimeout if another process does not release it.
        """
        return self._engine.lock(LOCK + obj.gid, HOLD_SECONDS, wait=2 * HOLD_SECONDS)


def _encoded(entry: Entry) -> str:
    correlations, duplicates, tags = _as_lists(entry.lines)
    fields: dict[str, object] = {
        "v": VERSION,
        "edges": correlations,
        "rows": duplicates,
        "tags": tags,
        "heard": list(entry.heard),
        "going": _as_lists(entry.going) if entry.going else [],
        "open": [] if entry.settled else True,
    }
    return json.dumps({name: value for name, value in fields.items() if value != []}, separators=(",", ":"))


def _as_lists(lines: Sequence[Line]) -> list[list[list[object]]]:
    """Correlations, duplicates and tags as lists of their fields; an empty `via` is left out."""
    return [
        [
            [line.other.gid, *([line.via] if line.via else [])]
            for line in lines
            if isinstance(line, Correlation)
        ],
        [[line.other.gid, line.score] for line in lines if isinstance(line, Duplicate)],
        [[line.name, line.kind.value, line.about, line.seen] for line in lines if isinstance(line, Tag)],
    ]


def _decoded(gid: str, text: str) -> Entry:
    try:
        fields = json.loads(text)
        if fields["v"] > VERSION:
            raise UnknownVersion(
                f"the ledger entry of {gid} was written by a newer douglas-quaid; update this one. "
                "Nothing was changed"
            )
        lists = [fields.get(name, []) for name in ("edges", "rows", "tags")]
        correlations, duplicates, tags = _from_lists(lists)
        going = [line for lines in _from_lists(fields.get("going", ([], [], []))) for line in lines]
        return Entry(
            correlations,
            duplicates,
            tags,
            tuple(going),
            not fields.get("open", False),
            tuple(fields.get("heard", [])),
        )
    except (ValueError, KeyError, TypeError, BadObject) as error:
        raise CorruptRecord(f"the ledger entry of {gid} cannot be read: {error}") from None


def _from_lists(
    lists: Sequence[Sequence[Sequence[Any]]],
) -> tuple[tuple[Correlation, ...], tuple[Duplicate, ...], tuple[Tag, ...]]:
    correlations, duplicates, tags = lists
    return (
        tuple(Correlation(AilObject.parse(other), *via) for other, *via in correlations),
        tuple(Duplicate(AilObject.parse(other), int(score)) for other, score in duplicates),
        tuple(Tag(name, Kind(kind), about, bool(seen)) for name, kind, about, seen in tags),
    )
