"""Postings counted and collected in numpy: the oracle of core/index/_postings.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from douglas_quaid.index.postings import rows_of
from douglas_quaid.index.rows import numbers_in


def plain_votes(
    postings: NDArray[np.uint32],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The weight of each word, once for each row that has it, shape (65,536,)."""
    rows = rows_of(postings.take(numbers_in(starts, lengths)))
    weight = np.repeat(weights, lengths)
    # A word votes once for an image that has it at several keypoints; these postings are adjacent.
    again = np.flatnonzero(rows[1:] == rows[:-1]) + 1
    begins = np.zeros(len(rows) + 1, bool)
    begins[lengths.cumsum() - lengths] = True
    weight[again[~begins[again]]] = 0
    return np.asarray(np.bincount(rows, weights=weight, minlength=1 << 16), np.float64)


def plain_held(
    postings: NDArray[np.uint32],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    number: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint16]]:
    """Number of the row, word and quantised keypoint of the postings whose row has a number."""
    found = postings.take(numbers_in(starts, lengths))
    image = number.take(rows_of(found))
    held = np.flatnonzero(image >= 0)
    words = np.searchsorted(lengths.cumsum(), held, side="right")
    return image[held], words, found[held].astype(np.uint16)
