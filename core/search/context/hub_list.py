"""What an operator sees of common regions and large clusters, and how pictures are silenced for good.

Two kinds of hub. A *common region* is a part that many different pictures show; it produces no matches by
itself. A *cluster* with a large share of all images, such as a placeholder or the page of a suspended
account, matches every new capture, and rightly so; whether that is worth knowing, only a person can say.
"""

from collections.abc import Iterator

from ...answers import Hub
from ...records import Cluster, ImageId, Purpose
from ...store import Store
from ..options import CommonRegionOptions
from .common_regions import necessary_pictures

#: Number of occurrences given as examples. chosen.
EXAMPLES = 3


def list_hubs(store: Store, options: CommonRegionOptions) -> tuple[Hub, ...]:
    """Return everything that is found in a large share of all pictures, the largest share first."""
    (ignored,) = store.collections.members_by_purpose(Purpose.IGNORE)
    hubs = [*_regions(store, ignored), *_clusters(store, ignored, options)]
    return tuple(sorted(hubs, key=lambda hub: (-hub.share, hub.id)))


def ignore(store: Store, name: str, collection: str) -> tuple[ImageId, ...]:
    """Put an image (by id, unique prefix or occurrence), or all images of a cluster, into a collection of
    purpose `ignore`, created when missing.

    Returns the images. Raises NotFound; ConfigError for a collection of another purpose.
    """
    subject = store.resolve(name)
    images = subject.members if isinstance(subject, Cluster) else (subject,)
    store.collections.create(collection, Purpose.IGNORE)
    for image_id in images:
        store.images.note(image_id, collection=collection)
    return images


def _regions(store: Store, ignored: frozenset[ImageId]) -> Iterator[Hub]:
    notes = store.common_regions.all()
    infos = store.images.infos([note.region.image_id for note in notes])
    for note, info in zip(notes, infos, strict=True):
        if info is not None:  # not forgotten at this moment
            region = note.region
            shown = [found for found in store.images.infos(region.shown_by) if found]
            came = [found.first_seen for found in shown if found.first_seen]
            yield Hub(
                kind="common-region",
                id=region.image_id,
                pictures=region.pictures,
                share=region.pictures / max(region.images, 1),
                region=region.region,
                met=note.met,
                since=note.since,
                shown_by=tuple(found.image_id for found in shown),
                first_shown=min(came, default=None),
                last_shown=max(came, default=None),
                ignored=region.image_id in ignored,
                occurrences=tuple(str(sighting.occurrence) for sighting in info.sightings[:EXAMPLES]),
            )


def _clusters(store: Store, ignored: frozenset[ImageId], options: CommonRegionOptions) -> Iterator[Hub]:
    images = store.images.count()
    for name, size in store.clusters.sizes().items():
        if size >= necessary_pictures(images, options=options):
            members = store.clusters.by_id(name).members
            infos = [info for info in store.images.infos(members[:EXAMPLES]) if info]
            yield Hub(
                kind="cluster",
                id=name,
                pictures=size,
                share=size / max(images, 1),
                region=None,
                met=None,
                since=None,
                shown_by=(),
                first_shown=None,
                last_shown=None,
                ignored=not ignored.isdisjoint(members),
                occurrences=tuple(str(info.sightings[0].occurrence) for info in infos if info.sightings),
            )
