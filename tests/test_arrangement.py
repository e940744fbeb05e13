"""Votes by arrangement: keypoints in the same arrangement count together, and are counted as by hand."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from support.stored_words import restore_keypoints

from douglas_quaid.features import local
from douglas_quaid.features.local import FINEST, LEVELS_PER_OCTAVE, PATCH
from douglas_quaid.index.arrangement import (
    ACROSS,
    ANGLES,
    DOWN,
    GRAIN,
    LEVELS,
    fullest_cells,
    quantise_keypoints,
)
from douglas_quaid.index.options import DEFAULTS

CELL = DEFAULTS.cell

#: Image, keypoint of the query, keypoint of the image, weight.
Pair = tuple[int, int, Sequence[float], float]


def level(size: float) -> int:
    return round(LEVELS_PER_OCTAVE * math.log2(size / PATCH)) + FINEST


def quantised_angle(angle: float) -> int:
    return int(np.rint(np.float32(angle) * (ANGLES / 360))) % ANGLES


def fullest(keypoints: np.ndarray, pairs: Sequence[Pair], count: int) -> list[float]:
    """By hand: for each image the weight of its fullest cell, in which each keypoint of the query votes once,
    the heaviest left out.
    """
    cells: dict[tuple[float, ...], dict[int, float]] = defaultdict(dict)
    for image, own, (x, y, size, angle), weight in pairs:
        own_x, own_y, own_size, own_angle = map(float, keypoints[own])
        levels, rotations = (
            level(size) - level(own_size),
            (quantised_angle(angle) - quantised_angle(own_angle)) % ANGLES,
        )
        scale, radians = 2 ** (levels / LEVELS_PER_OCTAVE), rotations * math.tau / ANGLES
        along, beside = (
            float(np.float32(scale * math.cos(radians))),
            float(np.float32(scale * math.sin(radians))),
        )
        shift = x - along * own_x + beside * own_y, y - beside * own_x - along * own_y
        for grid in (0.0, 0.5):
            column, row = (math.floor(value / CELL + grid) for value in shift)
            cell = cells[
                image,
                grid,
                levels,
                rotations,
                column % (ACROSS * GRAIN // CELL),
                row % (DOWN * GRAIN // CELL),
            ]
            cell[own] = max(cell.get(own, 0.0), weight)
    best = [0.0] * count
    for (image, *_), votes in cells.items():
        best[int(image)] = max(best[int(image)], sum(votes.values()) - max(votes.values()))
    return best


def test_levels_and_sizes_are_those_of_the_features() -> None:
    grey = np.random.default_rng(3).integers(0, 256, (600, 1280), dtype=np.uint8)
    found = local.extract_local(grey).keypoints
    sizes = {round(PATCH * local.STEP**-exponent, 1) for exponent in range(local.COARSEST, local.FINEST + 1)}
    assert len(sizes) == LEVELS and sizes >= {round(float(size), 1) for size in set(found[:, 2])}


def test_every_quantised_keypoint_fits_and_comes_back() -> None:
    every = np.arange(ANGLES * LEVELS * DOWN * ACROSS).astype(np.uint16)
    assert len(every) <= 1 << 16 and (quantise_keypoints(restore_keypoints(every)) == every).all()


@pytest.mark.parametrize(
    ("keypoint", "quantised"),
    [
        # In the first grain, at the finest level, upright
        ((0, 0, PATCH / 2, 0), 0),
        # One grain to the right; one down; the next level; a sixteenth of a circle
        ((24, 0, PATCH / 2, 0), 1),
        ((0, 24, PATCH / 2, 0), 28),
        ((0, 0, 19.5, 0), 28 * 16),
        ((0, 0, PATCH / 2, 22.5), 28 * 16 * 9),
        # What lies 672 to the right, or 384 below, is at the same place
        ((672, 384, PATCH / 2, 359), 0),
        ((671, 383, 98.4, 337), 64_511),
    ],
)
def test_quantised_keypoints_never_change(keypoint: tuple[float, ...], quantised: int) -> None:
    # What was stored yesterday must meet what is stored tomorrow
    assert quantise_keypoints(np.array([keypoint], np.float32)).tolist() == [quantised]


# Positions that no grid line meets after any rotation, so that rounding cannot decide a cell
POSITIONS = st.integers(0, 4000).map(lambda n: n * 0.37 + 0.0137)
SIZES = st.integers(0, LEVELS - 1).map(lambda n: PATCH * 2 ** ((n - FINEST) / 3))
KEYPOINTS = st.tuples(POSITIONS, POSITIONS, SIZES, st.integers(0, 359).map(lambda n: n + 0.1))


@settings(max_examples=150, deadline=None)
@given(
    query=st.lists(KEYPOINTS, min_size=1, max_size=6),
    picks=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 23), st.integers(0, 65_535)), max_size=40),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_fullest_cell_is_that_found_by_hand(
    query: list[tuple[float, ...]], picks: list[tuple[int, int, int]], seed: int
) -> None:
    # Given a query, falling weights of four words of each of its keypoints, and pairs with keypoints of
    # three images
    keypoints = np.array(query, np.float32)
    weights = -np.sort(-np.random.default_rng(seed).uniform(0.1, 1, (len(query), 4)), axis=1)
    images = np.array([pick[0] for pick in picks], np.int64)
    slots = np.array([pick[1] % weights.size for pick in picks], np.int64)
    quantised = np.array([pick[2] % (ANGLES * LEVELS * DOWN * ACROSS) for pick in picks], np.uint16)
    # Then the votes are those counted by hand
    others = restore_keypoints(quantised).tolist()
    pairs = [
        (int(i), int(s) // 4, other, float(weights.ravel()[s]))
        for i, s, other in zip(images, slots, others, strict=True)
    ]
    found = fullest_cells(keypoints, weights, images, slots, quantised, 3)
    assert found.tolist() == pytest.approx(fullest(keypoints, pairs, 3))


@pytest.mark.parametrize(("levels", "rotations"), [(0, 0), (2, 0), (-3, 0), (0, 4), (1, 8)])
def test_a_part_that_was_scaled_rotated_and_moved_is_in_one_cell(levels: int, rotations: int) -> None:
    # Given keypoints of a picture, and of a copy that was moved, rotated by quarters, and scaled by thirds
    # of an octave
    rng = np.random.default_rng(7)
    count = 40
    own = np.column_stack(
        [rng.uniform(0, 300, (count, 2)), np.full(count, PATCH), rng.uniform(0, 360, count)]
    ).astype(np.float32)
    scale, angle = 2 ** (levels / LEVELS_PER_OCTAVE), rotations * math.tau / ANGLES
    rotation = scale * np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    other = np.column_stack(
        [
            own[:, :2] @ rotation.T + [211, 5000],
            np.full(count, PATCH * scale),
            own[:, 3] + rotations * 360 / ANGLES,
        ]
    ).astype(np.float32)
    # Then most keypoints vote for one arrangement, although they are rounded
    votes = fullest_cells(
        own, np.ones((count, 1)), np.zeros(count, np.int64), np.arange(count), quantise_keypoints(other), 1
    )
    assert votes[0] >= 0.6 * count
    # And hardly any do when each lies somewhere else
    other[:, :2] = rng.uniform(0, 600, (count, 2))
    assert (
        fullest_cells(
            own,
            np.ones((count, 1)),
            np.zeros(count, np.int64),
            np.arange(count),
            quantise_keypoints(other),
            1,
        )[0]
        <= 0.2 * count
    )


def test_no_pairs_are_no_votes() -> None:
    none = np.empty(0, np.int64)
    assert fullest_cells(
        np.empty((0, 4), np.float32), np.empty((0, 4)), none, none, none.astype(np.uint16), 2
    ).tolist() == [0, 0]
