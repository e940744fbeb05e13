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


class CommonRegions(StorePart):
    """The part of the store that keeps notes about common regions."""

    def note(self, regions: Iterable[CommonRegion]) -> None:
        """Note regions that linking met. A region that is noted already, for another image that shows it, is
        not noted twice.
        """
        for met in regions:
            known = {note.region.image_id: note.region for note in self.all()}
            shown_by = [name for name in known if name == met.image_id or name in met.holders]
            if not shown_by and len(known) >= REGIONS_NOTED:
                continue
            name = shown_by[0] if shown_by else met.image_id
            before = known.get(name, met)
            value = {
                "region": [round(side, 4) for side in before.region],
                "pictures": max(met.pictures, before.pictures),
                "images": met.images,
                "met": int(time.time()),
            }
            self.connection.ask(on_meta("HSET", "hubs", name, json.dumps(value)))
            # Forgetting removes the image first and the note last, so one of the two processes removes the
            # note.
            if not self.connection.ask(on_image("EXISTS", "img", name)):
                self.connection.ask(on_meta("HDEL", "hubs", name))

    def all(self) -> list[NotedRegion]:
        """Return all notes, in no order. Raises CorruptRecord for one that cannot be read."""
        notes = list[NotedRegion]()
        for name, value in self.connection.ask(on_meta("HGETALL", "hubs")).items():
            with values.left_out_if_broken():
                notes.append(read_note(as_text(name), value))
        return notes


def read_note(image_id: ImageId, value: bytes) -> NotedRegion:
    """Return a note from its stored value. Raises CorruptRecord."""
    name = f"{key(META, 'hubs')}, image {image_id!r}"
    values.image_id(name, as_bytes(image_id))
    try:
        fields = parse_object(value.decode())
        left, top, right, bottom = (float(side) for side in fields["region"])
        if not (0 <= left <= right <= 1 and 0 <= top <= bottom <= 1):
            raise ValueError(f"{fields['region']!r:.80} is not a part of a picture")
        numbers = [fields[field] for field in ("pictures", "images", "met")]
        if any(type(number) is not int or not 0 <= number <= values.LATEST for number in numbers):
            raise ValueError(f"{numbers!r:.80} are not numbers of pictures, images, and a time")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise values.broken(name, f"the note about a common region cannot be read ({error})") from None
    met = datetime.fromtimestamp(numbers[2], timezone.utc)
    return NotedRegion(CommonRegion(image_id, (left, top, right, bottom), *numbers[:2]), met)
