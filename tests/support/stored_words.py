"""Visual words as a store has them, read back: what a query with a stored picture asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from douglas_quaid.features.local import FINEST, LEVELS_PER_OCTAVE, PATCH
from douglas_quaid.index.arrangement import ANGLES
from douglas_quaid.index.words import BYTES_PER_DESCRIPTOR, WordKeypoints, split_column

from .plain_arrangement import parts_of


def restore_keypoints(quantised: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return keypoints (n, 4) in the middle of what `quantise_keypoints` rounded to one value."""
    x, y, level, angle = parts_of(quantised)
    size = PATCH * 2.0 ** ((level - FINEST) / LEVELS_PER_OCTAVE)
    return np.column_stack([x, y, size, angle * (360 / ANGLES)]).astype(np.float32)


def stored_words(column: bytes) -> WordKeypoints:
    """Return what `WordKeypoints.column` wrote; keypoints are rounded."""
    sampled, quantised = split_column(np.frombuffer(column, np.uint8).reshape(-1, BYTES_PER_DESCRIPTOR))
    return WordKeypoints(sampled, restore_keypoints(quantised))
