"""What the store already knows: verdicts as hits, and where the pictures behind them were seen.

Takes images, returns `Hit` and `History`, without a picture or an index. A host's hover reads only this, so
each answer is a fixed number of round trips.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain

from ..answers import History, Hit
from ..batches import in_groups
from ..decision.calibration import Calibration
from ..decision.decide import Context, decide
from ..decision.options import VerdictOptions
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
from ..store.values import left_out_if_broken
from .hits import Judged, as_hits, first_hits, one_per_cluster
from .references import read_record

#: Number of images of one cluster whose sightings are read for a history, which says when there are more.
#: measured (benchmarks/misp.py): 200 made a hover of 2,000 copies three times as slow.
MEMBERS_READ = 50

#: The evidence about an image and itself.
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
    options: VerdictOptions,
) -> tuple[Hit, ...]:
    """Return what `link` stored about an image or the members of a cluster, the surest first, without members
    of `ignore` collections.

    `itself`: an image that was seen at several occurrences is a hit of its own, identical, and stands for its
    cluster; a blank one is not. Raises StoreError, FormatError for a broken record.
    """
    ignored = store.collections.names_by_purpose(Purpose.IGNORE)

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
    first: list[Judged] = []
    if info and info.occurrence_count > 1 and _shows_something(store, subject):
        first.append(Judged(subject, decide(ITSELF, Context(), calibration, options=options)))
    partners = store.verdicts.partners(subject)
    if per_cluster:  # most verdicts are about copies of one another; only the shown ones are decoded
        known = info.clusters[:1] if info and first else ()
        partners = one_per_cluster(store.clusters.ids, partners, known)
    read_when_needed = (
        Judged(found.image_id, found.verdict)
        for batch in in_groups(partners, limit or len(partners) or 1)
        for found in store.verdicts.of(subject, batch)
    )
    return first_hits(store, calibration, chain(first, read_when_needed), limit, wanted)


def _shows_something(store: Store, image_id: ImageId) -> bool:
    record = store.images.records([image_id])[0]
    with left_out_if_broken():
        return record is not None and read_record(image_id, record).informative
    return False


def histories(store: Store, ids: Sequence[ImageId], *, besides: Occurrence | None) -> list[History]:
    """Return for each image of a hit where its picture was seen: its own occurrences, then those of the other
    images of its cluster. `besides`: an occurrence that does not count. Raises StoreError.
    """
    clusters = store.clusters.of(ids)
    groups = [_group(image_id, cluster) for image_id, cluster in zip(ids, clusters, strict=True)]
    infos = iter(_with_oldest(store, store.images.infos([i for group in groups for i in group])))
    left_out = frozenset(store.occurrences.images_at(besides)) if besides else frozenset[ImageId]()
    answers = []
    for group, cluster in zip(groups, clusters, strict=True):
        found = [info for info in (next(infos) for _ in group) if info]
        all_read = cluster is None or len(cluster.members) <= MEMBERS_READ
        answers.append(_history(found, besides, left_out, all_read=all_read))
    return answers


def _with_oldest(store: Store, infos: Sequence[ImageInfo | None]) -> list[ImageInfo | None]:
    """Return the infos; to those that do not show all sightings, the oldest one is added."""
    cut = [info.image_id for info in infos if info and info.occurrence_count > len(info.sightings)]
    oldest = dict(zip(cut, store.occurrences.oldest(cut), strict=True)) if cut else {}
    return [
        replace(info, sightings=(*info.sightings, first))
        if info and (first := oldest.get(info.image_id)) and first not in info.sightings
        else info
        for info in infos
    ]


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
    # An image's own times count the occurrence that is left out, too; they are used only where some
    # occurrences are missing.
    seen: Sequence[Sighting | ImageInfo] = sightings if complete else infos
    return History(
        count=count,
        first_seen=min((at.first_seen for at in seen if at.first_seen), default=None),
        last_seen=max((at.last_seen for at in seen if at.last_seen), default=None),
        sightings=_distinct(sightings),
        memberships=_memberships(infos),
        complete=complete,
    )


def _distinct(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """Each occurrence once: it may have shown several images of a cluster."""
    return tuple({sighting.occurrence: sighting for sighting in reversed(tuple(sightings))}.values())[::-1]


def _memberships(infos: Sequence[ImageInfo]) -> tuple[Membership, ...]:
    """Of the hit's own image first; a collection once."""
    found = {membership.name: membership for info in reversed(infos) for membership in info.memberships}
    return tuple(found[name] for name in sorted(found))
