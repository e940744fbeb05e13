"""AIL's module through a service: it writes the same as with the store, waits while the service is away, and
loses nothing when its key ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.ail_host import AilHome
from support.ail_memory import World
from support.pictures import jpeg, page, png
from support.server import Server
from support.service import Service

from douglas_quaid import Engine
from douglas_quaid.ail.publishing.feedback import FeedbackReader
from douglas_quaid.client import Client
from douglas_quaid.records import Decision

pytest_plugins = ["support.ail_fixtures"]

pytest.importorskip("uvicorn", reason="the extra `service` is not installed")

RIGHTS = ["read", "write", "review"]


@pytest.fixture
def service(ail: AilHome, tmp_path: Path) -> Iterator[Service]:
    """A service on the feature store of an AIL."""
    service = Service(tmp_path, ail.store.url, "--rate", "0").start()
    yield service
    service.stop()


def key_of(ail: AilHome) -> str:
    """A key as `quaid key create` makes it for AIL's machine."""
    with Engine.open(ail.store.url) as engine:
        return engine.create_key("ail", RIGHTS, sees=["host:ail"])


def shown(ail: AilHome, gids: list[str]) -> list[tuple[Any, ...]]:
    """What AIL shows of objects."""
    return [(ail.correlations(gid, "screenshot"), ail.duplicates(gid), ail.tags(gid)) for gid in gids]


def captures(ail: AilHome) -> list[str]:
    """Screenshots of three domains: two of one page, and one of another."""
    pictures = {"one.onion": png(page(1)), "two.onion": jpeg(page(1), 70), "three.onion": png(page(2))}
    return [ail.new_screenshot(data, domain=domain) for domain, data in pictures.items()]


def work(ail: AilHome, gids: list[str], **environment: str) -> None:
    """Let a module of ours work on objects until its queue is empty."""
    ail.add_ours()
    ail.queue_all([(gid, "") for gid in gids], queue="Images")
    module = ail.start_module(**environment)
    module.wait_for(lambda: not ail.queue_length() and not ail.in_flight(), "the work is done")
    ail.kill()
    ail.drain("Tags")


def test_what_is_written_is_the_same_as_with_the_store(ail: AilHome, tmp_path: Path) -> None:
    # Given what the module writes about three screenshots when it has the store itself
    gids = captures(ail)
    work(ail, gids)
    direct = shown(ail, gids)
    assert direct[0][0] and direct[0][1] and direct[1][2] and not any(direct[2])
    # when it has a service, with a key from the environment, on an empty store
    ail.reset()
    secret = key_of(ail)
    service = Service(tmp_path, ail.store.url, "--rate", "0").start()
    try:
        assert captures(ail) == gids
        ail.configure(store=service.url)
        work(ail, gids, DOUGLAS_QUAID_KEY=secret)
        # then it writes the same.
        assert shown(ail, gids) == direct
    finally:
        service.stop()


def test_messages_wait_while_the_service_is_away_and_while_its_key_has_ended(
    ail: AilHome, service: Service
) -> None:
    # Given a module whose service is away
    gid, secret = captures(ail)[0], key_of(ail)
    url = service.url
    ail.configure(store=url, gate_seconds=1)
    ail.add_ours()
    service.stop()
    ail.queue_all([(gid, "")], queue="Images")
    module = ail.start_module(DOUGLAS_QUAID_KEY=secret)
    module.wait_for(lambda: "the feature store fails" in module.said(), "it says that the store fails")
    # then the message waits, and is worked on once the service is back;
    assert ail.queue_length() == 1
    service.start()
    with Engine.open(ail.store.url) as engine:
        module.wait_for(lambda: engine.count() == 1, "the picture is stored")
        module.wait_for(lambda: not ail.in_flight(), "the message has ended")
        # when its key is revoked, then it ends, and says why; the next message waits.
        engine.revoke_key("ail")
        ail.queue_all([(gid, "again")], queue="Images")
        module.wait(120)
    assert "was revoked" in module.said() and secret not in module.said()
    assert ail.queue_length() == 1 or ail.in_flight()


# -- publishing and answers, without AIL ---------------------------------------------------------------------


@pytest.fixture
def worlds(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """An AIL in memory whose publisher asks the store, and one whose publisher asks a service."""
    second = Server(tmp_path_factory.mktemp("valkey")).start()
    shared_server.redis.flushall()
    direct, through = World(shared_server.url), World(second.url)
    secret = through.engine.create_key("ail", RIGHTS, sees=["host:ail", "collection:brands"])
    service = Service(tmp_path_factory.mktemp("service"), second.url, "--rate", "0").start()
    engine = through.engine
    through.engine = Client(service.url, secret)  # type: ignore[assignment]
    yield direct, through
    service.stop()
    engine.close()
    direct.close()
    through.close()
    second.kill()


def story(world: World) -> list[object]:
    """What AIL shows after each step of a story with matches, a question and answers of persons."""
    told = list[object]()
    first = world.found("a.onion")
    second = world.found("b.onion", first)
    asked = world.found("c.onion", first, decision=Decision.REVIEW, confidence=0.6)
    told.append(world.sink.state())
    # A person rejects the match, and confirms the question.
    for obj in (first, second, asked):
        FeedbackReader(world.engine, world.sink, world.publisher()._settings).read(obj)
    world.sink.tags(second)
    world.sink.tagged[second.gid].clear()
    reader = FeedbackReader(world.engine, world.sink, world.publisher()._settings)
    for obj in (first, second, asked):
        told.append([(answer.said, answer.other) for answer in reader.read(obj)])
    told.append([(answer.said, answer.other) for answer in reader.finish()])
    world.publisher().sweep()
    told.append(world.sink.state())
    return told


def test_publishing_and_answers_are_the_same_through_a_service(worlds: tuple[World, World]) -> None:
    direct, through = (story(world) for world in worlds)
    assert through == direct
    assert direct[0] != direct[-1], "the answers change what AIL shows"
