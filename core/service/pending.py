"""Answers that are fetched later: a query that is not done within the time that its sender waits goes on, and
its answer is kept for an hour under an id that belongs to the request.

The id is random and belongs to the key as well: it says nothing of the picture, and whoever asks with another
key finds nothing. How many are kept, and how many bytes, is bounded; the oldest that are done go first.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ..errors import NotFound, ServiceBusy
from .refusals import Reply, error_reply, json_reply

#: Seconds that an answer is kept. spec: service.md, one hour.
KEPT_SECONDS = 3600.0
#: Answers that are kept, those in work included. chosen.
MOST_KEPT = 1000
#: Bytes of all answers that are kept. chosen: some thousand answers with ten hits each.
MOST_BYTES = 64 * 1024 * 1024
#: Longest time to wait for one, in seconds. chosen: below the time-outs of most proxies.
LONGEST_WAIT = 60.0


@dataclass(slots=True)
class _Kept:
    """A query, and its answer once it is done."""

    key: str
    work: asyncio.Task[Reply]
    began: float = field(default_factory=time.monotonic)

    @property
    def nbytes(self) -> int:
        return len(self.work.result().body) if self.work.done() else 0


class Pending:
    """Keeps the queries whose answers are fetched later. For one event loop."""

    def __init__(
        self,
        path: str,
        most_open: int,
        *,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`path`: of the operation that fetches an answer, without the id. `most_open`: queries in work, each
        of which holds its picture. `most_bytes`: of all answers that are kept.
        """
        self._most_bytes = most_bytes
        self._path, self._most_open, self._clock = path, most_open, clock
        self._open = set[asyncio.Task[Reply]]()
        self._kept: dict[str, _Kept] = {}

    async def begin(self, key: str, work: Awaitable[Reply], wait: float) -> Reply:
        """Begin a query of the caller with this key, and return its answer, or after `wait` seconds where it
        can be fetched.
        """
        task = asyncio.ensure_future(_answered(work))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        done, _ = await asyncio.wait({task}, timeout=min(wait, LONGEST_WAIT))
        if done:
            return task.result()
        self._make_room()
        name = secrets.token_hex(16)
        self._kept[name] = _Kept(key, task, self._clock())
        return self._later(name)

    async def fetch(self, key: str, name: str, wait: float) -> Reply:
        """Return the answer of a query, waiting for it at most so many seconds. Raises NotFound."""
        self._drop_old()
        kept = self._kept.get(name)
        if kept is None or kept.key != key:
            raise NotFound("no query has this id: answers are kept for an hour, for the key that asked")
        done, _ = await asyncio.wait({kept.work}, timeout=min(wait, LONGEST_WAIT))
        return kept.work.result() if done else self._later(name)

    def check_room(self) -> None:
        """Return if another query may begin. Raises ServiceBusy."""
        if len(self._open) >= self._most_open:
            raise ServiceBusy(f"{len(self._open)} queries are in work; come again")

    def _later(self, name: str) -> Reply:
        where = f"{self._path}/{name}"
        return json_reply({"id": name, "status": "pending"}, 202, {"Location": where})

    def _make_room(self) -> None:
        self._drop_old()
        done = [name for name, kept in self._kept.items() if kept.work.done()]  # the oldest first
        total = sum(self._kept[name].nbytes for name in done)
        while done and (len(self._kept) >= MOST_KEPT or total > self._most_bytes):
            total -= self._kept.pop(done[0]).nbytes
            del done[0]

    def _drop_old(self) -> None:
        now = self._clock()
        for name, kept in list(self._kept.items()):
            if now - kept.began > KEPT_SECONDS and kept.work.done():
                del self._kept[name]


async def _answered(work: Awaitable[Reply]) -> Reply:
    """The answer of some work; where it fails, the answer that tells it."""
    try:
        return await work
    except Exception as error:  # whoever fetches it hears it, in the usual shape
        return error_reply(error)
