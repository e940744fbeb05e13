"""Every Redis key of the store: name, type and content. Only here are its prefix and tag spelled.

Image data lies in 16 shards by the first hex digit of the image id; what spans images lies under `meta`. The
part in braces is the hash tag of Redis Cluster: everything under one tag is on one server, so a script on it
is atomic. A key is `dq:{<tag>}:` and a name below. All keys but locks, leases and sessions live until
`forget` or compaction removes them. Times are unix seconds as decimal text.

    tag 0-f: one shard
      head                 hash    generation, rows, dead, fence, occurrences: numbers as decimal text
                                   stamp: time of the latest change of the columns
                                   next, next_chunk, next_rows, next_dead: a compaction that has begun
                                   rebuild: the generation that self-check --repair is building
      rows:<gen>:<chunk>   string  72 bytes a row, 128 rows a chunk (columns.py, FORMAT.md)
      words:<gen>:<chunk>  string  16 bytes a word, the words of the chunk's rows one after the other
      tombs:<gen>          string  u32 row numbers of dead rows, appended
      ids                  zset    all image ids of the shard, score 0: prefix lookup and count
      img:<id>             hash    record (bytes), row:<gen> (number), digest (32 bytes), first, last and
                                   linked (times); queued: its entry in `unlinked`; renewed: time of
                                   the latest renewal of its features, with a fraction; rejudged: the same
                                   text once its older verdicts were judged again
                                   Without record and digest: they were broken, and the picture is to be
                                   added again
      occ:<id>             hash    occurrence -> first seen (time), a space, labels as JSON
      seen:<id>            zset    occurrence, scored by last seen (time)
      mem:<id>             hash    collection -> labels as JSON
      ver:<id>             hash    other image id -> verdict (verdict_codec.py, FORMAT.md), at most
                                   `StoreOptions.verdict_cap`
      partners:<id>        zset    ids of the images with a verdict about this one or the reverse, scored by
                                   rank; -1: its bytes were dropped; between -1 and 0: a no-match that is
                                   kept for the next calibration
      where                hash    occurrence -> ids of the images seen there, 64 characters each
      pixels               hash    pixel digest (32 bytes) -> ids of the images with these pixels, as above
      set:<collection>     set     ids of the shard's images in the collection
      unlinked             stream  images to be linked later: field id; read by the group `linkers`
                                   (link_queue.py)
      forgetting           set     ids of images whose forgetting has begun; whoever finds one finishes it,
                                   and it cannot be added until then
      forgotten            zset    sha1 of "forgotten " and the id of each forgotten image that was not added
                                   again, scored by when that was: no older backup brings it back

    tag meta
      head                 hash    schema, created (time), fence, identity (random hex digits), calibration:
                                   the id of the chosen one, count:<name>: how many fields collections, hubs,
                                   bookmarks, keys and lists have
      collections          hash    name -> JSON {purpose, created, check}
      cluster-of           hash    image id -> canonical cluster id
      clusters             set     canonical ids of the clusters of two images or more
      members:<cluster>    set     image ids
      representatives:<cluster>  set  image ids: others join where they are to be joined with one of these;
                                   absent for a cluster of one image, as kept: is
      kept:<cluster>       set     image ids: to be joined with a representative that was forgotten
      aliases:<cluster>    set     ids of clusters merged into it
      alias                hash    alias -> canonical cluster id
      judged:<id>          hash    other image id -> judgement (verdict_codec.py, FORMAT.md), on both sides
      joining:<id>         hash    other image id -> confidence of the verdict that joins the two, on both
                                   sides
      blocked:<id>         hash    other image id -> 1 or 2, on both sides: the two are to be joined, but 1:
                                   what a person said about others keeps their clusters apart; 2: nobody
                                   could represent both clusters (a chain)
      chains               set     pairs of the second kind: two image ids, the smaller first, and a space
      relink               set     ids of images to be linked again
      restoring            set     ids of images that a restore has begun to bring back
      hubs                 hash    image id -> checksum and JSON {region, pictures, images, met, since,
                                   shown_by}: a common region (common_regions.py, FORMAT.md)
      bookmarks            hash    name -> text of an adapter
      keys                 hash    name -> checksum and JSON of a key of the service (access_keys.py,
                                   FORMAT.md)
      lists                hash    name -> checksum and JSON of a hash list (hash_lists.py, FORMAT.md)
      list:<name>          hash    id of an entry -> JSON of it; of a withdrawn one, since when
      lock:<name>          string  owner of the lock; expires by itself (locks.py)
      lease:<digest>       string  holder of a pair that somebody has open; expires by itself (leases.py)
      session:<digest>     string  digest of the key that a session was opened with; expires by itself
                                   (sessions.py)
      calibration          hash    the operator's choice: id, file (JSON, decision/calibration_file.py)
                                   walk:<name>: how far a walk through all images has come
      intents              hash    intent id -> JSON (intents.py): steps across tags that have begun
"""

