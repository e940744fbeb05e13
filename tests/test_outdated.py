"""Which records are outdated: a family of another version, or a kind of picture that is decoded otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.pictures import blank, jpeg, page, png, saved

from douglas_quaid.decoding.image import decode_image
from douglas_quaid.features import codec, extract_features
from douglas_quaid.features.outdated import DECODING, is_same, outdated
from douglas_quaid.records import ImageFeatures

#: A picture of two frames.
GIF = saved(page(1, 240, 160), "GIF", save_all=True, append_images=[page(2, 240, 160)])
GOLDEN = Path(__file__).parent / "golden"


def fresh(data: bytes, **options: bool) -> ImageFeatures:
    return extract_features(decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000), **options)


def old(data: bytes) -> ImageFeatures:
    """Features as a record of format version 1 has them."""
    return replace(fresh(data), decoding=1)


@pytest.mark.parametrize("data", [png(page(1, 480, 320)), jpeg(page(1, 480, 320)), png(blank(64, 64)), GIF])
@pytest.mark.parametrize("options", [{}, {"hash_only": True}, {"thumbnails": False}, {"whash": True}])
def test_what_is_extracted_now_is_not_outdated(data: bytes, options: dict[str, bool]) -> None:
    assert outdated(fresh(data, **options)) == ()


def test_each_family_of_another_version_is_outdated_and_one_that_was_left_out_is_not() -> None:
    features = fresh(jpeg(page(1, 480, 320)))
    for family in ("pixels", "pdq", "imagehash", "tlsh", "local", "thumbnail"):
        assert outdated(replace(features, versions=replace(features.versions, **{family: 99}))) == (family,)
        assert outdated(replace(features, versions=replace(features.versions, **{family: 0}))) == ()


def test_a_record_of_an_earlier_program_lacks_the_palette_where_it_has_a_thumbnail() -> None:
    features = fresh(jpeg(page(1, 320, 320)))
    before = replace(features, palette=None, versions=replace(features.versions, palette=0))
    assert outdated(before) == ("palette",)
    assert outdated(replace(before, thumbnail=None)) == ()


def test_a_jpeg_that_shows_something_is_read_as_before_and_is_not_outdated() -> None:
    assert outdated(old(jpeg(page(1, 480, 320)))) == ()


@pytest.mark.parametrize(
    "features",
    [
        old(png(page(1, 480, 320))),  # may be transparent or grey of 16 bits
        old(jpeg(blank(640, 480))),  # may have colours of one brightness
        replace(old(jpeg(page(1, 480, 320))), frames=2),
    ],
)
def test_a_picture_that_may_be_decoded_otherwise_now_is_outdated(features: ImageFeatures) -> None:
    assert outdated(features) == (DECODING,)


def test_a_record_of_format_version_1_is_outdated() -> None:
    features = codec.decode((GOLDEN / "record-v1.bin").read_bytes())
    assert features.decoding == 1 and DECODING in outdated(features)


def test_features_that_differ_in_nothing_but_the_revision_say_the_same() -> None:
    features = fresh(png(page(1, 480, 320)))
    assert is_same(replace(features, decoding=1), features)
    assert not is_same(fresh(png(page(2, 480, 320))), features)
    assert not is_same(replace(features, informative=False), features)
