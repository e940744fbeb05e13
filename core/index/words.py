"""Candidates that share a part: an inverted index over sampled bits of ORB descriptors.

Locality-sensitive hashing by bit sampling (Indyk, Motwani, STOC 1998; Gionis, Indyk, Motwani, VLDB 1999): a *word* is one table's
18 bits of a descriptor. Two descriptors of the same corner differ in some 20-40 of 256 bits and so share a word in one of six
tables more often than not; two of different corners do so by chance only. Images are voted for by the words they share with the
query, each word weighing the square of its inverse document frequency, and words that one image in twenty holds are not asked.

Segments are immutable and sorted; a new one is merged with its neighbour while they are of similar size, so that an add costs
the logarithm of the index and no rebuild is ever needed (O'Neil et al., "The log-structured merge-tree", 1996).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

TABLES = 6
BITS = 18
"""measured (2026-11, 3,116 pictures): 6 tables of 18 bits put the right image among the first 10 in 80 % of 25 % crops and 100 % of bars, borders, banners."""
BYTES_PER_DESCRIPTOR = 16
"""Sampled bits of a descriptor as they are stored: 128, of which 6 x 18 are used; the rest leave room for a seventh table."""
COMMON_SHARE = 0.05
"""A word held by more than this share of the images says nothing. measured: as above."""
COMMON_FLOOR = 1_000
"""... but never when so few images hold it: they may be captures of one page. chosen: what a question costs at most by it is some milliseconds."""
WORDS_PER_IMAGE = 500
"""Descriptors sampled from a picture of one band. measured (2026-11, 1,626 pictures, 60 screenshots cut to 0.75 of width and height, right one
among the first 24): 300 find 93 %, 500 find 97 %, 850 find 100 %; 500 cost 8 KB a picture in the store and 24 KB in a process."""
SIZE_OFFSET = 100
"""Votes are divided by the root of an image's words and this. measured: the right picture comes first in 75 % of these crops, 58 % without;
without the offset, pictures of five words win."""
BLOCK = 1 << 16
"""Descriptors whose words are made at a time. chosen: spread out, their bits take 40 MB; those of 20,000 images at once took 5 GB."""
SEGMENT = 1 << 25
"""Most words that are sorted at a time, those of 11,000 images. chosen: it takes 1 GB for a moment; a question asks each segment."""

# The sampled bits, in an order that is fixed for good and the same on every machine: sorted by a hash of their number.
_SAMPLED = np.array(sorted(range(256), key=lambda bit: hashlib.sha256(b"douglas-quaid word bit %d" % bit).digest())[: 8 * BYTES_PER_DESCRIPTOR])
_WEIGHTS = (1 << np.arange(BITS, dtype=np.uint32))[::-1]


def sample_bits(descriptors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The 128 sampled bits of each ORB descriptor: (n, 32) in, (n, 16) out."""
    bits = np.unpackbits(descriptors, axis=1).take(_SAMPLED, axis=1)
    packed: NDArray[np.uint8] = np.packbits(bits, axis=1)
    return packed


