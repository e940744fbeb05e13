"""Which brand of a baseline a page imitates: by what the two have in common, not by their layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from support.pictures import jpeg, photo, png

from douglas_quaid import Engine
from douglas_quaid.answers import QueryResult
from douglas_quaid.demo.pictures import sample
from douglas_quaid.features.emblems import Emblems, extract_emblems
from douglas_quaid.features.palette import extract_palette, palette_agreement, read_palette
from douglas_quaid.features.thumbnail import make_thumbnail, read_thumbnail
from douglas_quaid.records import Decision, Likeness, Relation
from douglas_quaid.verification.likeness import Baseline, Design

#: Brands: name, colour, second colour, and the corners of the logo's shape.
BRANDS = {
    "Norvel": ("#b3123c", "#f0a020", ((0, 90), (45, 0), (90, 90), (45, 60))),
    "Quistra": ("#1540b8", "#20c0e0", ((0, 0), (90, 20), (60, 90), (20, 50))),
    "Tamber": ("#0a7a3c", "#c0d020", ((10, 0), (80, 0), (90, 90), (0, 70))),
}


def text(draw: ImageDraw.ImageDraw, place: tuple[int, int], words: str, size: float, fill: str) -> None:
    draw.text(place, words, fill=fill, font=ImageFont.load_default(size))


def logo(brand: str, scale: float = 1.0) -> Image.Image:
    colour, second, corners = BRANDS[brand]
    sheet = Image.new("RGB", (420, 100), "white")
    draw = ImageDraw.Draw(sheet)
    draw.polygon(corners, fill=colour)
    draw.ellipse((50, 30, 96, 76), fill=second)
    text(draw, (116, 8), brand, 72, colour)
    return sheet.resize((round(420 * scale * 0.5), round(50 * scale)))


def login(
    brand: str,
    *,
    width: int = 1280,
    place: tuple[int, int] = (40, 20),
    scale: float = 1.0,
    heading: str = "Sign in",
    footer: bool = True,
) -> Image.Image:
    """A page with logo, heading, two fields and a button in the brand's colour; the same for all brands."""
    colour, second, _ = BRANDS[brand]
    sheet = Image.new("RGB", (width, 800), "white")
    draw = ImageDraw.Draw(sheet)
    sheet.paste(logo(brand, scale), place)
    draw.line((0, 130, width, 130), fill=second, width=4)
    left = width // 2 - 180
    text(draw, (left, 170), heading, 34, "#222222")
    for number, label in enumerate(("Email address", "Password")):
        top = 240 + 100 * number
        text(draw, (left, top), label, 18, "#222222")
        draw.rectangle((left, top + 28, left + 360, top + 72), outline="#b0b0b0", width=2)
    draw.rectangle((left, 450, left + 360, 500), fill=colour)
    text(draw, (left + 140, 462), "Sign in", 20, "white")
    if footer:
        text(draw, (40, 740), "About us   Help   Contact   Terms and privacy", 16, "#777777")
    return sheet


def listed(answer: QueryResult) -> list[tuple[str, Relation | None]]:
    return [(hit.collections[0].labels["brand"], hit.relation) for hit in answer.hits]


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


@pytest.fixture
def baseline(engine: Engine) -> Engine:
    """A store whose baseline has the login pages of three brands, in one layout."""
    engine.create_collection("brands", "baseline")
    for brand in BRANDS:
        engine.add(png(login(brand)), collection="brands", labels={"brand": brand})
    return engine


def imitation(brand: str) -> bytes:
    """A page with the logo elsewhere and larger, other words, another width, and no footer."""
    page = login(brand, width=1000, place=(380, 12), scale=1.4, heading="Verify your account", footer=False)
    return png(page)


