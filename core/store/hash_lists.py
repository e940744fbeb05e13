"""Hash lists: what others told of pictures that this store never had, as hashes and labels.

An entry is named by its list and its id, so that a list may be imported again. A withdrawn entry leaves a
mark without its hashes, which an older copy of the list does not replace. The catalogue says which lists
there are and, by a stamp that every change renews, that an index of them is out of date (search/listed.py).
"""

import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from ..batches import in_groups
from ..errors import ConfigError, CorruptRecord, NotFound
from ..strict_json import from_object, parse_object, to_object
from . import values
from .connection import StorePart
from .keys import META, as_bytes, as_text, key, on_meta
from .scripts import COUNTED_FIELD

#: Maximum length of the name of a list and of the id of an entry, in characters. chosen.
NAME_CHARACTERS = 200
#: Maximum length of the labels of an entry as JSON, in characters. chosen: as those of an occurrence.
LABEL_CHARACTERS = 4096
#: Entries that are written or read in one round trip. chosen: some 300 KB.
ENTRIES_AT_ONCE = 1000
#: Latest time in unix seconds. spec: datetime ends with the year 9999.
LATEST = values.LATEST

#: Digits of each kind of hash that an entry may have. spec: PDQ 256 bits, sha256, sha1, md5.
DIGITS = {"pdq": 64, "sha256": 64, "sha1": 40, "md5": 32}

_HEX = re.compile(r"[0-9a-f]*")


class EntryStatus(str, Enum):
    """What became of an entry of a list that was imported."""

    #: It was not known.
    ADDED = "added"
    #: It was known and says something else now.
    UPDATED = "updated"
    #: It was known, and nothing was new.
    KNOWN = "known"
    #: It was known and is no longer searched for.
    WITHDRAWN = "withdrawn"
    #: A later copy of the list has withdrawn it.
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True)
class ListEntry:
    """What a list says of one picture. Raises ConfigError for values that do not fit."""

    #: Its name in the list.
    entry_id: str
    #: PDQ hash, 64 hexadecimal digits.
    pdq: str | None = None
    #: sha256 of the picture's bytes.
    sha256: str | None = None
    #: sha1 of the picture's bytes.
    sha1: str | None = None
    #: md5 of the picture's bytes.
    md5: str | None = None
    #: PDQ quality, 0 to 100.
    pdq_quality: int | None = None
    #: Labels, of which the list says what they mean.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: When it was first seen, in unix seconds.
    first_seen: int | None = None
    #: When it was last seen, in unix seconds.
    last_seen: int | None = None
    #: Whether it was withdrawn; it has no hashes then.
    deleted: bool = False

    def __post_init__(self) -> None:
        check_name("id of an entry", self.entry_id)
        hashes = {kind: getattr(self, kind) for kind in DIGITS}
        for kind, text in hashes.items():
            if text is not None and not (len(text) == DIGITS[kind] and _HEX.fullmatch(text)):
                raise ConfigError(
                    f"{kind} {text[:80]!r}: expected {DIGITS[kind]} lower-case hexadecimal digits"
                )
        if not self.deleted and not any(hashes.values()):
            raise ConfigError(f"it has none of the hashes {', '.join(DIGITS)}")
        if self.pdq_quality is not None and not 0 <= self.pdq_quality <= 100:
            raise ConfigError(f"pdq_quality {self.pdq_quality}: expected 0 to 100")
        for name, seconds in (("first_seen", self.first_seen), ("last_seen", self.last_seen)):
            if seconds is not None and not 0 <= seconds <= LATEST:
                raise ConfigError(f"{name}: expected a time from 1970 to 9999")
        size = len(json.dumps(dict(self.labels)))
        if size > LABEL_CHARACTERS:
            raise ConfigError(f"labels of {size:,} characters; at most {LABEL_CHARACTERS:,} are kept")


