"""The star of a cluster: one of its objects is its representative, with which all others are correlated;
never all with all.

Elected once, by who sets the bookmark `ail:star:<cluster id>` first. When clusters merge, the representative
of the one that keeps its id stays, and what pointed to the other moves; when a representative left its
cluster another takes its place. Both leave a walk to be done: the note says how far through the cluster's
images it has come, so that it is done in small steps, and by whoever comes next after a crash. A walk costs
no more than it finds; an outdated note of two processes that change it at once is noticed and mended by the
next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from douglas_quaid.engine import Engine
from douglas_quaid.errors import CorruptRecord

from ..objects import AilObject

PREFIX = "ail:star:"


@dataclass(frozen=True, slots=True)
class Star:
    """Who represents a cluster."""

    centre: AilObject
    #: Former ids of the cluster whose representatives were looked for; more now means that clusters merged
    #: since.
    names: int = 0
    #: Last image whose edges a walk has looked at, "" before the first; None when there is nothing to walk
    #: for.
    walked: str | None = None
    #: Representatives of clusters that were merged into this one, which the walk correlates with the centre
    #: first.
    former: tuple[AilObject, ...] = ()


class Stars:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, cluster_id: str) -> Star | None:
        text = self._engine.bookmark(PREFIX + cluster_id)
        return None if text is None else _decoded(cluster_id, text)

    def write(self, cluster_id: str, star: Star | None) -> None:
        self._engine.set_bookmark(PREFIX + cluster_id, None if star is None else _encoded(star))

    def centred_on(self, obj: AilObject) -> Iterator[str]:
        """Ids of the clusters that this object was elected for; reads all notes."""
        for name, text in self._engine.bookmarks(PREFIX):
            cluster_id = name.removeprefix(PREFIX)
            if _decoded(cluster_id, text).centre == obj:
                yield cluster_id

    def to_walk(self) -> Iterator[str]:
        """Ids of the clusters with a walk that was begun and not ended; reads all notes."""
        for name, text in self._engine.bookmarks(PREFIX):
            cluster_id = name.removeprefix(PREFIX)
            if _decoded(cluster_id, text).walked is not None:
                yield cluster_id

    def representative(self, names: Sequence[str], propose: AilObject) -> AilObject:
        """Of the cluster with these names (its id, then its former ones). `propose`: one of its objects,
        elected when there is none.
        """
        cluster_id, former = names[0], names[1:]
        star = self.read(cluster_id)
        if star is None:
            inherited = next((found.centre for name in former if (found := self.read(name))), propose)
            self._engine.set_bookmark(PREFIX + cluster_id, _encoded(Star(inherited)), unless_there=True)
            star = self.read(cluster_id) or Star(propose)
        if len(former) != star.names:
            star = self._merge(cluster_id, former, star)
        if star.centre.id != propose.id and self._engine.cluster_ids([star.centre.id]) != [cluster_id]:
            star = replace(star, centre=propose, walked="")
            self.write(cluster_id, star)
        return star.centre

    def _merge(self, cluster_id: str, former: Sequence[str], star: Star) -> Star:
        """Take over the stars of former clusters. The note comes first: were it lost, nobody would look for
        their edges.
        """
        absorbed = {name: found for name in former if (found := self.read(name))}
        centres = dict.fromkeys([*star.former, *(found.centre for found in absorbed.values())])
        star = replace(
            star,
            names=len(former),
            walked="" if absorbed else star.walked,
            former=tuple(obj for obj in centres if obj != star.centre),
        )
        self.write(cluster_id, star)
        for name in absorbed:
            self.write(name, None)
        return star


def _encoded(star: Star) -> str:
    fields: dict[str, object] = {"centre": star.centre.gid, "names": star.names}
    if star.walked is not None:
        fields |= {"walked": star.walked, "former": [obj.gid for obj in star.former]}
    return json.dumps(fields, separators=(",", ":"))


def _decoded(cluster_id: str, text: str) -> Star:
    try:
        fields = json.loads(text)
        former = tuple(AilObject.parse(gid) for gid in fields.get("former", []))
        return Star(AilObject.parse(fields["centre"]), int(fields["names"]), fields.get("walked"), former)
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRecord(
            f"the note of who represents cluster {cluster_id} cannot be read: {error}"
        ) from None
