"""What this module wrote to AIL about each object, so that it never removes anything else.

One bookmark of the store for each object, `ail:wrote:<global id>`, in JSON. An entry is written before AIL is
changed, and again when AIL has everything (`settled`). A process that finds an unsettled entry finishes it.
Therefore everything that this module put into AIL is in the ledger, whenever a process is killed. `hold` lets
one process at a time change the entry of an object.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum

from douglas_quaid.engine import Engine
from douglas_quaid.errors import CorruptRecord, UnknownVersion
from douglas_quaid.records import ImageId
from douglas_quaid.strict_json import from_object, parse_object, to_object

from ..objects import AilObject

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
class Lines:
    """Lines of one object, by their kind."""

    #: Correlations; the one with the representative of the object's own cluster comes first.
    correlations: tuple[Correlation, ...] = ()
    #: Rows of AIL's duplicates.
    duplicates: tuple[Duplicate, ...] = ()
    #: Tags.
    tags: tuple[Tag, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "Lines":
        """Return these lines by their kind, each once."""
        each = tuple(dict.fromkeys(lines))
        return Lines(
            tuple(line for line in each if isinstance(line, Correlation)),
            tuple(line for line in each if isinstance(line, Duplicate)),
            tuple(line for line in each if isinstance(line, Tag)),
        )

    @property
    def lines(self) -> tuple[Line, ...]:
        """Correlations, duplicates and tags, in this order."""
        return (*self.correlations, *self.duplicates, *self.tags)


@dataclass(frozen=True, slots=True)
class Entry(Lines):
    """All that is written about one object."""

    #: Lines that are being removed. AIL may or may not have them.
    going: Lines = Lines()
    #: Whether AIL was given all of it. What somebody removes in AIL afterwards stays removed.
    settled: bool = True
    #: Tags by which analysts answered, and which were acted upon or were there before this module wrote.
    heard: tuple[str, ...] = ()


class Ledger:
    """The entries of all objects, in the store of an engine. Every method may raise StoreError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, obj: AilObject) -> Entry:
        """Return the entry of an object, which is empty if nothing is written about it.

        Raises CorruptRecord and UnknownVersion.
        """
        text = self._engine.bookmark(PREFIX + obj.gid)
        if text is None:
            return Entry()
        try:
            fields = parse_object(text)
            if fields.pop("v") > VERSION:
                raise UnknownVersion(
                    f"the ledger entry of {obj.gid} was written by a newer douglas-quaid; update this one. "
                    "Nothing was changed"
                )
            return from_object(Entry, fields)
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptRecord(f"the ledger entry of {obj.gid} cannot be read: {error}") from None

    def write(self, obj: AilObject, entry: Entry) -> None:
        """Replace the entry of an object. Call it while holding the object."""
        text = json.dumps({"v": VERSION} | to_object(entry), separators=(",", ":"))
        self._engine.set_bookmark(PREFIX + obj.gid, None if entry == Entry() else text)

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
