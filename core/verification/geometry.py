"""From two sets of keypoints to one transform between the pictures, or a named reason why there is none.

Takes mutual nearest neighbours that passed a ratio test (Lowe, IJCV 2004), and fits a full affine transform
or a homography by RANSAC (Fischler, Bolles, CACM 1981), with limits on what an edit can do. OpenCV's RANSAC
starts from a fixed seed, so the same pair gets the same transform. A similarity fails on pictures squashed in
one direction (15-78 % found); a full affine transform does not.

The homography comes from OpenCV's USAC with inner refinement. Measured (2026-11, 35 pictures seen at an
angle; 58 pairs of pages of one site): it finds 31 with 2,542 inliers, in 0.25 ms for a pair that has none.
Plain RANSAC finds 31 with 2,443, in 20 ms; MAGSAC 30, FAST 30, PROSAC 30, RHO 30 with 2,174.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Configuration, LocalFeatures
from .matching import Neighbours
from .options import DEFAULTS, GeometryOptions
from .registration import Registration, register


def _no_points() -> NDArray[np.float32]:
    return np.empty((0, 2), np.float32)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Geometry:
    """A transform from query to reference, and what supports it; None: not measured."""

    #: Kind of the transform, or why there is none.
    configuration: Configuration
    #: Query to reference in unit coordinates (0 to 1 on both axes), shape (3, 3); None without a transform.
    matrix: NDArray[np.float64] | None = None
    #: Share of the query's area inside the reference, 0 to 1.
    covered_query: float | None = None
    #: Share of the reference's area inside the query, 0 to 1.
    covered_reference: float | None = None
    #: Number of inliers at distinct places.
    inliers: int | None = None
    #: Share of the keypoints in the overlap that have a counterpart, 0 to 1 (see registration.py).
    explained: float | None = None
    #: Inliers in unit coordinates of the query, shape (n, 2); empty where keypoints were not matched.
    points_query: NDArray[np.float32] = field(default_factory=_no_points)
    #: The same inliers in unit coordinates of the reference, shape (n, 2).
    points_reference: NDArray[np.float32] = field(default_factory=_no_points)


def estimate_geometry(near: Neighbours, *, options: GeometryOptions = DEFAULTS.geometry) -> Geometry:
    """Return the affine transform that most unambiguous correspondences agree on, or why there is none."""
    return _registered(_robust(Configuration.AFFINE, near, near.matches, options), near, options)


def confirm_geometry(
    query: LocalFeatures,
    reference: LocalFeatures,
    matrix: NDArray[np.float64],
    *,
    options: GeometryOptions = DEFAULTS.geometry,
) -> Geometry:
    """Return what keypoints say about a transform (3, 3) in unit coordinates that was found without them; its
    inliers and its explained share are 0 when they contradict it.
    """
    from_frame = np.diag([1 / query.frame_width, 1 / query.frame_height, 1.0])
    to_frame = np.diag([reference.frame_width, reference.frame_height, 1.0])
    found = register(query, reference, to_frame @ matrix @ from_frame, options=options.registration)
    if found is None or not _plausible(found.matrix, query, options):
        return Geometry(configuration=Configuration.NO_GEOMETRY, inliers=0, explained=0.0)
    return _geometry(Configuration.AFFINE, found, query, reference, options)


def estimate_homography(near: Neighbours, *, options: GeometryOptions = DEFAULTS.geometry) -> Geometry:
    """Return the homography that most unambiguous correspondences agree on, or why there is none: for
    pictures seen at an angle, where an affine transform fits only a part.
    """
    return _registered(_robust(Configuration.HOMOGRAPHY, near, near.matches, options), near, options)


def vote_geometry(near: Neighbours, *, options: GeometryOptions = DEFAULTS.geometry) -> Geometry:
    """Return the affine transform that most correspondences vote for, ambiguous ones too, or why there is
    none: for pages of repeated text, where the ratio test leaves nothing.

    Lowe's Hough clustering (IJCV 2004, section 7.3) for upright pictures: the sizes of a pair of keypoints
    tell the change of scale, and then their places tell the translation. The fullest cells and their
    neighbours go to RANSAC.
    """
    pairs, steps = near.alike, options.vote_steps
    source, target = near.query.keypoints[pairs[:, 0]], near.reference.keypoints[pairs[:, 1]]
    likely = np.abs((source[:, 3] - target[:, 3] + 180) % 360 - 180) <= options.vote_angle
    pairs, source, target = pairs[likely], source[likely], target[likely]
    if len(pairs) < options.minimum_inliers:
        return Geometry(configuration=Configuration.NO_GEOMETRY, inliers=0)
    enlarged = np.rint(steps * np.log2(target[:, 2] / source[:, 2]))
    translation = target[:, :2] - source[:, :2] * (2 ** (enlarged / steps))[:, None]
    cells = np.column_stack([enlarged, np.floor(translation / options.vote_cell)]).astype(np.int64)
    cells -= cells.min(axis=0)
    across, down = cells.max(axis=0)[1:] + 1
    numbers = (cells[:, 0] * across + cells[:, 1]) * down + cells[:, 2]
    kinds, cell = np.unique(numbers, return_inverse=True)
    # A keypoint with many similar ones counts little; otherwise a page of text would outvote the part of it
    # that is shared.
    votes = np.bincount(cell, weights=1.0 / np.bincount(pairs[:, 0])[pairs[:, 0]])
    fullest = kinds[np.argsort(-votes, kind="stable")[: options.vote_tries]]
    kinds = np.column_stack([fullest // (across * down), fullest // down % across, fullest % down])
    best: _Fit | None = None
    for kind in kinds:
        members = pairs[np.abs(cells - kind).max(axis=1) <= 1]
        # RANSAC finds no more inliers than pairs at distinct places; of equal fits the first counts.
        if best is None or best.matrix is None or _most_inliers(members, near, options) > best.inliers:
            fit = _robust(Configuration.AFFINE, near, members, options)
            if best is None or fit.rank > best.rank:
                best = fit
    assert best is not None
    return _registered(best, near, options)


def is_same_transform(
    one: Geometry, other: Geometry, *, options: GeometryOptions = DEFAULTS.geometry
) -> bool:
    """Whether both carry the query to the same place, or neither has a transform."""
    if one.matrix is None or other.matrix is None:
        return one.matrix is None
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], float)
    ends = [carried[:, :2] / carried[:, 2:] for carried in (corners @ one.matrix.T, corners @ other.matrix.T)]
    extent = max(1.0, float(np.ptp(ends[1], axis=0).max()))
    return bool(np.abs(ends[0] - ends[1]).max() <= options.same_transform * extent)


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """The result of RANSAC."""

    configuration: Configuration
    #: Frame to frame, shape (3, 3).
    matrix: NDArray[np.float64] | None
    inliers: int

    @property
    def rank(self) -> tuple[bool, int]:
        """Return the place among other fits; the larger, the better."""
        return self.matrix is not None, self.inliers


def _most_inliers(pairs: NDArray[np.int64], near: Neighbours, options: GeometryOptions) -> int:
    """The number of inliers if all pairs agreed."""
    source, target = near.query.keypoints[pairs[:, 0], :2], near.reference.keypoints[pairs[:, 1], :2]
    return min(_distinct(source, options), _distinct(target, options))


def _robust(
    configuration: Configuration, near: Neighbours, pairs: NDArray[np.int64], options: GeometryOptions
) -> _Fit:
    """The transform of this kind that most of the pairs agree on, if it is one that an edit can make."""
    affine = configuration is Configuration.AFFINE
    minimum = options.minimum_inliers if affine else options.minimum_inliers_homography
    if len(pairs) < minimum:
        return _Fit(Configuration.NO_GEOMETRY, None, 0)
    if len(pairs) > options.ransac_pairs:
        # Those of the first keypoints, which are spread over the picture.
        pairs = pairs[np.argsort(pairs[:, 0], kind="stable")[: options.ransac_pairs]]
    source, target = near.query.keypoints[pairs[:, 0], :2], near.reference.keypoints[pairs[:, 1], :2]
    estimate = cv2.estimateAffine2D if affine else cv2.findHomography
    matrix, mask = estimate(
        source,
        target,
        method=cv2.RANSAC if affine else cv2.USAC_ACCURATE,
        ransacReprojThreshold=options.reprojection_error,
        maxIters=options.ransac_iterations,
        confidence=options.ransac_confidence,
    )
    if matrix is None or mask is None or not np.isfinite(matrix).all():
        return _Fit(Configuration.NO_GEOMETRY, None, 0)
    inside = mask.ravel().astype(bool)
    inliers = min(_distinct(source[inside], options), _distinct(target[inside], options))
    if inliers < minimum:
        return _Fit(Configuration.NO_GEOMETRY, None, inliers)
    full = np.asarray(np.vstack([matrix, [0, 0, 1]]) if affine else matrix, np.float64)
    if not _plausible(full, near.query, options):
        return _Fit(Configuration.DEGENERATE, None, inliers)
    return _Fit(configuration, full, inliers)


def _registered(fit: _Fit, near: Neighbours, options: GeometryOptions) -> Geometry:
    if fit.matrix is None:
        return Geometry(configuration=fit.configuration, inliers=fit.inliers)
    found = register(
        near.query,
        near.reference,
        fit.matrix,
        perspective=fit.configuration is Configuration.HOMOGRAPHY,
        options=options.registration,
    )
    if (
        found is None
        or found.explained < options.minimum_explained
        or not _plausible(found.matrix, near.query, options)
    ):
        return Geometry(configuration=Configuration.NO_GEOMETRY, inliers=fit.inliers)
    return _geometry(fit.configuration, found, near.query, near.reference, options)


def _geometry(
    configuration: Configuration,
    found: Registration,
    query: LocalFeatures,
    reference: LocalFeatures,
    options: GeometryOptions,
) -> Geometry:
    """The registration in unit coordinates."""
    source, target = query.keypoints[found.pairs[:, 0], :2], reference.keypoints[found.pairs[:, 1], :2]
    from_unit = np.diag([query.frame_width, query.frame_height, 1.0])
    to_unit = np.diag([1 / reference.frame_width, 1 / reference.frame_height, 1.0])
    matrix = to_unit @ found.matrix @ from_unit
    scale_q = np.array([query.frame_width, query.frame_height], np.float32)
    scale_r = np.array([reference.frame_width, reference.frame_height], np.float32)
    return Geometry(
        configuration=configuration,
        matrix=matrix / matrix[2, 2],
        inliers=min(_distinct(source, options), _distinct(target, options)),
        explained=found.explained,
        points_query=source / scale_q,
        points_reference=target / scale_r,
    )


def _distinct(points: NDArray[np.float32], options: GeometryOptions) -> int:
    """The number of cells in which these points lie."""
    cells = np.floor(points / options.cell).astype(np.int64)
    numbers = cells[:, 0] << 32 ^ cells[:, 1] & 0xFFFFFFFF
    numbers.sort()
    return min(1, len(numbers)) + int(np.count_nonzero(numbers[1:] != numbers[:-1]))


def _plausible(matrix: NDArray[np.float64], query: LocalFeatures, options: GeometryOptions) -> bool:
    """Whether an edit can make this transform: no flip, no collapse, no strong shear, at the corners of the
    picture too.
    """
    width, height = query.frame_width, query.frame_height
    points = np.array(
        [(width / 2, height / 2, 1), (0, 0, 1), (width, 0, 1), (width, height, 1), (0, height, 1)]
    )
    ends = points @ matrix.T
    if (ends[:, 2] <= 1e-6).any():
        return False
    # Jacobian of the transform at each point; constant for an affine one.
    projected = ends[:, :2] / ends[:, 2:]
    local = (matrix[:2, :2] - projected[:, :, None] * matrix[2, :2]) / ends[:, 2, None, None]
    values = np.linalg.svd(local, compute_uv=False)
    largest, smallest = values[:, 0], values[:, 1]
    in_scale = (largest <= options.maximum_scale) & (smallest >= 1 / options.maximum_scale)
    in_shape = (np.linalg.det(local) > 0) & (largest <= options.maximum_stretch * smallest)
    return bool((in_scale & in_shape).all())
