"""Twins: two stored pictures that differ in a few words, of which a query can be a copy of one only."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PIL import Image, ImageDraw, ImageFont
from support.pictures import page

from douglas_quaid import Engine
from douglas_quaid.answers import Hit
from douglas_quaid.evaluation import edits
from douglas_quaid.records import Decision, ImageId, Reason

PLACE = (300, 300, 900, 420)
PAYMENT = ("Payment to Anna Abel 1200.00", "due on Monday 4 May", "reference 77-0192")
INVOICE = ("Invoice for Hugo Lopez 98.15", "until Friday 19 June", "number 31-4450")


def saying(*lines: str) -> Image.Image:
    """One page, which says something else in one place."""
    shown = page(3, 1280, 800)
    pen, font = ImageDraw.Draw(shown), ImageFont.load_default(28)
    pen.rectangle(PLACE, fill="white")
    for number, line in enumerate(lines):
        pen.text((310, 310 + 36 * number), line, fill="black", font=font)
    return shown


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


def stored(engine: Engine, *lines: str) -> ImageId:
    return engine.add(edits.png(saying(*lines)), link=False).image_id


def asked(engine: Engine, shown: Image.Image) -> dict[ImageId, Hit]:
    return {hit.image_id: hit for hit in engine.query(edits.png(shown)).hits}


def test_a_query_that_hides_what_two_pages_differ_in_matches_neither(engine: Engine) -> None:
    # Given two pages that differ in three lines, and a query without these lines
    payment, invoice = stored(engine, *PAYMENT), stored(engine, *INVOICE)
    # then a person decides of which of the two it is a copy, and reads why.
    hits = asked(engine, saying())
    for image_id, other in ((payment, invoice), (invoice, payment)):
        hit = hits[image_id]
        assert hit.decision is Decision.REVIEW and hit.reasons == (Reason.RIVAL,)
        assert (hit.evidence.twin_inliers or 0) >= 0.97 * (hits[other].evidence.inliers or 0)
        assert "another picture that differs from this one in places" in hit.sentence


def test_with_one_of_the_two_pages_the_same_query_is_a_match(engine: Engine) -> None:
    payment = stored(engine, *PAYMENT)
    (hit,) = asked(engine, saying()).values()
    assert hit.image_id == payment and hit.decision is Decision.MATCH and hit.evidence.twin_inliers is None


@pytest.mark.parametrize("edit", ["jpeg_30", "resize_50", "greyscale"])
def test_a_query_that_shows_the_lines_matches_the_page_with_them_alone(engine: Engine, edit: str) -> None:
    payment, invoice = stored(engine, *PAYMENT), stored(engine, *INVOICE)
    hits = asked(engine, edits.edit(edit, saying(*INVOICE), "invoice"))
    assert hits[invoice].decision is Decision.MATCH
    assert payment not in hits or hits[payment].decision is not Decision.MATCH


def test_two_captures_of_one_page_are_no_twins(engine: Engine) -> None:
    # Given a page and the same in another size, unlinked
    first = stored(engine, *PAYMENT)
    second = engine.add(edits.png(saying(*PAYMENT).resize((1024, 640))), link=False).image_id
    # then a query of the page matches both.
    hits = asked(engine, edits.edit("jpeg_30", saying(*PAYMENT), "payment"))
    assert [hits[each].decision for each in (first, second)] == [Decision.MATCH, Decision.MATCH]
    assert [hits[each].evidence.twin_inliers for each in (first, second)] == [None, None]
