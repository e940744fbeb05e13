"""Plane transforms: as nine numbers in a record, and as a matrix that is computed with.

A transform carries points of one picture onto another, as an affine transform or a homography. Records hold
its nine numbers row by row; everything else works on a matrix of shape (3, 3), float64.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def as_matrix(values: Sequence[float]) -> NDArray[np.float64]:
    """Return nine row-major numbers as a matrix, shape (3, 3).

    Raises ValueError when there are not nine of them.
    """
    return np.array(values, np.float64).reshape(3, 3)


def flatten(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    """Return a matrix (3, 3) as nine row-major numbers."""
    return tuple(matrix.ravel().tolist())


def inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the transform back, shape (3, 3). Raises numpy's LinAlgError for a singular matrix."""
    return np.asarray(np.linalg.inv(matrix), np.float64)


def transformed(
    points: NDArray[np.float32] | NDArray[np.float64], matrix: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return where `matrix` (3, 3) carries points (n, 2), shape (n, 2)."""
    ends = points @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(ends[:, :2] / ends[:, 2:])


def carried(
    box: tuple[float, float, float, float], matrix: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    """Return the upright box around the place to which `matrix` (3, 3) carries a box (left, top, right,
    bottom), cut off at the unit square and rounded to four digits.
    """
    left, top, right, bottom = box
    corners = transformed(np.array([[left, top], [right, top], [right, bottom], [left, bottom]]), matrix)
    x0, y0, x1, y1 = np.clip([*corners.min(axis=0), *corners.max(axis=0)], 0, 1).round(4).tolist()
    return x0, y0, x1, y1
