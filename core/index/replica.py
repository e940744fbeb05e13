"""This process's copy of the columns, searchable: hashes by Hamming distance, parts by shared words.

The store is the truth; a replica can be thrown away at any time. `refresh` asks all shards for what came
behind the last row that this copy holds, in one round trip, so every add that was acknowledged before a query
is seen by it, whichever process made it. A shard whose generation changed (compaction) is read anew. One lock
serves any number of threads.

The words are the most of it, so what one process has built of them the others of the machine map
(snapshot.py). A row is taken from there only if the store has it at the same place of the same generation,
alive, with the same number of words, or dead: its words then find nothing, as in any replica, and the file is
renewed without them.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..deadline import seconds_left
from ..errors import StoreTimeout
from ..records import ImageId
from ..store.columns import INFORMATIVE, ColumnReader, ColumnState, ShardChange
from ..store.keys import SHARDS
from .hamming import HammingIndex
from .rows import Rows
from .snapshot import Snapshot, SnapshotFile
from .words import Corners, WordIndex

log = logging.getLogger(__name__)

#: Share of dead rows at which the copy is thrown away and read anew. chosen.
REBUILD_SHARE = 0.3
#: ... but never for fewer dead rows than this. chosen.
REBUILD_LEAST = 10_000

#: Images whose words must be new for a snapshot to be written. chosen: they take a second to index.
SHARED_FROM = 5_000
#: ... and a share of what the one before holds: one in so many. chosen: each image is then written about nine
#: times in all.
SHARED_GROWTH = 8
#: Seconds after which a snapshot is renewed that holds words of a forgotten image. chosen: a minute of
#: writing a day at 100,000.
SHARED_SECONDS = 3600
#: Images whose votes are counted a second time, by place. measured (2026-11, 6,511 images, 174 hard
#: questions): the right one is among them in 96.0 %, among 600 in 94.8; what a question costs more by them
#: does not grow with the index.
RANKED_AGAIN = 1_000


@dataclass(frozen=True, slots=True)
class Near:
    image_id: ImageId
    bits: int


@dataclass(frozen=True, slots=True)
class Shared:
    image_id: ImageId
    votes: float


class IndexReplica:
    def __init__(self, reader: ColumnReader, shared: SnapshotFile | None = None) -> None:
        """`shared`: where processes of this machine share what they have built; None: nowhere."""
        self._reader = reader
        self._shared = shared
        self._lock = threading.RLock()
        self._clear()

    def __len__(self) -> int:
        """Live images."""
        with self._lock:
            return int(np.count_nonzero(self._live.view))

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays of the hash replica (without words)."""
        return (
            self._hashes.nbytes
            + self._ids.nbytes
            + self._live.nbytes
            + sum(rows.nbytes for rows in self._numbers)
        )

    @property
    def word_bytes(self) -> int:
        """Bytes of the arrays that find parts."""
        return self._words.nbytes

    def _clear(self) -> None:
        self._state = ColumnState()
        self._hashes = HammingIndex()
        self._words = WordIndex()
        self._ids = Rows(np.uint8, 32)
        self._live = Rows(np.bool_)
        self._numbers = [Rows(np.uint32) for _ in SHARDS]
        """For each shard: the row here of each row there."""
        self._dead = 0
        self._runs: list[tuple[int, int]] | None = []
        """Shard and number of rows, in the order in which they came; None when a shard was read anew, so that some rows are of no generation."""
        self._in_file = 0
        """Rows that the snapshot of which we know holds, and how many of them were dead when it was written, and when."""
        self._dead_in_file = 0
        self._written = 0.0

    def refresh(self) -> None:
        """Take over all that the store acknowledged before this call. Raises StoreError.

        Interrupted (the store fell silent, or the thread's time is up), it keeps what it has taken over; the
        next call goes on from there.
        """
        left = seconds_left()
        if not self._lock.acquire(timeout=-1 if left is None else max(left, 0)):
            raise StoreTimeout(
                "the index is being loaded by another thread, and the time for this question is up; ask again in a moment"
            )
        try:
            if self._dead > REBUILD_LEAST and self._dead > REBUILD_SHARE * len(self._live):
                self._clear()
            elif self._shared is not None and not len(self._ids):
                self._map(self._shared.load())
            for change, after in self._reader.steps(self._state):
                self._apply(change)
                self._state = after
            if left is None:  # who has little time leaves it to others
                self._share()
        finally:
            self._lock.release()

    def _apply(self, change: ShardChange) -> None:
        shard = change.shard
        if change.reload and len(self._numbers[shard]):
            self._kill(self._numbers[shard].view)
            self._numbers[shard] = Rows(np.uint32)
            self._runs = None
        if len(change.rows):
            numbers = self._append(shard, change.rows)
            self._words.extend(np.repeat(numbers, change.rows["words"]), change.words)
        if len(change.dead):
            self._kill(self._numbers[shard].view[change.dead])

    def _append(self, shard: int, rows: NDArray[np.void]) -> NDArray[np.uint32]:
        """All of these rows but their words; gives their numbers here."""
        first = len(self._ids)
        alive: NDArray[np.bool_] = np.asarray(rows["image_id"].any(axis=1))
        self._ids.extend(rows["image_id"])
        self._hashes.extend(rows["pdq"], np.logical_and(alive, rows["flags"] & INFORMATIVE))
        self._live.extend(alive)
        self._dead += int(np.count_nonzero(~alive))
        numbers = np.arange(first, first + len(rows), dtype=np.uint32)
        self._numbers[shard].extend(numbers)
        if self._runs is not None:
            self._runs.append((shard, len(rows)))
        return numbers

    def _map(self, snapshot: Snapshot | None) -> None:
        """Take the words from a snapshot, and their rows from the store, if the two fit."""
        begun = None if snapshot is None else self._reader.beginnings(snapshot.covered)
        if snapshot is None or begun is None:
            return
        shards, state = begun
        done = [0] * len(shards)
        pieces = []
        for shard, count in snapshot.runs.tolist():
            pieces.append((shard, shards[shard][done[shard] : done[shard] + count]))
            done[shard] += count
        rows = np.concatenate([piece for _, piece in pieces]) if pieces else shards[0][:0]
        known = rows["image_id"].any(axis=1)
        if (
            done != [len(shard) for shard in shards]
            or len(rows) != len(snapshot.counts)
            or (rows["words"] != snapshot.counts).any()
        ):
            log.info("the snapshot of the words does not fit the store; it is made anew")
            return
        if (_marks(rows["image_id"]) != snapshot.marks)[known].any():
            log.info("the snapshot of the words is of other images than the store; it is made anew")
            return
        for shard, piece in pieces:
            self._append(shard, piece)
        self._words.take(snapshot.segments, snapshot.counts)
        self._in_file, self._dead_in_file, self._written = (
            len(rows),
            int(np.count_nonzero(snapshot.marks == 0)),
            snapshot.written,
        )
        self._state = state

    def _share(self) -> None:
        """Write a snapshot when much is new, or when the one there is holds words of images that were
        forgotten; then map it.
        """
        new, gone = len(self._ids) - self._in_file, int(np.count_nonzero(~self._live.view[: self._in_file]))
        grown = new >= max(SHARED_FROM, self._in_file // SHARED_GROWTH)
        to_forget = gone > self._dead_in_file and time.time() - self._written >= SHARED_SECONDS
        if self._shared is None or self._runs is None or not (grown or to_forget):
            return
        segments, counts = self._words.tables(self._live.view)
        covered = [(shard.head.generation, shard.head.rows) for shard in self._state.shards]
        runs = np.array(self._runs, np.uint32).reshape(-1, 2)
        snapshot = Snapshot(covered, runs, counts, _marks(self._ids.view), segments, time.time())
        try:
            self._shared.save(snapshot)
        except OSError as error:
            log.info("no snapshot of the words is kept for other processes: %s", error)
            self._shared = None
            return
        mapped = self._shared.load() or snapshot
        if mapped.written == snapshot.written:
            self._words.take(mapped.segments, mapped.counts)
        self._in_file, self._dead_in_file, self._written = (
            len(self._ids),
            int(np.count_nonzero(~self._live.view)),
            snapshot.written,
        )

    def _kill(self, numbers: NDArray[np.uint32]) -> None:
        self._dead += int(np.count_nonzero(self._live.view[numbers]))
        self._live.view[numbers] = False
        self._ids.view[numbers] = 0
        self._hashes.remove(numbers)

    def near(self, pdq: bytes, radius: int, most: int | None = None) -> list[Near]:
        """Informative images whose PDQ lies within `radius` bits, nearest first: all, or the nearest `most`."""
        with self._lock:
            rows, bits = self._hashes.search(pdq, radius)
            found = zip(rows[:most], bits[:most], strict=True)
            return [Near(self._ids.view[row].tobytes().hex(), int(distance)) for row, distance in found]

    def sharing(self, corners: Corners, most: int, *, again: int = RANKED_AGAIN) -> list[Shared]:
        """The `most` live images that share the most weight of words with a query's corners, heaviest first.

        The first `again` are ordered by votes of words in one arrangement, and the rest has no more than the
        last of them.
        """
        with self._lock:
            votes = self._words.vote(corners.sampled, len(self._ids)) * self._live.view
            most = min(most, int(np.count_nonzero(votes)))
            best = np.argpartition(-votes, most - 1)[:most] if most else np.empty(0, np.int64)
            best = best[np.argsort(-votes[best], kind="stable")]
            first, rest = best[:again], best[again:]
            placed = self._words.vote_by_place(corners, first)
            order = np.argsort(-placed, kind="stable")
            least = placed.min(initial=np.inf)
            falling = least * votes[rest] / votes[first].min(initial=np.inf)
            ranked = zip((*first[order], *rest), (*placed[order], *falling), strict=True)
            return [Shared(self._ids.view[row].tobytes().hex(), float(heard)) for row, heard in ranked]


def _marks(ids: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Two bytes of each image id (n, 32), by which a row of a snapshot is known again; 0 for a dead row, and
    1 in the place of 0.
    """
    marks = ids[:, 30].astype(np.uint16) << np.uint16(8) | ids[:, 31]
    marks[(marks == 0) & ids.any(axis=1)] = 1
    return marks
