"""Images in the store: adding them whole, noting where they were seen, and reading what is known about them.

An image and everything about it lies in one shard, so that adding is one script: record, row, words,
occurrence and membership appear together or not at all, and two writers of the same image leave one image
with both occurrences.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from ..errors import ConfigError, CorruptRecord, NotFound, StoreUnavailable
from ..records import ImageId, ImageInfo, Membership, Occurrence, Sighting
from . import values
from .columns import pack_row
from .connection import Connection, StorePart
from .forgetting import Forgetting
from .keys import META, SHARDS, as_bytes, as_text, key, on_image, on_meta, on_shard, shard
from .membership import Collections
from .scripts import PUT_IMAGE, RENEW_IMAGE, WORD_BYTES
from .times import checked_time
from .values import ID_CHARACTERS, left_out_if_broken, noting

#: Maximum number of occurrences in an ImageInfo. spec: README.
SIGHTINGS_SHOWN = 20
#: Maximum length of a set of labels as JSON, in characters. chosen.
LABEL_CHARACTERS = 4096
#: Minimum length of a prefix that names an image. spec: README.
PREFIX_CHARACTERS = 8
#: How often an add is tried again while other processes forget the image. chosen.
ATTEMPTS = 100
#: Last bytes of a record, which tell it from another one of its image. spec: features/FORMAT.md, checksum.
RECORD_END = 8
#: Image ids read in one round trip of a walk. chosen: 20 KB.
IDS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class NewImage:
    """What is stored of an image."""

    #: sha256 of the picture's bytes.
    image_id: ImageId
    #: Features as features/codec.py encodes them.
    record: bytes = field(repr=False)
    #: sha256 of the decoded pixels, 32 bytes.
    pixel_digest: bytes
    #: PDQ hash, 32 bytes.
    pdq: bytes
    #: PDQ quality, 0 to 100.
    pdq_quality: int
    #: False for blank and near-uniform pictures.
    informative: bool
    #: Extractor version of the PDQ hash, 0 to 255.
    pdq_version: int
    #: Extractor version of the local features, 0 to 255.
    local_version: int
    #: Visual words, 16 bytes each.
    words: bytes = field(repr=False, default=b"")


class PutStatus(str, Enum):
    """What became of an add."""

    #: The image was not known.
    ADDED = "added"
    #: The image was known, and something new about it was recorded.
    UPDATED = "updated"
    #: The image was known, and nothing was new.
    KNOWN = "known"


@dataclass(eq=False)
class Images(StorePart):
    """The part of the store that keeps images."""

    _collections: Collections
    _forgetting: Forgetting

    def count(self) -> int:
        """Return the number of images in the store."""
        return sum(self.connection.run([on_shard(tag, "ZCARD", "ids") for tag in SHARDS]))

    def put(
        self,
        entry: NewImage,
        *,
        occurrence: Occurrence | None = None,
        labels: Mapping[str, str] | None = None,
        collection: str | None = None,
        seen: datetime | None = None,
        renew: bool = False,
        queue: bool = False,
    ) -> PutStatus:
        """Add an image, or note what is new about a known one, and return which it was. The image is
        searchable when this returns.

        Labels belong to the membership when a collection is given, else to the occurrence; labels given again
        replace the old ones. `seen`: when it was seen there, default now; the earliest and the latest time
        are kept. `renew`: replace the features of a known image. `queue`: put the image into the queue of
        those to be linked, unless it was linked. Raises NotFound for a collection that was
        never created, ConfigError for labels or a time that do not fit, StoreUnavailable when another process
        is forgetting the image.
        """
        about = self._about(occurrence, labels, collection, seen, queue)
        return self._put(entry.image_id, *about, *_columns(entry), "1" if renew else "0")

    def bring_back(
        self,
        entry: NewImage,
        sightings: Sequence[Sighting],
        memberships: Sequence[Membership],
        times: tuple[datetime, datetime],
    ) -> None:
        """Add an image as a backup has it: where and when it was seen, the collections that contain it, and
        the first and the last of all times. Raises as `put`.
        """
        first, last = times
        self.put(entry, seen=first)
        self.note(entry.image_id, seen=last)
        for shown in sightings:
            for moment in (shown.first_seen, shown.last_seen):
                self.note(entry.image_id, occurrence=shown.occurrence, labels=shown.labels, seen=moment)
        for member in memberships:
            self.note(entry.image_id, collection=member.name, labels=member.labels, seen=first)

    def renew(self, entry: NewImage, *, before: bytes, only_record: bool = False) -> bool:
        """Put features that were extracted again in the place of the record `before`; the image is then to be
        linked, and its older verdicts are to be judged again (links.py). `only_record`: the record is written
        in another way and says the same, so that nothing else changes.

        Returns False, and does nothing, if the image was forgotten or has another record now.
        """
        record, *columns = _columns(entry)
        arguments = (b"", b"", b"") if only_record else columns
        answer = self.connection.ask(
            RENEW_IMAGE(
                shard(entry.image_id),
                self.connection.options.chunk_rows,
                entry.image_id,
                before[-RECORD_END:],
                record,
                *arguments,
                repr(time.time()),
            )
        )
        return bool(answer == b"renewed")

    def note(
        self,
        image_id: ImageId,
        *,
        occurrence: Occurrence | None = None,
        labels: Mapping[str, str] | None = None,
        collection: str | None = None,
        seen: datetime | None = None,
        queue: bool = False,
    ) -> PutStatus:
        """Do what `put` does for a known image, without its features. Returns UPDATED when anything but the
        times was new.

        Raises NotFound when there is no such image, else as `put`.
        """
        return self._put(image_id, *self._about(occurrence, labels, collection, seen, queue))

    def records(self, ids: Sequence[ImageId]) -> list[bytes | None]:
        """Return the encoded features of each image, in one round trip; None for one that is not there."""
        return self.connection.run([on_image("HGET", "img", i, "record") for i in ids])

    def infos(self, ids: Sequence[ImageId]) -> list[ImageInfo | None]:
        """Return what is known about each image besides its features, in two round trips; None for an image
        that is not there. What is broken of it is left out and named in its `problems`.
        """
        commands = []
        for i in ids:
            commands += [
                on_image("HMGET", "img", i, "first", "last"),
                on_image("ZREVRANGE", "seen", i, 0, SIGHTINGS_SHOWN - 1, "WITHSCORES"),
                on_image("ZCARD", "seen", i),
                on_image("HGETALL", "mem", i),
                on_meta("HGET", "cluster-of", i),
            ]
        answers = self.connection.run_each(commands)
        found = [answers[at : at + 5] for at in range(0, len(answers), 5)]
        details = []
        for i, (_, seen, _, _, cluster) in zip(ids, found, strict=True):
            names = [] if isinstance(seen, CorruptRecord) else [name for name, _ in scored(seen)]
            text = as_text(cluster) if isinstance(cluster, bytes) else ""
            named = text if values.CLUSTER_ID.fullmatch(text) else ""
            details += [
                on_image("HMGET", "occ", i, "", *names),
                on_meta("SMEMBERS", f"aliases:{named}"),
            ]
        more = self.connection.run_each(details)
        return [_info(i, found[n], more[2 * n], more[2 * n + 1]) for n, i in enumerate(ids)]

    def by_pixels(self, digest: bytes) -> list[ImageId]:
        """Return the images with these decoded pixels (sha256 digest, 32 bytes), in order."""
        return sorted(ids_in_all_shards(self.connection, "pixels", digest))

    def by_prefix(self, text: str) -> ImageId:
        """Return the image whose id begins with the text.

        Raises ConfigError when the text is too short or fits several images, NotFound when it fits none.
        """
        prefix = text.lower()
        if not PREFIX_CHARACTERS <= len(prefix) <= ID_CHARACTERS or set(prefix) - set("0123456789abcdef"):
            raise ConfigError(
                f"{text[:80]!r} is not an image id:"
                f" expected {PREFIX_CHARACTERS} to {ID_CHARACTERS} hexadecimal digits"
            )
        lookup = on_shard(shard(prefix), "ZRANGEBYLEX", "ids", f"[{prefix}", f"[{prefix}g", "LIMIT", 0, 2)
        found = self.connection.ask(lookup)
        if not found:
            raise NotFound(f"no image in the store has an id that begins with {text}")
        if len(found) > 1:
            raise ConfigError(
                f"{text} is the beginning of several image ids, {as_text(found[0])} and {as_text(found[1])}"
                " among them; give more digits"
            )
        return values.image_id(key(shard(prefix), "ids"), found[0])

    def ids_after(self, image_id: ImageId | None = None) -> Iterator[list[ImageId]]:
        """Yield all image ids after this one (default: all), in order, some at a time. Images that are added
        or forgotten meanwhile may be missing or included. Raises CorruptRecord for a broken id.
        """
        first = image_id or ""
        for tag in SHARDS[SHARDS.index(first[0]) if first else 0 :]:
            start = f"({first}".encode() if first.startswith(tag) else b"-"
            while found := self.connection.ask(
                on_shard(tag, "ZRANGEBYLEX", "ids", start, "+", "LIMIT", 0, IDS_AT_ONCE)
            ):
                yield values.image_ids(key(tag, "ids"), found)
                start = b"(" + found[-1]

    def _about(
        self,
        occurrence: Occurrence | None,
        labels: Mapping[str, str] | None,
        collection: str | None,
        seen: datetime | None,
        queue: bool,
    ) -> tuple[int, bytes, bytes, bytes, str]:
        if collection is not None:
            self._collections.require(collection)
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
            "1" if queue else "0",
        )

    def _put(self, image_id: ImageId, *arguments: bytes | str | int) -> PutStatus:
        """Run put_image.lua with these arguments behind the id."""
        command = PUT_IMAGE(shard(image_id), self.connection.options.chunk_rows, image_id, *arguments)
        for _ in range(ATTEMPTS):
            answer = self.connection.ask(command)
            if answer == b"absent":
                raise NotFound(f"image {image_id} is not in the store; add it first")
            if answer != b"forgetting":
                return PutStatus(as_text(answer))
            # Another process began to forget this image: finish that, then add the image afresh.
            self._forgetting.finish_interrupted()
        raise StoreUnavailable(f"image {image_id} is being forgotten by another process; try again")


def ids_in_all_shards(connection: Connection, name: str, field_name: bytes) -> list[ImageId]:
    """Return the image ids that the hashes `where` or `pixels` of all shards hold under a field."""
    answers = connection.run([on_shard(tag, "HGET", name, field_name) for tag in SHARDS])
    return [
        image_id
        for tag, ids in zip(SHARDS, answers, strict=True)
        for image_id in values.id_list(f"{key(tag, name)}, {field_name!r}", ids)
    ]


def sighting(image_id: ImageId, occurrence: Occurrence, value: bytes, last_seen: float) -> Sighting:
    """Return an occurrence from its value in `occ:<id>` and its score in `seen:<id>`.

    Raises CorruptRecord.
    """
    first_seen, _, labels = value.partition(b" ")
    name = f"{key(shard(image_id), f'occ:{image_id}')}, {str(occurrence)!r}"
    times = values.moment(name, first_seen), values.moment(name.replace("occ:", "seen:", 1), last_seen)
    return Sighting(occurrence, values.labels(name, labels), *times)


def _columns(entry: NewImage) -> tuple[bytes, bytes, bytes, bytes]:
    lengths = len(entry.image_id), len(entry.pixel_digest), len(entry.pdq)
    if lengths != (ID_CHARACTERS, 32, 32) or len(entry.words) % WORD_BYTES:
        raise ValueError(
            f"image {entry.image_id}: expected an id of 64 digits, a digest and a PDQ of 32 bytes each"
            f" and words of {WORD_BYTES} bytes each"
        )
    return entry.record, packed_row(entry), entry.words, entry.pixel_digest


def packed_row(entry: NewImage) -> bytes:
    """Return the 72 bytes of an image's row. Raises ValueError for values that do not fit."""
    return pack_row(
        entry.image_id,
        entry.pdq,
        quality=entry.pdq_quality,
        informative=entry.informative,
        words=len(entry.words) // WORD_BYTES,
        pdq_version=entry.pdq_version,
        local_version=entry.local_version,
    )


