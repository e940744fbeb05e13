"""Types of the kernel in _edges.c."""

import numpy as np
from numpy.typing import NDArray

def count(
    one: NDArray[np.uint8],
    other: NDArray[np.uint8],
    inside: NDArray[np.bool_],
    minimum_gradient: float,
    minimum_cosine: float,
    minimum_strength: float,
    /,
) -> tuple[tuple[int, int], tuple[int, int]]:
    """For each of two pictures (h, w) the number of pixels on its edges, and of those that are on the
    other's.
    """
