"""Judgements: what a person says of two images, kept beside the score, until it is taken back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib import resources

import pytest
from support.images import put_all, record_verdict
from support.judging import SAID, confirm, judge, judgement, veto
from support.steps import interleave, run_and_die

from douglas_quaid.config import Config
from douglas_quaid.errors import ConfigError, CorruptRecord, NotFound, UnknownVersion
from douglas_quaid.records import (
    PERSON,
    Decision,
    Evidence,
    Judgement,
    JudgementWord,
    Relation,
    Verdict,
)
from douglas_quaid.store import RecordOutcome, Store, verdict_codec as codec

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.97, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")
REVIEW = Verdict(Decision.REVIEW, Relation.PARTIAL, 0.6, Evidence(inliers=9), "test-1", "9 inliers")
PART = Verdict(
    Decision.MATCH,
    Relation.PARTIAL,
    1.0,
    Evidence(covered_query=0.2, covered_reference=1.0),
    PERSON,
    "a part",
)
SCORES = [None, REVIEW, MATCH]


def fill(store: Store, make_image, count: int, salt: str = "") -> list[str]:
    images = [make_image(n, salt=salt) for n in range(count)]
    put_all(store, images)
    return [image.image_id for image in images]


def state(store: Store, ids: list[str]) -> tuple[list[object], set[frozenset[str]]]:
    """All that a reader sees: verdicts of every image in their order, and the clusters."""
    clusters = {frozenset(found.members) for found in store.clusters.of(ids) if found and found.members[1:]}
    return [(store.verdicts.partners(i), store.verdicts.of(i)) for i in ids], clusters


# -- what a judgement is -------------------------------------------------------------------------------------


def test_a_judgement_says_who_said_what_when_and_where_on_both_sides(store, make_image):
    a, b, c = fill(store, make_image, 3)
    store.judgements.judge(a, b, JudgementWord.UNSURE, who="ada", source="misp:event:7", when=NOON)
    store.judgements.judge(
        c, a, JudgementWord.DIFFERENT, who="", source="quaid veto", when=NOON + timedelta(microseconds=1)
    )
    first = Judgement(b, JudgementWord.UNSURE, "ada", NOON, "misp:event:7")
    assert judgement(store, a, b) == first
    assert judgement(store, b, a) == Judgement(a, JudgementWord.UNSURE, "ada", NOON, "misp:event:7")
    # The latest first
    latest = Judgement(c, JudgementWord.DIFFERENT, "", NOON + timedelta(microseconds=1), "quaid veto")
    assert store.judgements.of(a) == [latest, first]
    assert judgement(store, b, c) is None and store.judgements.of(c)[0].image_id == a


@pytest.mark.parametrize("score", SCORES)
def test_each_word_says_what_counts(store, make_image, score):
    # Given pairs with a score, or none, one for each word
    a, *others = fill(store, make_image, 6)
    words = dict(zip(JudgementWord, others, strict=True))
    if score:
        store.verdicts.record(a, [(other, score) for other in others])
    scored = {found.image_id: found.verdict for found in store.verdicts.of(a)}
    for word, other in words.items():
        judge(store, a, other, word)
    found = {found.image_id: found.verdict for found in store.verdicts.of(a)}
    # Then a person's match comes first and is the same on both sides; a no-match is not a hit; unsure is the
    # score's
    same, part, unsure = (
        words[word] for word in (JudgementWord.SAME, JudgementWord.PART, JudgementWord.UNSURE)
    )
    assert found == {same: SAID, part: SAID} | ({unsure: score} if score else {})
    assert set(store.verdicts.partners(a)[:2]) == {same, part} and len(store.verdicts.partners(a)) == len(
        found
    )
    assert store.verdicts.between(same, a).verdict == SAID and store.verdicts.of(part)[0].verdict == SAID
    assert [one.image_id for one in store.judgements.vetoed_and_confirmed(a)[1]] == sorted([same, part])
    apart = {words[JudgementWord.DIFFERENT], words[JudgementWord.SAME_DESIGN]}
    assert store.judgements.vetoed(a) == apart and all(
        store.verdicts.between(a, other) is None for other in apart
    )
    assert all(not store.verdicts.of(other) and store.judgements.vetoed(other) == {a} for other in apart)
    # Only `same`, and a score that nobody contradicts, joins
    cluster = store.clusters.of([a])[0]
    assert set(cluster.members) == ({a, same, unsure} if score is MATCH else {a, same})
    # And when all is taken back, all is as it was
    for other in others:
        store.judgements.undo(other, a)
    assert {found.image_id: found.verdict for found in store.verdicts.of(a)} == scored
    assert store.judgements.of(a) == [] and all(store.judgements.of(other) == [] for other in others)
    joined = {a, *others} if score is MATCH else {a}
    assert {i for found in store.clusters.of([a]) if found for i in found.members} == joined


def test_a_part_is_seen_from_both_sides(store, make_image):
    a, b = fill(store, make_image, 2)
    assert (
        store.judgements.judge(a, b, JudgementWord.PART, who="", source="", verdict=PART)
        is RecordOutcome.STORED
    )
    assert store.verdicts.between(a, b).verdict == PART
    assert store.verdicts.between(b, a).verdict.evidence.covered_query == 1.0
    assert store.clusters.shared([a, b]) == [None, None]


def test_the_score_beside_a_judgement_is_kept_up_to_date(store, make_image):
    # Given a vetoed pair that is scored again meanwhile
    a, b = fill(store, make_image, 2)
    record_verdict(store, a, b, REVIEW)
    veto(store, a, b)
    assert record_verdict(store, b, a, MATCH) is RecordOutcome.VETOED
    assert store.verdicts.of(a) == store.verdicts.of(b) == [] and store.clusters.shared([a]) == [None]
    # Then the latest score is the one that comes back
    assert store.judgements.undo(a, b).word is JudgementWord.DIFFERENT
    assert store.verdicts.between(a, b).verdict == MATCH and store.clusters.of([a])[0].members == tuple(
        sorted([a, b])
    )
    # and of a confirmed pair, one that no longer joins parts them
    confirm(store, a, b)
    assert record_verdict(store, a, b, REVIEW) is RecordOutcome.JOINED
    store.judgements.undo(b, a)
    assert store.verdicts.between(a, b).verdict == REVIEW and store.clusters.shared([a]) == [None]


# -- one word after another ----------------------------------------------------------------------------------


def test_what_keeps_two_apart_yields_only_to_its_like_until_it_is_taken_back(store, make_image):
    a, b = fill(store, make_image, 2)
    for word in (JudgementWord.SAME, JudgementWord.PART, JudgementWord.UNSURE):
        judge(store, a, b, word)
        veto(store, a, b)
        before = state(store, [a, b]), store.judgements.of(a)
        with pytest.raises(ConfigError, match=f"nothing was changed.* quaid undo {b} {a}"):
            judge(store, b, a, word)
        assert (state(store, [a, b]), store.judgements.of(a)) == before
        judge(store, b, a, JudgementWord.SAME_DESIGN)
        assert store.judgements.undo(a, b).word is JudgementWord.SAME_DESIGN


def test_a_later_word_replaces_an_earlier_one_and_one_undo_takes_it_all_back(store, make_image):
    a, b = fill(store, make_image, 2)
    record_verdict(store, a, b, MATCH)
    before = state(store, [a, b])
    for word in (JudgementWord.UNSURE, JudgementWord.SAME, JudgementWord.PART, JudgementWord.DIFFERENT):
        judge(store, a, b, word)
        assert [one.word for one in store.judgements.of(b)] == [word]
    store.judgements.undo(a, b)
    assert state(store, [a, b]) == before
    with pytest.raises(NotFound, match="no judgement"):
        store.judgements.undo(a, b)


def test_what_does_not_fit_is_refused(store, make_image):
    a, b = fill(store, make_image, 2)
    for arguments, reason in (
        ({"word": JudgementWord.SAME}, "needs the verdict"),
        ({"word": JudgementWord.PART}, "needs the verdict"),
        ({"word": JudgementWord.DIFFERENT, "verdict": SAID}, "takes no verdict"),
        ({"word": JudgementWord.UNSURE, "who": "x" * 201}, "who has 201 characters"),
        ({"word": JudgementWord.UNSURE, "source": "x" * 201}, "source has 201 characters"),
        ({"word": JudgementWord.UNSURE, "when": datetime(2026, 1, 1)}, "no time zone"),
        ({"word": JudgementWord.UNSURE, "when": NOON.replace(year=1969)}, "from 1970"),
        ({"word": JudgementWord.UNSURE, "other": a}, "itself"),
    ):
        with pytest.raises(ConfigError, match=reason):
            store.judgements.judge(**{"image_id": a, "other": b, "who": "", "source": ""} | arguments)
    for first, second in ((a, "0" * 64), ("0" * 64, a)):
        with pytest.raises(NotFound, match="0" * 64):
            veto(store, first, second)
    assert store.judgements.of(a) == []


# -- clusters ------------------------------------------------------------------------------------------------


def test_an_undone_veto_joins_clusters_again_and_keeps_every_id_a_name(store, make_image):
    # Given four images that match b and c, d the least surely, and their cluster as a name of the whole
    a, b, c, d, e = fill(store, make_image, 5)
    for x, y in ((a, b), (a, c), (b, c), (b, d), (c, d)):
        record_verdict(store, x, y, MATCH if y != d else replace(MATCH, confidence=0.8))
    whole = store.clusters.of([a])[0]
    veto(store, a, d)
    assert set(store.clusters.of([a])[0].members) == {a, b, c} and store.clusters.shared([d]) == [None]
    # And a score that came meanwhile, which joins d with another
    store.verdicts.record(e, [(b, MATCH), (d, MATCH)])
    parts = store.clusters.of([a, b])
    # When the veto is taken back
    store.judgements.undo(d, a)
    # Then they are one again
    joined = store.clusters.of([a])[0]
    assert set(joined.members) == {a, b, c, d, e}
    assert all(store.clusters.by_id(known.cluster_id) == joined for known in (whole, *parts))
    # And one edge less takes nobody out
    record_verdict(store, d, e, REVIEW)
    assert store.clusters.of([a])[0] == joined


def test_an_undone_confirmation_splits_what_only_it_had_joined(store, make_image):
    # Given two clusters that a person joined, and a third pair that could not join because of that
    a, b, c, d, e, f = fill(store, make_image, 6)
    record_verdict(store, a, b, MATCH)
    record_verdict(store, c, d, MATCH)
    veto(store, b, e)
    before = state(store, [a, b, c, d, e, f])
    confirm(store, b, c)
    assert record_verdict(store, d, e, MATCH) is RecordOutcome.APART
    # When it is taken back, then they are apart, and the third pair has joined
    store.judgements.undo(b, c)
    clusters = {frozenset(found.members) for found in store.clusters.of([a, c]) if found}
    assert clusters == {frozenset([a, b]), frozenset([c, d, e])}
    record_verdict(store, d, e, REVIEW)
    store.judgements.undo(b, e)
    assert state(store, [a, b, c])[0] == before[0][:3]
    assert state(store, [a, b, c, d, e, f])[1] == before[1]


# -- forgetting, and killed at any moment --------------------------------------------------------------------


@pytest.mark.parametrize("word", JudgementWord)
def test_a_forgotten_image_leaves_nothing_of_what_was_said_of_it(
    store, make_image, shared_server, everything, word
):
    a, b, c = fill(store, make_image, 3)
    store.verdicts.record(a, [(b, MATCH), (c, MATCH)])
    store.judgements.judge(
        a,
        b,
        word,
        who="the witness",
        source="the court",
        verdict=SAID if word in (JudgementWord.SAME, JudgementWord.PART) else None,
    )
    assert b"the witness" in everything(shared_server.redis)
    store.forgetting.forget(b)
    held = everything(shared_server.redis)
    assert not any(trace in held for trace in (b.encode(), b"the witness", b"the court"))
    assert store.judgements.of(a) == [] and set(store.clusters.of([a])[0].members) == {a, c}


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("word", JudgementWord)
def test_a_judgement_or_its_undoing_killed_at_any_step_is_done_wholly_or_not_at_all(
    server, make_image, monkeypatch, word, score
):
    for work in ("judge", "undo"):
        step, died, changed = 0, True, 0
        while died:
            salt = f"{work} {step}"
            with Store.open(Config(store=server.url)) as store:
                ids = a, b, c = fill(store, make_image, 3, salt)
                record_verdict(store, b, c, MATCH)
                if score:
                    record_verdict(store, a, b, score)
                without = state(store, ids)
                judge(store, a, b, word)
                said = state(store, ids)
                if work == "judge":
                    store.judgements.undo(a, b)
                    assert state(store, ids) == without
            died = run_and_die(
                monkeypatch,
                server.url,
                (lambda store, a=a, b=b: judge(store, a, b, word))
                if work == "judge"
                else lambda store, a=a, b=b: store.judgements.undo(a, b),
                step,
            )
            with Store.open(Config(store=server.url)) as store:
                known = judgement(store, a, b)
                assert (known is None) == (judgement(store, b, a) is None)
                assert [found for found, _ in state(store, ids)[0]] == [
                    found for found, _ in (said if known else without)[0]
                ]
                assert state(store, ids)[1] == (said if known else without)[1]
                changed += (known is None) == (work == "undo")
            assert server.redis.hlen("dq:{meta}:intents") == 0
            step += 1
        assert changed >= 1 and step >= 3


def test_a_judgement_waits_for_nobody_and_loses_nothing_to_a_forget_between_its_steps(
    server, make_image, monkeypatch, everything
):
    for work in (lambda store, a, b: veto(store, a, b), lambda store, a, b: store.judgements.undo(a, b)):
        step, reached = 0, True
        while reached:
            with Store.open(Config(store=server.url)) as store, Store.open(Config(store=server.url)) as other:
                a, b = fill(store, make_image, 2, f"{step}")
                confirm(store, a, b)

                def run(store=store, a=a, b=b, work=work) -> None:
                    try:
                        work(store, a, b)
                    except NotFound:
                        return

                reached = interleave(
                    monkeypatch,
                    store,
                    step,
                    work=run,
                    between=lambda b=b, other=other: other.forgetting.forget(b),
                )
                if not reached:
                    other.forgetting.forget(b)
                assert b.encode() not in everything(server.redis), step
                server.redis.flushall()
            step += 1
        assert step >= 3


def test_of_two_who_take_back_and_replace_a_word_at_once_the_later_word_stands(
    server, make_image, monkeypatch
):
    step, reached = 0, True
    while reached:
        with Store.open(Config(store=server.url)) as store, Store.open(Config(store=server.url)) as other:
            a, b = fill(store, make_image, 2, f"race {step}")
            confirm(store, a, b)
            reached = interleave(
                monkeypatch,
                store,
                step,
                work=lambda store=store, a=a, b=b: store.judgements.undo(a, b),
                between=lambda other=other, a=a, b=b: veto(other, a, b),
            )
            # What was taken back is what stood when it was taken back
            assert judgement(store, a, b) is None and store.clusters.shared([a]) == [None]
        step += 1
    assert step >= 3


# -- bytes ---------------------------------------------------------------------------------------------------


def test_the_examples_in_format_md_are_what_is_stored():
    text = resources.files("douglas_quaid.store").joinpath("FORMAT.md").read_text(encoding="utf-8")
    example = bytes.fromhex(re.findall(r"```judgement\n(.*?)```", text, re.DOTALL)[0])
    said = Judgement("ab" * 32, JudgementWord.DIFFERENT, "ada", NOON, "misp:event:7")
    assert codec.encode_judgement(said, None) == example
    assert codec.decode_judgement("ab" * 32, example) == (said, None)


def test_judgement_bytes_that_do_not_fit_are_refused_by_name():
    said = Judgement("ab" * 32, JudgementWord.PART, "ada", NOON, "misp:event:7")
    data = codec.encode_judgement(said, PART)
    found, stored = codec.decode_judgement("ab" * 32, data)
    assert found == said and stored.verdict == PART and stored.judged == NOON
    with pytest.raises(UnknownVersion, match="judgement about abab"):
        codec.decode_judgement("ab" * 32, data[:3] + b"\x63" + data[4:])
    for at in [*range(3), *range(4, len(data))]:
        with pytest.raises(CorruptRecord, match="judgement about abab"):
            codec.decode_judgement("ab" * 32, data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
    with pytest.raises(CorruptRecord):
        codec.decode("ab" * 32, data)
