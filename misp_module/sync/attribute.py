"""One attribute of MISP that may hold a picture: parsed once from MISP's JSON, checked, and a value from then
on.

Takes an answer of `attributes/restSearch` as PyMISP hands it over, gives `Attribute`s. What is missing or of
the wrong kind is named: an answer that MISP does not give must not be taken for an instance without images.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

#: Distribution of an attribute or object that is as visible as what holds it. spec: MISP distribution levels.
INHERIT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    #: Lower case, with hyphens.
    uuid: str
    #: attachment or malware-sample for those that carry a file.
    type: str
    #: UUID of its event.
    event: str
    #: The event's title.
    info: str
    filename: str
    #: Seconds; moves with every edit.
    timestamp: int
    #: When the picture was seen: `first_seen`, or else the timestamp. UTC.
    seen: datetime
    #: Deleted softly: MISP keeps it to tell others.
    deleted: bool
    #: Levels of the attribute, of its object if it is in one, and of its event.
    distribution: tuple[int, ...]
    comment: str
    #: Of the attribute itself.
    tags: tuple[str, ...]
    event_tags: tuple[str, ...]
    object_id: str | None
    #: The file as base64; for a malware sample the encrypted zip. None when it was not asked for.
    data: str | None = field(default=None, repr=False)

    @property
    def occurrence(self) -> str:
        return occurrence_of(self.uuid)


#: spec: README, the occurrence of a MISP attribute is misp:attribute:<uuid>.
PREFIX = "misp:attribute:"


def occurrence_of(attribute: str) -> str:
    return PREFIX + attribute


def attributes_of(answer: object) -> list[Attribute]:
    """All attributes of an answer. Raises ValueError when it has not the shape that MISP gives."""
    rows = answer.get("Attribute") if isinstance(answer, dict) else answer
    if not isinstance(rows, list) or (
        rows and not isinstance(answer, dict)
    ):  # old versions answer an empty list when nothing fits
        raise ValueError(f"the answer to attributes/restSearch holds no attributes but {_kind(answer)}")
    return [_attribute(row) for row in rows]


def _attribute(row: object) -> Attribute:
    try:
        if not isinstance(row, dict):
            raise TypeError(f"{_kind(row)} instead of an attribute")
        event, holder = row["Event"], row.get("Object")
        tags = row.get("Tag") or []
        timestamp = int(row["timestamp"])
        return Attribute(
            uuid=str(uuid.UUID(row["uuid"])),
            type=str(row["type"]),
            event=str(uuid.UUID(event["uuid"])),
            info=str(event.get("info") or ""),
            filename=str(row["value"]).partition("|")[0]
            if row["type"] == "malware-sample"
            else str(row["value"]),
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
            f"an attribute in the answer cannot be read ({type(error).__name__}: {str(error)[:100]})"
        ) from None


def _inherited(tag: Mapping[str, Any]) -> bool:
    return tag.get("inherited") in (True, 1, "1")


def _seen(first_seen: object, timestamp: int) -> datetime:
    """`first_seen` as MISP writes it (ISO 8601 with an offset) when it is given and means a moment after
    1970, else the timestamp.
    """
    if isinstance(first_seen, str) and first_seen:
        try:
            moment = datetime.fromisoformat(first_seen.replace("Z", "+00:00"))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
            if moment.timestamp() > 0:
                return moment.astimezone(timezone.utc)
        except (ValueError, OverflowError):
            return _moment(timestamp)
    return _moment(timestamp)


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, OSError, ValueError):
        return datetime.fromtimestamp(0, timezone.utc)


def _kind(answer: object) -> str:
    return (
        f"an object with {', '.join(sorted(map(str, answer))[:5]) or 'nothing'}"
        if isinstance(answer, dict)
        else f"a {type(answer).__name__}"
    )
