"""The choice of keypoints in numpy, as it was before it was a kernel: the oracle of test_kernels.py."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from douglas_quaid.features.local import LONGEST_SIDE


def plain_spread(
    places: NDArray[np.int64], response: NDArray[np.float64], cell: int, region: int
) -> NDArray[np.int64]:
    """The order in which keypoints are taken."""
    rank = np.empty(len(places), np.int64)
    rank[np.lexsort((-response, _ranks(places // cell, -response)))] = np.arange(len(places))
    return np.lexsort((rank, _ranks(places // region, rank)))


def _ranks(
    cells: NDArray[np.int64], order_by: NDArray[np.floating] | NDArray[np.integer]
) -> NDArray[np.int64]:
    """For each row of `cells` (n, 2): how many others of its cell have a smaller `order_by` (n,)."""
    number = cells[:, 1] * LONGEST_SIDE + cells[:, 0]
    order = np.lexsort((order_by, number))
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return ranks
