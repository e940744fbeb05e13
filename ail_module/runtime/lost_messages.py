"""Messages that a process took off the queue and never ended, because it died: found in AIL's ledger.

The ledger names a message of ours by the hash of its text; the text itself is gone. It says one of two
things:

    obj:modules:<gid>   popped, not ended      lost if no living process can have it: each of them has asked
                                               for another message since
    obj:queues:<gid>    queued, not popped     lost if AIL's list does not hold its object: the process died
                                               while it popped the message, or kept it for a later attempt

Both only if older than a grace period. The oldest living process of the module looks, so nothing is put back
twice. AIL itself forgets entries that are older than two days. Key layout: bin/lib/ail_queues.py.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from douglas_quaid.batches import in_groups

from ..processes import running, start_ticks

#: Objects of the ledger that are read in one round trip. chosen.
BATCH = 1000
#: Maximum share of the time that looking may take. chosen: a backlog of 100,000 objects takes seconds.
MAX_SHARE = 1 / 30


@dataclass(frozen=True, slots=True)
class LostMessage:
    """A message that nobody works on."""

    #: Global id of its object.
    gid: str
    #: Hash of its text, as AIL has it.
    hash: str
    #: Whether the work on it had begun, as far as the ledger knows.
    popped: bool


class LostMessages:
    """Looks for the lost messages of a module. `queues`, `ledger`: connections to AIL with text answers.
    `kinds`: types of objects that the module works on. `grace`: seconds.
    """

    def __init__(
        self,
        queues: Any,
        ledger: Any,
        *,
        module: str,
        pid: int,
        kinds: Sequence[str],
        grace: float,
        logger: logging.Logger,
    ) -> None:
        self._queues, self._ledger, self._logger = queues, ledger, logger
        self._module, self._pid, self._kinds, self._grace = module, pid, kinds, grace
        self._next = 0.0

    def due(self) -> Iterator[LostMessage]:
        """Yield the lost messages, if it is time to look again and this process is the one that looks.

        Raises errors of redis.
        """
        began = time.monotonic()
        if began < self._next:
            return
        self._next = began + self._grace / 2
        others = self._others()
        if any((ticks, pid) < (start_ticks(self._pid) or 0, self._pid) for pid, ticks in others.items()):
            return
        found = self._find(others)
        took = time.monotonic() - began
        self._next = began + max(self._grace / 2, took / MAX_SHARE)
        if found:
            self._logger.warning(f"{len(found)} messages were taken and never ended; they are put back")
        yield from found

    def _find(self, others: Iterable[int]) -> list[LostMessage]:
        before = time.time() - self._grace
        popped, queued = self._entries(before)
        beats = self._noted("module")
        # A process that has a message asked for it before, and for none since.
        oldest_in_work = min((beats[pid] for pid in others if beats.get(pid, -1) >= 0), default=float("inf"))
        found = [
            LostMessage(gid, name, popped=True)
            for gid, name, epoch in dict.fromkeys(popped)
            if epoch < oldest_in_work
        ]
        if queued:
            messages = self._queues.lrange(f"queue:{self._module}:in", 0, -1)
            waiting = {message.partition(";")[0] for message in messages}
            missing = [(gid, name) for gid, name, _ in dict.fromkeys(queued) if gid not in waiting]
            found += [
                LostMessage(gid, name, popped=False)
                for (gid, name), score in zip(missing, self._scores(missing), strict=True)
                if score is not None and score <= before  # otherwise it was popped meanwhile
            ]
        return found

    def _entries(self, before: float) -> tuple[list[tuple[str, str, float]], list[tuple[str, str, float]]]:
        """(gid, hash, epoch) of what this module popped, and of what was queued for it, before that time."""
        popped: list[tuple[str, str, float]] = []
        queued: list[tuple[str, str, float]] = []
        # Not objs:process:<type>: after a crash in AIL's end of an object, the object is missing there.
        names = self._ledger.sscan_iter("objs:process", count=BATCH)
        for gids in in_groups((gid for gid in names if gid.partition(":")[0] in self._kinds), BATCH):
            pipe = self._ledger.pipeline(transaction=False)
            for gid in gids:
                pipe.zrange(f"obj:modules:{gid}", 0, -1, withscores=True)
                pipe.zrange(f"obj:queues:{gid}", 0, -1, withscores=True)
            answers = iter(pipe.execute())
            for gid in gids:
                for into in (popped, queued):
                    mine = ((row.partition(":"), epoch) for row, epoch in next(answers))
                    into.extend(
                        (gid, name, epoch)
                        for (module, _, name), epoch in mine
                        if module == self._module and epoch <= before
                    )
        return popped, queued

    def _scores(self, entries: list[tuple[str, str]]) -> list[float | None]:
        pipe = self._ledger.pipeline(transaction=False)
        for gid, name in entries:
            pipe.zscore(f"obj:queues:{gid}", f"{self._module}:{name}")
        return list(pipe.execute())

    def _others(self) -> dict[int, int]:
        """Process id to its start, of the other processes of this module that run on this machine."""
        started = self._noted("module:start")
        others = self._noted("module").keys() - {self._pid}
        return running({pid: epoch for pid, epoch in started.items() if pid in others})

    def _noted(self, key: str) -> dict[int, int]:
        """What AIL notes for each process of this module."""
        noted = self._queues.hgetall(f"{key}:{self._module}")
        return {int(pid): int(epoch) for pid, epoch in noted.items()}
