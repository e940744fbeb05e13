"""PDQ and its quality are the reference's to the last bit, in all eight orientations."""

from __future__ import annotations

import numpy as np
import pdqhash
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from PIL import Image
from support.pictures import page, photo
from support.shapes import SHAPES, grey, pixels

from douglas_quaid.features import pdq
from douglas_quaid.features.pdq import ORIENTATIONS, pdq_hash, pdq_orientations
from douglas_quaid.features.perceptual import hamming


def reference_pdq(picture: NDArray[np.uint8]) -> tuple[str, int]:
    """As python-threatexchange does it: RGB array at full size, bits joined to a number, written as hex."""
    bits, quality = pdqhash.compute(np.ascontiguousarray(picture))
    return f"{int(''.join(str(bit) for bit in bits), 2):064x}", quality


def oriented(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A view of the picture (first two axes: rows, columns) in ORIENTATIONS[orientation]."""
    ways = (
        lambda a: a,
        lambda a: np.rot90(a, 1),
        lambda a: np.rot90(a, 2),
        lambda a: np.rot90(a, 3),
        np.flipud,
        np.fliplr,
        lambda a: np.swapaxes(a, 0, 1),
        lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
    )
    view: NDArray[np.uint8] = ways[orientation](pixels)
    return view


@pytest.mark.parametrize("shape", SHAPES)
def test_pdq_and_its_quality_are_the_references(shape: str) -> None:
    picture = pixels(SHAPES[shape])

    found, quality = pdq_hash(picture)

    assert (found.hex(), quality) == reference_pdq(picture)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["noise", "smooth", "two-tone", "steps"]),
)
def test_pdq_is_the_references_on_any_picture(height: int, width: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind != "noise":
        small = Image.fromarray(picture[: max(1, height // 20), : max(1, width // 20)])
        picture = np.array(
            small.resize(
                (width, height), Image.Resampling.NEAREST if kind == "steps" else Image.Resampling.BICUBIC
            )
        )
    if kind == "two-tone":
        picture = np.where(picture > 128, 255, 0).astype(np.uint8)

    found, quality = pdq_hash(picture)

    assert (found.hex(), quality) == reference_pdq(picture)


@pytest.mark.parametrize(
    "sides", [(height, width) for height in (1, 3, 4, 5, 6, 64) for width in (1, 4, 5, 50, 64)]
)
def test_pdq_is_the_references_on_tiny_pictures(sides: tuple[int, int]) -> None:
    picture = np.random.default_rng(sum(sides)).integers(0, 256, (*sides, 3), dtype=np.uint8)

    hashes, quality = pdq_orientations(picture)

    assert (hashes[0].hex(), quality) == reference_pdq(picture)
    assert min(sides) >= 5 or set(hashes) == {bytes(32)}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_slow_way_gives_the_references_coefficients_to_the_last_bit(shape: str) -> None:
    picture = pixels(SHAPES[shape])

    found = pdq._coefficients_as_rounded(pdq._samples_as_rounded(picture))

    assert np.array_equal(found.ravel()[::-1], pdqhash.compute_float(picture)[0])


@pytest.mark.parametrize("columns", [5, 64, 333])
def test_many_rows_are_filtered_to_the_last_bit_as_few_are(columns: int) -> None:
    rows = np.random.default_rng(1).uniform(0, 255, (37, columns)).astype(np.float32)
    few = [pdq._boxes_along(part) for part in np.array_split(rows, 4)]
    assert np.array_equal(pdq._boxes_along(rows), np.concatenate(few))
    picked = pdq._boxes_along(rows, pdq._picks(columns))
    assert np.array_equal(picked, np.concatenate(few)[:, pdq._picks(columns)])


def test_the_slow_way_is_taken_where_rounding_decides_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    slow = pdq._samples_as_rounded
    monkeypatch.setattr(pdq, "_samples_as_rounded", lambda picture: (taken.append(1), slow(picture))[1])

    pdq_hash(pixels(SHAPES["checkerboard"]))
    assert taken, "half of its coefficients are zero but for rounding"

    taken.clear()
    for seed in range(20):
        pdq_hash(pixels(photo(seed, 160, 120)))
    assert len(taken) <= 6


@pytest.mark.parametrize("shape", ["page", "photo", "tall page", "exactly 64"])
def test_the_eight_hashes_are_those_of_the_rotated_pictures(shape: str) -> None:
    picture = pixels(SHAPES[shape])

    hashes, _ = pdq_orientations(picture)

    assert len(hashes) == len(ORIENTATIONS) == 8 and hashes[0] == pdq_hash(picture)[0]
    for orientation, found in enumerate(hashes):
        rotated = bytes.fromhex(reference_pdq(oriented(picture, orientation))[0])
        assert hamming(found, rotated) <= 2, ORIENTATIONS[orientation].name


@pytest.mark.parametrize("orientation", range(8))
def test_the_transform_of_an_orientation_carries_a_point_to_its_place_in_the_rotated_picture(
    orientation: int,
) -> None:
    # Given a picture with one white pixel
    picture = np.zeros((30, 50), np.uint8)
    picture[7, 40] = 255
    at = np.array([40.5 / 50, 7.5 / 30, 1.0])
    # When the picture is rotated
    rotated = oriented(picture, orientation)
    # Then the transform tells where the pixel went
    row, column = np.argwhere(rotated == 255)[0]
    matrix = np.array(ORIENTATIONS[orientation].matrix).reshape(3, 3)
    assert np.allclose(matrix @ at, [(column + 0.5) / rotated.shape[1], (row + 0.5) / rotated.shape[0], 1.0])


def test_orientations_are_all_different_and_the_first_changes_nothing() -> None:
    picture = grey(page(4, 60, 40))

    assert np.array_equal(oriented(picture, 0), picture)
    assert len({oriented(picture, orientation).tobytes() for orientation in range(8)}) == 8
