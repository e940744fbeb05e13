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

from douglas_quaid import Cluster, Correlator

from .. import tags
from ..config import Settings
from ..objects import AilObject
from .apply import Sink, apply, without_foreign
from .asked import new_question
from .desired import desired
from .ledger import (
    Entry,
    Kind,
    Star,
    Tag,
    change_star,
    cluster_keys,
    clusters_with_star,
    elect,
    hold,
    read_entry,
    read_star,
    written_objects,
)
from .store_view import Finding, StoreView, find_cluster, objects_of, stored


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingOptions:
    """Limits of publishing that no operator sets; tests pass others."""

    #: Images of a cluster whose objects are checked in one step, after each write and in each pass, while
    #: correlations move to another representative. chosen: takes some 20 ms.
    cluster_step: int = 20
    #: Maximum number of objects that lose tags between two passes and count as answers of persons at once.
    #: chosen: hardly anybody removes more by hand in ten minutes, but a database that is lost or restored
    #: loses most of them.
    max_removed: int = 20


class Publisher:
    """Writes about objects, and keeps what is written in line with the store.

    Every method may raise StoreError, and what AIL raises while its servers are away.
    """

    def __init__(
        self, engine: Correlator, sink: Sink, settings: Settings, options: PublishingOptions | None = None
    ) -> None:
        self._engine, self._sink, self._settings = engine, sink, settings
        self._options = options or PublishingOptions()

    def write(self, obj: AilObject, found: Sequence[Finding]) -> bool:
        """Tell AIL what was found about an object, and return whether AIL was asked to change anything."""
        entry, changed = self._update(obj, found=found, new=True)
        if not entry.known:
            return False
        changed |= self._check_others(obj, entry)
        self.check_cluster(cluster_keys(self._engine, [obj.id])[0], limit=self._options.cluster_step)
        return changed

    def check(self, obj: AilObject) -> bool:
        """Bring what is written about an object, and if that changed about those that it names, into line.
        Return whether AIL was changed.
        """
        entry = read_entry(self._engine, obj)
        if self._is_in_line(obj, entry):
            return False
        after, changed = self._update(obj)
        return self._check_others(obj, after) or changed

    def _check_others(self, obj: AilObject, entry: Entry) -> bool:
        """Bring the objects into line that an entry names: they may be correlated with this one for the first
        time.
        """
        lines = [line.other for line in entry.correlations] + [row.other for row in entry.duplicates]
        others = dict.fromkeys([*lines, *(other for tag in entry.tags for other in objects_of(tag.about))])
        outdated = [
            other
            for other in others
            if other != obj and not self._is_in_line(other, read_entry(self._engine, other))
        ]
        return any([self._update(other)[1] for other in outdated])

    def _is_in_line(self, obj: AilObject, entry: Entry) -> bool:
        return entry.settled and desired(StoreView(self._engine, self._settings, obj), entry) == entry

    def sweep(self) -> int:
        """Bring everything into line, some hundred objects a second. Return how many changed in AIL."""
        changed = sum(map(self.check, written_objects(self._engine)))
        return changed + sum(map(self.check_cluster, clusters_with_star(self._engine)))

    def check_cluster(self, cluster_id: str, *, limit: int | None = None) -> int:
        """Check the objects of a cluster if its representative changed or left, or if it was merged. Return
        how many changed in AIL. If nothing is left of the cluster, its star is removed.

        `limit`: maximum number of images in this step; the next step goes on behind them.
        """
        star = read_star(self._engine, cluster_id)
        if star is None:
            return 0
        cluster = find_cluster(self._engine, cluster_id)
        if cluster is None:
            change_star(self._engine, cluster_id, lambda _: None)
            return 0
        names = (cluster.cluster_id, *cluster.aliases)
        star = elect(self._engine, names, self._any_object(cluster) or star.centre)
        if cluster.cluster_id != cluster_id:  # merged into another one, which took over the star
            change_star(self._engine, cluster_id, lambda _: None)  # a crash may have come before that
            return self.check_cluster(cluster.cluster_id, limit=limit)
        if star.checked is None:
            return 0
        start = star.checked
        changed = 0 if start else sum(map(self.check, star.former))
        members = [member for member in cluster.members if member > start][:limit]
        changed += sum(self.check(obj) for member in members for obj in objects_of(member))
        self._note_checked(cluster_id, star, members[-1] if limit and len(members) == limit else None)
        return changed

    def _note_checked(self, cluster_id: str, star: Star, checked: str | None) -> None:
        """Note how far the check has come, unless the star changed in the meantime."""

        def change(now: Star | None) -> Star | None:
            if now is None or now != star:
                return now
            former = () if checked is None else now.former
            return replace(now, checked=checked, former=former)

        change_star(self._engine, cluster_id, change)

    def _update(
        self, obj: AilObject, *, found: Sequence[Finding] | None = None, new: bool = False
    ) -> tuple[Entry, bool]:
        """Bring an object into line. Return what is written about it, and whether AIL was changed.

        `new`: it was searched for, so it may ask a person, if nobody asks about the two clusters yet.
        """
        with hold(self._engine, obj):
            before = read_entry(self._engine, obj)
            view = StoreView(self._engine, self._settings, obj, found=found)
            asking = before
            if new and not before.asks and (question := new_question(self._engine, view)):
                # as if its tag stood, so that `desired` stays with this question
                asks = Tag(tags.REVIEW, Kind.REVIEW, question.hit.image_id)
                asking = replace(before, asks=True, tags=(*before.tags, asks))
            after = desired(view, asking)
            after = without_foreign(self._engine, self._sink, obj, before, after)
            return after, apply(self._engine, self._sink, obj, before, after)

    def _any_object(self, cluster: Cluster) -> AilObject | None:
        members = (stored(self._engine, objects_of(member)) for member in cluster.members)
        return next((obj for objects in members for obj in objects), None)
