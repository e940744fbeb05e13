"""Which rows hold which word where: the storage of the word index, at little more than four bytes a posting.

Rows come in *blocks* of 65,536, inside which a row's number takes 16 bits; 16 more say where in the picture
(places.py). A segment holds postings of one block, sorted by word, row and place, each once. A large one is a
table (compressed sparse rows): for each possible word where its postings start. A small one names the word of
each posting instead. Segments are immutable; those of one block are joined when a new one is not much smaller
than what is there (O'Neil et al., "The log-structured merge-tree", 1996), in linear time, as each is sorted
already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Rows whose number inside the block takes 16 bits.
BLOCK_ROWS = 1 << 16
#: Postings from which a segment is a table. chosen: that of 1.6 million words takes 6 MB, names of the words
#: would take 4.
TABLE_FROM = 1 << 20
#: Postings that the 32 bits of a table can tell apart; more of one block stay in several segments.
MOST_POSTINGS = (1 << 32) - 1
#: Times the size of what came since that a segment may have to be joined with it. chosen: of an index of some
#: million postings most is in one table.
JOINED = 4
#: Words that are joined at a time. chosen: a full block holds 60 MB for this, for a moment.
MERGED_WORDS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    #: Row of the index = 65,536 * block + number here.
    block: int
    #: Number of the row here x 65,536 + place.
    postings: NDArray[np.uint32]
    #: Word of each posting, rising; None for a table.
    words: NDArray[np.uint32] | None
    #: Of a table: place of the first posting of each possible word, and of the end, shape (words + 1,).
    starts: NDArray[np.uint32] | None

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in (self.postings, self.words, self.starts) if array is not None)

    def runs(self, words: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Place of the first posting of each word, and behind its last."""
        if self.starts is not None:
            return self.starts[words].astype(np.int64), self.starts[words + np.uint32(1)].astype(np.int64)
        assert self.words is not None
        return np.searchsorted(self.words, words), np.searchsorted(self.words, words, side="right")

    def counts(self, first: int, stop: int) -> tuple[int, NDArray[np.int64]]:
        """Place of the first posting of word `first`, and how many postings each word up to `stop` has."""
        if self.starts is not None:
            starts = self.starts[first : stop + 1].astype(np.int64)
            return int(starts[0]), np.diff(starts)
        assert self.words is not None
        begin, end = np.searchsorted(self.words, np.array([first, stop], np.uint32))
        return int(begin), np.bincount(self.words[begin:end] - np.uint32(first), minlength=stop - first)


def rows_of(postings: NDArray[np.uint32]) -> NDArray[np.uint16]:
    return (postings >> np.uint32(16)).astype(np.uint16)


def build(
    words: NDArray[np.uint32], rows: NDArray[np.uint32], places: NDArray[np.uint16], kinds: int
) -> Segment:
    """A segment of `words` (n, tables) that the rows in `rows` (n,) hold at `places` (n,); all rows are of
    one block.

    Column t holds the words of table t, from t * kinds / tables on; `kinds` is how many words there are.
    """
    local = (rows % BLOCK_ROWS).astype(np.uint64) << np.uint64(16) | places.astype(np.uint64)
    per_table = kinds // words.shape[1]
    table = words.size >= TABLE_FROM
    postings, sorted_words, counts = [], [], []
    for column, numbers in enumerate(words.T):
        found = numbers.astype(np.uint64) << np.uint64(32) | local
        found.sort()
        # Sorting and comparing neighbours is 70 times as fast as np.unique, which hashes since numpy 2.3.
        found = found[np.concatenate([[True], found[1:] != found[:-1]])]
        postings.append(found.astype(np.uint32))
        sorted_words.append((found >> np.uint64(32)).astype(np.uint32))
        if table:
            counts.append(
                np.bincount(sorted_words.pop() - np.uint32(column * per_table), minlength=per_table)
            )
    return Segment(
        block=int(rows[0]) // BLOCK_ROWS,
        postings=np.concatenate(postings),
        words=None if table else np.concatenate(sorted_words),
        starts=_starts(np.concatenate(counts)) if table else None,
    )


def joined(segments: list[Segment], kinds: int) -> list[Segment]:
    """The same postings in fewer segments: the last ones of a block are made one, while each is at most
    JOINED times what follows it.
    """
    start, size = len(segments) - 1, len(segments[-1].postings)
    while (
        start > 0
        and segments[start - 1].block == segments[-1].block
        and len(segments[start - 1].postings) <= JOINED * size
    ):
        if size + len(segments[start - 1].postings) > MOST_POSTINGS:
            break
        start -= 1
        size += len(segments[start].postings)
    return segments if start == len(segments) - 1 else [*segments[:start], _merge(segments[start:], kinds)]


def _merge(segments: Sequence[Segment], kinds: int, *, table: bool = False) -> Segment:
    """One segment of those of a block, a table if it is large or `table` says so; no row is in two of them,
    and rows rise from one to the next.
    """
    if len(segments) == 1 and segments[0].starts is not None:
        return segments[0]
    size = sum(len(segment.postings) for segment in segments)
    postings = np.empty(size, np.uint32)
    counts = np.empty(kinds, np.int64)
    done = 0
    for first in range(0, kinds, MERGED_WORDS):
        stop = min(first + MERGED_WORDS, kinds)
        parts = [segment.counts(first, stop) for segment in segments]
        total = np.sum([held for _, held in parts], axis=0)
        counts[first:stop] = total
        free = done + total.cumsum() - total
        for segment, (begin, held) in zip(segments, parts, strict=True):
            # Each word's postings move as one piece to where the segments before have left off.
            there = np.arange(held.sum()) + np.repeat(free - (held.cumsum() - held), held)
            postings[there] = segment.postings[begin : begin + len(there)]
            free += held
        done += int(total.sum())
    table = table or size >= TABLE_FROM
    words = None if table else np.repeat(np.arange(kinds, dtype=np.uint32), counts)
    return Segment(segments[0].block, postings, words, _starts(counts) if table else None)


def tables(segments: Sequence[Segment], kinds: int, alive: NDArray[np.bool_]) -> list[Segment]:
    """The postings of living rows as one table for each block; `alive` has an entry for each row."""
    found = []
    for block in sorted({segment.block for segment in segments}):
        whole = _merge([segment for segment in segments if segment.block == block], kinds, table=True)
        here = np.zeros(BLOCK_ROWS, bool)
        living = alive[block * BLOCK_ROWS : (block + 1) * BLOCK_ROWS]
        here[: len(living)] = living
        found.append(whole if living.all() else _without(whole, here, kinds))
    return found


def _without(table: Segment, alive: NDArray[np.bool_], kinds: int) -> Segment:
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
