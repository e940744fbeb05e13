"""What became of one attribute: for a line of JSON, for the counts, and for the bookmark."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from .attribute import Attribute


class Status(str, Enum):
    """What a pass did with an attribute."""

    #: The image is new in the store.
    ADDED = "added"
    #: The image was known; its occurrence is new or has changed.
    UPDATED = "updated"
    #: Nothing to do.
    KNOWN = "known"
    #: The filters exclude it.
    FILTERED = "filtered"
    #: The file is not a picture; it is not requested again unless it changes.
    SKIPPED = "skipped"
    #: The picture is broken; it is not requested again unless it changes.
    FAILED = "failed"
    #: MISP or the store could not handle it now; the next pass requests it again.
    WAITING = "waiting"
    #: It is no longer in MISP, so its occurrence was removed from the store.
    WITHDRAWN = "withdrawn"
    #: It is deleted in MISP, and was not in the store.
    GONE = "gone"
    #: Dry run: its file would be requested.
    WOULD_FETCH = "would-fetch"
    #: Dry run: its occurrence would be removed.
    WOULD_WITHDRAW = "would-withdraw"
    #: An analyst rejected a pair of images, which became a veto.
    VETOED = "vetoed"
    #: Dry run: the pair would be vetoed.
    WOULD_VETO = "would-veto"
    #: An analyst rejected a pair, but an image of it is not in the store.
    NOT_IN_STORE = "not-in-store"
    #: A relationship to another attribute was written to MISP.
    RELATED = "related"
    #: Dry run: the relationship would be written.
    WOULD_RELATE = "would-relate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one attribute, or of one pair that begins with it."""

    #: UUID.
    attribute: str
    #: What was done.
    status: Status
    #: UUID of its event, where it is known.
    event: str | None = None
    #: Timestamp of its state; 0 where it is not known.
    timestamp: int = 0
    #: Image that it holds, where it is known.
    image_id: str | None = None
    #: Why, or with which other image or attribute.
    reason: str | None = None

    @classmethod
    def of(
        cls, attribute: Attribute, status: Status, *, image_id: str | None = None, reason: str | None = None
    ) -> Outcome:
        """Return the outcome of an attribute that MISP has listed."""
        return cls(
            attribute=attribute.uuid,
            event=attribute.event,
            timestamp=attribute.timestamp,
            status=status,
            image_id=image_id,
            reason=reason,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the line for `--json`."""
        line = {
            "attribute": self.attribute,
            "event": self.event,
            "image_id": self.image_id,
            "status": self.status.value,
        }
        return line | ({"reason": self.reason} if self.reason else {})
