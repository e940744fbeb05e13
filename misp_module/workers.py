"""Threads of this process that do the work, while a thread of the host waits no longer than its request
allows.

That bounds how many pictures are in memory at once. A store that stalls gives the work back when the
request's time is up (`time_limit`); what cannot be done in time for all that is ahead of it is refused at
once, so that the host keeps threads for others.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

from douglas_quaid.deadline import time_limit
from douglas_quaid.errors import StoreTimeout

from .answers import Answer

#: Weight of the latest work in the running mean of what one takes. chosen.
NEWEST_SHARE = 0.3


class NoTime(StoreTimeout):
    """There is no answer in the time that MISP waits; the message is for analysts."""


class Workers:
    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._threads = threads
        self._lock = threading.Lock()
        self._ahead = 0
        self._usual = 0.0
        """Seconds that one takes, as a running mean."""

    def in_time(self, until: float, work: Callable[[], Answer]) -> Answer:
        """Do `work` with what is left until that moment of time.monotonic() as its limit. Raises NoTime, and
        what `work` raises.
        """
        with self._lock:
            wait = self._ahead // self._threads * self._usual
            if time.monotonic() + wait > until:
                raise NoTime(
                    f"the machine is busy: {self._ahead} requests are ahead, and MISP does not wait that long; ask again in a moment"
                )
            self._ahead += 1
        future = self._pool.submit(self._limited, until, work)
        future.add_done_callback(lambda _: self._done())
        try:
            return future.result(timeout=max(until - time.monotonic(), 0))
        except FutureTimeout:
            future.cancel()
            raise NoTime(
                "no answer in the time that MISP waits: the machine is busy, or the store does not answer; ask again in a moment"
            ) from None

    def _limited(self, until: float, work: Callable[[], Answer]) -> Answer:
        began = time.monotonic()
        if began >= until:  # nobody waits for it any more
            raise NoTime("the time was up before the work began")
        try:
            with time_limit(until - began):
                return work()
        finally:
            with self._lock:
                self._usual += NEWEST_SHARE * (time.monotonic() - began - self._usual)

    def _done(self) -> None:
        with self._lock:
            self._ahead -= 1
