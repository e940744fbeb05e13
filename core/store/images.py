"""Images in the store: adding them whole, noting where they were seen, and asking for what is known about
them.

An image and everything about it lies in one shard, so that adding is one script: record, row, words,
occurrence and membership appear together or not at all, and two writers of the same image leave one image
with both occurrences.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from ..errors import ConfigError, NotFound, StoreUnavailable
from ..records import ImageId, ImageInfo, Membership, Occurrence, Sighting
from .columns import ColumnReader, pack_row
from .forgetting import Forgetting
from .keys import META, SHARDS, as_bytes, as_text, key, shard
from .membership import Collections
from .scripts import PUT, WORD_BYTES, Command
from .times import checked_time

#: spec: README, occurrences in an answer are capped and counted.
SIGHTINGS_SHOWN = 20
#: Longest label set, as JSON. chosen.
LABEL_CHARACTERS = 4096
ID_CHARACTERS = 64
#: spec: README, a unique beginning of 8 digits or more.
PREFIX_CHARACTERS = 8
ATTEMPTS = 100


@dataclass(frozen=True, slots=True, eq=False)
class NewImage:
    """What is stored of an image, as the features stage hands it over."""

    image_id: ImageId
    #: Features as features/codec.py encodes them.
    record: bytes = field(repr=False)
    #: 32 bytes.
    pixel_digest: bytes
    #: 32 bytes.
    pdq: bytes
    pdq_quality: int
    informative: bool
    pdq_version: int
    local_version: int
    #: Visual words, 16 bytes each.
    words: bytes = field(repr=False, default=b"")


class PutStatus(str, Enum):
    ADDED = "added"
    #: Known, and something new about it was recorded.
    UPDATED = "updated"
    KNOWN = "known"


class Images(Collections, Forgetting):
    """The part of the store that is about images."""

    def exists(self, image_id: ImageId) -> bool:
        return bool(
            self.connection.ask(Command(shard(image_id), "EXISTS", key(shard(image_id), f"img:{image_id}")))
        )

    def put(
        self,
        entry: NewImage,
        *,
        occurrence: Occurrence | None = None,
        labels: Mapping[str, str] | None = None,
        collection: str | None = None,
        seen: datetime | None = None,
        renew: bool = False,
    ) -> PutStatus:
        """Add an image, or note what is new about a known one; it is searchable when this returns.

        Labels go to the membership when a collection is given, else to the occurrence; labels given again
        replace the old ones. `seen`: when it was seen there, default now; first and last times are the least
        and the greatest of all given. `renew` replaces the features of a known image by the ones given.
        Raises NotFound for a collection that was never created.
        """
        return self.put_many(
            [entry], occurrence=occurrence, labels=labels, collection=collection, seen=seen, renew=renew
        )[0]

    def put_many(
        self,
        entries: Sequence[NewImage],
        *,
        occurrence: Occurrence | None = None,
        labels: Mapping[str, str] | None = None,
        collection: str | None = None,
        seen: datetime | None = None,
        renew: bool = False,
    ) -> list[PutStatus]:
        """`put` for many images that share occurrence, labels, collection and time, in few round trips; each
        image is whole by itself.
        """
        about = self._about(occurrence, labels, collection, seen)
        return self._put(
            [
                PUT(shard(entry.image_id), entry.image_id, *about, *_columns(entry), "1" if renew else "0")
                for entry in entries
            ]
        )

    def note(
        self,
        image_id: ImageId,
        *,
        occurrence: Occurrence | None = None,
        labels: Mapping[str, str] | None = None,
        collection: str | None = None,
        seen: datetime | None = None,
    ) -> PutStatus:
        """Note where a known image was seen, without its features. UPDATED when that was new; times move in
        any case.

        Raises NotFound when there is no such image.
        """
        return self._put(
            [PUT(shard(image_id), image_id, *self._about(occurrence, labels, collection, seen))]
        )[0]

    def records(self, ids: Sequence[ImageId]) -> list[bytes | None]:
        """Encoded features, None for images that are not there."""
        return self.connection.run(
            [Command(shard(i), "HGET", key(shard(i), f"img:{i}"), "record") for i in ids]
        )

    def infos(self, ids: Sequence[ImageId]) -> list[ImageInfo | None]:
        """What is known besides the features, None for images that are not there; two round trips."""
        commands = []
        for i in ids:
            tag = shard(i)
            commands += [
                Command(tag, "HMGET", key(tag, f"img:{i}"), "first", "last"),
                Command(tag, "ZREVRANGE", key(tag, f"seen:{i}"), 0, SIGHTINGS_SHOWN - 1, "WITHSCORES"),
                Command(tag, "ZCARD", key(tag, f"seen:{i}")),
                Command(tag, "HGETALL", key(tag, f"mem:{i}")),
                Command(META, "HGET", key(META, "cluster-of"), i),
            ]
        answers = self.connection.run(commands)
        found = [answers[at : at + 5] for at in range(0, len(answers), 5)]
        details = []
        for i, (_, seen, _, _, cluster) in zip(ids, found, strict=True):
            details.append(
                Command(shard(i), "HMGET", key(shard(i), f"occ:{i}"), "", *(name for name, _ in _pairs(seen)))
            )
            details.append(Command(META, "SMEMBERS", key(META, "aliases:" + as_text(cluster or b""))))
        more = self.connection.run(details)
        return [_info(i, found[n], more[2 * n], more[2 * n + 1]) for n, i in enumerate(ids)]

    def images_of(self, occurrence: Occurrence) -> list[ImageId]:
        """Images seen at a place, the latest first; all shards are asked at once."""
        name = as_bytes(occurrence)
        ids = self._ids_in_all_shards("where", name)
        scores = self.connection.run(
            [Command(shard(i), "ZSCORE", key(shard(i), f"seen:{i}"), name) for i in ids]
        )
        return [i for _, i in sorted(zip((-float(score or 0) for score in scores), ids, strict=True))]

    def by_pixels(self, digest: bytes) -> list[ImageId]:
        """Images with these decoded pixels (sha256 digest, 32 bytes)."""
        return sorted(self._ids_in_all_shards("pixels", digest))

    def by_prefix(self, text: str) -> ImageId:
        """The image whose id begins with the text. Raises ConfigError when that is too short or fits several,
        NotFound when none.
        """
        prefix = text.lower()
        if not PREFIX_CHARACTERS <= len(prefix) <= ID_CHARACTERS or set(prefix) - set("0123456789abcdef"):
            raise ConfigError(
                f"{text[:80]!r} is no image id: expected {PREFIX_CHARACTERS} to {ID_CHARACTERS} hexadecimal digits"
            )
        tag = shard(prefix)
        found = self.connection.ask(
            Command(tag, "ZRANGEBYLEX", key(tag, "ids"), f"[{prefix}", f"[{prefix}g", "LIMIT", 0, 2)
        )
        if not found:
            raise NotFound(f"no image in the store has an id that begins with {text}")
        if len(found) > 1:
            raise ConfigError(
                f"{text} is the beginning of several image ids, {as_text(found[0])} and {as_text(found[1])} among them; give more digits"
            )
        return as_text(found[0])

    def column_reader(self) -> ColumnReader:
        return ColumnReader(self.connection)

    def _ids_in_all_shards(self, name: str, field_name: bytes) -> list[ImageId]:
        answers = self.connection.run([Command(tag, "HGET", key(tag, name), field_name) for tag in SHARDS])
        return [image_id for ids in answers for image_id in split_ids(ids)]

    def _about(
        self,
        occurrence: Occurrence | None,
        labels: Mapping[str, str] | None,
        collection: str | None,
        seen: datetime | None,
    ) -> tuple[int, bytes, bytes, bytes]:
        if collection is not None:
            self.require_collection(collection)
        text = json.dumps(dict(labels or {}), sort_keys=True, separators=(",", ":"))
        if len(text) > LABEL_CHARACTERS:
            raise ConfigError(f"labels of {len(text)} characters; at most {LABEL_CHARACTERS} are kept")
        if labels and occurrence is None and collection is None:
            raise ConfigError("labels belong to an occurrence or to a collection; name one of them")
        return (
            int(checked_time(seen).timestamp()),
            as_bytes(occurrence or ""),
            as_bytes(collection or ""),
            text.encode(),
        )

    def _put(self, commands: list[Command]) -> list[PutStatus]:
        answers = self.connection.run(commands)
        for _ in range(ATTEMPTS):
            waiting = [n for n, answer in enumerate(answers) if answer == b"forgetting"]
            if not waiting:
                break
            # somebody began to forget this image and has not ended: end it, then add it afresh
            self.finish_intents()
            for n, answer in zip(waiting, self.connection.run([commands[n] for n in waiting]), strict=True):
                answers[n] = answer
        for command, answer in zip(commands, answers, strict=True):
            if answer == b"absent":
                raise NotFound(f"image {command[4]!s} is not in the store; add it first")
            if answer == b"forgetting":
                raise StoreUnavailable(
                    f"image {command[4]!s} is being forgotten by another process; try again"
                )
        return [PutStatus(as_text(answer)) for answer in answers]


def split_ids(ids: bytes | None) -> list[ImageId]:
    """The image ids of a field of `where` or `pixels`, which holds them one after the other; None holds none."""
    return [as_text(ids[at : at + ID_CHARACTERS]) for at in range(0, len(ids), ID_CHARACTERS)] if ids else []


def _columns(entry: NewImage) -> tuple[bytes, bytes, bytes, bytes]:
    if len(entry.image_id) != ID_CHARACTERS or len(entry.pixel_digest) != 32 or len(entry.words) % WORD_BYTES:
        raise ValueError(
            f"image {entry.image_id}: expected an id of 64 digits, a digest of 32 bytes and words of {WORD_BYTES} bytes each"
        )
    row = pack_row(
        entry.image_id,
        entry.pdq,
        quality=entry.pdq_quality,
        informative=entry.informative,
        words=len(entry.words) // WORD_BYTES,
        pdq_version=entry.pdq_version,
        local_version=entry.local_version,
    )
    return entry.record, row, entry.words, entry.pixel_digest


def _info(
    image_id: ImageId, found: Sequence[Any], occurrences: Sequence[bytes | None], aliases: Sequence[bytes]
) -> ImageInfo | None:
    (first, last), seen, count, memberships, cluster = found
    if first is None:
        return None
    sightings = []
    for (name, last_seen), value in zip(_pairs(seen), occurrences[1:], strict=True):
        if value is None:  # forgotten between the two round trips
            continue
        sightings.append(sighting(Occurrence.parse(as_text(name)), value, last_seen))
    members = (
        memberships.items()
        if isinstance(memberships, dict)
        else zip(memberships[::2], memberships[1::2], strict=True)
    )
    return ImageInfo(
        image_id=image_id,
        sightings=tuple(sightings),
        occurrence_count=int(count),
        first_seen=_time(first),
        last_seen=_time(last),
        memberships=tuple(Membership(as_text(name), json.loads(labels)) for name, labels in sorted(members)),
        clusters=(as_text(cluster), *sorted(as_text(alias) for alias in aliases)) if cluster else (),
    )


def sighting(occurrence: Occurrence, value: bytes, last_seen: float) -> Sighting:
    """An occurrence as it lies in occ:<id>, with its score in seen:<id>."""
    first_seen, _, labels = value.partition(b" ")
    return Sighting(occurrence, json.loads(labels), _time(first_seen), _time(last_seen))


def _pairs(answer: Sequence[Any]) -> list[tuple[bytes, float]]:
    """Members with their scores, which redis-py gives as pairs or one after the other."""
    flat = (
        answer
        if not answer or isinstance(answer[0], tuple | list)
        else list(zip(answer[::2], answer[1::2], strict=True))
    )
    return [(member, float(score)) for member, score in flat]


def _time(seconds: bytes | str | float) -> datetime:
    return datetime.fromtimestamp(int(float(seconds)), timezone.utc)
