"""The star of a cluster: one object represents the cluster, and the others are correlated with it.

Objects of a cluster are never correlated with each other, because AIL cannot draw large cliques. The first
process that sets the bookmark `ail:star:<cluster id>` elects the representative. When clusters merge, the
representative of the cluster that keeps its id stays. When a representative left its cluster, another object
takes its place. Either way the other objects must be checked; the bookmark says how far that has come, so it
is done in small steps, and continued by another process after a crash. If two processes change a star at the
same moment, the next check corrects what is outdated.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from douglas_quaid.engine import Engine
from douglas_quaid.errors import CorruptRecord
from douglas_quaid.strict_json import from_object, parse_object, to_object

from ..objects import AilObject

#: Start of the names of stars among the store's bookmarks.
PREFIX = "ail:star:"


@dataclass(frozen=True, slots=True)
class Star:
    """Who represents a cluster, and which objects are still to be checked for that."""

    #: The object with which the others are correlated.
    centre: AilObject
    #: Number of former cluster ids whose stars were taken over. If the cluster has more, it was merged since.
    former_ids: int = 0
    #: Last image whose objects were checked, "" before the first one; None if no check is due.
    checked: str | None = None
    #: Representatives of merged clusters, which are correlated with the centre first.
    former: tuple[AilObject, ...] = ()


class Stars:
    """The stars of all clusters, in the store of an engine.

    Every method may raise StoreError, and CorruptRecord if a bookmark cannot be read.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, cluster_id: str) -> Star | None:
        """Return the star of a cluster; None if nobody was elected yet."""
        text = self._engine.bookmark(PREFIX + cluster_id)
        return None if text is None else _decoded(cluster_id, text)

    def write(self, cluster_id: str, star: Star | None) -> None:
        """Replace the star of a cluster; None removes it."""
        self._engine.set_bookmark(PREFIX + cluster_id, None if star is None else _encoded(star))

    def all(self) -> Iterator[tuple[str, Star]]:
        """Yield every cluster id that has a star, with the star; each at least once, in no order."""
        for name, text in self._engine.bookmarks(PREFIX):
            cluster_id = name.removeprefix(PREFIX)
            yield cluster_id, _decoded(cluster_id, text)

    def elect(self, names: Sequence[str], propose: AilObject) -> AilObject:
        """Return the representative of a cluster, and elect `propose`, one of its objects, if it has none.

        `names`: the cluster's id, then its former ids.
        """
        cluster_id, former = names[0], names[1:]
        star = self.read(cluster_id)
        if star is None:
            inherited = next((found.centre for name in former if (found := self.read(name))), propose)
            self._engine.set_bookmark(PREFIX + cluster_id, _encoded(Star(inherited)), unless_there=True)
            star = self.read(cluster_id) or Star(propose)
        if len(former) != star.former_ids:
            star = self._merge(cluster_id, former, star)
        if star.centre.id != propose.id and self._engine.cluster_ids([star.centre.id]) != [cluster_id]:
            star = replace(star, centre=propose, checked="")
            self.write(cluster_id, star)
        return star.centre

    def _merge(self, cluster_id: str, former: Sequence[str], star: Star) -> Star:
        """Take over the stars of former clusters.

        The star is written before theirs are removed: otherwise a crash would leave correlations for which
        nobody looks.
        """
        absorbed = {name: found for name in former if (found := self.read(name))}
        centres = dict.fromkeys([*star.former, *(found.centre for found in absorbed.values())])
        star = replace(
            star,
            former_ids=len(former),
            checked="" if absorbed else star.checked,
            former=tuple(obj for obj in centres if obj != star.centre),
        )
        self.write(cluster_id, star)
        for name in absorbed:
            self.write(name, None)
        return star


def _encoded(star: Star) -> str:
    return json.dumps(to_object(star), separators=(",", ":"))


def _decoded(cluster_id: str, text: str) -> Star:
    try:
        return from_object(Star, parse_object(text))
    except ValueError as error:
        raise CorruptRecord(f"the star of cluster {cluster_id} cannot be read: {error}") from None
