"""Pictures that stand in a page: where they are found, that pages of text have none, and that a store answers
with them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support import pictures
from support.options import LARGE_STORE

from douglas_quaid import Decision, Engine, Relation
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation import edits
from douglas_quaid.evaluation.drawn_edits import text_page
from douglas_quaid.features.insets import extract_insets, find_boxes
from douglas_quaid.features.options import DEFAULTS


def grey(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"))


@pytest.fixture(scope="module")
def host() -> Image.Image:
    return text_page(random.Random("host"), 1280, 960)


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return edits.opened(sample("indexed/rocket.jpg"))


def placed(
    host: Image.Image, picture: Image.Image, left: int, top: int, width: int
) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """The page with the picture in a thin frame, text kept at a distance as pages do, and where it stands."""
    small = picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)
    page = host.copy()
    page.paste("white", (left - 8, top - 8, left + small.width + 8, top + small.height + 8))
    page.paste(small, (left, top))
    ImageDraw.Draw(page).rectangle(
        (left, top, left + small.width - 1, top + small.height - 1), outline="#808080"
    )
    return page, (left, top, left + small.width, top + small.height)


@pytest.mark.parametrize(("left", "top", "width"), [(100, 200, 500), (600, 320, 300), (40, 60, 700)])
def test_a_picture_in_a_page_of_text_is_found_where_it_stands(
    host: Image.Image, photo: Image.Image, left: int, top: int, width: int
) -> None:
    page, box = placed(host, photo, left, top, width)
    # Then the only box of the page is the picture's, give or take the width of a line
    assert find_boxes(grey(page)) == [pytest.approx(box, abs=6)]
    # And it has the keypoints of a picture, in unit coordinates of the page
    (inset,) = extract_insets(grey(page))
    assert inset.box == pytest.approx((box[0] / 1280, box[1] / 960, box[2] / 1280, box[3] / 960), abs=0.01)
    assert len(inset.local) > 300


def test_a_page_that_was_reduced_gives_boxes_in_its_own_pixels(host: Image.Image, photo: Image.Image) -> None:
    page, box = placed(host, photo, 100, 200, 500)
    large = page.resize((2 * page.width, 2 * page.height), Image.Resampling.LANCZOS)
    assert find_boxes(grey(large)) == [pytest.approx([2 * side for side in box], abs=12)]


@pytest.mark.parametrize("seed", range(4))
def test_text_alone_has_no_boxes(seed: int) -> None:
    assert find_boxes(grey(text_page(random.Random(seed), 1280, 960))) == []


@pytest.mark.parametrize("size", [(1, 1), (40, 40), (5000, 3), (3, 5000)])
def test_pictures_of_any_size_are_looked_at(size: tuple[int, int]) -> None:
    assert extract_insets(grey(Image.new("RGB", size, "white"))) == ()


def test_an_empty_frame_shows_nothing_and_the_largest_come_first(
    host: Image.Image, photo: Image.Image
) -> None:
    # Given an empty box and three pictures
    page = placed(host, Image.new("RGB", (300, 200), "#d0d0d0"), 40, 20, 260)[0]
    widths = (380, 260, 320)
    for place, width in enumerate(widths):
        page, _ = placed(page, photo, 30 + 410 * place, 400, width)
    # Then the largest two have keypoints, in this order
    found = extract_insets(grey(page))
    assert [1280 * (inset.box[2] - inset.box[0]) for inset in found] == [
        pytest.approx(380, abs=12),
        pytest.approx(320, abs=12),
    ] and len(found) == DEFAULTS.insets.maximum_insets


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


def test_a_small_screenshot_shown_in_a_page_is_found_and_said_to_be_a_part(
    store_url: str, host: Image.Image
) -> None:
    # Given a store that counts as large, so that it says something that no other page agrees, and pages of
    # which one is shown in an article,
    # at 30 % of its width, where its own keypoints among the article's are few
    article, box = placed(host, pictures.page(3), 500, 300, 384)
    with Engine.open(store_url, options=LARGE_STORE) as engine:
        ids = [engine.add(edits.png(pictures.page(seed))).image_id for seed in range(6)]
        # When the article is the query
        answer = engine.query(edits.png(article))
    # Then the page is the answer, held by the query at this place
    assert answer.decision is Decision.MATCH
    hit = answer.hits[0]
    assert (hit.image_id, hit.relation) == (ids[3], Relation.PARTIAL)
    matrix = np.array(hit.evidence.matrix).reshape(3, 3)
    corner = matrix @ [box[0] / 1280, box[1] / 960, 1]
    assert corner[:2] / corner[2] == pytest.approx([0, 0], abs=0.02)
    assert (
        hit.evidence.covered_reference == pytest.approx(1.0, abs=0.03)
        and (hit.evidence.covered_query or 1.0) < 0.15
    )


def test_an_article_about_something_else_matches_nothing(
    engine: Engine, host: Image.Image, photo: Image.Image
) -> None:
    for seed in range(6):
        engine.add(edits.png(pictures.page(seed)))
    article, _ = placed(host, photo, 500, 300, 500)
    assert engine.query(edits.png(article)).decision is Decision.NO_MATCH
