"""A logo of a baseline is found in a page that shows it; a letter, an arrow or a disc is no logo."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.server import Server

from douglas_quaid import Engine
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import Context, decide
from douglas_quaid.evaluation import edits
from douglas_quaid.evaluation.drawn_edits import letters
from douglas_quaid.features.objects import as_object, describe, find_places
from douglas_quaid.records import Configuration, Decision, Evidence, Reason, Relation

WHITE, DARK = "#ffffff", "#16202c"
#: Side on which logos are drawn, of which a page shows a smaller one.
LARGE = 384
#: How round corners are.
ROUND = {"rounded_rectangle": {"radius": 10}}


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


def mark(seed: int, colour: str = "#1f4b99") -> Image.Image:
    """A logo of one colour on transparency: a ring, two blades and a gap, as the seed has it."""
    rng = random.Random(seed)
    drawn = Image.new("L", (LARGE, LARGE))
    draw = ImageDraw.Draw(drawn)
    first = rng.randrange(360)
    draw.arc((8, 8, LARGE - 8, LARGE - 8), first, first + rng.randrange(200, 320), 255, rng.randrange(30, 60))
    for _ in range(3):
        x, y = rng.randrange(100, 220), rng.randrange(100, 220)
        ends = [(x + rng.randrange(-90, 150), y + rng.randrange(-90, 150)) for _ in range(4)]
        draw.polygon(ends, fill=255)
    draw.line([(rng.randrange(60, 320), 60), (rng.randrange(60, 320), 320)], fill=0, width=24)
    found = Image.new("RGBA", drawn.size, colour)
    found.putalpha(drawn)
    return found


def sign(text: str, side: int = 64) -> Image.Image:
    """A letter or an arrow as an icon."""
    found = Image.new("RGB", (side, side), WHITE)
    ImageDraw.Draw(found).text((side / 2, side / 2), text, "#222222", letters(side * 3 // 4), anchor="mm")
    return found


def page(*logos: tuple[Image.Image, int, tuple[int, int]], ground: str = WHITE) -> Image.Image:
    """A page of text with a bar at the top, and logos of these heights at these places."""
    shown, rng = Image.new("RGB", (1100, 700), WHITE), random.Random("page")
    draw = ImageDraw.Draw(shown)
    draw.rectangle((0, 0, 1100, 120), fill=ground)
    draw.text((300, 50), "Sign in   Prices   Help", "#888888", letters(18))
    for line in range(20):
        words = " ".join("".join(rng.choices("aeiounrstlmdkp", k=rng.randrange(2, 9))) for _ in range(14))
        draw.text((40, 160 + 26 * line), words, "#333333", letters(15))
    for number in range(4):
        draw.rectangle((900, 160 + 120 * number, 1060, 250 + 120 * number), outline="#aab2bb")
        draw.ellipse((916, 180 + 120 * number, 948, 212 + 120 * number), fill="#336699")
    for logo, height, place in logos:
        small = logo.resize((height, height), Image.Resampling.LANCZOS)
        shown.paste(small, place, small if small.mode == "RGBA" else None)
    return shown


def known(engine: Engine, logo: Image.Image, *, purpose: str = "baseline", brand: str = "Example") -> str:
    """Add a logo of 128 pixels to a collection."""
    engine.create_collection(purpose, purpose)
    small = logo.resize((128, 128), Image.Resampling.LANCZOS)
    labels = {"brand": brand}
    return engine.add(edits.png(small), collection=purpose, labels=labels, link=False).image_id


@pytest.fixture(scope="module")
def brands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, list[str]]]:
    """An engine that knows the logos of six brands, and their images."""
    server = Server(tmp_path_factory.mktemp("valkey")).start()
    with Engine.open(server.url) as engine:
        yield engine, [known(engine, mark(number), brand=f"Brand {number}") for number in range(6)]
    server.kill()


@pytest.mark.parametrize("height", [32, 48, 96])
@pytest.mark.parametrize(
    ("seed", "ground", "colour"),
    [(0, WHITE, "#1f4b99"), (1, "#e9ecef", "#b3261e"), (2, DARK, "white"), (3, "#0d3b66", "#ffd166")],
)
def test_a_logo_in_a_page_is_for_a_person_to_see(
    brands: tuple[Engine, list[str]], seed: int, ground: str, colour: str, height: int
) -> None:
    # Given some logos of brands
    engine, logos = brands
    # When a page shows one of them, in any colour on any ground
    asked = page((mark(seed, colour), height, (30, 12)), ground=ground)
    (hit,) = engine.query(edits.png(asked)).hits
    # Then this logo is for a person to see, and the evidence says where it stands
    assert (hit.image_id, hit.decision, hit.relation) == (logos[seed], Decision.REVIEW, Relation.LOOKS_LIKE)
    assert hit.reasons == (Reason.OBJECT,)
    assert "the query holds the reference as a logo of" in hit.sentence and "top left" in hit.sentence
    assert hit.collections[0].labels == {"brand": f"Brand {seed}"}
    drawn = np.array(asked.crop((20, 2, 20 + 2 * height, 118)).convert("L")).astype(int)
    rows, columns = np.nonzero(np.abs(drawn - drawn[0, 0]) > 40)
    wanted = columns.min() + 20, rows.min() + 2, columns.max() + 21, rows.max() + 3
    box = np.array(hit.evidence.object_box) * [1100, 700, 1100, 700]
    assert np.abs(box - wanted).max() <= 3


def test_another_logo_is_not_found(brands: tuple[Engine, list[str]]) -> None:
    engine, _ = brands
    others = [(mark(number), 48, (30 + 70 * number % 280, 12)) for number in range(100, 104)]
    assert engine.query(edits.png(page(*others))).hits == ()


def test_a_letter_or_an_arrow_is_no_logo(engine: Engine) -> None:
    # Given icons that show a letter, a digit or an arrow
    engine.create_collection("brands", "baseline")
    for text in "eR7>+":
        for side in (64, 32):
            engine.add(edits.png(sign(text, side)), collection="brands", link=False)
    # When a page of text shows the same ones, too
    shown = [(sign(text), 48, (30 + 60 * number, 12)) for number, text in enumerate("eR7>+")]
    # Then nothing is found
    assert engine.query(edits.png(page(*shown, (sign("R"), 96, (500, 12))))).hits == ()


@pytest.mark.parametrize("text", ["R7kG", "aB4x"])
def test_the_icon_of_a_letter_is_not_found_in_a_captcha(engine: Engine, text: str) -> None:
    shown, rng = Image.new("RGB", (200, 70), "#f4f4f4"), random.Random(text)
    draw = ImageDraw.Draw(shown)
    for place, letter in enumerate(text):
        draw.text((30 + 45 * place, 36), letter, fill="#333333", anchor="mm", font=letters(52))
    for _ in range(3):
        draw.line([(rng.randrange(200), rng.randrange(70)) for _ in range(2)], fill="#888888")
    engine.create_collection("brands", "baseline")
    for place in range(4):
        icon = shown.crop((5 + 45 * place, 8, 57 + 45 * place, 64))
        engine.add(edits.png(icon.resize((32, 34), Image.Resampling.LANCZOS)), collection="brands")
    assert engine.query(edits.png(shown)).hits == ()


def test_a_plain_shape_is_no_logo(engine: Engine) -> None:
    engine.create_collection("brands", "baseline")
    shapes = []
    for name in ("rectangle", "ellipse", "rounded_rectangle"):
        drawn = Image.new("RGB", (64, 64), WHITE)
        getattr(ImageDraw.Draw(drawn), name)((4, 4, 60, 60), **ROUND.get(name, {}), fill="#336699")
        engine.add(edits.png(drawn), collection="brands", link=False)
        shapes.append(drawn)
    shown = [(drawn, 48, (30 + 60 * number, 12)) for number, drawn in enumerate(shapes)]
    assert all(Reason.OBJECT not in hit.reasons for hit in engine.query(edits.png(page(*shown))).hits)


def test_a_logo_that_is_no_baseline_is_not_looked_for(engine: Engine) -> None:
    known(engine, mark(1), purpose="known")
    shown = edits.png(page((mark(1), 48, (30, 12))))
    assert engine.query(shown).hits == ()
    # Unless somebody says later that it is one
    logo = known(engine, mark(1))
    assert [hit.image_id for hit in engine.query(shown).hits] == [logo]
    # And then it may be left out
    assert engine.query(shown, exclude=[logo]).hits == ()


def test_linking_finds_what_a_query_finds_and_both_sides_tell(engine: Engine) -> None:
    logo = known(engine, mark(2))
    shown = edits.png(page((mark(2), 64, (30, 12))))
    asked = engine.query(shown)
    stored = engine.add(shown)
    assert engine.hits(stored.image_id)[0].evidence == asked.hits[0].evidence
    (other,) = engine.hits(logo)
    assert (other.image_id, other.relation) == (stored.image_id, Relation.LOOKS_LIKE)
    assert "the reference holds the query as a logo of" in other.sentence
    assert engine.cluster_ids([stored.image_id, logo]) == [None, None]


def test_a_forgotten_logo_is_not_found(engine: Engine) -> None:
    logo = known(engine, mark(3))
    shown = edits.png(page((mark(3), 48, (30, 12))))
    assert engine.query(shown).hits
    engine.forget(logo)
    assert engine.query(shown).hits == ()


def test_a_search_that_is_cut_says_so(engine: Engine) -> None:
    known(engine, mark(3))
    answer = engine.query(edits.png(page((mark(3), 48, (30, 12)))), deadline=0.0)
    assert answer.hits == () and not answer.complete


def test_it_is_never_a_match_and_nothing_outside_a_baseline() -> None:
    evidence = Evidence(
        configuration=Configuration.OBJECT,
        covered_query=0.01,
        covered_reference=1.0,
        object_box=(0.0, 0.0, 0.1, 0.1),
        object_pixels=60,
        object_agreement=1.0,
        object_lead=0.5,
    )
    held = decide(evidence, Context(baseline=True), shipped())
    assert (held.decision, held.relation) == (Decision.REVIEW, Relation.LOOKS_LIKE)
    other = decide(evidence, Context(), shipped())
    assert (other.decision, other.relation) == (Decision.NO_MATCH, None)


def test_a_picture_is_an_object_only_if_it_is_small_and_shows_something() -> None:
    grey = np.array(mark(1).getchannel("A").resize((128, 128)))
    assert as_object(grey) is not None
    assert as_object(np.full((64, 64), 255, np.uint8)) is None
    assert as_object(np.full((4, 64), 255, np.uint8)) is None
    assert as_object(np.repeat(np.repeat(grey, 3, axis=0), 3, axis=1)) is None


def test_pages_without_places_have_no_descriptors() -> None:
    for shape in ((5, 5), (300, 400)):
        blank = np.full(shape, 200, np.uint8)
        places = find_places(blank)
        assert places.shape == (0, 4) and len(describe(blank, places)) == 0
