"""Evidence for pairs of real pictures: what an edit leaves in common, what a stranger does not have, and
named reasons for no.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from douglas_quaid.decoding.image import decode_image
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation import edits
from douglas_quaid.features import extract_features
from douglas_quaid.features.picture import Picture
from douglas_quaid.features.thumbnail import make_thumbnail
from douglas_quaid.records import Configuration, ImageFeatures
from douglas_quaid.verification.agreement import content_agreement
from douglas_quaid.verification.geometry import estimate_geometry
from douglas_quaid.verification.matching import find_neighbours
from douglas_quaid.verification.overlap import covered_shares
from douglas_quaid.verification.verify import verify


def features(data: bytes) -> ImageFeatures:
    return extract_features(decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000))


def picture_of(picture: Image.Image | bytes) -> Picture:
    return Picture(features(picture if isinstance(picture, bytes) else edits.png(picture)))


@pytest.fixture(scope="module")
def page() -> Image.Image:
    return edits.opened(sample("indexed/market.png"))


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return edits.opened(sample("indexed/rocket.jpg"))


def test_a_resized_picture_is_settled_as_a_whole_and_keypoints_confirm_it(page: Image.Image) -> None:
    evidence = verify(picture_of(edits.resized(page, 0.5)), picture_of(page)).evidence
    assert (
        evidence.configuration is Configuration.WHOLE
        and (evidence.inliers or 0) >= 50
        and (evidence.explained or 0) >= 0.4
    )
    assert evidence.content_agreement is not None and evidence.content_agreement > 0.95


@pytest.mark.parametrize(
    ("name", "at_least"), [("browser_bar", 0.9), ("border_10", 0.9), ("crop_75", 0.9), ("rotate_5", 0.85)]
)
@pytest.mark.parametrize("kind", ["page", "photo"])
def test_a_part_is_found_by_keypoints_and_confirmed_by_content(
    name: str, at_least: float, kind: str, request: pytest.FixtureRequest
) -> None:
    original = request.getfixturevalue(kind)
    evidence = verify(picture_of(edits.edit(name, original)), picture_of(original)).evidence
    assert evidence.configuration is Configuration.AFFINE
    assert evidence.inliers is not None and evidence.inliers >= 15
    assert evidence.content_agreement is not None and evidence.content_agreement >= at_least


def test_coverage_says_how_much_of_each_picture_is_shared(photo: Image.Image) -> None:
    # Given the middle half of width and height: all of the query, a quarter of the reference
    width, height = photo.size
    middle = photo.crop((width // 4, height // 4, 3 * width // 4, 3 * height // 4))
    evidence = verify(picture_of(middle), picture_of(photo)).evidence
    assert evidence.covered_query == pytest.approx(1.0, abs=0.03)
    assert evidence.covered_reference == pytest.approx(0.25, abs=0.03)
    # And the transform carries the query's corners to where they were cut out
    matrix = np.array(evidence.matrix).reshape(3, 3)
    assert matrix @ [0, 0, 1] == pytest.approx([0.25, 0.25, 1], abs=0.02)
    assert matrix @ [1, 1, 1] == pytest.approx([0.75, 0.75, 1], abs=0.02)


def test_a_mirrored_part_is_found(photo: Image.Image) -> None:
    width, height = photo.size
    part = ImageOps.mirror(photo.crop((0, 0, round(0.8 * width), round(0.8 * height))))
    evidence = verify(picture_of(part), picture_of(photo), mirrored=True).evidence
    assert evidence.configuration is Configuration.AFFINE
    assert evidence.content_agreement is not None and evidence.content_agreement > 0.9
    assert np.linalg.det(np.array(evidence.matrix).reshape(3, 3)[:2, :2]) < 0


def test_a_picture_seen_at_an_angle_is_found(photo: Image.Image) -> None:
    # Given a photograph of a screen: the picture as a trapezium
    width, height = photo.size
    corners = (0, 0, 0, height, width, round(0.85 * height), width, round(0.15 * height))
    tilted = photo.transform(photo.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC)
    evidence = verify(picture_of(tilted), picture_of(photo)).evidence
    assert evidence.matrix is not None and (evidence.inliers or 0) >= 14


@pytest.mark.parametrize("kind", ["page", "photo"])
def test_light_and_dark_exchanged_are_seen_through(kind: str, request: pytest.FixtureRequest) -> None:
    original = request.getfixturevalue(kind)
    evidence = verify(picture_of(edits.edit("inversion", original)), picture_of(original)).evidence
    assert evidence.inverted and evidence.pdq_bits is not None and evidence.pdq_bits <= 16
    assert evidence.configuration is Configuration.WHOLE and (evidence.content_agreement or 0) > 0.95
    # And the picture as it is is not said to be inverted
    assert verify(picture_of(edits.resized(original, 0.5)), picture_of(original)).evidence.inverted is None


def test_a_part_of_an_inverted_picture_is_found_if_inversion_is_tried(photo: Image.Image) -> None:
    width, height = photo.size
    part = edits.edit("inversion", photo.crop((0, 0, round(0.7 * width), round(0.7 * height))))
    evidence = verify(picture_of(part), picture_of(photo), inverted=True).evidence
    assert evidence.inverted and (evidence.inliers or 0) >= 15 and (evidence.content_agreement or 0) > 0.9


def test_a_turned_part_is_found(photo: Image.Image) -> None:
    width, height = photo.size
    part = photo.crop((0, 0, round(0.7 * width), round(0.7 * height))).transpose(Image.Transpose.ROTATE_90)
    evidence = verify(picture_of(part), picture_of(photo)).evidence
    assert (evidence.explained or 0) > 0.3 and (evidence.content_agreement or 0) > 0.9


def test_what_is_laid_over_a_page_differs_in_one_place(page: Image.Image) -> None:
    # Given a window over a quarter of the page
    covered = page.copy()
    width, height = page.size
    covered.paste(
        page.crop((0, 0, width // 2, height // 2)).transpose(Image.Transpose.ROTATE_180),
        (width // 4, height // 4),
    )
    evidence = verify(picture_of(covered), picture_of(page)).evidence
    # Then beside it all is as it was
    assert (evidence.content_agreement or 1) < 0.9 and (evidence.agreement_outside_rectangle or 0) > 0.97
    # And two articles of one site differ wherever they have content
    other = verify(
        picture_of(sample("asked/article-crane.png")), picture_of(sample("indexed/article-ferry.png"))
    ).evidence
    assert (other.agreement_both_textured or 0) < 0.7 and (other.explained or 0) < (evidence.explained or 0)


def test_a_darker_picture_agrees_up_to_its_edges(page: Image.Image) -> None:
    evidence = verify(picture_of(edits.edit("night_mode", page)), picture_of(page)).evidence
    assert (evidence.content_agreement or 0) > 0.95


def test_strangers_have_nothing_in_common(page: Image.Image, photo: Image.Image) -> None:
    for other in ("indexed/webmail-login.png", "indexed/handbook.png", "asked/deep-field.jpg"):
        for picture in (page, photo):
            evidence = verify(picture_of(picture), picture_of(sample(other)), thorough=True).evidence
            assert evidence.matrix is None or (evidence.content_agreement or 0) < 0.4, other


def test_two_articles_of_one_site_share_the_frame_and_not_the_content() -> None:
    evidence = verify(
        picture_of(sample("asked/article-crane.png")), picture_of(sample("indexed/article-ferry.png"))
    ).evidence
    assert (evidence.inliers or 0) >= 8
    assert evidence.content_agreement is not None and evidence.content_agreement < 0.6


def test_a_blank_picture_is_named_and_not_compared(page: Image.Image) -> None:
    evidence = verify(picture_of(Image.new("RGB", (800, 600), "white")), picture_of(page)).evidence
    assert evidence.configuration is Configuration.UNINFORMATIVE and evidence.matrix is None


def test_equal_pixels_in_another_file_are_named(page: Image.Image) -> None:
    evidence = verify(picture_of(edits.png(page)), picture_of(sample("indexed/market.png"))).evidence
    assert (
        evidence.same_pixels
        and not evidence.same_bytes
        and evidence.configuration is Configuration.SAME_PIXELS
    )


def test_features_of_another_version_are_not_compared(page: Image.Image) -> None:
    # Given keypoints of a newer extractor, and hashes of another
    ours = picture_of(edits.edit("browser_bar", page))
    theirs = Picture(
        replace(
            features(edits.png(page)),
            versions=replace(ours.features.versions, local=99, pdq=99, imagehash=99),
        )
    )
    evidence = verify(ours, theirs, thorough=True).evidence
    assert evidence.configuration is Configuration.INCOMPARABLE
    assert evidence.inliers is None and evidence.pdq_bits is None and evidence.phash_bits is None


def test_without_a_thumbnail_content_is_not_measured(page: Image.Image) -> None:
    bare = Picture(replace(features(edits.png(page)), thumbnail=None))
    evidence = verify(picture_of(edits.edit("browser_bar", page)), bare, thorough=True).evidence
    assert (evidence.inliers or 0) >= 8 and evidence.content_agreement is None


def test_the_same_question_gets_the_same_answer(page: Image.Image) -> None:
    query, reference = edits.png(edits.edit("crop_75", page)), edits.png(page)
    answers = {
        repr(verify(picture_of(query), picture_of(reference), thorough=True).evidence) for _ in range(3)
    }
    assert len(answers) == 1


def test_agreement_sees_through_brightness_and_contrast_and_not_through_other_text(page: Image.Image) -> None:
    own = picture_of(page)

    def agreement(thumbnail: NDArray[np.uint8]) -> float:
        other = Picture(replace(own.features, thumbnail=make_thumbnail(np.ascontiguousarray(thumbnail))))
        found = content_agreement(own, other, np.eye(3))
        return -1.0 if found is None else found.content_agreement

    assert own.thumbnail is not None
    assert agreement((own.thumbnail * 0.5 + 20).astype(np.uint8)) > 0.98
    assert 0 <= agreement(own.thumbnail[::-1]) < 0.3


def test_coverage_of_a_turned_square_is_its_overlap() -> None:
    rotated = np.array([[0, -1, 1], [1, 0, 0], [0, 0, 1]], float)
    assert covered_shares(rotated) == pytest.approx((1, 1))
    assert covered_shares(np.diag([0.5, 0.5, 1.0])) == pytest.approx((1, 0.25))
    assert covered_shares(np.array([[1, 0, 2], [0, 1, 0], [0, 0, 1]], float)) == pytest.approx((0, 0))


@pytest.mark.parametrize("noise", [0, 1e-9, 1e-6, 1e-4])
def test_coverage_of_a_whole_picture_is_whole_whatever_the_last_digits(noise: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        matrix = np.eye(3) + np.vstack([rng.normal(0, noise, (2, 3)), [[0, 0, 0]]]) if noise else np.eye(3)
        assert covered_shares(matrix) == pytest.approx((1, 1), abs=10 * noise + 1e-12)


def test_too_few_keypoints_are_no_geometry() -> None:
    few = features(edits.png(Image.new("RGB", (300, 300), "white"))).local
    assert estimate_geometry(find_neighbours(few, few)).configuration is Configuration.NO_GEOMETRY
