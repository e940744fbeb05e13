"""Reading clusters. They lie under `meta`; what changes them are the operations of meta.lua, each atomic."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import NotFound
from ..records import Cluster, ImageId
from .connection import StorePart
from .keys import META, as_text, key
from .scripts import Command

#: First characters of a cluster id, which no image id has; 32 random hexadecimal digits follow.
CLUSTER_PREFIX = "c-"


class Clusters(StorePart):
    """The part of the store that is about clusters."""

    def clusters_of(self, ids: Sequence[ImageId]) -> list[Cluster | None]:
        """The cluster of each image, with all its members; None for an image that is in none."""
        names = self.cluster_ids(ids)
        wanted = list(dict.fromkeys(name for name in names if name))
        clusters = dict(zip(wanted, self._read_clusters(wanted), strict=True))
        return [clusters[name] if name and len(clusters[name].members) > 1 else None for name in names]

    def cluster(self, cluster_id: str) -> Cluster:
        """A cluster by its id or an alias. Raises NotFound for an id that was never given or whose cluster is
        dissolved.
        """
        canonical = self.connection.ask(Command(META, "HGET", key(META, "alias"), cluster_id))
        found = self._read_clusters([as_text(canonical) if canonical else cluster_id])[0]
        if not found.members:
            raise NotFound(
                f"there is no cluster {cluster_id}; it may have been dissolved when its images were forgotten or vetoed"
            )
        return found

    def cluster_ids(self, ids: Sequence[ImageId]) -> list[str | None]:
        """The canonical cluster id of each image; None for an image that is in none."""
        answers = self.connection.ask(Command(META, "HMGET", key(META, "cluster-of"), *ids)) if ids else []
        return [as_text(answer) if answer else None for answer in answers]

    def _read_clusters(self, names: Sequence[str]) -> list[Cluster]:
        commands = [
            Command(META, "SMEMBERS", key(META, f"{kind}:{name}"))
            for name in names
            for kind in ("aliases", "members")
        ]
        answers = [
            tuple(sorted(as_text(item) for item in answer)) for answer in self.connection.run(commands)
        ]
        return [Cluster(name, answers[2 * n], answers[2 * n + 1]) for n, name in enumerate(names)]
