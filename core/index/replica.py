"""This process's searchable copy of the columns: hashes by Hamming distance, parts by shared visual words.

The store is the truth, and a replica can be thrown away at any time. `refresh` asks all shards for the rows
behind the last one of this copy, in one round trip. So a query sees every add that was acknowledged before
it, whichever process made it. A shard whose generation changed (compaction) is read again. One lock serves
any number of threads.

The words are the largest part, so what one process has built of them the other processes of the machine map
(snapshot.py). A row is taken from a snapshot only if the store has it at the same place of the same
generation, with the same number of words, and either with the same mark or dead. The words of a dead row find
nothing, as in any replica, and the snapshot is soon written again without them.
"""

import logging
import threading
import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..deadline import Timer, seconds_left
from ..errors import CorruptRecord, NotAllowed, StoreFull, StoreTimeout
from ..records import ImageId
from ..store.columns import INFORMATIVE, ColumnReader, ColumnState, ShardChange
from ..store.keys import SHARDS
from ..store.values import left_out_if_broken
from .hamming import HammingIndex
from .options import DEFAULTS, UPKEEP, IndexOptions, UpkeepOptions
from .rows import Rows
from .snapshot import Snapshot, SnapshotFile
from .words import WordIndex, WordKeypoints

log = logging.getLogger(__name__)


class Near(NamedTuple):
    """An image whose PDQ hash is near the query's."""

    #: The image.
    image_id: ImageId
    #: Hamming distance of the two hashes.
    bits: int


class Shared(NamedTuple):
    """An image that shares visual words with the query."""

    #: The image.
    image_id: ImageId
    #: Weight of the shared words.
    votes: float


