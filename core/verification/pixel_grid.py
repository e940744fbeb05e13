"""Transforms between unit coordinates and pixels, in which the centre of the upper left pixel is (0, 0)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_pixels(
    matrix: NDArray[np.float64], query: NDArray[Any], reference: NDArray[Any]
) -> NDArray[np.float64]:
    """Return `matrix` (3, 3), which carries the query onto the reference in unit coordinates, in pixels of
    the two pictures [h, w].
    """
    from_unit = np.array([[reference.shape[1], 0, -0.5], [0, reference.shape[0], -0.5], [0, 0, 1]], float)
    return np.asarray(from_unit @ matrix @ to_unit(query))


def to_unit(picture: NDArray[Any]) -> NDArray[np.float64]:
    """Return the transform from pixels of a picture [h, w] to its unit coordinates, shape (3, 3)."""
    height, width = picture.shape
    return np.array([[1 / width, 0, 0.5 / width], [0, 1 / height, 0.5 / height], [0, 0, 1]])


def translation(x: float, y: float) -> NDArray[np.float64]:
    """Return the transform that moves by `x` and `y`, shape (3, 3)."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], float)
