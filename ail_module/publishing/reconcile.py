"""Taking back and moving what we wrote, after a verdict changed, a person vetoed, an image was forgotten or
clusters merged.

Takes an object, looks at every line of its ledger entry, and keeps what still holds, moves what holds with
another representative, and takes back the rest; only lines of the ledger are touched. Nothing else is
written: that is the writer's. Everything may be repeated, and finishes what a killed process began. After a
veto call `reconcile` for both objects; `sweep` looks at everything, whatever changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from douglas_quaid.engine import Engine
from douglas_quaid.errors import NotFound
from douglas_quaid.records import Cluster, Decision, ImageId, Relation

from ..config import Settings
from ..objects import AilObject
from .apply import Sink, carry_out
from .findings import Finding, objects_of, on_same_domain, stored_findings
from .ledger import Edge, Entry, Kind, Label, Ledger, Row
from .stars import Stars
from .wanted_tags import is_review

#: Canonical cluster id of each image that an entry names.
Clusters = dict[ImageId, str | None]


def reconcile(engine: Engine, sink: Sink, gid: str, *, settings: Settings | None = None) -> int:
    """What is written about an object, and about all that is or was in one cluster with it. Gives how many
    objects changed in AIL.
    """
    return Reconciler(engine, sink, settings or Settings()).reconcile(AilObject.parse(gid))


def sweep(engine: Engine, sink: Sink, *, settings: Settings | None = None) -> int:
    """The same for all objects that anything is written about; one after the other, some hundreds a second."""
    return Reconciler(engine, sink, settings or Settings()).sweep()


class Reconciler:
    def __init__(self, engine: Engine, sink: Sink, settings: Settings) -> None:
        self._engine = engine
        self._sink = sink
        self._settings = settings
        self._ledger = Ledger(engine)
        self._stars = Stars(engine)

    def reconcile(self, obj: AilObject) -> int:
        entry = self._ledger.read(obj.gid)
        ids = [obj.id, *_images((*entry.lines, *entry.going))]
        clusters = dict.fromkeys([*self._engine.cluster_ids(ids), *self._stars.centred_on(obj)])
        changed = int(self.check(obj))
        for cluster_id in clusters:
            changed += self.walk(cluster_id, whole=True) if cluster_id else 0
        parts = [
            found.other
            for found in stored_findings(self._engine, obj)
            if found.other and found.hit.relation is Relation.PARTIAL
        ]
        return changed + sum(self.check(other) for other in dict.fromkeys(parts))

    def sweep(self) -> int:
        changed = sum(self.check(AilObject.parse(gid)) for gid, _ in self._ledger.entries())
        return changed + sum(self.walk(cluster_id) for cluster_id in list(self._stars.to_walk()))

    def walk(self, cluster_id: str, *, limit: int | None = None, whole: bool = False) -> int:
        """Look at the objects of a cluster whose representative changed: the next `limit` images; `whole`: at
        all, whatever was said.
        """
        star = self._stars.read(cluster_id)
        if not whole and (star is None or star.walked is None):
            return 0
        cluster = self._cluster(cluster_id)
        if cluster is None or cluster.cluster_id != cluster_id:
            if star is not None and cluster is None:
                self._stars.write(cluster_id, None)
            return 0 if cluster is None else self.walk(cluster.cluster_id, limit=limit, whole=True)
        if star is not None:
            self._stars.representative(
                (cluster.cluster_id, *cluster.aliases), self._object_of(cluster) or star.centre
            )
            star = self._stars.read(cluster_id) or star
        after = "" if whole or star is None else star.walked or ""
        members = [member for member in cluster.members if member > after][:limit]
        changed = (
            sum(self._adopt(obj, cluster_id) for obj in star.former) if star is not None and not after else 0
        )
        changed += sum(self.check(obj) for member in members for obj in objects_of(member))
        now = self._stars.read(cluster_id)
        if now is not None and (star is None or (now.centre, now.names) == (star.centre, star.names)):
            self._stars.write(
                cluster_id, replace(now, walked=members[-1] if limit and len(members) == limit else None)
            )
        return changed

    def check(self, obj: AilObject) -> bool:
        """What is written about this object alone; says whether it changed. One round trip when nothing is
        written about it.
        """
        entry = self._ledger.read(obj.gid)
        if entry == Entry() or (entry.settled and self._still(obj, entry) == entry):
            return False
        with self._ledger.hold(obj.gid):
            before = self._ledger.read(obj.gid)
            return carry_out(self._ledger, self._sink, obj, before, self._still(obj, before))

    def _adopt(self, obj: AilObject, cluster_id: str) -> bool:
        """Correlate a former representative with the one that stayed: those that were correlated with it
        move, and would leave it alone.
        """
        if not self._settings.correlate or self._engine.cluster_ids([obj.id]) != [cluster_id]:
            return False
        with self._ledger.hold(obj.gid):
            before = self._ledger.read(obj.gid)
            edge = None if any(not edge.via for edge in before.edges) else self._to_centre(obj, obj)
            if edge is None or self._sink.correlated(obj, AilObject.parse(edge.other)):
                return False
            edges = (edge, *before.edges)[: self._settings.max_edges]
            return carry_out(
                self._ledger, self._sink, obj, before, replace(self._still(obj, before), edges=edges)
            )

    # -- what still holds ------------------------------------------------------------------------------------

    def _still(self, obj: AilObject, entry: Entry) -> Entry:
        (places,) = self._engine.sightings([obj.occurrence])
        if all(seen.image_id != obj.id for seen in places):
            return Entry()
        ids = list(dict.fromkeys([obj.id, *_images(entry.lines)]))
        clusters: Clusters = dict(zip(ids, self._engine.cluster_ids(ids), strict=True))
        edges = [self._edge(obj, edge, clusters) for edge in entry.edges]
        rows = [self._row(obj, row, clusters) for row in entry.rows]
        labels = [self._label(obj, label, clusters) for label in entry.labels]
        if owed := self._owed(obj, entry, clusters[obj.id]):
            edges.insert(0, owed)
        return replace(
            entry,
            edges=tuple({edge.other: edge for edge in edges if edge}.values())[
                : max(self._settings.max_edges, len(entry.edges))
            ],
            rows=tuple(row for row in rows if row),
            labels=tuple(label for label in labels if label),
        )

    def _owed(self, obj: AilObject, entry: Entry, cluster_id: str | None) -> Edge | None:
        """The edge of an object that matches, and had none because it was of the same domain as the
        representative, or was that itself.
        """
        has_one = any(not edge.via for edge in entry.edges)
        if (
            cluster_id is None
            or has_one
            or not self._settings.correlate
            or all(label.kind is not Kind.MATCH for label in entry.labels)
        ):
            return None
        star = self._stars.read(cluster_id)
        if (
            star is None
            or star.centre == obj
            or self._engine.cluster_ids([star.centre.id]) != [cluster_id]
            or not self._says_something(obj, star.centre)
        ):
            return None
        return None if self._sink.correlated(obj, star.centre) else Edge(star.centre.gid)

    def _edge(self, obj: AilObject, edge: Edge, clusters: Clusters) -> Edge | None:
        own, other = clusters[obj.id], AilObject.parse(edge.other)
        if edge.via == obj.id:  # the same bytes as an object of another type
            (places,) = self._engine.sightings([other.occurrence])
            return edge if other.id == obj.id and any(seen.image_id == obj.id for seen in places) else None
        home = clusters[edge.via] if edge.via else own
        if edge.via and home != own:
            if self._decision(obj.id, edge.via) is not Decision.MATCH:
                return None
            if home is None:
                return edge if other.id == edge.via else self._to_image(obj, edge.via)
        if home is None:
            return None
        star = self._stars.read(home)
        stands = star is not None and star.centre == other and clusters[other.id] == home
        if home == own:
            return (
                Edge(edge.other)
                if stands
                else self._to_centre(obj, other if clusters[other.id] == home else obj)
            )
        vetoed = self._engine.vetoed(obj.id)
        if other.id not in vetoed and (stands or other.id == edge.via):
            return edge
        return self._to_image(obj, edge.via, besides=vetoed)

    def _to_centre(self, obj: AilObject, propose: AilObject) -> Edge | None:
        """An edge to the representative of the object's own cluster, unless that is itself, or AIL shows that
        pair already.
        """
        names = self._names(obj.id)
        centre = self._stars.representative(names, propose) if names else obj
        return Edge(centre.gid) if centre != obj and self._says_something(obj, centre) else None

    def _to_image(self, obj: AilObject, via: ImageId, *, besides: Collection[ImageId] = ()) -> Edge | None:
        """An edge to the representative of the cluster of a matching image, or to an object with that image."""
        partners = [other for other in self._present(via) if self._says_something(obj, other)]
        if not partners:
            return None
        names = self._names(via)
        centre = self._stars.representative(names, partners[0]) if names else partners[0]
        sound = centre.id not in besides and centre != obj and self._says_something(obj, centre)
        return Edge(centre.gid if sound else partners[0].gid, via)

    def _row(self, obj: AilObject, row: Row, clusters: Clusters) -> Row | None:
        other = AilObject.parse(row.other).id
        found = self._engine.verdict_between(obj.id, other)
        if found is None:  # of an image with very many, the store keeps the surest
            return row if clusters[obj.id] and clusters[obj.id] == clusters[other] else None
        return (
            Row(row.other, round(100 * found.verdict.confidence))
            if found.verdict.decision is Decision.MATCH
            else None
        )

    def _label(self, obj: AilObject, label: Label, clusters: Clusters) -> Label | None:
        together = clusters[obj.id] is not None and clusters[obj.id] == clusters[label.about]
        if label.kind is Kind.MATCH:
            if label.about == obj.id or together or self._decision(obj.id, label.about) is Decision.MATCH:
                return label
            return self._instead(obj, label, lambda found: found.hit.decision is Decision.MATCH)
        if label.kind is Kind.REVIEW:
            if not together and self._decision(obj.id, label.about) is Decision.REVIEW:
                return label
            return self._instead(
                obj, label, lambda found: is_review(found) and clusters[obj.id] not in found.hit.clusters
            )
        return (
            label
            if together
            or label.about == obj.id
            or self._decision(obj.id, label.about) in (Decision.MATCH, Decision.REVIEW)
            else None
        )

    def _instead(self, obj: AilObject, label: Label, holds: Callable[[Finding], bool]) -> Label | None:
        """The same tag because of another image, if there is one; it was written once and means the same."""
        for found in stored_findings(self._engine, obj):
            if holds(found) and (self._settings.same_domain or not found.same_domain):
                return replace(label, about=found.hit.image_id)
        return None

    # -- what the store says ---------------------------------------------------------------------------------

    def _decision(self, image_id: ImageId, other: ImageId) -> Decision | None:
        found = self._engine.verdict_between(image_id, other)
        return None if found is None else found.verdict.decision

    def _names(self, image_id: ImageId) -> tuple[str, ...]:
        """Of the cluster of an image: its id, then its former ones."""
        try:
            found = self._engine.show(image_id)
        except NotFound:
            return ()
        return () if isinstance(found, Cluster) else found.info.clusters

    def _cluster(self, cluster_id: str) -> Cluster | None:
        try:
            found = self._engine.show(cluster_id)
        except NotFound:
            return None
        return found if isinstance(found, Cluster) else None

    def _present(self, image_id: ImageId) -> list[AilObject]:
        """The objects of AIL that an image is seen at."""
        objects = objects_of(image_id)
        found = self._engine.sightings([obj.occurrence for obj in objects])
        return [
            obj
            for obj, places in zip(objects, found, strict=True)
            if any(seen.image_id == image_id for seen in places)
        ]

    def _object_of(self, cluster: Cluster) -> AilObject | None:
        return next((obj for member in cluster.members for obj in self._present(member)), None)

    def _says_something(self, a: AilObject, b: AilObject) -> bool:
        return self._settings.same_domain or not on_same_domain(self._engine, a, b)


def _images(lines: Sequence[Edge | Row | Label]) -> list[ImageId]:
    ids = []
    for line in lines:
        if isinstance(line, Label):
            ids.append(line.about)
        else:
            ids.append(AilObject.parse(line.other).id)
            ids += [line.via] if isinstance(line, Edge) and line.via else []
    return ids
