"""Blank pictures are known as such, and a little in them is enough."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from support.pictures import blank, jpeg, logo, page, photo, png, tall_page
from support.shapes import grey

from douglas_quaid.decoding.image import decode_image
from douglas_quaid.decoding.informative import is_informative
from douglas_quaid.features import extract_features


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


def with_pointer(width: int, height: int, paper: str = "white") -> NDArray[np.uint8]:
    """A blank page, and the arrow of a mouse somewhere on it."""
    picture, ink = blank(width, height, paper), "black" if paper == "white" else "white"
    arrow = [(0, 0), (0, 16), (4, 12), (7, 18), (9, 17), (7, 11), (11, 11)]
    ImageDraw.Draw(picture).polygon([(width // 3 + x, height // 3 + y) for x, y in arrow], fill=ink)
    return grey(picture)


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
    **{
        f"a pointer on {size[0]} x {size[1]}": with_pointer(*size)
        for size in ((1280, 800), (1366, 768), (640, 480), (390, 844), (320, 240))
    },
    "a JPEG of a pointer on black": recompressed(with_pointer(1280, 800, "black"), 60),
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
        ImageDraw.Draw(picture).text(
            (40, 40 + 24 * line),
            "The page you asked for was not found",
            fill="#444",
            font=ImageFont.load_default(15),
        )
    return grey(picture)


SOMETHING = {
    "one line of text": lines_of_text(1),
    "a word": lines_of_text(1)[:, :130],
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
    lines = extract_features(
        decode_image(png(Image.fromarray(lines_of_text(3))), max_bytes=1 << 26, max_pixels=1 << 26)
    )

    assert lines.hashes.pdq_quality < 50 and lines.informative
