"""The review page as an analyst meets it: a real Chromium before a real service on a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browser import Page, chromium
from support.server import Server
from support.service import Service
from support.waiting import until
from support.waiting_pairs import let_pairs_wait

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.records import JudgementWord
from douglas_quaid.store import Store


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def service(server: Server, tmp_path: Path) -> Iterator[Service]:
    """A service on a server that a test may stop; it has no store's answer after a second."""
    service = Service(tmp_path, server.url, "--rate", "0", DOUGLAS_QUAID_STORE_TIMEOUT="1").start()
    yield service
    service.stop()


@pytest.fixture
def engine(server: Server) -> Iterator[Engine]:
    with Engine.open(server.url) as engine:
        yield engine


def fill(server: Server, engine: Engine, count: int) -> list[frozenset[str]]:
    """Let pairs wait in the store."""
    with Store.open(Config(store=server.url)) as store:
        return [frozenset(pair) for pair in let_pairs_wait(engine, store, count)]


def word_about(engine: Engine, pair: frozenset[str]) -> JudgementWord | None:
    a, b = sorted(pair)
    said = engine.judgements_of([a])[0].get(b)
    return None if said is None else said.word


def test_a_pair_is_shown_decided_by_a_key_and_undone(
    browser: Any, service: Service, server: Server, engine: Engine
) -> None:
    # Given a store in which a pair waits, when an analyst opens the page
    (pair,) = fill(server, engine, 1)
    page = Page(browser, service.url).go()
    # then the pair is shown, with what is known of it
    assert page.wait_for_pair() == pair
    assert "B" in page.text("#facts") and "/pictures/0.png" in page.text("#facts")
    # and the key of a button answers, so that a judgement is in the store and nothing is left
    page.press("1")
    page.wait_until_sent()
    until(lambda: word_about(engine, pair) is JudgementWord.SAME)
    page.wait_for_text("#status", "Nothing is left")
    # and another key takes that back: the judgement is gone, and the pair is on the screen again.
    page.press("u")
    assert page.wait_for_pair() == pair
    page.wait_until_sent()
    until(lambda: word_about(engine, pair) is None)
    assert page.faults == []
    page.close()