@dataclass(frozen=True, slots=True)
class HashList:
    """A list, without its entries."""

    #: Collection of purpose `known` that it belongs to.
    collection: str
    #: Traffic light, as the list has it; empty for none.
    tlp: str
    #: When its latest copy was made, in unix seconds; None where the copy does not say.
    generated: int | None
    #: When it was last changed here, in unix seconds.
    imported: int
    #: Number of its entries, withdrawn ones left out.
    entries: int
    #: Random digits that every change renews.
    stamp: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """The stored form of an entry; labels are JSON text."""

    pdq: str | None = None
    sha256: str | None = None
    sha1: str | None = None
    md5: str | None = None
    pdq_quality: int | None = None
    labels: str | None = None
    first_seen: int | None = None
    last_seen: int | None = None
    #: When it was withdrawn, in unix seconds, by the copy of the list that said so.
    withdrawn: int | None = None


class HashLists(StorePart):
    """The part of the store that keeps hash lists."""

    def all(self) -> dict[str, HashList]:
        """Return all lists by name. Raises CorruptRecord; within `values.noting` a broken one is left out."""
        found = dict[str, HashList]()
        for name, value in sorted(self.connection.ask(on_meta("HGETALL", "lists")).items()):
            with values.left_out_if_broken():
                found[as_text(name)] = read_list(as_text(name), value)
        return found

    def require(self, name: str) -> HashList:
        """Return a list. Raises NotFound if there is none of this name."""
        value = self.connection.ask(on_meta("HGET", "lists", as_bytes(name)))
        if value is None:
            raise NotFound(f"hash list {name[:80]!r} does not exist; quaid list lists names those that do")
        return read_list(name, value)

    def keep(self, name: str, entries: Sequence[ListEntry], *, moment: int) -> list[EntryStatus]:
        """Keep entries of a list, or withdraw them, and return what became of each; `moment`: when this copy
        of the list was made, in unix seconds. They are searched for after `announce`.
        """
        found = self._read(name, [entry.entry_id for entry in entries])
        statuses, changed = list[EntryStatus](), dict[str, bytes]()
        for entry, known in zip(entries, found, strict=True):
            status, value = _settled(entry, known, moment)
            statuses.append(status)
            if value is not None:
                changed[entry.entry_id] = value
        if changed:
            flat = [part for pair in changed.items() for part in (as_bytes(pair[0]), pair[1])]
            self.connection.ask(on_meta("HSET", f"list:{name}", *flat))
        return statuses

    def announce(self, name: str, about: HashList) -> None:
        """Say that a list has changed, so that every process reads it again before its next answer."""
        value = write_list(name, replace(about, stamp=secrets.token_hex(8)))
        self.connection.ask(COUNTED_FIELD(META, "set", "lists", as_bytes(name), value))

    def remove(self, name: str) -> None:
        """Remove a list with all its entries. Raises NotFound."""
        self.require(name)
        self.connection.run(
            [
                COUNTED_FIELD(META, "remove", "lists", as_bytes(name)),
                on_meta("UNLINK", f"list:{name}"),
            ]
        )

    def entries(self, name: str) -> Iterator[ListEntry]:
        """Yield the entries of a list, withdrawn ones too, in no order. What changes meanwhile may be missing
        or included, and an entry may come twice. Raises CorruptRecord; within `values.noting` a broken one is
        left out.
        """
        for field_name, value in self.connection.scan(META, f"list:{name}", ""):
            with values.left_out_if_broken():
                yield read_entry(name, as_text(field_name), value)

    def entries_of(self, name: str, ids: Sequence[str]) -> list[ListEntry | None]:
        """Return these entries as they are now; None for one that is not there or was withdrawn. Raises
        CorruptRecord; within `values.noting` a broken one counts as not there.
        """
        found: list[ListEntry | None] = [None] * len(ids)
        for at, (entry_id, value) in enumerate(zip(ids, self._read(name, ids), strict=True)):
            with values.left_out_if_broken():
                entry = None if value is None else read_entry(name, entry_id, value)
                found[at] = None if entry is None or entry.deleted else entry
        return found

    def _read(self, name: str, ids: Iterable[str]) -> list[bytes | None]:
        answers = list[bytes | None]()
        for some in in_groups(ids, ENTRIES_AT_ONCE):
            answers += self.connection.ask(on_meta("HMGET", f"list:{name}", *map(as_bytes, some)))
        return answers


