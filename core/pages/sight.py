"""What somebody sees: names as far as the key says (`--sees`), and pictures that were seen at a host, or lie
in a collection, whose names the key sees. Everything else is as if it were not in the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..answers import timestamp
from ..engine import Engine
from ..errors import NotFound
from ..records import ImageId, ImageInfo
from ..service.access import Caller
from .links import Links
from .shown import shown, shown_labels


@dataclass(frozen=True, slots=True)
class Sight:
    """What a caller sees of a store."""

    #: The store.
    engine: Engine
    #: Who looks.
    caller: Caller
    #: Where browsers find occurrences.
    links: Links

    @property
    def sees_all(self) -> bool:
        """Return whether nothing is hidden."""
        return self.caller.sees_all

    def sees(self, info: ImageInfo | None) -> bool:
        """Return whether an image may be shown. None: it is not in the store."""
        return info is not None and self.caller.sees_image(info)

    def visible(self, ids: Sequence[ImageId]) -> list[bool]:
        """Return for each image whether it may be shown."""
        return [self.sees(info) for info in self.engine.infos(ids)] if ids else []

    def require(self, *ids: ImageId) -> list[ImageInfo]:
        """Return where images were seen. Raises NotFound for one that may not be shown, as for one that is
        not in the store.
        """
        infos = self.engine.infos(ids)
        found = [info for info in infos if info is not None and self.sees(info)]
        if len(found) < len(ids):
            missing = next(i for i, info in zip(ids, infos, strict=True) if not self.sees(info))
            raise NotFound(f"image {missing[:64]} is not in the store")
        return found

    def places(self, info: ImageInfo) -> dict[str, Any]:
        """Return where an image was seen, as a page shows it."""
        seen = [one for one in info.sightings if self.caller.sees("host", one.occurrence.host)]
        return {
            "occurrences": [
                {
                    "text": shown(str(one.occurrence)),
                    "url": self.links.to(str(one.occurrence)),
                    "labels": shown_labels(one.labels),
                    "first": timestamp(one.first_seen),
                    "last": timestamp(one.last_seen),
                }
                for one in seen
            ],
            "more": info.occurrence_count - len(info.sightings) if self.sees_all else 0,
            "first": timestamp(info.first_seen) if self.sees_all else None,
            "last": timestamp(info.last_seen) if self.sees_all else None,
            "collections": [
                {"name": shown(one.name, 80), "labels": shown_labels(one.labels)}
                for one in info.memberships
                if self.caller.sees("collection", one.name)
            ],
        }
