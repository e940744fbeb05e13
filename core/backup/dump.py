"""Writing a backup: every value that a store cannot make again from others, while others go on working.

The images come first, shard by shard, then what spans them, and what was forgotten last: whatever is
forgotten after its image was read is known at the end. What somebody changes meanwhile may be in the backup
or not, and a pair may be there on one side only; a restore makes that whole again (restore.py). Columns,
lookups and counters are not written, because they follow from the rest, and the keys of the service are not
written, because a backup lies where the service does not.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, NotAllowed
from ..records import ImageId
from ..store import Store
from ..store.images import scored
from ..store.keys import META, SCHEMA_VERSION, SHARDS, as_text, on_image, on_meta, on_shard
from ..store.values import noting
from .entries import Writer

#: Items of one entry, in bytes, after which another entry is begun. chosen.
ENTRY_BYTES = 1 << 20
#: Images read in one round trip. chosen: 3 MB of records.
IMAGES_AT_ONCE = 64
#: Members of a sorted set that are read in one round trip. chosen: 1 MB.
MEMBERS_AT_ONCE = 16_384
#: Permissions of a backup. spec: only its owner may read it.
MODE = 0o600


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was written."""

    #: Name of the file.
    path: str
    #: Number of images in it.
    images: int
    #: Its size in bytes.
    bytes: int
    #: sha256 of all but its last entry, which repeats it.
    sha256: str
    #: What is broken in the store and is therefore missing, with keys and remedies.
    problems: tuple[str, ...]


def write_backup(store: Store, path: str) -> BackupReport:
    """Write a new file with mode 0600, and return what is in it. The file appears under its name once it is
    whole and on the disk.

    Raises ConfigError if there is a file of that name, StoreError, and OSError.
    """
    if os.path.lexists(path):
        raise ConfigError(f"{path} exists; choose another name, or remove it")
    folder, name = os.path.split(os.path.abspath(path))
    unfinished = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        with open(descriptor, "wb") as file, noting() as problems:
            writer = Writer(file)
            images = _write_all(store, writer)
            digest = writer.end()
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        os.link(unfinished, path)  # unlike a renaming, it never replaces another file
    finally:
        with suppress(FileNotFoundError):
            os.unlink(unfinished)
    return BackupReport(path, images, size, digest, tuple(problems))


def _write_all(store: Store, writer: Writer) -> int:
    header = {"schema": SCHEMA_VERSION, "identity": store.identity(), "begun": _now(store)}
    writer.write("", "backup", [json.dumps(header).encode()])
    _write_hash(store, writer, META, "collections")
    images = 0
    for page in store.images.ids_after():
        for at in range(0, len(page), IMAGES_AT_ONCE):
            images += _write_images(store, writer, page[at : at + IMAGES_AT_ONCE])
    for name in ("cluster-of", "alias", "hubs", "bookmarks"):
        _write_hash(store, writer, META, name)
    for cluster in sorted(store.connection.ask(on_meta("SMEMBERS", "clusters"))):
        for kind in ("representatives", "kept"):
            name = f"{kind}:{as_text(cluster)}"
            _write_items(writer, META, name, sorted(store.connection.ask(on_meta("SMEMBERS", name))))
    _write_items(writer, META, "relink", sorted(store.connection.ask(on_meta("SMEMBERS", "relink"))))
    for name in sorted(store.hash_lists.all()):
        _write_hash(store, writer, META, f"list:{name}")
    _write_hash(store, writer, META, "lists")
    calibration, text = store.settings.chosen_calibration()
    if calibration is not None and text is not None:
        writer.write(META, "calibration", [calibration.encode(), text.encode("utf-8", "surrogateescape")])
    for tag in SHARDS:
        for some in _members(store, tag, "forgotten"):
            writer.write(tag, "forgotten", some)
    return images


def _now(store: Store) -> float:
    """The time by the clocks of the store's servers, which say when an image was forgotten."""
    try:
        clocks = store.connection.everywhere("TIME")
    except NotAllowed:
        return time.time()
    return min(int(seconds) + int(micros) / 1e6 for seconds, micros in clocks)


def _write_images(store: Store, writer: Writer, ids: Sequence[ImageId]) -> int:
    """Write some images with all that is kept about each alone; return how many were there."""
    commands = [
        command
        for image_id in ids
        for command in (
            on_image("HGETALL", "img", image_id),
            on_image("HGETALL", "occ", image_id),
            on_image("ZRANGE", "seen", image_id, 0, -1, "WITHSCORES"),
            on_image("HGETALL", "mem", image_id),
            on_image("HGETALL", "ver", image_id),
            on_image("ZRANGE", "partners", image_id, 0, -1, "WITHSCORES"),
            *(on_meta("HGETALL", f"{kind}:{image_id}") for kind in ("judged", "joining", "blocked")),
        )
    ]
    answers, written = iter(store.connection.run(commands)), 0
    for image_id in ids:
        image, occurrences, seen, memberships, verdicts, partners, *pairs = (next(answers) for _ in range(9))
        if b"record" not in image or b"digest" not in image:  # forgotten meanwhile, or broken
            continue
        written += 1
        fields = {name: value for name, value in image.items() if not name.startswith(b"row:")}
        tag = image_id[0]
        _write_items(writer, tag, f"img:{image_id}", _flat(fields))
        _write_items(writer, tag, f"occ:{image_id}", _flat(occurrences))
        _write_items(writer, tag, f"seen:{image_id}", _ranked(seen))
        _write_items(writer, tag, f"mem:{image_id}", _flat(memberships))
        _write_items(writer, tag, f"ver:{image_id}", _flat(verdicts))
        _write_items(writer, tag, f"partners:{image_id}", _ranked(partners))
        for kind, part in zip(("judged", "joining", "blocked"), pairs, strict=True):
            _write_items(writer, META, f"{kind}:{image_id}", _flat(part))
    return written


def _write_hash(store: Store, writer: Writer, tag: str, name: str) -> None:
    """Write a hash of any size, read some fields at a time."""
    found = store.connection.scan(tag, name, "")
    _write_items(writer, tag, name, (part for pair in found for part in pair))


def _write_items(writer: Writer, tag: str, name: str, items: Iterable[bytes]) -> None:
    """Write items as one or more entries, each with an even number of items where they are pairs."""
    page, size = list[bytes](), 0
    for item in items:
        page.append(item)
        size += len(item)
        if size >= ENTRY_BYTES and len(page) % 2 == 0:
            writer.write(tag, name, page)
            page, size = [], 0
    writer.write(tag, name, page)


def _members(store: Store, tag: str, name: str) -> Iterator[list[bytes]]:
    """All members of a sorted set with their scores, by score; what is added meanwhile comes last."""
    at = 0
    while True:
        end = at + MEMBERS_AT_ONCE - 1
        found = store.connection.ask(on_shard(tag, "ZRANGE", name, at, end, "WITHSCORES"))
        if not found:
            return
        yield _ranked(found)
        at = end + 1


def _flat(fields: dict[bytes, bytes]) -> list[bytes]:
    return [part for pair in sorted(fields.items()) for part in pair]


def _ranked(answer: Any) -> list[bytes]:
    return [part for member, score in scored(answer) for part in (member, repr(score).encode())]
