"""What analysts answer in AIL becomes verdicts of persons, and a cluster's report: against a real store and
an AIL in memory.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator

import pytest
from support.ail_memory import World
from support.waiting import until

from douglas_quaid.ail import tags
from douglas_quaid.ail.cli.cluster_report import report
from douglas_quaid.ail.cli.reconciliation import reconciled, rehearsed
from douglas_quaid.ail.config import Settings
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.ail.publishing.feedback import (
    DIFFERENT,
    SAME,
    Answer,
    FeedbackReader,
)
from douglas_quaid.ail.publishing.ledger import STAR, clusters_with_star, written_objects
from douglas_quaid.ail.publishing.passes import FeedbackLoop, last_pass
from douglas_quaid.errors import NotFound
from douglas_quaid.records import PERSON, Decision, Purpose, Relation

ANALYST = 'infoleak:analyst-detection="visual-review"'
REVIEW = {"decision": Decision.REVIEW, "confidence": 0.6}


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    world = World(store_url)
    yield world
    world.close()


@pytest.fixture
def asked(world: World) -> tuple[AilObject, AilObject]:
    """A page of which we ask whether it is the same as another, and that other."""
    first, page = world.add("a.onion"), world.add("b.onion")
    world.judge(page, first, **REVIEW)
    assert world.write(page).tags == (tags.REVIEW,)
    return page, first


def listen(world: World) -> tuple[Answer, ...]:
    reader = FeedbackReader(world.engine, world.sink, Settings(), world.options)
    answers = [answer for obj in list(written_objects(world.engine)) for answer in reader.read(obj)]
    return (*answers, *reader.finish())


def decision(world: World, a: AilObject, b: AilObject) -> Decision | None:
    found = world.engine.verdict_between(a.id, b.id)
    return found.verdict.decision if found else None


def test_without_an_answer_nothing_happens(world: World, asked: tuple[AilObject, AilObject]) -> None:
    before = world.sink.state()
    assert listen(world) == () and listen(world) == ()
    assert world.sink.state() == before and decision(world, *asked) is Decision.REVIEW


def test_the_confirm_button_is_the_word_of_a_person_and_a_match_from_then_on(
    world: World, asked: tuple[AilObject, AilObject]
) -> None:
    page, first = asked
    # When an analyst confirms the review tag as AIL does
    world.sink.tagged[page.gid].add(ANALYST)
    assert listen(world) == (Answer(page, SAME, first.id),)
    # Then the two are a match by a person, AIL shows them as one, and the question is answered
    verdict = world.engine.verdict_between(page.id, first.id)
    assert (
        verdict is not None
        and verdict.verdict.decision is Decision.MATCH
        and verdict.verdict.calibration_id == PERSON
    )
    assert world.sink.correlated(page, first) and world.sink.rows[page.gid] == {
        f"100:douglas-quaid:{first.id}"
    }
    assert tags.REVIEW not in world.sink.tagged[page.gid] and ANALYST in world.sink.tagged[page.gid]
    # and it is heard once
    assert listen(world) == ()


@pytest.mark.parametrize("said", ["false-positive", "removed"])
def test_a_rejected_question_is_a_veto(world: World, asked: tuple[AilObject, AilObject], said: str) -> None:
    page, first = asked
    assert listen(world) == ()  # AIL's Tags module has done its work
    if said == "removed":
        world.sink.tagged[page.gid].discard(tags.REVIEW)
    else:
        world.sink.tagged[page.gid].add(tags.FALSE_POSITIVE)
    assert listen(world) == (Answer(page, DIFFERENT, first.id),)
    assert world.engine.vetoed(page.id) == {first.id} and decision(world, page, first) is None
    assert tags.REVIEW not in world.sink.tagged[page.gid]
    assert listen(world) == ()


@pytest.mark.parametrize("said", ["false-positive", "removed"])
def test_an_answer_that_was_undone_is_not_heard_again(
    world: World, asked: tuple[AilObject, AilObject], said: str
) -> None:
    page, first = asked
    assert listen(world) == ()
    if said == "removed":
        world.sink.tagged[page.gid].discard(tags.REVIEW)
    else:
        world.sink.tagged[page.gid].add(tags.FALSE_POSITIVE)
    assert len(listen(world)) == 1
    # When the veto is undone, and AIL's tags stay as they are
    world.engine.undo(page.id, first.id)
    # Then it stays undone, also when we ask anew
    assert listen(world) == () and decision(world, page, first) is Decision.REVIEW
    assert world.write(page).tags == (tags.REVIEW,)
    assert listen(world) == listen(world) == () and decision(world, page, first) is Decision.REVIEW


def test_a_removed_question_is_an_answer_about_one_picture_and_not_about_the_next_one(world: World) -> None:
    # Given a page that may be the same as either of two others
    first, second, page = world.add("a.onion"), world.add("b.onion"), world.add("c.onion")
    world.judge(page, first, **REVIEW)
    world.judge(page, second, decision=Decision.REVIEW, confidence=0.5)
    assert world.write(page).tags == (tags.REVIEW,)
    assert listen(world) == ()
    # When an analyst removes the tag once
    world.sink.tagged[page.gid].discard(tags.REVIEW)
    # Then there is one veto, and later passes add none
    assert listen(world) == (Answer(page, DIFFERENT, first.id),)
    assert listen(world) == listen(world) == () and world.engine.vetoed(page.id) == {first.id}


def test_a_tag_that_ail_has_not_written_yet_was_not_removed(
    world: World, asked: tuple[AilObject, AilObject]
) -> None:
    page, _ = asked
    world.sink.tagged[page.gid].discard(tags.REVIEW)
    assert listen(world) == () and world.engine.vetoed(page.id) == set()
    world.sink.tagged[page.gid].add(tags.REVIEW)
    assert listen(world) == ()
    world.sink.tagged[page.gid].discard(tags.REVIEW)
    assert len(listen(world)) == 1


def test_a_false_positive_takes_back_a_match_and_all_that_was_written_about_it(world: World) -> None:
    first = world.add("a.onion")
    second = world.found("b.onion", first)
    third = world.found("c.onion", first, second)
    world.sink.tagged[third.gid].add(tags.FALSE_POSITIVE)
    heard = listen(world)
    assert set(heard) == {Answer(third, DIFFERENT, first.id), Answer(third, DIFFERENT, second.id)}
    assert world.sink.pairs() == {frozenset((first.gid, second.gid))}
    assert (
        world.sink.tagged[third.gid] == {tags.FALSE_POSITIVE}
        and world.sink.tagged[first.gid] == world.sink.tagged[second.gid] != set()
    )
    # and those that it matched are one cluster as before
    assert report(world.engine, first.gid).images == 2
    assert listen(world) == ()


def test_a_false_positive_of_an_image_may_be_ails_own_word(world: World) -> None:
    # Given an image that matches a screenshot, which AIL's OcrExtractor cannot open and marks as a false
    # positive later
    first = world.add("a.onion")
    image = world.add(kind="image")
    world.judge(image, first)
    world.write(image)
    assert world.sink.correlated(image, first)
    world.sink.tagged[image.gid].add(tags.FALSE_POSITIVE)
    # Then nobody has said anything
    assert (
        listen(world) == () and world.sink.correlated(image, first) and world.engine.vetoed(image.id) == set()
    )


def test_what_was_said_before_we_wrote_is_not_about_us(world: World) -> None:
    # Given an image that AIL's OcrExtractor could not read, which it marks as a false positive
    first, page = world.add("a.onion"), world.add("b.onion")
    world.sink.tagged[page.gid] |= {tags.FALSE_POSITIVE, ANALYST}
    world.judge(page, first, **REVIEW)
    world.write(page)
    assert listen(world) == () and decision(world, page, first) is Decision.REVIEW


def test_a_confirmed_match_and_a_confirmed_imitation(world: World) -> None:
    # Given a match and a page that looks like a bank's, each confirmed with AIL's button
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    bank = world.known("banks", Purpose.BASELINE, brand="Bank", domain="bank.example")
    page = world.add("evil.onion")
    world.judge(page, bank, 0.8, relation=Relation.LOOKS_LIKE, decision=Decision.REVIEW)
    world.write(page)
    for obj in (copy, page):
        world.sink.tagged[obj.gid] |= {tags.analysts(tag) for tag in world.sink.tagged[obj.gid]}
    # Then the match is a person's, and the imitation does not become the bank's own page
    assert listen(world) == (Answer(copy, SAME, first.id),)
    assert decision(world, page, AilObject("image", bank)) is Decision.REVIEW


def test_a_confirmation_of_what_a_person_vetoed_is_refused_and_said(
    world: World, asked: tuple[AilObject, AilObject]
) -> None:
    page, first = asked
    world.engine.veto(page.id, first.id)
    world.sink.tagged[page.gid].add(ANALYST)
    (heard,) = listen(world)
    assert heard.refused and "not the same" in heard.refused
    assert listen(world) == ()


def test_an_answer_about_a_forgotten_picture_is_said_once(
    world: World, asked: tuple[AilObject, AilObject]
) -> None:
    page, first = asked
    world.store.forgetting.forget(first.id)
    world.sink.tagged[page.gid].add(ANALYST)
    (heard,) = listen(world)
    assert heard.refused and listen(world) == ()


# -- a rehearsal ---------------------------------------------------------------------------------------------


def lines_in_ail(world: World) -> set[tuple[str, str, str]]:
    """All that AIL shows of ours, as the rehearsal names it."""
    correlations = {("correlation", *sorted(pair)) for pair in world.sink.pairs()}
    rows = {(gid, row) for gid, rows in world.sink.rows.items() for row in rows}
    duplicates = set()
    for gid, row in rows:
        score, _, other = row.split(":")
        first, second = sorted((gid, f"{gid.partition(':')[0]}::{other}"))
        duplicates.add(("duplicate", first, f"{second} {score}"))
    tagged = {("tag", gid, tag) for gid, found in world.sink.tagged.items() for tag in found}
    noted = {("note", gid, without_sentences(text)) for gid, text in world.sink.noted.items()}
    return correlations | duplicates | tagged | noted


def without_sentences(text: str) -> str:
    """A note without the evidence: what it says of a pair that a person confirms is not rehearsed."""
    return re.sub(r"\): .*", ")", text)


def confirmed_question(world: World) -> None:
    first, page = world.add("a.onion"), world.add("b.onion")
    world.judge(page, first, **REVIEW)
    world.write(page)
    world.sink.tagged[page.gid].add(ANALYST)


def removed_question(world: World) -> None:
    first, page = world.add("a.onion"), world.add("b.onion")
    world.judge(page, first, **REVIEW)
    world.write(page)
    listen(world)
    world.sink.tagged[page.gid].discard(tags.REVIEW)


def rejected_match(world: World) -> None:
    second = world.found("b.onion", world.add("a.onion"))
    world.sink.tagged[second.gid].add(tags.FALSE_POSITIVE)


def veto_at_the_command_line(world: World) -> None:
    first = world.add("a.onion")
    world.engine.veto(world.found("b.onion", first).id, first.id)


def nothing_new(world: World) -> None:
    world.found("b.onion", world.add("a.onion"))


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (confirmed_question, [SAME]),
        (removed_question, [DIFFERENT]),
        (rejected_match, [DIFFERENT]),
        (veto_at_the_command_line, []),
        (nothing_new, []),
    ],
)
def test_a_rehearsal_tells_what_a_pass_then_changes_and_changes_nothing(
    world: World, capsys: pytest.CaptureFixture[str], prepare: Callable[[World], None], said: list[str]
) -> None:
    prepare(world)
    objects = sorted(set(written_objects(world.engine)))
    before, kept = lines_in_ail(world), sorted(world.engine.bookmarks("ail:"))
    vetoed = [world.engine.vetoed(obj.id) for obj in objects]
    # When a pass is rehearsed
    rehearsed(world.engine, world.sink, Settings(), objects, as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    # Then neither AIL nor the store changed,
    assert lines_in_ail(world) == before and sorted(world.engine.bookmarks("ail:")) == kept
    assert [world.engine.vetoed(obj.id) for obj in objects] == vetoed
    # and the pass follows these answers and makes these changes.
    assert [line["said"] for line in told if "said" in line] == said
    reconciled(world.engine, world.sink, Settings(), objects, as_json=True)
    after = lines_in_ail(world)
    changes = {
        (line["what"], line["object"], without_sentences(line["value"])): line["change"]
        for line in told
        if "what" in line
    }
    added = {change for change, how in changes.items() if how == "add"}
    assert (added, changes.keys() - added) == (after - before, before - after)
    assert changes or prepare in (nothing_new, removed_question)


# -- the passes of a module ----------------------------------------------------------------------------------


def test_a_pass_removes_the_star_of_a_cluster_that_is_no_more(world: World) -> None:
    # Given two clusters, of which nothing is left of one, and a star that cannot be read
    first, other = world.add("a.onion"), world.add("c.onion")
    copy = world.found("b.onion", first)
    world.found("d.onion", other)
    (kept,) = world.engine.cluster_ids([other.id])
    world.engine.set_bookmark(f"{STAR}c-1", "{}")
    world.engine.forget(copy.id)
    world.engine.forget(first.id)
    # When a module that runs looks at everything, then the other star stays
    loop = FeedbackLoop(world.engine, world.sink, Settings(), logging.getLogger("test"))

    def only_the_others_are_left() -> bool:
        loop.step(is_idle=lambda: True)
        return set(clusters_with_star(world.engine)) == {kept, "c-1"}

    until(only_the_others_are_left)


class SlowAil:
    """An AIL that takes a while for each answer, and a queue in which a message arrives at some answer."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, *, arrives: int) -> None:
        self.asked, self.arrives, self._tags = 0, arrives, world.sink.tags
        monkeypatch.setattr(world.sink, "tags", self.tags)

    def tags(self, obj: AilObject) -> set[str]:
        self.asked += 1
        time.sleep(0.02)
        return self._tags(obj)

    def is_idle(self) -> bool:
        return self.asked < self.arrives


