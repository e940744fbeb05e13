"""A first map between two pictures made exact: correspondences looked for where it predicts them, then fitted
again.

Takes keypoints and a rough map in frame pixels, gives the refined map, its inliers, and how much of the
keypoints it explains. Near its place a keypoint need not be unmistakable, so repeated text counts too: that
gives several times the inliers of a ratio test.

What a map explains tells it from one by chance. Measured (2026-11): the edits of 38 screenshots under which
content agrees explain 0.1 or more, at the median 0.45 (turned by 45 degrees) to 0.83 (darkened); of 1,490
maps between pages of one documentation the median is 0.08, the 95th percentile 0.33, and those above 0.6
differ in a few words.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import LocalFeatures

#: Frame pixels around the predicted place, one round each. chosen: a first map from five inliers is off by
#: less than the first, and the last is RANSAC's tolerance. Measured: looking for pairs once, within the
#: first, costs half of looking in every round and finds the same.
RADII = (12.0, 6.0, 4.0)
#: Distance within which a keypoint at the predicted place is the one. chosen: strangers are 128 bits apart,
#: give or take 20.
BITS = 64
#: Degrees by which it may be turned against the map. chosen: as matching.py's window.
TURN = 25.0
#: Octaves by which its size may differ from the map's. chosen: not quite two levels of features/local.py.
OCTAVES = 0.6
#: Frame pixels of the correspondences' spread across their longest axis below which a map may only shift,
#: turn and enlarge: one line of text does not tell how the rest is sheared. measured (2026-11): under four
#: edits of a page with one line content agrees in 100 % of its blocks and not in 17 to 33 %; pages with more
#: are as they were.
NARROW = 24.0
#: Determinant of a map that leaves no area, and has no way back. chosen: a thousandth along either axis.
SINGULAR = 1e-6
#: Correspondences that any affine map has. spec: three points determine one.
TIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    #: Query to reference in frame pixels, shape (3, 3).
    matrix: NDArray[np.float64]
    #: Numbers of keypoints that correspond under it, query first, shape (n, 2).
    pairs: NDArray[np.int64]
    #: Share of the keypoints that lie in the overlap and should be found which are, of the picture that has
    #: more, 0 to 1.
    explained: float


def register(
    query: LocalFeatures, reference: LocalFeatures, matrix: NDArray[np.float64], *, perspective: bool = False
) -> Registration | None:
    """Refine `matrix` (3, 3); None when hardly anything lies where it says."""
    likely = _similar_at_place(query, reference, matrix)
    places = reference.keypoints[likely[:, 1], :2]
    for radius in RADII:
        away = np.abs(_mapped(query.keypoints[likely[:, 0], :2], matrix) - places).max(axis=1)
        pairs = _one_each(likely[away <= radius])
        if len(pairs) < TIES + 2:
            return None
        fitted = _fitted(query.keypoints[pairs[:, 0], :2], reference.keypoints[pairs[:, 1], :2], perspective)
        if fitted is None or abs(np.linalg.det(fitted)) < SINGULAR:
            return None
        matrix = fitted
    return Registration(matrix, pairs, _explained(query, reference, matrix, pairs))


def _fitted(
    source: NDArray[np.float32], target: NDArray[np.float32], perspective: bool
) -> NDArray[np.float64] | None:
    if perspective:
        matrix, _ = cv2.findHomography(source, target, 0)
        return None if matrix is None or not np.isfinite(matrix).all() else np.asarray(matrix, np.float64)
    middle = source.mean(axis=0)
    if np.linalg.svd(source - middle, compute_uv=False)[1] < NARROW * np.sqrt(len(source)):
        return _similarity(source, target)
    design = np.column_stack([source - middle, np.ones(len(source))]).astype(np.float64)
    solution, _, rank, _ = np.linalg.lstsq(design, target.astype(np.float64), rcond=1e-6)
    if rank < 3:
        return None
    matrix = np.eye(3)
    matrix[:2, :2] = solution[:2].T
    matrix[:2, 2] = solution[2] - matrix[:2, :2] @ middle
    return matrix


def _similarity(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float64]:
    """The least-squares map that only shifts, turns and enlarges (Umeyama, PAMI 1991), in complex numbers."""
    (x, y), (u, v) = source.astype(np.float64).T, target.astype(np.float64).T
    one, other = x - x.mean() + 1j * (y - y.mean()), u - u.mean() + 1j * (v - v.mean())
    factor = np.vdot(one, other) / max(float(np.vdot(one, one).real), 1e-9)
    matrix = np.array([[factor.real, -factor.imag, 0], [factor.imag, factor.real, 0], [0, 0, 1]])
    matrix[:2, 2] = np.array([u.mean(), v.mean()]) - matrix[:2, :2] @ np.array([x.mean(), y.mean()])
    return matrix


def _mapped(points: NDArray[np.float32], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    ends = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(ends[:, :2] / ends[:, 2:])


def _similar_at_place(
    query: LocalFeatures, reference: LocalFeatures, matrix: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Pairs of similar keypoints of which the one lies near where the map has the other, turned and enlarged
    as it says; the most similar first.
    """
    rows, columns = _close(
        _mapped(query.keypoints[:, :2], matrix), reference.keypoints[:, :2].astype(np.float64), RADII[0]
    )
    a, b = query.keypoints[rows], reference.keypoints[columns]
    scale = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    turn = np.degrees(np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1]))
    fits = (np.abs((b[:, 3] - a[:, 3] - turn + 180) % 360 - 180) <= TURN) & (
        np.abs(np.log2(b[:, 2] / (a[:, 2] * scale))) <= OCTAVES
    )
    rows, columns = rows[fits], columns[fits]
    words = query.descriptors.view(np.uint64)[rows] ^ reference.descriptors.view(np.uint64)[columns]
    bits = np.bitwise_count(words).sum(axis=1)
    order = np.argsort(bits, kind="stable")
    order = order[: np.searchsorted(bits[order], BITS, side="right")]
    return np.stack([rows[order], columns[order]], axis=1)


