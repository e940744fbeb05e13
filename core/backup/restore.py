"""Restoring a backup: the images that a store lacks come back, with all that the backup says of them.

An image that the store has stays as it is, because the store knows it better than an older copy, and one that
was forgotten since the backup does not come back. So a restore fills an empty store, and in any other one it
repairs a loss. Columns and lookups are made by the script that adds every image. Pairs and clusters follow
as they were, with the ids that others know; where the backup caught a change half-done, or a partner is
missing, the walk at the end (../integrity/check.py) makes both sides agree. The ids of images that are being
brought back lie in `restoring`, so that an interrupted restore goes on where it was when it is run again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from ..batches import in_groups
from ..errors import CorruptRecord, UnknownVersion
from ..files import open_regular
from ..index.new_image import new_image
from ..integrity.check import mend_store
from ..integrity.finding import Finding
from ..records import ImageId
from ..search.references import read_record
from ..store import Store, values
from ..store.keys import META, SCHEMA_VERSION, SHARDS, as_text, on_image, on_meta, on_shard
from ..store.membership import read_collection
from ..store.scripts import MARK_IMAGE
from ..strict_json import from_object, parse_object
from .entries import Entry, read_entries
from .images import Brought
from .relations import bring_relations

#: Images that are looked up in one round trip. chosen: 3 MB of records.
IMAGES_AT_ONCE = 64
#: Entries about pairs and clusters that are brought back in one round trip. chosen: 1 MB.
ENTRIES_AT_ONCE = 64
#: How far the clocks of two servers may differ, in seconds: an image that was forgotten less than that before
#: the backup began counts as forgotten since. chosen.
CLOCK_SECONDS = 60.0
#: Kinds of entries that make an image.
OF_IMAGE = ("img", "occ", "seen", "mem")


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What became of the images of a backup."""

    #: Name of the file.
    path: str
    #: Number of images that came back.
    restored: int
    #: Number of images that the store has, which stay as they are.
    known: int
    #: Number of images that were forgotten since the backup, and do not come back.
    forgotten: int
    #: What of the backup cannot be read and was left out.
    problems: tuple[str, ...]
    #: What the walk at the end could not mend.
    left: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """What a backup says about itself."""

    #: Schema of the store.
    schema: int
    #: Identity of the store.
    identity: str
    #: When it was begun, in unix seconds.
    begun: float


def restore_backup(store: Store, path: str) -> RestoreReport:
    """Bring back from a backup what the store lacks, and return what became of its images.

    The whole file is read and compared with its digest before anything is written. May be interrupted and
    run again. Raises FormatError for a file that is not whole, ConfigError if a collection has another
    purpose in the store, StoreError, and OSError.
    """
    with open_regular(path) as file:
        header, marks = _examine(read_entries(file, path), path)
        _bring_collections(store, (entry for _, entry in read_entries(file, path)))
        if store.images.count() == 0:
            store.connection.ask(on_meta("HSET", "head", "identity", header.identity))
        if marks is not None:
            _bring_marks(store, (entry for _, entry in read_entries(file, path, marks)))
        with values.noting() as problems:
            counts = _bring_images(store, (entry for _, entry in read_entries(file, path)), header)
            for some in in_groups((entry for _, entry in read_entries(file, path)), ENTRIES_AT_ONCE):
                bring_relations(store, some)
        store.connection.ask(on_meta("UNLINK", "restoring"))
    left = mend_store(store, lambda finding: None)
    return RestoreReport(path, *counts, problems=tuple(problems), left=tuple(left))


def _examine(entries: Iterator[tuple[int, Entry]], path: str) -> tuple[Header, int | None]:
    """Read the whole file; return its header, and where its first mark of a forgotten image is."""
    header, marks = None, None
    for offset, entry in entries:
        if header is None:
            try:
                header = from_object(Header, parse_object(entry.items[0].decode()))
            except (ValueError, KeyError, RecursionError) as error:
                raise CorruptRecord(f"{path}: its header cannot be read ({error})") from None
            if header.schema != SCHEMA_VERSION:
                raise UnknownVersion(
                    f"{path}: a backup of a store of schema {header.schema}, this program has"
                    f" {SCHEMA_VERSION}; restore it with the douglas-quaid that wrote it"
                )
        if entry.kind == "forgotten" and marks is None:
            marks = offset
    if header is None:
        raise CorruptRecord(f"{path}: it has no header")
    return header, marks


def _bring_collections(store: Store, entries: Iterable[Entry]) -> None:
    """Create the collections, which come before the images."""
    for entry in entries:
        if entry.kind in OF_IMAGE:
            break
        if (entry.tag, entry.name) == (META, "collections"):
            for name, value in entry.pairs.items():
                collection = read_collection(as_text(name), value)
                store.collections.create(collection.name, collection.purpose)


def _bring_marks(store: Store, entries: Iterable[Entry]) -> None:
    """Note what was forgotten before the backup ended: a still older one does not bring it back either."""
    for entry in entries:
        if entry.kind != "forgotten" or entry.tag not in SHARDS:
            continue
        marks = entry.pairs
        scores = {mark: values.seconds(f"backup, {entry.name}", score) for mark, score in marks.items()}
        arguments = [part for mark, score in scores.items() for part in (repr(score), mark)]
        store.connection.ask(on_shard(entry.tag, "ZADD", "forgotten", "GT", *arguments))


def mark_of(image_id: ImageId) -> str:
    """Return what stays of a forgotten image; `forgotten_mark` of shard.lua."""
    return hashlib.sha1(f"forgotten {image_id}".encode()).hexdigest()


def _bring_images(store: Store, entries: Iterable[Entry], header: Header) -> tuple[int, int, int]:
    """Add the images that are wanted; return how many were, how many are known, and how many forgotten."""
    restored = known = forgotten = 0
    waiting = list[Brought]()

    def bring() -> None:
        nonlocal restored, known, forgotten
        states = store.connection.run(
            [
                command
                for image in waiting
                for command in (
                    on_image("EXISTS", "img", image.image_id),
                    on_meta("SISMEMBER", "restoring", image.image_id),
                    on_shard(image.image_id[0], "ZSCORE", "forgotten", mark_of(image.image_id)),
                )
            ]
        )
        for image, there, begun, mark in zip(waiting, *(states[n::3] for n in range(3)), strict=True):
            if mark is not None and float(mark) >= header.begun - CLOCK_SECONDS:
                forgotten += 1
            elif there and not begun:
                known += 1
            else:
                with values.left_out_if_broken():
                    restored += _bring(store, image)
        waiting.clear()

    images = (entry for entry in entries if entry.kind in OF_IMAGE and entry.tag in SHARDS)
    for _, group in groupby(images, key=lambda entry: entry.about):
        with values.left_out_if_broken():
            waiting.append(Brought.of(list(group)))
        if len(waiting) == IMAGES_AT_ONCE:
            bring()
    bring()
    return restored, known, forgotten


def _bring(store: Store, image: Brought) -> int:
    """Add one image with its sightings and memberships; return 1 if that was done."""
    features = read_record(image.image_id, image.record)
    # to the byte: a record of an older format may hold more than is stored today
    entry = replace(new_image(features), record=image.record)
    store.connection.ask(on_meta("SADD", "restoring", image.image_id))
    store.images.bring_back(entry, image.sightings, image.memberships, (image.first, image.last))
    for name, value in image.marks.items():
        store.connection.ask(MARK_IMAGE(image.image_id[0], image.image_id, name, value))
    return 1
