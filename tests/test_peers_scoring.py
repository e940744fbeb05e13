"""The benchmark of peers is fair if its limit at equal false matches is the best possible one, which trying
all limits confirms.
"""

from __future__ import annotations

from benchmarks.peers_scoring import (
    GROUPS,
    NOTHING,
    OTHER,
    RIGHT,
    SAME_SITE,
    Rule,
    Scored,
    accepted,
    at_budget,
    best_at_budget,
    mean_found,
    published,
)
from hypothesis import given, strategies as st

from douglas_quaid.evaluation.edits import SUITE

SCORES = st.one_of(st.just(NOTHING), st.integers(-6, 6).map(float))


def pair(stratum: str, *scores: float, edit: str = "mirror") -> Scored:
    return Scored("a peer", "screenshots", stratum, "query.png", edit, "reference.png", scores, 0.0)


@given(right=st.lists(SCORES, max_size=12), wrong=st.lists(SCORES, max_size=12), allowed=st.integers(0, 4))
def test_no_other_limit_finds_more_within_the_false_matches_that_are_allowed(
    right: list[float], wrong: list[float], allowed: int
) -> None:
    # given right and wrong pairs with ties, and pairs that a system could not compare
    rights, wrongs = [pair(RIGHT, score) for score in right], [pair(OTHER, score) for score in wrong]
    # when every limit that could make a difference is tried
    tried = [Rule(0, limit) for limit in {*right, *wrong, NOTHING}]
    best = max(accepted(rights, rule) for rule in tried if accepted(wrongs, rule) <= allowed)
    # then the limit that is read off keeps to what is allowed and finds as many
    rule = at_budget([*rights, *wrongs], allowed, place=0)
    assert accepted(wrongs, rule) <= allowed
    assert accepted(rights, rule) == best


def test_a_pair_that_cannot_be_compared_is_never_found_however_much_is_allowed() -> None:
    pairs = [pair(RIGHT, NOTHING), pair(OTHER, NOTHING)]
    assert accepted(pairs, at_budget(pairs, 100, place=0)) == 0


def test_pages_of_the_same_site_do_not_set_the_limit() -> None:
    pairs = [pair(RIGHT, 3), pair(OTHER, 1), pair(SAME_SITE, 9)]
    rule = at_budget(pairs, 0, place=0)
    assert [rule.accepts(each) for each in pairs] == [True, False, True]


def test_a_system_with_two_numbers_is_limited_by_the_one_that_serves_it_better() -> None:
    # given a first number that does not tell right from wrong, and a second that does
    pairs = [pair(RIGHT, 1, 5), pair(RIGHT, 1, 4), pair(OTHER, 1, 2)]
    # then it is the second by which the peer is judged
    assert best_at_budget(pairs, 0) == Rule(1, 2.0)
    assert mean_found(pairs[:2], best_at_budget(pairs, 0)) == 1.0


def test_a_published_limit_is_inclusive() -> None:
    assert [published(-31).accepts(pair(RIGHT, score)) for score in (-30, -31, -32)] == [True, True, False]


def test_edits_weigh_the_same_however_many_pictures_survived_them() -> None:
    # given one edit with a pair that is found, and one with three that are missed
    pairs = [pair(RIGHT, 1, edit="mirror"), *(pair(RIGHT, 0, edit="blur") for _ in range(3))]
    # then the mean is that of 100 % and 0 %
    assert mean_found(pairs, published(1)) == 0.5


def test_each_edit_of_the_suite_is_in_one_column() -> None:
    listed = [edit for edits in GROUPS.values() for edit in edits]
    assert sorted(listed) == sorted(SUITE)
