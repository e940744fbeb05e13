"""What a query says of a pair in a store of two is what `compare` says of it."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from PIL import Image

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation import edits
from douglas_quaid.records import Decision

PAGES = ("webmail-login.png", "bank-login.png", "handbook.png")


def page(name: str) -> Image.Image:
    return edits.opened(sample(f"indexed/{name}"))


def in_a_wider_window(shown: Image.Image, factor: float) -> Image.Image:
    """The page as a window shows it that is wider by this factor: the content stays in the middle."""
    width = round(shown.width * factor)
    wide = Image.new("RGB", (width, shown.height), shown.getpixel((2, shown.height - 3)))
    wide.paste(shown, ((width - shown.width) // 2, 0))
    return wide


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("factor", [1.03, 1.06, 1.12])
def test_a_page_in_windows_of_two_widths_is_a_match_for_both(
    store_url: str, name: str, factor: float
) -> None:
    known, asked = edits.png(page(name)), edits.png(in_a_wider_window(page(name), factor))
    with Engine.open(store_url) as engine:
        engine.add(known)
        hit = engine.query(asked).hits[0]
        compared = engine.compare(asked, known)

    assert hit.decision is compared.decision is Decision.MATCH
    assert hit.confidence == pytest.approx(compared.confidence)
    assert astuple(hit.evidence) == astuple(compared.evidence)


@pytest.mark.parametrize(
    "edit", ["jpeg_10", "crop_75", "browser_bar", "mirror", "night_mode", "rotate_5", "banner", "modal"]
)
def test_an_edited_page_is_judged_alike_by_both(store_url: str, edit: str) -> None:
    known = edits.png(page("market.png"))
    asked = edits.png(edits.edit(edit, page("market.png")))
    with Engine.open(store_url) as engine:
        engine.add(known)
        engine.add(edits.png(page("handbook.png")))
        hit = engine.query(asked, min_decision="no-match", include_same_template=True).hits[0]
        compared = engine.compare(asked, known)

    assert (hit.decision, hit.relation) == (compared.decision, compared.relation)
    assert hit.confidence == pytest.approx(compared.confidence, abs=0.01)
