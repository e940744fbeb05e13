"""This process's copy of the columns, searchable: hashes by Hamming distance, parts by shared words.

The store is the truth; a replica can be thrown away at any time. `refresh` asks all shards for what came behind the last row that
this copy holds, in one round trip, so every add that was acknowledged before a query is seen by it, whichever process made it.
A shard whose generation changed (compaction) is read anew. One lock serves any number of threads.
"""

from __future__ import annotations

import threading
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
from .words import WordIndex

REBUILD_SHARE = 0.3
"""Share of dead rows at which the copy is thrown away and read anew. chosen."""
REBUILD_LEAST = 10_000
"""... but never for fewer dead rows than this. chosen."""

RANKED_AGAIN = 200
"""Images whose votes are counted a second time, each descriptor once. measured (2026-11, 4,000 images, 30 screenshots cut to 0.75, 0.5 and
with a border: right one first): 70 % and 61 % without; among the first 8: 81 % and 80 %; a descriptor of the image voting once, too: 71 %."""


@dataclass(frozen=True, slots=True)
class Near:
    image_id: ImageId
    bits: int


@dataclass(frozen=True, slots=True)
class Shared:
    image_id: ImageId
    votes: float


class IndexReplica:
    def __init__(self, reader: ColumnReader) -> None:
        self._reader = reader
        self._lock = threading.RLock()
        self._clear()

    def __len__(self) -> int:
        """Live images."""
        with self._lock:
            return int(np.count_nonzero(self._live.view))

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays of the hash replica (without words)."""
        return self._hashes.nbytes + self._ids.nbytes + self._live.nbytes + sum(rows.nbytes for rows in self._numbers)

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

    def refresh(self) -> None:
        """Take over all that the store acknowledged before this call. Raises StoreError.

        Interrupted (the store fell silent, or the thread's time is up), it keeps what it has taken over; the next call goes on from there.
        """
        left = seconds_left()
        if not self._lock.acquire(timeout=-1 if left is None else max(left, 0)):
            raise StoreTimeout("the index is being loaded by another thread, and the time for this question is up; ask again in a moment")
        try:
            if self._dead > REBUILD_LEAST and self._dead > REBUILD_SHARE * len(self._live):
                self._clear()
            for change, after in self._reader.steps(self._state):
                self._apply(change)
                self._state = after
        finally:
            self._lock.release()

    def _apply(self, change: ShardChange) -> None:
        shard = change.shard
        if change.reload:
            self._kill(self._numbers[shard].view)
            self._numbers[shard] = Rows(np.uint32)
        count = len(change.rows)
        if count:
            first = len(self._ids)
            alive: NDArray[np.bool_] = np.asarray(change.rows["image_id"].any(axis=1))
            self._ids.extend(change.rows["image_id"])
            self._hashes.extend(change.rows["pdq"], np.logical_and(alive, change.rows["flags"] & INFORMATIVE))
            self._live.extend(alive)
            self._dead += int(np.count_nonzero(~alive))
            numbers = np.arange(first, first + count, dtype=np.uint32)
            self._numbers[shard].extend(numbers)
            self._words.extend(np.repeat(numbers, change.rows["words"]), change.words)
        if len(change.dead):
            self._kill(self._numbers[shard].view[change.dead])

    def _kill(self, numbers: NDArray[np.uint32]) -> None:
        self._dead += int(np.count_nonzero(self._live.view[numbers]))
        self._live.view[numbers] = False
        self._ids.view[numbers] = 0
        self._hashes.remove(numbers)

    def near(self, pdq: bytes, radius: int) -> list[Near]:
        """All informative images whose PDQ lies within `radius` bits, nearest first."""
        with self._lock:
            rows, bits = self._hashes.search(pdq, radius)
            return [Near(self._ids.view[row].tobytes().hex(), int(distance)) for row, distance in zip(rows, bits, strict=True)]

    def sharing(self, sampled: NDArray[np.uint8], most: int) -> list[Shared]:
        """The `most` live images that share the most weight of words with a query's descriptors (n, 16), heaviest first.

        The first RANKED_AGAIN are ordered by votes in which each descriptor counts once, and the rest has no more than the last of them.
        """
        with self._lock:
            votes = self._words.vote(sampled, len(self._ids)) * self._live.view
            most = min(most, int(np.count_nonzero(votes)))
            best = np.argpartition(-votes, most - 1)[:most] if most else np.empty(0, np.int64)
            best = best[np.argsort(-votes[best], kind="stable")]
            first, rest = best[:RANKED_AGAIN], best[RANKED_AGAIN:]
            once = self._words.vote_once(sampled, first)
            order = np.argsort(-once, kind="stable")
            least = once.min(initial=0.0)
            falling = least * votes[rest] / votes[first].min(initial=np.inf)
            ranked = zip((*first[order], *rest), (*once[order], *falling), strict=True)
            return [Shared(self._ids.view[row].tobytes().hex(), float(heard)) for row, heard in ranked]
