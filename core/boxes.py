"""Upright boxes in unit coordinates, and points in masks."""

import numpy as np
from numpy.typing import NDArray

from .records import Box


def box_of(points: NDArray[np.float32]) -> Box:
    """Return the smallest upright box around points (n, 2) in unit coordinates, n at least 1."""
    (left, top), (right, bottom) = np.clip([points.min(axis=0), points.max(axis=0)], 0, 1).tolist()
    return left, top, right, bottom


def area(box: Box) -> float:
    """Return the area of a box, 0 where it is empty."""
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def intersection(one: Box, other: Box) -> Box:
    """Return the box that two boxes share; its area is 0 where they share none."""
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def intersection_over_union(one: Box, other: Box) -> float:
    """Return the area that two boxes share over the area of both, 0 to 1."""
    shared = area(intersection(one, other))
    return shared / max(area(one) + area(other) - shared, 1e-9)


def share_inside(part: Box, box: Box) -> float:
    """Return the share of a part's area that lies in a box, 0 to 1."""
    return area(intersection(part, box)) / max(area(part), 1e-9)


def inside(mask: NDArray[np.bool_], points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return for each point (n, 2) in unit coordinates whether the mask is set there, shape (n,)."""
    return np.asarray(mask[tuple(pixels(points, mask.shape))])


def pixels(points: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Return row and column of each point (n, 2) in a picture of `shape`, shape (2, n)."""
    size = np.array(shape[1::-1])
    return np.asarray(np.clip(np.floor(points * size), 0, size - 1).astype(np.int64).T[::-1])
