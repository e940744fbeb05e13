"""Keypoints are spread, stable under edits, and the same for the same picture."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image
from support.pictures import logo, page, photo, tall_page
from support.shapes import grey

from douglas_quaid.evaluation.edits import edit, viewport
from douglas_quaid.features.local import extract_local
from douglas_quaid.features.options import DEFAULTS
from douglas_quaid.features.thumbnail import make_thumbnail, read_thumbnail
from douglas_quaid.records import LocalFeatures


def inliers(query: LocalFeatures, reference: LocalFeatures) -> int:
    """Mutual matches that pass the ratio test and agree on one affine transform."""
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING)
    back = {
        match.queryIdx: match.trainIdx for match in matcher.match(reference.descriptors, query.descriptors)
    }
    pairs = [
        (best.queryIdx, best.trainIdx)
        for best, second in matcher.knnMatch(query.descriptors, reference.descriptors, k=2)
        if best.distance < 0.8 * second.distance and back[best.trainIdx] == best.queryIdx
    ]
    if len(pairs) < 4:
        return 0
    source, target = (
        features.keypoints[[pair[side] for pair in pairs], :2]
        for side, features in enumerate((query, reference))
    )
    _, mask = cv2.estimateAffine2D(source, target, ransacReprojThreshold=4.0)
    return 0 if mask is None else int(mask.sum())


EDITS = (
    "resize_50",
    "resize_33",
    "jpeg_30",
    "blur",
    "recolour",
    "rotate_90",
    "browser_bar",
    "border_10",
    "crop_75",
    "banner",
    "rotate_5",
)


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
        assert 0 < len(found) <= DEFAULTS.local.budget * bands + 20
        assert found.keypoints.dtype == np.float32 and found.keypoints.shape == (len(found), 4)
        assert found.descriptors.dtype == np.uint8 and found.descriptors.shape == (len(found), 32)
        assert (found.keypoints[:, :2] >= 0).all() and (found.keypoints[:, :2] <= frame).all()


@pytest.mark.parametrize("count", [300, 850, None])
def test_every_prefix_is_spread_over_the_page(count: int | None) -> None:
    # Given a tall page with one loud corner: a dense, high-contrast pattern
    full = tall_page(8, 640, 6)
    rng = np.random.default_rng(0)
    full.paste(
        Image.fromarray(np.kron(rng.integers(0, 2, (60, 60)) * 255, np.ones((6, 6))).astype(np.uint8)),
        (0, 200),
    )
    # When keypoints are taken
    found = extract_local(grey(full)).keypoints[:count]
    # Then every thousand rows have their share of them
    share = np.histogram(found[:, 1], bins=4, range=(0, 3840))[0] / len(found)
    assert share.min() > 0.12
    # And so have large and small keypoints
    sizes = np.histogram(np.log2(found[:, 2]), bins=3)[0] / len(found)
    assert sizes.min() > 0.08


@pytest.mark.parametrize("size", [32, 48, 64, 128])
def test_icons_have_keypoints(size: int) -> None:
    assert len(extract_local(grey(logo(3, size)))) >= 10


def test_a_thumbnail_has_keypoints_of_its_own() -> None:
    thumbnail = read_thumbnail(make_thumbnail(grey(page(3))))

    assert len(extract_local(np.ascontiguousarray(thumbnail[:, ::-1]))) > 100


@pytest.mark.parametrize("scale", [2 ** (1 / 6), 2 ** (-1 / 6)])
def test_levels_between_the_usual_ones_meet_those_of_a_picture_half_a_step_away(scale: float) -> None:
    # Given a crop that is shown half a step larger, or a border that makes it smaller by as much
    whole = page(13, 1280, 800)
    width, height = round(1280 / scale), round(800 / scale)
    shown = whole.crop((0, 0, width, height)) if scale > 1 else whole
    if scale < 1:
        shown = Image.new("RGB", (width, height), "white")
        shown.paste(whole, (0, 0))
    reference, usual, between = (
        extract_local(grey(whole)),
        extract_local(grey(shown)),
        extract_local(grey(shown), steps_below=0.5),
    )
    # then more descriptors are nearly the same by the levels between.
    assert between.frame_width == pytest.approx(usual.frame_width * 2 ** (-1 / 6), abs=1)
    assert nearly_same(between, reference) > 1.3 * nearly_same(usual, reference)


def nearly_same(query: LocalFeatures, reference: LocalFeatures) -> int:
    """Descriptors of which the nearest of the other differs in 24 of 256 bits at most, as two that share a
    word do.
    """
    return sum(
        match.distance <= 24
        for match in cv2.BFMatcher(cv2.NORM_HAMMING).match(query.descriptors, reference.descriptors)
    )
