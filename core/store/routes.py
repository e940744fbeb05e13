"""Which servers a store has, and which of them holds a tag: one server, the embedded server, or a Redis
Cluster.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from ..config import Config
from ..errors import ConfigError
from ..store_url import EXPECTED, is_service, shown
from .embedded import EmbeddedServer
from .embedded_reserve import fill_reserve, free_bytes, give_up_reserve
from .keys import READS, TAGS, Command, as_bytes, prefix
from .time_limits import limited

if TYPE_CHECKING:
    from redis import Redis

#: Port of a server whose address has none. spec: Redis.
DEFAULT_PORT = 6379

#: Maximum time in seconds for a server to notice that its disk has room again. measured: it tries once per
#: second.
ROOM_SECONDS = 5.0
#: Pause in seconds between two looks whether it has. chosen.
POLL_SECONDS = 0.05

#: A slot is on another server; redis-py leaves out the first word where it knows it.
_MOVED = re.compile(r"^(?:MOVED )?\d+ (\S+:\d+)$")


class Route(ABC):
    """The servers of a store."""

    #: Whether a watcher of ours syncs the server's file to the disk (embedded_watcher.py).
    synced_by_watcher = False

    @abstractmethod
    def client(self, tag: str) -> Redis:
        """Return the client of the server that holds a tag."""

    @abstractmethod
    def primaries(self) -> list[Redis]:
        """Return the clients of all primary servers."""

    @abstractmethod
    def close(self) -> None:
        """Close all connections."""

    def recover(self, error: Exception) -> bool:
        """Return whether to try once more after this error, having learned where the servers are now."""
        return False

    def confirm(self, client: Redis, commands: Iterable[Command]) -> None:  # noqa: B027
        """Return when the server keeps what these commands changed. Raises redis-py's errors if not."""

    def make_room(self, error: Exception) -> bool:
        """Return whether to try once more after this error, because a full disk has room now."""
        return False

    def take_room_back(self) -> None:  # noqa: B027
        """Keep room for the next time."""

    def why_full(self) -> str:
        """Return what there is to know about a server that refuses writes; empty for nothing."""
        return ""


class ServerRoute(Route):
    """One server that holds all tags. Raises ConfigError for a URL that is not an address."""

    def __init__(self, config: Config) -> None:
        from redis import Redis, RedisError

        with suppress(ValueError, TypeError, RedisError):  # whose messages may quote a part of the URL
            self._redis = limited(Redis.from_url(config.store, **_options(config)))
            pool = self._redis.connection_pool
            pool.connection_class(**pool.connection_kwargs)  # refuses wrong options; connects to nothing
            return
        raise ConfigError(f"store {shown(config.store)!r}: wrong port, database or option; {EXPECTED}")

    def client(self, tag: str) -> Redis:
        """Return the client of the server that holds a tag."""
        return self._redis

    def primaries(self) -> list[Redis]:
        """Return the clients of all primary servers."""
        return [self._redis]

    def close(self) -> None:
        """Close all connections."""
        self._redis.connection_pool.disconnect()


class EmbeddedRoute(ServerRoute):
    """The embedded server, which is started again when it has ended itself, and which has a reserve for a
    full disk.
    """

    #: Its watcher does.
    synced_by_watcher = True

    def __init__(self, config: Config) -> None:
        from redis import Redis

        self._server = EmbeddedServer.of(config)
        self._server.ensure()
        self._redis = limited(Redis(unix_socket_path=str(self._server.socket), **_options(config)))

    def recover(self, error: Exception) -> bool:
        """Start the server again if a connection broke, and return whether that was so."""
        if not _is_broken(error):
            return False
        self._server.ensure()
        return True

    def confirm(self, client: Redis, commands: Iterable[Command]) -> None:
        """Ask whether the server could write its file. It answers a change before it knows; afterwards
        it refuses even PING until it has written it (MISCONF).
        """
        if any(command[0] not in READS for command in commands):
            execute(client, ("PING",))

    def make_room(self, error: Exception) -> bool:
        """Give up the reserve if the disk is full, and wait until the server can write again."""
        if "MISCONF" not in str(error):
            return False
        give_up_reserve(self._server.folder)
        deadline = time.monotonic() + ROOM_SECONDS
        while not self._server.can_write():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def take_room_back(self) -> None:
        """Make the reserve again, of what room there is."""
        fill_reserve(self._server.folder)

    def why_full(self) -> str:
        """Return how full the disk is, and what to do."""
        folder = self._server.folder
        return (
            f"; the disk of {folder} has {free_bytes(folder):,} bytes free. Make room there, and it goes"
            " on by itself; queries work meanwhile, and quaid forget too"
        )


