"""Reading clusters. They lie under `meta`; the operations of meta.lua change them, each in one step."""

from collections.abc import Sequence
from enum import Enum

from ..errors import NotFound
from ..records import Cluster, ImageId
from .connection import StorePart
from .keys import as_text, on_meta

#: First characters of a cluster id, which no image id has; 32 random hexadecimal digits follow.
CLUSTER_PREFIX = "c-"


class RecordOutcome(str, Enum):
    """What became of a pair when a verdict or a judgement about it was recorded."""

    #: Stored on both sides; the two images are in one cluster.
    JOINED = "joined"
    #: Stored on both sides; nothing joins the two.
    STORED = "stored"
    #: Stored on both sides, but not joined: the union would put two images into one cluster that a person's
    #: word keeps apart.
    APART = "apart"
    #: Stored on both sides, but neither shown nor joined: a person's word keeps the two images apart.
    VETOED = "vetoed"
    #: Not stored: one of the two is no longer in the store.
    ABSENT = "absent"


class Clusters(StorePart):
    """The part of the store that reads clusters."""

    def of(self, ids: Sequence[ImageId]) -> list[Cluster | None]:
        """Return the cluster of each image with all its members; None for an image that is in none."""
        names = self.ids(ids)
        wanted = list(dict.fromkeys(name for name in names if name))
        clusters = dict(zip(wanted, self._read(wanted), strict=True))
        return [clusters[name] if name and len(clusters[name].members) > 1 else None for name in names]

    def ids(self, ids: Sequence[ImageId]) -> list[str | None]:
        """Return the canonical cluster id of each image, in one round trip; None for one in no cluster."""
        answers = self.connection.ask(on_meta("HMGET", "cluster-of", *ids)) if ids else []
        return [as_text(answer) if answer else None for answer in answers]

    def by_id(self, cluster_id: str) -> Cluster:
        """Return a cluster by its id or an alias.

        Raises NotFound for an id that was never given or whose cluster was dissolved.
        """
        canonical = self.connection.ask(on_meta("HGET", "alias", cluster_id))
        found = self._read([as_text(canonical) if canonical else cluster_id])[0]
        if not found.members:
            raise NotFound(
                f"there is no cluster {cluster_id}; it may have been dissolved when its images were forgotten"
                " or judged to be different"
            )
        return found

    def sizes(self) -> dict[str, int]:
        """Return the number of images in each cluster, by its canonical id."""
        names = sorted(as_text(name) for name in self.connection.ask(on_meta("SMEMBERS", "clusters")))
        sizes = self.connection.run([on_meta("SCARD", f"members:{name}") for name in names])
        return dict(zip(names, sizes, strict=True))

    def _read(self, names: Sequence[str]) -> list[Cluster]:
        commands = [
            on_meta("SMEMBERS", f"{kind}:{name}") for name in names for kind in ("aliases", "members")
        ]
        answers = [
            tuple(sorted(as_text(item) for item in answer)) for answer in self.connection.run(commands)
        ]
        return [Cluster(name, answers[2 * n], answers[2 * n + 1]) for n, name in enumerate(names)]
