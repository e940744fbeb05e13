"""Matches of the store become relationships in MISP's analyst data: `similar`, or `same-as` for equal bytes.

Only matches are written, only between attributes of different events of this MISP, and only the organisation
of the key sees them: each side names an attribute that readers of the other side may not be allowed to see.
"""

from collections.abc import Callable, Iterable, Iterator

from douglas_quaid import Correlator, Decision, NotFound

from ..attributes import OCCURRENCE_PREFIX, occurrence_of
from .attribute import Outcome, Status
from .bookmark import PersistentSet, digest
from .client import Client
from .own_data import Relationship


def relate(
    engine: Correlator,
    client: Client,
    images: Iterable[tuple[str, str]],
    report: Callable[[Outcome], None],
    *,
    dry_run: bool,
) -> None:
    """Write the relationships of these attributes that MISP does not have yet.

    `images` are pairs of an attribute's UUID and its image id. Raises MispAway, MispRefused, StoreError.
    """
    done = PersistentSet(engine, f"misp:relationships:{digest(client.url)}")
    relations = (
        (image_id, relation)
        for attribute, image_id in images
        for relation in _relations(engine, client.url, attribute, image_id)
    )
    try:
        for image_id, relation in relations:
            if relation.uuid in done:
                continue
            if dry_run or client.relate(relation):
                report(
                    Outcome(
                        attribute=relation.attribute,
                        image_id=image_id,
                        status=Status.WOULD_RELATE if dry_run else Status.RELATED,
                        reason=f"{relation.kind} attribute {relation.related}",
                    )
                )
            if not dry_run:
                done.add(relation.uuid)
    finally:
        done.save()


def _relations(engine: Correlator, url: str, attribute: str, image_id: str) -> Iterator[Relationship]:
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
