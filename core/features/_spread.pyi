"""Types of the kernel in _spread.c."""

import numpy as np
from numpy.typing import NDArray

def spread(
    places: NDArray[np.int64],
    responses: NDArray[np.float64],
    order: NDArray[np.int64],
    cell: int,
    region: int,
    row: int,
    /,
) -> None:
    """Write the order in which keypoints at places x, y (n, 2), below `row`, are taken into `order` (n,): the
    best of each region, then the second best of each. In a region the strongest of each cell come first, then
    the second strongest of each; of equals the earlier one. Cells and regions are squares of so many pixels.
    """
