"""Pictures of the queried attribute's own event, for those who do not want to be told what they are looking
at.
"""

from __future__ import annotations

from dataclasses import replace

from douglas_quaid.answers import History
from douglas_quaid.engine import Engine
from douglas_quaid.records import Sighting

from .request import Attribute


def own_events(engine: Engine, attribute: Attribute) -> frozenset[str]:
    """UUID and number of the queried attribute's event, as far as they are known; MISP sends the number only."""
    (seen,) = engine.sightings([attribute.occurrence])
    return frozenset(
        name
        for name in (attribute.event_id, *(name for found in seen for name in _names(found.sighting)))
        if name
    )


def without_events(history: History, events: frozenset[str]) -> History:
    """The history without what was seen in these events."""
    kept = tuple(sighting for sighting in history.sightings if not events.intersection(_names(sighting)))
    return replace(
        history,
        sightings=kept,
        count=history.count - (len(history.sightings) - len(kept)),
        first_seen=min((s.first_seen for s in kept), default=None)
        if history.complete
        else history.first_seen,
        last_seen=max((s.last_seen for s in kept), default=None) if history.complete else history.last_seen,
    )


def _names(sighting: Sighting) -> tuple[str, ...]:
    return (sighting.labels.get("event", ""), sighting.labels.get("event_id", ""))