from __future__ import annotations

import re

from ..errors import ConfigError
from ..records import ImageId

#: Version of the table above. A store with another one is refused; see FORMAT.md for what a change means.
SCHEMA_VERSION = 5
#: Hashes under `meta` whose fields are counted in head, because nothing else says that one was lost.
COUNTED = ("collections", "hubs", "bookmarks", "keys", "lists")
#: Tags of the shards.
SHARDS = tuple("0123456789abcdef")
#: Tag of what spans images.
META = "meta"
#: All tags.
TAGS = (*SHARDS, META)
#: Commands that the store uses to read. spec: flagged `readonly` by Redis (COMMAND INFO); a test compares.
READS = frozenset(
    (
        *("EXISTS", "GET", "GETRANGE", "HEXISTS", "HGET", "HGETALL", "HKEYS", "HLEN", "HMGET", "HSCAN"),
        *("SCAN", "SCARD", "SISMEMBER", "SMEMBERS", "SMISMEMBER", "STRLEN", "TYPE"),
        *("XLEN", "XRANGE"),
        *("ZCARD", "ZRANGE", "ZRANGEBYLEX", "ZREVRANGE", "ZREVRANGEBYSCORE", "ZSCORE"),
    )
)
#: Fields of a hash that one HSCAN reads. chosen: below a millisecond of a server's time.
SCAN_COUNT = 1000


def prefix(tag: str) -> str:
    """Return the beginning of every key under a tag."""
    return f"dq:{{{tag}}}:"


def key(tag: str, name: str) -> str:
    """Return the key of this name under a tag."""
    return prefix(tag) + name


def shard(image_id: ImageId) -> str:
    """Return the tag of an image's data."""
    return image_id[0]


def as_bytes(name: object) -> bytes:
    """Return text as bytes for Redis. A file name that is not UTF-8 keeps its bytes (PEP 383).

    Raises ConfigError for half of a surrogate pair.
    """
    text = str(name)
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{text[:80]!r} contains half of a character ({error.reason}); use whole characters"
        ) from None


def as_text(data: bytes) -> str:
    """Return the text that `as_bytes` made bytes of."""
    return data.decode("utf-8", "surrogateescape")


def starting_with(text: str) -> bytes:
    """Return the pattern of Redis for names that begin with this text, whatever characters it contains."""
    return re.sub(rb"([\\*?\[\]])", rb"\\\1", as_bytes(text)) + b"*"


class Command(tuple[object, ...]):
    """One Redis command with its arguments."""

    #: The tag its keys lie under, which says on which server they are.
    tag: str

    def __new__(cls, tag: str, *parts: object) -> Command:
        command = super().__new__(cls, parts)
        command.tag = tag
        return command


def on_meta(verb: str, name: str, *arguments: object) -> Command:
    """Return a command on a key of the tag `meta`."""
    return Command(META, verb, key(META, name), *arguments)


def on_shard(tag: str, verb: str, name: str, *arguments: object) -> Command:
    """Return a command on a key of a shard."""
    return Command(tag, verb, key(tag, name), *arguments)


def on_image(verb: str, kind: str, image_id: ImageId, *arguments: object) -> Command:
    """Return a command on the key of this kind, such as `img`, that an image has in its shard."""
    return on_shard(shard(image_id), verb, f"{kind}:{image_id}", *arguments)
