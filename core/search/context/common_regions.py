"""Common regions: parts that so many pictures show that they are no evidence, such as a cookie banner, a
browser's bar, a logo.

Takes the accepted pairs of one query, one after the other (a pair that geometry and content reject never gets
here); returns the common region that is all a pair shares. Nothing has to be known beforehand: the word index
tells which other pictures show the part, a few of them are verified, and the part is a common region when
they are many, of different clusters, and have nothing else in common. So ten thousand captures of one page,
which are one cluster, make none of its parts a common region, and neither do copies that are not joined yet.
A pair that agrees outside the region as well stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter

import cv2
import numpy as np
from numpy.typing import NDArray

from ...boxes import area, box_of, inside, intersection_over_union, pixels
from ...deadline import OutOfTime
from ...decision.decide import accepted_relation
from ...features.picture import Picture
from ...index.words import WordKeypoints
from ...records import Box, CommonRegion, ImageId, LocalFeatures, Relation
from ...transforms import as_matrix
from ...verification.agreement import agreeing_pixels, content_agreement, content_work
from ...verification.alignment import MIRROR
from ...verification.verify import Verification, verify
from ..hits import one_per_cluster
from ..options import DEFAULTS, CommonRegionOptions
from ..search import Search
from ..verified import Pair

#: Height and width that stand for the thumbnail's where none was kept. chosen.
NO_THUMBNAIL = (320, 320)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    region: CommonRegion
    #: Where it lies in the query, in the shape of its thumbnail.
    mask: NDArray[np.bool_]


def necessary_pictures(images: int, *, options: CommonRegionOptions = DEFAULTS.context.common_regions) -> int:
    """Return how many different pictures make a part common, in a store of so many images."""
    share = max(options.minimum_pictures, round(options.minimum_share * images))
    return min(share, options.sufficient_pictures)


class CommonRegions:
    """The common regions that one query meets."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._query = search.query
        self._options = search.options.context.common_regions
        self._verified: dict[ImageId, Verification] = {}
        self._found: list[_Found] = []
        #: Boxes of parts that were looked up and are not common.
        self._rare: list[Box] = []

    @property
    def met(self) -> tuple[CommonRegion, ...]:
        """Return the common regions met so far."""
        return tuple(found.region for found in self._found)

    def remember(self, pair: Pair) -> None:
        """Keep a verification, so that it need not be repeated."""
        self._verified[pair.image_id] = pair.verification

    def all_shared(self, pair: Pair, relation: Relation) -> CommonRegion | None:
        """Return the common region that is all a pair shares, which would be accepted with this relation;
        None where there is more.
        """
        # Whole pictures that agree share more than a part, and a baseline is there to be looked like.
        whole = (pair.evidence.content_agreement or 0.0) >= self._options.whole_agreement
        a_part = relation is Relation.PARTIAL or (relation is Relation.NEAR_DUPLICATE and not whole)
        if not a_part or len(pair.verification.points_query) < self._minimum_inliers:
            return None
        found = self._region_of(pair)
        return None if found is None or self._agrees_outside(found, pair, relation) else found.region

    def _region_of(self, pair: Pair) -> _Found | None:
        options, points = self._options, pair.verification.points_query
        for found in self._found:
            if inside(found.mask, points).mean() >= options.common_share:
                return found
        box = box_of(points)
        known_rare = any(intersection_over_union(box, rare) >= options.common_share for rare in self._rare)
        exhausted = len(self._rare) + len(self._found) >= options.maximum_regions
        if known_rare or exhausted or self._search.timer.is_up():
            return None
        try:
            recognised = self._recognise(pair)
        except OutOfTime:
            return None
        if recognised is None:
            self._rare.append(box)
        else:
            self._found.append(recognised)
        return recognised

    def _recognise(self, pair: Pair) -> _Found | None:
        """Look up who else shows the part that the query shares with this image."""
        options, found = self._options, pair.verification
        necessary = necessary_pictures(self._search.images, options=options)
        enough = self._search.images >= necessary
        holding = self._holding(found, options.oversampling * necessary) if enough else []
        others = self._different(pair.image_id, holding)
        if len(others) < necessary:
            return None
        sample = [others[rank] for rank in np.linspace(necessary - 1, 0, options.sample).astype(int)]
        shown, holders = np.zeros(self._shape), list[Picture]()
        for asked, (other, picture) in enumerate(
            zip(sample, self._search.references.read(sample), strict=True), start=1
        ):
            if picture is not None:
                places = self._shown_by(other, picture, pair)
                if inside(places, found.points_query).mean() >= options.common_share / 2:
                    holders.append(picture)
                    shown += places
            if asked - len(holders) > options.tolerated_misses:
                return None
        shown_by = tuple(picture.features.image_id for picture in holders)
        mask = shown >= options.common_share * len(holders)
        common = inside(mask, found.points_query)
        least = max(self._minimum_inliers, options.common_share * len(common))
        if common.sum() < least or not self._differ(holders):
            return None
        pictures = round(necessary * len(holders) / options.sample)
        region = box_of(found.points_reference[common])
        return _Found(
            CommonRegion(pair.image_id, region, pictures, self._search.images, frozenset(holding), shown_by),
            mask,
        )

    def _holding(self, found: Verification, maximum: int) -> list[ImageId]:
        """Images that may show the part, by its visual words alone, the likeliest first."""
        keypoints = WordKeypoints.of(self._keypoints(found.points_query))
        shared = self._search.index.sharing(keypoints, maximum)
        shared = [image for image in shared if self._search.scope.allows(image.image_id)]
        least = self._options.minimum_votes * shared[0].votes if shared else 0.0
        return [image.image_id for image in shared if image.votes >= least]

    def _different(self, image_id: ImageId, holding: Sequence[ImageId]) -> list[ImageId]:
        """One image of each cluster, without the clusters of the query and of the pair's reference."""
        query = self._query.features.image_id
        # The query comes first, so it is chosen; the reference is not, if it is in the query's cluster.
        chosen = one_per_cluster(self._search.cluster_of, [query, image_id, *holding])
        return [other for other in chosen[1:] if other != image_id]

    def _shown_by(self, other: ImageId, picture: Picture, pair: Pair) -> NDArray[np.bool_]:
        """Where the query agrees with another picture: by content, because which keypoints a picture keeps
        depends on what else it shows.

        A browser's bar has few keypoints, and keeps its place in each picture, so the other picture is also
        compared at the place where the pair's reference shows the part.
        """
        options = self._search.verification
        if other not in self._verified:
            self._verified[other] = verify(self._query, picture, timer=self._search.timer, options=options)
        found, query = self._verified[other], self._query.small
        places = np.zeros(self._shape, np.uint8)
        if query is not None and picture.small is not None:
            seen = 255 - query if found.evidence.inverted else query
            transforms = []
            if found.evidence.matrix is not None:
                transforms.append(as_matrix(found.evidence.matrix))
            if pair.evidence.matrix is not None and pair.evidence.inverted == found.evidence.inverted:
                transforms.append(_at_the_same_place(pair.evidence.matrix, pair.reference, picture))
            for matrix in transforms:
                self._search.timer.spend(content_work(self._query, picture))
                places |= agreeing_pixels(seen, picture.small, matrix, options=options.agreement)
        elif len(found.points_query):
            places[tuple(pixels(found.points_query, self._shape))] = 1
        side = 2 * self._options.margin + 1
        return np.asarray(cv2.dilate(places, np.ones((side, side), np.uint8)), bool)

    @property
    def _minimum_inliers(self) -> int:
        return self._search.verification.geometry.minimum_inliers

    @property
    def _shape(self) -> tuple[int, ...]:
        return NO_THUMBNAIL if self._query.small is None else self._query.small.shape

    def _differ(self, holders: Sequence[Picture]) -> bool:
        """Whether these are different pictures: most neighbours share a small part at most."""
        neighbours = list(pairwise(holders))
        apart = sum(self._apart(one, other) for one, other in neighbours)
        return bool(neighbours) and apart >= self._options.common_share * len(neighbours)

    def _apart(self, one: Picture, other: Picture) -> bool:
        found = verify(one, other, timer=self._search.timer, options=self._search.verification)
        search = self._search
        if accepted_relation(found.evidence, search.calibration, options=search.verdict) is None:
            return True
        if len(found.points_query) < self._minimum_inliers:
            return False
        sides = (found.points_query, found.points_reference)
        return all(area(box_of(side)) <= self._options.small_area for side in sides)

    def _keypoints(self, points: NDArray[np.float32]) -> LocalFeatures:
        """The query's keypoints at these points: as it is, of an inset or mirrored, whichever lie nearest."""
        options = self._options
        few = points[np.linspace(0, len(points) - 1, min(len(points), options.maximum_keypoints)).astype(int)]
        keypoints, away = _nearest(self._query.features.local, few)
        if away <= options.same_keypoint:
            return keypoints
        others = [_nearest(local, seen) for local, seen in self._other_views(few)]
        return min([(keypoints, away), *others], key=itemgetter(1))[0]

    def _other_views(self, points: NDArray[np.float32]) -> list[tuple[LocalFeatures, NDArray[np.float32]]]:
        """Keypoints of the query's other views, with the same points there."""
        views = [(inset.local, inset.from_page) for inset in self._query.insets]
        mirrored = self._query.mirrored
        if mirrored is not None and len(mirrored):
            views.append((mirrored, MIRROR))
        return [(local, (points @ view[:2, :2].T + view[:2, 2]).astype(np.float32)) for local, view in views]

    def _agrees_outside(self, found: _Found, pair: Pair, relation: Relation) -> bool:
        """Whether more than the common region speaks for the pair: a part must agree outside it, of whole
        pictures half of something there.
        """
        options, evidence = self._options, pair.evidence
        if evidence.matrix is None:
            return False
        self._search.timer.spend(content_work(self._query, pair.reference))
        left = content_agreement(
            self._query,
            pair.reference,
            as_matrix(evidence.matrix),
            inverted=evidence.inverted,
            without=found.mask,
            options=self._search.verification.agreement,
        )
        if left is None:
            return False
        if relation is Relation.NEAR_DUPLICATE:
            most = max(
                left.content_agreement,
                left.agreement_of_emptier,
                left.agreement_both_textured,
                left.agreement_outside_rectangle,
            )
            enough = left.blocks_of_emptier >= options.outside_blocks
            return enough and most >= options.outside_agreement_of_whole
        enough = left.blocks_compared >= options.outside_blocks
        return enough and left.content_agreement >= options.outside_agreement


def _at_the_same_place(matrix: tuple[float, ...], reference: Picture, other: Picture) -> NDArray[np.float64]:
    """The transform to `reference` as one to a picture of another height, with the same distances from the
    upper edge.
    """
    ratios = [picture.features.height / picture.features.width for picture in (reference, other)]
    return np.asarray(np.diag([1.0, ratios[0] / ratios[1], 1.0]) @ as_matrix(matrix))


def _nearest(local: LocalFeatures, points: NDArray[np.float32]) -> tuple[LocalFeatures, float]:
    """The keypoints nearest to points (n, 2) in unit coordinates, along the farther axis, and the median of
    their distances.
    """
    among = local.keypoints[:, :2] / (local.frame_width, local.frame_height)
    apart = np.abs(points[:, None] - among[None]).max(axis=2)
    nearest = apart.argmin(axis=1)
    away = float(np.median(apart[np.arange(len(points)), nearest]))
    chosen = replace(local, keypoints=local.keypoints[nearest], descriptors=local.descriptors[nearest])
    return chosen, away
