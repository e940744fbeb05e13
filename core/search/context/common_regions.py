"""Parts that are found in a large share of everything, and so say nothing: a cookie banner, a browser's bar,
a logo.

Takes the verdicts of one search, one after the other, with what verification measured; gives each back as it
was or, where all that speaks for it is such a part, as a `no-match` that says so. Nothing has to be known
beforehand: the word index tells which other pictures hold the part, a few of them are asked for certain, and
a *hub* it is when they are many, of different clusters, and have nothing else in common. So ten thousand
captures of one page, which are one cluster, make no hub of any part of it, and neither do copies that are not
joined yet. A pair that agrees beside the hub as well stands as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ...deadline import Timer
from ...decision.calibration import Calibration
from ...decision.decide import decide
from ...features.picture import Picture
from ...index.replica import IndexReplica
from ...index.words import WordKeypoints
from ...records import Box, CommonRegion, Decision, Evidence, ImageId, LocalFeatures, Relation, Verdict
from ...verification.agreement import agreeing_pixels, content_agreement
from ...verification.options import DEFAULTS as VERIFICATION
from ...verification.verify import MIRROR, Verification, verify
from ..candidates import Allowed, ClusterOf

#: Different pictures in which a part must be found to be a hub. chosen: a person may well want to see a dozen
#: pages that share a part.
HUB_LEAST = 20
#: ... and their share of all pictures. chosen: below the share from which a word is not even asked
#: (index/words.py).
HUB_SHARE = 0.02
#: ... but never more than this many, however large the index is. chosen: nobody reads an answer of 500
#: different pictures.
HUB_MOST = 500
#: Votes of an image that may hold the part, over the most. measured: where 80 pages show one banner, half of
#: them have more, the least 0.08, because each index row has room for some words only; whether it does hold
#: it is verified.
LEAST_VOTES = 0.2
#: Times the number needed that the word index is asked for, so that clones do not hide the others. chosen.
LOOKED_AT = 4
#: Pictures that are verified of those that seem to hold the part, in pairs against each other too, and how
#: many of them may not. chosen: about 50 ms for a part that is one; where it is none, the two least likely
#: end the matter.
ASKED, MISSING = 5, 1
#: Share of the pictures asked that must show an inlier for it to belong to the hub, and of the inliers that
#: must. chosen.
COMMON = 0.6
#: Points this near, in unit coordinates, are one keypoint. chosen: 6 pixels of a 640-pixel frame.
SAME_CORNER = 0.01
#: Pixels of the query's thumbnail around what agrees that belong to the hub as well. chosen: about half a
#: block.
AROUND = 10
#: Content agreement of pictures that are laid over each other whole from which no part alone can be what
#: agrees. chosen.
WHOLE_AGREES = 0.75
#: Blocks with content beside a hub, and how many of them must agree for a pair to stand. measured (2026-11):
#: where a banner is all, none is left; crops of pages of one application, whose frame is a hub, have 10 to 40
#: left, which agree in all blocks where the page is the same.
BESIDE_BLOCKS, BESIDE_AGREES = 3, 0.75
#: The same for whole pictures, of which something may be hidden: of all blocks, those of the emptier picture,
#: those with content in both, or those beside one rectangle. chosen: a page under a banner agrees beside
#: that; an empty page with a cookie banner has nothing.
HALF_AGREES = 0.5
#: Share of a picture's area up to which what two of them have in common is a part, not the page. chosen: a
#: banner takes 20 %.
SMALL = 0.3
#: Parts that are looked up for one query. chosen: it bounds the time; the others stand.
REGIONS = 4
#: Shape that stands for the thumbnail where none was kept.
NO_THUMBNAIL = (320, 320)
#: Most corners of a part whose words are asked. chosen.
POINTS = 150

Read = Callable[[Sequence[ImageId]], Sequence[Picture | None]]


@dataclass(frozen=True, slots=True, eq=False)
class _Hub:
    patch: CommonRegion
    #: Where it lies in the query, in the shape of its thumbnail.
    mask: NDArray[np.bool_]


def hub_bound(images: int) -> int:
    """Different pictures in which a part must be found to be a hub, in a store of so many."""
    return min(max(HUB_LEAST, round(HUB_SHARE * images)), HUB_MOST)


class Hubs:
    """The hubs that one query meets."""

    def __init__(
        self,
        query: Picture,
        replica: IndexReplica,
        calibration: Calibration,
        timer: Timer,
        *,
        images: int,
        allowed: Allowed,
        cluster_of: ClusterOf,
        read: Read,
    ) -> None:
        """`images`: how many may be answers; `allowed`: which."""
        self._query = query
        self._replica = replica
        self._calibration = calibration
        self._timer = timer
        self._images = images
        self._allowed = allowed
        self._cluster_of = cluster_of
        self._read = read
        self._verified: dict[ImageId, Verification] = {}
        self._hubs: list[_Hub] = []
        self._others: list[Box] = []
        """Parts that were looked up and are none."""

    @property
    def met(self) -> tuple[CommonRegion, ...]:
        return tuple(hub.patch for hub in self._hubs)

    def weigh(self, image_id: ImageId, reference: Picture, found: Verification, verdict: Verdict) -> Verdict:
        """The verdict about a candidate; a `no-match` when nothing but a hub speaks for it."""
        self._verified[image_id] = found
        if not _rests_on_a_part(verdict, found):
            return verdict
        hub = self._hub_of(image_id, reference, found)
        if hub is None or self._stands(hub, reference, found, verdict):
            return verdict
        shared = hub.patch
        words = f"{verdict.sentence}; but this part is found in at least {shared.pictures} of {shared.images} pictures, so it says nothing"
        # One of so many: without anything else to tell them apart, none is likelier than another.
        return replace(
            verdict,
            decision=Decision.NO_MATCH,
            confidence=verdict.confidence / shared.pictures,
            sentence=words,
        )

    def _hub_of(self, image_id: ImageId, reference: Picture, found: Verification) -> _Hub | None:
        points = found.points_query
        for hub in self._hubs:
            if inside(hub.mask, points).mean() >= COMMON:
                return hub
        box = box_of(points)
        if (
            any(overlap(box, other) >= COMMON for other in self._others)
            or len(self._others) + len(self._hubs) >= REGIONS
            or self._timer.is_up()
        ):
            return None
        hub_found = self._recognise(image_id, reference, found)
        if hub_found is None:
            self._others.append(box)
        else:
            self._hubs.append(hub_found)
        return hub_found

    def _recognise(self, image_id: ImageId, reference: Picture, found: Verification) -> _Hub | None:
        """Look up who else holds the part that the query shares with this image."""
        images, bound = self._images, hub_bound(self._images)
        holding = self._holding(found, LOOKED_AT * bound) if images >= bound else []
        others = self._different(image_id, holding)
        if len(others) < bound:
            return None
        sample = [others[place] for place in np.linspace(bound - 1, 0, ASKED).astype(int)]
        shown, holders = np.zeros(self._shape), list[Picture]()
        for asked, (other, subject) in enumerate(zip(sample, self._read(sample), strict=True), start=1):
            places = (
                np.zeros(self._shape, bool)
                if subject is None
                else self._shown_by(other, subject, reference, found)
            )
            if subject is not None and inside(places, found.points_query).mean() >= COMMON / 2:
                holders.append(subject)
                shown += places
            if asked - len(holders) > MISSING:
                return None
        mask = shown >= COMMON * len(holders)
        common = inside(mask, found.points_query)
        if common.sum() < max(
            VERIFICATION.geometry.minimum_inliers, COMMON * len(common)
        ) or not self._have_nothing_else(holders):
            return None
        pictures = round(bound * len(holders) / ASKED)
        patch = CommonRegion(
            image_id, box_of(found.points_reference[common]), pictures, images, frozenset(holding)
        )
        return _Hub(patch, mask)

    def _holding(self, found: Verification, most: int) -> list[ImageId]:
        """Images that may hold the part, by its words alone, the likeliest first."""
        corners = WordKeypoints.of(self._corners(found.points_query))
        shared = [image for image in self._replica.sharing(corners, most) if self._allowed(image.image_id)]
        return [image.image_id for image in shared if image.votes >= LEAST_VOTES * shared[0].votes]

    def _different(self, image_id: ImageId, holding: Sequence[ImageId]) -> list[ImageId]:
        """One image of each cluster, without the clusters of the query and of the image the part was found
        in.
        """
        names = self._cluster_of([self._query.features.image_id, image_id, *holding])
        seen = {name for name in names[:2] if name is not None}
        chosen = []
        for other, name in zip(holding, names[2:], strict=True):
            if other == image_id or (name is not None and name in seen):
                continue
            chosen.append(other)
            seen.update([name] if name is not None else [])
        return chosen

    def _shown_by(
        self, other: ImageId, subject: Picture, reference: Picture, by: Verification
    ) -> NDArray[np.bool_]:
        """Where the query agrees with another picture: by content, as which corners a picture keeps depends
        on what else it shows.

        A browser's bar has few corners, and lies where it lies in the picture it was found in (`reference`,
        `by`), so there it is looked for too.
        """
        found = self._verified.get(other)
        if found is None:
            found = self._verified[other] = verify(self._query, subject)
        query = self._grey(found.evidence)
        places = np.zeros(self._shape, np.uint8)
        if query is not None and subject.thumbnail is not None:
            if found.evidence.matrix is not None:
                places |= agreeing_pixels(
                    query, subject.thumbnail, np.array(found.evidence.matrix, float).reshape(3, 3)
                )
            if by.evidence.matrix is not None and by.evidence.inverted == found.evidence.inverted:
                places |= agreeing_pixels(
                    query, subject.thumbnail, _at_the_same_place(by.evidence.matrix, reference, subject)
                )
        elif len(found.points_query):
            places[tuple(_pixels(found.points_query, self._shape))] = 1
        return np.asarray(cv2.dilate(places, np.ones((2 * AROUND + 1, 2 * AROUND + 1), np.uint8)), bool)

    def _grey(self, evidence: Evidence) -> NDArray[np.uint8] | None:
        """The query's thumbnail as it was compared."""
        thumbnail = self._query.thumbnail
        return 255 - thumbnail if thumbnail is not None and evidence.inverted else thumbnail

    @property
    def _shape(self) -> tuple[int, ...]:
        return NO_THUMBNAIL if self._query.thumbnail is None else self._query.thumbnail.shape

    def _have_nothing_else(self, holders: Sequence[Picture]) -> bool:
        """Whether these pictures are different ones: most that stand side by side share a small part at most."""
        pairs = list(pairwise(holders))
        apart = sum(self._apart(one, other) for one, other in pairs)
        return bool(pairs) and apart >= COMMON * len(pairs)

    def _apart(self, one: Picture, other: Picture) -> bool:
        found = verify(one, other)
        if decide(found.evidence, self._calibration).decision is Decision.NO_MATCH:
            return True
        points = (found.points_query, found.points_reference)
        return len(found.points_query) >= VERIFICATION.geometry.minimum_inliers and all(
            area(box_of(side)) <= SMALL for side in points
        )

    def _corners(self, points: NDArray[np.float32]) -> LocalFeatures:
        """The query's keypoints at these points: as it is, of a picture that stands in it, or mirrored,
        whichever lie nearest.
        """
        few = points[np.linspace(0, len(points) - 1, min(len(points), POINTS)).astype(int)]
        best, least = _at(self._query.features.local, few)
        for local, turned in self._other_views(few) if least > SAME_CORNER else ():
            found, away = _at(local, turned)
            if away < least:
                best, least = found, away
        return best

    def _other_views(
        self, points: NDArray[np.float32]
    ) -> Iterator[tuple[LocalFeatures, NDArray[np.float32]]]:
        """Keypoints of the query looked at otherwise, with the same points there."""
        views = [(inset.local, inset.from_page) for inset in self._query.insets]
        mirrored = self._query.mirrored
        if mirrored is not None and len(mirrored):
            views.append((mirrored, MIRROR))
        for local, view in views:
            yield local, (points @ view[:2, :2].T + view[:2, 2]).astype(np.float32)

    def _stands(self, hub: _Hub, reference: Picture, found: Verification, verdict: Verdict) -> bool:
        """Whether more than the hub speaks for the verdict: a part must agree beside it, of whole pictures
        half of something there.
        """
        matrix, query = found.evidence.matrix, self._grey(found.evidence)
        if matrix is None or query is None or reference.thumbnail is None:
            return False
        left = content_agreement(
            query, reference.thumbnail, np.array(matrix, float).reshape(3, 3), without=hub.mask
        )
        if verdict.relation is Relation.NEAR_DUPLICATE:
            return (
                left.blocks_of_emptier >= BESIDE_BLOCKS
                and max(
                    left.content_agreement,
                    left.agreement_of_emptier,
                    left.agreement_both_textured,
                    left.agreement_outside_rectangle,
                )
                >= HALF_AGREES
            )
        return left.blocks_compared >= BESIDE_BLOCKS and left.content_agreement >= BESIDE_AGREES


