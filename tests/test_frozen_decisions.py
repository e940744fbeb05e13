"""Decisions stay what they were: pairs of evidence and answers of queries, compared with version 999bdf6.

That version decided some candidates more than once. One that a common region or an ignored picture dismissed
kept the relation of a match, and a confidence that said nothing. So a `no-match` has lost such a relation,
and its confidence may be another one. Since then other pictures leave a review of a match that is nearly
all of one picture: a banner cut out of the pages that show it, and one page of a site of which 56 agree.
Those answers were frozen anew. So were four of near copies since the regions that differ are measured:
those of which parts differ are a review, and other pages of their template `same-template`. When agreement of
small blocks began to count, confidences rose; two parts of fewer than eight blocks are no review any more,
and a page of which two places were replaced is `same-template` where it was a part.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from support.frozen import LIBRARIES, SCENARIOS, Answer, Book, decided

from douglas_quaid import Engine
from douglas_quaid.evaluation.results import read_pairs

DATA = Path(__file__).with_name("data")
DECISIONS = json.loads((DATA / "frozen_decisions.json").read_text("utf-8"))["decisions"]
ANSWERS = json.loads((DATA / "frozen_answers.json").read_text("utf-8"))

#: Relations of a match, which version 999bdf6 left with a candidate that was dismissed afterwards.
OF_A_MATCH = ("near-duplicate", "partial")


def same(found: Answer, frozen: Answer) -> bool:
    """Whether an answer (name, decision, relation, confidence) is the frozen one."""
    (*named, relation, confidence), (*were_named, was_relation, was_confidence) = found, frozen
    if named != were_named:
        return False
    if named[-1] == "no-match":
        return bool(relation == (None if was_relation in OF_A_MATCH else was_relation))
    return bool(relation == was_relation and abs(confidence - was_confidence) <= 1e-4)


def test_pairs_are_decided_as_they_were() -> None:
    pairs = [pair.verdict.evidence for pair in read_pairs(DATA / "pairs.jsonl")]
    found = decided(pairs)
    assert found.keys() == DECISIONS.keys()
    for variant, answers in found.items():
        frozen = DECISIONS[variant]
        assert len(answers) == len(frozen)
        # A pair was decided once, so each answer is the same to the last digit that is kept.
        different = [
            (n, *both) for n, both in enumerate(zip(answers, frozen, strict=True)) if both[0] != both[1]
        ]
        assert different == [], variant


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_queries_are_answered_as_they_were(scenario: Callable[[Book], None], store_url: str) -> None:
    if other := {name: version(name) for name in LIBRARIES if version(name) != ANSWERS["libraries"][name]}:
        pytest.skip(
            f"frozen with other versions than {other}; tests/benchmarks/freeze.py, run before a change, helps"
        )
    with Engine.open(store_url) as engine:
        book = Book(engine)
        scenario(book)
    frozen = ANSWERS[scenario.__name__]
    assert book.answers.keys() == frozen.keys()
    different = {name: found for name in frozen if (found := differing(book.answers[name], frozen[name]))}
    assert different == {}


def differing(found: dict[str, Any], frozen: dict[str, Any]) -> list[Any]:
    """What differs between two notes of a Book: their keys, or answers about the same image."""
    if found.keys() != frozen.keys():
        return [sorted(found), sorted(frozen)]
    different: list[Any] = []
    for key, notes in found.items():
        if key == "hits":
            different += [pair for pair in paired(notes, frozen[key]) if None in pair or not same(*pair)]
        elif key == "candidates":
            different += different_candidates(notes, frozen[key])
        elif notes != frozen[key]:
            different.append((notes, frozen[key]))
    return different


def different_candidates(found: list[Answer], frozen: list[Answer]) -> list[Any]:
    """Candidates that are decided otherwise.

    Hashes of a view that shows little rest on rounding, so another processor may rank two candidates the
    other way round: the last one to be compared is then another. This is accepted where both are dismissed.
    """
    names, were_names = {name for name, *_ in found}, {name for name, *_ in frozen}
    (new, gone) = (
        [hit for hit in found if hit[0] not in were_names],
        [hit for hit in frozen if hit[0] not in names],
    )
    if len(new) == len(gone) == 1 and all(hit[1:3] == ["no-match", None] for hit in (*new, *gone)):
        found, frozen = ([hit for hit in some if hit not in (*new, *gone)] for some in (found, frozen))
    return [pair for pair in paired(found, frozen) if None in pair or not same(*pair)]


def paired(found: list[Answer], frozen: list[Answer]) -> list[tuple[Answer, Answer]]:
    return list(zip_longest(in_order(found), in_order(frozen)))


def in_order(hits: list[Answer]) -> list[Answer]:
    """Hits in the order of the answer, then what is no-match by name: its place rests on its confidence."""
    dismissed = [hit for hit in hits if hit[1] == "no-match"]
    return [hit for hit in hits if hit[1] != "no-match"] + sorted(dismissed, key=itemgetter(0))
