"""All that is computed from one picture: complete for any shape, what was asked for, and as it was at
release.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.pictures import blank, jpeg, page, photo, png, saved

from douglas_quaid.decoding.image import decode_image
from douglas_quaid.decoding.informative import is_informative
from douglas_quaid.features import codec, extract_features
from douglas_quaid.features.local import extract_local
from douglas_quaid.features.picture import Picture
from douglas_quaid.features.thumbnail import make_thumbnail, read_thumbnail
from douglas_quaid.records import ImageFeatures

GOLDEN = Path(__file__).parent / "golden"


def features_of(data: bytes, **options: bool) -> ImageFeatures:
    return extract_features(decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000), **options)


def test_the_pixel_digest_finds_copies_saved_again_and_nothing_else() -> None:
    picture = photo(7, 90, 60)
    digest = features_of(png(picture)).pixel_digest

    assert digest == hashlib.sha256(struct.pack("<II", 90, 60) + picture.tobytes()).digest()
    assert features_of(saved(picture, "BMP")).pixel_digest == digest
    assert features_of(png(picture, compress_level=1)).pixel_digest == digest
    assert features_of(png(picture.convert("RGBA"))).pixel_digest == digest
    assert features_of(jpeg(picture)).pixel_digest != digest
    # The same bytes in other rows and columns are another picture.
    assert features_of(png(blank(20, 30))).pixel_digest != features_of(png(blank(30, 20))).pixel_digest


def test_whash_is_left_out_unless_requested() -> None:
    assert features_of(png(page(1, 320, 200))).hashes.whash is None
    assert features_of(png(page(1, 320, 200)), whash=True).hashes.whash is not None


def test_the_thumbnail_can_be_switched_off() -> None:
    without = features_of(png(page(1, 320, 200)), thumbnails=False)

    assert without.thumbnail is None and without.versions.thumbnail == 0


@pytest.mark.parametrize(
    ("size", "thumbnail", "small"),
    [((1280, 800), (300, 480), (200, 320)), ((400, 200), (200, 400), (160, 320)), ((64, 64),) * 3],
)
def test_a_thumbnail_is_480_pixels_wide_and_320_for_content_and_never_enlarged(
    size: tuple[int, int], thumbnail: tuple[int, int], small: tuple[int, int]
) -> None:
    shown = Picture(features_of(png(page(1, *size))))

    assert shown.thumbnail is not None and shown.small is not None
    assert (shown.thumbnail.shape, shown.small.shape) == (thumbnail, small)


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 3), (1, 5000), (5000, 1), (16, 16), (40, 40), (3, 40_000), (40_000, 3)]
)
def test_pictures_of_any_shape_are_taken(shape: tuple[int, int]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    assert len(extract_local(array)) >= 0
    assert read_thumbnail(make_thumbnail(array)).ndim == 2
    assert is_informative(array) in (True, False)
    assert len(features_of(png(Image.fromarray(array))).hashes.pdq) == 32


@pytest.mark.parametrize("name", ["page", "photo"])
def test_golden_pictures_have_the_values_they_had_at_release(name: str) -> None:
    """When this fails, a library or an extractor changed the bits: raise the version of that family, and say
    so in the changelog.
    """
    found = features_of((GOLDEN / f"{name}.png").read_bytes(), whash=True)

    assert described(found) == json.loads((GOLDEN / "features-v1.json").read_text())[name]


@pytest.mark.parametrize("name", ["page", "photo"])
def test_golden_pictures_have_the_keypoints_they_had_at_release(name: str) -> None:
    # OpenCV rounds a little differently on other processors, so one keypoint in twenty may be another.
    found = features_of((GOLDEN / f"{name}.png").read_bytes())
    stored = codec.decode((GOLDEN / f"{name}-features-v1.bin").read_bytes())

    assert found.versions == dataclasses.replace(stored.versions, thumbnail=2, palette=1)
    assert (found.local.frame_width, found.local.frame_height) == (
        stored.local.frame_width,
        stored.local.frame_height,
    )
    rows = [
        {
            (*(round(float(value), 1) for value in keypoint[:3]), descriptor.tobytes())
            for keypoint, descriptor in zip(local.keypoints, local.descriptors, strict=True)
        }
        for local in (found.local, stored.local)
    ]
    assert len(rows[0] & rows[1]) > 0.95 * len(rows[1])


def described(features: ImageFeatures) -> dict[str, object]:
    hashes = features.hashes
    return {
        "image_id": features.image_id,
        "size": [features.width, features.height],
        "versions": {
            family: version
            for family, version in dataclasses.asdict(features.versions).items()
            if family not in ("frames", "codes", "palette")
        },
        "pixel_digest": features.pixel_digest.hex(),
        "pdq": [value.hex() for value in hashes.orientations],
        "pdq_quality": hashes.pdq_quality,
        "ahash": hashes.ahash.hex(),
        "phash": hashes.phash.hex(),
        "dhash": hashes.dhash.hex(),
        "whash": (hashes.whash or b"").hex(),
        "tlsh": features.tlsh,
        "informative": features.informative,
    }
