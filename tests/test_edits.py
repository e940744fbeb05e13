"""Edits are named and seeded, and do what they say. The suite that numbers rest on does not change
unnoticed.
"""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageChops
from support.pictures import page

from douglas_quaid.evaluation import edits
from douglas_quaid.evaluation.low_texture import is_low_texture

MUSTS = {"browser_bar", "banner", "crop_75", "border_10", "rotate_5", "rotate_90", "mirror"}
WHOLE = {
    "jpeg_30",
    "jpeg_10",
    "blur",
    "noise",
    "gamma",
    "saturation",
    "greyscale",
    "sepia",
    "night_mode",
    "inversion",
    "pixelated",
    "watermark",
    "window",
}


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return page(3, 640, 400)


def test_the_suite_is_wide_and_contains_the_musts() -> None:
    assert len(edits.SUITE) == len(set(edits.SUITE)) == 38
    assert set(edits.SUITE) >= MUSTS | {"crop_50", "embed_40"}
    assert set(edits.SUITE) <= set(edits.EDITS)
    assert len(set(edits.DOUBLES)) == 12 and all("+" in name for name in edits.DOUBLES)
    assert not {*edits.COVERS} & {*edits.SUITE}


def test_edits_joined_by_a_plus_are_done_one_after_the_other(picture: Image.Image) -> None:
    bar = edits.edit("browser_bar", picture, "seed")
    both = edits.edit("browser_bar+resize_50", picture, "seed")
    assert both.size == (320, round(bar.height / 2)) and both == edits.edit("resize_50", bar, "seed")


@pytest.mark.parametrize("name", (*edits.SUITE, *edits.DOUBLES, *edits.COVERS))
def test_an_edit_changes_the_picture_and_is_the_same_for_the_same_seed(
    name: str, picture: Image.Image
) -> None:
    before = picture.tobytes()
    once, again = edits.edit(name, picture, "seed"), edits.edit(name, picture, "seed")
    assert (once.mode, once.size, once.tobytes()) == ("RGB", again.size, again.tobytes())
    assert once.size != picture.size or ImageChops.difference(once, picture).getbbox()
    assert picture.tobytes() == before, "the original was drawn on"
    if name in WHOLE:
        assert once.size == picture.size


@pytest.mark.parametrize("name", (*edits.SUITE, *edits.DOUBLES, *edits.COVERS))
def test_an_edit_works_on_small_and_narrow_pictures(name: str) -> None:
    for size in ((40, 30), (30, 400), (5, 5)):
        assert min(edits.edit(name, Image.new("RGB", size, "#336699")).size) >= 1


def test_seeds_vary_what_is_drawn(picture: Image.Image) -> None:
    for name in ("crop_50", "banner", "window", "embed_40", "perspective", "noise", "gamma"):
        assert len({edits.edit(name, picture, seed).tobytes() for seed in range(4)}) > 1, name


def test_a_crop_keeps_its_share_and_an_embedded_picture_its_width(picture: Image.Image) -> None:
    assert edits.edit("crop_50", picture).size == (320, 200)
    host = edits.edit("embed_40", picture, 1)
    assert host.width == 1280 and host.height >= 0.4 * 1280 * 400 / 640
    assert not is_low_texture(host)


def test_a_perspective_shot_keeps_the_middle(picture: Image.Image) -> None:
    shot = np.asarray(edits.edit("perspective", picture, 1), int)
    for y, x in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert shot[y, x].max() < 100, "the corners are of the dark ground"
    assert abs(shot[150:250, 250:390].mean() - np.asarray(picture, int)[150:250, 250:390].mean()) < 25


def test_low_texture_depends_on_pixels(picture: Image.Image) -> None:
    blank = Image.new("RGB", (640, 400), "#f0f4f5")
    assert is_low_texture(blank) and not is_low_texture(picture)
    # A line of text is enough, a cursor is not.
    line = edits.opened(edits.png(blank))
    line.paste(picture.crop((0, 0, 640, 20)), (0, 0))
    assert not is_low_texture(line)
    cursor = edits.opened(edits.png(blank))
    cursor.paste("black", (20, 20, 28, 40))
    assert is_low_texture(cursor)
