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

import logging
import time
from collections.abc import Iterator, Sequence

from ..servers import AilServers, LedgerEntry, running, start_ticks

#: Maximum share of the time that looking may take. chosen: a backlog of 100,000 objects takes seconds.
MAX_SHARE = 1 / 30


class LostMessages:
    """Looks for the lost messages of a module. `kinds`: types of objects that the module works on. `grace`:
    seconds.
    """

    def __init__(
        self,
        servers: AilServers,
        *,
        module: str,
        pid: int,
        kinds: Sequence[str],
        grace: float,
        logger: logging.Logger,
    ) -> None:
        self._servers, self._logger = servers, logger
        self._module, self._pid, self._kinds, self._grace = module, pid, kinds, grace
        self._next = 0.0

    def due(self) -> Iterator[LedgerEntry]:
        """Yield the lost messages, if it is time to look again and this process is the one that looks.

        Raises StoreUnavailable.
        """
        began = time.monotonic()
        if began < self._next:
            return
        self._next = began + self._grace / 2
        queue = self._servers.queue(self._module)
        others = {pid: ticks for pid, ticks in running(queue.starts).items() if pid != self._pid}
        if any((ticks, pid) < (start_ticks(self._pid) or 0, self._pid) for pid, ticks in others.items()):
            return
        found = self._find([queue.heartbeats[pid] for pid in others if pid in queue.heartbeats])
        took = time.monotonic() - began
        self._next = began + max(self._grace / 2, took / MAX_SHARE)
        if found:
            self._logger.warning(f"{len(found)} messages were taken and never ended; they are put back")
        yield from found

    def _find(self, heartbeats: Sequence[int]) -> list[LedgerEntry]:
        """`heartbeats`: when each other living process last asked for a message; -1 if it never did."""
        before = time.time() - self._grace
        old = {
            entry
            for entry in self._servers.ledger(self._module)
            if entry.since <= before and entry.gid.partition(":")[0] in self._kinds
        }
        # A process that has a message asked for it before, and for none since.
        oldest_in_work = min((beat for beat in heartbeats if beat >= 0), default=float("inf"))
        found = [entry for entry in old if entry.popped and entry.since < oldest_in_work]
        queued = {entry for entry in old if not entry.popped}
        if queued:
            waiting = self._servers.waiting(self._module)
            missing = {entry for entry in queued if entry.gid not in waiting}
            still = self._servers.ledger(self._module, sorted({entry.gid for entry in missing}))
            found += missing.intersection(still)  # the others were popped meanwhile
        return found