def _info(
    image_id: ImageId,
    found: Sequence[Any],
    occurrences: Sequence[bytes | None] | CorruptRecord,
    aliases: Sequence[bytes] | CorruptRecord,
) -> ImageInfo | None:
    tag = shard(image_id)
    with noting() as problems:
        times, seen, count, memberships, cluster = (_or_absent(answer) for answer in found)
        first, last = times or (None, None)
        if times is not None and first is None:
            return None
        sightings, joined, clusters = list[Sighting](), list[Membership](), list[str]()
        for (name, last_seen), value in zip(
            scored(seen or ()), (_or_absent(occurrences) or [])[1:], strict=False
        ):
            if value is not None:  # else forgotten between the two round trips
                with left_out_if_broken():
                    place = values.occurrence(key(tag, f"seen:{image_id}"), name)
                    sightings.append(sighting(image_id, place, value, last_seen))
        for name, labels in sorted((memberships or {}).items()):
            with left_out_if_broken():
                where = f"{key(tag, f'mem:{image_id}')}, {name!r}"
                joined.append(Membership(as_text(name), values.labels(where, labels)))
        if cluster:
            with left_out_if_broken():
                clusters.append(values.cluster_id(f"{key(META, 'cluster-of')}, {image_id}", cluster))
                named = values.cluster_ids(key(META, f"aliases:{clusters[0]}"), _or_absent(aliases) or ())
                clusters += sorted(named)
        seen_at = list[datetime]()
        for text in (first, last):
            with left_out_if_broken():
                seen_at.append(values.moment(key(tag, f"img:{image_id}"), text))
    return ImageInfo(
        image_id=image_id,
        sightings=tuple(sightings),
        occurrence_count=int(count or 0),
        first_seen=seen_at[0] if len(seen_at) == 2 else None,
        last_seen=seen_at[1] if len(seen_at) == 2 else None,
        memberships=tuple(joined),
        clusters=tuple(clusters),
        problems=tuple(problems),
    )


def _or_absent(answer: Any) -> Any:
    """Return an answer, or None and a note where the key has another type."""
    if not isinstance(answer, CorruptRecord):
        return answer
    with left_out_if_broken():
        raise answer
    return None


def scored(answer: Sequence[Any]) -> list[tuple[bytes, float]]:
    """Return members with their scores; redis-py returns pairs, or both in turn."""
    flat = (
        answer
        if not answer or isinstance(answer[0], tuple | list)
        else list(zip(answer[::2], answer[1::2], strict=True))
    )
    return [(member, float(score)) for member, score in flat]
