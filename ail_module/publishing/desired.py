"""What should stand in AIL about one object: decided here and nowhere else.

`desired` is a function of what the store holds and the settings say, whatever stands in AIL. So it serves
every occasion: after a search, and after a verdict changed, a person answered, an image was forgotten or
clusters merged. Two things are kept from before: that a review is asked at this object (`Entry.asks`), and
about which picture, as long as that is a question. It writes neither AIL nor the ledger.

    correlations  the object with the representative of its own cluster, then with the representatives of
                  clusters with which it shares a part; and with the picture of which a review asks
    duplicates    the scores of the surest pairs of one type, each of them measured
    tags          one for a match if the object is among those that are to be noticed (told.py), one for a
                  review, some for collections
    note          the partners of all these, and why (note.py)
    origins       some of the tags, for the domains and the crawled items of a screenshot (origins.py)
"""

from collections.abc import Iterator
from dataclasses import replace

from douglas_quaid import Decision, Membership, Relation

from .. import tags
from ..objects import AilObject
from .ledger import Correlation, Duplicate, Entry, Kind, OriginTag, Tag
from .note import note
from .origins import origins_of
from .store_view import Finding, StoreView
from .told import told_because

#: Maximum number of tags of collections at one object. chosen: a page that looks like more of them looks like
#: every page of its kind.
MAX_REFERENCES = 3
#: Relations of whole pages by which one looks like the other, whatever the decision.
_LOOKS_LIKE = (Relation.LOOKS_LIKE, Relation.NEAR_DUPLICATE)
#: The words of the option `tag_domain`.
_PASSED_ON = {"looks-like": Kind.REFERENCE, "review": Kind.REVIEW, "match": Kind.MATCH}


def desired(view: StoreView, before: Entry) -> Entry:
    """Return what should be written about the object of a view; nothing if it is no longer in the store.

    `before`: what is written. Raises StoreError.
    """
    if not view.is_stored:
        return Entry()
    settings = view.settings
    match = _as_told_before(view, before, told_because(view)) if settings.tag_match else None
    review = _review(view, before)
    correlations = _correlations(view)
    wanted = [*_match_tags(view, match), *_review_tags(review), *_references(view)]
    allowed = (tag for tag in wanted if not tags.is_unsafe(tag.name) or tag.name in settings.allow_tags)
    after = replace(
        before,
        correlations=_with_review(view, correlations, review),
        duplicates=_duplicates(view),
        tags=_as_before(before, {tag.name: tag for tag in reversed(list(allowed))}),
        notes=(),
    )
    if settings.note:
        after = replace(after, notes=note(view, after, match, review))
    after = replace(after, origins=_origins(view, after))
    return replace(after, known=before.known or bool(after.lines))


def _origins(view: StoreView, written: Entry) -> tuple[OriginTag, ...]:
    """The tags that are passed on: each one to every domain, then to every crawled item."""
    kinds = {_PASSED_ON[word] for word in view.settings.tag_domain}
    names = [tag.name for tag in written.tags if tag.kind in kinds]
    origins = origins_of(view.labels(view.obj)[0] or {}) if names else []
    return tuple(OriginTag(origin, name) for origin in origins for name in names)


# -- correlations and duplicates -----------------------------------------------------------------------------


def _correlations(view: StoreView) -> tuple[Correlation, ...]:
    if not view.settings.correlate:
        return ()
    found: dict[AilObject, Correlation] = {}  # one for each other object
    centre = view.centre
    if centre and centre != view.obj and view.labels(centre)[0] is not None and view.is_elsewhere(centre):
        found[centre] = Correlation(centre)
    for part in view.parts:
        if len(found) >= view.settings.max_edges:
            break
        if other := view.representative(part):
            found.setdefault(other, Correlation(other, part.hit.image_id))
    return tuple(found.values())


def _with_review(
    view: StoreView, correlations: tuple[Correlation, ...], review: Finding | None
) -> tuple[Correlation, ...]:
    """The correlations, and the one with the picture of which a review asks."""
    other = review.other if review and view.settings.correlate_review else None
    if other is None or any(line.other == other for line in correlations):
        return correlations
    assert review is not None
    return (*correlations, Correlation(other, review.hit.image_id))


