"""What is computed from a picture: hashes exact to the bit, keypoints spread and stable, thumbnails small, blank pictures known as such."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pdqhash
import pytest
import tlsh
from edits import edit, viewport
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pictures import blank, jpeg, logo, page, photo, png, saved, tall_page
from PIL import Image, ImageDraw, ImageFont

from douglas_quaid.errors import CorruptRecord
from douglas_quaid.features import codec, extract_features, perceptual
from douglas_quaid.features.informative import is_informative
from douglas_quaid.features.local import BUDGET, extract_local
from douglas_quaid.features.perceptual import ORIENTATIONS, hamming, pdq_hash, pdq_orientations, tlsh_of, turn, whole_picture_hashes
from douglas_quaid.features.thumbnail import make_thumbnail, read_thumbnail
from douglas_quaid.image import decode_image
from douglas_quaid.records import ImageFeatures, LocalFeatures

GOLDEN = Path(__file__).parent / "golden"


def features_of(data: bytes, **options: bool) -> ImageFeatures:
    return extract_features(decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000), **options)


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB"))


def grey(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB").convert("L"))


SHAPES = {
    "page": page(1),
    "photo": photo(1, 400, 533),
    "logo": logo(1),
    "blank": blank(300, 200),
    "black": blank(200, 300, "black"),
    "tall page": tall_page(2, 400, 9),
    "wide strip": tall_page(3, 120, 12).transpose(Image.Transpose.ROTATE_90),
    "one pixel": blank(1, 1),
    "three by two": photo(2, 3, 2),
    "column": photo(3, 1, 700),
    "row": photo(4, 700, 1),
    "exactly 64": photo(5, 64, 64),
    "checkerboard": Image.fromarray(np.kron(np.indices((8, 8)).sum(0) % 2 * 255, np.ones((30, 30))).astype(np.uint8)).convert("RGB"),
}
"""Pictures of every shape, among them such whose hash hangs on rounding errors."""


# --- PDQ ------------------------------------------------------------------------------------------------------------------------------


def reference_pdq(picture: NDArray[np.uint8]) -> tuple[str, int]:
    """As python-threatexchange does it: RGB array at full size, bits joined to a number, written as hex."""
    bits, quality = pdqhash.compute(np.ascontiguousarray(picture))
    return f"{int(''.join(str(bit) for bit in bits), 2):064x}", quality


@pytest.mark.parametrize("shape", SHAPES)
def test_pdq_and_its_quality_are_the_references(shape: str) -> None:
    picture = pixels(SHAPES[shape])

    found, quality = pdq_hash(picture)

    assert (found.hex(), quality) == reference_pdq(picture)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 2**32 - 1), st.sampled_from(["noise", "smooth", "two-tone", "steps"]))
def test_pdq_is_the_references_on_any_picture(height: int, width: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind != "noise":
        small = Image.fromarray(picture[: max(1, height // 20), : max(1, width // 20)])
        picture = np.array(small.resize((width, height), Image.Resampling.NEAREST if kind == "steps" else Image.Resampling.BICUBIC))
    if kind == "two-tone":
        picture = np.where(picture > 128, 255, 0).astype(np.uint8)

    found, quality = pdq_hash(picture)

    assert (found.hex(), quality) == reference_pdq(picture)


@pytest.mark.parametrize("sides", [(height, width) for height in (1, 3, 4, 5, 6, 64) for width in (1, 4, 5, 50, 64)])
def test_pdq_is_the_references_on_tiny_pictures(sides: tuple[int, int]) -> None:
    picture = np.random.default_rng(sum(sides)).integers(0, 256, (*sides, 3), dtype=np.uint8)

    hashes, quality = pdq_orientations(picture)

    assert (hashes[0].hex(), quality) == reference_pdq(picture)
    assert min(sides) >= 5 or set(hashes) == {bytes(32)}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_slow_way_gives_the_references_coefficients_to_the_last_bit(shape: str) -> None:
    picture = pixels(SHAPES[shape])

    found = perceptual._coefficients_as_rounded(perceptual._samples_as_rounded(picture))

    assert np.array_equal(found.ravel()[::-1], pdqhash.compute_float(picture)[0])


def test_the_slow_way_is_taken_where_rounding_decides_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    slow = perceptual._samples_as_rounded
    monkeypatch.setattr(perceptual, "_samples_as_rounded", lambda picture: (taken.append(1), slow(picture))[1])

    pdq_hash(pixels(SHAPES["checkerboard"]))
    assert taken, "half of its coefficients are zero but for rounding"

    taken.clear()
    for seed in range(20):
        pdq_hash(pixels(photo(seed, 160, 120)))
    assert len(taken) <= 6


@pytest.mark.parametrize("shape", ["page", "photo", "tall page", "exactly 64"])
def test_the_eight_hashes_are_those_of_the_turned_pictures(shape: str) -> None:
    picture = pixels(SHAPES[shape])

    hashes, _ = pdq_orientations(picture)

    assert len(hashes) == len(ORIENTATIONS) == 8 and hashes[0] == pdq_hash(picture)[0]
    for orientation, found in enumerate(hashes):
        turned = bytes.fromhex(reference_pdq(turn(picture, orientation))[0])
        assert hamming(found, turned) <= 2, ORIENTATIONS[orientation].name


@pytest.mark.parametrize("orientation", range(8))
def test_the_map_of_an_orientation_carries_a_point_to_its_place_in_the_turned_picture(orientation: int) -> None:
    # Given a picture with one white pixel
    picture = np.zeros((30, 50), np.uint8)
    picture[7, 40] = 255
    at = np.array([40.5 / 50, 7.5 / 30, 1.0])
    # When the picture is turned
    turned = turn(picture, orientation)
    # Then the map says where the pixel went
    row, column = np.argwhere(turned == 255)[0]
    matrix = np.array(ORIENTATIONS[orientation].matrix).reshape(3, 3)
    assert np.allclose(matrix @ at, [(column + 0.5) / turned.shape[1], (row + 0.5) / turned.shape[0], 1.0])


def test_orientations_are_all_different_and_the_first_changes_nothing() -> None:
    picture = grey(page(4, 60, 40))

    assert np.array_equal(turn(picture, 0), picture)
    assert len({turn(picture, orientation).tobytes() for orientation in range(8)}) == 8


# --- ImageHash, TLSH, digest ----------------------------------------------------------------------------------------------------------


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


def test_whash_is_left_out_unless_asked_for() -> None:
    assert features_of(png(page(1, 320, 200))).hashes.whash is None
    assert features_of(png(page(1, 320, 200)), whash=True).hashes.whash is not None


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


# --- Keypoints ------------------------------------------------------------------------------------------------------------------------


def inliers(query: LocalFeatures, reference: LocalFeatures) -> int:
    """Mutual matches that pass the ratio test and agree on one affine map."""
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    back = {match.queryIdx: match.trainIdx for match in matcher.match(reference.descriptors, query.descriptors)}
    pairs = [
        (best.queryIdx, best.trainIdx)
        for best, second in matcher.knnMatch(query.descriptors, reference.descriptors, k=2)
        if best.distance < 0.8 * second.distance and back[best.trainIdx] == best.queryIdx
    ]
    if len(pairs) < 4:
        return 0
    source, target = (features.keypoints[[pair[side] for pair in pairs], :2] for side, features in enumerate((query, reference)))
    _, mask = cv2.estimateAffine2D(source, target, ransacReprojThreshold=4.0)
    return 0 if mask is None else int(mask.sum())


EDITS = ("resize_50", "resize_33", "jpeg_30", "blur", "recolour", "rotate_90", "browser_bar", "border_10", "crop_75", "banner", "rotate_5")


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("picture", [page(11), photo(12, 400, 533)], ids=["page", "photo"])
def test_edited_pictures_keep_enough_keypoints(picture: Image.Image, name: str) -> None:
    assert inliers(extract_local(grey(edit(name, picture, 3))), extract_local(grey(picture))) >= 20


def test_a_viewport_shot_finds_its_place_in_a_page_ten_times_as_high() -> None:
    full = tall_page(5, 960, 10)
    shot = viewport(full, 0.55)

    assert inliers(extract_local(grey(shot)), extract_local(grey(full))) >= 40


def test_pages_of_other_sites_do_not_match() -> None:
    assert inliers(extract_local(grey(page(21))), extract_local(grey(photo(22)))) < 10


def test_the_same_picture_gives_the_same_bytes_whatever_the_threads() -> None:
    picture = grey(page(6))
    before = cv2.getNumThreads()
    try:
        results = []
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            with ThreadPoolExecutor(4) as pool:
                results += list(pool.map(extract_local, [picture] * 4))
    finally:
        cv2.setNumThreads(before)
    assert len({(found.keypoints.tobytes(), found.descriptors.tobytes()) for found in results}) == 1


def test_keypoints_lie_in_the_frame_and_stay_within_their_budget() -> None:
    for picture, frame, bands in (
        (page(1), (640, 400), 1),
        (page(1, 1920, 1080), (640, 360), 1),
        (tall_page(1, 1280, 8), (640, 5120), 5),
        (page(1, 64, 64), (256, 256), 1),
        (page(2, 3000, 600), (1600, 320), 1),
    ):
        found = extract_local(grey(picture))
        assert (found.frame_width, found.frame_height) == frame
        assert 0 < len(found) <= BUDGET * bands + 20
        assert found.keypoints.dtype == np.float32 and found.keypoints.shape == (len(found), 4)
        assert found.descriptors.dtype == np.uint8 and found.descriptors.shape == (len(found), 32)
        assert (found.keypoints[:, :2] >= 0).all() and (found.keypoints[:, :2] <= frame).all()


@pytest.mark.parametrize("count", [300, 850, None])
def test_every_prefix_is_spread_over_the_page(count: int | None) -> None:
    # Given a tall page with one loud corner: a dense, high-contrast pattern
    full = tall_page(8, 640, 6)
    rng = np.random.default_rng(0)
    full.paste(Image.fromarray(np.kron(rng.integers(0, 2, (60, 60)) * 255, np.ones((6, 6))).astype(np.uint8)), (0, 200))
    # When keypoints are taken
    found = extract_local(grey(full)).keypoints[:count]
    # Then every thousand rows have their share of them
    share = np.histogram(found[:, 1], bins=4, range=(0, 3840))[0] / len(found)
    assert share.min() > 0.12
    # And so have large and small keypoints
    sizes = np.histogram(np.log2(found[:, 2]), bins=3)[0] / len(found)
    assert sizes.min() > 0.08


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (1, 5000), (5000, 1), (16, 16), (40, 40), (3, 40_000), (40_000, 3)])
def test_pictures_of_any_shape_are_taken(shape: tuple[int, int]) -> None:
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    assert len(extract_local(array)) >= 0
    assert read_thumbnail(make_thumbnail(array)).ndim == 2
    assert is_informative(array) in (True, False)
    assert len(features_of(png(Image.fromarray(array))).hashes.pdq) == 32


@pytest.mark.parametrize("size", [32, 48, 64, 128])
def test_icons_have_keypoints(size: int) -> None:
    assert len(extract_local(grey(logo(3, size)))) >= 10


def test_a_thumbnail_has_keypoints_of_its_own() -> None:
    thumbnail = read_thumbnail(make_thumbnail(grey(page(3))))

    assert len(extract_local(np.ascontiguousarray(thumbnail[:, ::-1]))) > 100


# --- Thumbnails -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 800), (320, 200)),
        ((320, 100), (320, 100)),
        ((64, 48), (64, 48)),
        ((1280, 10_000), (320, 2500)),
        ((20, 20_000), (16, 16_383)),
        ((9000, 10), (320, 1)),
    ],
)
def test_thumbnails_keep_the_shape_within_their_limits(size: tuple[int, int], expected: tuple[int, int]) -> None:
    thumbnail = read_thumbnail(make_thumbnail(np.zeros(size[::-1], np.uint8)))

    assert thumbnail.shape[::-1] == expected


def test_a_thumbnail_looks_like_its_picture_and_is_small() -> None:
    picture = grey(page(3))

    data = make_thumbnail(picture)

    small = cv2.resize(picture, (320, 200), interpolation=cv2.INTER_AREA).astype(int)
    assert len(data) < 8000
    assert np.abs(read_thumbnail(data) - small).mean() < 4
    assert make_thumbnail(picture) == data


def test_bytes_that_are_no_thumbnail_are_refused_before_they_are_decoded() -> None:
    good = make_thumbnail(grey(page(3)))
    for data in (
        b"",
        b"nonsense",
        good[: len(good) // 2],
        png(page(3, 320, 200)),
        saved(blank(321, 10), "WEBP"),
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + b"\xff" * 10,
    ):
        with pytest.raises(CorruptRecord, match="thumbnail"):
            read_thumbnail(data)


def test_the_thumbnail_can_be_switched_off() -> None:
    without = features_of(png(page(1, 320, 200)), thumbnails=False)

    assert without.thumbnail is None and without.versions.thumbnail == 0


# --- Informative or not ---------------------------------------------------------------------------------------------------------------


def sheet(height: int = 800, width: int = 1280) -> NDArray[np.uint8]:
    return np.full((height, width), 250, np.uint8)


def with_stray_pixels(size: tuple[int, int] = (800, 1280)) -> NDArray[np.uint8]:
    array, rng = sheet(*size), np.random.default_rng(1)
    array[rng.integers(0, size[0], 8), rng.integers(0, size[1], 8)] = 0
    return array


def with_border(width: int) -> NDArray[np.uint8]:
    return np.pad(sheet(), width, constant_values=0)


def noisy() -> NDArray[np.uint8]:
    return np.random.default_rng(2).normal(128, 5, (600, 800)).clip(0, 255).astype(np.uint8)


def recompressed(array: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    return decode_image(jpeg(Image.fromarray(array), quality), max_bytes=1 << 26, max_pixels=1 << 26).grey


NOTHING = {
    "white": sheet(),
    "black": np.zeros((400, 300), np.uint8),
    "one pixel": sheet(1, 1),
    "stray pixels": with_stray_pixels(),
    "stray pixels on a small sheet": with_stray_pixels((150, 200)),
    "a border of one pixel": with_border(1),
    "a border of two pixels": with_border(2),
    "noise": noisy(),
    "a noisy JPEG": recompressed(noisy(), 15),
    "a JPEG of a blank sheet": recompressed(sheet(), 20),
    "shading": np.tile(np.linspace(90, 250, 1000).astype(np.uint8), (700, 1)),
    "a tall blank page": sheet(9000, 1280),
    "four rows of noise": np.random.default_rng(3).integers(0, 256, (4, 300), dtype=np.uint8),
}


@pytest.mark.parametrize("name", NOTHING)
def test_blank_pictures_are_not_informative(name: str) -> None:
    assert not is_informative(NOTHING[name])


def lines_of_text(count: int) -> NDArray[np.uint8]:
    picture = blank(1280, 800)
    for line in range(count):
        ImageDraw.Draw(picture).text((40, 40 + 24 * line), "The page you asked for was not found", fill="#444", font=ImageFont.load_default(15))
    return grey(picture)


SOMETHING = {
    "one line of text": lines_of_text(1),
    "three lines of text": lines_of_text(3),
    "faint text": (255 - (255 - lines_of_text(3).astype(int)) // 3).astype(np.uint8),
    **{f"logo of {size}": grey(logo(size, size)) for size in (16, 24, 32, 64, 256)},
    "page": grey(page(1)),
    "dark page": grey(page(4)),
    "photo": grey(photo(1)),
    "a text page of tall shape": grey(tall_page(1, 640, 10)),
}


@pytest.mark.parametrize("name", SOMETHING)
def test_pictures_with_a_little_in_them_are_informative(name: str) -> None:
    assert is_informative(SOMETHING[name])


def test_a_low_pdq_quality_alone_does_not_make_a_page_uninformative() -> None:
    lines = features_of(png(Image.fromarray(lines_of_text(3))))

    assert lines.hashes.pdq_quality < 50 and lines.informative


# --- All together ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["page", "photo"])
def test_golden_pictures_have_the_values_they_had_at_release(name: str) -> None:
    """When this fails, a library or an extractor changed the bits: raise the version of that family, and say so in the changelog."""
    found = features_of((GOLDEN / f"{name}.png").read_bytes(), whash=True)

    assert described(found) == json.loads((GOLDEN / "features-v1.json").read_text())[name]


@pytest.mark.parametrize("name", ["page", "photo"])
def test_golden_pictures_have_the_keypoints_they_had_at_release(name: str) -> None:
    # OpenCV rounds a little differently on other processors, so one keypoint in twenty may be another.
    found = features_of((GOLDEN / f"{name}.png").read_bytes())
    stored = codec.decode((GOLDEN / f"{name}-features-v1.bin").read_bytes())

    assert found.versions == stored.versions
    assert (found.local.frame_width, found.local.frame_height) == (stored.local.frame_width, stored.local.frame_height)
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
        "versions": dataclasses.asdict(features.versions),
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
