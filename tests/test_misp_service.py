"""MISP's module through a service: the same answers as with the store, and what it says when the service is
away, busy with a key, or does not know it. Both run in the real misp-modules server.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from support import misp_host
from support.command_line import runner
from support.misp_host import COFFEE, EVENT, OTHER, Host, attribute, enrichment, hover, without_new_uuids
from support.server import Server
from support.service import Service
from support.waiting import until

from douglas_quaid import Engine
from douglas_quaid.cli.main import main
from douglas_quaid.demo.pictures import opened, sample
from douglas_quaid.evaluation.edits import edit, encoded

pytest.importorskip("uvicorn", reason="the extra `service` is not installed")

#: An attribute that is stored, and whose picture matches that of OTHER.
COPY = "5a0b53d8-6e0c-4c93-8f0e-0ad1a3f0d0c7"


@dataclass(frozen=True)
class Both:
    """One store, and two misp-modules: one on the store, one through a service on it."""

    store: str
    service: Service
    direct: Host
    through: Host

    def ask(self, make: Any, asked: dict[str, Any], **config: Any) -> tuple[str, str]:
        """The answers of both to the same request, without what is new in each."""
        answers = (
            host.post(make(url, asked, **config))
            for host, url in ((self.direct, self.store), (self.through, self.service.url))
        )
        direct, through = (without_new_uuids(json.dumps(answer), asked["uuid"]) for answer in answers)
        return direct, through


@pytest.fixture(scope="module")
def both(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    shared_server.redis.flushall()
    folders = [tmp_path_factory.mktemp(name) for name in ("service", "direct", "through")]
    with Engine.open(shared_server.url) as engine:
        labels = {"event": EVENT, "event_id": "7", "filename": "cup.jpg"}
        engine.add(COFFEE, occurrence=f"misp:attribute:{OTHER}", labels=labels)
        engine.create_collection("brands", "known")
        engine.add(encoded(opened("coffee.jpg").resize((400, 267))), collection="brands")
        copy = encoded(edit("browser_bar", opened("coffee.jpg")))
        engine.add(copy, occurrence=f"misp:attribute:{COPY}", labels={"event": str(uuid.uuid4())})
        engine.add(sample("asked/weather.png"), occurrence=f"misp:attribute:{EVENT}", link=False)
        engine.set_bookmark(f"misp:unread:{UNREAD}", "1700000000 the file is cut short")
        secret = engine.create_key("misp-modules", ["read", "write"], sees=["host:misp", "collection:brands"])
    service = Service(folders[0], shared_server.url, "--rate", "0").start()
    key = {"DOUGLAS_QUAID_KEY": secret}
    with (
        misp_host.running(folders[1], store=shared_server.url) as direct,
        misp_host.running(folders[2], store=service.url, environment=key) as through,
    ):
        yield Both(shared_server.url, service, direct, through)
    service.stop()


UNREAD = str(uuid.uuid5(uuid.NAMESPACE_URL, "unread"))
BAR = encoded(edit("browser_bar", opened("coffee.jpg")))


@pytest.mark.parametrize(
    ("make", "asked", "config"),
    [
        (hover, attribute(uuid=COPY), {"misp_url": "https://misp.example.org"}),
        (hover, attribute(uuid=OTHER), {"disclose": "full"}),
        (hover, attribute(uuid=OTHER), {"collections": "brands"}),
        (hover, attribute(uuid=OTHER), {"collections": "kits"}),
        (hover, attribute(uuid=EVENT), {}),
        (hover, attribute(uuid=UNREAD), {}),
        (hover, attribute(), {}),
        (enrichment, attribute(BAR), {"misp_url": "https://misp.example.org", "disclose": "full"}),
        (enrichment, attribute(BAR), {"collections": "brands"}),
        (enrichment, attribute(BAR, uuid=COPY), {"include_same_event": "false"}),
        (enrichment, attribute(sample("indexed/cat.jpg")), {}),
        (enrichment, attribute(b"just text"), {}),
    ],
)
def test_the_answers_are_those_of_the_store(
    both: Both, make: Any, asked: dict[str, Any], config: dict[str, str]
) -> None:
    direct, through = both.ask(make, asked, **config)
    assert through == direct


def test_an_enrichment_through_the_service_may_store_the_picture(both: Both) -> None:
    # Given a module that is to store what it is asked for
    asked, url = attribute(sample("indexed/rocket.jpg")), both.service.url
    # when a picture is enriched, then it is stored, with the place where it was seen.
    both.through.post(enrichment(url, asked, index_query_image="true"))
    with Engine.open(both.store) as engine:
        (seen,) = engine.sightings([f"misp:attribute:{asked['uuid']}"])
        assert seen and engine.forget(seen[0].image_id)


def test_a_key_that_ended_is_told_and_hides_the_reason(both: Both, tmp_path: Any) -> None:
    # Given a module with a key that has expired
    ended = datetime.now(timezone.utc) + timedelta(seconds=1)
    with Engine.open(both.store) as engine:
        secret = engine.create_key("ended", ["read"], sees=["host:misp"], expires=ended)
    until(lambda: datetime.now(timezone.utc) > ended + timedelta(seconds=1))
    environment = {"DOUGLAS_QUAID_KEY": secret}
    with misp_host.running(tmp_path, store=both.service.url, environment=environment) as host:
        # when it is asked, then analysts hear that the key is not accepted, and the log says why.
        answer = host.post(enrichment(both.service.url, attribute(BAR)))
        assert "does not accept the key" in answer["error"]
        assert "has expired" in host.log.read_text() and secret not in host.log.read_text()


def test_a_service_that_is_away_is_told_and_comes_back(both: Both) -> None:
    # Given a service that stops
    url = both.service.url
    both.service.stop()
    # when the module is asked, then it says so;
    away = both.through.post(enrichment(url, attribute(BAR)))
    assert "cannot be reached" in away["error"]
    # and once the service is back the next request is answered.
    both.service.start()
    assert both.through.post(enrichment(url, attribute(BAR)))["results"]["Object"]


def test_a_service_that_the_operator_did_not_name_is_refused(both: Both) -> None:
    asked = enrichment("http://127.0.0.1:1/", attribute(BAR))
    assert "may not use the store" in both.through.post(asked)["error"]


def test_the_sync_runs_through_a_service(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a MISP, and a key that may write and judge
    from support.misp_server import KEY, misp_server

    with Engine.open(both.store) as engine:
        secret = engine.create_key("sync", ["read", "write", "review"], sees=["all"])
    monkeypatch.setenv("MISP_KEY", KEY)
    monkeypatch.setenv("DOUGLAS_QUAID_KEY", secret)
    with misp_server() as misp:
        misp.attach(misp.event(), sample("indexed/market.png"))
        # when a pass runs through the service, then the picture is in the store, and the next pass knows it.
        for status in ("added", "known"):
            command = ["misp", "sync", "--url", misp.url, "--store", both.service.url, "--all", "--json"]
            done = runner().invoke(main, command)
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            assert done.exit_code == 0 and status in {line.get("status") for line in lines}, done.output
