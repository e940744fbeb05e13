"""One of many that agree alike is no sure answer: when a crowd is one, what stands out from it, and what
becomes of its verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from douglas_quaid.decision.calibration import shipped
from douglas_quaid.decision.decide import decide
from douglas_quaid.records import Configuration, Decision, Evidence
from douglas_quaid.search.context.ambiguity import AHEAD, CROWD, FROM, SURE, crowd_of

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
    """Evidence whose log odds are near `wanted`: the agreement is found by bisection over the edges that both
    have.
    """
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if shipped().log_odds(replace(DOUBTFUL, edges_contained=middle)) < wanted:
            low = middle
        else:
            high = middle
    return replace(DOUBTFUL, edges_contained=(low + high) / 2)


DOUBTFUL = replace(COPY, content_agreement=0.9, pdq_bits=60)


def alone(ids: Sequence[str]) -> list[str | None]:
    return [None] * len(ids)


def named(evidence: list[Evidence]) -> list[tuple[str, Evidence]]:
    return [(f"{number:064x}", one) for number, one in enumerate(evidence)]


def test_the_evidence_used_here_lies_between_doubt_and_certainty() -> None:
    for wanted in (FROM + 0.5, 0.5, 1.0):
        assert shipped().log_odds(with_odds(wanted)) == pytest.approx(wanted, abs=0.05)


def test_eight_that_agree_alike_are_each_others_rivals_and_seven_are_not() -> None:
    alike = [with_odds(1.0)] * CROWD
    assert set(crowd_of(named(alike), shipped(), alone).values()) == {CROWD - 1}
    assert crowd_of(named(alike[:-1]), shipped(), alone) == {}


def test_members_of_one_cluster_are_one_picture() -> None:
    alike = named([with_odds(1.0)] * (CROWD + 3))
    assert crowd_of(alike, shipped(), lambda ids: ["c"] * len(ids)) == {}
    # And those of two clusters and seven others are nine
    clusters = ["a", "a", "b", "b", *[None] * (CROWD - 1)]
    found = crowd_of(alike, shipped(), lambda ids: clusters)
    assert len(found) == CROWD + 3 and set(found.values()) == {CROWD}


def test_one_that_stands_out_or_leaves_no_doubt_is_as_it_was() -> None:
    crowd = [with_odds(FROM + 0.5)] * CROWD
    ahead = with_odds(FROM + 0.5 + AHEAD + 0.2)
    sure = replace(COPY, content_agreement=1.0, edges_contained=1.0, pdq_bits=0)
    assert shipped().log_odds(sure) > SURE
    found = crowd_of(named([ahead, sure, *crowd]), shipped(), alone)
    assert set(found) == {image_id for image_id, _ in named([ahead, sure, *crowd])[2:]}


def test_equal_pixels_and_pairs_without_a_map_are_no_rivals() -> None:
    others = [replace(COPY, same_pixels=True)] * CROWD + [Evidence(pdq_bits=120)] * CROWD
    assert crowd_of(named(others), shipped(), alone) == {}


def test_a_verdict_is_shared_with_its_rivals_and_says_so() -> None:
    one = with_odds(1.0)
    before, after = decide(one, shipped()), decide(replace(one, ambiguous_with=19), shipped())
    assert before.decision is Decision.MATCH
    assert after.decision is not Decision.MATCH and after.confidence == pytest.approx(before.confidence / 20)
    assert "19 other pictures agree as well" in after.sentence
