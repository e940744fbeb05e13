"""Every Redis key of the store: name, type, content, lifetime. Nothing else in the project spells a key.

Image data lies in 16 shards by the first hex digit of the image id; what spans images lies under `meta`. The
part in braces is the hash tag of Redis Cluster: everything under one tag is on one server, so a script on it
is atomic. A key is `dq:{<tag>}:` and a name below. All keys but locks live until `forget` or compaction
removes them.

    tag 0-f: one shard
      head                 hash    generation, rows, dead, fence, occurrences: numbers as decimal text; stamp:
      time of the latest change of
                                   the columns; next, next_chunk, next_rows, next_dead: a compaction that has
                                   begun
      rows:<gen>:<chunk>   string  72 bytes a row, 128 rows a chunk (columns.py, FORMAT.md); goes with its
      generation
      words:<gen>:<chunk>  string  16 bytes a word, the words of the chunk's rows one after the other; goes
      with its generation
      tombs:<gen>          string  u32 row numbers of dead rows, appended; goes with its generation
      ids                  zset    all image ids of the shard, score 0: prefix lookup and count
      img:<id>             hash    record (bytes), row:<gen> (number), digest (32 bytes), first and last (unix
      seconds), linked (unix seconds, once it was)
      occ:<id>             hash    occurrence -> first seen (unix seconds), a space, labels as JSON
      seen:<id>            zset    occurrence, scored by last seen (unix seconds)
      mem:<id>             hash    collection -> labels as JSON
      ver:<id>             hash    other image id -> verdict bytes (verdicts.py, FORMAT.md), at most
      VERDICT_CAP
      partners:<id>        zset    every image id with a verdict about this one or the reverse, scored by
      rank; -1: its bytes were dropped,
                                   between -1 and 0: a no-match by now, kept for the next calibration
      where                hash    occurrence -> ids of the images seen there, 64 characters each
      pixels               hash    pixel digest (32 bytes) -> ids of the images with these pixels, 64
      characters each
      set:<collection>     set     ids of the shard's images in the collection
      forgetting           set     ids whose forgetting has begun; whoever finds one ends it, and it cannot be
      added until then

    tag meta
      head                 hash    schema, created (unix seconds), fence, identity (random hex digits, once it
      was asked for)
      collections          hash    name -> JSON {purpose, created}
      cluster-of           hash    image id -> canonical cluster id
      clusters             set     canonical cluster ids
      members:<cluster>    set     image ids
      aliases:<cluster>    set     ids of clusters merged into it
      alias                hash    alias -> canonical cluster id
      judged:<id>          hash    image id -> what a person said of the two (verdicts.py, FORMAT.md), on
      both sides; outranks the verdict
      edges:<id>           hash    image id -> confidence, on both sides: what a cluster rests on, joining
      verdicts and the word `same`
      aside:<id>           hash    image id -> confidence, on both sides: joining verdicts that are no edge
      because of a person's word, about this pair or another
      relink               set     ids of images that lost a connection when another was forgotten and await a
      new link
      hubs                 hash    image id -> JSON {region, pictures, images, met}: a part of it that many
      pictures show (hubs.py, FORMAT.md)
      bookmarks            hash    name -> text: notes of adapters about how far they have read elsewhere
      lock:<name>          string  who holds the lock; the only keys with an expiry time (locks.py)
      calibration          hash    the operator's choice: id, file (JSON, calibration.py); walk:<name>: how
      far a walk with it is
      intents              hash    intent id -> JSON (intents.py): steps across tags that have begun and not
      ended
"""

from __future__ import annotations

import re

from ..errors import ConfigError
from ..records import ImageId

#: Version of the table above. A store with another one is refused; see FORMAT.md for what a change means.
SCHEMA_VERSION = 2

SHARDS = tuple("0123456789abcdef")
META = "meta"
TAGS = (*SHARDS, META)

#: Fields of a hash that one command looks at. chosen: below a millisecond of a server's time.
SCAN_COUNT = 1000


def prefix(tag: str) -> str:
    """What every key under a tag starts with; scripts take it as their one declared key."""
    return f"dq:{{{tag}}}:"


def key(tag: str, name: str) -> str:
    return f"dq:{{{tag}}}:{name}"


def shard(image_id: ImageId) -> str:
    """The tag an image's data lies under."""
    return image_id[0]


def as_bytes(name: object) -> bytes:
    """Text for Redis; a file name that is no UTF-8 keeps its bytes (PEP 383). Raises ConfigError for half of
    a surrogate pair.
    """
    text = str(name)
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{text[:80]!r} holds half of a character ({error.reason}); give whole ones"
        ) from None


def starting_with(text: str) -> bytes:
    """Pattern of Redis for names that begin with this text, whatever characters it holds."""
    return re.sub(rb"([\\*?\[\]])", rb"\\\1", as_bytes(text)) + b"*"


def as_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
