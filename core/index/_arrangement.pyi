"""Types of the kernel in _arrangement.c."""

import numpy as np
from numpy.typing import NDArray

def fullest(
    keypoints: NDArray[np.float32],
    levels: NDArray[np.int64],
    angles: NDArray[np.int64],
    cosine: NDArray[np.float32],
    sine: NDArray[np.float32],
    weights: NDArray[np.float64],
    images: NDArray[np.int64],
    slots: NDArray[np.int64],
    quantised: NDArray[np.uint16],
    best: NDArray[np.float64],
    cell: int,
    cells_across: int,
    cells_down: int,
    level_count: int,
    angle_count: int,
    across: int,
    down: int,
    grain: int,
    /,
) -> None:
    """Raise `best` (n,) to the votes of the fullest cell of each image, as `arrangement.fullest_cells` says.

    The query has `keypoints` (q, 4), each with its level and angle (q,), and `weights` (q, s). `cosine` and
    `sine` (k,) are those of each kind of arrangement, times its scale.
    """