def _one_each(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those pairs of both of whose keypoints they are the first."""
    first = [np.zeros(len(pairs), bool), np.zeros(len(pairs), bool)]
    for side in (0, 1):
        first[side][np.unique(pairs[:, side], return_index=True)[1]] = True
    return pairs[first[0] & first[1]]


def _close(
    points: NDArray[np.float64], places: NDArray[np.float64], radius: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of all points and places that lie within `radius` of each other: looked up in a grid of that
    cell.
    """
    cells = np.floor(places / radius).astype(np.int64) + 1
    width = int(cells[:, 0].max()) + 3
    numbers = cells[:, 1] * width + cells[:, 0]
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    height = int(cells[:, 1].max()) + 2
    bounded = np.clip(np.nan_to_num(points / radius, nan=-9.0), -9.0, max(width, height) + 9.0)
    own = np.floor(bounded).astype(np.int64) + 1
    inside = np.flatnonzero((own >= 0).all(axis=1) & (own[:, 0] < width) & (own[:, 1] <= height))
    rows, columns = [], []
    for down in (-1, 0, 1):
        at = (own[inside, 1] + down) * width + own[inside, 0]
        first, last = np.searchsorted(numbers, at - 1), np.searchsorted(numbers, at + 1, side="right")
        counts = last - first
        starts = np.repeat(first - np.cumsum(counts) + counts, counts)
        rows.append(np.repeat(inside, counts))
        columns.append(order[starts + np.arange(len(starts))])
    row, column = np.concatenate(rows), np.concatenate(columns)
    near = (np.abs(points[row] - places[column]) <= radius).all(axis=1)
    return row[near], column[near]


def _explained(
    query: LocalFeatures, reference: LocalFeatures, matrix: NDArray[np.float64], pairs: NDArray[np.int64]
) -> float:
    scale = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    back = np.asarray(np.linalg.inv(matrix), np.float64)
    shares = []
    for side, one, other, there, enlarged in (
        (0, query, reference, matrix, scale),
        (1, reference, query, back, 1 / scale),
    ):
        places, sizes = _mapped(one.keypoints[:, :2], there), one.keypoints[:, 2] * enlarged
        smallest, largest = other.keypoints[:, 2].min() * 0.9, other.keypoints[:, 2].max() * 1.1
        seen = (places > 16).all(axis=1) & (places < (other.frame_width - 16, other.frame_height - 16)).all(
            axis=1
        )
        seen &= (sizes >= smallest) & (sizes <= largest)
        found = len(np.unique(pairs[:, side]))
        shares.append(max(0, found - TIES) / max(int(seen.sum()), found, 1))
    return float(min(1.0, max(shares)))
