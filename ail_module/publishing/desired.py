"""What should stand in AIL about one object, given what stands: decided here and nowhere else.

`desired` serves every occasion. After a search it is given the matches and tags to add; afterwards, when a
verdict changed, a person answered, an image was forgotten or clusters merged, it is given nothing new, and
keeps, moves or drops what stands. It writes neither AIL nor the ledger.

    correlations  the object with the representative of its own cluster, then with the representatives of
                  clusters of which it shows a part
    duplicates    the scores of the surest pairs of one type, each of them measured
    tags          one for a match on another domain, one for a review, some for collections; `wanted_tags`
                  says which ones a search adds
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from douglas_quaid import Decision, Engine, ImageId, Membership, Purpose, Relation

from .. import tags
from ..config import Settings
from ..objects import AilObject
from .ledger import Correlation, Duplicate, Entry, Kind, Tag
from .store_view import Finding, StoreView, domains


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is new about an object."""

    #: Its matches with other objects of AIL on other domains, surest first.
    matches: tuple[Finding, ...] = ()
    #: Tags that it should get unless it has one of that kind.
    tags: tuple[Tag, ...] = ()
    #: Whether it represented a cluster that was merged into its cluster.
    merged: bool = False


#: Nothing is new: what stands is examined.
NOTHING_NEW = News()


def desired(view: StoreView, before: Entry, news: News = NOTHING_NEW) -> Entry:
    """Return what should be written about the object of a view; nothing if it is no longer in the store.

    `before`: what is written. Raises StoreError.
    """
    if view.obj not in view.stored(view.obj.id):
        return Entry()
    view.prefetch(before)
    return replace(
        before,
        correlations=_Correlations(view, before, news).wanted(),
        duplicates=_duplicates(view, before, news.matches),
        tags=_tags(view, before, news.tags),
    )


class _Correlations:
    """The correlations of one object."""

    def __init__(self, view: StoreView, before: Entry, news: News) -> None:
        self._view, self._before, self._news = view, before, news
        own = view.cluster_id
        self._joined = [f for f in news.matches if own in f.hit.clusters]
        #: Those that stand with the object's own cluster, and those with clusters of which it shows a part.
        self._in_own = [line for line in before.correlations if own and self._is_in_own(line)]
        self._parts = [line for line in before.correlations if line.via and line not in self._in_own]

    def wanted(self) -> tuple[Correlation, ...]:
        correlate, max_edges = self._view.settings.correlate, self._view.settings.max_edges
        found: dict[AilObject, Correlation] = {}  # one for each other object

        def put(other: AilObject | None, via: ImageId = "") -> None:
            if other is not None:
                found.setdefault(other, Correlation(other, via))

        if self._in_own or correlate:
            put(self._own_representative())
        known = {line.via for line in self._parts}
        for line in self._parts:
            put(self._partner(line.via, line.other), line.via)
        for f in self._news.matches if correlate else ():
            if f not in self._joined and f.hit.image_id not in known and len(found) < max_edges:
                put(self._partner(f.hit.image_id, None), f.hit.image_id)
        most = max_edges if self._news.matches else max(max_edges, len(self._before.correlations))
        return tuple(found.values())[:most]

    def _is_in_own(self, line: Correlation) -> bool:
        """Whether a line is with the representative of the object's own cluster, perhaps since a merge."""
        if line.via == self._view.obj.id:
            return False
        return not line.via or self._view.cluster_of(line.via) == self._view.cluster_id

    def _own_representative(self) -> AilObject | None:
        """The representative of the object's own cluster, unless it is the object, or a line with it would
        say nothing.
        """
        view = self._view
        standing = self._in_own[0].other if self._in_own else None
        propose, names = None, self._joined[0].hit.clusters if self._joined else ()
        if self._joined:
            propose = self._joined[0].other
        elif standing:
            propose = standing if view.cluster_of(standing.id) == view.cluster_id else view.obj
        elif self._news.merged:
            propose = view.obj
        elif all(tag.kind is not Kind.MATCH for tag in self._before.tags):
            return None  # it matches nothing on another domain
        centre = view.representative(view.obj.id, propose, names)
        return centre if centre == standing or self._is_worth_a_line(centre) else None

    def _partner(self, via: ImageId, standing: AilObject | None) -> AilObject | None:
        """The object that stands for a matching image: the representative of its cluster, unless a person
        said that this is something else, or an object with that image.

        `standing`: with which the object is correlated because of that image.
        """
        view = self._view
        found = [f for f in self._news.matches if f.hit.image_id == via and f.other]
        if standing and via != view.obj.id:
            if view.decision(via) is not Decision.MATCH:
                return None
            stands = standing.id == via or standing == view.representative(via, None)
            if stands and standing.id not in view.vetoed:
                return standing
        partners = [f.other for f in found] or [
            other for other in view.stored(via) if self._is_worth_a_line(other)
        ]
        if not partners or via == view.obj.id:  # the same bytes, as an object of the other type
            return partners[0] if partners else None
        names = found[0].hit.clusters if found else ()
        centre = view.representative(via, partners[0], names)
        sound = centre is not None and centre.id not in view.vetoed and self._is_worth_a_line(centre)
        return centre if sound else partners[0]

    def _is_worth_a_line(self, other: AilObject | None) -> bool:
        if other is None or other == self._view.obj:
            return False
        return any(f.other == other for f in self._news.matches) or self._view.is_elsewhere(other)