def test_an_imitation_with_a_moved_logo_and_other_words_names_its_brand_and_no_other(
    baseline: Engine,
) -> None:
    for brand in BRANDS:
        answer = baseline.query(imitation(brand))
        assert (answer.decision, listed(answer)) == (Decision.REVIEW, [(brand, Relation.LOOKS_LIKE)])
        assert "shares an emblem of" in answer.hits[0].sentence and "same colours" in answer.hits[0].sentence


def test_a_page_of_another_brand_in_the_same_layout_looks_like_none(engine: Engine) -> None:
    # Given a baseline with the page of one brand, or of two
    engine.create_collection("brands", "baseline")
    for brand in ("Norvel", "Quistra"):
        engine.add(png(login(brand)), collection="brands", labels={"brand": brand})
        # When a page of a third is asked, which has all but logo and colours in the same place
        answer = engine.query(png(login("Tamber")))
        # then no brand is named
        assert (answer.decision, listed(answer)) == (Decision.NO_MATCH, [])


def test_a_capture_of_the_page_itself_is_a_match_as_ever(baseline: Engine) -> None:
    answer = baseline.query(jpeg(login("Quistra"), 60))
    assert (answer.decision, listed(answer)) == (Decision.MATCH, [("Quistra", Relation.NEAR_DUPLICATE)])


def test_the_stored_verdict_and_the_comparison_of_the_two_say_the_same(baseline: Engine) -> None:
    # Given an imitation that is stored, and what a query says of it
    asked = baseline.query(imitation("Tamber")).hits[0]
    stored = baseline.add(imitation("Tamber"))
    # When the stored verdicts are read on both sides, and the two are compared
    (hit,) = baseline.hits(stored.image_id)
    (other,) = baseline.hits(asked.image_id)
    compared = baseline.compare(stored.image_id, asked.image_id)
    # then all name the relation, and the place of the emblem is turned round on the other side
    assert {each.relation for each in (asked, hit, other, compared)} == {Relation.LOOKS_LIKE}
    assert hit.evidence.likeness == asked.evidence.likeness
    one, turned = hit.evidence.likeness, other.evidence.likeness
    assert one is not None and turned is not None
    assert (one.box_query, one.box_reference) == (turned.box_reference, turned.box_query)
    assert one.box_query != one.box_reference


def test_the_demonstration_no_longer_says_that_the_bank_looks_like_the_webmail(engine: Engine) -> None:
    # Given the webmail page as the only page of the baseline, then the bank's as well
    engine.create_collection("brands", "baseline")
    for name in ("webmail-login.png", "bank-login.png"):
        bank = sample("indexed/bank-login.png")
        hits = engine.query(bank).hits
        assert not [hit for hit in hits if hit.collections[0].labels["brand"] == "webmail-login.png"]
        data = sample(f"indexed/{name}")
        engine.add(data, collection="brands", labels={"brand": name})
    assert listed(engine.query(sample("asked/bank-imitation.png"))) == [
        ("bank-login.png", Relation.LOOKS_LIKE)
    ]


# -- what is compared ----------------------------------------------------------------------------------------


def palette_of(picture: Image.Image) -> bytes:
    return extract_palette(np.asarray(picture))


def design(picture: Image.Image) -> Design:
    return Design(extract_emblems(np.asarray(picture.convert("L"))), palette_of(picture))


def test_a_palette_has_the_saturated_colours_with_their_shares() -> None:
    # Given a white page with a quarter in red, a line of grey, and a corner in blue
    sheet = Image.new("RGB", (640, 400), "white")
    sheet.paste("#c81020", (0, 0, 640, 100))
    sheet.paste("#808080", (0, 200, 640, 260))
    sheet.paste("#1020c8", (0, 380, 64, 400))
    # When its palette is made, then it has two colours, the more frequent first
    palette = np.frombuffer(palette_of(sheet), np.uint8).reshape(-1, 4).astype(int)
    assert np.abs(palette[:, :3] - [[200, 16, 32], [16, 32, 200]]).max() <= 8
    assert (palette[:, 3] / 255) ** 2 == pytest.approx([0.25, 0.005], abs=0.003)
    assert len(palette_of(photo(1, 640, 400))) <= 32


