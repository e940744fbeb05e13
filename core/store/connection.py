"""The way to Redis: a URL becomes a `Connection`, which runs commands by tag and speaks only this package's
errors.

One server or a Redis Cluster look alike from above: a command says under which tag its key lies, the
connection knows which server that is. Time is bounded: redis-py's own retries are off, a silent server raises
StoreTimeout after `store_timeout`, or earlier where the thread has a time limit (timed.py). A broken
connection is made anew by the next command. Safe for threads; a forked child makes connections of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from ..config import Config, shown
from ..deadline import seconds_left
from ..errors import ConfigError, StoreError, StoreFull, StoreTimeout, StoreUnavailable
from .commands import Command
from .embedded import EmbeddedServer
from .keys import TAGS, prefix
from .timed import timed

if TYPE_CHECKING:
    from redis import Redis

#: Commands sent before their answers are read. chosen: enough to hide the way there, few enough to bound the
#: buffers of both sides.
BATCH = 2000
DEFAULT_PORT = 6379

_FULL = re.compile(
    r"\b(OOM|READONLY|MISCONF|NOREPLICAS|NOREPL)\b|write commands are not allowed|No space left",
    re.IGNORECASE,
)
_AWAY = re.compile(r"\b(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|ASK|MOVED|UNBLOCKED)\b")
#: A slot is elsewhere; redis-py leaves the first word away where it knows it.
_MOVED = re.compile(r"^(?:MOVED )?\d+ (\S+:\d+)$")
_DENIED = re.compile(r"\b(NOAUTH|WRONGPASS|NOPERM)\b|invalid password|invalid username", re.IGNORECASE)


class Route(Protocol):
    """Which servers there are, and which one has a tag."""

    def client(self, tag: str) -> Redis: ...

    def primaries(self) -> list[Redis]: ...

    def recover(self, error: Exception) -> bool:
        """Called when a connection broke or a tag has moved: True if trying once more makes sense."""
        ...

    def close(self) -> None: ...


class Connection:
    def __init__(self, config: Config) -> None:
        self.name = shown(config.store)
        self._timeout = config.store_timeout
        with self._translated():
            self._route = _route(config)

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands, those of one server in the order given and in one round trip per BATCH; answers in
        the order given.
        """
        answers: list[Any] = [None] * len(commands)
        with self._translated():
            for start in range(0, len(commands), BATCH):
                batch = range(start, min(start + BATCH, len(commands)))
                try:
                    self._send(commands, batch, answers)
                except (
                    Exception
                ) as error:  # every command of the store can be repeated: what was done is found done
                    if not self._route.recover(error):
                        raise
                    self._send(commands, batch, answers)
        return answers

    def ask(self, command: Command) -> Any:
        return self.run([command])[0]

    def everywhere(self, *parts: object) -> list[Any]:
        """Run a command that belongs to no key, such as INFO, on every primary server."""
        with self._translated():
            try:
                return [_execute(client, parts) for client in self._route.primaries()]
            except Exception as error:
                if not self._route.recover(error):
                    raise
                return [_execute(client, parts) for client in self._route.primaries()]

    def close(self) -> None:
        self._route.close()

    def _send(self, commands: Sequence[Command], batch: range, answers: list[Any]) -> None:
        by_client: dict[Redis, list[int]] = {}
        for position in batch:
            by_client.setdefault(self._route.client(commands[position].tag), []).append(position)
        for client, positions in by_client.items():
            if len(positions) == 1:
                answers[positions[0]] = _execute(client, commands[positions[0]])
                continue
            pipeline = client.pipeline(transaction=False)
            for position in positions:
                _execute(pipeline, commands[position])
            for position, answer in zip(positions, pipeline.execute(raise_on_error=False), strict=True):
                if isinstance(answer, Exception):
                    raise answer
                answers[position] = answer

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """The one place where exceptions of redis-py become ours."""
        from redis import exceptions

        try:
            yield
        except exceptions.TimeoutError:
            left = seconds_left()
            wait = f"{self._timeout:g} s" if left is None or left > 0 else "the time left for this question"
            raise StoreTimeout(
                f"the store at {self.name} did not answer within {wait}; is it overloaded or stopped?"
            ) from None
        except exceptions.RedisError as error:
            raise self._translate(error, str(error)[:200]) from None
        except OSError as error:
            raise StoreUnavailable(f"the store at {self.name} cannot be reached: {error}") from None

    def _translate(self, error: Exception, text: str) -> Exception:
        from redis import exceptions

        if isinstance(
            error, exceptions.AuthenticationError | exceptions.AuthorizationError
        ) or _DENIED.search(text):
            return ConfigError(
                f"the store at {self.name} refuses us: {text}; give a user and password in the URL that may run commands on dq:*"
            )
        if isinstance(error, exceptions.OutOfMemoryError | exceptions.ReadOnlyError) or _FULL.search(text):
            return StoreFull(f"the store at {self.name} refuses writes: {text}")
        away = (
            exceptions.ConnectionError,
            exceptions.AskError,
            exceptions.ClusterDownError,
            exceptions.TryAgainError,
        )
        if isinstance(error, away) or _AWAY.search(text):
            return StoreUnavailable(f"the store at {self.name} cannot be reached: {text}")
        return StoreError(f"the store at {self.name} answered: {text}")