def _duplicates(view: StoreView, before: Entry, matches: Sequence[Finding]) -> tuple[Duplicate, ...]:
    """Those that stand come first, with the scores of today."""
    rows = {row.other: found for row in before.duplicates if (found := _measured(view, row))}
    for f in matches if view.settings.duplicates else ():
        if len(rows) >= view.settings.max_edges:
            break
        other = f.other
        if other and other.type == view.obj.type and other not in rows and not view.has_duplicate(other):
            rows[other] = Duplicate(other, round(100 * f.hit.confidence))
    return tuple(rows.values())


def _measured(view: StoreView, row: Duplicate) -> Duplicate | None:
    """The row with the confidence that is stored now."""
    found = view.verdict(row.other.id)
    if found is None:  # for an image with very many verdicts the store keeps the surest
        return row if view.cluster_id and view.cluster_id == view.cluster_of(row.other.id) else None
    return Duplicate(row.other, round(100 * found.confidence)) if found.decision is Decision.MATCH else None


def _tags(view: StoreView, before: Entry, wanted: Collection[Tag]) -> tuple[Tag, ...]:
    """Those that still hold, then what is new: one tag of a kind, those of collections apart."""
    kept = [found for tag in before.tags if (found := _still(view, tag))]
    kinds = {tag.kind for tag in kept} - {Kind.REFERENCE}
    names = {tag.name for tag in kept}
    return (*kept, *(tag for tag in wanted if tag.kind not in kinds and tag.name not in names))


def _still(view: StoreView, tag: Tag) -> Tag | None:
    """A tag whose reason still holds, or the same tag because of another image: it means the same. The
    latter counts as not seen: if AIL does not have it, somebody removed it because of the earlier image.
    """
    own, about = view.cluster_id, tag.about
    together = own is not None and own == view.cluster_of(about)
    joined = together or about == view.obj.id
    if tag.kind is Kind.REFERENCE:
        return tag if joined or view.decision(about) in (Decision.MATCH, Decision.REVIEW) else None
    if tag.kind is Kind.MATCH:
        holds = joined or view.decision(about) is Decision.MATCH
        others = (f for f in view.findings if f.hit.decision is Decision.MATCH)
    else:
        holds = not together and view.decision(about) is Decision.REVIEW
        others = (f for f in view.findings if is_review(f) and own not in f.hit.clusters)
    if holds:
        return tag
    instead = next((f for f in others if view.settings.same_domain or not f.same_domain), None)
    return replace(tag, about=instead.hit.image_id, seen=False) if instead else None


#: Maximum number of tags of collections at one object. chosen: a page that looks like more of them looks like
#: every page of its kind.
MAX_REFERENCES = 3


def wanted_tags(
    engine: Engine, settings: Settings, obj: AilObject, across: Sequence[Finding], found: Sequence[Finding]
) -> tuple[Tag, ...]:
    """Return the tags that an object should have. Unsafe ones are left out unless the operator allowed them.

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
    wanted += list(references.values())[:MAX_REFERENCES]
    return tuple(tag for tag in wanted if not tags.is_unsafe(tag.name) or tag.name in settings.allow_tags)


def is_review(found: Finding) -> bool:
    """Return whether a person should say if the two are the same. For a page that only looks like another
    one, the answer is known.
    """
    return found.hit.decision is Decision.REVIEW and found.hit.relation is not Relation.LOOKS_LIKE


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
