"""The review page as analysts meet it: a real Chromium before a real service on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browser import Page, chromium
from support.server import Server
from support.service import Service
from support.waiting import until
from support.waiting_pairs import add_drawn, let_pairs_wait, let_wait

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.records import JudgementWord
from douglas_quaid.store import Store

WORDS = {
    "1": JudgementWord.SAME,
    "2": JudgementWord.PART,
    "3": JudgementWord.SAME_DESIGN,
    "4": JudgementWord.DIFFERENT,
    "0": JudgementWord.UNSURE,
}

#: A pair, whichever of its images comes first.
Pair = frozenset[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def service(server: Server, tmp_path: Path) -> Iterator[Service]:
    """A service on a server that a test may stop."""
    service = Service(tmp_path, server.url, "--rate", "0", DOUGLAS_QUAID_STORE_TIMEOUT="1").start()
    yield service
    service.stop()


@pytest.fixture
def engine(server: Server) -> Iterator[Engine]:
    with Engine.open(server.url) as engine:
        yield engine


def fill(server: Server, engine: Engine, count: int) -> list[Pair]:
    """Let pairs wait in the store."""
    with Store.open(Config(store=server.url)) as store:
        return [frozenset(pair) for pair in let_pairs_wait(engine, store, count)]


def words_about(engine: Engine, pairs: list[Pair]) -> list[JudgementWord | None]:
    """What was said of pairs, as the store has it."""
    sides = [sorted(pair) for pair in pairs]
    said = engine.judgements_of([a for a, _ in sides])
    return [found[b].word if b in found else None for found, (_, b) in zip(said, sides, strict=True)]


def test_a_pair_is_shown_decided_by_a_key_and_undone(
    browser: Any, service: Service, server: Server, engine: Engine
) -> None:
    # Given a store in which a pair waits, when an analyst opens the page
    (pair,) = fill(server, engine, 1)
    page = Page(browser, service.url).go()
    # then the pair is shown, with what is known of it
    assert page.wait_for_pair() == pair
    assert "/pictures/0.png" in page.text("#facts") and "/pictures/1.png" in page.text("#facts")
    # and the key of a button answers, so that a judgement is in the store and nothing is left
    page.press("1")
    page.wait_until_sent()
    assert words_about(engine, [pair]) == [JudgementWord.SAME]
    page.wait_for_text("#status", "Nothing is left")
    # and another key takes that back: the judgement is gone, and the pair is on the screen again.
    page.press("u")
    assert page.wait_for_pair() == pair
    page.wait_until_sent()
    assert words_about(engine, [pair]) == [None]
    assert page.faults == []
    page.close()


def test_two_people_settle_fifty_pairs_by_keys_with_undo_and_a_reload(
    browser: Any, service: Service, server: Server, engine: Engine
) -> None:
    # Given fifty pairs that wait, and two people with a browser each
    waiting = fill(server, engine, 50)
    ada, bob = Page(browser, service.url).go(), Page(browser, service.url).go()
    shown: dict[Page, Pair] = {ada: ada.wait_for_pair(), bob: bob.wait_for_pair()}
    expected: dict[Pair, JudgementWord] = {}
    keys = "12340"

    def answer(page: Page, key: str) -> None:
        pair = shown[page]
        assert pair not in expected, "a pair that was decided came back"
        expected[pair] = WORDS[key]
        page.press(key)
        if len(expected) < 46:  # near the end, the other browser has the last ones
            shown[page] = page.wait_for_pair(other_than=pair)

    # when they answer in turn, then neither is shown what the other has open
    for n in range(40):
        assert shown[ada] != shown[bob], "two people have the same pair open"
        answer((ada, bob)[n % 2], keys[n % 5])
        # and two answers are undone, one after the other, and given anew
        if n == 10:
            first = shown[ada]
            ada.press("u", "u")
            ada.wait_for_text("#status", "Took back")
            before = ada.pair
            assert before in expected and before != first
            ada.press("1")
            expected[before] = JudgementWord.SAME
            again = ada.wait_for_pair(other_than=before)
            ada.press("2")
            expected[again] = JudgementWord.PART
            shown[ada] = ada.wait_for_pair(other_than=again)
            assert shown[ada] == first
        # and a reload in the middle shows the same pair again.
        if n == 20:
            bob.tab.reload()
            assert bob.wait_for_pair() == shown[bob]
    # When one of them leaves, the other is shown what is left
    bob.wait_until_sent()
    bob.tab.evaluate("() => sessionStorage.clear()")
    bob.close()
    server.redis.delete(*server.redis.scan_iter("dq:{meta}:lease:*"))  # instead of waiting for a minute
    while len(expected) < 50:
        pair = ada.wait_for_pair(other_than=shown[ada] if shown[ada] in expected else None)
        assert pair not in expected, "a pair that was decided came back"
        ada.press("1")
        expected[pair] = JudgementWord.SAME
        shown[ada] = pair
    ada.wait_until_sent()
    ada.wait_for_text("#status", "Nothing is left")
    # then every pair has the word that was said last.
    assert words_about(engine, waiting) == [expected[pair] for pair in waiting]
    assert ada.faults == bob.faults == []
    ada.close()


def test_a_stopped_store_loses_no_answer(
    browser: Any, service: Service, server: Server, engine: Engine
) -> None:
    # Given a person in the middle of a queue, when the store stops
    waiting = fill(server, engine, 4)
    page = Page(browser, service.url).go()
    first = page.wait_for_pair()
    page.tab.wait_for_function("() => document.getElementById('status').textContent.includes('left')")
    server.stop()
    # and answers are given, then the page says that it keeps them, and goes on
    page.press("4")
    second = page.wait_for_pair(other_than=first)
    page.press("1")
    page.wait_for_text("#trouble", "kept here and will be sent")
    # and a reload meanwhile says so, and loses none of them
    page.tab.reload()
    page.wait_for_text("main", "The store does not answer")
    # and they are in the store once it is back, and the queue goes on.
    server.start()
    page.tab.wait_for_selector("#review")
    page.wait_until_sent()
    assert words_about(engine, [first, second]) == [JudgementWord.DIFFERENT, JudgementWord.SAME]
    assert page.wait_for_pair() in set(waiting) - {first, second}
    page.tab.wait_for_function("() => document.getElementById('trouble').hidden")
    page.close()


def test_what_follows_from_an_answer_is_not_asked(
    browser: Any, service: Service, server: Server, engine: Engine
) -> None:
    # Given three pictures of which each two wait
    with Store.open(Config(store=server.url)) as store:
        a, b, c = add_drawn(engine, store, 3)
        for one, other in ((a, b), (b, c), (a, c)):
            let_wait(store, one, other)
    page = Page(browser, service.url).go()
    # when two of the pairs are said to be the same
    first = page.wait_for_pair()
    page.press("1")
    second = page.wait_for_pair(other_than=first)
    page.press("1")
    page.wait_until_sent()
    # then all three are in one cluster, and the third pair is not asked
    page.wait_for_text("#status", "Nothing is left")
    (cluster,) = {found.cluster_id for found in engine.clusters_of([a, b, c]) if found}
    # until an answer is taken back: then it waits again, with the pair that was answered.
    page.press("u")
    assert page.wait_for_pair() == second
    page.wait_until_sent()
    page.press("4")
    page.wait_until_sent()
    page.wait_for_text("#status", "Nothing is left")
    third = {frozenset(pair) for pair in ((a, b), (b, c), (a, c))} - {first, second}
    assert words_about(engine, [*third]) == [None]
    assert cluster in {found.cluster_id for found in engine.clusters_of([a, b, c]) if found}
    page.close()


def test_blinking_stops_for_those_who_asked_for_less_motion(
    browser: Any, service: Service, server: Server, engine: Engine
) -> None:
    # Given a browser that is set to less motion, when a pair is shown, then it stands still on A
    fill(server, engine, 1)
    page = Page(browser, service.url, reduced_motion="reduce").go()
    page.wait_for_pair()
    assert page.tab.get_attribute("#pause", "aria-pressed") == "true"
    page.tab.wait_for_timeout(2000)
    assert page.text("#chip") == "A"
    # and flips when it is told to, by the keyboard alone.
    page.press("Space")
    assert page.text("#chip") == "B"
    # The list of keys opens and closes by keys, and keys do not answer behind it.
    page.press("?")
    assert page.tab.is_visible("#help")
    page.press("1", "Escape")
    assert not page.tab.is_visible("#help") and page.pair is not None
    # Every button is reached with Tab, and Enter presses it.
    names = set()
    for _ in range(40):
        page.press("Tab")
        names.add(page.tab.evaluate("() => document.activeElement.textContent.trim()"))
    assert {"1 Same picture", "0 Cannot tell", "? Keys", "Difference"} <= names
    page.tab.focus("[data-word=different]")
    page.press("Enter")
    page.wait_until_sent()
    until(lambda: "Nothing is left" in page.text("#status"))
    page.close()
