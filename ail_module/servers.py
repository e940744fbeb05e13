"""AIL's Redis and Kvrocks, read by their key layout: for commands that run without AIL's code, also while
AIL's modules do not.

Takes the addresses from core.cfg, gives plain values. Whatever these servers do wrong becomes
StoreUnavailable naming the section of core.cfg, so nothing of `redis` crosses this border. The layout is that
of bin/lib/{ail_queues,Tag,correlations_engine}.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from configparser import RawConfigParser
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from douglas_quaid.errors import StoreUnavailable

from .config import Places, Server
from .objects import AilObject
from .tags import is_unsafe

#: Seconds until a silent server counts as away. chosen: as the store's.
TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Queue:
    """The messages that wait for one module, and the processes of it."""

    waiting: int
    #: When the message at the head was queued, seconds since 1970; None when nothing waits or AIL's ledger
    #: does not know.
    oldest: int | None
    #: Process id to the time at which it last looked for a message; -1: never. Dead processes stay listed,
    #: AIL removes none.
    heartbeats: dict[int, int]
    #: Process id to the time at which the module says that it started.
    starts: dict[int, int]


@dataclass(frozen=True, slots=True)
class About:
    """What AIL knows of a picture."""

    #: It was taken on, sorted; of a screenshot.
    domains: tuple[str, ...]
    #: `<subtype>:<id>` of those it was posted in, sorted; of an image.
    chats: tuple[str, ...]
    #: Whether it, or a domain it was taken on, carries an unsafe tag.
    unsafe: bool


NOTHING = About((), (), False)


class AilServers:
    """Connections, made when they are needed."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._stack = ExitStack()
        self._open: dict[Server, Any] = {}

    def __enter__(self) -> AilServers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def queue(self, module: str) -> Queue:
        with self._at(self._places.queues) as queues:
            key = f"queue:{module}:in"
            waiting, head = queues.llen(key), queues.lindex(key, 0)
            beats, starts = (
                _by_process(queues.hgetall(name)) for name in (f"module:{module}", f"module:start:{module}")
            )
        oldest = None
        if head:
            gid = head.partition(";")[0]
            with self._at(self._places.process) as ledger:
                rows = ledger.zrange(f"obj:queues:{gid}", 0, -1, withscores=True)
            oldest = min((int(epoch) for row, epoch in rows if row.startswith(f"{module}:")), default=None)
        return Queue(int(waiting), oldest, beats, starts)

    def in_work(self, module: str) -> dict[str, int]:
        """Global ids that a process of the module popped and has not ended, and when: being worked on, or
        lost in a crash.
        """
        with self._at(self._places.process) as ledger:
            gids = [
                gid
                for kind in ("image", "screenshot", "item")
                for gid in ledger.zrange(f"objs:process:{kind}", 0, -1)
            ]
            pipe = ledger.pipeline(transaction=False)
            for gid in gids:
                pipe.zrange(f"obj:modules:{gid}", 0, -1, withscores=True)
            found = zip(gids, pipe.execute(), strict=True)
        return {gid: int(epoch) for gid, rows in found for row, epoch in rows if row.startswith(f"{module}:")}

    def push(self, module: str, messages: Iterable[str]) -> int:
        """Put `<global id>;<text>` at the tail of the module's list; gives how many wait there now. AIL
        enters them into its ledger when they are popped.
        """
        lines = list(messages)
        with self._at(self._places.queues) as queues:
            key = f"queue:{module}:in"
            waiting = int(queues.rpush(key, *lines) if lines else queues.llen(key))
            queues.hset("queues", module, waiting)
        return waiting

    def publish(self, modules_cfg: RawConfigParser, queue: str, message: str) -> None:
        """Send to all modules that subscribe to this queue, as a module of AIL that publishes it does."""
        for name in modules_cfg.sections():
            if modules_cfg.get(name, "subscribe", fallback="") == queue:
                self.push(name, [message])

    def about(self, objects: Sequence[AilObject]) -> list[About]:
        """What AIL knows of each of these; three round trips for hundreds."""
        related = {"screenshot": "domain", "image": "chat"}
        with self._at(self._places.correlations) as correlations:
            pipe = correlations.pipeline(transaction=False)
            for obj in objects:
                pipe.smembers(f"correlation:obj:{obj.type}::{related[obj.type]}:{obj.id}")
            others: list[set[str]] = pipe.execute()
        with self._at(self._places.tags) as tags:
            pipe = tags.pipeline(transaction=False)
            keys = [
                [f"tag:{obj.gid}", *self._domain_tags(obj, names)]
                for obj, names in zip(objects, others, strict=True)
            ]
            for key in (key for own in keys for key in own):
                pipe.smembers(key)
            given = iter(pipe.execute())
        found = []
        for obj, names, own in zip(objects, others, keys, strict=True):
            unsafe = any([any(map(is_unsafe, next(given))) for _ in own])
            # `<subtype>:<id>`; the subtype of a domain is empty
            domains = (
                tuple(sorted(name.partition(":")[2] for name in names)) if obj.type == "screenshot" else ()
            )
            found.append(About(domains, tuple(sorted(names)) if obj.type == "image" else (), unsafe))
        return found

    def _domain_tags(self, obj: AilObject, names: Iterable[str]) -> list[str]:
        return [f"tag:domain::{name.partition(':')[2]}" for name in names] if obj.type == "screenshot" else []

    @contextmanager
    def _at(self, server: Server) -> Iterator[Any]:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        if server not in self._open:
            self._open[server] = self._stack.enter_context(
                redis.Redis(
                    host=server.host,
                    port=server.port,
                    db=server.db,
                    password=server.password,
                    decode_responses=True,
                    socket_timeout=TIMEOUT,
                    socket_connect_timeout=TIMEOUT,
                    retry=Retry(NoBackoff(), 1),
                )
            )
        try:
            yield self._open[server]
        except redis.RedisError as error:
            raise StoreUnavailable(
                f"AIL's [{server.section}] at {server.host}:{server.port}: {error}; is AIL running?"
            ) from None


def _by_process(noted: Mapping[str, str]) -> dict[int, int]:
    """Some of AIL's tools enter a word in place of a process id."""
    return {int(pid): int(epoch) for pid, epoch in noted.items() if pid.isdecimal()}
