"""Candidates that share a part: an inverted index over sampled bits of ORB descriptors.

Locality-sensitive hashing by bit sampling (Indyk, Motwani, STOC 1998; Gionis, Indyk, Motwani, VLDB 1999): a
*word* is one table's 18 bits of a descriptor. Two descriptors of the same corner differ in some 20-40 of 256
bits and so share a word in one of four tables as often as not; two of different corners do so by chance only.
Images are voted for in two rounds. In the first each has the words it shares with the query, each word
weighing the square of its inverse document frequency, and words that one image in twenty holds are not asked.
In the second, among the first thousand, only words count that lie in one arrangement in both: see places.py.

An add costs the logarithm of the index, and no rebuild is ever needed: see postings.py, which holds the rows
of each word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..records import LocalFeatures
from .arrangement import fullest_cells, pack_places, unpack_places
from .postings import BLOCK_ROWS, Segment, build, joined, rows_of, tables
from .rows import Rows

TABLES = 4
#: measured (2026-11, 6,511 images, 348 hard questions, right one among the first 8, places counted): 4 tables
#: and 450 descriptors find 89 % at 7 KiB a picture, 3 tables and 600 descriptors, or 5 and 360, find less at
#: the same size; without places 6 tables and 500 descriptors found 74 %.
BITS = 18
#: Sampled bits of a descriptor as they are stored: 112, of which 4 x 18 are used; the rest leave room for two
#: more tables.
SAMPLED_BYTES = 14
#: ... with its place.
BYTES_PER_DESCRIPTOR = SAMPLED_BYTES + 2
#: A word held by more than this share of the images says nothing. measured: as above.
COMMON_SHARE = 0.05
#: ... but never when so few images hold it: they may be captures of one page. chosen: what a question costs
#: at most by it is some milliseconds.
COMMON_FLOOR = 1_000
#: Images without any of the words that the index is taken to hold besides. measured (1,640 pictures, 60 crops
#: and borders): nothing is found more or less; in a store of 310 of which 300 are captures of one page, its
#: words would weigh a 60th of a chance one.
OTHERS = 1_000
#: Descriptors sampled from a picture of one band, of 850. measured: see TABLES; 450 cost 7.2 KB a picture in
#: the store and as much in a process.
WORDS_PER_IMAGE = 450
#: Share of its descriptors that is sampled from a tall picture. chosen: it has some thousand, and its parts
#: are found by theirs.
WORDS_OF_MANY = 0.3
#: Votes are divided by the root of an image's words and this. measured: the right picture comes first in 75 %
#: of these crops, 58 % without; without the offset, pictures of five words win.
SIZE_OFFSET = 100
#: Most descriptors that are sorted at a time, those of 4,000 images. chosen: it takes 200 MB for a moment.
PIECE = 1 << 21

# The sampled bits, in an order that is fixed for good and the same on every machine: sorted by a hash of
# their number.
_SAMPLED = np.array(
    sorted(range(256), key=lambda bit: hashlib.sha256(b"douglas-quaid word bit %d" % bit).digest())[
        : 8 * SAMPLED_BYTES
    ]
)
#: Words that there are.
KINDS = TABLES << BITS


@dataclass(frozen=True, slots=True, eq=False)
class Corners:
    """Corners of a picture as the index knows them."""

    #: Sampled bits of each descriptor, shape (n, SAMPLED_BYTES).
    sampled: NDArray[np.uint8]
    #: x, y and size in frame pixels, angle in degrees, shape (n, 4).
    keypoints: NDArray[np.float32]

    @classmethod
    def of(cls, local: LocalFeatures) -> Corners:
        return cls(sample_bits(local.descriptors), local.keypoints)

    @classmethod
    def stored(cls, column: bytes) -> Corners:
        """From what `column` gave; keypoints are in the middle of their places."""
        sampled, places = _taken_apart(np.frombuffer(column, np.uint8).reshape(-1, BYTES_PER_DESCRIPTOR))
        return cls(sampled, unpack_places(places))

    def column(self) -> bytes:
        """BYTES_PER_DESCRIPTOR of each, for the store: sampled bits, and the place as u16, little-endian."""
        return np.column_stack(
            [self.sampled, pack_places(self.keypoints).astype("<u2").view(np.uint8).reshape(-1, 2)]
        ).tobytes()


def corners_for_index(local: LocalFeatures) -> Corners:
    """The first corners of the spread order."""
    count = max(WORDS_PER_IMAGE, round(WORDS_OF_MANY * len(local)))
    return Corners(sample_bits(local.descriptors[:count]), local.keypoints[:count])


def sample_bits(descriptors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The 112 sampled bits of each ORB descriptor: (n, 32) in, (n, 14) out."""
    bits = np.unpackbits(descriptors, axis=1).take(_SAMPLED, axis=1)
    packed: NDArray[np.uint8] = np.packbits(bits, axis=1)
    return packed


