"""Where a screenshot came from: the crawled items and the domains of AIL that show it, and our tags there.

AIL's page of a domain shows neither the tags of its screenshots nor their notes, so some tags are passed on
(option `tag_domain`). Several screenshots of a domain may ask for the same tag. The store counts them, in one
bookmark for each item and domain, `ail:origin:<global id>`: the tag is written for the first one and removed
with the last one. In between it is left alone, so a tag that somebody removes there stays removed.

A tag that AIL has and nobody of ours asked for is somebody else's, and is never removed. The counter is
written after AIL when a tag comes, and before AIL when it goes: a process that repeats a step that was killed
in between then does it again, and others take the tag for a foreign one until it has.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from douglas_quaid import Correlator, CorruptRecord
from douglas_quaid.strict_json import parse_object

from ..objects import AilObject, in_bookmark
from .ledger import HOLD_SECONDS, LOCK, OriginTag

#: Start of the names of the counters among the store's bookmarks.
PREFIX = "ail:origin:"
#: Maximum number of screenshots that are counted for one tag of a domain. chosen: some hundred kB. The tag of
#: a domain with more of them goes with the last one that was counted.
MAX_COUNTED = 5000

#: Global ids of the screenshots that ask for a tag, by its name.
_Counts = dict[str, list[str]]


def origins_of(labels: Mapping[str, str]) -> list[str]:
    """Return the global ids of the domains and the crawled items that the labels of an occurrence name."""
    return [
        f"{kind}::{name.strip()}"
        for kind in ("domain", "item")  # the domain first, because AIL passes on tags of items to domains
        for name in labels.get(kind, "").split(",")
        if name.strip()
    ]


def is_ours(engine: Correlator, line: OriginTag) -> bool:
    """Return whether a screenshot of ours asked for a tag. Raises StoreError and CorruptRecord."""
    return bool(_read(engine, line.origin).get(line.name))


def ask(engine: Correlator, obj: AilObject, line: OriginTag, write: Callable[[str, str], None]) -> None:
    """Count a screenshot that asks for a tag; if it is the first one, `write` the tag.

    Raises StoreError and CorruptRecord.
    """
    with _hold(engine, line):
        counts = _read(engine, line.origin)
        asking = counts.setdefault(line.name, [])
        if not asking:
            write(line.origin, line.name)
        if obj.gid not in asking and len(asking) < MAX_COUNTED:
            asking.append(obj.gid)
            _write(engine, line.origin, counts)


def release(engine: Correlator, obj: AilObject, line: OriginTag, remove: Callable[[str, str], None]) -> None:
    """Count a screenshot no longer that asked for a tag; if nobody else asks for it, `remove` the tag.

    Raises StoreError and CorruptRecord.
    """
    with _hold(engine, line):
        counts = _read(engine, line.origin)
        asking = counts.setdefault(line.name, [])
        if obj.gid in asking:
            asking.remove(obj.gid)
            _write(engine, line.origin, counts)
        if not asking:
            remove(line.origin, line.name)


def _hold(engine: Correlator, line: OriginTag) -> AbstractContextManager[None]:
    return engine.lock(LOCK + in_bookmark(line.origin), HOLD_SECONDS, wait=2 * HOLD_SECONDS)


def _read(engine: Correlator, origin: str) -> _Counts:
    text = engine.bookmark(PREFIX + in_bookmark(origin))
    try:
        return {str(name): list(map(str, gids)) for name, gids in parse_object(text or "{}").items()}
    except (ValueError, TypeError) as error:
        raise CorruptRecord(f"who asks for tags of {origin} cannot be read: {error}") from None


def _write(engine: Correlator, origin: str, counts: _Counts) -> None:
    kept = {name: gids for name, gids in counts.items() if gids}
    text = json.dumps(kept, separators=(",", ":"), sort_keys=True) if kept else None
    engine.set_bookmark(PREFIX + in_bookmark(origin), text)
