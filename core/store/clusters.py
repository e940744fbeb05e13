"""Reading clusters, and giving one to an image that has joined none. They lie under `meta`; the operations of
meta.lua change them, each in one step.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import NotFound
from ..records import Cluster, ImageId
from . import values
from .connection import StorePart
from .intents import Intents, Interrupted
from .keys import META, SCAN_COUNT, key, on_image, on_meta

#: First characters of a cluster id, which no image id has; 32 random hexadecimal digits follow.
CLUSTER_PREFIX = "c-"
#: Maximum number of representatives that are read. chosen: a cluster has more than one only where persons
#: joined clusters.
REPRESENTATIVES_READ = 4


@dataclass(eq=False)
class Clusters(StorePart):
    """The part of the store that keeps clusters."""

    _intents: Intents

    def give(self, ids: Sequence[ImageId]) -> list[str | None]:
        """Give each of these informative images that is in no cluster one of its own, and return the cluster
        of each; None for an image that is not in the store. One round trip more where any was in none.
        """
        return self._home(ids, informative=True)

    def settle(self, image_id: ImageId, *, informative: bool) -> str | None:
        """Return the cluster of an image that has joined all it matches: if that is nothing, one of its own;
        None for a blank image, which leaves a cluster that it is alone in.
        """
        return self._home([image_id], informative=informative)[0]

    def _home(self, ids: Sequence[ImageId], *, informative: bool) -> list[str | None]:
        if not ids:
            return []
        look = [on_meta("HMGET", "cluster-of", *ids), *(on_image("EXISTS", "img", i) for i in ids)]
        homes = list[bytes | None]()
        for fences, (known, *there) in self._intents.looks("the cluster of", ids[0], [META], look):
            homes = [home if found else None for home, found in zip(known, there, strict=True)]
            wanted = [
                n
                for n, (home, found) in enumerate(zip(homes, there, strict=True))
                if found and (home is None) is informative
            ]
            if not wanted:
                break
            with suppress(Interrupted):
                flag = "1" if informative else "0"
                token = secrets.token_hex(16)
                given: Any = self._intents.meta("home", fences, token, flag, *(ids[n] for n in wanted))
                for n, home in zip(wanted, given, strict=True):
                    homes[n] = home
                break
        name = key(META, "cluster-of")
        return [_canonical(f"{name}, {i}", home) for i, home in zip(ids, homes, strict=True)]

    def of(self, ids: Sequence[ImageId]) -> list[Cluster | None]:
        """Return the cluster of each image with all its members; None for an image that is in none, because
        it is blank, was not linked yet, or is not in the store.
        """
        names = self.ids(ids)
        wanted = list(dict.fromkeys(name for name in names if name))
        clusters = dict(zip(wanted, self._read(wanted), strict=True))
        return [clusters[name] if name and clusters[name].members else None for name in names]

    def shared(self, ids: Sequence[ImageId]) -> list[str | None]:
        """Return the canonical id of the cluster that each image shares with others, in two round trips; None
        for an image that is alone in its cluster or in none.
        """
        names = self.ids(ids)
        wanted = list(dict.fromkeys(name for name in names if name))
        listed = self.connection.ask(on_meta("SMISMEMBER", "clusters", *wanted)) if wanted else ()
        shared = {name for name, found in zip(wanted, listed, strict=True) if found}
        return [name if name in shared else None for name in names]

    def names(self, ids: Sequence[ImageId]) -> list[tuple[str, ...]]:
        """Return the canonical cluster id of each image, then the aliases in order, in two round trips; empty
        for an image in no cluster.
        """
        canonical = self.ids(ids)
        wanted = list(dict.fromkeys(name for name in canonical if name))
        keys = [f"aliases:{name}" for name in wanted]
        answers = self.connection.run([on_meta("SMEMBERS", name) for name in keys])
        found = {
            name: (name, *sorted(values.cluster_ids(key(META, kept), answer)))
            for name, kept, answer in zip(wanted, keys, answers, strict=True)
        }
        return [found[name] if name else () for name in canonical]

    def ids(self, ids: Sequence[ImageId]) -> list[str | None]:
        """Return the canonical cluster id of each image, in one round trip; None for one in no cluster."""
        answers = self.connection.ask(on_meta("HMGET", "cluster-of", *ids)) if ids else []
        return [
            _canonical(f"{key(META, 'cluster-of')}, {i}", answer)
            for i, answer in zip(ids, answers, strict=True)
        ]

    def by_id(self, cluster_id: str) -> Cluster:
        """Return a cluster by its id or an alias.

        Raises NotFound for an id that was never given, and for one whose last image is gone.
        """
        canonical = self.connection.ask(on_meta("HGET", "alias", cluster_id))
        found = self._read([_canonical(f"{key(META, 'alias')}, {cluster_id!r}", canonical) or cluster_id])[0]
        if not found.members:
            raise NotFound(
                f"there is no cluster {cluster_id}; if it was an id once, the last image of its cluster was"
                " forgotten"
            )
        return found

    def sizes(self) -> dict[str, int]:
        """Return the number of images in each cluster of two or more, by its canonical id."""
        found = self.connection.ask(on_meta("SMEMBERS", "clusters"))
        names = sorted(values.cluster_ids(key(META, "clusters"), found))
        sizes = self.connection.run([on_meta("SCARD", f"members:{name}") for name in names])
        return dict(zip(names, sizes, strict=True))

    def representatives(self, ids: Sequence[ImageId]) -> list[tuple[ImageId, ...]]:
        """Return for each image those that represent its cluster, at most REPRESENTATIVES_READ, in order;
        empty for an image that is alone in its cluster or in none. Raises CorruptRecord.
        """
        names = self.ids(ids)
        wanted = list(dict.fromkeys(name for name in names if name))
        keys = [f"representatives:{name}" for name in wanted]
        answers = self.connection.run([on_meta("SMEMBERS", name) for name in keys])
        found = {
            name: tuple(sorted(values.image_ids(key(META, kept), answer))[:REPRESENTATIVES_READ])
            for name, kept, answer in zip(wanted, keys, answers, strict=True)
        }
        return [found[name] if name else () for name in names]

    def chains(self) -> Iterator[list[tuple[ImageId, ImageId]]]:
        """Yield all pairs that match as whole pictures and are not in one cluster, because no image could
        represent both of theirs; some at a time, in no order. Raises CorruptRecord for a pair that cannot be
        read.
        """
        cursor = -1
        while cursor:
            scan = on_meta("SSCAN", "chains", max(cursor, 0), "COUNT", SCAN_COUNT)
            cursor, found = self.connection.ask(scan)
            pairs, name = list[tuple[ImageId, ImageId]](), key(META, "chains")
            for item in found:
                with values.left_out_if_broken():
                    a, _, b = item.partition(b" ")
                    pairs.append((values.image_id(name, a), values.image_id(name, b)))
            yield pairs

    def _read(self, names: Sequence[str]) -> list[Cluster]:
        kinds = ("aliases", "members", "representatives")
        keys = [f"{kind}:{name}" for name in names for kind in kinds]
        answers = self.connection.run([on_meta("SMEMBERS", name) for name in keys])
        found = []
        for n, name in enumerate(names):
            at = len(kinds) * n
            aliases = values.cluster_ids(key(META, keys[at]), answers[at])
            members, representatives = (
                values.image_ids(key(META, keys[i]), answers[i]) for i in (at + 1, at + 2)
            )
            if len(members) == 1:
                representatives = members
            found.append(Cluster(name, *(tuple(sorted(ids)) for ids in (aliases, members, representatives))))
        return found


def _canonical(name: str, value: bytes | None) -> str | None:
    """Return the id of a cluster, if there is one."""
    with values.left_out_if_broken():
        return values.cluster_id(name, value) if value else None
    return None
