"""From two sets of keypoints to one map between the pictures, or a named reason why there is none.

Mutual nearest neighbours with a ratio test (Lowe, IJCV 2004), then a full affine map, or failing that a homography, by RANSAC
(Fischler, Bolles, CACM 1981), with limits on what an edit can do. OpenCV's RANSAC starts from a fixed seed, so the same question
gets the same answer. A partial affine map fails on pictures squashed in one direction (15-78 % found), a full one does not.

The homography comes from OpenCV's USAC with inner refinement. Measured (2026-11, 35 pictures seen at an angle; 58 pairs of pages of one
site): 31 found with 2,542 inliers, 0.25 ms for a pair that has none; plain RANSAC 31 with 2,443, but 20 ms; MAGSAC 30, FAST 30, PROSAC 30,
RHO 30 with 2,174.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .records import Configuration, LocalFeatures

RATIO = 0.8
"""Best distance over that of the best neighbour elsewhere. spec: Lowe 2004, section 7.1."""
NEIGHBOURS = 4
"""Neighbours asked for, so that one at another place is among them: a corner is often found on two scales. chosen."""
SAME_PLACE = 6.0
"""Two keypoints this near, in frame pixels, are one corner. chosen: about the blur of ORB's second level."""
REPROJECTION = 4.0
"""RANSAC's tolerance in frame pixels of the reference. chosen: 0.6 % of a 640-pixel frame."""
MIN_INLIERS = 5
"""Distinct inliers below which there is no geometry. chosen: crops of nearly empty pages have no more. Chance maps pass at 5 (at 8, 9 of
18,240 pairs of pages do); the content under the map and the weight of so few inliers tell them apart."""
MIN_INLIERS_HOMOGRAPHY = 14
"""A homography fits chance better: six inliers gave 0.36 % false pairs. chosen."""
CELL = 8.0
"""Inliers are counted once per cell of this many frame pixels: one letter found on three scales is one inlier. chosen."""
VOTE_BITS, VOTE_ANGLE = 48, 15.0
"""Bits and degrees within which a pair of keypoints has a vote. chosen: the same letter elsewhere on a page is within both."""
VOTE_STEPS = 3
"""Cells for an octave of size. spec: the levels of features/local.py."""
VOTE_CELL = 48.0
"""Side of a cell of shifts in frame pixels. chosen: between two levels a frame's half shifts by about that."""
VOTE_TRIES = 3
"""Cells that go to RANSAC. chosen."""
MAX_STRETCH = 2.5
"""Largest ratio of the map's singular values. measured (2026-11): squashed pages pass, chance maps do not."""
MAX_SCALE = 12.0
"""Largest enlargement or reduction. chosen: the pyramid of keypoints ends before."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A map from query to reference in unit coordinates (0 to 1 on both axes), and what supports it."""

    configuration: Configuration
    matrix: NDArray[np.float64] | None
    """Shape (3, 3)."""
    inliers: int
    """Inliers at distinct places."""
    points_query: NDArray[np.float32]
    """Inliers in unit coordinates, shape (n, 2); so is the next."""
    points_reference: NDArray[np.float32]


def _nothing(configuration: Configuration = Configuration.NO_GEOMETRY, inliers: int = 0) -> Geometry:
    empty = np.empty((0, 2), np.float32)
    return Geometry(configuration, None, inliers, empty, empty)


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For each keypoint of the query its NEIGHBOURS nearest in the reference, by Hamming distance of the descriptors."""

    query: LocalFeatures
    reference: LocalFeatures
    numbers: NDArray[np.int32]
    """Keypoint numbers in the reference, nearest first, shape (n, NEIGHBOURS); empty when either side has too few keypoints."""
    bits: NDArray[np.int32]
    """Their distances, same shape."""

    @cached_property
    def matches(self) -> NDArray[np.int64]:
        """Pairs of keypoint numbers (n, 2) that are each other's nearest and clearly nearer than any at another place."""
        if not len(self.numbers):
            return np.empty((0, 2), np.int64)
        place, bits = self.reference.keypoints[:, :2], self.bits
        best = self.numbers[:, 0]
        elsewhere = np.abs(place[self.numbers[:, 1:]] - place[best][:, None]).max(axis=2) > SAME_PLACE
        # Where all neighbours are the same corner, the last one bounds the distance of the next corner from below.
        second = bits[np.arange(len(bits)), np.where(elsewhere.any(axis=1), elsewhere.argmax(axis=1) + 1, NEIGHBOURS - 1)]
        kept = np.flatnonzero(bits[:, 0] < RATIO * second)
        if len(kept) < MIN_INLIERS:
            return np.empty((0, 2), np.int64)
        _, back = cv2.batchDistance(self.reference.descriptors[best[kept]], self.query.descriptors, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=1)
        returned = self.query.keypoints[np.asarray(back)[:, 0], :2]
        kept = kept[np.abs(returned - self.query.keypoints[kept, :2]).max(axis=1) <= SAME_PLACE]
        return np.stack([kept, best[kept]], axis=1)


def find_neighbours(query: LocalFeatures, reference: LocalFeatures) -> Neighbours:
    if len(query) < NEIGHBOURS or len(reference) < NEIGHBOURS:
        none = np.empty((0, NEIGHBOURS), np.int32)
        return Neighbours(query, reference, none, none)
    bits, numbers = cv2.batchDistance(query.descriptors, reference.descriptors, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=NEIGHBOURS)
    return Neighbours(query, reference, np.asarray(numbers, np.int32), np.asarray(bits, np.int32))


