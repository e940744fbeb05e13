"""What became of one attribute, for a line of JSON, for the counts, and for the bookmark."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from .attribute import Attribute


class Status(str, Enum):
    ADDED = "added"
    #: Known bytes at a new place, or with something new about it.
    UPDATED = "updated"
    #: Nothing to do.
    KNOWN = "known"
    #: The filters leave it out.
    FILTERED = "filtered"
    #: No picture; not asked for again unless it changes.
    SKIPPED = "skipped"
    #: A broken picture; not asked for again unless it changes.
    FAILED = "failed"
    #: MISP or the store could not deal with it now; asked for again in the next pass.
    WAITING = "waiting"
    #: No longer in MISP, so its place was taken out of the store.
    WITHDRAWN = "withdrawn"
    #: Deleted in MISP, and not in the store.
    GONE = "gone"
    #: Dry run: its file would be asked for.
    WOULD_FETCH = "would-fetch"
    WOULD_WITHDRAW = "would-withdraw"
    #: An analyst rejected it.
    VETOED = "vetoed"
    WOULD_VETO = "would-veto"
    #: Rejected, but there is nothing to veto.
    NOT_IN_STORE = "not-in-store"
    #: A relationship to another attribute was written to MISP.
    RELATED = "related"
    WOULD_RELATE = "would-relate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    attribute: str
    status: Status
    event: str | None = None
    timestamp: int = 0
    image_id: str | None = None
    reason: str | None = None

    @classmethod
    def of(
        cls, attribute: Attribute, status: Status, *, image_id: str | None = None, reason: str | None = None
    ) -> Outcome:
        return cls(
            attribute=attribute.uuid,
            event=attribute.event,
            timestamp=attribute.timestamp,
            status=status,
            image_id=image_id,
            reason=reason,
        )

    def to_json(self) -> dict[str, Any]:
        line = {
            "attribute": self.attribute,
            "event": self.event,
            "image_id": self.image_id,
            "status": self.status.value,
        }
        return line | ({"reason": self.reason} if self.reason else {})
