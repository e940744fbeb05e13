"""The attributes and events of MISP among the sightings of a picture."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from douglas_quaid import Sighting

from .attributes import OCCURRENCE_PREFIX, is_uuid


@dataclass(frozen=True, slots=True)
class Place:
    """An attribute of MISP that shows a picture."""

    #: UUID of the attribute.
    attribute: str
    #: UUID of its event, or the event's number if only that is known; empty if neither is.
    event: str


def first_place(sightings: Iterable[Sighting]) -> Place | None:
    """Return the attribute that showed the picture first; None if no attribute of a MISP did.

    The answer stays the same when the picture is seen again, so MISP recognises an object that names it.
    """
    attributes = [(seen.first_seen, place) for seen in sightings if (place := _place(seen))]
    return min(attributes, key=lambda found: (found[0], found[1].attribute), default=(None, None))[1]


def events_of(sightings: Iterable[Sighting]) -> tuple[str, ...]:
    """Return the events of the sightings (UUIDs or numbers), each once, in their order."""
    found = dict.fromkeys(place.event for seen in sightings if (place := _place(seen)))
    return tuple(event for event in found if event)


def _place(sighting: Sighting) -> Place | None:
    uuid = str(sighting.occurrence).removeprefix(OCCURRENCE_PREFIX)
    return Place(uuid, _event(sighting.labels)) if is_uuid(uuid) else None


def _event(labels: Mapping[str, str]) -> str:
    uuid, number = labels.get("event", ""), labels.get("event_id", "")
    return uuid.lower() if is_uuid(uuid) else number if number.isascii() and number.isdigit() else ""
