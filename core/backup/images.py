"""One image of a backup: its values, checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..errors import CorruptRecord
from ..records import ImageId, Membership, Sighting
from ..store import values
from ..store.images import sighting
from ..store.keys import as_text
from .entries import Entry

#: Fields of an image that are brought back beside its record.
MARKS = ("linked", "renewed", "rejudged")


@dataclass(frozen=True, slots=True)
class Brought:
    """An image with all that a backup says of it alone."""

    #: The image.
    image_id: ImageId
    #: Its encoded features.
    record: bytes
    #: When it was first seen.
    first: datetime
    #: When it was last seen.
    last: datetime
    #: That it was linked, and when its features were renewed: stored values by field.
    marks: Mapping[str, bytes]
    #: Where it was seen.
    sightings: tuple[Sighting, ...]
    #: The collections that contain it.
    memberships: tuple[Membership, ...]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Brought:
        """Return an image from its entries. Raises CorruptRecord; within `values.noting`, a sighting or a
        membership that cannot be read is left out.
        """
        image_id = values.image_id("backup", entries[0].about.encode("utf-8", "replace"))
        name = f"backup, image {image_id}"
        parts: dict[str, dict[bytes, bytes]] = {"img": {}, "occ": {}, "seen": {}, "mem": {}}
        for entry in entries:
            if entry.tag != image_id[0]:
                raise CorruptRecord(f"{name}: it lies under {entry.tag!r:.20}")
            parts[entry.kind].update(entry.pairs)
        fields = {as_text(field): value for field, value in parts["img"].items()}
        sightings, memberships = list[Sighting](), list[Membership]()
        for field, value in parts["occ"].items():
            with values.left_out_if_broken():
                place = values.occurrence(name, field)
                last = values.seconds(name, parts["seen"].get(field, value.partition(b" ")[0]))
                sightings.append(sighting(image_id, place, value, float(int(last))))
        for field, labels in parts["mem"].items():
            with values.left_out_if_broken():
                memberships.append(Membership(as_text(field), values.labels(name, labels)))
        return cls(
            image_id=image_id,
            record=fields.get("record", b""),
            first=values.moment(f"{name}, first", fields.get("first")),
            last=values.moment(f"{name}, last", fields.get("last")),
            marks={field: fields[field] for field in MARKS if field in fields},
            sightings=tuple(sightings),
            memberships=tuple(memberships),
        )
