"""AIL's Redis and Kvrocks, read by their key layout, and the processes that AIL noted there: for commands
that run without AIL's code.

Every failure of these servers becomes StoreUnavailable and names the section of core.cfg, so no error of
`redis` leaves this module. The layout is that of bin/lib/{ail_queues,Tag,correlations_engine}.py.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain, product
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from douglas_quaid import StoreUnavailable
from douglas_quaid.batches import in_groups

from .config import Locations, Server
from .objects import AilObject
from .tags import is_unsafe

#: Seconds by which a process may seem to be younger than AIL's note of its start. One that is younger still
#: is another process with the same id. chosen.
SLOW_START = 5.0


def running(noted: Mapping[int, int]) -> dict[int, int]:
    """Return those of the noted processes that run on this machine: process id to its start, in clock ticks
    since the machine's.

    `noted`: process id to the start that AIL noted, in seconds since 1970.
    """
    found = {}
    for pid, epoch in noted.items():
        ticks = start_ticks(pid)
        if ticks is not None and _epoch(ticks) <= epoch + SLOW_START:
            found[pid] = ticks
    return found


def started(pid: int) -> float | None:
    """Return when a process of this machine started, in seconds since 1970; None if it does not run."""
    ticks = start_ticks(pid)
    return None if ticks is None else _epoch(ticks)


def _epoch(ticks: int) -> float:
    """Clock ticks since the machine started as seconds since 1970."""
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return booted + ticks / os.sysconf("SC_CLK_TCK")


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since the machine did; None if it does not run.

    spec: proc(5), fields 3 and 22 of stat.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


#: Seconds until a silent server counts as away. chosen: as for the store.
TIMEOUT = 5.0
#: Objects of the ledger that are read in one round trip. chosen.
BATCH = 1000


@dataclass(frozen=True, slots=True)
class Queue:
    """The messages that wait for one module, and the processes of the module."""

    #: Number of messages that wait.
    waiting: int
    #: Global id of the message at the head; None if no message waits.
    head: str | None
    #: Process id to the time at which it last looked for a message; -1 if it never did. AIL removes no dead
    #: processes.
    heartbeats: dict[int, int]
    #: Process id to the time at which it started.
    starts: dict[int, int]


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A message of a module in AIL's ledger, which knows a message by the hash of its text."""

    #: Global id of the object.
    gid: str
    #: Hash of the text.
    hash: str
    #: When it was queued or popped, in seconds since 1970.
    since: float
    #: Whether it was popped and not ended, rather than queued and not popped.
    popped: bool


@dataclass(frozen=True, slots=True)
class About:
    """What AIL knows of a picture."""

    #: Domains on which a screenshot was captured, sorted.
    domains: tuple[str, ...]
    #: `<subtype>:<id>` of the chats in which an image was posted, sorted.
    chats: tuple[str, ...]
    #: Whether the picture, or a domain on which it was captured, has an unsafe tag.
    unsafe: bool
    #: Crawled items of which a screenshot was taken, the latest first.
    items: tuple[str, ...] = ()


#: Nobody asked AIL.
UNKNOWN = About((), (), False)


