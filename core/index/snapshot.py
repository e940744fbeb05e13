"""The word index as a file that the processes of one machine map, so that it is built once and is in memory
once.

Takes what a replica has built, and passes it to the next process that reads the same store. The file holds
words, row numbers, quantised keypoints, the number of words of each row, and two bytes of each image id to
check them by; it holds no id, no hash and no pixel. The store stays the truth: a replica maps a file only
when it fits the store's columns row by row (`IndexReplica`), and otherwise builds the index itself.

The file has 8 bytes of magic and version, the CRC-32 of all that follows (u32), the length of the header
(u32), the header (JSON: `Header`), and then the arrays, little-endian, each from a multiple of 64 bytes on:
runs u32[n, 2], counts u16[rows], marks u16[rows], and for each segment starts u32[words + 1] and postings
u32. All of it is checked before anything is used: 0.1 s of CPU for the 560 MiB of 100,000 images.

It is written under another name and renamed, and never changed. Only a regular file without a second name is
mapped, which is ours and in a folder of ours, both writable by nobody else: no symbolic link is followed and
no FIFO waited for. What remains: whoever may write as this user can cut the file while it is mapped, and the
next query of the process that has mapped it then ends with SIGBUS.
"""

import hashlib
import json
import logging
import mmap
import os
import secrets
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import NotAllowed, StoreFull
from .postings import Segment
from .words import BITS, KINDS, TABLES

log = logging.getLogger(__name__)

#: First bytes of every file; the last one is the version of the format.
MAGIC = b"DQWORDS\x03"
#: Every array starts at a multiple of so many bytes. chosen: a cache line.
ALIGNED = 64
#: Bytes before the header.
PREFIX_BYTES = len(MAGIC) + 8
#: Maximum size of a header in bytes. chosen: some thousand segments.
LONGEST_HEADER = 1 << 20
#: Age in seconds at which the half-written file of a killed process is removed. chosen.
STALE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says about its arrays."""

    #: Identity of the store.
    identity: str
    #: words.TABLES of the program that wrote it.
    tables: int
    #: words.BITS of the program that wrote it.
    bits: int
    #: When it was written, in Unix seconds.
    written: float
    #: For each shard its generation, and how many of its rows are here.
    covered: list[list[int]]
    #: Length of Snapshot.runs.
    runs: int
    #: Number of rows.
    rows: int
    #: For each segment its block and its number of postings.
    segments: list[list[int]]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A word index as it is written to a file, or mapped from it."""

    #: For each shard its generation, and how many of its rows are here.
    covered: Sequence[tuple[int, int]]
    #: The order of the rows: shard and number of rows, shape (n, 2).
    runs: NDArray[np.uint32]
    #: Number of words of each row, shape (rows,).
    counts: NDArray[np.uint16]
    #: Last two bytes of each row's image id, shape (rows,); 0 for a row that was dead.
    marks: NDArray[np.uint16]
    #: Tables, one or more for each block.
    segments: Sequence[Segment]
    #: When it was written, in Unix seconds.
    written: float