def ten_questions(world: World) -> None:
    first = world.add("a.onion")
    for number in range(10):
        page = world.add(f"b{number}.onion")
        world.judge(page, first, **REVIEW)
        world.write(page)


def test_a_pass_goes_on_without_a_pause_while_no_message_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given ten objects, an AIL that takes four times a busy step for them, and an empty queue
    ten_questions(world)
    ail = SlowAil(world, monkeypatch, arrives=1000)
    loop = FeedbackLoop(world.engine, world.sink, Settings(), logging.getLogger("test"))
    # Then one step is a whole pass, and it is noted how long it took
    loop.step(ail.is_idle)
    assert ail.asked == 10
    passed = last_pass(world.engine)
    assert passed and passed.objects == 10 and passed.ended - passed.began >= 0.2
    # and the next pass is not due
    loop.step(ail.is_idle)
    assert ail.asked == 10


def test_a_message_that_arrives_is_not_kept_waiting_by_a_pass(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a pass over ten objects, and a message that arrives during the fourth one
    ten_questions(world)
    ail = SlowAil(world, monkeypatch, arrives=4)
    loop = FeedbackLoop(world.engine, world.sink, Settings(), logging.getLogger("test"))
    # Then the step ends after a moment, and the pass goes on later
    loop.step(ail.is_idle)
    assert 4 <= ail.asked < 10 and last_pass(world.engine) is None
    asked = ail.asked
    loop.step(ail.is_idle)
    assert ail.asked == asked

    def passed() -> bool:
        loop.step(ail.is_idle)
        return last_pass(world.engine) is not None

    until(passed)
    assert ail.asked == 10


# -- a cluster's report --------------------------------------------------------------------------------------


def test_the_report_of_a_cluster_counts_objects_domains_and_chats(world: World) -> None:
    first = world.add("a.onion, b.onion")
    second = world.found("B.onion", first)
    picture = world.add(kind="image")
    world.engine.note(picture.id, occurrence=picture.occurrence, labels={"chat": "uuid-1:7,uuid-1:8"})
    world.judge(picture, second)
    world.write(picture)
    cluster_id = world.engine.cluster_ids([first.id])[0]
    assert cluster_id
    for name in (cluster_id, first.id, second.gid, str(picture.occurrence)):
        found = report(world.engine, name)
        assert (
            found.cluster == cluster_id
            and found.images == 3
            and set(found.objects) == {first, second, picture}
        )
        assert [(domain.name, domain.objects) for domain in found.domains] == [("b.onion", 2), ("a.onion", 1)]
        assert [(chat.name, chat.objects) for chat in found.chats] == [("uuid-1:7", 1), ("uuid-1:8", 1)]
        assert (
            found.representative == first
            and found.first_seen
            and found.last_seen
            and found.first_seen <= found.last_seen
        )
    told = report(world.engine, cluster_id).to_json()
    assert (
        told["object_count"] == 3
        and told["domain_count"] == 2
        and told["representative"] == first.gid
        and told["first_seen"].endswith("Z")
    )


def test_the_report_of_a_single_object_lists_its_places(world: World) -> None:
    # Given the same bytes on two domains, and in two chats
    page, picture = world.add("a.onion,b.onion"), world.add(kind="image", chat="telegram:1,telegram:2")
    for obj, names in ((page, ["a.onion", "b.onion"]), (picture, ["telegram:1", "telegram:2"])):
        assert world.write(obj).tags == (tags.MATCH,)
        found = report(world.engine, obj.gid)
        assert found.objects == (obj,) and found.images == 1
        assert [each.name for each in (*found.domains, *found.chats)] == names
        assert all(name in world.sink.noted[obj.gid] for name in names)


def test_the_report_of_an_object_that_is_in_no_cluster_says_so(world: World) -> None:
    waiting = world.add("a.onion", linked=False)
    with pytest.raises(NotFound, match="in no cluster"):
        report(world.engine, waiting.gid)
    with pytest.raises(NotFound):
        report(world.engine, AilObject("image", "0" * 64).gid)