def _rests_on_a_part(verdict: Verdict, found: Verification) -> bool:
    """Whether a hub may be all there is to it: never where the whole pictures agree, nor for what a baseline
    is there for.
    """
    if (
        verdict.decision is Decision.NO_MATCH
        or len(found.points_query) < VERIFICATION.geometry.minimum_inliers
    ):
        return False
    whole = (found.evidence.content_agreement or 0.0) >= WHOLE_AGREES
    return verdict.relation is Relation.PARTIAL or (verdict.relation is Relation.NEAR_DUPLICATE and not whole)


def _at_the_same_place(matrix: tuple[float, ...], reference: Picture, other: Picture) -> NDArray[np.float64]:
    """The map to `reference` as one to a picture of another height, in which things lie as far below the
    upper edge.
    """
    heights = [subject.features.height / subject.features.width for subject in (reference, other)]
    return np.asarray(np.diag([1.0, heights[0] / heights[1], 1.0]) @ np.array(matrix, float).reshape(3, 3))


def box_of(points: NDArray[np.float32]) -> Box:
    """The smallest upright box around points (n, 2) in unit coordinates, n at least 1."""
    (left, top), (right, bottom) = np.clip([points.min(axis=0), points.max(axis=0)], 0, 1).tolist()
    return left, top, right, bottom


