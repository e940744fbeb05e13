"""Occurrences: which images are seen at a place now, and taking back that they are.

An occurrence may show several images, one after the other, and an image may be seen at many. Both directions
lie in the image's shard (`occ:<id>` and `where`, keys.py), so a sighting comes and goes in one script. An
image that loses its last sighting and is in no collection is forgotten: its mark is set by the script that
takes the sighting, so an add comes before it, and keeps the image, or after it, and adds the image afresh
(forgetting.py); no sighting is lost in between.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points

from ..batches import grouped, in_groups
from ..records import Expired, ImageId, Occurrence, Seen, Sighting, Withdrawn
from . import values
from .connection import StorePart
from .forgetting import Forgetting
from .images import ids_in_all_shards, scored, sighting
from .keys import SHARDS, as_bytes, key, on_image, on_meta, on_shard, shard
from .membership import Collections
from .scripts import FORGET_IMAGE

#: Images of a collection whose age is looked at in one step. chosen: some milliseconds of a server's time.
IMAGES_AT_ONCE = 256
#: Entry-point group of the adapters' sources of pictures (../sources.py), by the host of their occurrences.
ENTRY_POINTS = "douglas_quaid.sources"


def occurrences_named(text: str) -> list[Occurrence]:
    """Return the occurrences that a text may name: HOST:KIND:ID, or KIND::ID, which is one at each host that
    is known here. AIL's ids of objects have that form. Raises ConfigError if it is neither.
    """
    kind, empty, name = text.partition("::")
    if not empty or ":" in kind:
        return [Occurrence.parse(text)]
    hosts = {"file", *(point.name for point in entry_points(group=ENTRY_POINTS))}
    return [Occurrence.parse(f"{host}:{kind}:{name}") for host in sorted(hosts)]


@dataclass(eq=False)
class Occurrences(StorePart):
    """The part of the store that finds images by occurrence."""

    _forgetting: Forgetting
    _collections: Collections

    def images_at(self, occurrence: Occurrence) -> list[ImageId]:
        """Return the images seen at an occurrence, the latest first."""
        name = as_bytes(occurrence)
        ids = ids_in_all_shards(self.connection, "where", name)
        scores = self.connection.run([on_image("ZSCORE", "seen", i, name) for i in ids])
        return [i for _, i in sorted(zip((-float(score or 0) for score in scores), ids, strict=True))]

    def sightings(self, occurrences: Sequence[Occurrence]) -> list[tuple[Seen, ...]]:
        """Return for each occurrence the images seen there, the latest first. Takes two round trips, and more
        only where the commands exceed a batch.
        """
        if not occurrences:
            return []
        names = [as_bytes(occurrence) for occurrence in occurrences]
        by_shard = self.connection.run([on_shard(tag, "HMGET", "where", *names) for tag in SHARDS])
        pairs = [
            (n, i)
            for n in range(len(names))
            for tag, ids in zip(SHARDS, by_shard, strict=True)
            for i in values.id_list(f"{key(tag, 'where')}, {names[n]!r}", ids[n])
        ]
        if not pairs:
            return [()] * len(names)
        commands = [on_meta("SMISMEMBER", "relink", *(i for _, i in pairs))]
        for n, i in pairs:
            commands += [
                on_image("HGET", "occ", i, names[n]),
                on_image("ZSCORE", "seen", i, names[n]),
                on_image("HEXISTS", "img", i, "linked"),
            ]
        waiting, *facts = self.connection.run(commands)
        found: list[list[Seen]] = [[] for _ in names]
        for at, (n, i) in enumerate(pairs):
            value, last_seen, linked = facts[3 * at : 3 * at + 3]
            if value is not None and last_seen is not None:  # else withdrawn between the two round trips
                with values.left_out_if_broken():
                    shown = sighting(i, occurrences[n], value, last_seen)
                    found[n].append(Seen(i, shown, bool(linked) and not waiting[at]))
        return [
            tuple(sorted(seen, key=lambda one: (-one.sighting.last_seen.timestamp(), one.image_id)))
            for seen in found
        ]

    def oldest(self, ids: Sequence[ImageId]) -> list[Sighting | None]:
        """Return of each image the sighting whose last time is the longest ago, in two round trips; None for
        an image that is not there.
        """
        found = self.connection.run([on_image("ZRANGE", "seen", i, 0, 0, "WITHSCORES") for i in ids])
        first = [next(iter(scored(answer)), None) for answer in found]
        commands = [on_image("HGET", "occ", i, at[0]) for i, at in zip(ids, first, strict=True) if at]
        occurrences = iter(self.connection.run(commands))
        oldest: list[Sighting | None] = []
        for i, at in zip(ids, first, strict=True):
            shown = None
            if at is not None and (value := next(occurrences)) is not None:  # else withdrawn meanwhile
                with values.left_out_if_broken():
                    place = values.occurrence(key(shard(i), f"seen:{i}"), at[0])
                    shown = sighting(i, place, value, at[1])
            oldest.append(shown)
        return oldest

    def starting_with(self, prefix: str) -> Iterator[Occurrence]:
        """Yield all occurrences that start with `prefix`, each at least once, in no order. What is added or
        withdrawn meanwhile may be missing or included.
        """
        for tag in SHARDS:
            for name, _ in self.connection.scan(tag, "where", prefix):
                with values.left_out_if_broken():
                    yield values.occurrence(key(tag, "where"), name)

    def withdraw(
        self, occurrence: Occurrence, *, keep: ImageId | None = None, collection: str | None = None
    ) -> tuple[Withdrawn, ...]:
        """Take back that images, all but `keep`, are seen at an occurrence, and return these images.

        An image that is then seen nowhere leaves `collection`; if it is then in none, it is forgotten.
        """
        by_shard = grouped((i for i in self.images_at(occurrence) if i != keep), shard)
        rows = self.connection.options.chunk_rows
        answers = self.connection.run(
            [
                FORGET_IMAGE(tag, rows, "withdraw", as_bytes(occurrence), as_bytes(collection or ""), *ids)
                for tag, ids in by_shard.items()
            ]
        )
        withdrawn = [
            Withdrawn(i, bool(gone))
            for ids, answer in zip(by_shard.values(), answers, strict=True)
            for i, gone in zip(ids, answer, strict=True)
        ]
        self._forgetting.finish_marked([image.image_id for image in withdrawn if image.forgotten])
        return tuple(withdrawn)

    def expire(self, collection: str, before: datetime, *, dry_run: bool) -> Iterator[Expired]:
        """Take the images that were last seen before a moment, and that no host but `file` shows, out of a
        collection, some at a time, and yield them. One that is then in no collection is forgotten.

        `dry_run`: nothing is changed. Raises NotFound for a collection that was never created.
        """
        rows, moment = self.connection.options.chunk_rows, int(before.timestamp())
        by_shard = grouped(sorted(self._collections.members(collection)), shard)
        for tag, members in by_shard.items():
            for ids in in_groups(members, IMAGES_AT_ONCE):
                flag = b"0" if dry_run else b"1"
                step = FORGET_IMAGE(tag, rows, "expire", as_bytes(collection), moment, flag, *ids)
                answers = self.connection.ask(step)
                expired = [Expired(i, answer == 2) for i, answer in zip(ids, answers, strict=True) if answer]
                if not dry_run:
                    self._forgetting.finish_marked([image.image_id for image in expired if image.forgotten])
                yield from expired
