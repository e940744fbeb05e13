"""Candidates that share a part with the query: an inverted index over sampled bits of ORB descriptors.

Locality-sensitive hashing by bit sampling (Indyk, Motwani, STOC 1998; Gionis, Indyk, Motwani, VLDB 1999): a
*visual word* is 18 bits of a descriptor, one such word for each table. Two descriptors of the same keypoint
differ in some 20-40 of 256 bits, so they share a word in one of four tables in about half of the cases; two
of different keypoints do so only by chance. Images are voted for in two rounds. In the first, an image gets a
vote for each word it shares with the query, weighted by the square of the word's inverse document frequency;
words that one image in twenty shares, and at least a thousand, are ignored as stop words. In the second,
among the first thousand, only words count that lie in the same arrangement in both (arrangement.py).

The cost of an add grows with the logarithm of the index, and no rebuild is ever needed (postings.py, which
stores the rows of each word).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..deadline import Timer
from ..records import LocalFeatures
from . import _postings
from .arrangement import fullest_cells, quantise_keypoints
from .options import DEFAULTS, UPKEEP, IndexOptions, UpkeepOptions
from .postings import Segment, build, joined, tables
from .rows import Rows, numbers_in

#: Number of tables, each with a word of every descriptor. measured (2026-11, 6,511 images, 348 hard queries;
#: share whose correct match is among the first 8, arrangement counted): 4 tables and 450 descriptors find 89
#: % with 7 KiB per picture; 3 tables and 600 descriptors, or 5 and 360, find less at the same size. Without
#: arrangement, 6 tables and 500 descriptors found 74 %.
TABLES = 4
#: Bits of a word. measured: as TABLES.
BITS = 18
#: Bytes of the sampled bits of a descriptor as they are stored. spec: 72 bits, those of the tables.
SAMPLED_BYTES = TABLES * BITS // 8
#: Bytes of a descriptor with its quantised keypoint as they are stored.
BYTES_PER_DESCRIPTOR = SAMPLED_BYTES + 2

# The sampled bits, in an order that is fixed for good and the same on every machine: sorted by a hash of
# their number.
_SAMPLED = np.array(
    sorted(range(256), key=lambda bit: hashlib.sha256(b"douglas-quaid word bit %d" % bit).digest())[
        : 8 * SAMPLED_BYTES
    ]
)
#: Work of counting a pair by arrangement, in the unit of `Timer`. chosen: 0.3 s for a million.
PAIR = 30
#: Number of possible words.
KINDS = TABLES << BITS


@dataclass(frozen=True, slots=True, eq=False)
class WordKeypoints:
    """Keypoints of a picture as the index knows them."""

    #: Sampled bits of each descriptor, shape (n, SAMPLED_BYTES).
    sampled: NDArray[np.uint8]
    #: x, y and size in frame pixels, angle in degrees, shape (n, 4).
    keypoints: NDArray[np.float32]

    @classmethod
    def of(cls, local: LocalFeatures) -> WordKeypoints:
        """Return the keypoints of a picture."""
        return cls(sample_bits(local.descriptors), local.keypoints)

    def column(self) -> bytes:
        """Return BYTES_PER_DESCRIPTOR for each, for the store: the sampled bits, and the quantised keypoint
        as u16, little-endian.
        """
        quantised = quantise_keypoints(self.keypoints).astype("<u2").view(np.uint8).reshape(-1, 2)
        return np.column_stack([self.sampled, quantised]).tobytes()


def sample_bits(descriptors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the 72 sampled bits of each ORB descriptor u8[n, 32], shape (n, 9)."""
    bits = np.unpackbits(descriptors, axis=1).take(_SAMPLED, axis=1)
    return np.packbits(bits, axis=1)


