"""Notes about common regions that linking met, for a person to read. No decision uses them."""

import json
import time
from collections.abc import Iterable
from datetime import datetime, timezone

from ..records import CommonRegion, ImageId, NotedRegion
from ..strict_json import parse_object
from . import values
from .connection import StorePart
from .keys import META, as_bytes, as_text, key, on_image, on_meta

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
            name, now = shown_by[0] if shown_by else met.image_id, int(time.time())
            noted = known.get(name)
            before = noted.region if noted else met
            value = {
                "region": [round(side, 4) for side in before.region],
                "pictures": max(met.pictures, before.pictures),
                "images": met.images,
                "met": now,
                "since": int(noted.since.timestamp()) if noted else now,
            }
            more = [image for image in met.shown_by if image not in before.shown_by]
            room = max(0, IMAGES_NOTED - len(before.shown_by)) if noted else IMAGES_NOTED
            images = more[:room] if noted else list(met.shown_by[:room])
            commands = [on_meta("HSET", "hubs", name, json.dumps(value))]
            commands += [on_meta("SADD", f"hub-images:{name}", *images)] if images else []
            self.connection.run(commands)
            self._drop_forgotten(name, images)

    def all(self) -> list[NotedRegion]:
        """Return all notes, in no order. Raises CorruptRecord for one that cannot be read."""
        notes = list[NotedRegion]()
        found = self.connection.ask(on_meta("HGETALL", "hubs"))
        images = self.connection.run([on_meta("SMEMBERS", f"hub-images:{as_text(name)}") for name in found])
        for (name, value), shown_by in zip(found.items(), images, strict=True):
            with values.left_out_if_broken():
                notes.append(read_note(as_text(name), value, shown_by))
        return notes

    def of(self, image_id: ImageId) -> NotedRegion | None:
        """Return a note about a common region that this image shows; None where none is noted."""
        notes = sorted(self.all(), key=lambda note: note.region.image_id)
        return next(
            (note for note in notes if image_id in (note.region.image_id, *note.region.shown_by)), None
        )

    def _drop_forgotten(self, name: ImageId, images: list[ImageId]) -> None:
        """Remove what was just noted of images that are gone. Forgetting removes the image first and the note
        last, so one of the two processes removes it.
        """
        there = self.connection.run([on_image("EXISTS", "img", image) for image in (name, *images)])
        gone = [image for image, found in zip((name, *images), there, strict=True) if not found]
        commands = [on_meta("SREM", f"hub-images:{name}", *gone)] if gone else []
        if name in gone:
            commands += [on_meta("HDEL", "hubs", name), on_meta("DEL", f"hub-images:{name}")]
        self.connection.run(commands)


def read_note(image_id: ImageId, value: bytes, shown_by: Iterable[bytes] = ()) -> NotedRegion:
    """Return a note from its stored value and the images that show the region. Raises CorruptRecord."""
    name = f"{key(META, 'hubs')}, image {image_id!r}"
    values.image_id(name, as_bytes(image_id))
    images = values.image_ids(key(META, f"hub-images:{image_id}"), shown_by)
    try:
        fields = parse_object(value.decode())
        left, top, right, bottom = (float(side) for side in fields["region"])
        if not (0 <= left <= right <= 1 and 0 <= top <= bottom <= 1):
            raise ValueError(f"{fields['region']!r:.80} is not a part of a picture")
        numbers = [fields[field] for field in ("pictures", "images", "met", "since")]
        if any(type(number) is not int or not 0 <= number <= values.LATEST for number in numbers):
            raise ValueError(f"{numbers!r:.80} are not numbers of pictures, images, and two times")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise values.broken(name, f"the note about a common region cannot be read ({error})") from None
    met, since = (datetime.fromtimestamp(number, timezone.utc) for number in numbers[2:])
    pictures, counted = numbers[:2]
    box = (left, top, right, bottom)
    region = CommonRegion(image_id, box, pictures, counted, shown_by=tuple(sorted(images)))
    return NotedRegion(region, met, since)