class IndexReplica:
    """The columns of a store, as this process holds them; safe for threads."""

    def __init__(
        self,
        reader: ColumnReader,
        shared: SnapshotFile | None = None,
        *,
        options: IndexOptions = DEFAULTS,
        upkeep: UpkeepOptions = UPKEEP,
    ) -> None:
        """`shared` is where the processes of this machine share what they have built; None shares nothing."""
        self._reader = reader
        self._shared = shared
        self._options = options
        self._upkeep = upkeep
        self._lock = threading.RLock()
        self._clear()

    def __len__(self) -> int:
        """Number of images that were not forgotten."""
        with self._lock:
            return int(np.count_nonzero(self._live.view))

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays but those of the words."""
        return (
            self._hashes.nbytes
            + self._ids.nbytes
            + self._live.nbytes
            + sum(rows.nbytes for rows in self._numbers)
        )

    @property
    def word_bytes(self) -> int:
        """Bytes of the arrays of the words, by which parts are found."""
        return self._words.nbytes

    def _clear(self) -> None:
        self._state = ColumnState()
        self._hashes = HammingIndex(upkeep=self._upkeep)
        self._words = WordIndex(options=self._options, upkeep=self._upkeep)
        self._ids = Rows(np.uint8, 32)
        self._live = Rows(np.bool_)
        # For each shard: the row here of each row there.
        self._numbers = [Rows(np.uint32) for _ in SHARDS]
        # Shard and number of rows, in the order in which they were read; None when a shard was read again, so
        # that some rows belong to no generation.
        self._runs: list[tuple[int, int]] | None = []
        # The snapshot that we know: its rows, how many of them were dead when it was written, and when.
        self._in_file = 0
        self._dead_in_file = 0
        self._written = 0.0

    def refresh(self) -> None:
        """Take over all that the store acknowledged before this call.

        Raises StoreTimeout when the thread's time limit passes while another thread refreshes, StoreError
        when the store cannot be read, and CorruptRecord for columns that are broken (within `values.noting`
        they are left out). What was taken over until then stays; the next call continues from there.
        """
        left = seconds_left()
        if not self._lock.acquire(timeout=-1 if left is None else max(left, 0)):
            raise StoreTimeout(
                "another thread is loading the index, and the time for this query is up;"
                " send it again in a moment"
            )
        try:
            upkeep, dead = self._upkeep, int(np.count_nonzero(~self._live.view))
            if dead > max(upkeep.rebuild_minimum, upkeep.rebuild_share * len(self._live)):
                self._clear()
            elif self._shared is not None and not len(self._ids):
                self._map(self._shared.load())
            for change, after in self._reader.changes(self._state):
                self._apply(change)
                self._state = after
            if left is None:  # a thread with a time limit leaves it to others
                self._share()
            problems = self._state.problems
        finally:
            self._lock.release()
        for problem in problems:
            with left_out_if_broken():
                raise CorruptRecord(problem)

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
        """Append these rows without their words, and return their numbers here."""
        first = len(self._ids)
        alive: NDArray[np.bool_] = np.asarray(rows["image_id"].any(axis=1))
        self._ids.extend(rows["image_id"])
        self._hashes.extend(rows["pdq"], np.logical_and(alive, rows["flags"] & INFORMATIVE))
        self._live.extend(alive)
        numbers = np.arange(first, first + len(rows), dtype=np.uint32)
        self._numbers[shard].extend(numbers)
        if self._runs is not None:
            self._runs.append((shard, len(rows)))
        return numbers

    def _map(self, snapshot: Snapshot | None) -> None:
        """Take the words from a snapshot, and their rows from the store, if the two fit together."""
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
            log.info("the snapshot of the words does not fit the store; it is built again")
            return
        if (_marks(rows["image_id"]) != snapshot.marks)[known].any():
            log.info("the snapshot of the words holds other images than the store; it is built again")
            return
        for shard, piece in pieces:
            self._append(shard, piece)
        self._words.take(snapshot.segments, snapshot.counts)
        self._know(len(rows), int(np.count_nonzero(snapshot.marks == 0)), snapshot.written)
        self._state = state

    def _know(self, rows: int, dead: int, written: float) -> None:
        self._in_file, self._dead_in_file, self._written = rows, dead, written

    def _share(self) -> None:
        """Write a snapshot when much is new, or when the last one holds words of images that were forgotten;
        then map it.
        """
        upkeep = self._upkeep
        if self._state.problems:
            return
        new, gone = len(self._ids) - self._in_file, int(np.count_nonzero(~self._live.view[: self._in_file]))
        grown = new >= max(upkeep.snapshot_minimum, self._in_file // upkeep.snapshot_growth)
        old = time.time() - self._written >= upkeep.snapshot_seconds
        to_forget = gone > self._dead_in_file and old
        if self._shared is None or self._runs is None or not (grown or to_forget):
            return
        segments, counts = self._words.tables(self._live.view)
        covered = [(shard.head.generation, shard.head.rows) for shard in self._state.shards]
        runs = np.array(self._runs, np.uint32).reshape(-1, 2)
        snapshot = Snapshot(covered, runs, counts, _marks(self._ids.view), segments, time.time())
        try:
            self._shared.save(snapshot)
        except (OSError, StoreFull, NotAllowed) as error:
            log.info("the snapshot of the words cannot be kept for other processes: %s", error)
            self._shared = None
            return
        mapped = self._shared.load() or snapshot
        if mapped.written == snapshot.written:
            self._words.take(mapped.segments, mapped.counts)
        self._know(len(self._ids), int(np.count_nonzero(~self._live.view)), snapshot.written)

    def _kill(self, numbers: NDArray[np.uint32]) -> None:
        self._live.view[numbers] = False
        self._ids.view[numbers] = 0
        self._hashes.remove(numbers)

    def near(self, pdq: bytes, radius: int, most: int | None = None) -> list[Near]:
        """Return the informative images whose PDQ hash lies within `radius` bits of `pdq` (32 bytes), nearest
        first: all, or the nearest `most`.
        """
        with self._lock:
            rows, bits = self._hashes.search(pdq, radius)
            found = zip(rows[:most], bits[:most], strict=True)
            return [Near(self._ids.view[row].tobytes().hex(), int(distance)) for row, distance in found]

    def sharing(
        self,
        keypoints: WordKeypoints,
        most: int,
        *,
        arranged: int | None = None,
        timer: Timer | None = None,
    ) -> list[Shared]:
        """Return the `most` images whose words shared with a query's keypoints weigh most, heaviest first.

        The first `arranged` (normally `options.arranged`) are ordered by the votes of words in the same
        arrangement, and the others have no more votes than the last of them. `timer` counts the work.
        """
        arranged = self._options.arranged if arranged is None else arranged
        with self._lock:
            votes = self._words.vote(keypoints.sampled, len(self._ids), timer) * self._live.view
            most = min(most, int(np.count_nonzero(votes)))
            best = np.argpartition(-votes, most - 1)[:most] if most else np.empty(0, np.int64)
            best = best[np.argsort(-votes[best], kind="stable")]
            first, rest = best[:arranged], best[arranged:]
            rearranged = self._words.vote_by_arrangement(keypoints, first, timer)
            order = np.argsort(-rearranged, kind="stable")
            least = rearranged.min(initial=np.inf)
            descending = least * votes[rest] / votes[first].min(initial=np.inf)
            ranked = zip((*first[order], *rest), (*rearranged[order], *descending), strict=True)
            return [Shared(self._ids.view[row].tobytes().hex(), float(weight)) for row, weight in ranked]


def _marks(ids: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Two bytes of each image id (n, 32), by which a row of a snapshot is recognised; 0 for a dead row, and 1
    instead of 0 for any other.
    """
    marks = ids[:, 30].astype(np.uint16) << np.uint16(8) | ids[:, 31]
    marks[(marks == 0) & ids.any(axis=1)] = 1
    return marks
