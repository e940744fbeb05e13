"""From two sets of keypoints to one map between the pictures, or a named reason why there is none.

Mutual nearest neighbours with a ratio test (Lowe, IJCV 2004), then a full affine map, or failing that a
homography, by RANSAC (Fischler, Bolles, CACM 1981), with limits on what an edit can do. OpenCV's RANSAC
starts from a fixed seed, so the same question gets the same answer. A partial affine map fails on pictures
squashed in one direction (15-78 % found), a full one does not.

The homography comes from OpenCV's USAC with inner refinement. Measured (2026-11, 35 pictures seen at an
angle; 58 pairs of pages of one site): 31 found with 2,542 inliers, 0.25 ms for a pair that has none; plain
RANSAC 31 with 2,443, but 20 ms; MAGSAC 30, FAST 30, PROSAC 30, RHO 30 with 2,174.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Configuration, LocalFeatures
from .matching import Neighbours
from .registration import Registration, register

#: RANSAC's tolerance in frame pixels of the reference. chosen: 0.6 % of a 640-pixel frame.
REPROJECTION = 4.0
#: Distinct inliers below which there is no geometry. chosen: crops of nearly empty pages have no more. Chance
#: maps pass at 5 (at 8, 9 of 18,240 pairs of pages do); the content under the map and the weight of so few
#: inliers tell them apart.
MIN_INLIERS = 5
#: A homography fits chance better: six inliers gave 0.36 % false pairs. chosen.
MIN_INLIERS_HOMOGRAPHY = 14
#: Share of the keypoints in the overlap that a map must explain. measured (2026-11): of 1,490 maps between
#: pages of one site a quarter explains less; of 1,429 edited screenshots none does under whose map more than
#: 30 % of the content agrees (and none below 0.1).
LEAST_EXPLAINED = 0.04
#: Inliers are counted once per cell of this many frame pixels: one letter found on three scales is one
#: inlier. chosen.
CELL = 8.0
#: Degrees by which a pair of keypoints that has a vote may be turned. chosen: the same letter elsewhere on a
#: page is within it.
VOTE_ANGLE = 15.0
#: Cells for an octave of size. spec: the levels of features/local.py.
VOTE_STEPS = 3
#: Side of a cell of shifts in frame pixels. chosen: between two levels a frame's half shifts by about that.
VOTE_CELL = 48.0
#: Cells that go to RANSAC. chosen.
VOTE_TRIES = 3
#: Share of the larger of the reference and the mapped query by which corners may differ. chosen: three pixels
#: of a thumbnail.
SAME_MAP = 0.01
#: Largest ratio of the map's singular values. measured (2026-11): squashed pages pass, chance maps do not.
MAX_STRETCH = 2.5
#: Largest enlargement or reduction. chosen: the pyramid of keypoints ends before.
MAX_SCALE = 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A map from query to reference in unit coordinates (0 to 1 on both axes), and what supports it."""

    configuration: Configuration
    #: Shape (3, 3).
    matrix: NDArray[np.float64] | None
    #: Inliers at distinct places.
    inliers: int
    #: Share of the keypoints in the overlap that have a counterpart (see registration.py).
    explained: float
    #: Inliers in unit coordinates, shape (n, 2); so is the next.
    points_query: NDArray[np.float32]
    points_reference: NDArray[np.float32]


def _nothing(configuration: Configuration = Configuration.NO_GEOMETRY, inliers: int = 0) -> Geometry:
    empty = np.empty((0, 2), np.float32)
    return Geometry(configuration, None, inliers, 0.0, empty, empty)


def estimate_geometry(near: Neighbours) -> Geometry:
    """The affine map that most unambiguous correspondences agree on, or the reason why there is none."""
    return _registered(_robust_affine(near, near.matches), near)


