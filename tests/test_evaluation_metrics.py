"""The counts of an evaluation, compared with numbers worked out by hand and with a slow computation of the
same.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from support.records import write_records

from douglas_quaid.errors import ConfigError, NotFound
from douglas_quaid.evaluation import edits, strata
from douglas_quaid.evaluation.confidence import BINS, Share, confidence_metrics
from douglas_quaid.evaluation.dataset import Item
from douglas_quaid.evaluation.error_gallery import ErrorKind, find_errors
from douglas_quaid.evaluation.metrics import compute_metrics
from douglas_quaid.evaluation.reliability_diagram import draw_reliability
from douglas_quaid.evaluation.results import LabelledPair, QueryOutcome, read_outcomes, read_pairs
from douglas_quaid.evaluation.split import Split, Subset
from douglas_quaid.records import Configuration, Decision, Evidence, Relation, Verdict

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def answer(stratum: str = strata.SCREENSHOTS, edit: str = "crop_75", **changed: object) -> QueryOutcome:
    """The outcome of a query that was answered correctly, unless something is changed."""
    right = QueryOutcome(
        "a.png",
        edit,
        stratum,
        ("a.png",),
        0,
        5,
        Decision.MATCH,
        "a.png",
        Relation.PARTIAL,
        0.999,
        True,
        True,
        0,
        0.25,
    )
    return replace(right, **changed)  # type: ignore[arg-type]


def pair(
    confidence: float = 0.9,
    label: bool | None = False,
    decision: Decision = Decision.NO_MATCH,
    **changed: object,
) -> LabelledPair:
    relation = Relation.PARTIAL if decision is not Decision.NO_MATCH else None
    evidence = Evidence(
        inliers=9,
        content_agreement=0.5,
        same_pixels=False,
        configuration=Configuration.AFFINE,
        matrix=IDENTITY,
    )
    judged = LabelledPair(
        "a.png",
        "",
        strata.UNANSWERED,
        "b.png",
        label,
        Verdict(decision, relation, confidence, evidence, "test", "a sentence"),
        0,
    )
    return replace(judged, **changed)  # type: ignore[arg-type]


def test_rows_are_counted_as_by_hand() -> None:
    # Given six queries after a crop: two matched, one only reviewed, one behind a wrong match, one proposed
    # late and missed, one never proposed
    missed = {"first": None, "found": False, "matched": False, "decision": Decision.NO_MATCH}
    answers = [
        answer(),
        answer(query="b.png", rank=3),
        answer(query="c.png", decision=Decision.REVIEW, matched=False),
        answer(query="d.png", rank=1, first="z.png", found=False, matched=False, false_matches=1),
        answer(query="e.png", rank=60, **missed),
        answer(query="f.png", rank=None, **missed),
    ]
    # when they are counted
    (row,) = compute_metrics(answers, [], ["crop_75"]).rows
    # then retrieval and decision are told apart.
    assert (row.proposed, row.at_1, row.at_8, row.at_50) == (
        Share(5, 6),
        Share(2, 6),
        Share(4, 6),
        Share(4, 6),
    )
    assert (row.found, row.matched, row.review, row.false_matches) == (
        Share(3, 6),
        Share(2, 3),
        Share(1, 6),
        Share(1, 6),
    )


def test_the_mean_found_weighs_every_edit_the_same() -> None:
    answers = [
        answer(edit="crop_75"),
        *(answer(edit="mirror", found=False, matched=False) for _ in range(9)),
        answer(edit="mirror"),
    ]
    measures = compute_metrics(answers, [], ["crop_75", "mirror"])
    assert measures.mean_found(strata.SCREENSHOTS) == pytest.approx((1.0 + 0.1) / 2)
    assert [row.edit for row in measures.rows] == ["crop_75", "mirror"]


def test_reviews_are_weighed_as_in_use() -> None:
    # Given half of the answered queries and one in ten of the others in review
    asked = [answer(decision=Decision.REVIEW), answer()]
    without = [
        answer(strata.UNANSWERED, "", expected=(), rank=None, found=False, decision=Decision.NO_MATCH)
        for _ in range(9)
    ]
    without.append(replace(without[0], decision=Decision.REVIEW))
    measures = compute_metrics([*asked, *without], [], [])
    assert measures.review_in_life == pytest.approx(0.2 * 0.5 + 0.8 * 0.1)
    # and a false match without an answer counts for those queries.
    wrong = replace(without[0], decision=Decision.MATCH, false_matches=2)
    measures = compute_metrics([*asked, *without, wrong], [], [])
    assert measures.together(*strata.WITHOUT).false_matches == Share(2, 11)


def test_calibration_error_by_hand() -> None:
    # Two pairs in the bin from 0.6: mean confidence 0.625, half of them right; one in the last bin, right.
    found = confidence_metrics([(0.61, True), (0.64, False), (0.995, True)])
    assert found.error == pytest.approx((2 * abs(0.625 - 0.5) + 0.005) / 3)
    assert found.brier == pytest.approx((0.39**2 + 0.64**2 + 0.005**2) / 3)
    assert found.sure == Share(1, 1)
    assert [bin_.pairs for bin_ in found.bins] == [2, 1]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_calibration_error_as_by_brute_force(pairs: list[tuple[float, bool]]) -> None:
    confidence, right = (np.array(column, float) for column in zip(*pairs, strict=True))
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    expected = sum(abs(confidence[place == n].sum() - right[place == n].sum()) for n in range(BINS)) / len(
        pairs
    )
    found = confidence_metrics(pairs)
    assert found.error == pytest.approx(expected, abs=1e-9)
    assert found.brier == pytest.approx(((confidence - right) ** 2).mean())
    assert sum(bin_.pairs for bin_ in found.bins) == len(pairs)


def test_pairs_without_a_label_say_nothing_about_confidence() -> None:
    measures = compute_metrics(
        [],
        [
            pair(0.9, None),
            pair(0.4, True),
            pair(0.1, False, verdict=replace(pair(0.1).verdict, evidence=Evidence())),
        ],
        [],
    )
    assert (measures.all_pairs.pairs, measures.mapped_pairs.pairs) == (2, 1)


def test_pages_of_one_site_that_geometry_accepts() -> None:
    # Given pages of one site: two with a transform, one of them a match; one without; one with the same
    # pixels; one after an edit; and one that may be another state of the same page
    same = replace(pair().verdict.evidence, same_pixels=True)
    pairs = [
        pair(0.99, False, Decision.MATCH, stratum=strata.SAME_SITE),
        pair(0.2, False, stratum=strata.SAME_SITE),
        pair(0.0, False, stratum=strata.SAME_SITE, verdict=replace(pair().verdict, evidence=Evidence())),
        pair(
            1.0,
            False,
            Decision.MATCH,
            stratum=strata.SAME_SITE,
            verdict=replace(pair(1.0, decision=Decision.MATCH).verdict, evidence=same),
        ),
        pair(0.8, False, Decision.REVIEW, stratum=strata.SAME_SITE, edit="crop_75"),
        pair(0.999, None, Decision.MATCH, stratum=strata.SAME_SITE),
    ]
    measures = compute_metrics([], pairs, [])
    assert (
        measures.pages_as_they_are.judged,
        measures.pages_as_they_are.accepted,
        measures.pages_as_they_are.match,
    ) == (3, 2, Share(1, 2))
    assert measures.after_edits.review == Share(1, 1)
    assert measures.of_one_design.match == Share(1, 1)


def test_linked_pairs_count_once_with_their_stronger_relation() -> None:
    def judged(query: str, reference: str, relation: Relation | None, label: bool | None) -> LabelledPair:
        verdict = replace(pair().verdict, relation=relation)
        return LabelledPair(query, "", strata.PHISHING, reference, label, verdict, 0)

    measures = compute_metrics(
        [],
        [
            judged("a", "b", Relation.SAME_TEMPLATE, None),
            judged("b", "a", Relation.LOOKS_LIKE, None),
            judged("c", "a", None, False),
            judged("a", "c", Relation.SAME_TEMPLATE, False),
            judged("a", "elsewhere", Relation.PARTIAL, False),  # not a node: it was never queried
        ],
        [],
    )
    assert (measures.linked.pairs, measures.linked.found) == (1, {"looks-like": 1})
    assert (measures.linked.others, measures.linked.wrong) == (1, {"same-template": 1})


def test_errors_worth_looking_at() -> None:
    # Given a false match, a wrong review, a miss and a correct picture in review only
    crop = {"query": "q.png", "reference": "q.png", "edit": "crop_75", "stratum": strata.SCREENSHOTS}
    pairs = [
        pair(0.995, False, Decision.MATCH),
        pair(0.7, False, Decision.REVIEW),
        pair(0.2, True, Decision.NO_MATCH, **crop),
        pair(0.8, True, Decision.REVIEW, **(crop | {"edit": "mirror"})),
        pair(0.99, True, Decision.MATCH, **(crop | {"edit": "blur"})),
    ]
    found = find_errors([answer(query="q.png", found=False, matched=False)], pairs)
    assert [example.kind for example in found] == [
        ErrorKind.FALSE_MATCH,
        ErrorKind.WRONG_REVIEW,
        ErrorKind.MISSED,
        ErrorKind.ONLY_REVIEW,
    ]


def test_results_survive_a_round_trip(tmp_path: Path) -> None:
    every = Evidence(
        same_bytes=False,
        pdq_bits=3,
        covered_query=0.5,
        block_correlation=-0.25,
        blocks_compared=0,
        configuration=Configuration.HOMOGRAPHY,
        matrix=IDENTITY,
    )
    pairs = [
        pair(),
        pair(
            1, True, Decision.MATCH, verdict=Verdict(Decision.MATCH, None, 1.0, every, "c", "é \u2028 line")
        ),
        pair(0.5, None, place=-1),
    ]
    answers = [answer(), answer(strata.UNANSWERED, "", expected=(), rank=None, first=None, relation=None)]
    write_records(tmp_path / "pairs.jsonl", pairs)
    write_records(tmp_path / "answers.jsonl", answers)
    assert list(read_pairs(tmp_path / "pairs.jsonl")) == pairs
    assert list(read_outcomes(tmp_path / "answers.jsonl")) == answers


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"inliers":9', '"inliers":"9"', "inliers is '9'"),
        ('"inliers":9', '"inliers":NaN', "NaN is not a number"),
        ('"inliers":9', '"luck":9', "unknown or missing: luck"),
        ('"label":false', '"label":0', "label is 0"),
        ('"confidence":0.9', '"confidence":1.5', "not between 0 and 1"),
        ('"place":0', '"place":-2', "less than -1"),
        ('"edit":"",', "", "unknown or missing: edit"),
        ('"decision":"no-match"', '"decision":"perhaps"', "perhaps"),
        ("[1.0,", "[", "matrix has 8 numbers, not nine"),
        ('"sentence":"a sentence"', '"sentence":"' + "x" * 70_000 + '"', "longer than"),
    ],
)
def test_a_line_that_does_not_fit_is_refused_with_its_number(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "pairs.jsonl"
    write_records(path, [pair(), pair()])
    first, second = path.read_text().splitlines()
    assert old in second
    path.write_text(f"{first}\n{second.replace(old, new)}\n")
    with pytest.raises(ConfigError, match=r"pairs\.jsonl, line 2: ") as caught:
        list(read_pairs(path))
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nothing"):
        list(read_pairs(tmp_path / "nothing.jsonl"))


SITES = st.one_of(st.none(), st.sampled_from(["a.example", "b.example", "c.example", "one", "two"]))
ITEMS = st.builds(
    lambda set_, group, site: Item(f"{set_}/{group}/{site}", Path("x"), set_, group, site),
    st.sampled_from(["one", "two", "three"]),
    st.integers(0, 30).map(str),
    SITES,
)
NAMES = st.frozensets(st.sampled_from(["a.example", "b.example", "one", "two"]))


@given(st.lists(ITEMS, max_size=60), NAMES, NAMES)
def test_the_parts_of_a_split_never_share_a_site_or_a_group(
    items: list[Item], fit: frozenset[str], report: frozenset[str]
) -> None:
    # Given groups that lie in one set and on one site, as reading a data set ensures
    homes: dict[str, tuple[str, str | None]] = {}
    items = [
        item for item in items if homes.setdefault(item.group, (item.set, item.site)) == (item.set, item.site)
    ]
    split = Split(fit, report - fit)
    # when each picture gets its part
    sides = {
        part: [item for item in items if split.subset_of(item) is part]
        for part in (Subset.FIT, Subset.REPORT)
    }
    # then no site and no group is in both parts, and named sites are where they were named.
    for name in (lambda item: item.group, split.site):
        fitted, reported = (
            {name(item) for item in sides[part]} - {None} for part in (Subset.FIT, Subset.REPORT)
        )
        assert not fitted & reported
    assert all(split.subset_of(item) is Subset.FIT for item in items if split.site(item) in fit)
    assert all(split.subset_of(item) is Subset.REPORT for item in items if split.site(item) in report - fit)


def test_a_site_named_for_both_parts_is_refused() -> None:
    with pytest.raises(ConfigError, match="one"):
        Split(frozenset({"one"}), frozenset({"one", "two"}))


def test_the_diagram_is_drawn_without_pairs_too() -> None:
    rng = random.Random(1)
    curve = confidence_metrics(
        [(value, rng.random() < value) for value in (rng.random() for _ in range(500))]
    )
    for found in (curve, confidence_metrics([])):
        assert edits.opened(draw_reliability({"all": (found, "#1f5fa8")})).width > 100