class AilServers(AbstractContextManager["AilServers"]):
    """Connections to AIL's servers, made when they are needed and closed at the end of the `with` block.

    Every method may raise StoreUnavailable.
    """

    def __init__(self, locations: Locations) -> None:
        self._locations = locations
        self._stack = ExitStack()
        self._clients: dict[Server, Any] = {}

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def queue(self, module: str) -> Queue:
        """Return what waits for a module, and the module's processes."""
        with self._at(self._locations.queues) as queues:
            key = f"queue:{module}:in"
            head = queues.lindex(key, 0)
            return Queue(
                waiting=int(queues.llen(key)),
                head=head.partition(";")[0] if head else None,
                heartbeats=_by_process(queues.hgetall(f"module:{module}")),
                starts=_by_process(queues.hgetall(f"module:start:{module}")),
            )

    def waiting(self, module: str) -> set[str]:
        """Return the global ids of all messages that wait for a module."""
        with self._at(self._locations.queues) as queues:
            return {message.partition(";")[0] for message in queues.lrange(f"queue:{module}:in", 0, -1)}

    def ledger(self, module: str, gids: Iterable[str] | None = None) -> Iterator[LedgerEntry]:
        """Yield the messages of a module in AIL's ledger, those of some objects or of all."""
        with self._at(self._locations.process) as ledger:
            # Not objs:process:<type>: after a crash in AIL's end of an object, the object is missing there.
            names = ledger.sscan_iter("objs:process", count=BATCH) if gids is None else gids
            for group in in_groups(names, BATCH):
                pipe = ledger.pipeline(transaction=False)
                for gid in group:
                    pipe.zrange(f"obj:modules:{gid}", 0, -1, withscores=True)
                    pipe.zrange(f"obj:queues:{gid}", 0, -1, withscores=True)
                answers = iter(pipe.execute())
                for gid, popped in product(group, (True, False)):
                    rows = ((row.partition(":"), since) for row, since in next(answers))
                    yield from (
                        LedgerEntry(gid, name, since, popped)
                        for (owner, _, name), since in rows
                        if owner == module
                    )

    def probe(self) -> list[str]:
        """Return what is wrong with the databases that a module needs before it takes a message, a sentence
        for each that does not answer.
        """
        found = []
        for server in self._locations.databases:
            try:
                with self._at(server) as connection:
                    connection.ping()
            except StoreUnavailable as error:
                found.append(str(error))
        return found

    def push(self, module: str, messages: Sequence[str]) -> None:
        """Put messages `<global id>;<text>` at the tail of the module's list. AIL enters them into its ledger
        when they are popped.
        """
        with self._at(self._locations.queues) as queues:
            queues.hset("queues", module, int(queues.rpush(f"queue:{module}:in", *messages)))

    def about(self, objects: Sequence[AilObject]) -> list[About]:
        """Return what AIL knows of each of these objects; three round trips for hundreds of them."""
        related = {"screenshot": "domain", "image": "chat"}
        keys = [f"correlation:obj:{obj.type}::{related[obj.type]}:{obj.id}" for obj in objects]
        # Members are `<subtype>:<id>`; the subtype of a domain is empty.
        others = [tuple(sorted(names)) for names in self._sets(self._locations.correlations, keys)]
        items = self._items(objects)
        domains = [
            tuple(name.partition(":")[2] for name in names) if obj.type == "screenshot" else ()
            for obj, names in zip(objects, others, strict=True)
        ]
        tagged = [
            [f"tag:{obj.gid}", *(f"tag:domain::{name}" for name in names)]
            for obj, names in zip(objects, domains, strict=True)
        ]
        all_keys = list(chain.from_iterable(tagged))
        tags = zip(all_keys, self._sets(self._locations.tags, all_keys), strict=True)
        unsafe = {key for key, found in tags if any(map(is_unsafe, found))}
        return [
            About(on, () if obj.type == "screenshot" else names, not unsafe.isdisjoint(keys), shown)
            for obj, on, names, keys, shown in zip(objects, domains, others, tagged, items, strict=True)
        ]

    def _items(self, objects: Sequence[AilObject]) -> list[tuple[str, ...]]:
        keys = [f"correlation:obj:{obj.type}::item:{obj.id}" for obj in objects]
        found = self._sets(self._locations.correlations, keys)
        return [
            tuple(sorted((name.partition(":")[2] for name in names), reverse=True))
            if obj.type == "screenshot"
            else ()
            for obj, names in zip(objects, found, strict=True)
        ]

    def _sets(self, server: Server, keys: Sequence[str]) -> list[set[str]]:
        with self._at(server) as connection:
            pipe = connection.pipeline(transaction=False)
            for key in keys:
                pipe.smembers(key)
            return list(pipe.execute())

    @contextmanager
    def _at(self, server: Server) -> Iterator[Any]:
        if server not in self._clients:
            self._clients[server] = self._stack.enter_context(
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
            yield self._clients[server]
        except redis.RedisError as error:
            raise StoreUnavailable(
                f"AIL's [{server.section}] at {server.host}:{server.port}: {error}; is AIL running?"
            ) from None


def _by_process(noted: Mapping[str, str]) -> dict[int, int]:
    """By process id. Some of AIL's tools enter a word in its place."""
    return {int(pid): int(epoch) for pid, epoch in noted.items() if pid.isdecimal()}
