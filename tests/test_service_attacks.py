"""What an attacker sends to the service: bodies that cost much to read, silence, and writing that would tell
what is there.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from support.server import Server
from support.service import Service

from douglas_quaid import Engine
from douglas_quaid.client import Client
from douglas_quaid.demo.pictures import sample
from douglas_quaid.description import Description
from douglas_quaid.errors import NotAllowed
from douglas_quaid.service.protocol import Protocol
from douglas_quaid.service.uploads import AROUND

CAT = sample("indexed/cat.jpg")
QUERIES = "/api/v1/queries"


@pytest.fixture(scope="module")
def service(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    shared_server.redis.flushall()
    service = Service(tmp_path_factory.mktemp("attacked"), shared_server.url).start()
    yield service
    service.stop()


def form(*fields: tuple[str, bytes]) -> bytes:
    """A form with these fields, in the boundary `b`."""
    parts = (
        b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields
    )
    return b"".join(parts) + b"--b--\r\n"


@pytest.mark.parametrize("charset", ["punycode", "unicode_escape", "utf-7", "nothing"])
def test_a_form_is_utf_8(service: Service, charset: str) -> None:
    """Some decoders of Python take time that grows with the square of what they read."""
    media = f"multipart/form-data; boundary=b; charset={charset}"
    answer = service.ask("POST", QUERIES, form(("label", b"-" + b"b" * 20_000)), {"Content-Type": media})
    assert (answer.status, answer.error) == (400, "ConfigError") and "utf-8" in answer.line["error"][
        "message"
    ]


def test_the_fields_of_a_form_are_bounded_together(service: Service) -> None:
    many = form(*((f"label{number}", b"x" * (AROUND // 10)) for number in range(11)))
    answer = service.ask("POST", QUERIES, many, {"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status == 400 and f"{AROUND:,} bytes" in answer.line["error"]["message"]


def test_json_is_bounded_like_fields_and_not_like_pictures(service: Service) -> None:
    body = json.dumps({"a": [{}] * AROUND, "b": "x"}).encode()
    answer = service.ask("POST", "/api/v1/comparisons", body, {"Content-Type": "application/json"})
    assert answer.status == 413


def test_a_refusal_does_not_wait_for_the_body(service: Service) -> None:
    # Given a request that is refused by its first lines, and whose body never comes
    parts = urlsplit(service.url)
    with closing(socket.create_connection((parts.hostname, parts.port), timeout=20)) as connection:
        connection.sendall(b"POST /api/v1/images HTTP/1.1\r\nHost: stranger\r\nContent-Length: 100\r\n\r\n")
        # then the answer is there.
        answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 421 ")
        # And the connection ends.
        while connection.recv(65_536):
            pass


def test_a_connection_that_asks_nothing_is_closed() -> None:
    class Impatient(Protocol):
        silence = 0.2

    async def story() -> float:
        uvicorn = pytest.importorskip("uvicorn")

        async def answer(scope: object, receive: object, send: object) -> None:
            raise AssertionError("nothing was asked")

        config = uvicorn.Config(answer, http=Impatient, log_config=None, lifespan="off", port=0)
        server = uvicorn.Server(config)
        listener = socket.create_server(("127.0.0.1", 0))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        began = time.monotonic()
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        assert await reader.read() == b""
        writer.close()
        server.should_exit = True
        await running
        return time.monotonic() - began

    assert asyncio.run(asyncio.wait_for(story(), 60)) < 30


@pytest.mark.parametrize("authority", ["stranger.example@localhost", "localhost/stranger?", "localhost#x"])
def test_a_host_is_a_name_and_a_port(service: Service, authority: str) -> None:
    assert service.ask("GET", "/livez", headers={"Host": authority}).status == 421


def test_a_key_writes_nothing_where_it_sees_nothing(store_url: str, tmp_path: Path) -> None:
    # Given a picture that a host and a collection hold, and a key that may write and sees neither
    with Engine.open(store_url) as engine:
        engine.create_collection("case", "known")
        image_id = engine.add(CAT, occurrence="misp:event:7", labels={"case": "secret"}).image_id
        engine.add(CAT, collection="case")
        blind, seeing = (
            engine.create_key(name, ["read", "write", "admin"], sees=sees)
            for name, sees in (("blind", ()), ("seeing", ("host:misp", "collection:case")))
        )
        service = Service(tmp_path, store_url).start()
        try:
            with closing(Client(service.url, blind)) as client:
                # then it can neither ask by writing whether they are there, nor replace their labels.
                for arguments in (
                    {"occurrence": "misp:event:7", "labels": {"case": "other"}},
                    {"occurrence": "misp:event:8"},
                    {"collection": "case"},
                    {"collection": "nowhere"},
                ):
                    with pytest.raises(NotAllowed, match="does not see"):
                        client.add(CAT, **arguments)
                with pytest.raises(NotAllowed):
                    client.create_collection("case", "baseline")
                with pytest.raises(NotAllowed):
                    client.ignore(image_id, collection="case")
                assert client.add(CAT).status == "known"
            with closing(Client(service.url, seeing)) as client:
                assert client.add(CAT, occurrence="misp:event:8", collection="case").status == "updated"
        finally:
            service.stop()
        described = engine.show(image_id)
        assert isinstance(described, Description)
        places = {str(each.occurrence): dict(each.labels) for each in described.info.sightings}
        assert places == {"misp:event:7": {"case": "secret"}, "misp:event:8": {}}
