"""The box filter of PDQ in numpy, as it was before it was a kernel: the oracle of test_kernels.py."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from douglas_quaid.features.pdq import _ends


def plain_boxes(rows: NDArray[np.float32], picks: Sequence[int] | None = None) -> NDArray[np.float32]:
    """A box filter along the rows of f32[n, m], by running sums that pixels enter and leave; all means, or
    those of some columns.
    """
    chosen = slice(None) if picks is None else picks
    begins, ends = _ends(rows.shape[1])
    # For each mean the pixels that enter are added first, then those that leave are subtracted.
    steps = np.empty(begins[-1] + ends[-1], np.int64)
    entering, leaving = np.arange(ends[-1]), np.arange(begins[-1])
    steps[entering + np.append(0, begins)[np.searchsorted(ends, entering, side="right")]] = entering
    subtracted = leaving + ends[np.searchsorted(begins, leaving, side="right")]
    steps[subtracted] = leaving
    signs = np.ones(len(steps), np.float32)
    signs[subtracted] = -1
    sums = rows.take(steps, axis=1)
    sums *= signs
    np.add.accumulate(sums, axis=1, out=sums)
    last, size = begins + ends - 1, (ends - begins).astype(np.float32)
    means = sums.take(last[chosen], axis=1)
    means /= size[chosen]
    return means
