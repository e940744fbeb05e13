"""The file of a backup: entries one after the other, the last of which has the digest of all others.

Takes the values of a store's keys as they are; gives them back in the same order, one at a time. Sizes are
checked before memory is taken. The layout is in FORMAT.md.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from ..errors import CorruptRecord, UnknownVersion

#: First bytes of every backup; the last one is the version of the format.
MAGIC = b"DQBACK\x00\x01"
#: Maximum number of bytes of an entry. chosen: a record takes 40 KiB, a page of items some 1 MiB.
MAX_ENTRY = 64 * 1024 * 1024
#: Name of the last entry.
END = "end"

_U32 = struct.Struct("<I")
_DAMAGED = "take another backup; nothing was restored"


@dataclass(frozen=True, slots=True)
class Entry:
    """Items of one key of the store, or a part of them."""

    #: The tag that the key lies under; empty for what is about the backup itself.
    tag: str
    #: Name of the key under its tag.
    name: str
    #: Its items in turn: fields and values of a hash, members and scores of a sorted set, members of a set.
    items: tuple[bytes, ...]

    @property
    def kind(self) -> str:
        """Return the word before the colon of the name."""
        return self.name.partition(":")[0]

    @property
    def about(self) -> str:
        """Return what follows the colon of the name, such as an image id."""
        return self.name.partition(":")[2]

    @property
    def pairs(self) -> dict[bytes, bytes]:
        """Return the items as a dictionary. Raises CorruptRecord for an odd number of them."""
        if len(self.items) % 2:
            raise CorruptRecord(f"backup, entry {self.name!r:.100}: {len(self.items)} items are not pairs")
        return dict(zip(self.items[::2], self.items[1::2], strict=True))


class Writer:
    """Writes entries to a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest, self._entries = file, hashlib.sha256(), 0
        self._put(MAGIC)

    @property
    def entries(self) -> int:
        """Return the number of entries that were written."""
        return self._entries

    def write(self, tag: str, name: str, items: Sequence[bytes]) -> None:
        """Write an entry; without items nothing is written. Raises CorruptRecord for one that is too large
        to be read again.
        """
        if not items:
            return
        parts = (tag.encode(), name.encode("utf-8", "surrogateescape"), *items)
        size = sum(len(part) + _U32.size for part in parts)
        if size > MAX_ENTRY:
            raise CorruptRecord(f"{name[:100]}: {size:,} bytes, more than the limit of {MAX_ENTRY:,}")
        self._put(_U32.pack(size))
        for part in parts:
            self._put(_U32.pack(len(part)))
            self._put(part)
        self._entries += 1

    def end(self) -> str:
        """Write the last entry, and return the digest in hexadecimal digits."""
        digest = self._digest.hexdigest()
        self.write("", END, (b"%d" % self._entries, digest.encode()))
        return digest

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


def read_entries(file: BinaryIO, name: str, start: int = 0) -> Iterator[tuple[int, Entry]]:
    """Yield the entries of a backup with the offset of each, the last one left out. `start`: the offset of
    the first one; from 0 on, the digest is compared, too, before the last entry is passed.

    Raises UnknownVersion for a file that is not a backup of this format, CorruptRecord for one that is cut
    short or damaged; `name` is that of the file.
    """
    digest, count = hashlib.sha256(), 0
    file.seek(start)
    if start == 0:
        magic = file.read(len(MAGIC))
        if magic[:-1] != MAGIC[:-1]:
            raise CorruptRecord(f"{name}: not a backup of douglas-quaid")
        if magic != MAGIC:
            raise UnknownVersion(
                f"{name}: a backup of format {magic[-1]}, this program reads {MAGIC[-1]}; use the"
                " douglas-quaid that wrote it"
            )
        digest.update(magic)
    while True:
        offset = file.tell()
        size = file.read(_U32.size)
        if len(size) != _U32.size:
            raise CorruptRecord(f"{name}: it ends at byte {offset:,} without its last entry; {_DAMAGED}")
        length = _U32.unpack(size)[0]
        if length > MAX_ENTRY:
            raise CorruptRecord(
                f"{name}: an entry of {length:,} bytes at byte {offset:,}, more than the limit of"
                f" {MAX_ENTRY:,}; {_DAMAGED}"
            )
        body = file.read(length)
        entry = _entry(body, length, f"{name}, byte {offset:,}")
        if (entry.tag, entry.name) == ("", END):
            if start == 0 and entry.items != (b"%d" % count, digest.hexdigest().encode()):
                raise CorruptRecord(f"{name}: its digest does not fit, so it was damaged; {_DAMAGED}")
            if file.read(1):
                raise CorruptRecord(f"{name}: something follows its last entry; {_DAMAGED}")
            return
        digest.update(size)
        digest.update(body)
        count += 1
        yield offset, entry


def _entry(body: bytes, length: int, where: str) -> Entry:
    parts, at = list[bytes](), 0
    while at < len(body):
        end = at + _U32.size
        if end > len(body):
            raise CorruptRecord(f"{where}: an entry that cannot be read; {_DAMAGED}")
        size = _U32.unpack_from(body, at)[0]
        parts.append(body[end : end + size])
        at = end + size
    if len(body) != length or at != len(body) or len(parts) < 3:
        raise CorruptRecord(f"{where}: an entry that cannot be read; {_DAMAGED}")
    tag, name, *items = parts
    return Entry(tag.decode("ascii", "replace"), name.decode("utf-8", "surrogateescape"), tuple(items))
