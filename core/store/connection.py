"""The way to Redis: a `Connection` runs commands by tag and raises only errors of this package.

One server and a Redis Cluster look alike from above: a command says under which tag its key lies, and
routes.py knows which server that is. Time is bounded: redis-py's own retries are off, and a silent server
raises StoreTimeout after `store_timeout`, or earlier where the thread has a time limit (time_limits.py). A
broken connection is replaced by the next command. Threads may share a connection; a forked child gets its
own.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from ..batches import grouped, in_groups
from ..config import Config
from ..deadline import seconds_left
from ..errors import (
    ConfigError,
    CorruptRecord,
    NotAllowed,
    StoreError,
    StoreFull,
    StoreTimeout,
    StoreUnavailable,
)
from ..store_url import shown
from .keys import SCAN_COUNT, Command, as_text, on_shard, starting_with
from .options import DEFAULTS, StoreOptions
from .routes import execute, route_of
from .values import broken, left_out_if_broken

T = TypeVar("T")

#: Commands sent before their answers are read. chosen: enough to hide the latency, few enough to bound the
#: buffers of both sides.
BATCH = 2000

#: Whether this thread may use the room that is kept for a full disk.
_urgent: ContextVar[bool] = ContextVar("urgent", default=False)

_FULL = re.compile(
    r"\b(OOM|READONLY|MISCONF|NOREPLICAS|NOREPL)\b|write commands are not allowed|No space left",
    re.IGNORECASE,
)
_AWAY = re.compile(r"\b(LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|ASK|MOVED|UNBLOCKED)\b")
#: What a server or a script answers to a value that is not what it should be, and the key that it names.
_BROKEN = re.compile(
    r"\bWRONGTYPE\b|broken value: |\bnot an integer\b|\bnot a valid float\b|\boverflow\b|user_script",
    re.IGNORECASE,
)
#: What a key of another type reads like, where it is left out: as an absent one.
_ABSENT: dict[object, Any] = {
    "HGET": None,
    "HGETALL": {},
    "HSCAN": (0, {}),
    "SMEMBERS": set(),
    "ZRANGE": [],
    "ZRANGEBYLEX": [],
    "ZREVRANGE": [],
    "ZREVRANGEBYSCORE": [],
    "ZSCORE": None,
    "ZCARD": 0,
    "SISMEMBER": 0,
    "HMGET": None,
    "SMISMEMBER": None,
}
_DENIED = re.compile(r"\b(NOAUTH|WRONGPASS)\b|invalid password|invalid username", re.IGNORECASE)
_NOT_ALLOWED = re.compile(
    r"\bNOPERM\b|no permissions|ACL failure in script|user executing the script can't", re.IGNORECASE
)


class Connection:
    """The servers of a store. Every method raises StoreError when a server does not do what it should, and
    ConfigError when it refuses user or password.
    """

    def __init__(self, config: Config, options: StoreOptions = DEFAULTS) -> None:
        #: The URL of the store, without its password.
        self.name = shown(config.store)
        #: Sizes and bounds of the store.
        self.options = options
        self._timeout = config.store_timeout
        with self._translated():
            self._route = route_of(config)

    @property
    def synced_by_watcher(self) -> bool:
        """Whether the server leaves it to a watcher of ours to sync its file to the disk."""
        return self._route.synced_by_watcher

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands and return their answers in the same order. The commands of one server run in the
        order given, in one round trip per BATCH; of several servers, those of the first one named run first.

        Raises CorruptRecord for a key of another type; within `values.noting`, reading it finds nothing.
        """
        answers = self.run_each(commands)
        for position, answer in enumerate(answers):
            if isinstance(answer, CorruptRecord):
                answers[position] = _absent(commands[position], answer)
        return answers

    def run_each(self, commands: Sequence[Command]) -> list[Any]:
        """Do as `run`; the answer to a command on a key of another type is the CorruptRecord."""
        answers: list[Any] = [None] * len(commands)
        with self._translated():
            for batch in in_groups(range(len(commands)), BATCH):
                self._recovering(partial(self._send, commands, batch, answers))
        return answers

    def ask(self, command: Command) -> Any:
        """Run one command and return its answer."""
        return self.run([command])[0]

    def scan(self, tag: str, name: str, prefix: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield the fields of a hash that start with `prefix`, with their values: each at least once, in no
        order. What changes meanwhile may be missing or included.
        """
        cursor, pattern = -1, starting_with(prefix)
        while cursor:
            cursor, found = self.ask(
                on_shard(tag, "HSCAN", name, max(cursor, 0), "MATCH", pattern, "COUNT", SCAN_COUNT)
            )
            yield from found.items()

    def everywhere(self, *parts: object) -> list[Any]:
        """Run a command without a key, such as INFO, on every primary server, and return the answers."""
        with self._translated():
            return self._recovering(lambda: [execute(client, parts) for client in self._route.primaries()])

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Let the commands of this block use the reserve that the embedded server keeps for a full disk."""
        token = _urgent.set(True)
        try:
            yield
        finally:
            _urgent.reset(token)
            self._route.take_room_back()

    def close(self) -> None:
        """Close all connections."""
        self._route.close()

    def _recovering(self, work: Callable[[], T]) -> T:
        """Do some work, and once more where the route has recovered from its failure: every command of the
        store can be repeated.
        """
        try:
            return work()
        except Exception as error:
            if not self._route.recover(error) and not (_urgent.get() and self._route.make_room(error)):
                raise
            return work()

    def _send(self, commands: Sequence[Command], batch: list[int], answers: list[Any]) -> None:
        by_client = grouped(batch, lambda position: self._route.client(commands[position].tag))
        for client, positions in by_client.items():
            pipeline = client.pipeline(transaction=False)
            sent = [commands[position] for position in positions]
            for command in sent:
                execute(pipeline, command)
            for position, answer in zip(positions, pipeline.execute(raise_on_error=False), strict=True):
                if isinstance(answer, Exception):
                    if commands[position][0] == "EVAL" or not str(answer).startswith("WRONGTYPE"):
                        raise answer
                    answer = broken(_key_of(commands[position]), "it has another type than it should have")
                answers[position] = answer
            self._route.confirm(client, sent)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn exceptions of redis-py into errors of this package; nothing else in the store does."""
        from redis import exceptions

        try:
            yield
        except exceptions.TimeoutError:
            left = seconds_left()
            wait = f"{self._timeout:g} s" if left is None or left > 0 else "the time left for this request"
            raise StoreTimeout(
                f"the store at {self.name} did not answer within {wait}; is it overloaded or stopped?"
            ) from None
        except exceptions.RedisError as error:
            raise self._translate(error, str(error)[:200]) from None
        except OSError as error:
            raise StoreUnavailable(f"the store at {self.name} cannot be reached: {error}") from None

    def _translate(self, error: Exception, text: str) -> Exception:
        from redis import exceptions

        text, _, key = text.partition(" at dq:")  # where our scripts name a key, whose name may say anything
        if isinstance(error, exceptions.NoPermissionError) or _NOT_ALLOWED.search(text):
            return NotAllowed(
                f"the user of the store at {self.name} lacks a right: {text}; the rights that reading and"
                " writing need are listed in core/store/README.md, section Rights"
            )
        denied = (exceptions.AuthenticationError, exceptions.AuthorizationError)
        if isinstance(error, denied) or _DENIED.search(text):
            return ConfigError(
                f"the store at {self.name} refuses us: {text}; give a user and password in the URL that may"
                " run commands on dq:*"
            )
        if isinstance(error, exceptions.OutOfMemoryError | exceptions.ReadOnlyError) or _FULL.search(text):
            return StoreFull(f"the store at {self.name} refuses writes: {text}{self._route.why_full()}")
        away = (
            exceptions.ConnectionError,
            exceptions.AskError,
            exceptions.ClusterDownError,
            exceptions.TryAgainError,
        )
        if isinstance(error, away) or _AWAY.search(text):
            return StoreUnavailable(f"the store at {self.name} cannot be reached: {text}")
        if _BROKEN.search(text):
            return broken(f"dq:{key.split()[0]}" if key else f"the store at {self.name}", text)
        return StoreError(f"the store at {self.name} answered: {text}")


def _key_of(command: Command) -> str:
    """Return the key that a command reads."""
    return as_text(command[1]) if isinstance(command[1], bytes) else str(command[1])


def _absent(command: Command, error: CorruptRecord) -> Any:
    """Return what an absent key reads like, in place of one of another type. Raises the error where that
    would be wrong.
    """
    verb = command[0]
    if verb not in _ABSENT:
        raise error
    with left_out_if_broken():
        raise error
    return [None] * len(command[2:]) if verb in ("HMGET", "SMISMEMBER") else _ABSENT[verb]


@dataclass(eq=False)
class StorePart:
    """Base of the parts of a store. All their methods raise the errors of `Connection`."""

    #: The way to the servers.
    connection: Connection
