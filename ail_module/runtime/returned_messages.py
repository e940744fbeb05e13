"""Messages on their way back to AIL's queue: at once, after a pause, or because they were lost.

AIL's ledger loses sight of a message while AIL sends it back. Each message is therefore entered as queued
beforehand, so a crash in between loses nothing: it is then found there (lost_messages.py). Imports AIL's
code.
"""

import heapq
import time
from typing import Any

from xxhash import xxh3_64_hexdigest

from .ail_api import ail_queues


class ReturnedMessages:
    """The messages that one process of a module returns to the module's queue.

    Every method may raise errors of redis.
    """

    def __init__(self, queue: Any, module: str) -> None:
        """`queue`: the AILQueue of the module."""
        self._queue = queue
        self._module = module
        #: Heap of what waits: when it is due (monotonic), global id, hash, text.
        self._waiting: list[tuple[float, str, str, str]] = []

    def send_back(self, gid: str, name: str, message: str) -> None:
        """Put a popped message at the tail of the queue. `name`: the hash by which AIL's ledger knows it."""
        ail_queues.add_processed_obj(gid, name, queue=self._module)
        self._queue.send_back_message_to_queue(gid, name, message)

    def put_off(self, gid: str, name: str, message: str, seconds: float) -> None:
        """Keep a popped message in this process for some time, and in AIL's ledger as queued."""
        if seconds <= 0:
            self.send_back(gid, name, message)
            return
        ail_queues.add_processed_obj(gid, name, queue=self._module)
        self._queue.end_message(gid, name, resend=True)
        heapq.heappush(self._waiting, (time.monotonic() + seconds, gid, name, message))

    def hand_back(self, *, everything: bool = False) -> None:
        """Put the messages that are due, or all that wait, at the tail of the queue."""
        due = float("inf") if everything else time.monotonic()
        while self._waiting and self._waiting[0][0] <= due:
            _, gid, name, message = self._waiting[0]
            self.send_back(gid, name, message)
            heapq.heappop(self._waiting)

    def recover(self, gid: str, name: str) -> None:
        """Put a lost message at the tail of the queue. Its text is lost, and with it the hash by which AIL
        would remove the old entry from its ledger.
        """
        self.send_back(gid, name, "")
        if name != xxh3_64_hexdigest(f"{gid};"):
            ail_queues.end_processed_obj(gid, name, queue=self._module)
