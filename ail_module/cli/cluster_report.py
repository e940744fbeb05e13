"""A cluster as an analyst asks about it: on which domains and in which chats its pictures were seen, since
when, and how often. Only the store is asked.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from douglas_quaid import Cluster, Correlator, NotFound
from douglas_quaid.answers import timestamp
from douglas_quaid.batches import in_groups

from .. import tags
from ..objects import AilObject
from ..publishing.ledger import read_star
from ..publishing.store_view import find_cluster, objects_of, stored

#: Number of objects in one round trip. chosen.
BATCH = 400


@dataclass(frozen=True, slots=True)
class Counted:
    """A domain or chat, and how many objects were seen there."""

    #: Name of the domain, or `<subtype>:<id>` of the chat.
    name: str
    #: Number of objects.
    objects: int


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """What is known about a cluster."""

    #: Canonical id.
    cluster: str
    #: Former ids.
    aliases: tuple[str, ...]
    #: Number of different files, including those that AIL does not hold.
    images: int
    #: The object with which all others are correlated in AIL; None if nothing matched across domains yet.
    representative: AilObject | None
    #: Objects of AIL, the one that was seen last first.
    objects: tuple[AilObject, ...]
    #: Domains on which they were captured, those with most objects first.
    domains: tuple[Counted, ...]
    #: Chats in which they were posted, those with most objects first.
    chats: tuple[Counted, ...]
    #: When an object was seen first; None if AIL holds none.
    first_seen: datetime | None
    #: When an object was seen last; None if AIL holds none.
    last_seen: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return {
            "cluster": self.cluster,
            "aliases": list(self.aliases),
            "images": self.images,
            "representative": self.representative.gid if self.representative else None,
            "object_count": len(self.objects),
            "objects": [obj.gid for obj in self.objects],
            "domain_count": len(self.domains),
            "domains": [asdict(domain) for domain in self.domains],
            "chat_count": len(self.chats),
            "chats": [asdict(chat) for chat in self.chats],
            "first_seen": timestamp(self.first_seen),
            "last_seen": timestamp(self.last_seen),
        }


def report(engine: Correlator, name: str) -> ClusterReport:
    """Return the report of a cluster. `name`: a cluster, an image, an occurrence or an object of AIL.

    Raises NotFound if it is not in the store or in no cluster, ConfigError if it is malformed, and
    StoreError.
    """
    cluster = _cluster(engine, name)
    objects = (obj for member in cluster.members for obj in objects_of(member))
    found = [item for group in in_groups(objects, BATCH) for item in stored(engine, group).items()]
    sightings = {obj: seen.sighting for obj, seen in found}
    labels = [sighting.labels for sighting in sightings.values()]
    star = read_star(engine, cluster.cluster_id)
    return ClusterReport(
        cluster=cluster.cluster_id,
        aliases=cluster.aliases,
        images=len(cluster.members),
        representative=star.centre if star else None,
        objects=tuple(sorted(sightings, key=lambda obj: (sightings[obj].last_seen, obj), reverse=True)),
        domains=_counted(name for each in labels for name in set(tags.domains(each))),
        chats=_counted(
            name
            for each in labels
            for name in {part.strip() for part in each.get("chat", "").split(",")} - {""}
        ),
        first_seen=min((sighting.first_seen for sighting in sightings.values()), default=None),
        last_seen=max((sighting.last_seen for sighting in sightings.values()), default=None),
    )


def _cluster(engine: Correlator, name: str) -> Cluster:
    found = engine.show(name)
    if isinstance(found, Cluster):
        return found
    cluster = find_cluster(engine, found.clusters[0]) if found.clusters else None
    if cluster is None:
        raise NotFound(f"{name} is in no cluster: it shows nothing, or was not searched for yet")
    return cluster


def _counted(names: Iterable[str]) -> tuple[Counted, ...]:
    counts = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    return tuple(Counted(name, count) for name, count in counts)


def report_lines(found: ClusterReport, limit: int) -> list[str]:
    """Return a report for people. `limit`: maximum number of domains, chats and objects."""
    first, last = found.first_seen, found.last_seen
    seen = f"seen {first:%Y-%m-%d} to {last:%Y-%m-%d}" if first and last else "never seen in AIL"
    lines = [f"{found.cluster}: {found.images:,} images, {len(found.objects):,} objects of AIL, {seen}"]
    if found.representative:
        lines.append(f"  the others are correlated with {found.representative.gid}")
    for title, names in (
        ("domains", [_counted_text(each) for each in found.domains]),
        ("chats", [_counted_text(each) for each in found.chats]),
        ("objects, latest first", [obj.gid for obj in found.objects]),
    ):
        if names:
            more = ["..."] if len(names) > limit else []
            lines += [f"{title} ({len(names):,}):", *(f"  {name}" for name in names[:limit] + more)]
    return lines


def _counted_text(counted: Counted) -> str:
    return f"{counted.name}  {counted.objects:,} object{'s' * (counted.objects != 1)}"
