"""A ratio test between pictures: who is a rival of whom, on which part of the query, and what that does to a
verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image
from support.options import LARGE_STORE
from support.pictures import page, png

from douglas_quaid import Engine
from douglas_quaid.deadline import Timer
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.options import DEFAULTS as DECISION
from douglas_quaid.decision.predictors import PREDICTOR_BY_NAME
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.features import extract_features
from douglas_quaid.features.picture import Picture
from douglas_quaid.records import Candidate, Decision, Evidence, ImageFeatures
from douglas_quaid.search.context.rivals import rival_inliers
from douglas_quaid.search.options import DEFAULTS
from douglas_quaid.search.search import ClusterOf
from douglas_quaid.search.verified import Pair, verify_all
from douglas_quaid.verification.options import DEFAULTS as VERIFICATION
from douglas_quaid.verification.verify import Verification

#: Largest distance of two captures of one picture.
SAME_PICTURE = DEFAULTS.context.rivals.same_picture_bits
UPPER, LOWER = (0.0, 0.0, 1.0, 0.4), (0.0, 0.6, 1.0, 1.0)


def alone(ids: Sequence[str]) -> list[str | None]:
    return [None] * len(ids)


@cache
def some_features() -> ImageFeatures:
    return extract_features(decode_image(png(page(1, 320, 240)), max_bytes=1 << 26, max_pixels=1 << 26))


def found(
    name: str,
    inliers: int | None,
    *,
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0),
    bits: int = 0,
) -> Pair:
    """A candidate with so many inliers in a box of the query, each of two points, whose PDQ hash has so many
    bits set.
    """
    features = some_features()
    pdq = np.packbits(np.arange(256) < bits).tobytes()
    reference = Picture(replace(features, hashes=replace(features.hashes, pdq=pdq)))
    left, top, right, bottom = box
    spread = np.linspace(0, 1, inliers or 0)
    points = np.repeat(
        np.column_stack([left + spread * (right - left), top + spread * (bottom - top)]), 2, axis=0
    ).astype(np.float32)
    return Pair(name, reference, Verification(Evidence(inliers=inliers), points, points))


def most_inliers(pairs: Sequence[Pair], earlier: Sequence[Pair], cluster_of: ClusterOf) -> list[int | None]:
    """The most inliers of a rival of each pair, when nothing was cut."""
    counted = rival_inliers(pairs, earlier, cluster_of)
    assert not any(is_cut for _, is_cut in counted)
    return [most for most, _ in counted]


def test_what_the_timer_cut_is_told() -> None:
    # Given two rivals, when no work is left, then neither has one, and both say that none was looked for.
    two = [found("a", 90), found("b", 80, bits=SAME_PICTURE + 1)]
    assert rival_inliers(two, [], alone, timer=Timer(None, 0)) == [(0, True), (0, True)]


def test_the_best_of_the_others_is_the_rival_of_each() -> None:
    three = [found("a", 90, bits=0), found("b", 60, bits=60), found("c", 20, bits=120)]
    assert most_inliers(three, [], alone) == [60, 90, 90]


def test_one_that_stands_alone_has_none_and_one_without_inliers_was_not_measured() -> None:
    assert most_inliers([found("a", 90), found("b", None, bits=60)], [], alone) == [
        0,
        None,
    ]


@pytest.mark.parametrize(("bits", "expected"), [(SAME_PICTURE, [0, 0]), (SAME_PICTURE + 1, [80, 90])])
def test_two_captures_of_one_picture_are_no_rivals(bits: int, expected: list[int]) -> None:
    assert [
        most for most, _ in rival_inliers([found("a", 90), found("b", 80, bits=bits)], [], alone)
    ] == expected


def test_what_an_earlier_look_found_is_a_rival_too() -> None:
    # Given a picture that was found by the mirrored query, and before it another and itself
    before = [found("a", 90), found("b", 60, bits=60)]
    assert most_inliers([found("a", 30)], before, alone) == [60]


def test_members_of_one_cluster_are_no_rivals() -> None:
    three = [found("a", 90), found("b", 80, bits=60), found("c", 30, bits=120)]
    assert most_inliers(three, [], lambda ids: ["one", "one", "other"]) == [30, 30, 90]


def test_pictures_side_by_side_are_no_rivals() -> None:
    # Given a collage: one picture lies in its upper part, one in its lower, and a page of the same frame on
    # all of it
    three = [
        found("upper", 50, box=UPPER),
        found("lower", 90, box=LOWER, bits=60),
        found("frame", 20, bits=120),
    ]
    # then the two do not mind each other, and of the frame counts what lies where they do.
    upper, lower, frame = most_inliers(three, [], alone)
    assert upper == lower == 8
    assert frame == 90


def test_the_ratio_says_how_much_a_pair_stands_out() -> None:
    def rivalled(evidence: Evidence) -> float | None:
        return PREDICTOR_BY_NAME["rival_share"].measure(evidence, DECISION.predictors)

    many, few = (
        rivalled(Evidence(inliers=80, rival_inliers=20)),
        rivalled(Evidence(inliers=8, rival_inliers=2)),
    )
    assert many == 0.5 and few == 0.875
    assert rivalled(Evidence(inliers=20, rival_inliers=20)) == 1.0
    assert rivalled(Evidence(inliers=80)) is None
    # and pairs without keypoints say nothing.
    assert rivalled(Evidence(rival_inliers=20)) is None


def test_a_search_counts_the_rivals_of_what_it_finds(store_url: str) -> None:
    # Given two pages of one site, which share a header and a frame, and a query with the content of the one
    # under a window
    def of_site(content: int) -> Image.Image:
        picture = page(3, 1280, 800)
        picture.paste(page(content, 1280, 800).crop((300, 200, 1200, 760)), (300, 200))
        return picture

    asked = of_site(7)
    asked.paste("white", (500, 300, 900, 600))
    with Engine.open(store_url, options=LARGE_STORE) as engine:
        copy, other = (engine.add(png(of_site(content)), link=False).image_id for content in (7, 8))
        found = {judged.image_id: judged.verdict.evidence for judged in engine.inquire(png(asked)).candidates}
        # then the copy's rival is the other page, with far fewer inliers, and the other page's rival is the
        # copy, with more than its own.
        assert 0 < (found[copy].rival_inliers or 0) < 0.6 * (found[copy].inliers or 0)
        assert (found[other].rival_inliers or 0) > 0.9 * (found[other].inliers or 0)
        # A pair by itself has no rivals.
        assert engine.compare(png(asked), copy).evidence.rival_inliers is None


def test_a_page_and_a_part_of_it_are_no_rivals(store_url: str) -> None:
    # Given a full page and its upper part, both stored, and a query of the upper part with a window over it
    full = Image.new("RGB", (1000, 1400), "white")
    for number, top in enumerate((0, 700)):
        full.paste(page(20 + number, 1000, 700), (0, top))
    upper = full.crop((0, 0, 1000, 800))
    asked = upper.copy()
    asked.paste("grey", (350, 200, 650, 420))
    with Engine.open(store_url, options=LARGE_STORE) as engine:
        ids = [engine.add(png(picture), link=False).image_id for picture in (full, upper)]
        found = {judged.image_id: judged.verdict for judged in engine.inquire(png(asked)).candidates}
        # then each stands alone, and both are answers.
        for image_id in ids:
            evidence = found[image_id].evidence
            assert (evidence.inliers or 0) > 40 and evidence.rival_inliers == 0
            assert found[image_id].decision is Decision.MATCH


def test_in_a_small_store_nobody_knows_of_rivals(store_url: str) -> None:
    with Engine.open(store_url) as engine:
        known = engine.add(png(page(9, 1000, 700)), link=False).image_id
        (found,) = engine.inquire(png(page(9, 1000, 700).crop((0, 0, 900, 600)))).candidates
        assert (
            found.image_id == known
            and (found.verdict.evidence.inliers or 0) > 40
            and found.verdict.evidence.rival_inliers is None
        )


def test_an_exact_copy_in_the_store_speaks_against_nothing(store_url: str) -> None:
    picture = page(9, 1000, 700)
    edited = picture.copy()
    edited.paste("grey", (350, 200, 650, 420))
    with Engine.open(store_url, options=LARGE_STORE) as engine:
        copy, other = (engine.add(png(one), link=False).image_id for one in (picture, edited))
        found = {judged.image_id: judged.verdict for judged in engine.inquire(png(picture)).candidates}
        assert found[copy].decision is Decision.MATCH and found[other].decision is Decision.MATCH


def test_of_many_copies_no_more_than_hashes_is_held() -> None:
    picture = Picture(some_features())
    search = Mock(
        query=picture,
        calibration=shipped(),
        timer=Timer(None),
        options=DEFAULTS,
        verification=VERIFICATION,
        **{"references.read.return_value": [picture], "is_baseline.return_value": False},
    )
    (one,) = verify_all(search, [Candidate("a")])
    assert one.evidence.same
    assert one.reference.features.thumbnail is None and len(one.reference.features.local) == 0