def _duplicates(view: StoreView) -> tuple[Duplicate, ...]:
    if not view.settings.duplicates:
        return ()
    rows: dict[AilObject, Duplicate] = {}
    ordered = sorted(view.matches, key=lambda found: (-found.score, found.other != view.centre))
    for found in ordered:
        other = found.other
        if other and other.type == view.obj.type and len(rows) < view.settings.max_edges:
            rows.setdefault(other, Duplicate(other, found.score))
    return tuple(rows.values())


# -- tags ----------------------------------------------------------------------------------------------------


def _as_before(before: Entry, wanted: dict[str, Tag]) -> tuple[Tag, ...]:
    """The tags in the order in which they are wanted, and as seen if they stand because of the same image. If
    AIL does not have one that stands because of another image, somebody removed it because of that.
    """
    seen = {(tag.name, tag.about) for tag in before.tags if tag.seen}
    return tuple(replace(tag, seen=(tag.name, tag.about) in seen) for tag in reversed(list(wanted.values())))


def _as_told_before(
    view: StoreView, before: Entry, match: Finding | AilObject | None
) -> Finding | AilObject | None:
    """The match with the image that the tag names already, if that is of the same cluster and matches still:
    an analyst who removes the tag means the picture that AIL shows.
    """
    if not isinstance(match, Finding):
        return match
    standing = {tag.about for tag in before.tags if tag.kind is Kind.MATCH}
    cluster = view.cluster_of(match.hit.image_id)
    named = (each for each in view.matches if each.hit.image_id in standing)
    return next((each for each in named if view.cluster_of(each.hit.image_id) == cluster), match)


def _match_tags(view: StoreView, match: Finding | AilObject | None) -> Iterator[Tag]:
    if match is None:
        return
    about = match.id if isinstance(match, AilObject) else match.hit.image_id
    yield Tag(tags.MATCH, Kind.MATCH, about)
    if view.settings.tag_detail:
        relation, confidence = (
            (Relation.IDENTICAL, 1.0)
            if isinstance(match, AilObject)
            else (match.hit.relation, match.hit.confidence)
        )
        yield Tag(tags.match(relation, confidence), Kind.MATCH, about)


def _review(view: StoreView, before: Entry) -> Finding | None:
    """The pair of which the object asks: the one of which it asked before, if that is a question still."""
    if not (view.settings.tag_review and before.asks and view.questions):
        return None
    standing = {tag.about for tag in before.tags if tag.kind is Kind.REVIEW}
    return next((each for each in view.questions if each.hit.image_id in standing), view.questions[0])


def _review_tags(review: Finding | None) -> Iterator[Tag]:
    if review:
        yield Tag(tags.REVIEW, Kind.REVIEW, review.hit.image_id)


def _references(view: StoreView) -> list[Tag]:
    found = {tag.name: tag for each in reversed(view.findings) for tag in _references_of(view, each)}
    refused = {view.tag_of(each) for each in view.refused} if found else set()
    return [tag for tag in reversed(found.values()) if tag.name not in refused][:MAX_REFERENCES]


def _references_of(view: StoreView, found: Finding) -> Iterator[Tag]:
    for membership in found.hit.collections:
        if _is_told(view, found, membership) and (tag := view.tag_of(membership)):
            yield Tag(tag, Kind.REFERENCE, found.hit.image_id)


def _is_told(view: StoreView, found: Finding, membership: Membership) -> bool:
    """Whether AIL is told of a picture of a collection: the object matches it, or looks like it on a domain
    that is foreign to it. A near-duplicate that is a review looks like it, too: the whole pages align.
    """
    is_match = found.hit.decision is Decision.MATCH
    if membership.name not in view.baselines:
        return is_match
    shows = view.settings.tag_looks_like and (is_match or found.hit.relation in _LOOKS_LIKE)
    return shows and not tags.is_at_home(view.places(view.obj).domains, membership.labels)
