"""A real Valkey for every test that needs a store, and images to put into it without decoding any picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings
from support.images import new_image
from support.ports import free_port
from support.server import Server

from douglas_quaid.config import Config
from douglas_quaid.store import NewImage, Store

# How long an example takes is the machine's affair: two workers and whatever else runs share its cores.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Valkey for this test alone."""
    server = Server(tmp_path_factory.mktemp("valkey")).start()
    yield server
    server.kill()


@pytest.fixture
def make_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts further Valkeys with settings of their own."""
    made: list[Server] = []

    def make(**settings: str) -> Server:
        made.append(
            Server(
                tmp_path_factory.mktemp("valkey"),
                **{name.replace("_", "-"): value for name, value in settings.items()},
            )
        )
        return made[-1].start()

    yield make
    for server in made:
        server.kill()


@pytest.fixture
def cluster(make_server: Callable[..., Server]) -> tuple[list[Server], str, list[int]]:
    """A Redis Cluster of three primaries: the servers, the URL and the ports."""
    ports = [free_port(bus=True) for _ in range(3)]
    servers = [
        make_server(port=str(port), bind="127.0.0.1", cluster_enabled="yes", cluster_node_timeout="1000")
        for port in ports
    ]
    bounds = (0, 5461, 10923, 16384)
    for n, server in enumerate(servers):
        server.redis.execute_command("CLUSTER", "ADDSLOTS", *range(bounds[n], bounds[n + 1]))
        servers[0].redis.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[n])
    deadline = time.monotonic() + 30
    while not all(_knows_all(server.redis.execute_command("CLUSTER", "INFO")) for server in servers):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return servers, f"redis+cluster://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}", ports


def _knows_all(info: bytes) -> bool:
    return b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("valkey")).start()
    yield server
    server.kill()


@pytest.fixture
def store_url(shared_server: Server) -> str:
    """URL of an empty store."""
    shared_server.redis.flushall()
    return shared_server.url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.open(Config(store=store_url)) as store:
        yield store


@pytest.fixture
def make_image() -> Callable[..., NewImage]:
    """The n-th image: an id spread over the shards, a record, a row and some words, all told apart by n."""
    return new_image


@pytest.fixture
def everything() -> Callable[[Any], bytes]:
    """All keys and values of a server, one after the other, to search for bytes in."""

    def read(client: Any) -> bytes:
        # A server may give keys and members in another order each time.
        readers: dict[bytes, Callable[[bytes], list[bytes]]] = {
            b"string": lambda key: [client.get(key)],
            b"hash": lambda key: [part for item in sorted(client.hgetall(key).items()) for part in item],
            b"set": lambda key: sorted(client.smembers(key)),
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"stream": lambda key: [
                part
                for entry, fields in client.xrange(key)
                for part in (entry, *(text for item in sorted(fields.items()) for text in item))
            ],
        }
        found = []
        for key in sorted(client.scan_iter(count=10_000)):
            found += [key, *readers[client.type(key)](key)]
        return b"\n".join(found)

    return read


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, shared_server: Server) -> Iterator[Any]:
    """The real misp-modules server with our module, whose operator named the shared store."""
    from support import misp_host

    with misp_host.running(tmp_path_factory.mktemp("host"), store=shared_server.url) as host:
        yield host


@pytest.fixture
def known(store_url: str) -> str:
    """A store that holds the picture of a cup of coffee, seen in one event of a MISP."""
    from support.misp_host import COFFEE, EVENT, OTHER

    from douglas_quaid import Engine

    with Engine.open(store_url) as engine:
        engine.add(
            COFFEE,
            occurrence=f"misp:attribute:{OTHER}",
            labels={"event": EVENT, "event_id": "7", "filename": "cup.jpg"},
        )
    return store_url