class SnapshotFile:
    """The file in which the snapshots of one store are kept."""

    def __init__(self, folder: Path, identity: Callable[[], str]) -> None:
        """`identity` returns the identity of the store; it is called at the first use."""
        self._folder = folder
        self._identity = cache(identity)

    @cached_property
    def path(self) -> Path:
        """Where the file is, whether it exists or not."""
        return self._folder / f"words-{hashlib.sha256(self._identity().encode()).hexdigest()[:32]}.snapshot"

    def load(self) -> Snapshot | None:
        """Map the file and return it; None when it does not exist, is damaged, or is not ours alone."""
        try:
            with _private_folder(self._folder) as folder:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                with open(os.open(self.path.name, flags, dir_fd=folder), "rb") as file:
                    found = os.fstat(file.fileno())
                    _check_ours(found)
                    # (one without a name has been replaced since it was opened, and is whole)
                    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                        raise ValueError("it is not a regular file with one name")
                    return self._read(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, StoreFull, NotAllowed) as error:
            log.info("the snapshot in %s is not used: %s", self._folder, error)
            return None

    def _read(self, mapped: mmap.mmap) -> Snapshot:
        """Raises ValueError or TypeError for a file that is damaged or contradicts its header."""
        if mapped[: len(MAGIC)] != MAGIC or len(mapped) < PREFIX_BYTES:
            raise ValueError("it has another format")
        checksum, length = np.frombuffer(mapped, "<u4", 2, len(MAGIC)).tolist()
        with memoryview(mapped) as every:
            if zlib.crc32(every[len(MAGIC) + 4 :]) != checksum:
                raise ValueError("it is damaged")
        start = PREFIX_BYTES
        text = mapped[start : start + min(length, LONGEST_HEADER)]
        header = Header(**json.loads(text))
        if (header.identity, header.tables, header.bits) != (self._identity(), TABLES, BITS):
            raise ValueError("it belongs to another store, or to another kind of words")
        arrays, place = [], start + length
        for dtype, shape in _layout(header):
            place = -(-place // ALIGNED) * ALIGNED
            size = np.dtype(dtype).itemsize * int(np.prod(shape))
            if place + size > len(mapped):
                raise ValueError("it ends too early")
            arrays.append(np.frombuffer(mapped, dtype, int(np.prod(shape)), place).reshape(shape))
            place += size
        if place != len(mapped):
            raise ValueError("it is longer than it says")
        runs, counts, marks, *tables = arrays
        segments = []
        for (block, _), starts, postings in zip(header.segments, tables[::2], tables[1::2], strict=True):
            if starts[0] != 0 or starts[-1] != len(postings) or (starts[1:] < starts[:-1]).any():
                raise ValueError("a table in it is damaged")
            segments.append(Segment(block, postings, None, starts))
        return Snapshot(
            [(generation, rows) for generation, rows in header.covered],
            runs,
            counts,
            marks,
            segments,
            header.written,
        )

    def save(self, snapshot: Snapshot) -> None:
        """Replace the file by this snapshot. Raises OSError when it cannot be written."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        header = Header(
            identity=self._identity(),
            tables=TABLES,
            bits=BITS,
            written=snapshot.written,
            covered=[list(shard) for shard in snapshot.covered],
            runs=len(snapshot.runs),
            rows=len(snapshot.counts),
            segments=[[segment.block, len(segment.postings)] for segment in snapshot.segments],
        )
        text = json.dumps(asdict(header)).encode()
        with _private_folder(self._folder) as folder:
            for left in os.listdir(folder):
                if left.startswith(f"{self.path.name}.") and _age(folder, left) > STALE_SECONDS:
                    os.unlink(left, dir_fd=folder)
            beside = f"{self.path.name}.{os.getpid()}.{secrets.token_hex(4)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with open(os.open(beside, flags, 0o600, dir_fd=folder), "wb") as file:
                    _write(file, text, zip(_arrays(snapshot), _layout(header), strict=True))
                os.replace(beside, self.path.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(beside, dir_fd=folder)
                raise


@contextmanager
def _private_folder(path: Path) -> Iterator[int]:
    """Yield a descriptor of a folder that is ours and that nobody else may write. Raises OSError."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check_ours(os.fstat(folder))
        yield folder
    finally:
        os.close(folder)


def _check_ours(found: os.stat_result) -> None:
    """Raise PermissionError for what belongs to another user, or may be written by one."""
    if found.st_uid != os.geteuid():
        raise PermissionError("it, or its folder, belongs to another user")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError("it, or its folder, may be written by other users")


def _age(folder: int, name: str) -> float:
    """Seconds since a file was written; 0 if it is gone."""
    try:
        return time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return 0.0


def _write(
    file: BinaryIO, header: bytes, arrays: Iterable[tuple[NDArray[Any], tuple[str, tuple[int, ...]]]]
) -> None:
    """Write a file, with the checksum of all that follows it."""
    checksum, length = 0, len(MAGIC) + 4
    file.write(MAGIC + bytes(4))

    def put(piece: bytes | memoryview) -> None:
        nonlocal checksum, length
        file.write(piece)
        checksum, length = zlib.crc32(piece, checksum), length + len(piece)

    put(len(header).to_bytes(4, "little") + header)
    for array, (dtype, _) in arrays:
        put(bytes(-length % ALIGNED))
        put(np.ascontiguousarray(array, dtype).data.cast("B") if array.size else b"")
    file.seek(len(MAGIC))
    file.write(checksum.to_bytes(4, "little"))


def _layout(header: Header) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from (("<u4", (header.runs, 2)), ("<u2", (header.rows,)), ("<u2", (header.rows,)))
    for _, postings in header.segments:
        yield from (("<u4", (KINDS + 1,)), ("<u4", (postings,)))


def _arrays(snapshot: Snapshot) -> Iterator[NDArray[Any]]:
    yield from (snapshot.runs, snapshot.counts, snapshot.marks)
    for segment in snapshot.segments:
        assert segment.starts is not None
        yield from (segment.starts, segment.postings)
