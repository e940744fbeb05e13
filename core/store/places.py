"""Places: which images are seen at an occurrence now, and taking back that they are.

An occurrence may show several images, one after the other, and an image may be seen at many. Both directions
lie in the image's shard (`occ:<id>` and `where`, keys.py), so a sighting comes and goes in one script. An
image that loses its last sighting and is in no collection is forgotten: its mark is set by the script that
takes the sighting, so an add comes before it, and keeps the image, or after it, and adds the image afresh
(forgetting.py); no sighting is lost in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..records import ImageId, Occurrence, Seen, Withdrawn
from .images import Images, sighting, split_ids
from .keys import META, SCAN_COUNT, SHARDS, as_bytes, as_text, key, shard, starting_with
from .scripts import FORGET_IMAGE, Command


class Places(Images):
    """The part of the store that is about occurrences."""

    def withdraw(
        self, occurrence: Occurrence, *, keep: ImageId | None = None, collection: str | None = None
    ) -> tuple[Withdrawn, ...]:
        """Take back that images, all but `keep`, are seen at a place; forget those that are then seen nowhere
        and in no other collection.
        """
        by_shard: dict[str, list[ImageId]] = {}
        for image_id in self.images_of(occurrence):
            if image_id != keep:
                by_shard.setdefault(shard(image_id), []).append(image_id)
        answers = self.connection.run(
            [
                FORGET_IMAGE(tag, "withdraw", as_bytes(occurrence), as_bytes(collection or ""), *ids)
                for tag, ids in by_shard.items()
            ]
        )
        withdrawn = [
            Withdrawn(i, bool(gone))
            for ids, answer in zip(by_shard.values(), answers, strict=True)
            for i, gone in zip(ids, answer, strict=True)
        ]
        self._finish_forgetting([image.image_id for image in withdrawn if image.forgotten])
        return tuple(withdrawn)

    def sightings(self, occurrences: Sequence[Occurrence]) -> list[tuple[Seen, ...]]:
        """For each place the images seen there, latest first; two round trips, and more only where answers
        are beyond a batch.
        """
        if not occurrences:
            return []
        names = [as_bytes(occurrence) for occurrence in occurrences]
        by_shard = self.connection.run([Command(tag, "HMGET", key(tag, "where"), *names) for tag in SHARDS])
        pairs = [(n, i) for n in range(len(names)) for ids in by_shard for i in split_ids(ids[n])]
        if not pairs:
            return [()] * len(names)
        commands = [Command(META, "SMISMEMBER", key(META, "relink"), *(i for _, i in pairs))]
        for n, i in pairs:
            commands += [
                Command(shard(i), "HGET", key(shard(i), f"occ:{i}"), names[n]),
                Command(shard(i), "ZSCORE", key(shard(i), f"seen:{i}"), names[n]),
                Command(shard(i), "HEXISTS", key(shard(i), f"img:{i}"), "linked"),
            ]
        waiting, *facts = self.connection.run(commands)
        found: list[list[Seen]] = [[] for _ in names]
        for at, (n, i) in enumerate(pairs):
            value, last_seen, linked = facts[3 * at : 3 * at + 3]
            if value is not None and last_seen is not None:  # else withdrawn between the two round trips
                found[n].append(
                    Seen(i, sighting(occurrences[n], value, last_seen), bool(linked) and not waiting[at])
                )
        return [
            tuple(sorted(seen, key=lambda one: (-one.sighting.last_seen.timestamp(), one.image_id)))
            for seen in found
        ]

    def occurrences(self, prefix: str) -> Iterator[Occurrence]:
        """All places that start with `prefix`, each at least once, in no order; what is added or withdrawn
        meanwhile may be missing or there.
        """
        pattern = starting_with(prefix)
        for tag in SHARDS:
            cursor = -1
            while cursor:
                cursor, fields = self.connection.ask(
                    Command(
                        tag, "HSCAN", key(tag, "where"), max(cursor, 0), "MATCH", pattern, "COUNT", SCAN_COUNT
                    )
                )
                for name in fields:
                    yield Occurrence.parse(as_text(name))

    def count(self) -> int:
        """Images in the store."""
        return sum(self.connection.run([Command(tag, "ZCARD", key(tag, "ids")) for tag in SHARDS]))