class ClusterRoute(Route):
    """A Redis Cluster, which is asked for its slots once, and again when a slot has moved.

    Raises ConfigError for a URL that is not a list of addresses.
    """

    def __init__(self, config: Config) -> None:
        self._options = _options(config)
        parts = urlsplit(config.store)
        for part, name in ((parts.username, "username"), (parts.password, "password")):
            if part:
                self._options[name] = unquote(part)
        places = parts.netloc.rpartition("@")[2].split(",")
        if not all(places):
            raise ConfigError(
                f"store {shown(config.store)!r}: expected"
                " redis+cluster://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]..."
            )
        self._seeds = [_address(place) for place in places]
        self._clients: dict[tuple[str, int], Redis] = {}
        self._homes: dict[str, tuple[str, int]] = {}
        self._learn()

    def client(self, tag: str) -> Redis:
        """Return the client of the server that holds a tag."""
        return self._at(self._homes[tag])

    def primaries(self) -> list[Redis]:
        """Return the clients of all primary servers that hold a tag."""
        return [self._at(address) for address in dict.fromkeys(self._homes.values())]

    def recover(self, error: Exception) -> bool:
        """Read the slots again if one has moved or a connection broke, and return whether any has moved."""
        moved = _MOVED.search(str(error))
        if not moved and not _is_broken(error):
            return False
        before = dict(self._homes)
        self._learn(_address(moved.group(1)) if moved else None)
        return before != self._homes

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.connection_pool.disconnect()

    def _at(self, address: tuple[str, int]) -> Redis:
        from redis import Redis

        found = self._clients.get(address)
        return found or self._clients.setdefault(
            address, limited(Redis(host=address[0], port=address[1], **self._options))
        )

    def _learn(self, told: tuple[str, int] | None = None) -> None:
        """Read the slots from the first server that answers: the one that was named, those of the URL, those
        known before.
        """
        from redis import exceptions
        from redis.crc import key_slot

        failure: Exception = exceptions.ConnectionError("no address given")
        for seed in dict.fromkeys([*([told] if told else []), *self._seeds, *self._homes.values()]):
            try:
                table = execute(self._at(seed), ("CLUSTER", "SLOTS"))
            except exceptions.RedisError as error:
                failure = error
                continue
            homes = {}
            for tag in TAGS:
                slot = key_slot(prefix(tag).encode())
                for first, last, primary, *_ in table:
                    if first <= slot <= last:
                        homes[tag] = (primary[0].decode() or seed[0], int(primary[1]))
            if len(homes) == len(TAGS):
                self._homes = homes
                return
            failure = exceptions.ConnectionError("CLUSTERDOWN: not every slot has a server")
        raise failure


def route_of(config: Config) -> Route:
    """Return the route to the store of a configuration. Raises ConfigError for a URL that names no store."""
    scheme = config.store.split(":", 1)[0]
    if is_service(config.store):
        raise ConfigError(
            f"{config.store} is a service, and this needs the store itself; run it where the store is, or use"
            " douglas_quaid.client.Client for what a service answers"
        )
    if scheme == "embedded":
        return EmbeddedRoute(config)
    if scheme == "redis+cluster":
        return ClusterRoute(config)
    return ServerRoute(config)


def execute(client: Redis, parts: Iterable[object]) -> Any:
    """Send a command and return its answer; a pipeline keeps it and returns itself. Text that was read from
    the store is sent as it was there, whatever bytes it holds.
    """
    run: Any = client.execute_command
    verb, *rest = parts
    return run(verb, *(as_bytes(part) if isinstance(part, str) else part for part in rest))


def _options(config: Config) -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_timeout": config.store_timeout,
        "socket_connect_timeout": config.store_timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }


def _is_broken(error: Exception) -> bool:
    """Whether the error means that a connection broke, and not that a server is silent."""
    from redis import exceptions

    return isinstance(error, exceptions.ConnectionError) and not isinstance(error, exceptions.TimeoutError)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text.rpartition("]")[2] else (text, "", str(DEFAULT_PORT))
    if not host:
        raise ValueError("no host")
    return host.strip("[]"), int(port)
