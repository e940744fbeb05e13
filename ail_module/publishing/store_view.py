"""What the store says about AIL's objects: the findings of one object, and everything around it by which
`desired` decides. AIL is not asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from douglas_quaid import Cluster, Decision, Engine, Hit, ImageId, NotFound, Relation, Seen, Verdict

from .. import tags
from ..config import Settings
from ..objects import TYPES, AilObject
from .ledger import Correlation, Entry, Tag, elect, read_entry, read_star

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
    return [frozenset(tags.domains(each)) for each in labels]


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
        (other, frozenset(tags.domains(labels)))
        for occurrence, labels in zip(hit.occurrences, hit.labels, strict=True)
        if (other := AilObject.of(occurrence)) and other != obj
    ]
    for other, theirs in others:
        yield Finding(hit, other, same_domain=bool(mine) and mine == theirs)
    if not others and hit.collections:
        yield Finding(hit, None, same_domain=False)


def find_cluster(engine: Engine, cluster_id: str) -> Cluster | None:
    """Return the cluster with an id, perhaps a former one; None if one image is left of it, or nothing.

    Raises StoreError.
    """
    try:
        found = engine.show(cluster_id)
    except NotFound:
        return None
    return found if isinstance(found, Cluster) and len(found.members) > 1 else None


class StoreView:
    """The store as one object sees it, at the time of the first question. Every method may raise StoreError.

    Nothing is written, with one exception: asking for the representative of a cluster elects one.
    """

    def __init__(
        self, engine: Engine, settings: Settings, obj: AilObject, *, found: Sequence[Finding] | None = None
    ) -> None:
        """`found`: the stored findings of the object, if the caller has them."""
        self.settings = settings
        self.obj = obj
        self._engine = engine
        self._given = found
        self._clusters: dict[ImageId, str | None] = {}
        self._verdicts: dict[ImageId, Verdict | None] = {}

    @cached_property
    def findings(self) -> Sequence[Finding]:
        """What is stored about the object, surest first."""
        return self._given if self._given is not None else stored_findings(self._engine, self.obj)

    @cached_property
    def vetoed(self) -> frozenset[ImageId]:
        """Images that a person said are not the same as the object's."""
        return self._engine.vetoed(self.obj.id)

    @cached_property
    def cluster_id(self) -> str | None:
        """Id of the object's own cluster; None if it is in none."""
        return self.cluster_of(self.obj.id)

    def prefetch(self, entry: Entry) -> None:
        """Ask for the clusters of all images that an entry names in one round trip."""
        ids = list(dict.fromkeys([self.obj.id, *images_of(entry)]))
        self._clusters.update(zip(ids, self._engine.cluster_ids(ids), strict=True))

    def cluster_of(self, image_id: ImageId) -> str | None:
        """Return the id of an image's cluster; None if it is in none, or not in the store."""
        if image_id not in self._clusters:
            (self._clusters[image_id],) = self._engine.cluster_ids([image_id])
        return self._clusters[image_id]

    def verdict(self, image_id: ImageId) -> Verdict | None:
        """Return the stored verdict about the object and an image; None if there is none or it was vetoed."""
        if image_id not in self._verdicts:
            found = self._engine.verdict_between(self.obj.id, image_id)
            self._verdicts[image_id] = None if found is None else found.verdict
        return self._verdicts[image_id]

    def decision(self, image_id: ImageId) -> Decision | None:
        """Return the decision of `verdict`."""
        found = self.verdict(image_id)
        return None if found is None else found.decision

    def is_elsewhere(self, other: AilObject) -> bool:
        """Return whether a line between the object and another one says something new: the two are on
        different domains, or the operator wants pairs of one domain too.
        """
        return self.settings.same_domain or not on_same_domain(self._engine, self.obj, other)

    def stored(self, image_id: ImageId) -> list[AilObject]:
        """Return the objects of AIL at which an image was seen."""
        return list(stored(self._engine, objects_of(image_id)))

    def has_duplicate(self, other: AilObject) -> bool:
        """Return whether the ledger entry of another object holds a duplicate with this one."""
        return any(row.other == self.obj for row in read_entry(self._engine, other).duplicates)

    def representative(
        self, image_id: ImageId, propose: AilObject | None, names: Sequence[str] = ()
    ) -> AilObject | None:
        """Return the representative of an image's cluster; None if the image is in no cluster, or the cluster
        has no representative and none is proposed.

        `propose`: an object of the cluster, elected if it has no representative. `names`: the cluster's id
        and its former ids as far as known; given these, stars of merged clusters are taken over.
        """
        cluster_id = self.cluster_of(image_id)
        if cluster_id is None:
            return None
        star = None if names else read_star(self._engine, cluster_id)
        if star is not None and self.cluster_of(star.centre.id) == cluster_id:
            return star.centre
        if propose and not names and (cluster := find_cluster(self._engine, cluster_id)):
            names = (cluster.cluster_id, *cluster.aliases)
        return elect(self._engine, names, propose) if propose and names else None


def images_of(entry: Entry) -> list[ImageId]:
    """Return the images that the lines of an entry name, also those that are being removed."""
    lines = (*entry.lines, *entry.going.lines)
    return [
        *(line.about for line in lines if isinstance(line, Tag)),
        *(line.other.id for line in lines if not isinstance(line, Tag)),
        *(line.via for line in lines if isinstance(line, Correlation) and line.via),
    ]
