"""Every key of the servers: it has a known name, the type that belongs to it, and what it is about exists."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ..batches import in_groups
from ..store import Store
from ..store.keys import META, SHARDS, Command, as_text, key, on_shard, prefix
from ..store.values import CLUSTER_ID, IMAGE_ID
from .finding import ADD_AGAIN, Finding, read, repair

#: Keys that are looked at in one round trip. chosen: some milliseconds of a server's time.
KEYS_AT_ONCE = 1000

#: Types of the keys of a shard by the word before the colon, as keys.py has them.
SHARD_TYPES = {
    "head": "hash",
    "rows": "string",
    "words": "string",
    "tombs": "string",
    "ids": "zset",
    "img": "hash",
    "occ": "hash",
    "seen": "zset",
    "mem": "hash",
    "ver": "hash",
    "partners": "zset",
    "where": "hash",
    "pixels": "hash",
    "set": "set",
    "unlinked": "stream",
    "forgetting": "set",
    "forgotten": "zset",
}
#: Types of the keys under `meta`, likewise.
META_TYPES = {
    "head": "hash",
    "collections": "hash",
    "cluster-of": "hash",
    "clusters": "set",
    "members": "set",
    "aliases": "set",
    "representatives": "set",
    "kept": "set",
    "chains": "set",
    "alias": "hash",
    "judged": "hash",
    "joining": "hash",
    "blocked": "hash",
    "relink": "set",
    "restoring": "set",
    "hubs": "hash",
    "bookmarks": "hash",
    "keys": "hash",
    "lists": "hash",
    "list": "hash",
    "lock": "string",
    "lease": "string",
    "session": "string",
    "calibration": "hash",
    "intents": "hash",
}
#: Kinds whose keys have the id of an image behind the colon.
OF_IMAGES = frozenset({"img", "occ", "seen", "mem", "ver", "partners", "judged", "joining", "blocked"})
#: Kinds of the columns of a generation.
COLUMNS = frozenset({"rows", "words", "tombs"})
#: Kinds whose keys expire by themselves.
EXPIRING = frozenset({"lock", "lease", "session"})
#: Kinds without anything behind them.
ALONE = (
    frozenset(
        {"head", "ids", "where", "pixels", "forgetting", "forgotten", "collections", "cluster-of", "clusters"}
    )
    | {"alias", "unlinked", "chains", "relink", "restoring", "hubs", "bookmarks", "keys", "lists"}
    | {"calibration", "intents"}
)

_NAME = re.compile(r"dq:\{([0-9a-f]|meta)\}:([a-z-]+)(?::(.*))?", re.DOTALL)
_COLUMN = re.compile(r"\d{1,15}(:\d{1,10})?")


@dataclass
class Inventory:
    """What the walk has seen and later checks need."""

    #: Collections that have members, by shard.
    sets: dict[str, set[str]] = field(default_factory=lambda: {tag: set() for tag in SHARDS})
    #: Numbers of generations that have columns, by shard.
    generations: dict[str, set[int]] = field(default_factory=lambda: {tag: set() for tag in SHARDS})
    #: Shards that have any key.
    shards: set[str] = field(default_factory=set)
    #: Ids in the names of clusters.
    clusters: set[str] = field(default_factory=set)
    #: Names of hash lists that have entries.
    lists: set[str] = field(default_factory=set)


def check_keys(store: Store, inventory: Inventory) -> Iterator[Finding]:
    """Walk through all keys and fill the inventory."""
    for names in _names(store):
        for some in in_groups(names, KEYS_AT_ONCE):
            yield from _check(store, some, inventory)


def _names(store: Store) -> Iterator[list[str]]:
    """All keys that begin like ours, each at least once, some at a time."""
    cursors = dict.fromkeys((*SHARDS, META), 0)
    while cursors:
        patterns = {tag: prefix(tag).replace("[", "\\[") + "*" for tag in cursors}
        answers = store.connection.run(
            [
                Command(tag, "SCAN", cursors[tag], "MATCH", pattern, "COUNT", KEYS_AT_ONCE)
                for tag, pattern in patterns.items()
            ]
        )
        yield [as_text(name) for _, found in answers for name in found]
        cursors = {
            tag: int(cursor) for tag, (cursor, _) in zip(patterns, answers, strict=True) if int(cursor)
        }


def _check(store: Store, names: list[str], inventory: Inventory) -> Iterator[Finding]:
    known: list[tuple[str, str, str, str]] = []
    for name in names:
        match = _NAME.fullmatch(name)
        tag, kind, rest = match.groups() if match else ("", "", None)
        types = META_TYPES if tag == META else SHARD_TYPES
        if kind not in types or (rest is None) != (kind in ALONE):
            yield Finding(
                f"{name!r:.200}",
                "not a key of this store",
                "a newer program may have written it; nothing is done",
            )
            continue
        known.append((name, tag, kind, rest or ""))
    types_found = store.connection.run([Command(tag, "TYPE", name.encode()) for name, tag, _, _ in known])
    owners = [rest for _, _, kind, rest in known if kind in OF_IMAGES and IMAGE_ID.fullmatch(rest)]
    states = _states(store, owners)
    heads = _generations(store, sorted({tag for _, tag, kind, _ in known if kind in COLUMNS}))
    inventory.shards |= {tag for _, tag, _, _ in known} - {META}
    for (name, tag, kind, rest), found in zip(known, types_found, strict=True):
        wanted = (META_TYPES if tag == META else SHARD_TYPES)[kind]
        local = name.removeprefix(prefix(tag)).encode("utf-8", "surrogateescape")
        drop = repair(store, tag, "drop", local, as_text(found))
        if found == b"none":  # gone meanwhile
            continue
        if as_text(found) != wanted:
            remedy = "it is removed, and what others say of it is kept"
            yield Finding(name, f"a {as_text(found)} instead of a {wanted}", remedy, drop)
        elif kind in OF_IMAGES:
            if rest not in states or (tag != META and rest[0] != tag):
                yield Finding(f"{name!r:.200}", "not the id of an image of this shard", "it is removed", drop)
            else:
                yield from _owned(store, name, kind, rest, states[rest], drop)
        elif kind in COLUMNS:
            yield from _column(store, name, tag, rest, inventory, heads[tag])
        elif kind == "set":
            inventory.sets[tag].add(rest)
        elif kind == "list":
            inventory.lists.add(rest)
        elif kind in ("members", "aliases", "representatives", "kept"):
            if CLUSTER_ID.fullmatch(rest):
                inventory.clusters.add(rest)
            else:
                yield Finding(f"{name!r:.200}", "not the id of a cluster", "it is removed", drop)
        elif kind in EXPIRING and store.connection.ask(Command(META, "PTTL", name.encode())) == -1:
            yield Finding(name, f"a {kind} that does not expire", "it is removed", drop)


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of an image: whether it has a key, is being forgotten, and is listed in its shard."""

    there: bool
    leaving: bool
    listed: bool