def confirm_geometry(query: LocalFeatures, reference: LocalFeatures, matrix: NDArray[np.float64]) -> Geometry:
    """What keypoints say to a map in unit coordinates that was found without them; its inliers and what it
    explains are 0 when they deny it.
    """
    from_frame = np.diag([1 / query.frame_width, 1 / query.frame_height, 1.0])
    to_frame = np.diag([reference.frame_width, reference.frame_height, 1.0])
    found = register(query, reference, to_frame @ matrix @ from_frame)
    if found is None or not _plausible(found.matrix, query):
        return _nothing()
    return _geometry(Configuration.AFFINE, found, query, reference)


def estimate_homography(near: Neighbours) -> Geometry:
    """The perspective map that most of them agree on: for pictures seen at an angle, where an affine map fits
    a part only.
    """
    pairs = near.matches
    if len(pairs) < MIN_INLIERS_HOMOGRAPHY:
        return _nothing()
    source, target = near.query.keypoints[pairs[:, 0], :2], near.reference.keypoints[pairs[:, 1], :2]
    matrix, mask = cv2.findHomography(
        source, target, cv2.USAC_ACCURATE, REPROJECTION, maxIters=2000, confidence=0.999
    )
    return _registered(
        _checked(Configuration.HOMOGRAPHY, matrix, mask, source, target, near, MIN_INLIERS_HOMOGRAPHY), near
    )


def vote_geometry(near: Neighbours) -> Geometry:
    """The map that most correspondences vote for, ambiguous ones too: for pages of repeated text, where the
    ratio test leaves nothing.

    Lowe's Hough clustering (IJCV 2004, section 7.3) for upright pictures: a pair of keypoints says by its
    sizes how much one picture is enlarged, and then by its places how it is shifted; the fullest cell and its
    neighbours go to RANSAC.
    """
    pairs = near.alike
    source, target = near.query.keypoints[pairs[:, 0]], near.reference.keypoints[pairs[:, 1]]
    likely = np.abs((source[:, 3] - target[:, 3] + 180) % 360 - 180) <= VOTE_ANGLE
    pairs, source, target = pairs[likely], source[likely], target[likely]
    if len(pairs) < MIN_INLIERS:
        return _nothing()
    enlarged = np.rint(VOTE_STEPS * np.log2(target[:, 2] / source[:, 2]))
    shift = target[:, :2] - source[:, :2] * (2 ** (enlarged / VOTE_STEPS))[:, None]
    cells = np.column_stack([enlarged, np.floor(shift / VOTE_CELL)]).astype(np.int64)
    cells -= cells.min(axis=0)
    across, down = cells.max(axis=0)[1:] + 1
    numbers = (cells[:, 0] * across + cells[:, 1]) * down + cells[:, 2]
    kinds, cell = np.unique(numbers, return_inverse=True)
    # A keypoint with many look-alikes says little; without this a page of text outvotes the part of it that
    # is shared.
    votes = np.bincount(cell, weights=1.0 / np.bincount(pairs[:, 0])[pairs[:, 0]])
    fullest = kinds[np.argsort(-votes, kind="stable")[:VOTE_TRIES]]
    kinds = np.column_stack([fullest // (across * down), fullest // down % across, fullest % down])
    fits = [_robust_affine(near, pairs[np.abs(cells - kind).max(axis=1) <= 1]) for kind in kinds]
    return _registered(max(fits, key=lambda fit: (fit.matrix is not None, fit.inliers)), near)


def is_same_map(one: Geometry, other: Geometry) -> bool:
    """Whether both carry the query to the same place, within SAME_MAP; nothing is the same as nothing."""
    if one.matrix is None or other.matrix is None:
        return one.matrix is None
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], float)
    ends = [mapped[:, :2] / mapped[:, 2:] for mapped in (corners @ one.matrix.T, corners @ other.matrix.T)]
    return bool(np.abs(ends[0] - ends[1]).max() <= SAME_MAP * max(1.0, float(np.ptp(ends[1], axis=0).max())))


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """What RANSAC says."""

    configuration: Configuration
    #: Frame to frame, shape (3, 3).
    matrix: NDArray[np.float64] | None
    inliers: int


