"""Which rows hold which visual word, and where: the storage of the word index, at little more than four bytes
per posting.

Rows come in *blocks* of 65,536, inside which a row's number takes 16 bits; 16 more bits hold the quantised
keypoint (arrangement.py). A segment holds postings of one block, sorted by word, row and keypoint, each once.
A large segment is a table (compressed sparse rows): for each possible word it says where its postings start.
A small one names the word of each posting instead. Segments are immutable. Those of one block are joined when
a new one is not much smaller than the one before (O'Neil et al., "The log-structured merge-tree", 1996), in
linear time, because each is sorted already.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .options import UPKEEP, UpkeepOptions
from .rows import numbers_in

#: Maximum number of postings that the 32 bits of a table can address; a block with more has several segments.
MOST_POSTINGS = (1 << 32) - 1
#: Number of words that are joined at a time. chosen: a full block takes 60 MB for this, for a moment.
MERGED_WORDS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Postings of one block."""

    #: Number of the block: the row of the index is the size of a block * `block` + the row's number here.
    block: int
    #: Number of the row here * 65,536 + quantised keypoint, shape (n,).
    postings: NDArray[np.uint32]
    #: Word of each posting, ascending, shape (n,); None for a table.
    words: NDArray[np.uint32] | None
    #: Of a table: where the postings of each possible word start, and the end, shape (words + 1,).
    starts: NDArray[np.uint32] | None

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return sum(array.nbytes for array in (self.postings, self.words, self.starts) if array is not None)

    def runs(self, words: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the postings of each of `words` (m,) start and end, shape (m,) each."""
        if self.starts is not None:
            return self.starts[words].astype(np.int64), self.starts[words + np.uint32(1)].astype(np.int64)
        assert self.words is not None
        return np.searchsorted(self.words, words), np.searchsorted(self.words, words, side="right")

    def counts(self, first: int, stop: int) -> tuple[int, NDArray[np.int64]]:
        """Return where the postings of word `first` start, and how many each word from `first` to before
        `stop` has.
        """
        if self.starts is not None:
            starts = self.starts[first : stop + 1].astype(np.int64)
            return int(starts[0]), np.diff(starts)
        assert self.words is not None
        begin, end = np.searchsorted(self.words, np.array([first, stop], np.uint32))
        return int(begin), np.bincount(self.words[begin:end] - np.uint32(first), minlength=stop - first)


def rows_of(postings: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Return the row in its block of each posting, shape (n,)."""
    return (postings >> np.uint32(16)).astype(np.uint16)


def build(
    words: NDArray[np.uint32],
    rows: NDArray[np.uint32],
    quantised: NDArray[np.uint16],
    kinds: int,
    *,
    upkeep: UpkeepOptions = UPKEEP,
) -> Segment:
    """Return a segment of `words` (n, tables) that the rows in `rows` (n,) hold at the keypoints `quantised`
    (n,); all rows belong to one block.

    The words of each column are larger than those of the column before; `kinds` is the number of possible
    words.
    """
    local = (rows % upkeep.block_rows).astype(np.uint64) << np.uint64(16) | quantised.astype(np.uint64)
    postings, sorted_words = [], []
    for numbers in words.T:
        found = numbers.astype(np.uint64) << np.uint64(32) | local
        found.sort()
        # Sorting and comparing neighbours is 70 times as fast as np.unique, which hashes since numpy 2.3.
        found = found[np.concatenate([[True], found[1:] != found[:-1]])]
        postings.append(found.astype(np.uint32))
        sorted_words.append((found >> np.uint64(32)).astype(np.uint32))
    named = np.concatenate(sorted_words)
    starts = None
    if words.size >= upkeep.table_minimum:
        starts = np.searchsorted(named, np.arange(kinds + 1, dtype=np.uint32)).astype(np.uint32)
    return Segment(
        block=int(rows[0]) // upkeep.block_rows,
        postings=np.concatenate(postings),
        words=named if starts is None else None,
        starts=starts,
    )


def joined(segments: list[Segment], kinds: int, *, upkeep: UpkeepOptions = UPKEEP) -> list[Segment]:
    """Return the same postings in fewer segments: the last ones of a block become one, as long as each is at
    most `upkeep.join_ratio` times as large as what follows it.
    """
    start, size = len(segments) - 1, len(segments[-1].postings)
    while start > 0 and segments[start - 1].block == segments[-1].block:
        before = len(segments[start - 1].postings)
        if before > upkeep.join_ratio * size or size + before > MOST_POSTINGS:
            break
        start -= 1
        size += before
    if start == len(segments) - 1:
        return segments
    return [*segments[:start], _merge(segments[start:], kinds, table=size >= upkeep.table_minimum)]


def _merge(segments: Sequence[Segment], kinds: int, *, table: bool) -> Segment:
    """One segment of those of a block, a table if `table` says so; no row is in two of them, and rows ascend
    from one to the next.
    """
    if len(segments) == 1 and segments[0].starts is not None:
        return segments[0]
    postings = np.empty(sum(len(segment.postings) for segment in segments), np.uint32)
    counts = np.empty(kinds, np.int64)
    done = 0
    for first in range(0, kinds, MERGED_WORDS):
        stop = min(first + MERGED_WORDS, kinds)
        parts = [segment.counts(first, stop) for segment in segments]
        total = np.sum([held for _, held in parts], axis=0)
        counts[first:stop] = total
        free = done + total.cumsum() - total
        for segment, (begin, held) in zip(segments, parts, strict=True):
            # The postings of each word move as one piece behind those of the segments before.
            there = numbers_in(free, held)
            postings[there] = segment.postings[begin : begin + len(there)]
            free += held
        done += int(total.sum())
    words = None if table else np.repeat(np.arange(kinds, dtype=np.uint32), counts)
    return Segment(segments[0].block, postings, words, _starts(counts) if table else None)


def tables(
    segments: Sequence[Segment], kinds: int, alive: NDArray[np.bool_], *, upkeep: UpkeepOptions = UPKEEP
) -> list[Segment]:
    """Return the postings of living rows as one table for each block; `alive` has an entry for each row."""
    found, size = [], upkeep.block_rows
    for block in sorted({segment.block for segment in segments}):
        whole = _merge([segment for segment in segments if segment.block == block], kinds, table=True)
        here = np.zeros(size, bool)
        living = alive[block * size : (block + 1) * size]
        here[: len(living)] = living
        found.append(whole if living.all() else _without(whole, here, kinds))
    return found


def _without(table: Segment, alive: NDArray[np.bool_], kinds: int) -> Segment:
    """The table without the postings of dead rows."""
    postings, counts = [], []
    for first in range(0, kinds, MERGED_WORDS):
        begin, held = table.counts(first, min(first + MERGED_WORDS, kinds))
        here = table.postings[begin : begin + int(held.sum())]
        kept = alive[rows_of(here)]
        postings.append(here[kept])
        counts.append(np.diff(np.concatenate([[0], kept.cumsum()])[np.concatenate([[0], held.cumsum()])]))
    return Segment(table.block, np.concatenate(postings), None, _starts(np.concatenate(counts)))


def _starts(counts: NDArray[np.int64]) -> NDArray[np.uint32]:
    return np.concatenate([[0], counts.cumsum()]).astype(np.uint32)
