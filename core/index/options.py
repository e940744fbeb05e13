"""The options of the index: what decides which images it finds, and what decides only its upkeep.

Takes nothing and computes nothing. `IndexOptions` changes answers, so it belongs to the digest of a
calibration's id; `UpkeepOptions` changes time and memory only. `DEFAULTS` and `UPKEEP` are what this version
ships with. What the format of the columns rests on is a constant of its file.

Every default is labelled *measured* (with what was found) or *chosen*.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOptions:
    """Which images share visual words with a query (words.py, arrangement.py)."""

    #: Share of the images above which a visual word is a stop word, 0 to 1. measured: see words.TABLES.
    common_share: float = 0.05
    #: Number of images up to which a visual word is never a stop word: they may be captures of one page.
    #: chosen: this costs a query some milliseconds at most.
    common_floor: int = 1_000
    #: Maximum number of postings that a query reads, those of its rarest words first. chosen: 0.1 s; a
    #: screenshot reads 1.5 million among 100,000 images.
    maximum_postings: int = 8_000_000
    #: Maximum number of pairs of keypoints with a common word that are counted by arrangement, those of the
    #: words that have fewest first. chosen: 0.3 s and 150 MB.
    maximum_arranged: int = 1_000_000
    #: Number of images without any of the query's words that are added to the size of the index. measured
    #: (1,640 pictures, 60 crops and borders): as many are found with and without; without them, in a store of
    #: 310 images of which 300 are captures of one page, the words of that page would weigh a 60th of a word
    #: shared by chance.
    assumed_images: int = 1_000
    #: Number added to an image's words before votes are divided by the root of the sum. measured: the correct
    #: match comes first for 75 % of the crops, for 58 % without the division; without this number, pictures
    #: of five words win.
    size_offset: int = 100
    #: Side of a cell of translations in frame pixels, a multiple of arrangement.GRAIN. measured: 40 and 64
    #: find no more.
    cell: int = 48
    #: Number of images, the first by visual words, whose votes are counted again by arrangement. measured
    #: (2026-11, 6,511 images, 174 hard queries): the correct match is among them for 96.0 %, with 600 for
    #: 94.8 %; their cost does not grow with the index.
    arranged: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UpkeepOptions:
    """When what is held is reorganised, read again or written to a snapshot."""

    #: Number of hashes that are scanned rather than indexed (hamming.py). chosen: a scan of 4,096 costs as
    #: much as the slots.
    scan_maximum: int = 4096
    #: The scanned hashes are indexed when they exceed this fraction of the indexed ones: 1 / `merge_share`.
    #: chosen: it bounds both costs.
    merge_share: int = 16
    #: Number of descriptors that are sorted at a time, those of 4,000 images (words.py). chosen: it takes 250
    #: MB for a moment.
    piece: int = 1 << 21
    #: Number of postings that a query reads at a time. chosen: some 100 MB.
    postings_read: int = 1 << 21
    #: Number of rows in a block (postings.py). spec: at most 65,536, whose numbers take 16 bits; snapshots
    #: are shared only by replicas of equal blocks.
    block_rows: int = 1 << 16
    #: Number of postings from which a segment is a table (postings.py). chosen: the table of all 1.05 million
    #: words takes 4 MB, as much as naming the words of so many postings.
    table_minimum: int = 1 << 20
    #: Ratio to what was added since up to which a segment is joined with it (postings.py). chosen: most of an
    #: index of some million postings is in one table.
    join_ratio: int = 4
    #: Share of dead rows above which the replica is dropped and read again, 0 to 1. chosen.
    rebuild_share: float = 0.3
    #: Number of dead rows up to which it is never read again. chosen.
    rebuild_minimum: int = 10_000
    #: Minimum number of images with new words for which a snapshot is written. chosen: they take a second to
    #: index.
    snapshot_minimum: int = 5_000
    #: A snapshot is written only when it gains at least one image for each so many in the last one. chosen:
    #: each image is then written about nine times in all.
    snapshot_growth: int = 8
    #: Seconds after which a snapshot with words of a forgotten image is written again. chosen: a minute of
    #: writing per day at 100,000 images.
    snapshot_seconds: float = 3600.0


#: The options of this version.
DEFAULTS = IndexOptions()
#: The upkeep of this version.
UPKEEP = UpkeepOptions()