def _taken_apart(column: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Sampled bits (n, 14) and places (n,) of stored words (n, 16)."""
    places = np.ascontiguousarray(column[:, SAMPLED_BYTES:]).view("<u2").reshape(-1).astype(np.uint16)
    return column[:, :SAMPLED_BYTES], places


def words_of(sampled: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Words of sampled descriptors (n, 14): table number above 18 bits, shape (n, TABLES), table by table in
    memory.
    """
    columns = np.empty((TABLES, len(sampled)), np.uint32)
    for table in range(TABLES):
        byte, bit = divmod(table * BITS, 8)
        # 18 bits from bit 0, 2, 4 or 6 of a byte on lie in three bytes.
        first, second, third = (sampled[:, place].astype(np.uint32) for place in range(byte, byte + 3))
        three = first << np.uint32(16) | second << np.uint32(8) | third
        columns[table] = (three >> np.uint32(24 - BITS - bit)) & np.uint32((1 << BITS) - 1) | np.uint32(
            table << BITS
        )
    return columns.T


class WordIndex:
    """Rows are numbered by the caller, rising; a row is added once."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._pending: list[tuple[NDArray[np.uint32], NDArray[np.uint8]]] = []
        self._waiting = 0
        self._images = 0
        self._sizes = Rows(np.uint16)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(segment.nbytes for segment in self._segments) + self._sizes.nbytes

    def extend(self, rows: NDArray[np.uint32], column: NDArray[np.uint8]) -> None:
        """Add corners as they are stored: `column` (n, 16) belongs to the image in `rows` (n,), which rise,
        and are larger than any before.
        """
        if not len(rows):
            return
        self._pending.append((rows, column))
        self._waiting += len(rows)
        known = len(self._sizes)
        held = np.bincount(rows - np.uint32(known))
        self._images += int(np.count_nonzero(held))
        self._sizes.extend(np.minimum(held, np.iinfo(np.uint16).max))
        if self._waiting >= PIECE:
            self._settle()

    def _settle(self) -> None:
        """Sort what came since into segments, however many pieces it came in."""
        if not self._pending:
            return
        rows, column = (np.concatenate(parts) for parts in zip(*self._pending, strict=True))
        sampled, places = _taken_apart(column)
        self._pending.clear()
        self._waiting = 0
        # An image's words stay together, so that each pair of word and row is in one segment.
        firsts = np.flatnonzero(np.diff(rows, prepend=rows[:1] + np.uint32(1)))
        wanted = np.arange(PIECE, len(rows), PIECE)
        blocks = firsts[np.flatnonzero(np.diff(rows[firsts] // BLOCK_ROWS)) + 1]
        cuts = np.unique(
            np.concatenate(
                [[0], firsts[np.searchsorted(firsts, wanted, side="right") - 1], blocks, [len(rows)]]
            )
        )
        for start, stop in pairwise(cuts):
            self._segments.append(
                build(words_of(sampled[start:stop]), rows[start:stop], places[start:stop], KINDS)
            )
            self._segments = joined(self._segments, KINDS)

    def tables(self, alive: NDArray[np.bool_]) -> tuple[list[Segment], NDArray[np.uint16]]:
        """All that rows still `alive` (rows,) hold as tables, to be kept and handed to `take`, and how many
        words each row has, shape (rows,).
        """
        self._settle()
        counts = np.zeros(len(alive), np.uint16)
        counts[: len(self._sizes)] = self._sizes.view
        return tables(self._segments, KINDS, alive), counts

    def take(self, segments: Sequence[Segment], counts: NDArray[np.uint16]) -> None:
        """Hold these tables and nothing else; the next row to be added is the one behind them."""
        self._segments, self._pending, self._waiting = list(segments), [], 0
        self._sizes = Rows(np.uint16)
        self._sizes.extend(counts)
        self._images = int(np.count_nonzero(counts))

    def vote(self, sampled: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
        """Votes for rows 0..count-1 from a query's sampled descriptors (n, 14), shape (count,), wherever they
        lie; large images have no advantage.
        """
        asked = self._ask(sampled)
        votes = np.zeros((-(-count // BLOCK_ROWS), BLOCK_ROWS))
        # The square root keeps one repeated letter of a text page from outvoting everything else.
        weights = asked.weights * np.sqrt(asked.repeated)
        for segment, starts, lengths in asked.runs:
            if segment.block < len(votes):
                rows = rows_of(segment.postings.take(_places(starts, lengths)))
                heard = np.repeat(weights, lengths)
                # A word votes once for an image that holds it in many places; these postings stand side by
                # side.
                again = np.flatnonzero(rows[1:] == rows[:-1]) + 1
                begins = np.zeros(len(rows) + 1, bool)
                begins[lengths.cumsum() - lengths] = True
                heard[again[~begins[again]]] = 0
                votes[segment.block] += np.bincount(rows, weights=heard, minlength=BLOCK_ROWS)
        return votes.reshape(-1)[:count] / self._size(np.arange(count))

    def vote_by_place(self, corners: Corners, rows: NDArray[np.integer]) -> NDArray[np.float64]:
        """Votes for `rows` (m,) alone, of the words that lie in one arrangement in the query and in the
        image, shape (m,); see places.py.
        """
        asked = self._ask(corners.sampled)
        # The words of each corner, rarest first; a word that many corners have says little about any of them.
        shares = (asked.weights / np.sqrt(np.maximum(asked.repeated, 1)))[asked.word_of].reshape(-1, TABLES)
        order = np.argsort(-shares, axis=1, kind="stable")
        slot_of = np.argsort(
            np.take_along_axis(asked.word_of.reshape(-1, TABLES), order, axis=1), axis=None, kind="stable"
        )
        firsts = asked.repeated.cumsum() - asked.repeated
        images, slots, places = [np.empty(0, np.int64)], [np.empty(0, np.int64)], [np.empty(0, np.uint16)]
        for segment, starts, lengths in asked.runs:
            number = np.full(BLOCK_ROWS, -1)
            inside = np.flatnonzero(rows // BLOCK_ROWS == segment.block)
            number[rows[inside] % BLOCK_ROWS] = inside
            postings = segment.postings.take(_places(starts, lengths))
            image = number.take(rows_of(postings))
            held = np.flatnonzero(image >= 0)
            word = np.searchsorted(lengths.cumsum(), held, side="right")
            many = asked.repeated[word]
            images.append(np.repeat(image[held], many))
            slots.append(slot_of[_places(firsts[word], many)])
            places.append(np.repeat(postings[held].astype(np.uint16), many))
        weights = np.take_along_axis(shares, order, axis=1)
        return fullest_cells(
            corners.keypoints,
            weights,
            np.concatenate(images),
            np.concatenate(slots),
            np.concatenate(places),
            len(rows),
        )

    def _size(self, rows: NDArray[np.integer]) -> NDArray[np.float64]:
        """What the votes of these rows are divided by."""
        sizes = np.zeros(max(len(self._sizes), int(rows.max(initial=-1)) + 1))
        sizes[: len(self._sizes)] = self._sizes.view
        size: NDArray[np.float64] = np.sqrt(sizes[rows] + SIZE_OFFSET)
        return size

    def _ask(self, sampled: NDArray[np.uint8]) -> _Asked:
        self._settle()
        words, word_of, repeated = np.unique(words_of(sampled), return_inverse=True, return_counts=True)
        runs = [(segment, *segment.runs(words)) for segment in self._segments]
        frequency = sum((ends - starts for _, starts, ends in runs), start=np.zeros(len(words), np.int64))
        common = max(COMMON_FLOOR, COMMON_SHARE * self._images)
        rarity = np.log1p((self._images + OTHERS) / np.maximum(frequency, 1)) / np.log1p(
            self._images + OTHERS
        )
        weights = np.where(frequency <= common, rarity**2, 0)
        lengths = [
            (segment, starts, np.where(weights > 0, ends - starts, 0)) for segment, starts, ends in runs
        ]
        return _Asked(weights, repeated, word_of.ravel(), lengths)


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """The distinct words of a query, with their postings."""

    #: Square of each word's inverse document frequency, 1 for one that a single corner has; 0 for one that is
    #: too common.
    weights: NDArray[np.float64]
    #: How many of the query's descriptors have it.
    repeated: NDArray[np.int64]
    #: For descriptor d and table t, at d * TABLES + t: which word it is.
    word_of: NDArray[np.int64]
    #: For each segment: where each word's postings start, and how many are to be counted.
    runs: list[tuple[Segment, NDArray[np.int64], NDArray[np.int64]]]


def _places(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """starts[0], starts[0] + 1, ... (lengths[0] of them), starts[1], ..."""
    stops = lengths.cumsum()
    places: NDArray[np.int64] = np.arange(stops[-1] if len(stops) else 0) + np.repeat(
        starts - stops + lengths, lengths
    )
    return places
