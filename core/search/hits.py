"""From verdicts to the hits of an answer: which are listed, the best of each cluster, what the store adds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ..answers import Hit
from ..decision.calibration import Calibration
from ..records import CommonRegion, Decision, ImageId, ImageInfo, Relation, Verdict
from ..store import Store
from .search import ClusterOf

#: Decisions from the weakest to the strongest.
RANK = {Decision.NO_MATCH: 0, Decision.REVIEW: 1, Decision.MATCH: 2}


@dataclass(frozen=True, slots=True)
class Judged:
    """An image with the verdict about it."""

    #: The image.
    image_id: ImageId
    #: The verdict, with the query on its side.
    verdict: Verdict

    @property
    def accepted(self) -> bool:
        """Return whether it is a match or a review."""
        return self.verdict.decision is not Decision.NO_MATCH


@dataclass(frozen=True, slots=True)
class Found:
    """What one search found."""

    #: Every candidate that was judged, in that order; an image may come twice, as found by another view.
    judged: tuple[Judged, ...]
    #: Common regions that the query met.
    common_regions: tuple[CommonRegion, ...]
    #: Whether all candidates were judged.
    complete: bool

    @property
    def decision(self) -> Decision:
        """Return the strongest decision about any image."""
        decisions = (judged.verdict.decision for judged in self.judged)
        return max(decisions, key=RANK.__getitem__, default=Decision.NO_MATCH)

    def listed(self, minimum: Decision, *, same_template: bool) -> list[Judged]:
        """Return what an answer lists; see `is_listed`."""
        return [one for one in self.judged if is_listed(one.verdict, minimum, same_template=same_template)]


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One query with everything that was judged, for those who measure how good the answers are."""

    #: As `Found.judged`.
    candidates: tuple[Judged, ...]
    #: Images that were to be judged anyway and were no candidates.
    besides: tuple[Judged, ...]
    #: Seconds from the bytes to the last candidate's verdict.
    seconds: float


def is_listed(verdict: Verdict, minimum: Decision, *, same_template: bool) -> bool:
    """Return whether an answer lists this verdict: pages of one template on request only, everything else
    from the decision `minimum` on.
    """
    if verdict.relation is Relation.SAME_TEMPLATE:
        return same_template
    return RANK[verdict.decision] >= RANK[minimum]


def as_hits(
    store: Store,
    calibration: Calibration,
    judged: Iterable[Judged],
    *,
    per_cluster: bool,
    limit: int | None = None,
    wanted: Callable[[ImageInfo], bool] = lambda _: True,
) -> tuple[Hit, ...]:
    """Return verdicts as hits, the surest first, each image once; `per_cluster`: the best of each cluster."""
    best: dict[ImageId, Judged] = {}
    for found in sorted(judged, key=_place):
        best.setdefault(found.image_id, found)
    ids = one_per_cluster(store.clusters.ids, list(best)) if per_cluster else list(best)
    return first_hits(store, calibration, (best[image_id] for image_id in ids), limit, wanted)


def _place(found: Judged) -> tuple[int, bool, float, float, ImageId]:
    """The place of a verdict among those of which some are listed: the surest first. Of pictures that agree
    with the query alike, those come first that share most of both: a page before those it was pasted into.
    """
    evidence, confidence = found.verdict.evidence, found.verdict.confidence
    crowd = bool(evidence.ambiguous_with or evidence.common_region_pictures)
    shared = (evidence.covered_query or 0.0) * (evidence.covered_reference or 0.0) if crowd else 0.0
    return -RANK[found.verdict.decision], crowd, -round(shared, 1), -confidence, found.image_id


def first_hits(
    store: Store,
    calibration: Calibration,
    judged: Iterator[Judged],
    limit: int | None,
    wanted: Callable[[ImageInfo], bool],
) -> tuple[Hit, ...]:
    """Return the first `limit` wanted hits; no more is read from the store than they need."""
    hits: list[Hit] = []
    while (limit is None or len(hits) < limit) and (batch := list(islice(judged, limit))):
        for found, info in zip(batch, store.images.infos([found.image_id for found in batch]), strict=True):
            if info and wanted(info):
                contributions = calibration.contributions(found.verdict.evidence)
                hits.append(Hit.of(found.verdict, found.image_id, info, contributions))
    return tuple(sorted(hits[:limit], key=lambda hit: (-hit.confidence, hit.image_id)))


def one_per_cluster(
    cluster_of: ClusterOf, ids: Sequence[ImageId], known: Iterable[str] = ()
) -> list[ImageId]:
    """Return the first image of each cluster not `known`, and every image in none, in their order."""
    chosen, seen = [], set(known)
    for image_id, cluster in zip(ids, cluster_of(ids), strict=True):
        if cluster is None or cluster not in seen:
            chosen.append(image_id)
            seen.update([cluster] if cluster else [])
    return chosen
