"""Notes about common regions that linking met, for a person to read. No decision uses them."""

import json
from collections.abc import Iterable, Set
from dataclasses import replace
from datetime import datetime, timezone

from ..records import CommonRegion, ImageId, NotedRegion
from ..strict_json import parse_object
from . import values
from .connection import StorePart
from .keys import META, as_bytes, as_text, key, on_image, on_meta
from .scripts import COUNTED_FIELD

#: Maximum number of regions noted. chosen: more than anybody reads; further ones are recognised all the same.
REGIONS_NOTED = 1000
#: Maximum number of images noted of each region, of those verified to show it. chosen: enough to see whose
#: pages they are.
IMAGES_NOTED = 12


class CommonRegions(StorePart):
    """The part of the store that keeps notes about common regions."""

    def note(self, regions: Iterable[CommonRegion]) -> None:
        """Note regions that linking met. A region that is noted already, for another image that shows it, is
        not noted twice.
        """
        for met in regions:
            known = {note.region.image_id: note for note in self.all()}
            shown_by = [name for name in known if name == met.image_id or name in met.holders]
            if not shown_by and len(known) >= REGIONS_NOTED:
                continue
            noted, now = known.get(shown_by[0]) if shown_by else None, datetime.now(timezone.utc)
            before = noted.region if noted else met
            images = tuple(dict.fromkeys((*before.shown_by, *met.shown_by)))[:IMAGES_NOTED]
            pictures = max(met.pictures, before.pictures)
            region = CommonRegion(before.image_id, before.region, pictures, met.images, shown_by=images)
            self._write(NotedRegion(region, now, noted.since if noted else now))

    def all(self) -> list[NotedRegion]:
        """Return all notes, in no order. Raises CorruptRecord for one that cannot be read."""
        notes = list[NotedRegion]()
        for name, value in self.connection.ask(on_meta("HGETALL", "hubs")).items():
            with values.left_out_if_broken():
                notes.append(read_note(as_text(name), value))
        return notes

    def of(self, ids: Iterable[ImageId]) -> list[NotedRegion | None]:
        """Return for each image a note about a common region that it shows; None where none is noted."""
        by_image: dict[ImageId, NotedRegion] = {}
        for note in sorted(self.all(), key=lambda note: note.region.image_id):
            for image_id in (note.region.image_id, *note.region.shown_by):
                by_image.setdefault(image_id, note)
        return [by_image.get(image_id) for image_id in ids]

    def _write(self, note: NotedRegion) -> None:
        """Write a note, and then remove from it what is gone. Forgetting removes the image first and the note
        last, so one of the two processes removes it.
        """
        name, shown_by = note.region.image_id, note.region.shown_by
        self.connection.ask(COUNTED_FIELD(META, "set", "hubs", name, write_note(note)))
        there = self.connection.run([on_image("EXISTS", "img", image) for image in (name, *shown_by)])
        if not there[0]:
            self.connection.ask(COUNTED_FIELD(META, "remove", "hubs", name))
        elif not all(there):
            self._write(
                without(note, {image for image, found in zip(shown_by, there[1:], strict=True) if not found})
            )


def without(note: NotedRegion, gone: Set[ImageId]) -> NotedRegion:
    """Return a note without some of the images that show the region."""
    left = tuple(image for image in note.region.shown_by if image not in gone)
    return replace(note, region=replace(note.region, shown_by=left))


def write_note(note: NotedRegion) -> bytes:
    """Return the stored value of a note."""
    fields = {
        "region": [round(side, 4) for side in note.region.region],
        "pictures": note.region.pictures,
        "images": note.region.images,
        "met": int(note.met.timestamp()),
        "since": int(note.since.timestamp()),
        "shown_by": "".join(note.region.shown_by),
    }
    text = json.dumps(fields)
    return as_bytes(values.checksum(note.region.image_id, text) + text)


def read_note(image_id: ImageId, value: bytes) -> NotedRegion:
    """Return a note from its stored value. Raises CorruptRecord."""
    name = f"{key(META, 'hubs')}, image {image_id!r}"
    values.image_id(name, as_bytes(image_id))
    try:
        check, text = value[: values.CHECK_CHARACTERS].decode(), value[values.CHECK_CHARACTERS :].decode()
        if check != values.checksum(image_id, text):
            raise ValueError("its checksum does not fit")
        fields = parse_object(text)
        left, top, right, bottom = (float(side) for side in fields["region"])
        if not (0 <= left <= right <= 1 and 0 <= top <= bottom <= 1):
            raise ValueError(f"{fields['region']!r:.80} is not a part of a picture")
        numbers = [fields[field] for field in ("pictures", "images", "met", "since")]
        if any(type(number) is not int or not 0 <= number <= values.LATEST for number in numbers):
            raise ValueError(f"{numbers!r:.80} are not numbers of pictures, images, and two times")
        images = values.id_list(name, as_bytes(fields["shown_by"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise values.broken(name, f"the note about a common region cannot be read ({error})") from None
    met, since = (datetime.fromtimestamp(number, timezone.utc) for number in numbers[2:])
    pictures, counted = numbers[:2]
    box = (left, top, right, bottom)
    region = CommonRegion(image_id, box, pictures, counted, shown_by=tuple(images))
    return NotedRegion(region, met, since)
