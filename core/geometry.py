"""From two sets of keypoints to one map between the pictures, or a named reason why there is none.

Mutual nearest neighbours with a ratio test (Lowe, IJCV 2004), then a full affine map, or failing that a homography, by RANSAC
(Fischler, Bolles, CACM 1981), with limits on what an edit can do. OpenCV's RANSAC starts from a fixed seed, so the same question
gets the same answer. A partial affine map fails on pictures squashed in one direction (15-78 % found), a full one does not.
"""

from __future__ import annotations

from dataclasses import dataclass
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
MIN_INLIERS = 8
"""Distinct inliers below which there is no geometry. measured (2026-11): at 8, 0 of 22,787 photo pairs and 9 of 18,240 page pairs pass by chance."""
MIN_INLIERS_HOMOGRAPHY = 14
"""A homography fits chance better: six inliers gave 0.36 % false pairs. chosen."""
CELL = 8.0
"""Inliers are counted once per cell of this many frame pixels: one letter found on three scales is one inlier. chosen."""
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


def match_descriptors(query: LocalFeatures, reference: LocalFeatures) -> NDArray[np.int64]:
    """Pairs of keypoint numbers (n, 2) that are each other's nearest and clearly nearer than any at another place."""
    if len(query) < NEIGHBOURS or len(reference) < NEIGHBOURS:
        return np.empty((0, 2), np.int64)
    bits, nearest = cv2.batchDistance(query.descriptors, reference.descriptors, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=NEIGHBOURS)
    _, back = cv2.batchDistance(reference.descriptors, query.descriptors, cv2.CV_32S, normType=cv2.NORM_HAMMING, K=1)
    place = reference.keypoints[:, :2]
    best = nearest[:, 0]
    elsewhere = np.abs(place[nearest[:, 1:]] - place[best][:, None]).max(axis=2) > SAME_PLACE
    # Where all neighbours are the same corner, the last one bounds the distance of the next corner from below.
    second = bits[np.arange(len(bits)), np.where(elsewhere.any(axis=1), elsewhere.argmax(axis=1) + 1, NEIGHBOURS - 1)]
    returned = query.keypoints[back[best, 0], :2]
    mutual = np.abs(returned - query.keypoints[:, :2]).max(axis=1) <= SAME_PLACE
    kept = np.flatnonzero((bits[:, 0] < RATIO * second) & mutual)
    return np.stack([kept, best[kept]], axis=1)


def estimate_geometry(query: LocalFeatures, reference: LocalFeatures) -> Geometry:
    """The map that most correspondences agree on, or the reason why there is none."""
    pairs = match_descriptors(query, reference)
    if len(pairs) < MIN_INLIERS:
        return _nothing()
    source = query.keypoints[pairs[:, 0], :2]
    target = reference.keypoints[pairs[:, 1], :2]
    affine, mask = cv2.estimateAffine2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=REPROJECTION, maxIters=2000, confidence=0.999)
    found = _checked(Configuration.AFFINE, affine, mask, source, target, query, reference, MIN_INLIERS)
    if found.matrix is not None or len(pairs) < MIN_INLIERS_HOMOGRAPHY:
        return found
    projective, mask = cv2.findHomography(source, target, cv2.RANSAC, REPROJECTION, maxIters=2000, confidence=0.999)
    bent = _checked(Configuration.HOMOGRAPHY, projective, mask, source, target, query, reference, MIN_INLIERS_HOMOGRAPHY)
    return bent if bent.matrix is not None else found


def _checked(
    configuration: Configuration,
    matrix: NDArray[Any] | None,
    mask: NDArray[Any] | None,
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    query: LocalFeatures,
    reference: LocalFeatures,
    least: int,
) -> Geometry:
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


def coverage(matrix: NDArray[np.float64]) -> tuple[float, float]:
    """Shares of the query's and of the reference's area that the map lays over the other, each 0 to 1."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)

    def share(through: NDArray[np.float64]) -> float:
        mapped = cv2.perspectiveTransform(square[None], through)[0].astype(np.float32)
        if not np.isfinite(mapped).all():
            return 0.0
        area, _ = cv2.intersectConvexConvex(cv2.convexHull(mapped), square)
        return float(min(1.0, max(0.0, area)))

    return share(np.asarray(np.linalg.inv(matrix), np.float64)), share(matrix)
