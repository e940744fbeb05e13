"""Leases, sessions, and which pairs are asked next: what two people and two processes see of one store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest
from support.images import new_image, put_all
from support.judging import judge
from support.waiting import until
from support.waiting_pairs import let_wait

from douglas_quaid import Engine
from douglas_quaid.errors import ConfigError
from douglas_quaid.evaluation.results import read_pairs
from douglas_quaid.records import Judgement, JudgementWord
from douglas_quaid.review.export import as_lines, labelled_pairs
from douglas_quaid.review.layout import places
from douglas_quaid.review.questions import Pair, questions_of
from douglas_quaid.review.queue import Queue
from douglas_quaid.review.statistics import review_statistics
from douglas_quaid.store import Store

A, B, C, D = (digit * 64 for digit in "abcd")


def images(store: Store, count: int) -> list[str]:
    """Add images that are in a cluster of their own each."""
    entries = [new_image(n) for n in range(count)]
    put_all(store, entries)
    ids = [entry.image_id for entry in entries]
    store.clusters.give(ids)
    return ids


def test_a_pair_is_lent_to_one_holder_at_a_time(store: Store) -> None:
    # Given a pair that Ada has open
    assert store.leases.take([(A, B)], "ada", seconds=60) == [True]
    # when Bob wants it and another one, either way round, then he has only the other one
    assert store.leases.take([(B, A), (C, D)], "bob", seconds=60) == [False, True]
    # and Ada may renew hers, and giving back what Bob has changes nothing
    store.leases.release([(C, D)], "ada")
    assert store.leases.take([(A, B), (C, D)], "ada", seconds=60) == [True, False]
    # and Bob has it once she has given it back.
    store.leases.release([(A, B)], "ada")
    assert store.leases.take([(A, B)], "bob", seconds=60) == [True]


def test_a_lease_ends_by_itself(store: Store) -> None:
    store.leases.take([(A, B)], "ada", seconds=0.05)
    until(lambda: store.leases.take([(A, B)], "bob", seconds=60) == [True])


@pytest.mark.parametrize("holder", ["", "x" * 65, "ä"])
def test_a_holder_has_a_short_plain_name(store: Store, holder: str) -> None:
    with pytest.raises(ConfigError, match="expected a name of 1 to 64"):
        store.leases.take([(A, B)], holder, seconds=60)


def test_leases_and_sessions_are_stored_as_the_format_says(store: Store, shared_server: Any) -> None:
    # spec: core/store/FORMAT.md, Leases and sessions
    client = shared_server.redis
    store.leases.take([(B, A)], "ada", seconds=60)
    lease = "dq:{meta}:lease:10b88f6109ff758ad4219e1c028f5e26"
    assert client.get(lease) == b"ada" and 0 < client.pttl(lease) <= 60_000
    token = store.sessions.open("cd" * 32, seconds=100)
    name = f"dq:{{meta}}:session:{hashlib.sha256(token.encode()).hexdigest()}"
    assert client.get(name) == b"cd" * 32 and 0 < client.pttl(name) <= 100_000
    # What an image is called is in neither.
    assert not any(A.encode() in key or B.encode() in key for key in client.scan_iter("dq:{meta}:lease*"))


def test_a_session_stands_for_a_key_until_it_ends(store: Store) -> None:
    token = store.sessions.open("ab" * 32, seconds=60)
    assert store.sessions.key_digest(token) == "ab" * 32
    assert store.sessions.key_digest(token + "x") is None
    assert store.sessions.key_digest("") is None and store.sessions.key_digest("x" * 10_000) is None
    store.sessions.end(token)
    assert store.sessions.key_digest(token) is None


def said(other: str, word: JudgementWord) -> Judgement:
    return Judgement(other, word, "ada", datetime.now(timezone.utc), "test")


def test_all_pairs_between_two_clusters_are_one_question() -> None:
    # Given two clusters of two images each, and all four pairs between them
    homes = {A: "c-1", B: "c-1", C: "c-2", D: "c-2"}
    pairs = [Pair(A, C, 0.2), Pair(A, D, 0.4), Pair(B, C, 0.9), Pair(B, D, 0.3)]
    # when they are made questions, then there is one, and the surest pair is shown
    (question,) = questions_of(pairs, homes, {})
    assert (question.pair, question.settles) == (Pair(B, C, 0.9), 4)
    # and a word about any pair settles it, but "cannot tell" only takes that pair away
    for word in (JudgementWord.SAME, JudgementWord.PART, JudgementWord.DIFFERENT):
        assert questions_of(pairs, homes, {A: {C: said(C, word)}}) == []
    unsure = {B: {C: said(C, JudgementWord.UNSURE)}}
    (question,) = questions_of(pairs, homes, unsure)
    assert (question.pair, question.settles) == (Pair(A, D, 0.4), 3)
    # and pairs within a cluster are none.
    assert questions_of([Pair(A, B, 0.5)], homes, {}) == []


def test_what_settles_more_and_is_less_sure_comes_first_a_cluster_at_a_time() -> None:
    ids = [f"{n:x}" * 64 for n in range(1, 9)]
    # Given a cluster of which two questions are asked, and a surer and an unsure pair by themselves
    homes = {ids[0]: "c-1", ids[1]: "c-1"}
    hub = [Pair(ids[0], ids[2], 0.5), Pair(ids[1], ids[2], 0.5), Pair(ids[0], ids[3], 0.6)]
    sure, unsure = Pair(ids[4], ids[5], 0.99), Pair(ids[6], ids[7], 0.5)
    order = [question.pair for question in questions_of([sure, unsure, *hub], homes, {})]
    # then the cluster comes first, with the question that settles two pairs, and the surest pair last.
    assert order == [max(hub[:2], key=lambda pair: pair.a), hub[2], unsure, sure]


def test_a_queue_asks_nobody_what_another_has_open_or_what_was_answered_elsewhere(
    store: Store, store_url: str
) -> None:
    # Given two processes on a store with three pairs
    ids = images(store, 6)
    pairs = [(min(a, b), max(a, b)) for a, b in zip(ids[::2], ids[1::2], strict=True)]
    for n, (a, b) in enumerate(pairs):
        let_wait(store, a, b, confidence=0.5 - n / 10)
    with Engine.open(store_url) as one, Engine.open(store_url) as other:
        here, there = Queue(one), Queue(other)

        def asked(queue: Queue, holder: str, **more: Any) -> list[tuple[str, str]]:
            return [(found.pair.a, found.pair.b) for found in queue.next(holder, count=2, **more).questions]

        # when Ada asks for two, then Bob, of the other process, gets the third only
        first = asked(here, "ada")
        assert first == pairs[:2]
        assert asked(there, "bob") == pairs[2:]
        # and what Ada answers is not asked of Bob, although his process had read it as waiting
        judge(store, *first[0], JudgementWord.UNSURE)
        here.answered(*first[0])
        one.release_leases(first, "ada")
        assert asked(there, "bob", held=pairs[2:]) == [first[1]]
        # and an answer that is taken back is asked again.
        store.judgements.undo(*first[0])
        here.undone()
        assert asked(here, "ada") == [first[0]]


def test_a_question_that_others_in_the_same_hands_could_answer_waits(store: Store, store_url: str) -> None:
    # Given three images of which each two wait
    a, b, c = images(store, 3)
    for one, other in ((a, b), (b, c), (a, c)):
        let_wait(store, one, other)
    with Engine.open(store_url) as engine:
        queue = Queue(engine)
        # when somebody asks for all, then two come: the third may follow from them
        found = queue.next("ada", count=3).questions
        assert len(found) == 2
        # and after "same" and "not the same" it does.
        for question, word in zip(found, (JudgementWord.SAME, JudgementWord.DIFFERENT), strict=True):
            judge(store, question.pair.a, question.pair.b, word)
            queue.answered(question.pair.a, question.pair.b)
        assert queue.next("ada", count=3).questions == ()


def test_only_what_somebody_may_see_is_asked(store: Store, store_url: str) -> None:
    a, b, c, d = images(store, 4)
    let_wait(store, a, b)
    let_wait(store, c, d)
    with Engine.open(store_url) as engine:
        shown = Queue(engine).next("ada", count=5, visible=lambda ids: [one in (a, b) for one in ids])
        assert [{found.pair.a, found.pair.b} for found in shown.questions] == [{a, b}]
        assert shown.left is None


def test_answers_become_labelled_pairs_and_numbers(store: Store, store_url: str, tmp_path: Any) -> None:
    # Given five pairs, one for each word
    ids, words = images(store, 10), list(JudgementWord)
    for (a, b), word in zip(zip(ids[::2], ids[1::2], strict=True), words, strict=True):
        let_wait(store, a, b)
        judge(store, a, b, word)
    with Engine.open(store_url) as engine:
        # when they are exported, then a file of pairs has what was said, but "cannot tell"
        (tmp_path / "pairs.jsonl").write_bytes(as_lines(labelled_pairs(engine)))
        labels = sorted(bool(pair.label) for pair in read_pairs(tmp_path / "pairs.jsonl"))
        assert labels == [False, False, True, True]
        # and the numbers are those of the store.
        found = review_statistics(engine)
        assert found.words == dict.fromkeys(words, 1)
        assert (found.reviews, found.waiting, found.images) == (5, 0, 10)
        assert found.reviews_per_thousand == 500
        assert sum(one.judged for one in found.confidence) == 4


def test_the_places_of_a_graph_are_stable_and_apart(make_image: Callable[..., Any]) -> None:
    ids = [make_image(n).image_id for n in range(400)]
    homes = {image_id: f"c-{n // 20}" if n < 200 else image_id for n, image_id in enumerate(ids)}
    edges = [(ids[0], ids[399]), (ids[30], ids[350])]
    found = places(homes, edges)
    assert found == places(dict(reversed(homes.items())), edges)
    assert len(set(found.values())) == len(ids)
    # Images of one cluster lie nearer to each other than the disc of another one.
    middle = {home: [found[i] for i in ids if homes[i] == home] for home in ("c-0", "c-1")}
    spread = max(abs(x - middle["c-0"][0][0]) for x, _ in middle["c-0"])
    assert spread < 4
