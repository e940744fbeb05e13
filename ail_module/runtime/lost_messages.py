"""Messages that a process took off the queue and never ended, because it died: found in AIL's ledger.

Takes connections to AIL's queues and ledger, gives `Orphan`s; puts nothing back itself. What the ledger says
of a message of ours, named by the hash of its text (the text itself is gone):

    obj:modules:<gid>   popped, not ended      an orphan when no living process can have it: each has asked
    for another message since
    obj:queues:<gid>    queued, not popped     an orphan when the list does not hold its object: the process
    died within the pop, or while
                                               it kept the message for a later try

Both only when older than a grace period. One process looks, the eldest that lives, so that nothing is put
back twice. AIL itself forgets what is older than two days. Key layout: bin/lib/ail_queues.py.
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
#: Most of the time that looking may take. chosen: a backlog of 100,000 objects takes seconds to look through.
LONGEST_SHARE = 1 / 30


@dataclass(frozen=True, slots=True)
class Orphan:
    gid: str
    #: Of the message's text, as AIL has it.
    hash: str
    #: Whether the work on it had begun, as far as the ledger knows.
    popped: bool


class Orphans:
    """`queues`, `ledger`: connections with text answers. `kinds`: types of objects that this module works on.
    `grace`: seconds.
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
        self._queues, self._ledger, self._module, self._pid, self._kinds, self._grace, self._logger = (
            queues,
            ledger,
            module,
            pid,
            kinds,
            grace,
            logger,
        )
        self._next = 0.0

    def due(self) -> Iterator[Orphan]:
        """What is found now, when it is time to look again and this process is the one that looks. Raises
        redis' errors.
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
        self._next = began + max(self._grace / 2, took / LONGEST_SHARE)
        if found:
            self._logger.warning(f"{len(found)} messages were taken and never ended; they are put back")
        yield from found

    def _find(self, others: Iterable[int]) -> list[Orphan]:
        before = time.time() - self._grace
        popped, queued = self._entries(before)
        beats = self._heartbeats()
        # A process that has a message asked for it before, and for none since.
        oldest_in_work = min((beats[pid] for pid in others if beats.get(pid, -1) >= 0), default=float("inf"))
        found = [
            Orphan(gid, name, popped=True)
            for gid, name, epoch in dict.fromkeys(popped)
            if epoch < oldest_in_work
        ]
        if queued:
            waiting = {
                message.partition(";")[0]
                for message in self._queues.lrange(f"queue:{self._module}:in", 0, -1)
            }
            missing = [(gid, name) for gid, name, _ in dict.fromkeys(queued) if gid not in waiting]
            still = self._scores(missing)  # else popped meanwhile
            found += [
                Orphan(gid, name, popped=False)
                for (gid, name), score in zip(missing, still, strict=True)
                if score is not None and score <= before
            ]
        return found

    def _entries(self, before: float) -> tuple[list[tuple[str, str, float]], list[tuple[str, str, float]]]:
        """(gid, hash, epoch) of what this module popped, and of what was queued for it, before that time."""
        popped: list[tuple[str, str, float]] = []
        queued: list[tuple[str, str, float]] = []
        # Not objs:process:<type>: a crash in AIL's end of an object leaves it out of there until it is done
        # for good.
        for gids in in_groups(
            (
                gid
                for gid in self._ledger.sscan_iter("objs:process", count=BATCH)
                if gid.partition(":")[0] in self._kinds
            ),
            BATCH,
        ):
            pipe = self._ledger.pipeline(transaction=False)
            for gid in gids:
                pipe.zrange(f"obj:modules:{gid}", 0, -1, withscores=True)
                pipe.zrange(f"obj:queues:{gid}", 0, -1, withscores=True)
            rows = pipe.execute()
            for at, gid in enumerate(gids):
                for found, into in ((rows[2 * at], popped), (rows[2 * at + 1], queued)):
                    mine = ((row.partition(":"), epoch) for row, epoch in found)
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

    def _heartbeats(self) -> dict[int, int]:
        return {int(pid): int(epoch) for pid, epoch in self._queues.hgetall(f"module:{self._module}").items()}

    def _others(self) -> dict[int, int]:
        """Process id to its start, of the other processes of this module that run on this machine."""
        noted = {
            int(pid): int(epoch)
            for pid, epoch in self._queues.hgetall(f"module:start:{self._module}").items()
        }
        others = self._heartbeats().keys() - {self._pid}
        return running({pid: epoch for pid, epoch in noted.items() if pid in others})
