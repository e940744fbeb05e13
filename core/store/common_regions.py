"""Notes about common regions that linking met, for a person to read. No decision uses them."""

import json
import time
from collections.abc import Iterable
from datetime import datetime, timezone

from ..errors import CorruptRecord
from ..records import CommonRegion, ImageId, NotedRegion
from .connection import StorePart
from .keys import as_text, on_image, on_meta

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
        found = self.connection.ask(on_meta("HGETALL", "hubs"))
        return [_note(as_text(name), value) for name, value in found.items()]


def _note(image_id: ImageId, value: bytes) -> NotedRegion:
    try:
        fields = json.loads(value)
        left, top, right, bottom = (float(side) for side in fields["region"])
        pictures, images = int(fields["pictures"]), int(fields["images"])
        met = datetime.fromtimestamp(fields["met"], timezone.utc)
    except (ValueError, KeyError, TypeError, OverflowError, OSError) as error:
        raise CorruptRecord(
            f"the note about a common region of image {image_id} cannot be read ({error}); forget the image"
        ) from None
    return NotedRegion(CommonRegion(image_id, (left, top, right, bottom), pictures, images), met)