def test_palettes_agree_as_far_as_they_have_the_same_colours() -> None:
    pages = [read_palette(palette_of(login(brand))) for brand in BRANDS]
    again = read_palette(palette_of(login("Norvel", width=900, place=(300, 30), footer=False)))
    grey = read_palette(b"")
    assert (palette_agreement(again, pages[0]) or 0) > 0.9
    assert all((palette_agreement(again, other) or 0) < 0.2 for other in pages[1:])
    assert (palette_agreement(again, grey), palette_agreement(grey, grey)) == (0.0, None)


def test_emblems_are_the_same_in_pixels_and_in_the_stored_detail() -> None:
    grey = np.asarray(login("Quistra").convert("L"))
    fresh, stored = extract_emblems(grey), extract_emblems(read_thumbnail(make_thumbnail(grey)))
    alike = fresh.descriptors.astype(float) @ stored.descriptors.astype(float).T
    assert 3 <= len(fresh) <= 30
    # The logo is one of them, and the same in both.
    logos = [at for at, box in enumerate(fresh.boxes) if box[0] < 0.05 and box[2] > 0.15 and box[3] < 0.12]
    assert logos and alike[logos].max() > 0.9


def test_fields_buttons_and_blank_pages_have_no_emblem() -> None:
    sheet = Image.new("RGB", (1280, 800), "white")
    assert len(extract_emblems(np.asarray(sheet.convert("L")))) == 0
    ImageDraw.Draw(sheet).rectangle((300, 200, 700, 250), outline="#808080", width=2)
    ImageDraw.Draw(sheet).rectangle((300, 300, 700, 350), fill="#1040c0")
    assert len(extract_emblems(np.asarray(sheet.convert("L")))) == 0


def test_what_many_brands_have_is_no_emblem_of_any() -> None:
    # Given the pages of ten brands: each has a logo of its own and the same heading
    rng = np.random.default_rng(3)
    own = rng.normal(size=(10, 1024))
    heading = rng.normal(size=(1, 1024))

    def of(*rows: np.ndarray) -> Emblems:
        patches = np.concatenate(rows) / np.linalg.norm(np.concatenate(rows), axis=1, keepdims=True)
        boxes = np.tile([0.1, 0.1, 0.2, 0.15], (len(patches), 1)).astype(np.float32)
        return Emblems(boxes, np.full(len(patches), 3.0, np.float32), patches.astype(np.float16))

    baseline = Baseline(
        [Design(of(own[i : i + 1], heading), None) for i in range(10)], [f"brand {i}" for i in range(10)]
    )
    # When a page with the heading is compared, then it has nothing in common with any
    assert {each.emblem for each in baseline.compare(Design(of(heading), None))} == {0.0}
    # and a page with the fourth logo has it in common with the fourth alone
    found = baseline.compare(Design(of(heading, own[3:4]), None))
    assert [number for number, each in enumerate(found) if each.emblem > 0] == [3]
    assert found[3] == Likeness(1.0, 0.0, None, (0.1, 0.1, 0.2, 0.15), (0.1, 0.1, 0.2, 0.15))
    assert baseline.better_brands([each.emblem for each in found]) == [1, 1, 1, 0, 1, 1, 1, 1, 1, 1]


def test_where_the_baseline_knows_few_brands_an_emblem_counts_less() -> None:
    pages = [design(login(brand)) for brand in BRANDS]
    found = Baseline(pages[:1], ["Norvel"]).compare(pages[0])[0]
    among = Baseline([pages[0], *pages[1:] * 5], ["Norvel", *(f"other {i}" for i in range(10))])
    assert 0 < found.emblem < among.compare(pages[0])[0].emblem
    assert replace(found, emblem=0.0).colours == 1.0
