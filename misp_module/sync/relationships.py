"""Writes matches between attributes of different events to MISP as analyst data: `similar`, or `same-as` for
equal bytes.

Only matches are written, only between attributes of this MISP, and only the organisation of the key sees
them: each side names an attribute that readers of the other side may not be allowed to see.
"""

from collections.abc import Callable, Iterable, Iterator

from douglas_quaid.engine import Engine
from douglas_quaid.errors import NotFound
from douglas_quaid.records import Decision

from ..attributes import OCCURRENCE_PREFIX, occurrence_of
from .attribute import Outcome, Status
from .bookmark import PersistentSet
from .client import Client
from .own_data import Relationship


def relate(
    engine: Engine,
    client: Client,
    images: Iterable[tuple[str, str]],
    done: PersistentSet,
    report: Callable[[Outcome], None],
    *,
    dry_run: bool,
) -> None:
    """Write the relationships of these attributes that MISP does not have yet.

    `images` are pairs of an attribute's UUID and its image id. Raises MispAway, MispRefused, StoreError.
    """
    status = Status.WOULD_RELATE if dry_run else Status.RELATED
    for attribute, image_id in images:
        for relation in _relations(engine, client.url, attribute, image_id):
            if relation.uuid in done:
                continue
            if dry_run or client.relate(relation):
                report(
                    Outcome(
                        attribute=relation.attribute,
                        image_id=image_id,
                        status=status,
                        reason=f"{relation.kind} attribute {relation.related}",
                    )
                )
            if not dry_run:
                done.add(relation.uuid)


def _relations(engine: Engine, url: str, attribute: str, image_id: str) -> Iterator[Relationship]:
    (here,) = engine.sightings([occurrence_of(attribute)])
    event = next((seen.sighting.labels.get("event") for seen in here if seen.image_id == image_id), None)
    if event is None:
        return
    try:
        hits = engine.hits(image_id, elsewhere=True)
    except NotFound:  # forgotten meanwhile
        return
    for hit in (hit for hit in hits if hit.decision is Decision.MATCH):
        kind = "same-as" if hit.image_id == image_id else "similar"
        for place, labels in zip(hit.occurrences, hit.labels, strict=True):
            is_elsewhere = labels.get("event") not in (None, event) and labels.get("misp") == url
            if is_elsewhere and place.startswith(OCCURRENCE_PREFIX):
                first, second = sorted((attribute, place.removeprefix(OCCURRENCE_PREFIX)))
                yield Relationship(first, second, kind)
