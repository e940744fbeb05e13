"""The queues of images to be linked: each entry is that of an image of its shard that names it."""

from collections.abc import Iterator

from ..store import Store
from ..store.keys import as_text, key, on_image, on_shard
from ..store.scripts import LINKERS
from ..store.values import IMAGE_ID
from .finding import Finding, asking, read

#: Entries read in one round trip. chosen: 100 KB.
ENTRIES_AT_ONCE = 1000


def check_link_queue(store: Store, tag: str) -> Iterator[Finding]:
    """Look through the queue of a shard."""
    start = b"-"
    while entries := read(store, [on_shard(tag, "XRANGE", "unlinked", start, "+", "COUNT", ENTRIES_AT_ONCE)])[
        0
    ]:
        names = [_named(fields) for _, fields in entries]
        ids = [name if IMAGE_ID.fullmatch(name) and name[0] == tag else None for name in names]
        commands = [on_image("HGET", "img", found, "queued") for found in ids if found]
        queued = iter(read(store, commands))
        for (entry, _), found, name in zip(entries, ids, names, strict=True):
            if not found or next(queued) != entry:
                place = f"{key(tag, 'unlinked')}, {as_text(entry)}"
                problem = f"not the entry of an image of this shard, but of {name!r:.100}"
                yield Finding(place, problem, "it is removed", asking(store, LINKERS(tag, "drop", entry)))
        start = b"(" + entries[-1][0]


def _named(fields: list[bytes] | dict[bytes, bytes]) -> str:
    """The image that the fields of an entry name, as redis-py returns them; empty for none."""
    pairs = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    return as_text(pairs.get(b"id", b""))
