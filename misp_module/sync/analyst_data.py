"""What analysts of a MISP said becomes vetoes in the store, and the matches of the store become relationships
in MISP.

`feedback`: a veto says that two images are not the same, whatever was measured. An analyst tags an attribute
with `false-positive:...` or `workflow:state="rejected"`. On an attribute of a saved `image-similarity`
object, that rejects each pair of the queried picture and one that the object names. On an attribute with a
picture, it rejects every stored match of that picture. Tags are searched for in every pass, since a local tag
changes no timestamp; what is done is remembered.

`relate` writes matches between attributes of different events as analyst data: `similar`, or `same-as` for
equal bytes. Only matches are written, only between attributes of this MISP, and only the organisation of the
key sees them: each side names an attribute that readers of the other side may not be allowed to see.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from douglas_quaid import Decision, Engine, NotFound

from ..attributes import FILE_TYPES, OCCURRENCE_PREFIX, occurrence_of
from .attribute import Attribute, Outcome, Status
from .bookmark import PersistentSet, digest
from .client import Client
from .own_data import Relationship
from .read import walk

#: Tag of the workflow taxonomy that rejects. spec: MISP taxonomy workflow.
REJECTED = 'workflow:state="rejected"'
#: Tags that are searched for; % is a wildcard. spec: MISP taxonomies false-positive and workflow.
REJECTING = ("false-positive", "false-positive:%", REJECTED)
#: Tags of the taxonomy false-positive that do not reject. spec: MISP taxonomy false-positive.
NOT_REJECTING = (
    'false-positive:confirmed="false"',
    'false-positive:risk="low"',
    'false-positive:risk="cannot-be-judged"',
)


def feedback(
    engine: Engine,
    client: Client,
    report: Callable[[Outcome], None],
    *,
    page_size: int,
    dry_run: bool,
) -> None:
    """Veto what the rejected attributes mean, once. Raises MispAway, MispRefused, StoreError."""
    done = PersistentSet(engine, f"misp:feedback:{digest(client.url)}")
    in_objects: dict[str, list[Attribute]] = {}
    for rows in walk(partial(client.tagged, REJECTING), size=page_size, sorts=client.sorts()):
        for row in filter(_is_rejected, rows):
            if row.type in FILE_TYPES:
                for outcome in _about_image(engine, row, dry_run):
                    report(outcome)
            elif row.object_id is not None and row.uuid not in done:
                in_objects.setdefault(row.event, []).append(row)
    for event, rejected in in_objects.items():
        similarities = client.similarities(event)
        for row in rejected:
            outcomes = [
                outcome
                for saved in similarities
                if row.uuid in saved.attributes
                for queried in saved.queried
                for found in saved.found
                for outcome in _between(engine, row, queried, found, dry_run)
            ]
            for outcome in outcomes:
                report(outcome)
            if not dry_run and all(outcome.status is Status.VETOED for outcome in outcomes):
                done.add(row.uuid)
    done.save()


def _is_rejected(attribute: Attribute) -> bool:
    """Whether a tag of its own rejects it; MISP's search also returns attributes of tagged events."""
    tags = {tag.casefold() for tag in attribute.tags} - set(NOT_REJECTING)
    rejecting = any(tag == REJECTED or tag.partition(":")[0] == REJECTING[0] for tag in tags)
    return rejecting and not attribute.deleted


def _about_image(engine: Engine, attribute: Attribute, dry_run: bool) -> Iterator[Outcome]:
    """Veto all stored verdicts about the image of the attribute."""
    images = _images(engine, attribute.uuid)
    if not images:
        yield _not_in_store(attribute, attribute.uuid)
    for image_id in images:
        try:
            others = [hit.image_id for hit in engine.hits(image_id)]
            yield from _vetoes(engine, attribute, image_id, others, dry_run)
        except NotFound:  # forgotten meanwhile
            yield _not_in_store(attribute, attribute.uuid)


def _between(
    engine: Engine, attribute: Attribute, queried: str, found: str, dry_run: bool
) -> Iterator[Outcome]:
    """Veto the images of two attributes (UUIDs) that a rejected object connects."""
    both = [_images(engine, uuid) for uuid in (queried, found)]
    for uuid, images in zip((queried, found), both, strict=True):
        if not images:
            yield _not_in_store(attribute, uuid)
    for image_id in both[0]:
        yield from _vetoes(engine, attribute, image_id, both[1], dry_run)


def _vetoes(
    engine: Engine, attribute: Attribute, image_id: str, others: Iterable[str], dry_run: bool
) -> Iterator[Outcome]:
    for other in others:
        if other == image_id:  # the same bytes in two attributes
            continue
        try:
            if not dry_run:
                engine.veto(image_id, other, source=attribute.occurrence)
            status = Status.WOULD_VETO if dry_run else Status.VETOED
            yield Outcome.of(attribute, status, image_id=image_id, reason=f"not image {other}")
        except NotFound:  # forgotten meanwhile
            yield _not_in_store(attribute, attribute.uuid)


def _images(engine: Engine, attribute: str) -> list[str]:
    (seen,) = engine.sightings([occurrence_of(attribute)])
    return [one.image_id for one in seen]


def _not_in_store(attribute: Attribute, missing: str) -> Outcome:
    return Outcome.of(
        attribute,
        Status.NOT_IN_STORE,
        reason=f"rejected, but the image of attribute {missing} is not in the store",
    )


def relate(
    engine: Engine,
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
