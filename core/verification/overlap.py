"""How much of each picture a transform aligns with the other: areas of clipped polygons in unit coordinates.

Sutherland and Hodgman's clipping (CACM 1974) against the unit square. OpenCV's intersectConvexConvex is not
used: where edges coincide, as they do under every transform of a whole picture, it returned a wrong area in
half of 2,000 trials with a noise of 1e-6.
"""

import numpy as np
from numpy.typing import NDArray

from ..transforms import inverse

_CORNERS = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], float)
#: Axis, sign and bound of the half-planes whose intersection is the unit square: sign * coordinate >= bound.
_SIDES = ((0, 1.0, 0.0), (0, -1.0, -1.0), (1, 1.0, 0.0), (1, -1.0, -1.0))


def shared_region(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part of the target's unit square that `matrix` (3, 3) carries the source's unit square onto:
    a polygon's corners in order, shape (n, 2). It is empty when they do not meet.
    """
    ends = _CORNERS @ (matrix / matrix[2, 2]).T
    if not np.isfinite(ends).all() or (ends[:, 2] <= 0).any():
        return np.empty((0, 2))
    polygon = list(ends[:, :2] / ends[:, 2:])
    for axis, sign, bound in _SIDES:
        depths = [sign * point[axis] - bound for point in polygon]
        clipped = []
        for here, depth, before, depth_before in zip(
            polygon, depths, polygon[-1:] + polygon[:-1], depths[-1:] + depths[:-1], strict=True
        ):
            if (depth >= 0) != (depth_before >= 0):
                clipped.append(before + (here - before) * depth_before / (depth_before - depth))
            if depth >= 0:
                clipped.append(here)
        polygon = clipped
    return np.array(polygon).reshape(-1, 2)


def area(polygon: NDArray[np.float64]) -> float:
    """Return the area of a polygon (n, 2) by the shoelace formula; 0 for fewer than three corners."""
    x, y = polygon[:, 0], polygon[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2) if len(polygon) > 2 else 0.0


def covered_shares(matrix: NDArray[np.float64]) -> tuple[float, float]:
    """Return the shares of the query's and of the reference's area that lie in the overlap, each 0 to 1.

    `matrix` (3, 3) carries the query onto the reference in unit coordinates.
    """
    back = inverse(matrix)
    return min(1.0, area(shared_region(back))), min(1.0, area(shared_region(matrix)))
