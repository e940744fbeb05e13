"""The pixels of two aligned pictures: transforms between unit coordinates and pixels, in which the centre of
the upper left pixel is (0, 0), and which pixels count.
"""

from typing import Any

import cv2
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


def eroded(inside: NDArray[np.bool_], rim: int) -> NDArray[np.bool_]:
    """Return what counts, bool[h, w], without its outermost `rim` pixels, where the overlap is not exact and
    what lies next to it, such as a border, is mixed in.
    """
    kernel = np.ones((1 + 2 * rim, 1 + 2 * rim), np.uint8)
    eroded = cv2.erode(inside.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=[0])
    return np.asarray(eroded > 0, bool)
