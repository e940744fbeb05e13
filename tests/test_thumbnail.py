"""Thumbnails are small, true to their picture, and refused when they are none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from support.pictures import blank, page, png, saved
from support.shapes import grey

from douglas_quaid.errors import CorruptRecord
from douglas_quaid.features.thumbnail import make_thumbnail, read_thumbnail


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 800), (480, 300)),
        ((320, 100), (320, 100)),
        ((64, 48), (64, 48)),
        ((1280, 10_000), (480, 3750)),
        ((20, 20_000), (16, 16_383)),
        ((9000, 10), (480, 1)),
    ],
)
def test_thumbnails_keep_the_shape_within_their_limits(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    thumbnail = read_thumbnail(make_thumbnail(np.zeros(size[::-1], np.uint8)))

    assert thumbnail.shape[::-1] == expected


def test_a_thumbnail_looks_like_its_picture_and_is_small() -> None:
    picture = grey(page(3))

    data = make_thumbnail(picture)

    small = cv2.resize(picture, (480, 300), interpolation=cv2.INTER_AREA).astype(int)
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
        saved(blank(481, 10), "WEBP"),
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0" + b"\xff" * 10,
    ):
        with pytest.raises(CorruptRecord, match="thumbnail"):
            read_thumbnail(data)
