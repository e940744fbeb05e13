"""Registration and edges in numpy: the oracles of core/verification/_registration.c and _edges.c."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from douglas_quaid.records import LocalFeatures
from douglas_quaid.transforms import transformed
from douglas_quaid.verification.options import DEFAULTS, EdgeOptions, RegistrationOptions

#: Number of rows that are compared at a time. chosen.
ROWS = 2_048


def plain_similar_at_place(
    query: LocalFeatures,
    reference: LocalFeatures,
    matrix: NDArray[np.float64],
    options: RegistrationOptions,
) -> NDArray[np.int64]:
    """Pairs of similar keypoints of which one lies near the place that the transform predicts for the other,
    with the predicted rotation and size; the most similar first.
    """
    predicted, places = transformed(query.keypoints[:, :2], matrix), reference.keypoints[:, :2]
    rows, columns = _close(
        predicted, places.astype(np.float64), options.radii[0], maximum=options.maximum_close
    )
    a, b = query.keypoints[rows], reference.keypoints[columns]
    scale = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    rotation = np.degrees(np.arctan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1]))
    rotated = np.abs((b[:, 3] - a[:, 3] - rotation + 180) % 360 - 180)
    fits = (rotated <= options.maximum_rotation) & (
        np.abs(np.log2(b[:, 2] / (a[:, 2] * scale))) <= options.maximum_octaves
    )
    rows, columns = rows[fits], columns[fits]
    words = query.descriptors.view(np.uint64)[rows] ^ reference.descriptors.view(np.uint64)[columns]
    bits = np.bitwise_count(words).sum(axis=1)
    order = np.argsort(bits, kind="stable")
    order = order[: np.searchsorted(bits[order], options.maximum_bits, side="right")]
    return np.stack([rows[order], columns[order]], axis=1)


def plain_one_each(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pairs that are the first of both their keypoints."""
    first = [np.zeros(len(pairs), bool), np.zeros(len(pairs), bool)]
    for side in (0, 1):
        first[side][np.unique(pairs[:, side], return_index=True)[1]] = True
    return pairs[first[0] & first[1]]


def _close(
    points: NDArray[np.float64], places: NDArray[np.float64], radius: float, *, maximum: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Numbers of all points and places within `radius` of each other on both axes, found in a grid of cells
    of that side; of the first points only, where the cells around them hold more than `maximum` places.
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
    at = (own[inside, 1] + np.array([[-1], [0], [1]])) * width + own[inside, 0]
    firsts, lasts = np.searchsorted(numbers, at - 1), np.searchsorted(numbers, at + 1, side="right")
    if maximum is not None:
        count = np.searchsorted((lasts - firsts).sum(axis=0).cumsum(), maximum, side="right")
        inside, firsts, lasts = inside[:count], firsts[:, :count], lasts[:, :count]
    rows, columns = [], []
    for first, last in zip(firsts, lasts, strict=True):
        counts = last - first
        starts = np.repeat(first - np.cumsum(counts) + counts, counts)
        rows.append(np.repeat(inside, counts))
        columns.append(order[starts + np.arange(len(starts))])
    row, column = np.concatenate(rows), np.concatenate(columns)
    near = (np.abs(points[row] - places[column]) <= radius).all(axis=1)
    return row[near], column[near]


def plain_edges_contained(
    one: NDArray[np.uint8],
    other: NDArray[np.uint8],
    inside: NDArray[np.bool_],
    *,
    options: EdgeOptions = DEFAULTS.agreement.edges,
) -> float:
    """Return the larger of the two shares of edges that the other picture has too, 0 to 1.

    `one` and `other`, u8[h, w], are blurred alike; `inside`, bool[h, w], says where they overlap.
    """
    counts = [
        _counts(one, other, inside, slice(top, top + ROWS), options) for top in range(0, len(one), ROWS)
    ]
    found = np.sum(counts, axis=0)
    return max(int(both) / max(options.minimum_pixels, int(edges)) for edges, both in found)


def _counts(
    one: NDArray[np.uint8],
    other: NDArray[np.uint8],
    inside: NDArray[np.bool_],
    rows: slice,
    options: EdgeOptions,
) -> list[tuple[int, int]]:
    """For each picture the pixels on its edges in these rows, and those of them that are on the other's."""
    # A gradient needs the row above and the row below.
    first = max(0, rows.start - 1)
    around, within = slice(first, rows.stop + 1), slice(rows.start - first, rows.stop - first)
    (x, y, strength), (u, v, other_strength) = (
        [part[within] for part in _gradients(picture[around])] for picture in (one, other)
    )
    same = x * u + y * v > options.minimum_cosine * strength * other_strength
    counts = []
    for own, there in ((strength, other_strength), (other_strength, strength)):
        edges = (own > options.minimum_gradient) & inside[rows]
        found = edges & same & (there > options.minimum_strength * own)
        counts.append((int(edges.sum()), int(found.sum())))
    return counts


def _gradients(
    picture: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Gradient across, gradient down, and its length."""
    across, down = (
        np.asarray(cv2.Sobel(picture, cv2.CV_32F, *order), np.float32) for order in ((1, 0), (0, 1))
    )
    return across, down, np.asarray(np.hypot(across, down), np.float32)
