"""ImageHash and TLSH are those of the packages, to the bit."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
import tlsh
from hypothesis import given, settings, strategies as st
from PIL import Image
from support.pictures import photo, png
from support.shapes import SHAPES, grey, pixels

from douglas_quaid.features import perceptual
from douglas_quaid.features.perceptual import hamming, tlsh_of, whole_picture_hashes


@pytest.mark.parametrize("shape", SHAPES)
def test_imagehash_is_the_packages_to_the_bit(shape: str) -> None:
    picture = SHAPES[shape]

    hashes = whole_picture_hashes(pixels(picture), grey(picture), whash=True)

    assert hashes.ahash.hex() == str(imagehash.average_hash(picture))
    assert hashes.phash.hex() == str(imagehash.phash(picture))
    assert hashes.dhash.hex() == str(imagehash.dhash(picture))
    assert hashes.whash is not None and hashes.whash.hex() == str(imagehash.whash(picture))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 2**32 - 1), st.booleans())
def test_imagehash_is_the_packages_on_any_picture(height: int, width: int, seed: int, two_tone: bool) -> None:
    array = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture = Image.fromarray(np.where(array > 128, 255, 0).astype(np.uint8) if two_tone else array)

    hashes = whole_picture_hashes(pixels(picture), grey(picture), whash=False)

    assert [value.hex() for value in (hashes.ahash, hashes.phash, hashes.dhash)] == [
        str(kind(picture)) for kind in (imagehash.average_hash, imagehash.phash, imagehash.dhash)
    ]


@pytest.mark.parametrize("ratio", [2, 2.2, 9, 40])
def test_a_large_tall_picture_is_reduced_to_the_same_bits(ratio: float) -> None:
    # Given noise, of which every hash depends on the rounding of every step
    for seed, width in enumerate((40, 97, 300)):
        array = np.random.default_rng(seed).integers(0, 256, (round(width * ratio), width), np.uint8)
        plain, turned = Image.fromarray(array), perceptual._Tall(array)
        for kind in (imagehash.average_hash, imagehash.phash, imagehash.dhash, imagehash.whash):
            assert str(kind(turned)) == str(kind(plain))


def test_tlsh_is_that_of_the_files_bytes() -> None:
    data = png(photo(1, 80, 60))

    found = tlsh_of(data)

    assert found == tlsh.hash(data) and found is not None and found.startswith("T1") and len(found) == 72
    assert tlsh_of(b"too short") is None
    assert tlsh_of(bytes(10_000)) is None, "nothing varies"


def test_hamming_counts_bits() -> None:
    assert hamming(b"\x00\xff", b"\x01\xff") == 1
    assert hamming(bytes(32), b"\xff" * 32) == 256
    assert hamming(b"abc", b"abc") == 0
