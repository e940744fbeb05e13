"""All clusters of a store with their images, a few at a time, so that a million images need no memory.

What is added, joined or forgotten meanwhile may be missing, or be in two places.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..errors import ConfigError
from ..files import read_regular
from ..records import ImageId
from ..store import Store
from ..store.keys import META, as_text, key, on_meta
from ..store.values import IMAGE_ID, cluster_ids, image_ids, noting

#: Clusters, or images that are in none or alone, that are read in one round trip. chosen.
AT_ONCE = 256

#: Returns the names of images that have one.
Names = Callable[[Sequence[ImageId]], Mapping[ImageId, str]]


@dataclass(frozen=True, slots=True)
class Group:
    """A cluster with its images; or an image that is in none, because it is blank or was not linked."""

    #: Canonical id of the cluster; empty for an image in none.
    cluster: str
    #: Its images, in order.
    members: tuple[ImageId, ...]


def groups(store: Store, only: str | None = None) -> Iterator[Group]:
    """Yield the clusters of two images or more, then those of one and the images in none; `only`: the cluster
    of this id, or alias. Raises NotFound for an unknown cluster, StoreError.
    """
    if only is not None:
        found = store.clusters.by_id(only)
        yield Group(found.cluster_id, found.members)
        return
    with noting():
        answer = store.connection.ask(on_meta("SMEMBERS", "clusters"))
        shared = sorted(cluster_ids(key(META, "clusters"), answer))
    for at in range(0, len(shared), AT_ONCE):
        some = shared[at : at + AT_ONCE]
        answers = store.connection.run([on_meta("SMEMBERS", f"members:{name}") for name in some])
        for name, members in zip(some, answers, strict=True):
            with noting():
                ids = sorted(image_ids(key(META, f"members:{name}"), members))
            if ids:
                yield Group(name, tuple(ids))
    several = frozenset(shared)
    for ids in store.images.ids_after():
        homes = store.connection.ask(on_meta("HMGET", "cluster-of", *ids))
        for image_id, home in zip(ids, homes, strict=True):
            if home is None or as_text(home) not in several:
                yield Group("" if home is None else as_text(home), (image_id,))


def no_names(_: Sequence[ImageId]) -> Mapping[ImageId, str]:
    """Return no names."""
    return {}


def occurrences_of(store: Store, is_shown: Callable[[str], bool] = lambda host: True) -> Names:
    """Return what names each image by where it was seen last; `is_shown`: whether a host may be named."""

    def names(ids: Sequence[ImageId]) -> Mapping[ImageId, str]:
        with noting():
            infos = store.images.infos(ids)
        found = dict[ImageId, str]()
        for info in infos:
            seen = [one.occurrence for one in info.sightings if is_shown(one.occurrence.host)] if info else []
            if info and seen:
                found[info.image_id] = str(seen[0])
        return found

    return names


def names_in(path: str) -> Names:
    """Return what names each image by a file: a JSON object of image ids and names, either way round, as the
    mapping files of Douglas-Quaid 0.1 are. Raises ConfigError for another file, OSError.
    """
    try:
        values = json.loads(read_regular(path))
        if not isinstance(values, dict) or not all(isinstance(name, str) for name in values.values()):
            raise ValueError("not an object of strings")
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: expected a JSON object of image ids and names ({error})") from None
    mapping = {
        (one if IMAGE_ID.fullmatch(one) else other): (other if IMAGE_ID.fullmatch(one) else one)
        for one, other in values.items()
    }
    return lambda ids: {image_id: mapping[image_id] for image_id in ids if image_id in mapping}
