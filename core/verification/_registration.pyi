"""Types of the kernels in _registration.c."""

import numpy as np
from numpy.typing import NDArray

def similar(
    points: NDArray[np.float64],
    places: NDArray[np.float64],
    angles: NDArray[np.float32],
    place_angles: NDArray[np.float32],
    descriptors: NDArray[np.uint8],
    place_descriptors: NDArray[np.uint8],
    inside: NDArray[np.int64],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
    order: NDArray[np.int64],
    pairs: NDArray[np.int64],
    bits: NDArray[np.int64],
    radius: float,
    rotation: float,
    maximum_rotation: float,
    maximum_bits: int,
    /,
) -> int:
    """Write the `pairs` (k, 2) of a point and a place within `radius` on both axes whose angles and
    descriptors fit, and the differing bits of each (k,); return their number. Raises ValueError when there
    are more than k.

    The places around point `inside[i]` (c,) are `order[firsts[r, i]:lasts[r, i]]` for the rows of cells r of
    0 to 2; pairs come row by row, point by point, place by place.
    """

def first_of_both(
    pairs: NDArray[np.int64],
    first: NDArray[np.bool_],
    one: NDArray[np.bool_],
    other: NDArray[np.bool_],
    /,
) -> None:
    """Write into `first` (k,) which `pairs` (k, 2) are the first of both their keypoints. `one` and `other`
    have an entry, False at first, for each keypoint.
    """
