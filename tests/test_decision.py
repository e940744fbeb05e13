"""From evidence to a verdict: three answers, five relations, monotone confidence, and a sentence that a
person can check.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from douglas_quaid.decision.calibration import logistic
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import decide_stored
from douglas_quaid.records import Configuration, Decision, Evidence, Likeness, Reason, Relation

IDENTITY = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)
WHOLE = Evidence(
    same_bytes=False,
    same_pixels=False,
    pdq_bits=8,
    orientation=0,
    covered_query=1.0,
    covered_reference=1.0,
    explained=0.6,
    content_agreement=0.97,
    agreement_of_emptier=0.97,
    agreement_both_textured=0.98,
    agreement_outside_rectangle=1.0,
    block_correlation=0.96,
    blocks_compared=180,
    configuration=Configuration.WHOLE,
    matrix=IDENTITY,
)
PART = replace(
    WHOLE,
    pdq_bits=110,
    inliers=160,
    covered_reference=0.4,
    content_agreement=0.98,
    agreement_of_emptier=0.98,
    configuration=Configuration.AFFINE,
)
TEMPLATE = replace(
    PART,
    inliers=80,
    explained=0.15,
    covered_reference=1.0,
    content_agreement=0.42,
    agreement_of_emptier=0.42,
    agreement_both_textured=0.5,
    agreement_outside_rectangle=0.6,
    block_correlation=0.4,
)
#: What an imitation has in common with its brand.
COPIED = Likeness(
    emblem=0.9,
    emblems_beside=0.4,
    colours=0.95,
    box_query=(0.04, 0.02, 0.18, 0.05),
    box_reference=(0.4, 0.02, 0.54, 0.05),
)
IMITATION = replace(TEMPLATE, likeness=COPIED)


def judged(evidence: Evidence, *, baseline: bool = False) -> tuple[Decision, Relation | None]:
    verdict = decide_stored(evidence, shipped(), baseline=baseline)
    return verdict.decision, verdict.relation


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (
            Evidence(same_bytes=True, configuration=Configuration.SAME_BYTES),
            (Decision.MATCH, Relation.IDENTICAL),
        ),
        (Evidence(same_bytes=False, same_pixels=True), (Decision.MATCH, Relation.IDENTICAL)),
        (WHOLE, (Decision.MATCH, Relation.NEAR_DUPLICATE)),
        (PART, (Decision.MATCH, Relation.PARTIAL)),
        (TEMPLATE, (Decision.NO_MATCH, Relation.SAME_TEMPLATE)),
        (Evidence(configuration=Configuration.NO_GEOMETRY, pdq_bits=130), (Decision.NO_MATCH, None)),
        (Evidence(configuration=Configuration.UNINFORMATIVE), (Decision.NO_MATCH, None)),
        (
            Evidence(same_bytes=True, same_pixels=True, configuration=Configuration.UNINFORMATIVE),
            (Decision.NO_MATCH, None),
        ),
    ],
)
def test_each_kind_of_evidence_has_its_answer(
    evidence: Evidence, expected: tuple[Decision, Relation | None]
) -> None:
    assert judged(evidence) == expected


def test_looks_like_is_for_baselines_only_and_at_most_a_review() -> None:
    assert judged(IMITATION, baseline=True) == (Decision.REVIEW, Relation.LOOKS_LIKE)
    assert judged(IMITATION, baseline=False)[0] is Decision.NO_MATCH
    assert judged(replace(WHOLE, likeness=COPIED), baseline=True) == (
        Decision.MATCH,
        Relation.NEAR_DUPLICATE,
    )


def test_an_imitation_needs_no_transform_and_says_what_speaks_for_it() -> None:
    # Given a page with the logo and the colours of a brand, and nothing else in the same place
    anew = Evidence(pdq_bits=130, likeness=COPIED)
    verdict = decide_stored(anew, shipped(), baseline=True)
    assert (verdict.decision, verdict.relation) == (Decision.REVIEW, Relation.LOOKS_LIKE)
    assert verdict.sentence == (
        "PDQ 130/256; shares an emblem of 14 x 3 % of the query; same colours; "
        "looks like this page, but is not a picture of it"
    )
    assert verdict.reasons == (Reason.BASELINE,)


@pytest.mark.parametrize(
    "likeness",
    [
        None,
        replace(COPIED, better_brands=1),
        replace(COPIED, emblem=0.0, emblems_beside=0.0),
        replace(COPIED, colours=0.0, emblems_beside=0.0),
    ],
    ids=["nothing measured", "another brand is more alike", "colours alone", "an emblem alone"],
)
def test_a_layout_in_common_is_no_imitation(likeness: Likeness | None) -> None:
    assert judged(replace(TEMPLATE, likeness=likeness), baseline=True) == (
        Decision.NO_MATCH,
        Relation.SAME_TEMPLATE,
    )


NOT_COMPARED = replace(
    PART, content_agreement=None, agreement_of_emptier=None, block_correlation=None, blocks_compared=None
)


@pytest.mark.parametrize("missing", [NOT_COMPARED, replace(PART, configuration=Configuration.INCOMPARABLE)])
def test_where_nothing_could_refute_the_answer_ends_at_review(missing: Evidence) -> None:
    verdict = decide_stored(replace(missing, pdq_bits=20, inliers=200), shipped())
    assert verdict.decision is Decision.REVIEW
    assert verdict.confidence <= shipped().thresholds.match


@given(
    agreement=st.floats(0, 1),
    inliers=st.integers(8, 300),
    bits=st.integers(0, 140),
    blocks=st.integers(0, 300),
    more=st.tuples(st.floats(0, 0.5), st.integers(0, 100), st.integers(0, 60)),
)
def test_better_evidence_never_lowers_the_confidence(
    agreement: float, inliers: int, bits: int, blocks: int, more: tuple[float, int, int]
) -> None:
    weak = replace(
        PART,
        content_agreement=agreement,
        agreement_of_emptier=agreement,
        inliers=inliers,
        pdq_bits=bits,
        blocks_compared=blocks,
    )
    share = min(1, agreement + more[0])
    strong = replace(
        weak,
        content_agreement=share,
        agreement_of_emptier=share,
        inliers=inliers + more[1],
        pdq_bits=max(0, bits - more[2]),
    )
    probability = shipped().probability
    assert probability(strong) >= probability(weak) - 1e-12
    assert 0 <= probability(weak) <= 1


def test_the_sentence_names_what_was_measured() -> None:
    text = decide_stored(PART, shipped()).sentence
    covers = "160 inliers cover 100 % of the query and 40 % of the reference"
    assert (
        text
        == f"PDQ 110/256; {covers}; content agrees in 98 % of 180 blocks; the query lies inside the reference"
    )
    assert "query turned (mirror)" in decide_stored(replace(WHOLE, orientation=5), shipped()).sentence


@pytest.mark.parametrize(
    "evidence", [WHOLE, PART, TEMPLATE, replace(PART, ambiguous_with=9), replace(PART, rival_inliers=40)]
)
def test_the_contributions_add_up_to_the_confidence(evidence: Evidence) -> None:
    contributions = shipped().contributions(evidence)
    assert logistic(sum(one.weight for one in contributions)) == pytest.approx(
        shipped().probability(evidence)
    )
    # And each predictor that counts is named with its value
    named = {one.predictor: one.value for one in contributions}
    assert named["prior"] is None and named["content_agreement"] is not None
    assert named["inliers"] == evidence.inliers
    if evidence.ambiguous_with:
        assert named["ambiguous_with"] == 9 and contributions[-1].weight < 0


def test_equal_pixels_are_certain_and_weigh_nothing() -> None:
    assert shipped().contributions(Evidence(same_bytes=False, same_pixels=True)) == ()


BLANK = Evidence(configuration=Configuration.UNINFORMATIVE)
CROWDED = replace(PART, covered_query=0.5, common_region_pictures=40, common_region_images=90)
#: A crop of a page that was pasted into many others.
HELD = replace(PART, common_region_pictures=400, common_region_images=900)


@pytest.mark.parametrize(
    ("evidence", "baseline", "reasons"),
    [
        (Evidence(same_bytes=True, same_pixels=True), False, (Reason.SAME_BYTES,)),
        (Evidence(same_bytes=False, same_pixels=True), False, (Reason.SAME_PIXELS,)),
        (WHOLE, False, ()),
        (BLANK, False, (Reason.BLANK,)),
        (replace(BLANK, same_bytes=True, same_pixels=True), False, (Reason.BLANK,)),
        (Evidence(pdq_bits=130), False, (Reason.NO_GEOMETRY,)),
        (replace(PART, configuration=Configuration.INCOMPARABLE), False, (Reason.INCOMPARABLE,)),
        (TEMPLATE, False, (Reason.TEMPLATE,)),
        (TEMPLATE, True, (Reason.TEMPLATE,)),
        (IMITATION, True, (Reason.BASELINE,)),
        (replace(PART, rival_inliers=150), False, (Reason.RIVAL,)),
        (replace(PART, context_cut=True), False, (Reason.CONTEXT_CUT,)),
        (replace(PART, ambiguous_with=12), False, (Reason.AMBIGUOUS,)),
        (CROWDED, False, (Reason.COMMON_REGION,)),
        (replace(PART, ignored_image="ab" * 32), False, (Reason.IGNORED,)),
    ],
)
def test_each_verdict_has_its_reasons(
    evidence: Evidence, baseline: bool, reasons: tuple[Reason, ...]
) -> None:
    assert decide_stored(evidence, shipped(), baseline=baseline).reasons == reasons


def test_a_part_that_is_too_common_is_no_match_without_a_relation_and_says_why() -> None:
    verdict = decide_stored(CROWDED, shipped())
    assert (verdict.decision, verdict.relation) == (Decision.NO_MATCH, None)
    alone = decide_stored(replace(PART, covered_query=0.5), shipped())
    assert verdict.confidence == pytest.approx(alone.confidence / 40)
    assert "40 of 90 pictures show this part, which makes it too common" in verdict.sentence


def test_a_pair_whose_context_was_cut_is_at_most_a_review_unless_it_is_equal() -> None:
    assert decide_stored(WHOLE, shipped()).decision is Decision.MATCH
    cut = decide_stored(replace(WHOLE, context_cut=True), shipped())
    assert (cut.decision, cut.relation) == (Decision.REVIEW, Relation.NEAR_DUPLICATE)
    assert "the search ended before the other candidates were compared" in cut.sentence
    equal = replace(WHOLE, same_pixels=True, context_cut=True)
    assert decide_stored(equal, shipped()).decision is Decision.MATCH


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (HELD, Reason.COMMON_REGION),
        (replace(HELD, covered_query=0.3, covered_reference=1.0), Reason.COMMON_REGION),
        (replace(PART, ambiguous_with=200), Reason.AMBIGUOUS),
        (replace(WHOLE, ambiguous_with=200), Reason.AMBIGUOUS),
    ],
)
def test_other_pictures_leave_a_review_of_a_match_that_one_holds_nearly_all_of(
    held: Evidence, reason: Reason
) -> None:
    verdict = decide_stored(held, shipped())
    assert verdict.decision is Decision.REVIEW and verdict.reasons[0] is reason
    assert verdict.relation is not None and verdict.confidence == shipped().thresholds.review


@pytest.mark.parametrize(
    "evidence",
    [
        replace(HELD, covered_query=0.79, covered_reference=0.4),  # a part of both
        replace(HELD, inliers=14, block_correlation=0.2, explained=0.02, content_agreement=0.5),  # no match
        replace(HELD, content_agreement=0.45),  # all but a banner differs
        replace(HELD, content_agreement=None),  # could not be refuted
        replace(HELD, ignored_image="ab" * 32),  # a person said so
    ],
)
def test_other_pictures_take_all_from_what_is_no_match_or_a_part(evidence: Evidence) -> None:
    assert decide_stored(evidence, shipped()).decision is Decision.NO_MATCH


def test_a_pair_that_shares_only_an_ignored_picture_is_no_match_and_names_it() -> None:
    verdict = decide_stored(replace(WHOLE, ignored_image="ab" * 32), shipped())
    assert (verdict.decision, verdict.relation) == (Decision.NO_MATCH, None)
    assert "the ignored picture abababababab" in verdict.sentence


def test_a_verdict_says_which_calibration_it_rests_on() -> None:
    assert decide_stored(PART, shipped()).calibration_id == shipped().id
