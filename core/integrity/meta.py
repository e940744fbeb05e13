"""What spans images: head, collections, clusters, notes, changes that have begun, what adapters keep."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..batches import in_groups
from ..decision.calibration_file import parse
from ..errors import ConfigError, CorruptRecord, FormatError, UnknownVersion
from ..records import ImageId, NotedRegion
from ..store import Store
from ..store.access_keys import read_key
from ..store.bookmarks import NAME_CHARACTERS, TEXT_BYTES
from ..store.common_regions import read_note, without, write_note
from ..store.hash_lists import read_list
from ..store.images import scored
from ..store.intents import Intent
from ..store.keys import COUNTED, META, SCHEMA_VERSION, SHARDS, Command, as_text, key, on_meta, on_shard
from ..store.membership import read_collection
from ..store.values import CLUSTER_ID, IMAGE_ID, cluster_id, image_id, whole
from .finding import NEWER, Finding, asking, existing, read, repair, settle
from .keys import Inventory

#: Largest number that may be a schema. chosen: a schema lives for a year, say.
LAST_SCHEMA = 1000
#: Clusters that are read in one round trip. chosen: some milliseconds of a server's time.
CLUSTERS_AT_ONCE = 256


def check_schema(store: Store) -> Finding | None:
    """Return what is wrong with the schema, without which no program opens the store; None for ours, and
    for a store that is new. A finding that nothing mends says that the store is another program's.
    """
    name, schema = key(META, "head"), read(store, [on_meta("HGET", "head", "schema")])[0]
    if schema is None or schema == b"%d" % SCHEMA_VERSION:
        return None
    if schema.isdigit() and 0 < int(schema) <= LAST_SCHEMA:
        problem = f"schema {int(schema)}, this program reads {SCHEMA_VERSION}"
        return Finding(f"{name}, schema", problem, "use the program of that schema; nothing was checked")
    mend = repair(store, META, "field", "head", "schema", schema, SCHEMA_VERSION)
    return Finding(
        f"{name}, schema", f"{schema!r:.80} is not a version", f"it is set to {SCHEMA_VERSION}", mend
    )


def check_head(store: Store) -> Iterator[Finding]:
    """The fields beside the schema."""
    name, head = key(META, "head"), read(store, [on_meta("HGETALL", "head")])[0] or {}
    lengths = read(store, [on_meta("HLEN", hash_name) for hash_name in COUNTED])
    for hash_name, length in zip(COUNTED, lengths, strict=True):
        count, there, old = f"count:{hash_name}", length or 0, head.get(b"count:" + hash_name.encode())
        if (old or b"0") != b"%d" % there:
            problem = f"{old!r:.80} where {hash_name} has {there} fields; some were lost if it was more"
            mend = repair(store, META, "field", "head", count, old or b"", there)
            yield Finding(f"{name}, {count}", problem, "they are counted", mend)
    for field, new in ((b"created", b""), (b"fence", b"1" * 9)):
        try:
            whole(f"{name}, {field.decode()}", head.get(field))
        except CorruptRecord as error:
            mend = repair(store, META, "field", "head", field, head[field], new)
            yield Finding(f"{name}, {field.decode()}", str(error), "it is begun anew", mend)


def check_fields(store: Store) -> Iterator[Finding]:
    """Hashes and sets whose values stand by themselves."""
    checks: tuple[tuple[str, Callable[[bytes, bytes], object]], ...] = (
        ("collections", lambda name, value: read_collection(as_text(name), value)),
        ("hubs", lambda name, value: read_note(as_text(name), value)),
        ("intents", lambda name, value: Intent.decode(as_text(name), value)),
        ("bookmarks", _bookmark),
        ("keys", lambda name, value: read_key(as_text(name), value)),
        ("lists", lambda name, value: read_list(as_text(name), value)),
    )
    for hash_name, reader in checks:
        for field, value in (read(store, [on_meta("HGETALL", hash_name)])[0] or {}).items():
            place = f"{key(META, hash_name)}, {as_text(field)!r:.200}"
            try:
                reader(field, value)
            except UnknownVersion as error:
                yield Finding(place, str(error), NEWER)
            except (FormatError, ConfigError) as error:
                mend = repair(store, META, "field", hash_name, field, value, b"")
                remedy = "it is removed" + (
                    "; create it again with quaid collection create" if hash_name == "collections" else ""
                )
                yield Finding(place, str(error), remedy, mend)
    places = ((META, "relink"), (META, "restoring"), *((tag, "forgetting") for tag in SHARDS))
    found = read(store, [Command(tag, "SMEMBERS", key(tag, name)) for tag, name in places])
    for (tag, name), members in zip(places, found, strict=True):
        ids = [as_text(member) for member in members or ()]
        there = existing(store, filter(IMAGE_ID.fullmatch, ids)) if tag == META else set(ids)
        for member in ids:
            own_shard = tag == META or member[:1] == tag
            if not IMAGE_ID.fullmatch(member) or not own_shard or member not in there:
                yield _member(store, tag, name, member)
    yield from _check_chains(store)
    yield from _check_notes(store)


def _check_notes(store: Store) -> Iterator[Finding]:
    """The notes about common regions that can be read: all images that they name are there."""
    notes = dict[bytes, NotedRegion]()
    for name, value in (read(store, [on_meta("HGETALL", "hubs")])[0] or {}).items():
        with suppress(CorruptRecord):  # check_fields tells it
            notes[value] = read_note(as_text(name), value)
    there = existing(
        store, (i for note in notes.values() for i in (note.region.image_id, *note.region.shown_by))
    )
    for value, note in notes.items():
        image_id, gone = note.region.image_id, {*note.region.shown_by} - there
        place = f"{key(META, 'hubs')}, {image_id}"
        if image_id not in there:
            mend = asking(store, on_meta("HDEL", "hubs", image_id))
            yield Finding(place, "about an image that is not in the store", "it is removed", mend)
        elif gone:
            mend = repair(store, META, "field", "hubs", image_id, value, write_note(without(note, gone)))
            problem = f"it names {len(gone)} images that are not in the store"
            yield Finding(place, problem, "they are taken out", mend)


def _check_chains(store: Store) -> Iterator[Finding]:
    """The list of chains: each a blocked pair of this store."""
    for entry in read(store, [on_meta("SMEMBERS", "chains")])[0] or ():
        a, _, b = as_text(entry).partition(" ")
        both = bool(IMAGE_ID.fullmatch(a) and IMAGE_ID.fullmatch(b))
        if not both or read(store, [on_meta("HGET", f"blocked:{a}", b)])[0] != b"2":
            command = on_meta("SREM", "chains", entry)
            place = f"{key(META, 'chains')}, {as_text(entry)!r:.150}"
            yield Finding(place, "not a blocked pair", "it is removed", asking(store, command))


def _bookmark(name: bytes, value: bytes) -> None:
    """Raises ConfigError for what is too long."""
    if not 1 <= len(as_text(name)) <= NAME_CHARACTERS or len(value) > TEXT_BYTES:
        raise ConfigError(f"a name of {len(name)} and a text of {len(value)} bytes")


def _member(store: Store, tag: str, name: str, member: str) -> Finding:
    command = Command(tag, "SREM", key(tag, name), member.encode("utf-8", "surrogateescape"))
    return Finding(
        f"{key(tag, name)}, {member!r:.100}",
        "not an image of this store",
        "it is removed",
        asking(store, command),
    )


def check_calibration(store: Store) -> Iterator[Finding]:
    """The chosen calibration: its file can be read, and id and file name the same."""
    name = key(META, "calibration")
    found, chosen = read(store, [on_meta("HGETALL", "calibration"), on_meta("HGET", "head", "calibration")])
    found, chosen = found or {}, chosen or b""
    number, text = found.get(b"id"), found.get(b"file")
    problem = ""
    try:
        if text is not None and (given := parse(as_text(text)).id.encode()) != number:
            problem = f"its id is {number!r:.80}, that of its file {given!r:.80}"
    except (ConfigError, FormatError) as error:
        problem = str(error)
    if text is None and number is not None:
        problem = "its file is lost"
    if not problem and text is None and chosen:
        problem = f"{chosen!r:.80} was chosen, and is lost"
    elif not problem and chosen and chosen != number:
        mend = repair(store, META, "field", "head", "calibration", chosen, number or b"")
        place = f"{key(META, 'head')}, calibration"
        yield Finding(place, f"{chosen!r:.80} is not the chosen one", "the id of that is set", mend)
    if problem:
        remedy = "the shipped calibration judges again; choose yours with quaid calibrate --apply"
        yield Finding(name, problem, remedy, store.settings.drop_calibration)
    for field, value in found.items():
        if field.startswith(b"walk:") and not IMAGE_ID.fullmatch(as_text(value).rpartition(" ")[2]):
            mend = repair(store, META, "field", "calibration", field, value, b"")
            place = f"{name}, {as_text(field)!r:.80}"
            yield Finding(place, "not how far a walk has come", "the walk begins anew", mend)


def check_clusters(store: Store, inventory: Inventory) -> Iterator[Finding]:
    """Clusters by their members, and members by their clusters. Which images belong together is then a matter
    of the pairs (pairs.py).
    """
    homes, named, alias = (
        answer or {}
        for answer in read(
            store,
            [on_meta("HGETALL", "cluster-of"), on_meta("SMEMBERS", "clusters"), on_meta("HGETALL", "alias")],
        )
    )
    there = existing(store, (text for name in homes if IMAGE_ID.fullmatch(text := as_text(name))))
    by_home: dict[str, set[ImageId]] = {}
    for name, home in homes.items():
        place = f"{key(META, 'cluster-of')}, {as_text(name)!r:.100}"
        try:
            member, cluster = image_id(place, name), cluster_id(place, home)
            if member not in there:
                raise CorruptRecord(f"{member} is not in the store")
            by_home.setdefault(cluster, set()).add(member)
        except CorruptRecord as error:
            mend = repair(store, META, "field", "cluster-of", name, home, b"")
            yield Finding(place, str(error), "it is removed", mend)
    clusters = {as_text(name) for name in named}
    for wrong in sorted(name for name in clusters if not CLUSTER_ID.fullmatch(name)):
        yield _member(store, META, "clusters", wrong)
    standing = {name for name in clusters if CLUSTER_ID.fullmatch(name)} | set(by_home)
    for some in in_groups(sorted(standing | inventory.clusters), CLUSTERS_AT_ONCE):
        for kept in _read_clusters(store, some):
            standing |= {kept.cluster} if kept.members else set()
            own = by_home.get(kept.cluster, set())
            yield from _check_cluster(store, kept, own, homes, listed=kept.cluster in clusters)
            yield from _aliases(store, kept.cluster, kept.aliases, alias)
    for name, home in alias.items():
        text, target = as_text(name), as_text(home)
        if not CLUSTER_ID.fullmatch(text) or target not in standing:
            mend = repair(store, META, "field", "alias", name, home, b"")
            yield Finding(
                f"{key(META, 'alias')}, {text!r:.100}", "it names no cluster", "it is removed", mend
            )
        elif name not in (read(store, [on_meta("SMEMBERS", f"aliases:{target}")])[0] or ()):
            command = on_meta("SADD", f"aliases:{target}", name)
            yield Finding(
                key(META, f"aliases:{target}"),
                f"it lacks {text}",
                "it is put back",
                asking(store, command),
            )


@dataclass(frozen=True, slots=True)
class _Kept:
    """The keys of one cluster; those of its members that are no images of this store are apart."""

    cluster: str
    members: set[str]
    wrong: set[str]
    aliases: set[str]
    representatives: set[str]
    kept: set[str]


def _read_clusters(store: Store, clusters: Sequence[str]) -> list[_Kept]:
    kinds = ("members", "aliases", "representatives", "kept")
    answers = read(store, [on_meta("SMEMBERS", f"{kind}:{name}") for name in clusters for kind in kinds])
    sets = [{as_text(one) for one in answer or ()} for answer in answers]
    there = existing(store, (i for some in sets[:: len(kinds)] for i in some if IMAGE_ID.fullmatch(i)))
    return [
        _Kept(name, members & there, members - there, *others)
        for name, (members, *others) in zip(clusters, in_groups(sets, len(kinds)), strict=True)
    ]


def _check_cluster(
    store: Store, kept: _Kept, own: set[ImageId], homes: dict[bytes, bytes], *, listed: bool
) -> Iterator[Finding]:
    """A cluster whose own images are those that name it; `listed`: as one of two images or more."""
    cluster, claimed = kept.cluster, kept.members
    for wrong in sorted(kept.wrong):
        yield _member(store, META, f"members:{cluster}", wrong)
    several, leading = len(own) > 1, kept.representatives | kept.kept
    if claimed != own or listed != several or not own:
        mend = settle(
            store, "regroup", cluster, *sorted(own | {m for m in claimed if m.encode() not in homes})
        )
        if claimed - own:
            mend = _then(
                store, mend, on_meta("SREM", f"members:{cluster}", *(claimed - own)), claimed - own, homes
            )
        yield Finding(
            key(META, f"members:{cluster}"), "its members name it otherwise", "it is computed anew", mend
        )
    elif bool(kept.representatives) != several or not leading <= own or (leading and not several):
        mend = settle(store, "regroup", cluster)
        problem = "not images of the cluster, or none" if several else "a cluster of one image has none"
        yield Finding(key(META, f"representatives:{cluster}"), problem, "they are computed anew", mend)


def check_homes(store: Store, ids: Sequence[ImageId]) -> Iterator[Finding]:
    """Informative images that were linked: each is in a cluster, if only in one of its own."""
    homes = read(store, [on_meta("HMGET", "cluster-of", *ids)])[0] if ids else ()
    for linked, home in zip(ids, homes or (), strict=False):
        if home is None:
            place = f"{key(META, 'cluster-of')}, {linked}"
            yield Finding(place, "it is linked and in no cluster", "it gets one", _giving(store, linked))


def _giving(store: Store, image_id: ImageId) -> Callable[[], object]:
    return lambda: store.clusters.give([image_id])


def _then(
    store: Store, mend: Callable[[], object], command: Command, ids: set[ImageId], homes: dict[bytes, bytes]
) -> Callable[[], object]:
    """Take images that have another home out of a cluster, and then mend it."""
    elsewhere = [one for one in ids if one.encode() in homes]

    def run() -> None:
        if elsewhere:
            store.connection.ask(Command(META, *command[:2], *elsewhere))
        mend()

    return run


def _aliases(store: Store, cluster: str, aliases: set[str], alias: dict[bytes, bytes]) -> Iterator[Finding]:
    for text in sorted(aliases):
        home = alias.get(text.encode("utf-8", "surrogateescape"))
        if not CLUSTER_ID.fullmatch(text):
            yield _member(store, META, f"aliases:{cluster}", text)
        elif home is None or not CLUSTER_ID.fullmatch(as_text(home)):
            mend = repair(store, META, "field", "alias", text, home or b"", cluster)
            yield Finding(
                f"{key(META, 'alias')}, {text}", f"it does not name {cluster}", "it is put back", mend
            )
        elif as_text(home) != cluster:
            yield _member(store, META, f"aliases:{cluster}", text)


def check_counts(store: Store, tag: str) -> Iterator[Finding]:
    """The members of the list of ids, and the number of occurrences in a shard."""
    head, members = read(
        store,
        [on_shard(tag, "HGET", "head", "occurrences"), on_shard(tag, "ZRANGE", "ids", 0, -1, "WITHSCORES")],
    )
    scores = {as_text(member): score for member, score in scored(members or ())}
    ids = list(scores)
    for moved in (one for one, score in scores.items() if score):
        mend = asking(store, on_shard(tag, "ZADD", "ids", "XX", 0, moved.encode("utf-8", "surrogateescape")))
        place = f"{key(tag, 'ids')}, {moved!r:.100}"
        yield Finding(place, f"its score is {scores[moved]:g}, not 0", "it is set to 0", mend)
    for wrong in (one for one in ids if not IMAGE_ID.fullmatch(one) or one[0] != tag):
        command = on_shard(tag, "ZREM", "ids", wrong.encode("utf-8", "surrogateescape"))
        yield Finding(
            f"{key(tag, 'ids')}, {wrong!r:.100}",
            "not the id of an image of this shard",
            "it is removed",
            asking(store, command),
        )
    own = [one for one in ids if IMAGE_ID.fullmatch(one)]
    counts = read(store, [on_shard(tag, "HLEN", f"occ:{one}") for one in own])
    total = sum(count or 0 for count in counts)
    if (b"0" if head is None else head) != b"%d" % total:
        mend = repair(store, tag, "count")
        yield Finding(
            f"{key(tag, 'head')}, occurrences", f"{head!r:.80} where {total} are", "they are counted", mend
        )
