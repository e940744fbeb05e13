"""Types of the kernel in _boxes.c."""

import numpy as np
from numpy.typing import NDArray

def boxes(
    rows: NDArray[np.float32],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    picks: NDArray[np.int64],
    means: NDArray[np.float32],
    /,
) -> None:
    """Write the means of `rows` (n, m) from begins[k] up to ends[k], both ascending, for each column k of
    `picks` (p,), ascending, into `means` (n, p). Sums run along a row: pixels enter, then others leave.
    """
