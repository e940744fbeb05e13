"""Attributes of MISP that may hold a picture, parsed once from MISP's JSON and checked; the filters that say
which of them are indexed; and what became of each (`Outcome`).

Takes a response of `attributes/restSearch` as PyMISP returns it, returns `Attribute`s. Anything missing or of
the wrong type is an error: a response of some other server must not look like a MISP without images. MISP
applies the filters that it supports; those that it does not support, or must not get wrong, are checked here
too.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from ..attributes import FILE_TYPES, occurrence_of

#: Distribution of an attribute or object that is as visible as what contains it. spec: MISP distribution
#: levels.
INHERIT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """An attribute in one state."""

    #: Lower case, with hyphens.
    uuid: str
    #: MISP's type; FILE_TYPES carry a file.
    type: str
    #: UUID of its event.
    event: str
    #: Title of its event.
    info: str
    #: Name of its file.
    filename: str
    #: Seconds since 1970; changes with every edit.
    timestamp: int
    #: When the picture was seen: `first_seen`, else the timestamp. UTC.
    seen: datetime
    #: Whether it is deleted softly, which MISP keeps so that others learn of it.
    deleted: bool
    #: Distribution levels of the attribute, of its object if it is in one, and of its event.
    distribution: tuple[int, ...]
    #: Comment of the analyst.
    comment: str
    #: Tags of the attribute itself.
    tags: tuple[str, ...]
    #: Tags of its event.
    event_tags: tuple[str, ...]
    #: Numeric id of its object; None outside an object.
    object_id: str | None
    #: File as base64; for a malware sample the encrypted ZIP archive. None when it was not requested.
    data: str | None = field(default=None, repr=False)

    @property
    def occurrence(self) -> str:
        """The occurrence of the attribute in the store."""
        return occurrence_of(self.uuid)


def attributes_of(response: object) -> list[Attribute]:
    """Return all attributes of a response. Raises ValueError when it does not have the format of MISP."""
    rows = response.get("Attribute") if isinstance(response, dict) else response
    # Old versions return an empty list when nothing is found.
    if not isinstance(rows, list) or (rows and not isinstance(response, dict)):
        raise ValueError(f"the response to attributes/restSearch has no attributes but {_kind(response)}")
    return [_attribute(row) for row in rows]


def _attribute(row: object) -> Attribute:
    try:
        if not isinstance(row, dict):
            raise TypeError(f"{_kind(row)} instead of an attribute")
        event, holder = row["Event"], row.get("Object")
        tags = row.get("Tag") or []
        timestamp = int(row["timestamp"])
        value = str(row["value"])
        return Attribute(
            uuid=str(uuid.UUID(row["uuid"])),
            type=str(row["type"]),
            event=str(uuid.UUID(event["uuid"])),
            info=str(event.get("info") or ""),
            filename=value.partition("|")[0] if row["type"] == "malware-sample" else value,
            timestamp=timestamp,
            seen=_seen(row.get("first_seen"), timestamp),
            deleted=row.get("deleted") in (True, 1, "1"),
            distribution=tuple(int(level["distribution"]) for level in (row, holder, event) if level),
            comment=str(row.get("comment") or ""),
            tags=tuple(str(tag["name"]) for tag in tags if not _inherited(tag)),
            event_tags=tuple(str(tag["name"]) for tag in tags if _inherited(tag)),
            object_id=str(row["object_id"]) if str(row.get("object_id") or "0") != "0" else None,
            data=row.get("data"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"an attribute in the response cannot be read ({type(error).__name__}: {str(error)[:100]})"
        ) from None


def _inherited(tag: Mapping[str, Any]) -> bool:
    return tag.get("inherited") in (True, 1, "1")


def _seen(first_seen: object, timestamp: int) -> datetime:
    """`first_seen` (ISO 8601) if it is a moment after 1970, else the timestamp."""
    if isinstance(first_seen, str) and first_seen:
        with suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(first_seen.replace("Z", "+00:00"))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            if moment.timestamp() > 0:
                return moment.astimezone(timezone.utc)
    try:
        return datetime.fromtimestamp(timestamp, timezone.utc)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, timezone.utc)


def _kind(response: object) -> str:
    return (
        f"an object with {', '.join(sorted(map(str, response))[:5]) or 'nothing'}"
        if isinstance(response, dict)
        else f"a {type(response).__name__}"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a pass reads; by default everything that the key may see."""

    #: Tags of the attribute or its event: any of these, and none of those that begin with `!`; % is a
    #: wildcard.
    tags: tuple[str, ...] = ()
    #: Creator organisation (name, id or UUID); `!` excludes it.
    org: str | None = None
    #: Whether only published events are read.
    published: bool = False
    #: Allowed distribution levels; empty: all.
    distribution: tuple[int, ...] = ()
    #: Attribute types.
    types: tuple[str, ...] = FILE_TYPES
    #: Id or UUID of the only event to read.
    event: str | None = None

    def passes(self, attribute: Attribute) -> bool:
        """Return whether the attribute passes the filters that are checked here."""
        # Every level from the event to the attribute must be allowed; `inherit` means the level above.
        allowed = {INHERIT, *(self.distribution or attribute.distribution)}
        return (
            attribute.type in self.types
            and allowed.issuperset(attribute.distribution)
            and not self._excluded(attribute)
        )

    def digest(self) -> str:
        """Return a name for this set of filters, independent of the order of their values."""
        values = {
            name: sorted(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]

    def _excluded(self, attribute: Attribute) -> bool:
        """MISP knows only tags that it has seen, and hides some from exports, so excluded tags are checked
        here.
        """
        excluded = [re.escape(tag[1:]).replace("%", ".*") for tag in self.tags if tag.startswith("!")]
        return any(
            re.fullmatch(pattern, tag, re.IGNORECASE)
            for pattern in excluded
            for tag in (*attribute.tags, *attribute.event_tags)
        )


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
    #: An analyst removed the tag that rejected a pair, so the veto was undone.
    UNDONE = "undone"
    #: Dry run: the veto would be undone.
    WOULD_UNDO = "would-undo"
    #: Tags were removed from so many attributes at once that the vetoes are undone only with `--accept`.
    TO_ACCEPT = "to-accept"
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
