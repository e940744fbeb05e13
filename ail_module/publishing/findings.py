"""What the store says about pairs of AIL's objects: the findings that a writer gets, from stored verdicts and
labels, without asking AIL.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from douglas_quaid.answers import Hit
from douglas_quaid.engine import Engine
from douglas_quaid.errors import NotFound
from douglas_quaid.records import Decision, ImageId, Relation

from .. import tags
from ..objects import TYPES, AilObject

#: Images, the surest first, whose verdicts are read. chosen: an object gets few lines; the rest are copies in
#: the same cluster.
MOST_HITS = 50


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture that an object matches or resembles."""

    hit: Hit
    #: The object of AIL that it is; None for a picture that AIL does not hold, such as one of a collection.
    other: AilObject | None
    #: Whether the pair says nothing that AIL does not show already: both were taken on the same domains.
    same_domain: bool


def objects_of(image_id: ImageId) -> tuple[AilObject, ...]:
    """The objects that an image may be in AIL, whose ids are ours."""
    return tuple(AilObject(kind, image_id) for kind in TYPES)


def domains(engine: Engine, *objects: AilObject) -> list[frozenset[str]]:
    """Of each object those it was taken on, as the label `domain` of its occurrence says; empty for an object
    without.
    """
    found = engine.sightings([obj.occurrence for obj in objects])
    return [
        frozenset(
            name
            for seen in places
            if seen.image_id == obj.id
            for name in tags.domains(seen.sighting.labels.get("domain", ""))
        )
        for obj, places in zip(objects, found, strict=True)
    ]


def on_same_domain(engine: Engine, a: AilObject, b: AilObject) -> bool:
    mine, theirs = domains(engine, a, b)
    return bool(mine) and mine == theirs


def stored_findings(engine: Engine, obj: AilObject) -> tuple[Finding, ...]:
    """Stored verdicts about a linked object, the surest first; empty for one that is no longer in the store."""
    try:
        hits = engine.hits(str(obj.occurrence), limit=MOST_HITS, elsewhere=True)
    except NotFound:
        return ()
    mine = domains(engine, obj)[0] if hits else frozenset()
    return tuple(found for hit in hits for found in _findings(obj, mine, hit))


def _findings(obj: AilObject, mine: frozenset[str], hit: Hit) -> Iterator[Finding]:
    if hit.decision is Decision.NO_MATCH or hit.relation is Relation.SAME_TEMPLATE:
        return
    places = [
        (other, labels)
        for place, labels in zip(hit.occurrences, hit.labels, strict=True)
        if (other := AilObject.of(place))
    ]
    others = [
        (other, frozenset(tags.domains(labels.get("domain", "")))) for other, labels in places if other != obj
    ]
    for other, theirs in others:
        yield Finding(hit, other, same_domain=bool(mine) and mine == theirs)
    if not others and hit.collections:
        yield Finding(hit, None, same_domain=False)
