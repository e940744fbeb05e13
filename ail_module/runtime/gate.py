"""Whether a message may be taken off the queue: only while all that its work needs is there.

AIL takes a message off its list before the work begins, and has nothing that would put it back. So we ask
first: our store by a small write, which a full store refuses, and AIL's own databases by a ping. While one of
them fails nothing is popped, and messages wait in AIL's list.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

import redis

from douglas_quaid.errors import StoreError

#: Shortest time between two knocks while all is well. chosen: an object takes a tenth of it.
LEAST_SECONDS = 1.0


class Gate:
    """`knocks`: what each is called in the log, and a question that raises StoreError, redis' errors or
    OSError while it must stay closed.
    """

    def __init__(
        self, knocks: Mapping[str, Callable[[], object]], *, seconds: float, logger: logging.Logger
    ) -> None:
        self._knocks, self._seconds, self._logger = knocks, max(seconds, LEAST_SECONDS), logger
        self._open_until = 0.0
        self._complaint: str | None = None

    def is_open(self) -> bool:
        """Asked before every message; knocks when the last answer is old, and each time while it is closed.
        Tells the log of changes only.
        """
        if time.monotonic() < self._open_until:
            return True
        for name, knock in self._knocks.items():
            try:
                knock()
            except (StoreError, redis.RedisError, OSError) as error:
                self._close(name, error)
                return False
        if self._complaint:
            self._logger.warning(f"{self._complaint} is back; work goes on")
            self._complaint = None
        self._open_until = time.monotonic() + self._seconds
        return True

    def doubt(self) -> None:
        """Something failed: the next question knocks."""
        self._open_until = 0.0

    def _close(self, name: str, error: Exception) -> None:
        self._open_until = 0.0
        if self._complaint != name:
            self._logger.warning(
                f"{name} fails, messages stay in AIL's queue until it works: {type(error).__name__}: {error}"
            )
        self._complaint = name
