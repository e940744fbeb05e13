"""Publishing: what was found about objects becomes AIL's correlations, duplicates and tags, and stays in line
with the store.

    write          what a search found about an object
    check          one object, after anything that concerns it may have changed
    check_cluster  the objects of a cluster, after its representative changed or left
    sweep          everything that is written

All of them ask `desired` what should stand, and `apply` brings it about. All may be repeated, and finish what
a killed process began. AIL is told nothing about a no-match, nor, unless `same_domain` is set, about two
objects on one domain.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from douglas_quaid import Cluster, Decision, Engine

from .. import tags
from ..config import Settings
from ..objects import AilObject
from .apply import Sink, apply, without_foreign
from .desired import NOTHING_NEW, News, desired, wanted_tags
from .ledger import (
    Entry,
    Kind,
    Star,
    Tag,
    clusters_with_star,
    elect,
    hold,
    read_entry,
    read_star,
    write_star,
    written_objects,
)
from .store_view import Finding, StoreView, find_cluster, objects_of, stored


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingOptions:
    """Limits of publishing that no operator sets; tests pass others."""

    #: Images of a cluster whose objects are checked in one step, after each write and in each pass, while
    #: correlations move to another representative. chosen: takes some 20 ms.
    cluster_step: int = 20
    #: Objects that may lose their review tag between two passes although they are more than half of those
    #: that had one. chosen: nobody removes so many by hand in a minute, but an emptied or restored tag
    #: database loses all of them.
    max_removed: int = 20


class Publisher:
    """Writes about objects, and keeps what is written in line with the store.

    Every method may raise StoreError, and what AIL raises while its servers are away.
    """

    def __init__(
        self, engine: Engine, sink: Sink, settings: Settings, options: PublishingOptions | None = None
    ) -> None:
        self._engine, self._sink, self._settings = engine, sink, settings
        self._options = options or PublishingOptions()

    def write(self, obj: AilObject, found: Sequence[Finding]) -> bool:
        """Tell AIL what was found about an object, and return whether AIL was asked to change anything."""
        across = sorted(
            (f for f in found if self._settings.same_domain or not f.same_domain),
            key=lambda f: -f.hit.confidence,
        )
        if not across and not any(f.hit.collections for f in found):
            return False
        wanted = wanted_tags(self._engine, self._settings, obj, across, found)
        matches = tuple(f for f in across if f.other and f.hit.decision is Decision.MATCH)
        entry, changed = self._update(obj, News(matches=matches, tags=wanted), found=found)
        if matches and self._settings.tag_match:
            changed |= self._tell(matches[0], obj)
        if entry.correlations and (cluster_id := self._engine.cluster_ids([obj.id])[0]):
            self.check_cluster(cluster_id, limit=self._options.cluster_step)
        return changed

    def check(self, obj: AilObject) -> bool:
        """Bring what is written about this object alone into line, and return whether AIL was changed.

        Takes one round trip if nothing is written about it.
        """
        entry = read_entry(self._engine, obj)
        if entry == Entry() or (
            entry.settled and desired(StoreView(self._engine, self._settings, obj), entry) == entry
        ):
            return False
        return self._update(obj)[1]

    def sweep(self) -> int:
        """Bring everything into line, some hundred objects a second. Return how many changed in AIL."""
        changed = sum(map(self.check, written_objects(self._engine)))
        return changed + sum(map(self.check_cluster, clusters_with_star(self._engine)))

    def check_cluster(self, cluster_id: str, *, limit: int | None = None) -> int:
        """Check the objects of a cluster if its representative changed or left. Return how many changed in
        AIL. If nothing is left of the cluster, its star is removed.

        `limit`: maximum number of images in this step; the next step goes on behind them.
        """
        star = read_star(self._engine, cluster_id)
        if star is None or (star.checked is None and self._is_member(star.centre, cluster_id)):
            return 0
        cluster = find_cluster(self._engine, cluster_id)
        if cluster is None:
            write_star(self._engine, cluster_id, None)
            return 0
        names = (cluster.cluster_id, *cluster.aliases)
        elect(self._engine, names, self._any_object(cluster) or star.centre)
        if cluster.cluster_id != cluster_id:  # merged into another one, which took over the star
            write_star(self._engine, cluster_id, None)  # a crash may have come before that
            return self.check_cluster(cluster.cluster_id, limit=limit)
        star = read_star(self._engine, cluster_id) or star
        start = star.checked or ""
        changed = 0 if start else sum(self._adopt(obj, cluster_id) for obj in star.former)
        members = [member for member in cluster.members if member > start][:limit]
        changed += sum(self.check(obj) for member in members for obj in objects_of(member))
        self._note_checked(cluster_id, star, members[-1] if limit and len(members) == limit else None)
        return changed

    def _note_checked(self, cluster_id: str, star: Star, checked: str | None) -> None:
        """Note how far the check has come, unless the star changed in the meantime."""
        now = read_star(self._engine, cluster_id)
        if now and (now.centre, now.former_ids) == (star.centre, star.former_ids):
            former = () if checked is None else now.former
            write_star(self._engine, cluster_id, replace(now, checked=checked, former=former))

    def _adopt(self, obj: AilObject, cluster_id: str) -> bool:
        """Correlate a former representative with the one that stayed. What was correlated with it moves, so
        it would be left alone.
        """
        if not self._is_member(obj, cluster_id):
            return False
        return self._update(obj, News(merged=True))[1]

    def _is_member(self, obj: AilObject, cluster_id: str) -> bool:
        return self._engine.cluster_ids([obj.id]) == [cluster_id]

    def _tell(self, match: Finding, obj: AilObject) -> bool:
        """Tag the other object of a match, too: one that came first has found nothing."""
        assert match.other is not None
        known = read_entry(self._engine, match.other)
        if known.settled and any(tag.kind is Kind.MATCH for tag in known.tags):
            return False
        tag = Tag(tags.match(match.hit.relation, match.hit.confidence), Kind.MATCH, obj.id)
        return self._update(match.other, News(tags=(tag,)))[1]

    def _update(
        self, obj: AilObject, news: News = NOTHING_NEW, *, found: Sequence[Finding] | None = None
    ) -> tuple[Entry, bool]:
        """Bring an object into line. Return what is written about it, and whether AIL was changed."""
        with hold(self._engine, obj):
            before = read_entry(self._engine, obj)
            after = desired(StoreView(self._engine, self._settings, obj, found=found), before, news)
            after = without_foreign(self._engine, self._sink, obj, before, after)
            return after, apply(self._engine, self._sink, obj, before, after)

    def _any_object(self, cluster: Cluster) -> AilObject | None:
        members = (stored(self._engine, objects_of(member)) for member in cluster.members)
        return next((obj for objects in members for obj in objects), None)
