"""Which tags an object gets for its findings: of a match across domains, of a pair for a person, of a picture
of a collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from douglas_quaid.engine import Engine
from douglas_quaid.records import Decision, Membership, Purpose, Relation

from .. import tags
from ..config import Settings
from ..objects import AilObject
from .findings import Finding, domains
from .ledger import Kind, Label

#: Tags of collections that one object gets. chosen: what looks like more looks like all of a kind.
MOST_REFERENCES = 3


def wanted_labels(
    engine: Engine, settings: Settings, obj: AilObject, across: Sequence[Finding], found: Sequence[Finding]
) -> list[Label]:
    """`across`: the findings that are not on the object's own domain, surest first; `found`: all. Unsafe tags
    are among them.
    """
    baselines = _baselines(engine, found)
    labels = []
    matches = [
        f for f in across if f.hit.decision is Decision.MATCH and (f.other or not _is_in(f, baselines))
    ]
    if settings.tag_match and matches:
        hit = matches[0].hit
        labels.append(Label(tags.match(hit.relation, hit.confidence), Kind.MATCH, hit.image_id))
    matched = {name for f in matches for name in f.hit.clusters}
    reviews = (f.hit for f in across if is_review(f) and not matched.intersection(f.hit.clusters))
    if settings.tag_review and (review := next(reviews, None)):
        labels.append(Label(tags.REVIEW, Kind.REVIEW, review.image_id))
    references = {label.tag: label for label in _references(engine, settings, obj, found, baselines)}
    return [*labels, *islice(references.values(), MOST_REFERENCES)]


def is_review(found: Finding) -> bool:
    """Whether a person should say if the two are the same; of a page that only looks like another that is
    clear.
    """
    return found.hit.decision is Decision.REVIEW and found.hit.relation is not Relation.LOOKS_LIKE


def is_refused(tag: str, settings: Settings) -> bool:
    return tags.is_unsafe(tag) and tag not in settings.allow_tags


def _baselines(engine: Engine, found: Sequence[Finding]) -> frozenset[str]:
    if not any(f.hit.collections for f in found):
        return frozenset()
    return frozenset(
        collection.name for collection in engine.collections() if collection.purpose is Purpose.BASELINE
    )


def _is_in(found: Finding, names: frozenset[str]) -> bool:
    return any(membership.name in names for membership in found.hit.collections)


def _references(
    engine: Engine, settings: Settings, obj: AilObject, found: Sequence[Finding], baselines: frozenset[str]
) -> Iterator[Label]:
    page = domains(engine, obj)[0] if any(f.hit.collections for f in found) else frozenset()
    for f in found:
        for membership in f.hit.collections:
            if membership.name in baselines:
                tag = _of_baseline(f, membership, page) if settings.tag_looks_like else None
            else:
                tag = tags.reference(membership.labels) if f.hit.decision is Decision.MATCH else None
            if tag:
                yield Label(tag, Kind.REFERENCE, f.hit.image_id)


def _of_baseline(found: Finding, membership: Membership, page: frozenset[str]) -> str | None:
    """A picture of the legitimate page counts as well as one that only looks like it: where it was taken
    makes the difference.
    """
    shows = found.hit.decision is Decision.MATCH or found.hit.relation is Relation.LOOKS_LIKE
    return (
        tags.looks_like(membership.labels) if shows and not tags.is_at_home(page, membership.labels) else None
    )
