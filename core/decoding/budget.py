"""The pixels that the threads of a process may hold at once, so that many pictures do not use up its memory.

A thread takes the share of its picture before it allocates, and waits while the others hold too much. Worker
processes take turns with large pictures, so that all of them together hold less than twice as much.
"""

import fcntl
import threading
from collections import deque

#: Maximum wait for the pictures of other threads, in seconds. chosen: far above the slowest picture, so that
#: only a leak reaches it.
BUDGET_SECONDS = 600.0


class PixelBudget:
    """The pixels that all threads of a process may hold at once. Threads wait in order of arrival, so a large
    picture does not starve.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        #: Number of pixels that are held now.
        self.held = 0
        self._queue: deque[object] = deque()
        self._turns: int | None = None
        self._large = 0
        self._large_held = 0

    def share(self, turns: int, *, large: int) -> None:
        """Let one process at a time hold pictures of more than `large` pixels: the one that has the lock of
        the file `turns`, a descriptor. The lock of a process that is killed is free at once.
        """
        self._turns, self._large = turns, large

    def acquire(self, pixels: int, *, limit: int, timeout: float = BUDGET_SECONDS) -> bool:
        """Wait until `pixels` fit under `limit` together with what is held, and hold them. Returns False
        after `timeout` seconds, and at once when they never fit.
        """
        if pixels > limit:
            return False
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                fits = self._changed.wait_for(
                    lambda: self._queue[0] is ticket and self.held + pixels <= limit, timeout
                )
                if fits:
                    self._await_turn(pixels)
                    self.held += pixels
                return fits
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def release(self, pixels: int) -> None:
        """Give `pixels` back."""
        with self._changed:
            self.held -= pixels
            if self._turns is not None and pixels > self._large:
                self._large_held -= 1
                if not self._large_held:
                    fcntl.lockf(self._turns, fcntl.LOCK_UN)
            self._changed.notify_all()

    def _await_turn(self, pixels: int) -> None:
        """Wait until no other process holds a large picture, if this one is large."""
        if self._turns is not None and pixels > self._large:
            if not self._large_held:
                fcntl.lockf(self._turns, fcntl.LOCK_EX)
            self._large_held += 1


#: The budget of this process. A picture's share is given back when its pixel array is garbage.
BUDGET = PixelBudget()
