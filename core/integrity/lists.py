"""Hash lists, whose entries can be read and belong to a list; and the marks of forgotten images."""

import re
from collections.abc import Iterator

from ..errors import CorruptRecord
from ..store import Store
from ..store.hash_lists import read_entry
from ..store.images import scored
from ..store.keys import META, SHARDS, Command, as_bytes, as_text, key, on_meta, on_shard
from ..store.values import LATEST
from .finding import Finding, asking, read, repair
from .keys import Inventory

#: A mark of a forgotten image. spec: FORMAT.md.
MARK = re.compile(rb"[0-9a-f]{40}")


def check_lists(store: Store, inventory: Inventory) -> Iterator[Finding]:
    """Yield what is wrong with the entries of hash lists. Raises StoreError."""
    known = read(store, [on_meta("HKEYS", "lists")])[0] or ()
    for name in sorted(inventory.lists):
        place = key(META, f"list:{name}")
        if as_bytes(name) not in known:
            mend = asking(store, on_meta("UNLINK", f"list:{name}"))
            remedy = "it is removed; import the list again"
            yield Finding(f"{place!r:.200}", "entries of a list that is not there", remedy, mend)
            continue
        for field, value in store.connection.scan(META, f"list:{name}", ""):
            try:
                read_entry(name, as_text(field), value)
            except CorruptRecord as error:
                mend = repair(store, META, "field", as_bytes(f"list:{name}"), field, value, b"")
                where = f"{place!r:.200}, {as_text(field)!r:.100}"
                yield Finding(where, str(error), "it is removed; import the list again", mend)


def check_marks(store: Store) -> Iterator[Finding]:
    """Yield marks of forgotten images that are none."""
    found = read(store, [on_shard(tag, "ZRANGE", "forgotten", 0, -1, "WITHSCORES") for tag in SHARDS])
    for tag, marks in zip(SHARDS, found, strict=True):
        for mark, moment in scored(marks or ()):
            if not MARK.fullmatch(mark) or not 0 <= moment <= LATEST:
                mend = asking(store, Command(tag, "ZREM", key(tag, "forgotten"), mark))
                place = f"{key(tag, 'forgotten')}, {as_text(mark)!r:.100}"
                yield Finding(place, "not the mark of a forgotten image", "it is removed", mend)
