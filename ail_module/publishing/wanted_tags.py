"""Which tags an object gets for its findings: of a match, of a pair that needs a review, of a collection."""

from collections.abc import Iterator, Sequence
from itertools import islice

from douglas_quaid.engine import Engine
from douglas_quaid.records import Decision, Membership, Purpose, Relation

from .. import tags
from ..config import Settings
from ..objects import AilObject
from .findings import Finding, domains
from .ledger import Kind, Tag

#: Maximum number of tags of collections at one object. chosen: a page that looks like more of them looks like
#: every page of its kind.
MAX_REFERENCES = 3


def wanted_tags(
    engine: Engine, settings: Settings, obj: AilObject, across: Sequence[Finding], found: Sequence[Finding]
) -> list[Tag]:
    """Return the tags that an object should have, unsafe ones included.

    `across`: the findings on other domains, surest first. `found`: all findings. Raises StoreError.
    """
    baselines = _baselines(engine, found)
    wanted = []
    matches = [
        f
        for f in across
        if f.hit.decision is Decision.MATCH
        and (f.other or baselines.isdisjoint(membership.name for membership in f.hit.collections))
    ]
    if settings.tag_match and matches:
        hit = matches[0].hit
        wanted.append(Tag(tags.match(hit.relation, hit.confidence), Kind.MATCH, hit.image_id))
    matched = {name for f in matches for name in f.hit.clusters}
    reviews = (f.hit for f in across if is_review(f) and not matched.intersection(f.hit.clusters))
    if settings.tag_review and (review := next(reviews, None)):
        wanted.append(Tag(tags.REVIEW, Kind.REVIEW, review.image_id))
    references = {tag.name: tag for tag in _references(engine, settings, obj, found, baselines)}
    return [*wanted, *islice(references.values(), MAX_REFERENCES)]


def is_review(found: Finding) -> bool:
    """Return whether a person should say if the two are the same. For a page that only looks like another
    one, the answer is known.
    """
    return found.hit.decision is Decision.REVIEW and found.hit.relation is not Relation.LOOKS_LIKE


def is_refused(tag: str, settings: Settings) -> bool:
    """Return whether a tag is unsafe and the operator did not allow it."""
    return tags.is_unsafe(tag) and tag not in settings.allow_tags


def _baselines(engine: Engine, found: Sequence[Finding]) -> frozenset[str]:
    if not any(f.hit.collections for f in found):
        return frozenset()
    return frozenset(
        collection.name for collection in engine.collections() if collection.purpose is Purpose.BASELINE
    )


def _references(
    engine: Engine, settings: Settings, obj: AilObject, found: Sequence[Finding], baselines: frozenset[str]
) -> Iterator[Tag]:
    page = domains(engine, obj)[0] if any(f.hit.collections for f in found) else frozenset()
    for f in found:
        for membership in f.hit.collections:
            if membership.name in baselines:
                tag = _of_baseline(f, membership, page) if settings.tag_looks_like else None
            else:
                tag = tags.reference(membership.labels) if f.hit.decision is Decision.MATCH else None
            if tag:
                yield Tag(tag, Kind.REFERENCE, f.hit.image_id)


def _of_baseline(found: Finding, membership: Membership, page: frozenset[str]) -> str | None:
    """The tag for a picture of a legitimate page, or for a page that looks like it, on a foreign domain."""
    shows = found.hit.decision is Decision.MATCH or found.hit.relation is Relation.LOOKS_LIKE
    return (
        tags.looks_like(membership.labels) if shows and not tags.is_at_home(page, membership.labels) else None
    )
