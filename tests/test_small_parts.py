"""A part that shows too little is none: a letter stands in every page of text."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

from douglas_quaid import Engine
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import Context, decide
from douglas_quaid.decision.options import DEFAULTS
from douglas_quaid.decision.sentence import shows_little
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation import edits
from douglas_quaid.evaluation.drawn_edits import letters
from douglas_quaid.records import Configuration, Decision, Evidence, Reason, Relation


def captcha(text: str) -> Image.Image:
    """Four large letters and some lines."""
    shown, rng = Image.new("RGB", (200, 70), "#f4f4f4"), random.Random(text)
    draw = ImageDraw.Draw(shown)
    for place, letter in enumerate(text):
        draw.text((30 + 45 * place, 36), letter, fill="#333333", anchor="mm", font=letters(52))
    for _ in range(3):
        draw.line([(rng.randrange(200), rng.randrange(70)) for _ in range(2)], fill="#888888")
    return shown


@pytest.mark.parametrize("text", ["R7kG", "aB4x"])
@pytest.mark.parametrize("place", range(4))
def test_an_icon_of_one_letter_is_no_part_of_a_picture_with_that_letter(
    store_url: str, text: str, place: int
) -> None:
    whole = captcha(text)
    icon = whole.crop((5 + 45 * place, 8, 57 + 45 * place, 64)).resize((32, 34), Image.Resampling.LANCZOS)
    with Engine.open(store_url) as engine:
        known = engine.add(edits.png(whole)).image_id
        asked = engine.query(edits.png(icon))
        compared = engine.compare(edits.png(icon), known)

    assert asked.decision is Decision.NO_MATCH
    assert (compared.decision, compared.relation) == (Decision.NO_MATCH, None)
    assert compared.confidence < shipped().thresholds.review and compared.reasons == (Reason.WEAK_EVIDENCE,)
    assert "too little is in the part that both share" in compared.sentence


def test_a_part_of_a_photograph_shows_enough(store_url: str) -> None:
    photograph = edits.opened(sample("indexed/rocket.jpg"))
    width, height = photograph.size
    part = photograph.crop((width // 4, height // 4, 3 * width // 4, 3 * height // 4))
    with Engine.open(store_url) as engine:
        engine.add(edits.png(photograph))
        asked = engine.query(edits.png(part))

    assert asked.decision is Decision.MATCH and asked.hits[0].relation is Relation.PARTIAL


def test_a_sparse_page_that_is_small_in_another_has_enough_keypoints() -> None:
    evidence = Evidence(covered_query=0.12, covered_reference=1.0, blocks_compared=5, inliers=92)
    assert not shows_little(evidence, DEFAULTS.verdict)
    assert shows_little(replace(evidence, inliers=50), DEFAULTS.verdict)


def test_two_whole_pictures_with_few_blocks_are_still_judged() -> None:
    evidence = Evidence(
        pdq_bits=0,
        covered_query=1.0,
        covered_reference=1.0,
        content_agreement=1.0,
        agreement_of_emptier=1.0,
        agreement_both_textured=1.0,
        agreement_outside_rectangle=1.0,
        differing_rectangle=0.0,
        edges_contained=1.0,
        block_correlation=1.0,
        blocks_compared=5,
        configuration=Configuration.WHOLE,
        matrix=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    assert decide(evidence, Context(), shipped()).relation is Relation.NEAR_DUPLICATE
