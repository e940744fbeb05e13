"""Importing a list into a store, and exporting a collection as one.

A list is imported again as often as its maker changes it: what is equal stays, what the file withdraws is no
longer searched for, and an older copy does not bring it back. Lines that cannot be used are told with their
numbers, and the others are kept. An export has hashes and labels, never thumbnails or keypoints.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import PurePath
from typing import BinaryIO

from ..batches import in_groups
from ..errors import ConfigError, FormatError
from ..files import open_regular
from ..records import ImageId, Purpose
from ..store import ColumnState, Store
from ..store.columns import INFORMATIVE
from ..store.hash_lists import ENTRIES_AT_ONCE, EntryStatus, HashList, ListEntry, check_name
from ..store.values import noting
from . import documents, ndjson, tables
from .lines import LEAST_QUALITY, Header, Numbered

#: Maximum number of entries of a list. chosen: some 1 GB of a server's memory.
MAX_ENTRIES = 5_000_000
#: Images whose labels and times are read in one round trip. chosen.
IMAGES_AT_ONCE = 500


class ListFormat(str, Enum):
    """How a list is written."""

    #: Our own: one JSON object on a line.
    NDJSON = "ndjson"
    #: Lines of `pdq HEX`.
    PDQ = "pdq"
    #: Comma-separated values with a line of names.
    CSV = "csv"
    #: Objects of MISP in one JSON document.
    MISP = "misp"
    #: Project VIC, which is only read.
    VIC = "vic"


_BY_SUFFIX = {".ndjson": ListFormat.NDJSON, ".jsonl": ListFormat.NDJSON, ".csv": ListFormat.CSV}
_Read = Callable[[BinaryIO], tuple[Header, Iterator[Numbered]]]
_READERS: dict[ListFormat, _Read] = {
    ListFormat.NDJSON: ndjson.read,
    ListFormat.PDQ: tables.read_pdq,
    ListFormat.CSV: tables.read_csv,
    ListFormat.MISP: lambda file: documents.read_misp(documents.load(file)),
    ListFormat.VIC: lambda file: documents.read_vic(documents.load(file)),
}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the entries of a file."""

    #: Name of the list.
    name: str
    #: How many there were of each status.
    counts: dict[EntryStatus, int]
    #: Number of lines that were refused.
    refused: int


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written."""

    #: Number of entries.
    entries: int
    #: Number of entries that say that one was withdrawn.
    withdrawn: int
    #: Number of images left out, because their PDQ hash agrees with too much.
    left_out: int


def format_of(path: str, given: ListFormat | str | None) -> ListFormat:
    """Return the format of a file: the one that was given, or that of its suffix: .ndjson, .jsonl, .csv, and
    pdq for others. Raises ConfigError for .json, which may be several.
    """
    if given is not None:
        return ListFormat(given)
    suffix = PurePath(path).suffix.lower()
    if suffix == ".json":
        raise ConfigError(f"{path}: say which JSON it is with --format misp or --format vic")
    return _BY_SUFFIX.get(suffix, ListFormat.PDQ)


def import_list(
    store: Store,
    path: str,
    *,
    collection: str,
    name: str | None = None,
    format: ListFormat | str | None = None,
    replace: bool = False,
    refuse: Callable[[Numbered], None] = lambda _: None,
) -> ImportReport:
    """Keep the entries of a file, `refuse` what cannot be used, and return what became of them.

    `name`: of the list; default: that in the file, or the file's own without its suffix. `replace`: entries
    that the file does not have are withdrawn. Raises NotFound for an unknown collection, ConfigError for one
    that is not of purpose `known` and for a list of another collection, FormatError for a file that is not
    such a list, StoreError, OSError.
    """
    if (purpose := store.collections.require(collection).purpose) is not Purpose.KNOWN:
        raise ConfigError(
            f"collection {collection!r} has purpose {purpose.value}; hash lists need one of purpose known"
        )
    with open_regular(path) as file:
        try:
            header, lines = _READERS[format_of(path, format)](file)
        except FormatError as error:
            raise type(error)(f"{path}: {error}") from None
        title = name or header.name or PurePath(path).stem
        check_name("name of a list", title)
        known = store.hash_lists.all().get(title)
        if known is not None and known.collection != collection:
            raise ConfigError(
                f"list {title!r} belongs to collection {known.collection!r}; choose another --name"
            )
        moment = int(time.time()) if header.generated is None else header.generated
        counts, seen = Counter[EntryStatus](), set[str]()
        refused = 0
        try:
            for some in in_groups(_checked(lines, seen if replace else None), ENTRIES_AT_ONCE):
                kept = [line.entry for line in some if line.entry is not None]
                counts.update(store.hash_lists.keep(title, kept, moment=moment))
                for line in some:
                    if line.entry is None:
                        refused += 1
                        refuse(line)
            if replace and not refused:  # else a refused line would withdraw what it names
                counts.update(_withdraw_others(store, title, seen, moment))
        finally:
            _announce(store, title, collection, header)
    return ImportReport(title, dict(counts), refused)


def _checked(lines: Iterator[Numbered], seen: set[str] | None) -> Iterator[Numbered]:
    for count, line in enumerate(lines, 1):
        if count > MAX_ENTRIES:
            raise ConfigError(f"more than {MAX_ENTRIES:,} entries; split the list")
        if seen is not None and line.entry is not None:
            seen.add(line.entry.entry_id)
        yield line


def _withdraw_others(store: Store, name: str, seen: set[str], moment: int) -> list[EntryStatus]:
    """Withdraw the entries of a list that a file did not have."""
    gone = sorted({e.entry_id for e in store.hash_lists.entries(name) if not e.deleted} - seen)
    return withdraw(store, name, gone, moment=moment)


def withdraw(store: Store, name: str, ids: Sequence[str], *, moment: int | None = None) -> list[EntryStatus]:
    """Withdraw entries of a list, without telling other processes yet; return what became of each."""
    at, statuses = int(time.time()) if moment is None else moment, list[EntryStatus]()
    for some in in_groups(ids, ENTRIES_AT_ONCE):
        entries = [ListEntry(entry_id, deleted=True) for entry_id in some]
        statuses += store.hash_lists.keep(name, entries, moment=at)
    return statuses


def _announce(store: Store, name: str, collection: str, header: Header) -> None:
    about = HashList(
        collection=collection,
        tlp=header.tlp[:100],
        generated=header.generated,
        imported=int(time.time()),
        entries=sum(not entry.deleted for entry in store.hash_lists.entries(name)),
        stamp="",
    )
    store.hash_lists.announce(name, about)


def withdraw_entries(store: Store, name: str, ids: Sequence[str]) -> list[EntryStatus]:
    """Withdraw entries of a list, and return what became of each. Raises NotFound for an unknown list."""
    about = store.hash_lists.require(name)
    statuses = withdraw(store, name, ids)
    _announce(store, name, about.collection, Header(name, about.tlp, about.generated))
    return statuses


def export_list(
    store: Store,
    path: str,
    *,
    collection: str,
    name: str | None = None,
    format: ListFormat | str | None = None,
    tlp: str = "",
    previous: str | None = None,
) -> ExportReport:
    """Write the images of a collection to a new file, ordered by id, with their labels in it, and return how
    many there are. Blank images and those of a PDQ quality below 50 are left out.

    `previous`: an earlier export, in NDJSON, whose entries are told as withdrawn where they are no longer in
    the collection. Raises NotFound for an unknown collection, ConfigError for a file that exists, a format
    that is only read, or `previous` with one that cannot say it; FormatError, StoreError, OSError.
    """
    wanted = format_of(path, format)
    header = Header(name or collection, tlp, int(time.time()))
    writers: dict[ListFormat, Callable[[Iterator[ListEntry]], Iterator[str]]] = {
        ListFormat.NDJSON: partial(ndjson.write, header),
        ListFormat.PDQ: tables.write_pdq,
        ListFormat.CSV: tables.write_csv,
        ListFormat.MISP: partial(documents.write_misp, header),
    }
    if wanted not in writers:
        raise ConfigError(f"format {wanted.value} is only read; write ndjson, pdq, csv or misp")
    if previous is not None and wanted is ListFormat.PDQ:
        raise ConfigError("lines of pdq cannot say that an entry was withdrawn; use another --format")
    members = store.collections.members(collection)
    found, left_out = _hashed(store, members)
    gone = sorted(set() if previous is None else _entries_in(previous) - found.keys())
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.writelines(writers[wanted](_entries(store, collection, found, gone)))
    except FileExistsError:
        raise ConfigError(f"{path} exists; choose another name, or remove it") from None
    except BaseException:
        os.unlink(path)
        raise
    return ExportReport(len(found), len(gone), left_out)


def _hashed(store: Store, members: Iterable[ImageId]) -> tuple[dict[ImageId, tuple[str, int]], int]:
    """PDQ hash and quality of the images that are shared, by id, and the number of others."""
    wanted, found, left_out = {bytes.fromhex(image_id) for image_id in members}, {}, 0
    for change, _ in store.columns.changes(ColumnState(), words=False):
        for row in change.rows:
            if (name := row["image_id"].tobytes()) not in wanted:
                continue
            if row["flags"] & INFORMATIVE and row["pdq_quality"] >= LEAST_QUALITY:
                found[name.hex()] = row["pdq"].tobytes().hex(), int(row["pdq_quality"])
            else:
                left_out += 1
    return found, left_out


def _entries(
    store: Store, collection: str, found: dict[ImageId, tuple[str, int]], gone: list[str]
) -> Iterator[ListEntry]:
    for some in in_groups(sorted(found), IMAGES_AT_ONCE):
        with noting():
            infos = store.images.infos(some)
        for image_id, info in zip(some, infos, strict=True):
            if info is None:  # forgotten meanwhile
                continue
            pdq, quality = found[image_id]
            labels = next((one.labels for one in info.memberships if one.name == collection), {})
            yield ListEntry(
                image_id,
                pdq=pdq,
                sha256=image_id,
                pdq_quality=quality,
                labels=labels,
                first_seen=None if info.first_seen is None else int(info.first_seen.timestamp()),
                last_seen=None if info.last_seen is None else int(info.last_seen.timestamp()),
            )
    for entry_id in gone:
        yield ListEntry(entry_id, deleted=True)


def _entries_in(path: str) -> set[str]:
    """The ids of the entries of an earlier export, the withdrawn ones too: they are told again."""
    with open_regular(path) as file:
        try:
            _, lines = ndjson.read(file)
        except FormatError as error:
            raise type(error)(f"{path}: {error}") from None
        return {line.entry.entry_id for line in lines if line.entry is not None}
