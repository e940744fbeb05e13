"""Reading clusters. They lie under `meta`; the operations of meta.lua change them, each in one step."""

from collections.abc import Sequence
from enum import Enum

from ..errors import NotFound
from ..records import Cluster, ImageId
from . import values
from .connection import StorePart
from .keys import META, key, on_meta

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
        return [
            _canonical(f"{key(META, 'cluster-of')}, {i}", answer)
            for i, answer in zip(ids, answers, strict=True)
        ]

    def by_id(self, cluster_id: str) -> Cluster:
        """Return a cluster by its id or an alias.

        Raises NotFound for an id that was never given or whose cluster was dissolved.
        """
        canonical = self.connection.ask(on_meta("HGET", "alias", cluster_id))
        found = self._read([_canonical(f"{key(META, 'alias')}, {cluster_id!r}", canonical) or cluster_id])[0]
        if not found.members:
            raise NotFound(
                f"there is no cluster {cluster_id}; it may have been dissolved when its images were forgotten"
                " or judged to be different"
            )
        return found

    def sizes(self) -> dict[str, int]:
        """Return the number of images in each cluster, by its canonical id."""
        found = self.connection.ask(on_meta("SMEMBERS", "clusters"))
        names = sorted(values.cluster_ids(key(META, "clusters"), found))
        sizes = self.connection.run([on_meta("SCARD", f"members:{name}") for name in names])
        return dict(zip(names, sizes, strict=True))

    def _read(self, names: Sequence[str]) -> list[Cluster]:
        keys = [f"{kind}:{name}" for name in names for kind in ("aliases", "members")]
        answers = self.connection.run([on_meta("SMEMBERS", name) for name in keys])
        found = []
        for n, name in enumerate(names):
            aliases, members = answers[2 * n : 2 * n + 2]
            aliases = values.cluster_ids(key(META, keys[2 * n]), aliases)
            members = values.image_ids(key(META, keys[2 * n + 1]), members)
            found.append(Cluster(name, tuple(sorted(aliases)), tuple(sorted(members))))
        return found


def _canonical(name: str, value: bytes | None) -> str | None:
    """Return the id of a cluster, if there is one."""
    with values.left_out_if_broken():
        return values.cluster_id(name, value) if value else None
    return None