def estimate_geometry(near: Neighbours) -> Geometry:
    """The affine map that most unambiguous correspondences agree on, or the reason why there is none."""
    return _fit_affine(near, near.matches)


def estimate_homography(near: Neighbours) -> Geometry:
    """The perspective map that most of them agree on: for pictures seen at an angle, where an affine map fits a part only."""
    pairs = near.matches
    if len(pairs) < MIN_INLIERS_HOMOGRAPHY:
        return _nothing()
    source, target = near.query.keypoints[pairs[:, 0], :2], near.reference.keypoints[pairs[:, 1], :2]
    matrix, mask = cv2.findHomography(source, target, cv2.USAC_ACCURATE, REPROJECTION, maxIters=2000, confidence=0.999)
    return _checked(Configuration.HOMOGRAPHY, matrix, mask, source, target, near, MIN_INLIERS_HOMOGRAPHY)


def vote_geometry(near: Neighbours) -> Geometry:
    """The map that most correspondences vote for, ambiguous ones too: for pages of repeated text, where the ratio test leaves nothing.

    Lowe's Hough clustering (IJCV 2004, section 7.3) for upright pictures: a pair of keypoints says by its sizes how much one
    picture is enlarged, and then by its places how it is shifted; the fullest cell and its neighbours go to RANSAC.
    """
    pairs = np.column_stack([np.repeat(np.arange(len(near.numbers)), NEIGHBOURS), near.numbers.ravel()]).astype(np.int64)
    source, target = near.query.keypoints[pairs[:, 0]], near.reference.keypoints[pairs[:, 1]]
    turned = np.abs((source[:, 3] - target[:, 3] + 180) % 360 - 180)
    likely = (near.bits.ravel() <= VOTE_BITS) & (turned <= VOTE_ANGLE)
    pairs, source, target = pairs[likely], source[likely], target[likely]
    if len(pairs) < MIN_INLIERS:
        return _nothing()
    enlarged = np.rint(VOTE_STEPS * np.log2(target[:, 2] / source[:, 2]))
    shift = target[:, :2] - source[:, :2] * (2 ** (enlarged / VOTE_STEPS))[:, None]
    cells = np.column_stack([enlarged, np.floor(shift / VOTE_CELL)]).astype(np.int64)
    kinds, votes = np.unique(cells, axis=0, return_counts=True)
    best = _nothing()
    for kind in kinds[np.argsort(-votes, kind="stable")[:VOTE_TRIES]]:
        found = _fit_affine(near, pairs[np.abs(cells - kind).max(axis=1) <= 1])
        if found.matrix is not None and found.inliers > best.inliers:
            best = found
    return best


def _fit_affine(near: Neighbours, pairs: NDArray[np.int64]) -> Geometry:
    if len(pairs) < MIN_INLIERS:
        return _nothing()
    source, target = near.query.keypoints[pairs[:, 0], :2], near.reference.keypoints[pairs[:, 1], :2]
    matrix, mask = cv2.estimateAffine2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=REPROJECTION, maxIters=2000, confidence=0.999)
    return _checked(Configuration.AFFINE, matrix, mask, source, target, near, MIN_INLIERS)


def _checked(
    configuration: Configuration,
    matrix: NDArray[Any] | None,
    mask: NDArray[Any] | None,
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    near: Neighbours,
    least: int,
) -> Geometry:
    query, reference = near.query, near.reference
    if matrix is None or mask is None or not np.isfinite(matrix).all():
        return _nothing()
    inside = mask.ravel().astype(bool)
    source, target = source[inside], target[inside]
    inliers = min(_places(source), _places(target))
    if inliers < least:
        return _nothing(inliers=inliers)
    full = np.vstack([matrix, [0, 0, 1]]) if len(matrix) == 2 else matrix
    if not _plausible(full, query):
        return _nothing(Configuration.DEGENERATE, inliers)
    from_unit = np.diag([query.frame_width, query.frame_height, 1.0])
    to_unit = np.diag([1 / reference.frame_width, 1 / reference.frame_height, 1.0])
    unit = to_unit @ full @ from_unit
    scale_q = np.array([query.frame_width, query.frame_height], np.float32)
    scale_r = np.array([reference.frame_width, reference.frame_height], np.float32)
    return Geometry(configuration, unit / unit[2, 2], inliers, source / scale_q, target / scale_r)


def _places(points: NDArray[np.float32]) -> int:
    return len(np.unique(np.floor(points / CELL).astype(np.int64), axis=0))


def _plausible(matrix: NDArray[np.float64], query: LocalFeatures) -> bool:
    """Is this a map that an edit makes: no flip, no collapse, no strong shear, at the corners of the picture too?"""
    width, height = query.frame_width, query.frame_height
    for point in ((width / 2, height / 2), (0, 0), (width, 0), (width, height), (0, height)):
        mapped = matrix @ (*point, 1.0)
        if mapped[2] <= 1e-6:
            return False
        # Jacobian of the projective map at this point; constant for an affine one.
        local = (matrix[:2, :2] - np.outer(mapped[:2] / mapped[2], matrix[2, :2])) / mapped[2]
        largest, smallest = np.linalg.svd(local, compute_uv=False)
        if np.linalg.det(local) <= 0 or largest > MAX_SCALE or smallest < 1 / MAX_SCALE or largest > MAX_STRETCH * smallest:
            return False
    return True