def area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def overlap(one: Box, other: Box) -> float:
    """Area of the intersection of two boxes over that of the union, 0 to 1."""
    shared = area(
        (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))
    )
    return shared / max(area(one) + area(other) - shared, 1e-9)


def inside(mask: NDArray[np.bool_], points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """For each point (n, 2) in unit coordinates whether the mask is set there."""
    return np.asarray(mask[tuple(_pixels(points, mask.shape))])


def _pixels(points: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Row and column numbers, shape (2, n)."""
    size = np.array(shape[1::-1])
    return np.asarray(np.clip(np.floor(points * size), 0, size - 1).astype(np.int64).T[::-1])


def _at(local: LocalFeatures, points: NDArray[np.float32]) -> tuple[LocalFeatures, float]:
    """The keypoints that lie nearest to points (n, 2) in unit coordinates, and how far they do at the median."""
    nearest, away = _nearest(points, local.keypoints[:, :2] / (local.frame_width, local.frame_height))
    return replace(local, keypoints=local.keypoints[nearest], descriptors=local.descriptors[nearest]), float(
        np.median(away)
    )


def _nearest(
    points: NDArray[np.float32], among: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each point (n, 2) the number of the nearest of `among` (m, 2), and how far it is along the farther
    axis.
    """
    apart = np.abs(points[:, None] - among[None]).max(axis=2)
    nearest = apart.argmin(axis=1)
    return nearest, apart[np.arange(len(points)), nearest]
