"""What the store already knows: verdicts as hits, and where the pictures behind them were seen. Needs no
picture and no index.

Takes images or judged pairs, gives `Hit` and `History`. A host's hover reads only this, so each answer is a
fixed number of round trips.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from ..answers import History, Hit
from ..decision.calibration import Calibration
from ..decision.context import Context
from ..decision.decide import decide
from ..records import (
    Cluster,
    Configuration,
    Evidence,
    ImageId,
    ImageInfo,
    Membership,
    Occurrence,
    Purpose,
    Sighting,
)
from ..store import Store
from .hits import Judged, as_hits, first_hits, one_per_cluster

#: Images of one cluster whose sightings are read for a history; of more it says that there are more. measured
#: (benchmarks/misp.py): 200 made a hover of 2,000 copies three times as slow.
MEMBERS_READ = 50

#: What there is to say about an image and itself.
ITSELF = Evidence(
    same_bytes=True, same_pixels=True, pdq_bits=0, orientation=0, configuration=Configuration.SAME_BYTES
)


def stored_hits(
    store: Store,
    calibration: Calibration,
    subject: ImageId | Cluster,
    *,
    limit: int | None,
    per_cluster: bool,
    itself: bool,
) -> tuple[Hit, ...]:
    """What `link` stored about an image or the members of a cluster, surest first; members of `ignore`
    collections are left out.

    `itself`: an image that was seen at several places is a hit of its own, identical, and stands for its
    cluster.
    """
    ignored = frozenset(known.name for known in store.collections.all() if known.purpose is Purpose.IGNORE)

    def wanted(info: ImageInfo) -> bool:
        return not any(membership.name in ignored for membership in info.memberships)

    if isinstance(subject, Cluster):
        stored = [
            Judged(found.image_id, found.verdict)
            for member in subject.members
            for found in store.verdicts.of(member)
        ]
        return as_hits(store, calibration, stored, per_cluster=per_cluster, limit=limit, wanted=wanted)
    info = store.images.infos([subject])[0] if itself else None
    first = (
        [Judged(subject, decide(ITSELF, Context(), calibration))]
        if info and info.occurrence_count > 1
        else []
    )
    partners = store.verdicts.partners(subject)
    if (
        per_cluster
    ):  # most verdicts are about copies of one another; only those that will be shown are decoded
        known = {info.clusters[0]} if info and first and info.clusters else set()
        partners = one_per_cluster(store, partners, known)
    stored_lazily = (
        Judged(found.image_id, found.verdict)
        for batch in _batches(partners, limit)
        for found in store.verdicts.of(subject, batch)
    )
    return first_hits(store, calibration, chain(first, stored_lazily), limit, wanted)


def histories(store: Store, hits: Sequence[Hit], *, besides: Occurrence | None) -> list[History]:
    """For each hit where its picture was seen: the image's own places, then those of the other images of its
    cluster.
    """
    clusters = store.clusters.of([hit.image_id for hit in hits])
    groups = [_group(hit.image_id, cluster) for hit, cluster in zip(hits, clusters, strict=True)]
    infos = iter(store.images.infos([image_id for group in groups for image_id in group]))
    left_out = frozenset(store.occurrences.images_at(besides)) if besides else frozenset[ImageId]()
    answers = []
    for group, cluster in zip(groups, clusters, strict=True):
        found = [info for info in (next(infos) for _ in group) if info]
        answers.append(
            _history(
                found, besides, left_out, all_read=cluster is None or len(cluster.members) <= MEMBERS_READ
            )
        )
    return answers


def _group(image_id: ImageId, cluster: Cluster | None) -> list[ImageId]:
    others = [] if cluster is None else [member for member in cluster.members if member != image_id]
    return [image_id, *others[: MEMBERS_READ - 1]]


def _history(
    infos: Sequence[ImageInfo], besides: Occurrence | None, left_out: frozenset[ImageId], *, all_read: bool
) -> History:
    own = [[sighting for sighting in info.sightings if sighting.occurrence != besides] for info in infos]
    count = sum(info.occurrence_count - (info.image_id in left_out) for info in infos)
    others = sorted(
        (sighting for sightings in own[1:] for sighting in sightings),
        key=lambda sighting: sighting.last_seen,
        reverse=True,
    )
    sightings = (*(own[0] if own else ()), *others)
    complete = all_read and len(sightings) == count
    # The times of an image count the place that is left out, too; with all places at hand they need not be
    # asked.
    seen: Sequence[Sighting | ImageInfo] = sightings if complete else infos
    return History(
        count=count,
        first_seen=min((place.first_seen for place in seen), default=None),
        last_seen=max((place.last_seen for place in seen), default=None),
        sightings=_distinct(sightings),
        memberships=_memberships(infos),
        complete=complete,
    )


def _distinct(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """One place may have shown several images of a cluster."""
    return tuple({sighting.occurrence: sighting for sighting in reversed(tuple(sightings))}.values())[::-1]


def _memberships(infos: Sequence[ImageInfo]) -> tuple[Membership, ...]:
    """Of the hit's own image first; a collection once."""
    found = {membership.name: membership for info in reversed(infos) for membership in info.memberships}
    return tuple(found[name] for name in sorted(found))


def _batches(ids: Sequence[ImageId], size: int | None) -> Iterator[Sequence[ImageId]]:
    step = size or len(ids) or 1
    return (ids[start : start + step] for start in range(0, len(ids), step))