def _settled(entry: ListEntry, known: bytes | None, moment: int) -> tuple[EntryStatus, bytes | None]:
    """What becomes of an entry, and its new value, if any."""
    value = write_entry(entry, withdrawn=moment)
    if entry.deleted:
        if known is None or _withdrawn(known) is not None:
            newer = known is None or moment > (_withdrawn(known) or 0)
            return EntryStatus.KNOWN, value if newer else None
        return EntryStatus.WITHDRAWN, value
    if known is None:
        return EntryStatus.ADDED, value
    gone = _withdrawn(known)
    if gone is not None:
        return (EntryStatus.OUTDATED, None) if moment < gone else (EntryStatus.ADDED, value)
    return (EntryStatus.KNOWN, None) if known == value else (EntryStatus.UPDATED, value)


def _withdrawn(value: bytes) -> int | None:
    """When an entry was withdrawn, from its stored value; None for one that was not."""
    found = re.search(rb'"withdrawn":([0-9]{1,15})}$', value)
    return int(found[1]) if found else None


def check_name(what: str, text: str) -> None:
    """Raises ConfigError for what is not a name: 1 to 200 printable characters."""
    if not text or len(text) > NAME_CHARACTERS or not text.isprintable():
        raise ConfigError(f"{what} {text[:80]!r}: expected 1 to {NAME_CHARACTERS} printable characters")


def write_entry(entry: ListEntry, *, withdrawn: int) -> bytes:
    """Return the stored value of an entry; `withdrawn`: since when, if it is."""
    if entry.deleted:
        kept = _Kept(withdrawn=withdrawn)
    else:
        labels = json.dumps(dict(entry.labels), sort_keys=True) if entry.labels else None
        kept = _Kept(
            pdq=entry.pdq,
            sha256=entry.sha256,
            sha1=entry.sha1,
            md5=entry.md5,
            pdq_quality=entry.pdq_quality,
            labels=labels,
            first_seen=entry.first_seen,
            last_seen=entry.last_seen,
        )
    return json.dumps(to_object(kept), separators=(",", ":")).encode()


def read_entry(name: str, entry_id: str, value: bytes) -> ListEntry:
    """Return an entry from its stored value. Raises CorruptRecord."""
    place = f"{key(META, f'list:{name}')}, entry {entry_id!r:.100}"
    try:
        kept = from_object(_Kept, parse_object(value.decode()))
        labels = {} if kept.labels is None else values.labels(place, kept.labels.encode())
        return ListEntry(
            entry_id=entry_id,
            pdq=kept.pdq,
            sha256=kept.sha256,
            sha1=kept.sha1,
            md5=kept.md5,
            pdq_quality=kept.pdq_quality,
            labels=labels,
            first_seen=kept.first_seen,
            last_seen=kept.last_seen,
            deleted=kept.withdrawn is not None,
        )
    except (ValueError, TypeError, RecursionError, ConfigError) as error:
        raise values.broken(place, error) from None


def write_list(name: str, about: HashList) -> bytes:
    """Return the stored value of a list."""
    text = json.dumps(to_object(about))
    return f"{values.checksum(name, text)} {text}".encode()


def read_list(name: str, value: bytes) -> HashList:
    """Return a list from its stored value. Raises CorruptRecord."""
    try:
        check, _, text = value.decode("ascii").partition(" ")
        if check != values.checksum(name, text):
            raise ValueError("its checksum does not fit")
        return from_object(HashList, parse_object(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise CorruptRecord(f"{key(META, 'lists')}, list {name!r:.80}: {error}; {values.REMEDY}") from None
