"""Removes an attribute's occurrence from the store, and its image from the collection that it was
added to.
"""

from __future__ import annotations

from douglas_quaid.engine import Engine
from douglas_quaid.records import ImageId, Withdrawn

#: Label of an occurrence: the collection that `--into` filled from it.
FILLED = "collection"


def filled_by(engine: Engine, occurrence: str) -> str | None:
    """Return the collection that was filled from this occurrence, if any. Raises StoreError."""
    (places,) = engine.sightings([occurrence])
    return next((seen.sighting.labels[FILLED] for seen in places if FILLED in seen.sighting.labels), None)


def withdraw(engine: Engine, occurrence: str, *, keep: ImageId | None = None) -> tuple[Withdrawn, ...]:
    """Return the images removed from this occurrence, except `keep`, as `Engine.withdraw` does.

    An image without another occurrence leaves the collection that was filled from this one. Raises
    StoreError.
    """
    return engine.withdraw(occurrence, keep=keep, collection=filled_by(engine, occurrence))
