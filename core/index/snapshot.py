"""The word index as a file that the processes of one machine map, so that it is built once and is in memory
once.

Takes what a replica has built, and passes it to the next process that reads the same store. The file holds
words, row numbers, quantised keypoints, the number of words of each row, and two bytes of each image id to
check them by; it holds no id, no hash and no pixel. The store stays the truth: a replica maps a file only
when it fits the store's columns row by row (`IndexReplica`), and otherwise builds the index itself.

The file has 8 bytes of magic and version, the length of the header (u32), the header's sha256, the header
(JSON: `Header`), and then the arrays, little-endian, each from a multiple of 64 bytes on: runs u32[n, 2],
counts u16[rows], marks u16[rows], and for each segment starts u32[words + 1] and postings u32. It is written
under another name and renamed, it is never changed, and only files of this process's own user are mapped.
"""

import hashlib
import json
import logging
import mmap
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .postings import Segment
from .words import BITS, KINDS, TABLES

log = logging.getLogger(__name__)

#: First bytes of every file; the last one is the version of the format.
MAGIC = b"DQWORDS\x02"
#: Every array starts at a multiple of so many bytes. chosen: a cache line.
ALIGNED = 64
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
        """Map the file and return it; None when it does not exist, is damaged, or is not ours."""
        try:
            with self.path.open("rb") as file:
                if os.fstat(file.fileno()).st_uid != os.geteuid():
                    raise ValueError("it belongs to another user")
                return self._read(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.info("the snapshot %s is not used: %s", self.path, error)
            return None

    def _read(self, mapped: mmap.mmap) -> Snapshot:
        """Raises ValueError or TypeError for a file that contradicts its header."""
        start = len(MAGIC) + 36
        if mapped[: len(MAGIC)] != MAGIC or len(mapped) < start:
            raise ValueError("it has another format")
        length = int.from_bytes(mapped[len(MAGIC) : len(MAGIC) + 4], "little")
        text = mapped[start : start + min(length, LONGEST_HEADER)]
        if hashlib.sha256(text).digest() != mapped[start - 32 : start]:
            raise ValueError("its header is damaged")
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
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.path.parent.glob(f"{self.path.name}.*"):
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink(missing_ok=True)
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
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(MAGIC + len(text).to_bytes(4, "little") + hashlib.sha256(text).digest() + text)
                for array, (dtype, _) in zip(_arrays(snapshot), _layout(header), strict=True):
                    file.write(bytes(-file.tell() % ALIGNED))
                    file.write(np.ascontiguousarray(array, dtype).data)
            os.replace(beside, self.path)
        finally:
            beside.unlink(missing_ok=True)


def _layout(header: Header) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from (("<u4", (header.runs, 2)), ("<u2", (header.rows,)), ("<u2", (header.rows,)))
    for _, postings in header.segments:
        yield from (("<u4", (KINDS + 1,)), ("<u4", (postings,)))


def _arrays(snapshot: Snapshot) -> Iterator[NDArray[Any]]:
    yield from (snapshot.runs, snapshot.counts, snapshot.marks)
    for segment in snapshot.segments:
        assert segment.starts is not None
        yield from (segment.starts, segment.postings)