def _robust_affine(near: Neighbours, pairs: NDArray[np.int64]) -> _Fit:
    if len(pairs) < MIN_INLIERS:
        return _Fit(Configuration.NO_GEOMETRY, None, 0)
    source, target = near.query.keypoints[pairs[:, 0], :2], near.reference.keypoints[pairs[:, 1], :2]
    matrix, mask = cv2.estimateAffine2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=REPROJECTION, maxIters=2000, confidence=0.999
    )
    return _checked(Configuration.AFFINE, matrix, mask, source, target, near, MIN_INLIERS)


def _checked(
    configuration: Configuration,
    matrix: NDArray[Any] | None,
    mask: NDArray[Any] | None,
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    near: Neighbours,
    least: int,
) -> _Fit:
    if matrix is None or mask is None or not np.isfinite(matrix).all():
        return _Fit(Configuration.NO_GEOMETRY, None, 0)
    inside = mask.ravel().astype(bool)
    inliers = min(_places(source[inside]), _places(target[inside]))
    if inliers < least:
        return _Fit(Configuration.NO_GEOMETRY, None, inliers)
    full = np.vstack([matrix, [0, 0, 1]]) if len(matrix) == 2 else matrix
    plausible = _plausible(full, near.query)
    return _Fit(
        configuration if plausible else Configuration.DEGENERATE, full if plausible else None, inliers
    )


def _registered(fit: _Fit, near: Neighbours) -> Geometry:
    if fit.matrix is None:
        return _nothing(fit.configuration, fit.inliers)
    found = register(
        near.query, near.reference, fit.matrix, perspective=fit.configuration is Configuration.HOMOGRAPHY
    )
    if found is None or found.explained < LEAST_EXPLAINED or not _plausible(found.matrix, near.query):
        return _nothing(inliers=fit.inliers)
    return _geometry(fit.configuration, found, near.query, near.reference)


def _geometry(
    configuration: Configuration, found: Registration, query: LocalFeatures, reference: LocalFeatures
) -> Geometry:
    """The same in unit coordinates."""
    source, target = query.keypoints[found.pairs[:, 0], :2], reference.keypoints[found.pairs[:, 1], :2]
    from_unit = np.diag([query.frame_width, query.frame_height, 1.0])
    to_unit = np.diag([1 / reference.frame_width, 1 / reference.frame_height, 1.0])
    unit = to_unit @ found.matrix @ from_unit
    scale_q = np.array([query.frame_width, query.frame_height], np.float32)
    scale_r = np.array([reference.frame_width, reference.frame_height], np.float32)
    inliers = min(_places(source), _places(target))
    return Geometry(
        configuration, unit / unit[2, 2], inliers, found.explained, source / scale_q, target / scale_r
    )


def _places(points: NDArray[np.float32]) -> int:
    cells = np.floor(points / CELL).astype(np.int64)
    cells -= cells.min(axis=0)
    return len(np.unique(cells[:, 1] * (cells[:, 0].max() + 1) + cells[:, 0], return_index=True)[0])


def _plausible(matrix: NDArray[np.float64], query: LocalFeatures) -> bool:
    """Is this a map that an edit makes: no flip, no collapse, no strong shear, at the corners of the picture
    too?
    """
    width, height = query.frame_width, query.frame_height
    points = np.array(
        [(width / 2, height / 2, 1), (0, 0, 1), (width, 0, 1), (width, height, 1), (0, height, 1)]
    )
    mapped = points @ matrix.T
    if (mapped[:, 2] <= 1e-6).any():
        return False
    # Jacobian of the projective map at each point; constant for an affine one.
    local = (matrix[:2, :2] - (mapped[:, :2] / mapped[:, 2:])[:, :, None] * matrix[2, :2]) / mapped[
        :, 2, None, None
    ]
    values = np.linalg.svd(local, compute_uv=False)
    largest, smallest = values[:, 0], values[:, 1]
    fine = (
        (np.linalg.det(local) > 0)
        & (largest <= MAX_SCALE)
        & (smallest >= 1 / MAX_SCALE)
        & (largest <= MAX_STRETCH * smallest)
    )
    return bool(fine.all())
