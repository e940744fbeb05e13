"""What a backup says of pairs, clusters and the whole store, brought back where its images are.

Values are written as they were, so that clusters keep their ids and representatives. Where a cluster has
images that were not brought back, it is computed anew with the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..batches import grouped
from ..errors import CorruptRecord
from ..integrity.finding import existing, settle
from ..records import ImageId
from ..store import Store, values, verdict_codec as codec
from ..store.common_regions import read_note, without, write_note
from ..store.hash_lists import read_entry, read_list
from ..store.keys import META, SHARDS, Command, as_bytes, as_text, on_image, on_meta
from ..store.scripts import COUNTED_FIELD
from .entries import Entry

#: Values of blocked:<id>. spec: clusters.lua.
BLOCKED = (b"1", b"2")
#: That of a chain. spec: clusters.lua.
CHAIN = b"2"

_CHECKS: dict[str, Callable[[ImageId, bytes], object]] = {
    "ver": codec.decode,
    "judged": codec.decode_judgement,
    "joining": lambda other, value: values.seconds(f"backup, joining {other}", value),
    "partners": lambda other, value: _rank(other, value),
    "blocked": lambda other, value: _blocked(other, value),
}


def bring_relations(store: Store, entries: Sequence[Entry]) -> None:
    """Write what these entries say of images that are being brought back. Within `values.noting`, what cannot
    be read is left out. Raises StoreError.
    """
    for kind, some in grouped(entries, lambda entry: entry.kind).items():
        if kind in _CHECKS:
            _bring_pairs(store, kind, some)
        for entry in some if kind in _OTHERS else ():
            with values.left_out_if_broken():
                _OTHERS[kind](store, entry)


def _bring_pairs(store: Store, kind: str, entries: Sequence[Entry]) -> None:
    """Verdicts, judgements and what follows from them, where both images are there."""
    owners = [entry.about for entry in entries]
    wanted = _restoring(store, owners)
    found: list[tuple[ImageId, dict[ImageId, bytes]]] = []
    for entry in entries:
        if entry.about not in wanted or entry.tag not in (META, *SHARDS):
            continue
        pairs = dict[ImageId, bytes]()
        for other, value in entry.pairs.items():
            with values.left_out_if_broken():
                name = values.image_id(f"backup, {entry.name}", other)
                _CHECKS[kind](name, value)
                pairs[name] = value
        found.append((entry.about, pairs))
    there = existing(store, {other for _, pairs in found for other in pairs} | wanted)
    commands = list[Command]()
    for owner, pairs in found:
        kept = {other: value for other, value in pairs.items() if other in there}
        if not kept or owner not in there:
            continue
        flat = [part for pair in kept.items() for part in pair]
        if kind == "ver":
            commands.append(on_image("HSET", "ver", owner, *flat))
        elif kind == "partners":
            flat = [part for other, rank in kept.items() for part in (rank, other)]
            commands.append(on_image("ZADD", "partners", owner, *flat))
        else:
            commands.append(on_meta("HSET", f"{kind}:{owner}", *flat))
        if kind == "blocked":
            chains = [" ".join(sorted((owner, other))) for other, why in kept.items() if why == CHAIN]
            commands += [on_meta("SADD", "chains", *chains)] if chains else []
    store.connection.run(commands)


def _restoring(store: Store, ids: Sequence[ImageId]) -> set[ImageId]:
    """Which of these images are being brought back."""
    found = store.connection.ask(on_meta("SMISMEMBER", "restoring", *ids))
    return {image_id for image_id, is_one in zip(ids, found, strict=True) if is_one}


def _bring_clusters(store: Store, entry: Entry) -> None:
    """Put images into their clusters."""
    homes = {
        values.image_id("backup, cluster-of", name): values.cluster_id("backup, cluster-of", home)
        for name, home in entry.pairs.items()
    }
    wanted = sorted(_restoring(store, list(homes)))
    for cluster, ids in grouped(wanted, lambda image_id: homes[image_id]).items():
        alias, known = store.connection.run(
            [on_meta("HGET", "alias", cluster), on_meta("HMGET", "cluster-of", *ids)]
        )
        home = cluster if alias is None else values.cluster_id(f"alias of {cluster}", alias)
        ids = [image_id for image_id, present in zip(ids, known, strict=True) if present is None]
        if not ids:
            continue
        if _is_of_others(store, home):
            settle(store, "regroup", home, *ids)()
            continue
        store.connection.run(
            [
                on_meta("SADD", f"members:{home}", *ids),
                on_meta("HSET", "cluster-of", *(part for image_id in ids for part in (image_id, home))),
            ]
        )


def _is_of_others(store: Store, cluster: str) -> bool:
    """Whether a cluster has images that are not being brought back."""
    members = store.connection.ask(on_meta("SMEMBERS", f"members:{cluster}"))
    return bool(members) and len(_restoring(store, [as_text(one) for one in members])) < len(members)


def _bring_leading(store: Store, entry: Entry) -> None:
    """The images that represent a cluster, and those that are kept in it."""
    cluster = values.cluster_id(f"backup, {entry.name}", entry.about.encode())
    members = store.connection.ask(on_meta("SMEMBERS", f"members:{cluster}"))
    leading = sorted({*entry.items} & {*members})
    if len(members) > 1 and leading and not _is_of_others(store, cluster):
        store.connection.run(
            [on_meta("SADD", f"{entry.kind}:{cluster}", *leading), on_meta("SADD", "clusters", cluster)]
        )


def _bring_aliases(store: Store, entry: Entry) -> None:
    """Former ids of clusters that are there."""
    for name, home in entry.pairs.items():
        alias = values.cluster_id("backup, alias", name)
        cluster = values.cluster_id("backup, alias", home)
        known, members = store.connection.run(
            [on_meta("HGET", "alias", alias), on_meta("EXISTS", f"members:{cluster}")]
        )
        if known is None and members:
            store.connection.run(
                [on_meta("HSET", "alias", alias, cluster), on_meta("SADD", f"aliases:{cluster}", alias)]
            )


def _bring_relink(store: Store, entry: Entry) -> None:
    wanted = _restoring(store, values.image_ids("backup, relink", entry.items))
    for image_id in sorted(wanted):
        store.links.await_link(image_id)


def _bring_notes(store: Store, entry: Entry) -> None:
    """Notes about common regions, without images that are not there."""
    for name, value in entry.pairs.items():
        with values.left_out_if_broken():
            note = read_note(as_text(name), value)
            there = existing(store, (note.region.image_id, *note.region.shown_by))
            if note.region.image_id in there:
                kept = write_note(without(note, {*note.region.shown_by} - there))
                store.connection.ask(COUNTED_FIELD(META, "new", "hubs", name, kept))


def _bring_bookmarks(store: Store, entry: Entry) -> None:
    for name, text in entry.pairs.items():
        store.bookmarks.set(as_text(name), as_text(text), unless_there=True)


def _bring_entries(store: Store, entry: Entry) -> None:
    """Entries of a hash list that the store does not have; the list itself comes behind them."""
    if store.connection.ask(on_meta("HEXISTS", "lists", as_bytes(entry.about))):
        return
    for name, value in entry.pairs.items():
        with values.left_out_if_broken():
            read_entry(entry.about, as_text(name), value)
            store.connection.ask(on_meta("HSET", entry.name, name, value))


def _bring_lists(store: Store, entry: Entry) -> None:
    for name, value in entry.pairs.items():
        with values.left_out_if_broken():
            read_list(as_text(name), value)
            store.connection.ask(COUNTED_FIELD(META, "new", "lists", name, value))


def _bring_calibration(store: Store, entry: Entry) -> None:
    """The calibration that was chosen, if the store has none."""
    for calibration, text in entry.pairs.items():
        if store.settings.calibration_id() is None:
            store.settings.keep_calibration(as_text(calibration), as_text(text))


def _rank(other: ImageId, value: bytes) -> None:
    """Raises CorruptRecord for what is not a rank (verdict_sides.rank)."""
    try:
        if -1 <= float(value) <= 5:
            return
    except ValueError:
        pass
    raise CorruptRecord(f"backup, partner {other}: {value!r:.80} is not a rank")


def _blocked(other: ImageId, value: bytes) -> None:
    if value not in BLOCKED:
        raise CorruptRecord(f"backup, blocked {other}: {value!r:.80}")


_OTHERS: dict[str, Callable[[Store, Entry], None]] = {
    "cluster-of": _bring_clusters,
    "representatives": _bring_leading,
    "kept": _bring_leading,
    "alias": _bring_aliases,
    "relink": _bring_relink,
    "hubs": _bring_notes,
    "bookmarks": _bring_bookmarks,
    "list": _bring_entries,
    "lists": _bring_lists,
    "calibration": _bring_calibration,
}
