"""What differs between two aligned pictures: other fillings of a template are told from edits, and the places
are named.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.pictures import page

from douglas_quaid import Engine
from douglas_quaid.answers import Hit
from douglas_quaid.config import Config
from douglas_quaid.decision.decide import is_altered, is_other_filling
from douglas_quaid.evaluation import edits
from douglas_quaid.evaluation.drawn_edits import letters
from douglas_quaid.evaluation.fillings import Filling, Template, filled, refilled
from douglas_quaid.evaluation.templates import TEMPLATES
from douglas_quaid.evaluation.templates_unseen import UNSEEN
from douglas_quaid.extraction.extractor import Extractor
from douglas_quaid.features.picture import Picture
from douglas_quaid.overlay import DIFFERS
from douglas_quaid.records import Box, Decision, Difference, Evidence, Reason, Relation
from douglas_quaid.store.verdict_sides import reversed_verdict
from douglas_quaid.verification.differences import Differences, find_differences
from douglas_quaid.verification.options import DEFAULTS

BY_KIND = {template.kind: template for template in (*TEMPLATES, *UNSEEN)}
SAME_PLACE = np.eye(3)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


def compared(engine: Engine, one: Image.Image, other: Image.Image) -> Hit:
    return engine.compare(edits.png(one), edits.png(other))


def picture(of: Image.Image) -> Picture:
    return Extractor(Config()).extract(edits.png(of), name="picture")


def differences(one: Image.Image, other: Image.Image) -> Differences:
    found = find_differences(picture(one), picture(other), SAME_PLACE)
    assert found is not None
    return found


def touches(box: Box, place: tuple[int, int, int, int], of: Filling) -> bool:
    width, height = of.picture.size
    x0, y0, x1, y1 = box
    left, top, right, bottom = place
    return x0 * width < right and x1 * width > left and y0 * height < bottom and y1 * height > top


# -- what is decided -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["form", "receipt", "invoice", "chat", "spreadsheet", "account-statement", "prescription"]
)
def test_another_filling_of_a_template_is_no_match_and_joins_nothing(engine: Engine, kind: str) -> None:
    # Given a page, and the same page with other values
    first = filled(BY_KIND[kind], 1)
    other, _ = refilled(first, len(first.values), 1)
    engine.add(edits.png(first.picture))
    # When the second is added
    added = engine.add(edits.png(other.picture))
    # Then nothing matches; the page is listed on request, as one of the same template, and joins nothing
    assert engine.hits(added.image_id) == ()
    asked = engine.query(edits.png(other.picture), exclude=(added.image_id,), include_same_template=True)
    assert asked.decision is Decision.NO_MATCH
    assert [hit.relation for hit in asked.hits] == [Relation.SAME_TEMPLATE]
    assert Reason.TEMPLATE in asked.hits[0].reasons
    assert "differs in" in asked.hits[0].sentence and asked.hits[0].confidence < 0.1
    assert len({*engine.cluster_ids([added.image_id, asked.hits[0].image_id])} - {None}) == 0


@pytest.mark.parametrize("edit", ["resize_50", "jpeg_30", "crop_90", "browser_bar"])
def test_another_filling_is_no_match_after_an_edit_either(engine: Engine, edit: str) -> None:
    first = filled(BY_KIND["receipt"], 2)
    other, _ = refilled(first, len(first.values), 2)
    hit = compared(engine, edits.edit(edit, other.picture, seed="2"), first.picture)
    assert (hit.decision, hit.relation) == (Decision.NO_MATCH, Relation.SAME_TEMPLATE)


@pytest.mark.parametrize("edit", ["resize_50", "jpeg_30", "browser_bar", "blur", "gamma"])
@pytest.mark.parametrize("kind", ["form", "chat", "spreadsheet"])
def test_the_same_filling_stays_a_match_and_differs_nowhere(engine: Engine, kind: str, edit: str) -> None:
    first = filled(BY_KIND[kind], 3)
    hit = compared(engine, edits.edit(edit, first.picture, seed="3"), first.picture)
    assert hit.decision is Decision.MATCH and hit.evidence.differences == ()


@pytest.mark.parametrize("kind", ["form", "chat", "spreadsheet"])
def test_a_crop_of_the_same_filling_stays_a_match(engine: Engine, kind: str) -> None:
    first = filled(BY_KIND[kind], 3)
    hit = compared(engine, edits.edit("crop_90", first.picture, seed="3"), first.picture)
    assert hit.decision is Decision.MATCH and not is_altered(hit.evidence)


@pytest.mark.parametrize("edit", ["window", "banner", "written_on", "watermark", "pixelated"])
def test_what_covers_a_page_or_is_written_on_it_is_no_other_filling(engine: Engine, edit: str) -> None:
    shown = page(5, 1280, 800)
    hit = compared(engine, edits.edit(edit, shown, seed="5"), shown)
    assert hit.relation is not Relation.SAME_TEMPLATE
    assert not is_other_filling(hit.evidence)


def test_where_one_place_has_much_other_content_a_person_decides() -> None:
    # Given evidence of one replaced region, which may be a value or a window of the same ground
    evidence = Evidence(replaced_regions=1, replaced_beside=0, replaced_share=0.3)
    # Then it is altered, and not another filling
    assert is_altered(evidence) and not is_other_filling(evidence)
    # And a letter, as compression may change it, is neither
    evidence = replace(evidence, replaced_share=0.01)
    assert not is_altered(evidence) and not is_other_filling(evidence)


def test_two_places_tell_another_filling_if_they_explain_what_does_not_agree() -> None:
    told = Evidence(replaced_regions=2, replaced_beside=2, replaced_share=0.03, fine_agreement=0.93)
    assert is_other_filling(told)
    # What a window covers does not agree either; two places at its edge say nothing.
    assert not is_other_filling(replace(told, fine_agreement=0.6))
    one = replace(told, replaced_regions=1, replaced_beside=0)
    assert is_altered(one) and not is_other_filling(one)
    assert not is_altered(replace(one, replaced_share=0.01))


# -- where it differs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", [BY_KIND["form"], BY_KIND["e-mail"], BY_KIND["wallet"]])
def test_the_boxes_lie_on_the_changed_values(engine: Engine, template: Template) -> None:
    # Given a page with three other values
    first = filled(template, 4)
    other, places = refilled(first, 3, 4)
    # When both are compared
    found = compared(engine, first.picture, other.picture).evidence.differences
    # Then every box lies on a changed value, and most values have one
    assert found
    assert all(any(touches(each.box, place, first) for place in places) for each in found)
    assert sum(any(touches(each.box, place, first) for each in found) for place in places) >= 2
    # And the other way round they lie there, too
    back = compared(engine, other.picture, first.picture).evidence.differences
    assert back
    assert all(any(touches(each.box, place, first) for place in places) for each in back)


def test_boxes_are_in_the_coordinates_of_the_query(engine: Engine) -> None:
    # Given a page inside a border, with other values in six places
    first = filled(BY_KIND["receipt"], 6)
    other, places = refilled(first, 6, 6)
    framed = Image.new("RGB", (700, 900), "#445566")
    framed.paste(other.picture, (100, 120))
    # When it is asked for
    found = compared(engine, framed, first.picture).evidence.differences
    # Then the boxes lie on these values where they are in the frame
    assert found
    moved = [(x0 + 100, y0 + 120, x1 + 100, y1 + 120) for x0, y0, x1, y1 in places]
    whole = replace(first, picture=framed)
    assert all(any(touches(each.box, place, whole) for place in moved) for each in found)


def test_seen_from_the_other_side_the_boxes_are_where_they_lie_there(engine: Engine) -> None:
    first = filled(BY_KIND["form"], 7)
    other, _ = refilled(first, 3, 7)
    cropped = other.picture.crop((124, 0, 1240, 760))
    hit = compared(engine, cropped, first.picture)
    from_page = compared(engine, first.picture, cropped)
    verdict = engine._compared(picture(cropped), picture(first.picture))[1]
    turned = reversed_verdict(verdict).evidence.differences
    assert hit.evidence.differences and turned and from_page.evidence.differences
    for one in turned:
        assert any(
            abs(one.box[0] - other.box[0]) < 0.03 and abs(one.box[1] - other.box[1]) < 0.03
            for other in from_page.evidence.differences
        )


def test_a_hit_and_the_drawing_show_them(engine: Engine) -> None:
    first = filled(BY_KIND["form"], 8)
    other, _ = refilled(first, 3, 8)
    one, two = edits.png(first.picture), edits.png(other.picture)
    line = engine.compare(one, two).to_json()
    assert line["differences"] and "differences" not in line["evidence"]
    for difference in line["differences"]:
        x0, y0, x1, y1 = difference["box"]
        assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1 and 0 < difference["share"] <= 1
    drawing = np.asarray(Image.open(io.BytesIO(engine.overlay(one, two))).convert("RGB"))
    assert (drawing == DIFFERS).all(axis=2).sum() > 100


def test_at_most_twenty_are_listed_the_largest_first() -> None:
    first = filled(BY_KIND["receipt"], 9)
    other, _ = refilled(first, 19, 9)
    found = differences(first.picture, other.picture)
    shares = [each.share for each in found.differences]
    assert len(shares) == 20 and shares == sorted(shares, reverse=True) and shares[0] > shares[-1]


# -- the measure ---------------------------------------------------------------------------------------------


def test_a_picture_differs_nowhere_from_itself() -> None:
    shown = page(10, 1280, 800)
    found = differences(shown, shown)
    assert found.fine_blocks > 100
    assert found == Differences(fine_blocks=found.fine_blocks, fine_agreement=1.0, fine_both_textured=1.0)


def test_an_alignment_that_is_off_by_some_pixels_is_mended() -> None:
    shown = page(11, 1280, 800)
    moved = shown.transform(shown.size, Image.Transform.AFFINE, (1.004, 0, -5, 0, 0.997, 6))
    assert differences(shown, moved).replaced_regions == 0


def test_nothing_is_said_without_a_thumbnail_or_across_versions() -> None:
    one, other = picture(page(12, 640, 400)), picture(page(13, 640, 400))
    without = Picture(replace(other.features, thumbnail=None))
    older = Picture(replace(other.features, versions=replace(other.features.versions, thumbnail=9)))
    assert find_differences(one, without, SAME_PLACE) is None
    assert find_differences(one, older, SAME_PLACE) is None


def test_an_overlap_of_a_few_pixels_has_no_differences() -> None:
    one, other = picture(page(14, 640, 400)), picture(page(15, 640, 400))
    aside = np.array([[1, 0, 0.99], [0, 1, 0], [0, 0, 1]], float)
    assert find_differences(one, other, aside) is None


def test_the_work_of_a_tall_picture_is_bounded() -> None:
    """A page of 16,000 pixels is compared at a smaller scale, and not in one piece."""
    tall = picture(Image.fromarray(np.tile(np.asarray(page(16, 640, 400)), (40, 1, 1))))
    assert tall.thumbnail is not None and tall.thumbnail.size > DEFAULTS.differences.maximum_pixels
    found = find_differences(tall, tall, SAME_PLACE)
    assert found is not None
    assert found == Differences(fine_blocks=found.fine_blocks, fine_agreement=1.0, fine_both_textured=1.0)


def test_a_difference_has_a_box_and_a_share() -> None:
    assert Difference((0.1, 0.2, 0.3, 0.4), 0.5).box[2] == 0.3


def lines(*, letter: str) -> Image.Image:
    """A page of large lines, one of which ends with this letter."""
    shown = Image.new("RGB", (1280, 800), "white")
    draw = ImageDraw.Draw(shown)
    for number in range(6):
        last = letter if number == 3 else "S"
        draw.text((60, 40 + 46 * number), f"Transfer of {137 * number + 61} to account", "black", letters(28))
        draw.text((900, 40 + 46 * number), last, "black", letters(28))
    return shown


def test_one_other_letter_is_a_place_that_differs() -> None:
    found = differences(lines(letter="K"), lines(letter="O"))
    assert len(found.differences) == 1
    x0, y0, x1, y1 = found.differences[0].box
    assert x0 - 0.02 <= 908 / 1280 <= x1 + 0.02 and y0 - 0.03 <= 192 / 800 <= y1 + 0.03
