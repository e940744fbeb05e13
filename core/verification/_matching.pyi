"""Types of the kernels in _matching.c."""

import numpy as np
from numpy.typing import NDArray

def compare(
    query: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    places: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    best: NDArray[np.int64],
    bits: NDArray[np.uint8],
    second: NDArray[np.uint8],
    back: NDArray[np.int64],
    back_bits: NDArray[np.uint8],
    alike: NDArray[np.int64],
    alike_bits: int,
    same_place: float,
    /,
) -> None:
    """Compare descriptors u8[n, 32] of the query's keypoints `rows` with those, u8[m, 32], of the reference's
    keypoints `columns`, which lie at `places` (m, 2).

    Writes for each row: the number of the nearest column (the first of equal ones), its distance, the least
    distance at another place, and the number of columns within `alike_bits`; all shape (n,). Writes for each
    column that a row comes nearer to than `back_bits` the row and its distance; shape (m,).
    """

def alike(
    query: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    pairs: NDArray[np.int64],
    alike_bits: int,
    done: int,
    /,
) -> int:
    """Write the pairs of rows and columns within `alike_bits`, row by row, into `pairs` (k, 2) from entry
    `done` on, and return where they end. Raises ValueError when they do not fit.
    """
