"""The pixels that the threads of a process may hold at once, so that many pictures do not use up its memory.

A thread takes the share of its picture before it allocates, and waits while the others hold too much.
"""

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
                    self.held += pixels
                return fits
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()

    def release(self, pixels: int) -> None:
        """Give `pixels` back."""
        with self._changed:
            self.held -= pixels
            self._changed.notify_all()


#: The budget of this process. A picture's share is given back when its pixel array is garbage.
BUDGET = PixelBudget()
