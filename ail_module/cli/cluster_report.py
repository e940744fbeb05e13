"""A cluster as an analyst asks about it: on which domains and in which chats its pictures were seen, since
when, how often.

Takes a cluster id (a former one too), an image id, or an object of AIL; gives a frozen report. Asks the store
only, some hundred objects at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from douglas_quaid.answers import timestamp
from douglas_quaid.engine import Engine
from douglas_quaid.errors import NotFound
from douglas_quaid.records import Cluster, ImageId, Sighting

from .. import tags
from ..objects import AilObject, BadObject
from ..publishing.findings import objects_of
from ..publishing.stars import Stars

#: Objects asked for in one round trip. chosen.
OBJECTS_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Counted:
    name: str
    objects: int

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "objects": self.objects}


@dataclass(frozen=True, slots=True)
class ClusterReport:
    #: Canonical id.
    cluster: str
    aliases: tuple[str, ...]
    #: Different files, those that AIL does not hold included.
    images: int
    #: The object with which all others are correlated in AIL; None while nothing was matched across domains.
    representative: AilObject | None
    #: Of AIL, the latest first.
    objects: tuple[AilObject, ...]
    #: On which they were taken, those with most objects first.
    domains: tuple[Counted, ...]
    #: In which they were posted, as `<subtype>:<id>`.
    chats: tuple[Counted, ...]
    #: Of the objects of AIL.
    first_seen: datetime | None
    last_seen: datetime | None

    def to_json(self) -> dict[str, Any]:
        return {
            "cluster": self.cluster,
            "aliases": list(self.aliases),
            "images": self.images,
            "representative": self.representative and self.representative.gid,
            "object_count": len(self.objects),
            "objects": [obj.gid for obj in self.objects],
            "domain_count": len(self.domains),
            "domains": [domain.to_json() for domain in self.domains],
            "chat_count": len(self.chats),
            "chats": [chat.to_json() for chat in self.chats],
            "first_seen": timestamp(self.first_seen),
            "last_seen": timestamp(self.last_seen),
        }


def report(engine: Engine, name: str) -> ClusterReport:
    """Raises NotFound for what is not in the store or in no cluster, ConfigError for what is no name."""
    cluster = _cluster(engine, name)
    seen = sorted(_seen(engine, cluster.members), key=lambda pair: (pair[1].last_seen, pair[0]), reverse=True)
    star = Stars(engine).read(cluster.cluster_id)
    return ClusterReport(
        cluster=cluster.cluster_id,
        aliases=cluster.aliases,
        images=len(cluster.members),
        representative=star.centre if star else None,
        objects=tuple(obj for obj, _ in seen),
        domains=_counted(
            name for _, sighting in seen for name in set(tags.domains(sighting.labels.get("domain", "")))
        ),
        chats=_counted(
            name
            for _, sighting in seen
            for name in {part.strip() for part in sighting.labels.get("chat", "").split(",") if part.strip()}
        ),
        first_seen=min((sighting.first_seen for _, sighting in seen), default=None),
        last_seen=max((sighting.last_seen for _, sighting in seen), default=None),
    )


def _cluster(engine: Engine, name: str) -> Cluster:
    with suppress(BadObject):  # a cluster, an image, or an occurrence
        name = str(AilObject.parse(name).occurrence)
    found = engine.show(name)
    if isinstance(found, Cluster):
        return found
    if not found.info.clusters:
        raise NotFound(f"{name} is in no cluster: no other picture in the store is the same")
    cluster = engine.show(found.info.clusters[0])
    assert isinstance(cluster, Cluster)
    return cluster


def _seen(engine: Engine, members: Sequence[ImageId]) -> Iterator[tuple[AilObject, Sighting]]:
    objects = [obj for member in members for obj in objects_of(member)]
    for start in range(0, len(objects), OBJECTS_AT_ONCE):
        batch = objects[start : start + OBJECTS_AT_ONCE]
        for obj, places in zip(batch, engine.sightings([obj.occurrence for obj in batch]), strict=True):
            yield from ((obj, seen.sighting) for seen in places if seen.image_id == obj.id)


def _counted(names: Iterator[str]) -> tuple[Counted, ...]:
    return tuple(
        Counted(name, count)
        for name, count in sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    )
