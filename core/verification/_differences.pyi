"""Types of the kernel in _differences.c."""

import numpy as np
from numpy.typing import NDArray

def compare(
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    inside: NDArray[np.bool_],
    counted: NDArray[np.float32],
    correlation: NDArray[np.float32],
    held: NDArray[np.float32],
    strength: NDArray[np.float32],
    other_strength: NDArray[np.float32],
    side: int,
    /,
) -> None:
    """Compare whole blocks of two pictures that have one pixel more on each side, f32[h, w].

    Writes for each block, shape (rows, columns): the share of its pixels inside; of what is left without the
    means of rows and columns, the largest correlation at any shift of a pixel; the largest share of the
    structure of the weaker side that the other has, too; and the deviation of both.
    """
