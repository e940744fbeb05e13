"""What the store knows about pairs of AIL's objects: stored verdicts and labels, without asking AIL."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from douglas_quaid.answers import Hit
from douglas_quaid.engine import Engine
from douglas_quaid.errors import NotFound
from douglas_quaid.records import Decision, ImageId, Relation, Seen

from .. import tags
from ..objects import TYPES, AilObject

#: Maximum number of images whose verdicts are read, surest first. chosen: an object gets few lines, and other
#: images are copies in the same cluster.
MAX_HITS = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture that an object matches or resembles; the decision is `match` or `review`."""

    #: The stored answer about the picture.
    hit: Hit
    #: The object of AIL that shows it; None if AIL does not hold the picture, as for one of a collection.
    other: AilObject | None
    #: Whether both were captured on the same domains, which AIL shows already.
    same_domain: bool


def objects_of(image_id: ImageId) -> tuple[AilObject, ...]:
    """Return the objects that an image may be in AIL, one of each type."""
    return tuple(AilObject(kind, image_id) for kind in TYPES)


def stored(engine: Engine, objects: Iterable[AilObject]) -> dict[AilObject, Seen]:
    """Return those of the objects that are in the store, with their sightings; two round trips for hundreds
    of them. Raises StoreError.
    """
    asked = list(objects)
    found = zip(asked, engine.sightings([obj.occurrence for obj in asked]), strict=True)
    return {obj: seen for obj, images in found for seen in images if seen.image_id == obj.id}


def domains(engine: Engine, *objects: AilObject) -> list[frozenset[str]]:
    """Return the domains on which each object was captured, from the label `domain` of its occurrence.

    Raises StoreError.
    """
    found = stored(engine, objects)
    labels = (found[obj].sighting.labels if obj in found else {} for obj in objects)
    return [frozenset(tags.domains(each.get("domain", ""))) for each in labels]


def on_same_domain(engine: Engine, a: AilObject, b: AilObject) -> bool:
    """Return whether two objects were captured on the same domains; False if there are none. Raises
    StoreError.
    """
    mine, theirs = domains(engine, a, b)
    return bool(mine) and mine == theirs


def stored_findings(engine: Engine, obj: AilObject) -> tuple[Finding, ...]:
    """Return what is stored about a linked object, surest first; nothing if it is not in the store.

    Raises StoreError.
    """
    try:
        hits = engine.hits(str(obj.occurrence), limit=MAX_HITS, elsewhere=True)
    except NotFound:
        return ()
    mine = domains(engine, obj)[0] if hits else frozenset()
    return tuple(found for hit in hits for found in _findings(obj, mine, hit))


def _findings(obj: AilObject, mine: frozenset[str], hit: Hit) -> Iterator[Finding]:
    if hit.decision is Decision.NO_MATCH or hit.relation is Relation.SAME_TEMPLATE:
        return
    others = [
        (other, frozenset(tags.domains(labels.get("domain", ""))))
        for occurrence, labels in zip(hit.occurrences, hit.labels, strict=True)
        if (other := AilObject.of(occurrence)) and other != obj
    ]
    for other, theirs in others:
        yield Finding(hit, other, same_domain=bool(mine) and mine == theirs)
    if not others and hit.collections:
        yield Finding(hit, None, same_domain=False)
