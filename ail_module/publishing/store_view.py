"""What the store says about AIL's objects: the findings of one object, and everything around it by which
`desired` decides. AIL is not asked.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

from douglas_quaid import (
    Cluster,
    Correlator,
    Decision,
    Hit,
    ImageId,
    Membership,
    NotFound,
    Purpose,
    Relation,
    Seen,
)

from .. import tags
from ..config import Settings
from ..objects import TYPES, AilObject
from .ledger import MAX_TOLD, Star, Told, change_star, cluster_keys, elect, read_star, told_of

#: Maximum number of other clusters with which an object shares a part that AIL is told of. chosen: more say
#: that it shows what many show.
MAX_PARTS = 8
#: Maximum number of images whose verdicts are read, surest first. chosen: an object gets few lines, and other
#: images are copies in the same cluster.
MAX_HITS = 50


@dataclass(frozen=True, slots=True)
class Places:
    """Where an object was seen."""

    #: Domains, in lower case.
    domains: tuple[str, ...]
    #: Chats, as `<subtype>:<id>`.
    chats: tuple[str, ...]

    @classmethod
    def of(cls, labels: Mapping[str, str]) -> "Places":
        """Return the places that the labels of an occurrence name."""
        chats = dict.fromkeys(name.strip() for name in labels.get("chat", "").split(",") if name.strip())
        return cls(tuple(dict.fromkeys(tags.domains(labels))), tuple(chats))

    @property
    def count(self) -> int:
        """Number of domains and chats."""
        return len(self.domains) + len(self.chats)


@dataclass(frozen=True, slots=True)
class Finding:
    """A picture that an object matches or resembles; the decision is `match` or `review`."""

    #: The stored answer about the picture.
    hit: Hit
    #: The object of AIL that shows it; None if AIL does not hold the picture, as for one of a collection.
    other: AilObject | None
    #: Whether both were captured on the same domains, which AIL shows already.
    same_domain: bool

    @property
    def score(self) -> int:
        """100 * confidence, rounded."""
        return round(100 * self.hit.confidence)


def objects_of(image_id: ImageId) -> tuple[AilObject, ...]:
    """Return the objects that an image may be in AIL, one of each type."""
    return tuple(AilObject(kind, image_id) for kind in TYPES)


def stored(engine: Correlator, objects: Iterable[AilObject]) -> dict[AilObject, Seen]:
    """Return those of the objects that are in the store, with their sightings; two round trips for hundreds
    of them. Raises StoreError.
    """
    asked = list(objects)
    found = zip(asked, engine.sightings([obj.occurrence for obj in asked]), strict=True)
    return {obj: seen for obj, images in found for seen in images if seen.image_id == obj.id}


def stored_findings(engine: Correlator, obj: AilObject) -> tuple[Finding, ...]:
    """Return what is stored about a linked object, surest first; nothing if it is not in the store.

    Raises StoreError.
    """
    try:
        hits = engine.hits(str(obj.occurrence), limit=MAX_HITS, elsewhere=True)
    except NotFound:
        return ()
    seen = stored(engine, [obj]).get(obj) if hits else None
    mine = frozenset(tags.domains(seen.sighting.labels)) if seen else frozenset()
    return tuple(found for hit in hits for found in _findings(obj, mine, hit))


def _findings(obj: AilObject, mine: frozenset[str], hit: Hit) -> Iterator[Finding]:
    if hit.decision is Decision.NO_MATCH or hit.relation is Relation.SAME_TEMPLATE:
        return
    others = [
        (other, frozenset(tags.domains(labels)))
        for occurrence, labels in zip(hit.occurrences, hit.labels, strict=True)
        if (other := AilObject.of(occurrence)) and other != obj
    ]
    for other, theirs in others:
        yield Finding(hit, other, same_domain=bool(mine) and mine == theirs)
    if not others and hit.collections:
        yield Finding(hit, None, same_domain=False)


def find_cluster(engine: Correlator, cluster_id: str) -> Cluster | None:
    """Return the cluster with an id, perhaps a former one; None if nothing is in it any more.

    Raises StoreError.
    """
    try:
        found = engine.show(cluster_id)
    except NotFound:
        return None
    return found if isinstance(found, Cluster) else None


class StoreView:
    """The store as one object sees it, at the time of the first question. Every method may raise StoreError.

    Nothing is written, with one exception: what stars hold is elected when it is asked for.
    """

    def __init__(
        self,
        engine: Correlator,
        settings: Settings,
        obj: AilObject,
        *,
        found: Sequence[Finding] | None = None,
    ) -> None:
        """`found`: the stored findings of the object, if the caller has them."""
        self.settings = settings
        self.obj = obj
        self._engine = engine
        self._given = found
        self._keys: dict[ImageId, str] = {}
        self._labels: dict[AilObject, Mapping[str, str] | None] = {}

    # -- what is stored --------------------------------------------------------------------------------------

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What is stored about the object, surest first."""
        found = self._given if self._given is not None else stored_findings(self._engine, self.obj)
        self._read_clusters([self.obj.id, *(each.hit.image_id for each in found)])
        return sorted(found, key=lambda each: (-each.score, each.hit.image_id, each.other or self.obj))

    @cached_property
    def key(self) -> str:
        """What names the object's own cluster."""
        return self.cluster_of(self.obj.id)

    def cluster_of(self, image_id: ImageId) -> str:
        """Return what names an image's cluster, as `cluster_keys`."""
        self._read_clusters([image_id])
        return self._keys[image_id]

    def _read_clusters(self, ids: Iterable[ImageId]) -> None:
        unknown = [image_id for image_id in dict.fromkeys(ids) if image_id not in self._keys]
        self._keys.update(zip(unknown, cluster_keys(self._engine, unknown), strict=True))

    def labels(self, *objects: AilObject) -> list[Mapping[str, str] | None]:
        """Return the labels of each object's occurrence; None if it is not in the store."""
        unknown = [obj for obj in dict.fromkeys(objects) if obj not in self._labels]
        if unknown:
            found = stored(self._engine, unknown)
            self._labels |= {obj: found[obj].sighting.labels if obj in found else None for obj in unknown}
        return [self._labels[obj] for obj in objects]

    @property
    def is_stored(self) -> bool:
        """Whether the object is in the store."""
        return self.labels(self.obj)[0] is not None

    def places(self, obj: AilObject) -> Places:
        """Return where an object was seen."""
        return Places.of(self.labels(obj)[0] or {})

    @cached_property
    def baselines(self) -> frozenset[str]:
        """Names of the collections of legitimate pages, if a finding is in any collection."""
        if not any(each.hit.collections for each in self.findings):
            return frozenset()
        collections = self._engine.collections()
        return frozenset(each.name for each in collections if each.purpose is Purpose.BASELINE)

    def tag_of(self, membership: Membership) -> str | None:
        """Return the tag of a picture of a collection."""
        is_baseline = membership.name in self.baselines
        return tags.looks_like(membership.labels) if is_baseline else tags.reference(membership.labels)

    # -- what AIL is told of -----------------------------------------------------------------------------

    @cached_property
    def across(self) -> list[Finding]:
        """The findings on other domains, or all if the operator wants those of one domain, too."""
        return [each for each in self.findings if self.settings.same_domain or not each.same_domain]

    @cached_property
    def matches(self) -> list[Finding]:
        """The matches across domains, those with pages of a baseline apart, surest first. Among equally sure
        ones of one cluster its representative comes first.
        """
        return [
            each
            for each in self.across
            if each.hit.decision is Decision.MATCH
            and (each.other or self.baselines.isdisjoint(one.name for one in each.hit.collections))
        ]

    def is_own(self, found: Finding) -> bool:
        """Return whether a finding is of the object's own cluster."""
        return self.cluster_of(found.hit.image_id) == self.key

    @cached_property
    def own(self) -> list[Finding]:
        """The matches across domains in the object's own cluster."""
        return [each for each in self.matches if self.is_own(each)]

    @cached_property
    def parts(self) -> list[Finding]:
        """The surest match across domains with each other cluster."""
        others: dict[str, Finding] = {}
        for each in self.matches:
            if not self.is_own(each):
                others.setdefault(self.cluster_of(each.hit.image_id), each)
        return list(others.values())[:MAX_PARTS]

    @cached_property
    def questions(self) -> list[Finding]:
        """The pairs across domains of which a person should say if the two are the same. For a page that only
        looks like another one, and for a picture of a cluster that is matched anyway, or of which a person
        said that it is something else, the answer is known.
        """
        matched = (self.cluster_of(each.hit.image_id) for each in self.matches)
        answered = {self.key, *matched, *self.answered}
        return [
            each
            for each in self.across
            if each.hit.decision is Decision.REVIEW
            and each.hit.relation is not Relation.LOOKS_LIKE
            and self.cluster_of(each.hit.image_id) not in answered
        ]

    @cached_property
    def is_at_several_places(self) -> bool:
        """Whether the very file was seen on two domains or in two chats, and shows something."""
        if self.places(self.obj).count < 2:
            return False
        with suppress(NotFound):
            shown = self._engine.show(self.obj.id)
            return not isinstance(shown, Cluster) and shown.informative
        return False

    def is_elsewhere(self, other: AilObject) -> bool:
        """Return whether a line between the object and another one says something new: the two are on
        different domains, or the operator wants pairs of one domain too.
        """
        mine, theirs = self.places(self.obj).domains, self.places(other).domains
        return self.settings.same_domain or not mine or set(mine) != set(theirs)

    # -- what is elected -------------------------------------------------------------------------------------

    @cached_property
    def star(self) -> Star | None:
        """The star of the object's own cluster; None if nothing in it matches across domains."""
        first = self.own[0] if self.own else None
        if first or self.is_at_several_places:
            names = first.hit.clusters if first else ()
            return self.star_of(self.key, (first and first.other) or self.obj, names)
        star = read_star(self._engine, self.key)
        if star is None or self.cluster_of(star.centre.id) == self.key:
            return star
        return self.star_of(self.key, self.obj)

    @property
    def centre(self) -> AilObject | None:
        """The representative of the object's own cluster."""
        return self.star.centre if self.star else None

    def representative(self, part: Finding) -> AilObject | None:
        """Return the object that stands for a match with another cluster: the representative of that cluster,
        or an object with that image if a person said that the representative is something else.
        """
        if part.other is None:
            return None
        centre = self.star_of(self.cluster_of(part.hit.image_id), part.other, part.hit.clusters).centre
        is_sound = centre.id not in self.vetoed and self.labels(centre)[0] is not None
        return centre if is_sound and self.is_elsewhere(centre) else part.other

    @cached_property
    def answered(self) -> frozenset[str]:
        """Clusters with an image that a person said is not the same as the object's: nobody is asked about
        their other images, which are copies of it.
        """
        self._read_clusters(self.vetoed)
        return frozenset(self._keys[image_id] for image_id in self.vetoed)

    @cached_property
    def refused(self) -> tuple[Membership, ...]:
        """Places in collections of the images that a person said are not the same as the object's: what these
        stand for, such as a brand, the object is not.
        """
        found: list[Membership] = []
        for image_id in sorted(self.vetoed):
            with suppress(NotFound):  # forgotten meanwhile
                shown = self._engine.show(image_id)
                found += () if isinstance(shown, Cluster) else shown.memberships
        return tuple(found)

    @cached_property
    def vetoed(self) -> frozenset[ImageId]:
        """Images that a person said are not the same as the object's."""
        return self._engine.vetoed(self.obj.id)

    def star_of(self, cluster: str, propose: AilObject, names: Sequence[str] = ()) -> Star:
        """Return the star of a cluster, and elect `propose` if nobody represents it. `names`: as `elect`, if
        they are known.
        """
        if names[:1] != (cluster,):
            (names,) = self._engine.cluster_names([propose.id])
        return elect(self._engine, names or (cluster,), propose)

    def told(self, cluster: str) -> list[tuple[Told, str]]:
        """Return who of a cluster was told, with the cluster that it is about: those that are still there."""
        star = self.star if cluster == self.key else read_star(self._engine, cluster)
        found = told_of(self._engine, cluster, star)
        there = self.labels(*(each.obj for each, _ in found))
        return [one for one, labels in zip(found, there, strict=True) if labels is not None]

    def tell(self, cluster: str, about: str, news: Sequence[Told]) -> None:
        """Note who is told that a cluster matches, itself or another one, unless somebody was told since."""

        def change(star: Star | None) -> Star | None:
            known = told_of(self._engine, cluster, star)
            if any(each == about for _, each in known) or len(known) >= MAX_TOLD:
                return star
            told = (*(each for each, _ in known), *news)
            return replace(star or Star(news[0].obj, checked=""), told=told)

        star = change_star(self._engine, cluster, change)
        if cluster == self.key:
            self.star = star

    def forget_told(self, told: Collection[Told]) -> None:
        """Note that the reasons of these, of the object's own cluster, hold no longer."""

        def change(star: Star | None) -> Star | None:
            return star and replace(star, told=tuple(each for each in star.told if each not in told))

        self.star = change_star(self._engine, self.key, change)