class StorePart:
    """Base of the classes that `Store` is made of: each is about one subject and needs a connection only."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


def _route(config: Config) -> Route:
    url = config.store
    scheme = url.split(":", 1)[0]
    if scheme == "embedded":
        return EmbeddedRoute(config)
    if scheme == "redis+cluster":
        return ClusterRoute(config)
    if scheme in ("redis", "rediss", "unix") and "://" in url:
        return ServerRoute(config)
    raise ConfigError(
        f"store {shown(url)!r}: expected embedded:, embedded:PATH, redis://, rediss://, unix:// or redis+cluster://"
    )


def _options(config: Config) -> dict[str, Any]:
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return {
        "socket_timeout": config.store_timeout,
        "socket_connect_timeout": config.store_timeout,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }


class ServerRoute:
    """One server holds all tags."""

    def __init__(self, config: Config) -> None:
        from redis import Redis

        try:
            self._redis = timed(Redis.from_url(config.store, **_options(config)))
        except (ValueError, TypeError) as error:
            # An unescaped password shifts where host and port are looked for, so the reason may quote a piece
            # of it.
            reason = (
                "write / @ # ? : in a user or password as %2F %40 %23 %3F %3A"
                if "@" in config.store
                else str(error)
            )
            raise ConfigError(f"store {shown(config.store)!r} is no address: {reason}") from None

    def client(self, tag: str) -> Redis:
        return self._redis

    def primaries(self) -> list[Redis]:
        return [self._redis]

    def recover(self, error: Exception) -> bool:
        return False

    def close(self) -> None:
        _close(self._redis)


class EmbeddedRoute(ServerRoute):
    """A server of ours; when it has ended itself, it is started again."""

    def __init__(self, config: Config) -> None:
        from redis import Redis

        self._server = EmbeddedServer.of(config)
        self._server.ensure()
        self._redis = timed(Redis(unix_socket_path=str(self._server.socket), **_options(config)))

    def recover(self, error: Exception) -> bool:
        from redis import exceptions

        if isinstance(error, exceptions.TimeoutError) or not isinstance(error, exceptions.ConnectionError):
            return False
        self._server.ensure()
        return True


class ClusterRoute:
    """A Redis Cluster: asked once which server has which slot, and again when one says that a slot has moved."""

    def __init__(self, config: Config) -> None:
        self._options = _options(config)
        parts = urlsplit(config.store)
        for part, name in ((parts.username, "username"), (parts.password, "password")):
            if part:
                self._options[name] = unquote(part)
        try:
            self._seeds = [_address(text) for text in parts.netloc.rpartition("@")[2].split(",")]
        except ValueError:
            raise ConfigError(
                f"store {shown(config.store)!r}: expected redis+cluster://[USER:PASSWORD@]HOST:PORT[,HOST:PORT]..."
            ) from None
        self._clients: dict[tuple[str, int], Redis] = {}
        self._homes: dict[str, tuple[str, int]] = {}
        self._learn()

    def client(self, tag: str) -> Redis:
        return self._at(self._homes[tag])

    def primaries(self) -> list[Redis]:
        return [self._at(address) for address in dict.fromkeys(self._homes.values())]

    def recover(self, error: Exception) -> bool:
        from redis import exceptions

        moved = _MOVED.search(str(error))
        if moved or (
            isinstance(error, exceptions.ConnectionError) and not isinstance(error, exceptions.TimeoutError)
        ):
            before = dict(self._homes)
            self._learn(_address(moved.group(1)) if moved else None)
            return before != self._homes
        return False

    def close(self) -> None:
        for client in self._clients.values():
            _close(client)

    def _at(self, address: tuple[str, int]) -> Redis:
        from redis import Redis

        found = self._clients.get(address)
        return found or self._clients.setdefault(
            address, timed(Redis(host=address[0], port=address[1], **self._options))
        )

    def _learn(self, told: tuple[str, int] | None = None) -> None:
        """Read the slot table from the first server that answers: one that is said to know, those of the URL,
        those known before.
        """
        from redis import exceptions
        from redis.crc import key_slot

        failure: Exception = exceptions.ConnectionError("no address given")
        for seed in dict.fromkeys([*([told] if told else []), *self._seeds, *self._homes.values()]):
            try:
                table = _execute(self._at(seed), ("CLUSTER", "SLOTS"))
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


def _close(client: Redis) -> None:
    client.close()
    client.connection_pool.disconnect()  # redis-py 5 leaves the pool of a URL open


def _execute(client: Redis, parts: Iterable[object]) -> Any:
    run: Any = client.execute_command
    return run(*parts)


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text.rpartition("]")[2] else (text, "", str(DEFAULT_PORT))
    if not host:
        raise ValueError("no host")
    return host.strip("[]"), int(port)
