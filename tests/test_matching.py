"""Correspondences of keypoints within a window of angles, unambiguous and ambiguous, and the rotation that
two pictures suggest.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from support.pictures import page, photo
from support.shapes import grey

from douglas_quaid.evaluation import edits
from douglas_quaid.features.local import extract_local
from douglas_quaid.records import LocalFeatures
from douglas_quaid.verification import _registration
from douglas_quaid.verification.matching import find_neighbours, hamming_table, likely_rotation
from douglas_quaid.verification.registration import _cells, register


def rotated(features: LocalFeatures, degrees: float) -> LocalFeatures:
    """The keypoints of the picture rotated about its centre, descriptors unchanged as ORB's are."""
    angle = np.radians(degrees)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([features.frame_width, features.frame_height]) / 2
    keypoints = features.keypoints.copy()
    keypoints[:, :2] = (keypoints[:, :2] - middle) @ matrix.T + middle
    keypoints[:, 3] = (keypoints[:, 3] + degrees) % 360
    return LocalFeatures(features.frame_width, features.frame_height, keypoints, features.descriptors)


def test_the_table_counts_differing_bits() -> None:
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, 256, (count, 32), dtype=np.uint8) for count in (70, 90))
    expected = np.unpackbits(one[:, None] ^ other[None], axis=2).sum(axis=2)
    assert (hamming_table(one, other) == expected).all()


def test_descriptors_that_differ_in_every_bit_are_far_and_not_equal() -> None:
    one = np.zeros((1, 32), np.uint8)
    assert hamming_table(one, 255 - one)[0, 0] == 255


def test_a_picture_corresponds_to_itself() -> None:
    own = extract_local(grey(photo(4)))
    near = find_neighbours(own, own)
    # Then nearly all keypoints are their own counterpart, and those that look alike hold them too
    assert len(near.matches) > 0.8 * len(own) and (near.matches[:, 0] == near.matches[:, 1]).mean() > 0.95
    assert {(index, index) for index in range(len(own))} <= {(int(a), int(b)) for a, b in near.alike}


@pytest.mark.parametrize("degrees", [0, 5, -15])
def test_small_rotations_are_within_the_window(degrees: float) -> None:
    own = extract_local(grey(photo(4)))
    other = rotated(own, degrees)
    assert likely_rotation(own, other) is None or degrees
    assert len(find_neighbours(own, other).matches) > 0.8 * len(own)


@pytest.mark.parametrize("degrees", [45, 90, 180, 250])
def test_a_large_rotation_is_estimated_and_then_found(degrees: float) -> None:
    own = extract_local(grey(photo(4)))
    other = rotated(own, degrees)
    rotation = likely_rotation(own, other)
    assert rotation == pytest.approx(degrees, abs=5)
    assert len(find_neighbours(own, other, rotation).matches) > 0.8 * len(own)


def test_unrelated_pictures_suggest_no_rotation() -> None:
    assert likely_rotation(extract_local(grey(page(21))), extract_local(grey(photo(22)))) is None


def test_pictures_without_keypoints_have_no_correspondences() -> None:
    none = extract_local(np.full((300, 300), 255, np.uint8))
    some = extract_local(grey(page(1)))
    assert (
        not len(find_neighbours(none, some).matches)
        and not len(find_neighbours(some, none).alike)
        and likely_rotation(none, some) is None
    )


def test_a_rough_transform_becomes_exact_and_explains_the_keypoints() -> None:
    # Given a page, the same page recompressed, and a transform that is eight pixels off and a bit too large
    own, other = (extract_local(grey(picture)) for picture in (page(7), edits.edit("jpeg_30", page(7), 1)))
    rough = np.array([[1.005, 0, 8], [0, 1.005, -6], [0, 0, 1]])
    # When it is refined
    found = register(own, other, rough)
    # Then it is the identity within a quarter of a pixel over the whole frame, and most keypoints have their
    # counterpart
    assert found is not None and found.explained > 0.5
    corners = np.array([[0, 0, 1], [own.frame_width, 0, 1], [own.frame_width, own.frame_height, 1]])
    assert np.abs(corners @ (found.matrix - np.eye(3)).T).max() < 0.25


def test_a_wrong_transform_explains_next_to_nothing() -> None:
    own, other = extract_local(grey(page(7))), extract_local(grey(page(8)))
    found = register(own, other, np.array([[0.7, 0, 100], [0, 0.7, 40], [0, 0, 1.0]]))
    assert found is None or found.explained < 0.15


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 40),
    radius=st.sampled_from([4.0, 12.0]),
    odd=st.sampled_from([0.0, -1e6, 1e300, np.inf, np.nan]),
)
def test_all_points_near_a_place_are_found(seed: int, count: int, radius: float, odd: float) -> None:
    # Given points and places, some of them on the lines of a grid, and a point far away or nowhere
    rng = np.random.default_rng(seed)
    points = rng.choice([0.0, radius, 50.0], (count, 2)) + rng.integers(-30, 30, (count, 2))
    places = np.abs(points[rng.integers(0, count, 30)] + rng.integers(-20, 20, (30, 2)))
    points[0, 0] = odd
    # Then the pairs are those that comparing all of them finds
    near = (np.abs(points[:, None] - places[None]) <= radius).all(axis=2)
    assert sorted(found_near(points, places, radius)) == np.argwhere(near).tolist()


def found_near(points: NDArray[np.float64], places: NDArray[np.float64], radius: float) -> list[list[int]]:
    """Pairs of a point and a place near each other, as the kernel finds them among equal keypoints."""
    cells = _cells(points, places, radius, maximum=10_000)
    angles = np.zeros(len(points), np.float32), np.zeros(len(places), np.float32)
    descriptors = np.zeros((len(points), 32), np.uint8), np.zeros((len(places), 32), np.uint8)
    around = cells.inside, cells.firsts, cells.lasts, cells.order
    pairs, bits = np.empty((10_000, 2), np.int64), np.empty(10_000, np.int64)
    count = _registration.similar(
        points, places, *angles, *descriptors, *around, pairs, bits, radius, 0.0, 1.0, 64
    )
    found: list[list[int]] = pairs[:count].tolist()
    return found