def split_column(column: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Return sampled bits (n, 9) and quantised keypoints (n,) of stored words (n, 11)."""
    quantised = np.ascontiguousarray(column[:, SAMPLED_BYTES:]).view("<u2").reshape(-1).astype(np.uint16)
    return column[:, :SAMPLED_BYTES], quantised


def words_of(sampled: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the words of sampled bits (n, 9), shape (n, TABLES): the number of the table, above 18 bits.
    They lie table by table in memory.
    """
    columns = np.empty((TABLES, len(sampled)), np.uint32)
    for table in range(TABLES):
        byte, bit = divmod(table * BITS, 8)
        # 18 bits that start at bit 0, 2, 4 or 6 of a byte lie in three bytes.
        first, second, third = (sampled[:, at].astype(np.uint32) for at in range(byte, byte + 3))
        three = first << np.uint32(16) | second << np.uint32(8) | third
        columns[table] = (three >> np.uint32(24 - BITS - bit)) & np.uint32((1 << BITS) - 1) | np.uint32(
            table << BITS
        )
    return columns.T


class WordIndex:
    """Visual words of rows that the caller numbers, ascending; a row is added once."""

    def __init__(self, *, options: IndexOptions = DEFAULTS, upkeep: UpkeepOptions = UPKEEP) -> None:
        self._options = options
        self._upkeep = upkeep
        self._segments: list[Segment] = []
        self._pending: list[tuple[NDArray[np.uint32], NDArray[np.uint8]]] = []
        self._sizes = Rows(np.uint16)
        self._looked_up: tuple[NDArray[np.uint8], _QueryWords] | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(segment.nbytes for segment in self._segments) + self._sizes.nbytes

    def extend(self, rows: NDArray[np.uint32], column: NDArray[np.uint8]) -> None:
        """Add keypoints as they are stored: `column` u8[n, 11] belongs to the images in `rows` (n,), which
        ascend and are larger than all before.
        """
        if not len(rows):
            return
        self._pending.append((rows, column))
        self._looked_up = None
        known = len(self._sizes)
        held = np.bincount(rows - np.uint32(known))
        self._sizes.extend(np.minimum(held, np.iinfo(np.uint16).max))
        if sum(len(waiting) for waiting, _ in self._pending) >= self._upkeep.piece:
            self._settle()

    def _settle(self) -> None:
        """Sort what was added since into segments, however many pieces it came in."""
        if not self._pending:
            return
        rows, column = (np.concatenate(parts) for parts in zip(*self._pending, strict=True))
        sampled, quantised = split_column(column)
        self._pending.clear()
        # An image's words stay together, so that each pair of word and row is in one segment.
        firsts = np.flatnonzero(np.diff(rows, prepend=rows[:1] + np.uint32(1)))
        wanted = np.arange(self._upkeep.piece, len(rows), self._upkeep.piece)
        pieces = firsts[np.searchsorted(firsts, wanted, side="right") - 1]
        blocks = firsts[np.flatnonzero(np.diff(rows[firsts] // self._upkeep.block_rows)) + 1]
        for start, stop in pairwise(np.unique(np.concatenate([[0], pieces, blocks, [len(rows)]]))):
            part = slice(start, stop)
            words = words_of(sampled[part])
            self._segments.append(build(words, rows[part], quantised[part], KINDS, upkeep=self._upkeep))
            self._segments = joined(self._segments, KINDS, upkeep=self._upkeep)

    def tables(self, alive: NDArray[np.bool_]) -> tuple[list[Segment], NDArray[np.uint16]]:
        """Return all that rows still `alive` (rows,) hold as tables, to be kept and passed to `take`, and the
        number of words of each row, shape (rows,).
        """
        self._settle()
        counts = np.zeros(len(alive), np.uint16)
        counts[: len(self._sizes)] = self._sizes.view
        return tables(self._segments, KINDS, alive, upkeep=self._upkeep), counts

    def take(self, segments: Sequence[Segment], counts: NDArray[np.uint16]) -> None:
        """Hold these tables and nothing else; the next row to be added is the one behind them."""
        self._segments, self._pending, self._looked_up = list(segments), [], None
        self._sizes = Rows(np.uint16)
        self._sizes.extend(counts)

    def vote(self, sampled: NDArray[np.uint8], count: int, timer: Timer | None = None) -> NDArray[np.float64]:
        """Return the votes for rows 0 to `count` - 1 from a query's sampled bits (n, 9), shape (count,),
        wherever the keypoints lie; large images have no advantage. `timer` counts the work.
        """
        query, size = self._look_up(sampled), self._upkeep.block_rows
        if timer is not None:
            timer.spend(query.postings)
        votes = np.zeros((-(-count // size), size))
        # The square root keeps one repeated letter of a text page from outvoting everything else.
        weights = query.weights * np.sqrt(query.repeated)
        for segment, starts, lengths, part in query.pieces(self._upkeep.postings_read):
            if segment.block < len(votes):
                piece = np.zeros(1 << 16)
                _postings.vote(segment.postings, starts, lengths, weights[part], piece)
                votes[segment.block] += piece[:size]
        words = np.zeros(max(count, len(self._sizes)))
        words[: len(self._sizes)] = self._sizes.view
        return votes.reshape(-1)[:count] / np.sqrt(words[:count] + self._options.size_offset)

    def vote_by_arrangement(
        self, keypoints: WordKeypoints, rows: NDArray[np.integer], timer: Timer | None = None
    ) -> NDArray[np.float64]:
        """Return the votes for `rows` (m,) of the words that lie in the same arrangement in the query and in
        the image, shape (m,); see arrangement.py. `timer` counts the work.
        """
        query = self._look_up(keypoints.sampled)
        # The words of each keypoint, rarest first; a word that many keypoints have counts less for each.
        shares = (query.weights / np.sqrt(np.maximum(query.repeated, 1)))[query.word_of].reshape(-1, TABLES)
        order = np.argsort(-shares, axis=1, kind="stable")
        word_of = np.take_along_axis(query.word_of.reshape(-1, TABLES), order, axis=1)
        slot_of = np.argsort(word_of, axis=None, kind="stable")
        firsts = query.repeated.cumsum() - query.repeated
        image, word, quantised = self._held(query, rows)
        # A word that the query has n times and an image m times makes n * m pairs.
        pairs = np.bincount(word, minlength=len(query.repeated)) * query.repeated
        kept = _fewest(pairs, self._options.maximum_arranged)[word]
        many = query.repeated[word[kept]]
        if timer is not None:
            timer.spend(PAIR * int(many.sum()))
        return fullest_cells(
            keypoints.keypoints,
            np.take_along_axis(shares, order, axis=1),
            np.repeat(image[kept], many),
            slot_of[numbers_in(firsts[word[kept]], many)],
            np.repeat(quantised[kept], many),
            len(rows),
            options=self._options,
        )

    def _held(
        self, query: _QueryWords, rows: NDArray[np.integer]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint16]]:
        """The postings of `rows` (m,) for a query's words, shape (n,) each: index in `rows`, number of the
        word, and quantised keypoint.
        """
        size = self._upkeep.block_rows
        images, words, quantised = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.uint16)]
        for segment, starts, lengths, part in query.pieces(self._upkeep.postings_read):
            number = np.full(1 << 16, -1)
            inside = np.flatnonzero(rows // size == segment.block)
            number[rows[inside] % size] = inside
            total = int(lengths.sum())
            found = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.uint16)
            held = _postings.held(segment.postings, starts, lengths, number, *found)
            images.append(found[0][:held])
            words.append(part.start + found[1][:held])
            quantised.append(found[2][:held])
        return np.concatenate(images), np.concatenate(words), np.concatenate(quantised)

    def _look_up(self, sampled: NDArray[np.uint8]) -> _QueryWords:
        """The words of a query. Those of the last one are kept: the second round asks for the same."""
        self._settle()
        if self._looked_up is None or self._looked_up[0] is not sampled:
            self._looked_up = (sampled, self._words_of(sampled))
        return self._looked_up[1]

    def _words_of(self, sampled: NDArray[np.uint8]) -> _QueryWords:
        options, known = self._options, int(np.count_nonzero(self._sizes.view))
        words, word_of, repeated = np.unique(words_of(sampled), return_inverse=True, return_counts=True)
        runs = [(segment, *segment.runs(words)) for segment in self._segments]
        frequency = sum((ends - starts for _, starts, ends in runs), start=np.zeros(len(words), np.int64))
        common = max(options.common_floor, options.common_share * known)
        images = known + options.assumed_images
        rarity = np.log1p(images / np.maximum(frequency, 1)) / np.log1p(images)
        weights = np.where(frequency <= common, rarity**2, 0)
        weights[~_fewest(np.where(weights > 0, frequency, 0), options.maximum_postings)] = 0
        lengths = [
            (segment, starts, np.where(weights > 0, ends - starts, 0)) for segment, starts, ends in runs
        ]
        return _QueryWords(weights, repeated, word_of.ravel(), lengths)


@dataclass(frozen=True, slots=True, eq=False)
class _QueryWords:
    """The distinct words of a query, with their postings."""

    #: Square of each word's inverse document frequency, 1 for a word of a single keypoint; 0 for a stop word.
    weights: NDArray[np.float64]
    #: How many of the query's descriptors have it.
    repeated: NDArray[np.int64]
    #: For descriptor d and table t, at d * TABLES + t: which word it is.
    word_of: NDArray[np.int64]
    #: For each segment: where each word's postings start, and how many of them count.
    runs: list[tuple[Segment, NDArray[np.int64], NDArray[np.int64]]]

    @property
    def postings(self) -> int:
        """Number of postings that count."""
        return sum(int(lengths.sum()) for _, _, lengths in self.runs)

    def pieces(self, maximum: int) -> Iterator[tuple[Segment, NDArray[np.int64], NDArray[np.int64], slice]]:
        """Return the runs in pieces of about `maximum` postings, and which words each piece is about."""
        for segment, starts, lengths in self.runs:
            ends = lengths.cumsum()
            wanted = np.arange(maximum, int(lengths.sum()), maximum)
            borders = np.unique([0, *np.searchsorted(ends, wanted, side="right"), len(lengths)])
            for first, stop in pairwise(borders.tolist()):
                part = slice(first, stop)
                yield segment, starts[part], lengths[part], part


def _fewest(counts: NDArray[np.int64], maximum: int) -> NDArray[np.bool_]:
    """Which counts (n,), the smallest first, have a sum of at most `maximum`."""
    kept = np.ones(len(counts), bool)
    if counts.sum() > maximum:
        order = np.argsort(counts, kind="stable")
        kept[order[np.searchsorted(counts[order].cumsum(), maximum, side="right") :]] = False
    return kept
