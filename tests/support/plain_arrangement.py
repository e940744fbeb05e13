"""Votes by arrangement in numpy: the oracle of core/index/_arrangement.c."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from douglas_quaid.features.local import LEVELS_PER_OCTAVE
from douglas_quaid.index.arrangement import ACROSS, ANGLES, DOWN, GRAIN, LEVELS, _angles, _levels
from douglas_quaid.index.options import DEFAULTS, IndexOptions


def plain_fullest_cells(
    keypoints: NDArray[np.float32],
    weights: NDArray[np.float64],
    images: NDArray[np.int64],
    slots: NDArray[np.int64],
    quantised: NDArray[np.uint16],
    count: int,
    *,
    options: IndexOptions = DEFAULTS,
) -> NDArray[np.float64]:
    """Return the votes of the fullest cell of each of `count` images, shape (count,).

    `keypoints` (q, 4) are the query's, `weights` (q, s) the weights of each one's words, descending. Pair p
    belongs to the image `images[p]`; it is a pair of the query's keypoint `slots[p]` // s, by its word
    `slots[p]` % s, and the image's keypoint `quantised[p]`.

    In a cell each keypoint of the query votes once, with the heaviest of its words there. The heaviest vote
    does not count, because one keypoint is not an arrangement: a word that only two pictures have by chance
    would outweigh a page. Measured (2026-11, 6,511 images, 164 hard queries): the correct match is among the
    first 8 in 96.3 % (95.7 % if it counts), and has 25 times the votes of unrelated images at the median (8
    times), 6 times in four of five (2.5 times).
    """
    best = np.zeros(count)
    if not len(images):
        return best
    per_keypoint, cell = weights.shape[1], options.cell
    cells_across, cells_down = ACROSS * GRAIN // cell, DOWN * GRAIN // cell
    own = slots // per_keypoint
    x, y, level, angle = parts_of(quantised)
    levels = level - _levels(keypoints)[own]
    rotation = (angle - _angles(keypoints)[own]) % ANGLES
    # The query's keypoint at (a, b) comes to (x, y) by this rotation and scale, and then by this translation.
    kind = (levels + LEVELS - 1) * ANGLES + rotation
    every = np.arange((2 * LEVELS - 1) * ANGLES)
    scale = 2.0 ** ((every // ANGLES - LEVELS + 1) / LEVELS_PER_OCTAVE)
    radians = np.deg2rad(every % ANGLES * (360 / ANGLES))
    cosine = (scale * np.cos(radians)).astype(np.float32)[kind]
    sine = (scale * np.sin(radians)).astype(np.float32)[kind]
    a, b = keypoints[:, 0][own], keypoints[:, 1][own]
    move_x, move_y = (x - cosine * a + sine * b) / cell, (y - sine * a - cosine * b) / cell
    arrangement = images * len(every) + kind
    # A second grid lies half a cell beside the first.
    for offset in (np.float32(0), np.float32(0.5)):
        column = np.floor(move_x + offset).astype(np.int64) % cells_across
        row = np.floor(move_y + offset).astype(np.int64) % cells_down
        # One sort brings together the pairs of a cell, in it those of a keypoint, and of these the heaviest
        # first.
        keys = ((arrangement * cells_across + column) * cells_down + row) * weights.size + slots
        keys.sort()
        votes = keys // per_keypoint
        first = np.flatnonzero(np.diff(votes, prepend=-1))
        cells = votes[first] // len(weights)
        starts = np.flatnonzero(np.diff(cells, prepend=-1))
        heaviest = weights.ravel()[keys[first] % weights.size]
        sums = np.add.reduceat(heaviest, starts) - np.maximum.reduceat(heaviest, starts)
        np.maximum.at(best, cells[starts] // (len(every) * cells_across * cells_down), sums)
    return best


def parts_of(
    quantised: NDArray[np.uint16],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Return what `quantise_keypoints` put into 16 bits each: x and y in frame pixels, in the middle of their
    grain; level below the finest; angle of ANGLES.
    """
    rest, x = np.divmod(quantised.astype(np.int64), ACROSS)
    rest, y = np.divmod(rest, DOWN)
    angle, level = np.divmod(rest, LEVELS)
    middle = np.float32(GRAIN / 2)
    return x.astype(np.float32) * GRAIN + middle, y.astype(np.float32) * GRAIN + middle, level, angle % ANGLES
