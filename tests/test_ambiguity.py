"""Ambiguous queries: how many different pictures make one, what stands out from them, and what becomes of
their verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from douglas_quaid.decision.calibration import logit
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import decide_stored
from douglas_quaid.records import Configuration, Decision, Evidence
from douglas_quaid.search.context.ambiguity import ambiguous_with
from douglas_quaid.search.options import DEFAULTS

OPTIONS = DEFAULTS.context.ambiguity
ENOUGH = OPTIONS.pictures
FLOOR, SURE = logit(OPTIONS.minimum_probability), logit(OPTIONS.sure_probability)

COPY = Evidence(
    pdq_bits=20,
    inliers=300,
    explained=0.7,
    covered_query=1.0,
    covered_reference=1.0,
    content_agreement=0.97,
    agreement_of_emptier=0.97,
    agreement_both_textured=0.97,
    agreement_outside_rectangle=1.0,
    differing_rectangle=0.0,
    edges_contained=0.9,
    block_correlation=0.96,
    blocks_compared=200,
    configuration=Configuration.WHOLE,
    matrix=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
)


def with_odds(wanted: float) -> Evidence:
    """Evidence whose log odds are near `wanted`, found by bisection over how much agrees."""
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if shipped().log_odds(agreeing(middle)) < wanted:
            low = middle
        else:
            high = middle
    return agreeing((low + high) / 2)


def agreeing(share: float) -> Evidence:
    return replace(
        COPY,
        pdq_bits=60,
        content_agreement=0.9,
        edges_contained=share,
        agreement_both_textured=share,
        explained=0.7 * share,
        blocks_compared=round(1_000 * share),
    )


def alone(ids: Sequence[str]) -> list[str | None]:
    return [None] * len(ids)


def named(evidence: list[Evidence]) -> list[tuple[str, Evidence]]:
    return [(f"{number:064x}", one) for number, one in enumerate(evidence)]


def test_the_evidence_used_here_lies_between_doubt_and_certainty() -> None:
    for wanted in (FLOOR + 0.5, 0.5, 1.0):
        assert shipped().log_odds(with_odds(wanted)) == pytest.approx(wanted, abs=0.05)


def test_eight_that_agree_alike_make_a_query_ambiguous_and_seven_do_not() -> None:
    alike = [with_odds(1.0)] * ENOUGH
    assert set(ambiguous_with(named(alike), shipped(), alone).values()) == {ENOUGH - 1}
    assert ambiguous_with(named(alike[:-1]), shipped(), alone) == {}


def test_members_of_one_cluster_are_one_picture() -> None:
    alike = named([with_odds(1.0)] * (ENOUGH + 3))
    assert ambiguous_with(alike, shipped(), lambda ids: ["c"] * len(ids)) == {}
    # And those of two clusters and seven others are nine
    clusters = ["a", "a", "b", "b", *[None] * (ENOUGH - 1)]
    found = ambiguous_with(alike, shipped(), lambda ids: clusters)
    assert len(found) == ENOUGH + 3 and set(found.values()) == {ENOUGH}


def test_one_that_stands_out_or_leaves_no_doubt_is_as_it_was() -> None:
    others = [with_odds(FLOOR + 0.5)] * ENOUGH
    ahead = with_odds(FLOOR + 0.5 + OPTIONS.lead + 0.2)
    sure = replace(COPY, content_agreement=1.0, edges_contained=1.0, pdq_bits=0)
    assert shipped().log_odds(sure) > SURE
    found = ambiguous_with(named([ahead, sure, *others]), shipped(), alone)
    assert set(found) == {image_id for image_id, _ in named([ahead, sure, *others])[2:]}


def test_equal_pixels_and_pairs_without_a_transform_do_not_count() -> None:
    others = [replace(COPY, same_pixels=True)] * ENOUGH + [Evidence(pdq_bits=120)] * ENOUGH
    assert ambiguous_with(named(others), shipped(), alone) == {}


def test_a_verdict_is_shared_with_the_others_and_says_so() -> None:
    one = with_odds(logit(shipped().thresholds.match) + 0.2)
    before, after = decide_stored(one, shipped()), decide_stored(replace(one, ambiguous_with=19), shipped())
    assert before.decision is Decision.MATCH
    assert after.decision is Decision.REVIEW and before.confidence / 20 < after.confidence
    assert "19 other pictures agree as well" in after.sentence