def _states(store: Store, ids: list[str]) -> dict[str, _State]:
    commands = [
        command
        for i in ids
        for command in (
            on_shard(i[0], "EXISTS", f"img:{i}"),
            on_shard(i[0], "SISMEMBER", "forgetting", i),
            on_shard(i[0], "ZSCORE", "ids", i),
        )
    ]
    found = read(store, commands)
    return {
        i: _State(bool(found[3 * n]), bool(found[3 * n + 1]), found[3 * n + 2] is not None)
        for n, i in enumerate(ids)
    }


def _owned(
    store: Store, name: str, kind: str, rest: str, state: _State, drop: Callable[[], object]
) -> Iterator[Finding]:
    """A key of an image: the image is there, and in the list of its shard."""
    if state.leaving or (state.there and state.listed):
        return
    keep = repair(store, rest[0], "keep", rest, int(time.time()))
    if state.there:
        if kind == "img":
            yield Finding(name, f"its image is missing in {key(rest[0], 'ids')}", "it is listed again", keep)
    elif kind in ("ver", "partners", "joining", "blocked"):
        yield Finding(name, "about an image that is not in the store", "it is removed", drop)
    else:
        remedy = "what is known of the image is kept; " + ADD_AGAIN.format(rest)
        yield Finding(name, "about an image that is not in the store", remedy, keep)


def _generations(store: Store, tags: list[str]) -> dict[str, tuple[bytes | None, bytes | None]]:
    """The current generation of the columns of shards, and the next."""
    heads = read(store, [on_shard(tag, "HMGET", "head", "generation", "next") for tag in tags])
    return {tag: (head[0], head[1]) if head else (None, None) for tag, head in zip(tags, heads, strict=True)}


def _column(
    store: Store,
    name: str,
    tag: str,
    rest: str,
    inventory: Inventory,
    generations: tuple[bytes | None, bytes | None],
) -> Iterator[Finding]:
    """A chunk or the tombstones of a generation: the current one, or the next."""
    if not _COLUMN.fullmatch(rest):
        yield Finding(name, "not a key of this store", "a newer program may have written it; nothing is done")
        return
    generation = rest.partition(":")[0]
    inventory.generations[tag].add(int(generation))
    current, following = generations
    if generation.encode() not in (current or b"0", following) and (current or b"0").isdigit():
        local = name.removeprefix(prefix(tag))
        mend = repair(store, tag, "stray", local, generation)
        yield Finding(name, "columns of a generation that is not in use", "they are removed", mend)
