"""From what was found about an object to what AIL shows: correlations, rows of duplicates, tags.

Takes an object and its findings, gives what is written about it now. A `Writer` decides what; a `Sink` does
it; the ledger remembers it. The `StarWriter` writes what an unpatched AIL understands; a writer of objects of
a type of their own can take its place.

Nothing is written for no-match, and for two objects of one domain. A match across domains gives a correlation
with the representative of the cluster, the score of one measured pair, and one tag; a pair for a person one
tag; a picture of a collection that collection's tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from douglas_quaid.engine import Engine
from douglas_quaid.records import Decision

from .. import tags
from ..config import Settings
from ..objects import AilObject
from .apply import ALGORITHM, Sink, carry_out
from .findings import Finding, on_same_domain
from .ledger import Edge, Entry, Kind, Label, Ledger, Row
from .reconcile import Reconciler
from .stars import Stars
from .wanted_tags import is_refused, wanted_labels

__all__ = ["ALGORITHM", "Finding", "Sink", "StarWriter", "Writer", "Written"]

#: Images of a cluster looked at after each write, while edges move to another representative. chosen: some 20
#: ms.
WALK_STEP = 20


@dataclass(frozen=True, slots=True)
class Written:
    """What is written about an object after this write, by this one or before."""

    correlated: tuple[AilObject, ...] = ()
    #: Of AIL's duplicates, 0 to 100.
    scores: tuple[tuple[AilObject, int], ...] = ()
    tags: tuple[str, ...] = ()
    #: Unsafe tags that a collection asks for and the settings do not allow.
    refused: tuple[str, ...] = ()
    #: Whether this write asked AIL for anything.
    changed: bool = False


class Writer(Protocol):
    def write(self, obj: AilObject, found: Sequence[Finding]) -> Written:
        """May be repeated, after a crash too. Raises StoreError, and whatever AIL raises when its servers are
        away.
        """
        ...


class StarWriter:
    def __init__(self, engine: Engine, sink: Sink, settings: Settings) -> None:
        self._engine = engine
        self._sink = sink
        self._settings = settings
        self._ledger = Ledger(engine)
        self._stars = Stars(engine)
        self._reconciler = Reconciler(engine, sink, settings)

    def write(self, obj: AilObject, found: Sequence[Finding]) -> Written:
        across = [
            f
            for f in found
            if f.hit.decision is not Decision.NO_MATCH and (self._settings.same_domain or not f.same_domain)
        ]
        across.sort(key=lambda f: -f.hit.confidence)
        if not across and not any(f.hit.collections for f in found):
            return Written()
        wanted = wanted_labels(self._engine, self._settings, obj, across, found)
        refused = [label.tag for label in wanted if is_refused(label.tag, self._settings)]
        matches = [f for f in across if f.other and f.hit.decision is Decision.MATCH]
        with self._ledger.hold(obj.gid):
            before = self._ledger.read(obj.gid)
            after = self._with_labels(obj, before, [label for label in wanted if label.tag not in refused])
            after = replace(
                after, edges=self._edges(obj, before, matches), rows=self._rows(obj, before, matches)
            )
            changed = carry_out(self._ledger, self._sink, obj, before, after)
        if matches and self._settings.tag_match:
            changed |= self._tell(matches[0], obj)
        if after.edges and (cluster_id := self._engine.cluster_ids([obj.id])[0]):
            self._reconciler.walk(cluster_id, limit=WALK_STEP)
        return Written(
            correlated=tuple(AilObject.parse(edge.other) for edge in after.edges),
            scores=tuple((AilObject.parse(row.other), row.score) for row in after.rows),
            tags=tuple(label.tag for label in after.labels),
            refused=tuple(refused),
            changed=changed,
        )

    # -- correlations ----------------------------------------------------------------------------------------

    def _edges(self, obj: AilObject, before: Entry, matches: Sequence[Finding]) -> tuple[Edge, ...]:
        """One to the representative of its own cluster, then to those of clusters of which it shows a part;
        those that stand go first.
        """
        if not self._settings.correlate:
            return before.edges
        own = self._engine.cluster_ids([obj.id])[0] if matches else None
        joined = [f for f in matches if own in f.hit.clusters]
        star = [edge for edge in before.edges if not edge.via]
        if joined:
            centre = self._representative(joined[0])
            star = [Edge(centre.gid)] if centre != obj and self._says_something(obj, centre, joined) else []
        parts = {edge.via: edge for edge in before.edges if edge.via}
        for f in matches:
            if own not in f.hit.clusters and (
                f.hit.image_id in parts or len(star) + len(parts) < self._settings.max_edges
            ):
                parts[f.hit.image_id] = Edge(self._elsewhere(obj, f).gid, f.hit.image_id)
        edges = {
            edge.other: edge for edge in reversed([*star, *parts.values()])
        }  # the first of two to one object
        return self._ours(obj, before, list(reversed(edges.values()))[: self._settings.max_edges])

    def _ours(self, obj: AilObject, before: Entry, edges: Sequence[Edge]) -> tuple[Edge, ...]:
        """Without those that AIL has from somebody else, or from the other side of the pair."""
        known = {line.other for line in (*before.edges, *before.going) if isinstance(line, Edge)}
        return tuple(
            edge
            for edge in edges
            if edge.other in known
            or not (
                self._ledger.claims(edge.other, edge, obj.gid)
                or self._sink.correlated(obj, AilObject.parse(edge.other))
            )
        )

    def _representative(self, found: Finding) -> AilObject:
        """Of the cluster of a finding; the found object itself when it is in none."""
        assert found.other is not None
        return (
            self._stars.representative(found.hit.clusters, found.other) if found.hit.clusters else found.other
        )

    def _elsewhere(self, obj: AilObject, found: Finding) -> AilObject:
        """The representative of another cluster, unless a person said that it is something else, or AIL shows
        that pair already.
        """
        assert found.other is not None
        centre = self._representative(found)
        sound = (
            centre != obj
            and centre.id not in self._engine.vetoed(obj.id)
            and self._says_something(obj, centre, [found])
        )
        return centre if sound else found.other

    def _says_something(self, obj: AilObject, other: AilObject, across: Sequence[Finding]) -> bool:
        """Whether the two are of different domains, or pairs of one domain are wanted."""
        return (
            self._settings.same_domain
            or any(f.other == other for f in across)
            or not on_same_domain(self._engine, obj, other)
        )

    # -- scores ----------------------------------------------------------------------------------------------

    def _rows(self, obj: AilObject, before: Entry, matches: Sequence[Finding]) -> tuple[Row, ...]:
        """Of the surest pairs of one type, so that each score is one that was measured; those that stand go
        first.
        """
        if not self._settings.duplicates:
            return before.rows
        scores: dict[str, int] = {}
        for f in matches:
            if f.other and f.other.type == obj.type:
                scores.setdefault(f.other.gid, round(100 * f.hit.confidence))
        rows = {row.other: Row(row.other, scores.get(row.other, row.score)) for row in before.rows}
        for gid, score in scores.items():
            if len(rows) >= self._settings.max_edges:
                break
            if gid not in rows and all(row.other != obj.gid for row in self._ledger.read(gid).rows):
                rows[gid] = Row(gid, score)
        return tuple(rows.values())

    # -- tags ------------------------------------------------------------------------------------------------

    def _with_labels(self, obj: AilObject, before: Entry, wanted: Sequence[Label]) -> Entry:
        """The entry with what is new of these: one tag of a kind, those of collections apart; nothing that
        AIL has from somebody else.
        """
        known = {label.tag for label in (*before.labels, *before.going) if isinstance(label, Label)}
        kinds = {label.kind for label in before.labels} - {Kind.REFERENCE}
        new = [
            label
            for label in wanted
            if label.kind not in kinds and label.tag not in {old.tag for old in before.labels}
        ]
        if not new:
            return before
        there = self._sink.tags(obj)
        words = {tags.FALSE_POSITIVE, *(tags.analysts(label.tag) for label in new)}
        return replace(
            before,
            labels=(
                *before.labels,
                *(label for label in new if label.tag in known or label.tag not in there),
            ),
            heard=tuple(
                sorted({*before.heard, *(words & there)})
            ),  # said before there was anything of ours to say it about
        )

    def _tell(self, match: Finding, obj: AilObject) -> bool:
        """The found object matches across domains too, and may not have known: one that came first found
        nothing.
        """
        assert match.other is not None
        label = Label(tags.match(match.hit.relation, match.hit.confidence), Kind.MATCH, obj.id)
        known = self._ledger.read(match.other.gid)
        if known.settled and any(old.kind is Kind.MATCH for old in known.labels):
            return False
        with self._ledger.hold(match.other.gid):
            before = self._ledger.read(match.other.gid)
            return carry_out(
                self._ledger, self._sink, match.other, before, self._with_labels(match.other, before, [label])
            )