def words_of(sampled: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Words of sampled descriptors (n, 16): table number above 18 bits, shape (n, TABLES)."""
    numbered = np.empty((len(sampled), TABLES), np.uint32)
    for start in range(0, len(sampled), BLOCK):
        block = sampled[start : start + BLOCK]
        bits = np.unpackbits(block, axis=1)[:, : TABLES * BITS].reshape(len(block), TABLES, BITS)
        numbered[start : start + BLOCK] = bits.astype(np.uint32) @ _WEIGHTS + (np.arange(TABLES, dtype=np.uint32) << BITS)
    return numbered


@dataclass(frozen=True, slots=True, eq=False)
class _Segment:
    words: NDArray[np.uint32]
    """Sorted."""
    rows: NDArray[np.uint32]
    """Row that holds the word at the same position; each pair of word and row once."""


def _segment(words: NDArray[np.uint32], rows: NDArray[np.uint32]) -> _Segment:
    pairs = (words.astype(np.uint64) << np.uint64(32)) | rows
    pairs.sort()
    # Sorting and comparing neighbours is 70 times as fast as np.unique, which hashes since numpy 2.3.
    pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])]
    return _Segment((pairs >> np.uint64(32)).astype(np.uint32), pairs.astype(np.uint32))


class WordIndex:
    """Rows are numbered by the caller; a row is added once."""

    def __init__(self) -> None:
        self._segments: list[_Segment] = []
        self._pending: list[tuple[NDArray[np.uint32], NDArray[np.uint8]]] = []
        self._images = 0
        self._sizes = np.zeros(0)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(segment.words.nbytes + segment.rows.nbytes for segment in self._segments)

    def extend(self, rows: NDArray[np.uint32], sampled: NDArray[np.uint8]) -> None:
        """Add descriptors: `sampled` (n, 16) belongs to the image in `rows` (n,)."""
        if not len(rows):
            return
        self._pending.append((rows.astype(np.uint32), sampled))
        self._images += len(np.unique(rows))
        if rows.max() >= len(self._sizes):
            self._sizes = np.concatenate([self._sizes, np.zeros(max(int(rows.max()) + 1 - len(self._sizes), len(self._sizes) // 8))])
        self._sizes[: int(rows.max()) + 1] += np.bincount(rows)

    def _settle(self) -> None:
        """Sort what came since the last question into segments, however many pieces it came in."""
        if not self._pending:
            return
        rows, sampled = (np.concatenate(parts) for parts in zip(*self._pending, strict=True))
        self._pending.clear()
        # An image's words stay together, so that each pair of word and row is in one segment.
        firsts = np.flatnonzero(np.diff(rows, prepend=rows[:1] + np.uint32(1)))
        wanted = np.arange(SEGMENT // TABLES, len(rows), SEGMENT // TABLES)
        cuts = [0, *np.unique(firsts[np.searchsorted(firsts, wanted, side="right") - 1]), len(rows)]
        for start, stop in pairwise(cuts):
            self._segments.append(_segment(words_of(sampled[start:stop]).ravel(), np.repeat(rows[start:stop], TABLES)))
            self._merge()

    def _merge(self) -> None:
        while len(self._segments) > 1:
            before, last = self._segments[-2:]
            size = len(before.words) + len(last.words)
            if size > min(3 * len(last.words) - 1, SEGMENT):
                return
            self._segments[-2:] = [_segment(np.concatenate([before.words, last.words]), np.concatenate([before.rows, last.rows]))]

    def vote(self, sampled: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
        """Votes for rows 0..count-1 from a query's sampled descriptors (n, 16), shape (count,); large images have no advantage."""
        self._settle()
        votes = np.zeros(count)
        if not self._segments or not len(sampled):
            return votes
        words, repeated = np.unique(words_of(sampled), return_counts=True)
        runs = [(np.searchsorted(segment.words, words), np.searchsorted(segment.words, words, side="right")) for segment in self._segments]
        frequency = sum(ends - starts for starts, ends in runs)
        common = max(COMMON_FLOOR, COMMON_SHARE * self._images)
        # The square root keeps one repeated letter of a text page from outvoting everything else.
        weights = np.where(frequency <= common, np.log1p(self._images / np.maximum(frequency, 1)) ** 2, 0) * np.sqrt(repeated)
        for segment, (starts, ends) in zip(self._segments, runs, strict=True):
            lengths = np.where(weights > 0, ends - starts, 0)
            stops = lengths.cumsum()
            index = np.arange(stops[-1]) + np.repeat(starts - stops + lengths, lengths)
            votes += np.bincount(segment.rows.take(index), weights=np.repeat(weights, lengths), minlength=count)[:count]
        sizes = np.zeros(count)
        sizes[: len(self._sizes)] = self._sizes[:count]
        return votes / np.sqrt(sizes + SIZE_OFFSET)
