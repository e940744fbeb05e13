"""What an operator is shown of hubs, and how pictures are silenced for good: notes of linking and large
clusters in, lines out.

Two kinds. A *patch* is a part that many different pictures show, and it produces no matches by itself
(hubs.py). A *cluster* that holds a large share of all pictures, such as a placeholder or the page of a
suspended account, is a match of every new capture, and rightly so; whether that is worth knowing, only a
person can say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...answers import timestamp
from ...records import Box, Cluster, ImageId, Purpose
from ...store import Store
from .common_regions import necessary_pictures

#: Occurrences given as examples. chosen.
PLACES_SHOWN = 3
#: Collection that pictures go to when none is named.
IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Hub:
    #: patch or cluster.
    kind: str
    #: Of an image that shows the patch, or of the cluster.
    id: str
    #: Different pictures that show the patch, at least; or images in the cluster.
    pictures: int
    #: Of all pictures there were when it was met, 0 to 1.
    share: float
    #: Where the patch lies in that image: left, top, right, bottom, 0 to 1.
    region: Box | None
    #: When linking met the patch last.
    met: datetime | None
    #: Whether the image, or one of the cluster, is in a collection of purpose ignore.
    ignored: bool
    #: A few places where it was seen.
    occurrences: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "id": self.id,
            "pictures": self.pictures,
            "share": round(self.share, 4),
            "region": None if self.region is None else list(self.region),
            "met": timestamp(self.met),
            "ignored": self.ignored,
            "occurrences": list(self.occurrences),
        }


def list_hubs(store: Store) -> tuple[Hub, ...]:
    """All that is found in a large share of everything, the largest share first."""
    ignored = _ignored(store)
    return tuple(
        sorted([*_patches(store, ignored), *_clusters(store, ignored)], key=lambda hub: (-hub.share, hub.id))
    )


def ignore(store: Store, name: str, collection: str) -> tuple[ImageId, ...]:
    """Put an image (by id, unique prefix or occurrence), or all of a cluster, into a collection of purpose
    ignore, made when missing.

    Raises NotFound; ConfigError for a collection of another purpose.
    """
    subject = store.resolve(name)
    images = subject.members if isinstance(subject, Cluster) else (subject,)
    store.collections.create(collection, Purpose.IGNORE)
    for image_id in images:
        store.images.note(image_id, collection=collection)
    return images


def _ignored(store: Store) -> frozenset[ImageId]:
    names = [
        collection.name for collection in store.collections.all() if collection.purpose is Purpose.IGNORE
    ]
    return frozenset[ImageId]().union(*map(store.collections.members, names))


def _patches(store: Store, ignored: frozenset[ImageId]) -> list[Hub]:
    notes = store.common_regions.all()
    infos = store.images.infos([note.region.image_id for note in notes])
    found = []
    for note, info in zip(notes, infos, strict=True):
        if info is None:  # forgotten at this moment
            continue
        patch, places = (
            note.region,
            tuple(str(sighting.occurrence) for sighting in info.sightings[:PLACES_SHOWN]),
        )
        share = patch.pictures / max(patch.images, 1)
        found.append(
            Hub(
                "patch",
                patch.image_id,
                patch.pictures,
                share,
                patch.region,
                note.met,
                patch.image_id in ignored,
                places,
            )
        )
    return found


def _clusters(store: Store, ignored: frozenset[ImageId]) -> list[Hub]:
    images = store.images.count()
    large = {
        name: size for name, size in store.clusters.sizes().items() if size >= necessary_pictures(images)
    }
    found = []
    for name, size in large.items():
        members = store.clusters.by_id(name).members
        infos = [info for info in store.images.infos(members[:PLACES_SHOWN]) if info]
        places = [str(sighting.occurrence) for info in infos for sighting in info.sightings[:1]]
        found.append(
            Hub(
                "cluster",
                name,
                size,
                size / max(images, 1),
                None,
                None,
                not ignored.isdisjoint(members),
                tuple(places),
            )
        )
    return found
