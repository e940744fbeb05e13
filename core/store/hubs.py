"""Hubs that linking met, for a person to look at: parts that many pictures show. Nothing is decided by what
is noted here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import datetime, timezone

from ..errors import CorruptRecord
from ..records import CommonRegion, ImageId, NotedRegion
from .connection import StorePart
from .keys import META, as_text, key, shard
from .scripts import Command

#: Parts that are noted. chosen: more than anybody reads; what lies beyond is recognised all the same.
MOST_HUBS = 1000


class HubNotes(StorePart):
    """The part of the store that is about hubs."""

    def note_hubs(self, patches: Iterable[CommonRegion]) -> None:
        """Note parts that linking met; one that is noted already, by another picture that shows it, is not
        noted twice.
        """
        for patch in patches:
            known = {note.region.image_id: note.region for note in self.hubs()}
            shown_by = [name for name in known if name == patch.image_id or name in patch.holders]
            name = shown_by[0] if shown_by else patch.image_id
            if not shown_by and len(known) >= MOST_HUBS:
                continue
            region = known[name].region if shown_by else patch.region
            pictures = max(patch.pictures, known[name].pictures if shown_by else 0)
            value = json.dumps(
                {
                    "region": [round(side, 4) for side in region],
                    "pictures": pictures,
                    "images": patch.images,
                    "met": int(time.time()),
                }
            )
            self.connection.ask(Command(META, "HSET", key(META, "hubs"), name, value))
            # Forgetting takes the image away first and the note last, so one of the two sees the other.
            if not self.connection.ask(Command(shard(name), "EXISTS", key(shard(name), f"img:{name}"))):
                self.connection.ask(Command(META, "HDEL", key(META, "hubs"), name))

    def hubs(self) -> list[NotedRegion]:
        """All that is noted, in no order."""
        found = self.connection.ask(Command(META, "HGETALL", key(META, "hubs")))
        return [_note(as_text(name), value) for name, value in found.items()]

    def cluster_sizes(self) -> dict[str, int]:
        """Images in each cluster."""
        names = sorted(
            as_text(name) for name in self.connection.ask(Command(META, "SMEMBERS", key(META, "clusters")))
        )
        return dict(
            zip(
                names,
                self.connection.run([Command(META, "SCARD", key(META, f"members:{name}")) for name in names]),
                strict=True,
            )
        )


def _note(image_id: ImageId, value: bytes) -> NotedRegion:
    try:
        fields = json.loads(value)
        left, top, right, bottom = (float(side) for side in fields["region"])
        met = datetime.fromtimestamp(fields["met"], timezone.utc)
        return NotedRegion(
            CommonRegion(
                image_id, (left, top, right, bottom), int(fields["pictures"]), int(fields["images"])
            ),
            met,
        )
    except (ValueError, KeyError, TypeError, OverflowError, OSError) as error:
        raise CorruptRecord(
            f"the note about a hub in image {image_id} cannot be read ({error}); forget the image"
        ) from None
