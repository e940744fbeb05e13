"""What an operator never sets and a test varies: sizes and bounds of the store."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Sizes and bounds of a store. Every process that opens a store needs the same `chunk_rows`."""

    #: Rows in one chunk of the columns. spec: FORMAT.md; chosen so that a chunk of words, 3.3 KB an image,
    #: stays below 1 MB, for servers that rewrite it.
    chunk_rows: int = 128
    #: Maximum number of scored verdicts on one image's side; the lowest ranked are dropped. chosen: more than
    #: anybody reads.
    verdict_cap: int = 1000
    #: Chunks read in one round trip. chosen: 27 MB of words at 300 an image, which are held twice for a
    #: moment.
    read_chunks: int = 64
    #: Chunks in one slice of a compaction. chosen: 1.7 MB of words, some 10 ms of a server's time.
    compact_chunks: int = 4
    #: Dead rows above which a shard may be compacted. chosen: not worth the work before.
    compact_dead_rows: int = 1000
    #: Share of dead rows above which a shard is compacted, 0 to 1. chosen.
    compact_dead_share: float = 0.25


#: The options of this version.
DEFAULTS = StoreOptions()
