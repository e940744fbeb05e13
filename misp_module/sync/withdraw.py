"""A place out of the store, and its picture out of the collection that the place had filled."""

from __future__ import annotations

from douglas_quaid.engine import Engine
from douglas_quaid.records import ImageId, Withdrawn

#: Label of a place: the collection that `--into` filled from it.
FILLED = "collection"


def filled_by(engine: Engine, occurrence: str) -> str | None:
    """The collection that this place filled, if any."""
    (places,) = engine.sightings([occurrence])
    return next((seen.sighting.labels[FILLED] for seen in places if FILLED in seen.sighting.labels), None)


def withdraw(engine: Engine, occurrence: str, *, keep: ImageId | None = None) -> tuple[Withdrawn, ...]:
    """As `Engine.withdraw`; a picture that is then seen nowhere is no member of that collection any more."""
    return engine.withdraw(occurrence, keep=keep, collection=filled_by(engine, occurrence))
