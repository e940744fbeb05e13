"""Matches between attributes of different events, written to MISP as analyst data: `similar`, or `same-as`
for equal bytes.

Only matches, only between attributes of this MISP, visible to the organisation of the key alone, since each
side names an attribute that readers of the other may not be allowed to see. The UUID follows from the pair,
so that a relationship is written once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from douglas_quaid.engine import Engine
from douglas_quaid.errors import NotFound
from douglas_quaid.records import Decision

from .analyst_data import Relationship
from .attribute import PREFIX
from .bookmark import Noted
from .client import Client
from .outcome import Outcome, Status


def relate(
    engine: Engine,
    client: Client,
    images: Iterable[tuple[str, str]],
    done: Noted,
    tell: Callable[[Outcome], None],
    *,
    dry_run: bool,
) -> None:
    """Write the relationships of these attributes, given with their images, that MISP does not have yet."""
    for attribute, image_id in images:
        for relation in _relations(engine, client.url, attribute, image_id):
            if relation.uuid in done:
                continue
            if dry_run:
                tell(_outcome(relation, image_id, Status.WOULD_RELATE))
                continue
            if client.relate(relation):
                tell(_outcome(relation, image_id, Status.RELATED))
            done.add(relation.uuid)


def _relations(engine: Engine, url: str, attribute: str, image_id: str) -> list[Relationship]:
    (here,) = engine.sightings([PREFIX + attribute])
    event = next((seen.sighting.labels.get("event") for seen in here if seen.image_id == image_id), None)
    try:
        hits = engine.hits(image_id, elsewhere=True)
    except NotFound:  # forgotten meanwhile
        return []
    found = []
    for hit in hits if event is not None else ():
        for place, labels in zip(hit.occurrences, hit.labels, strict=True):
            is_other = (
                labels.get("event") not in (None, event)
                and labels.get("misp") == url
                and place.startswith(PREFIX)
            )
            if hit.decision is Decision.MATCH and is_other:
                first, second = sorted((attribute, place.removeprefix(PREFIX)))
                found.append(
                    Relationship(first, second, "same-as" if hit.image_id == image_id else "similar")
                )
    return found


def _outcome(relation: Relationship, image_id: str, status: Status) -> Outcome:
    return Outcome(
        attribute=relation.attribute,
        image_id=image_id,
        status=status,
        reason=f"{relation.kind} attribute {relation.related}",
    )
