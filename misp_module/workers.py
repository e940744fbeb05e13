"""A pool of threads that does the work, while the thread of the host waits no longer than its request allows.

The pool limits how many pictures are in memory at once. When the store stalls, the work ends with the time of
its request (`time_limit`). A request that cannot be finished in time because of those ahead of it is refused
at once, so that the host's threads stay free.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError as FutureTimeout

from douglas_quaid import StoreTimeout, time_limit

from .messages import Response

#: Weight of the latest job in the moving average of seconds per job. chosen.
NEWEST_SHARE = 0.3


class NoTime(StoreTimeout):
    """Raised when there is no result within the time that MISP waits; the message is for analysts."""


class Workers:
    """A fixed number of threads with a queue that refuses what would be late."""

    def __init__(self, threads: int, name: str) -> None:
        """Create the pool; `name` is the prefix of its threads' names."""
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        self._lock = threading.Lock()
        #: Jobs in work, and those that wait for a thread.
        self._unfinished: set[Future[Response]] = set()
        #: Moving average of the seconds that a job takes.
        self._average = 0.0

    def run(self, until: float, work: Callable[[], Response]) -> Response:
        """Run `work` on a thread of the pool and return its result.

        `until` is a moment of time.monotonic(), also the time limit of the work. Raises NoTime when there is
        no result by then, and whatever `work` raises.
        """
        with self._lock:
            wait = len(self._unfinished) // self._threads * self._average
            if time.monotonic() + wait > until:
                raise NoTime(
                    f"the machine is busy: {len(self._unfinished)} requests are ahead,"
                    " which takes longer than MISP waits; try again in a moment"
                )
            future = self._pool.submit(self._limited, until, work)
            self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        try:
            return future.result(timeout=max(until - time.monotonic(), 0))
        except FutureTimeout:
            future.cancel()
            raise NoTime(
                "no answer in the time that MISP waits: the machine is busy, or the store does not respond;"
                " try again in a moment"
            ) from None

    def _limited(self, until: float, work: Callable[[], Response]) -> Response:
        began = time.monotonic()
        if began >= until:  # the caller has given up
            raise NoTime("the time was up before the work began")
        try:
            with time_limit(until - began):
                return work()
        finally:
            with self._lock:
                self._average += NEWEST_SHARE * (time.monotonic() - began - self._average)
