"""A pass over the answers and over everything that is written, without changing anything: what it would
change is recorded.

`RehearsedEngine` and `RehearsedSink` stand in for the store and for AIL. They read the real ones, keep what
is written to themselves, and show it to those who read afterwards. Of a judgement they show what follows at
once: a pair that was vetoed has no verdict any more, and the object leaves the cluster; a confirmed pair is a
match in one cluster. What a new search, which a veto may lead to, would find is not known.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from douglas_quaid import Cluster, ConfigError, Correlator, Decision, Hit, ImageId
from douglas_quaid.records import StoredVerdict

from ..objects import AilObject
from .apply import Sink

#: What of an engine is read as it is. Anything else has to be rehearsed here.
READS = ("collections", "count", "features", "sightings")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of AIL."""

    #: Global id of the object, the domain or the item.
    gid: str
    #: correlation, duplicate, tag or note.
    what: str
    #: The other object, the other object and the score, the tag, or the text.
    value: str


class RehearsedEngine:
    """Stands in for an engine. Raises what it raises, and AttributeError for what is not rehearsed."""

    def __init__(self, engine: Correlator) -> None:
        self._engine = engine
        self._texts: dict[str, str | None] = {}
        self._apart: set[frozenset[ImageId]] = set()
        self._same: set[frozenset[ImageId]] = set()
        #: Clusters of images that judgements moved.
        self._clusters: dict[ImageId, str] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in READS:
            raise AttributeError(f"{name} is not rehearsed")
        return getattr(self._engine, name)

    # -- the ledger ------------------------------------------------------------------------------------------

    def bookmark(self, name: str) -> str | None:
        """Return a bookmark."""
        return self._texts[name] if name in self._texts else self._engine.bookmark(name)

    def bookmarks(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Return the bookmarks with this beginning."""
        stored = dict(self._engine.bookmarks(prefix))
        ours = {name: text for name, text in self._texts.items() if name.startswith(prefix)}
        return iter([(name, text) for name, text in (stored | ours).items() if text is not None])

    def set_bookmark(self, name: str, text: str | None, *, unless_there: bool = False) -> bool:
        """Keep a bookmark here."""
        before = self.bookmark(name)
        if before == text or (unless_there and before is not None):
            return False
        self._texts[name] = text
        return True

    def lock(self, name: str, seconds: float, *, wait: float) -> AbstractContextManager[None]:
        """Lock nothing: nothing is changed."""
        return nullcontext()

    # -- judgements ------------------------------------------------------------------------------------------

    def veto(self, a: ImageId, b: ImageId, *, source: str = "") -> None:
        """Keep a veto here; `a` leaves the cluster of `b`."""
        self._known(a, b)
        pair = frozenset((a, b))
        self._apart.add(pair)
        self._same.discard(pair)
        first, second = self.cluster_names([a, b])
        if first == second:
            self._clusters[a] = self._new_cluster(a)

    def confirm(self, a: ImageId, b: ImageId, *, source: str = "") -> None:
        """Keep a confirmation here; `a` joins the cluster of `b`. Raises ConfigError after a veto."""
        self._known(a, b)
        if b in self.vetoed(a):
            raise ConfigError(f"a person said that {a} and {b} are not the same; `quaid undo` takes it back")
        self._same.add(frozenset((a, b)))
        first, second = (names[:1] for names in self.cluster_names([a, b]))
        self._clusters[a] = self._clusters[b] = (*second, *first, self._new_cluster(b))[0]

    def link(self, image_id: ImageId) -> tuple[StoredVerdict, ...]:
        """Search for nothing."""
        return ()

    def _known(self, *ids: ImageId) -> None:
        for image_id in ids:
            self._engine.show(image_id)

    # -- what the store says after them ----------------------------------------------------------------------

    def vetoed(self, image_id: ImageId) -> frozenset[ImageId]:
        """Return the images that a person said are not the same as this one."""
        ours = {other for pair in self._apart if image_id in pair for other in pair - {image_id}}
        return self._engine.vetoed(image_id) | ours

    def hits(self, name: str, **options: Any) -> tuple[Hit, ...]:
        """Return the stored answers about an object."""
        image_id = name.rpartition(":")[2]
        found = []
        for hit in self._engine.hits(name, **options):
            pair = frozenset((image_id, hit.image_id))
            if pair in self._same:
                hit = replace(hit, decision=Decision.MATCH, confidence=1.0)
            if pair not in self._apart:
                found.append(replace(hit, clusters=self._named(hit.image_id, hit.clusters)))
        return tuple(found)

    def cluster_ids(self, ids: Sequence[ImageId]) -> list[str | None]:
        """Return the id of each image's cluster."""
        stored = zip(ids, self._engine.cluster_ids(ids), strict=True)
        return [self._clusters.get(image_id, cluster) for image_id, cluster in stored]

    def cluster_names(self, ids: Sequence[ImageId]) -> list[tuple[str, ...]]:
        """Return the names of each image's cluster."""
        stored = zip(ids, self._engine.cluster_names(ids), strict=True)
        return [self._named(image_id, names) for image_id, names in stored]

    def show(self, name: str) -> Any:
        """Return what a name stands for."""
        if name in map(self._new_cluster, self._clusters):
            found: Any = Cluster(name, (), (), ())
        else:
            found = self._engine.show(name)
        if not isinstance(found, Cluster):
            return found.in_clusters(self._named(found.image_id, found.clusters))
        joined = [image_id for image_id, cluster in self._clusters.items() if cluster == found.cluster_id]
        stayed = [m for m in found.members if self._clusters.get(m, found.cluster_id) == found.cluster_id]
        return replace(found, members=tuple(sorted({*stayed, *joined})))

    def _named(self, image_id: ImageId, stored: tuple[str, ...]) -> tuple[str, ...]:
        """The names of an image's cluster: the stored ones, unless a judgement here changed it."""
        if image_id not in self._clusters:
            return stored
        return (self._clusters[image_id],)

    def _new_cluster(self, image_id: ImageId) -> str:
        """Id of the cluster that an image begins."""
        return f"c-{image_id[:32]}"


class RehearsedSink:
    """Stands in for AIL: it reads AIL, and keeps the changes. One that is taken back is none."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        #: Each change, and whether it adds rather than removes, in their order.
        self.changes: dict[Change, bool] = {}

    def _do(self, change: Change, adds: bool) -> None:
        if self.changes.get(change) is (not adds):
            del self.changes[change]
        else:
            self.changes[change] = adds

    def _line(self, a: AilObject, b: AilObject, adds: bool) -> None:
        if self.correlated(a, b) is not adds:
            first, second = sorted((a, b))
            self._do(Change(first.gid, "correlation", second.gid), adds)

    def correlate(self, a: AilObject, b: AilObject) -> None:
        """Keep a correlation."""
        self._line(a, b, True)

    def uncorrelate(self, a: AilObject, b: AilObject) -> None:
        """Keep that it goes."""
        self._line(a, b, False)

    def correlated(self, a: AilObject, b: AilObject) -> bool:
        """Return whether AIL would have this correlation."""
        first, second = sorted((a, b))
        known = self.changes.get(Change(first.gid, "correlation", second.gid))
        return self._sink.correlated(a, b) if known is None else known

    def duplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """Keep a score."""
        first, second = sorted((a, b))
        self._do(Change(first.gid, "duplicate", f"{second.gid} {score}"), True)

    def unduplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        """Keep that it goes."""
        first, second = sorted((a, b))
        self._do(Change(first.gid, "duplicate", f"{second.gid} {score}"), False)

    def tag(self, obj: AilObject, tag: str) -> None:
        """Keep a tag."""
        if tag not in self.tags(obj):
            self._do(Change(obj.gid, "tag", tag), True)

    def untag(self, obj: AilObject, tag: str) -> None:
        """Keep that it goes."""
        if tag in self.tags(obj):
            self._do(Change(obj.gid, "tag", tag), False)

    def tags(self, obj: AilObject) -> set[str]:
        """Return the tags that AIL would have."""
        return self._changed(obj.gid, self._sink.tags(obj))

    def tag_origin(self, origin: str, tag: str) -> None:
        """Keep a tag of a domain or an item."""
        if tag not in self.origin_tags(origin):
            self._do(Change(origin, "tag", tag), True)

    def untag_origin(self, origin: str, tag: str) -> None:
        """Keep that it goes."""
        if tag in self.origin_tags(origin):
            self._do(Change(origin, "tag", tag), False)

    def origin_tags(self, origin: str) -> set[str]:
        """Return the tags that AIL would have for a domain or an item."""
        return self._changed(origin, self._sink.origin_tags(origin))

    def _changed(self, gid: str, there: set[str]) -> set[str]:
        ours = [
            (change.value, adds)
            for change, adds in self.changes.items()
            if change.what == "tag" and change.gid == gid
        ]
        gone = {tag for tag, adds in ours if not adds}
        return (there | {tag for tag, adds in ours if adds}) - gone

    def note(self, obj: AilObject, text: str) -> None:
        """Keep a note."""
        self._do(Change(obj.gid, "note", text), True)

    def unnote(self, obj: AilObject, text: str) -> None:
        """Keep that it goes."""
        self._do(Change(obj.gid, "note", text), False)
