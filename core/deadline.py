"""Time budgets handed down from a host. Two kinds: a `Timer` cuts a search short, and what it cuts is
reported, never silently left out; a `time_limit` bounds every wait for the store, so that a stalled server
cannot hold the thread of a host.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Moment of time.monotonic() at which this thread's wait for the store ends; None for no limit.
_limit: ContextVar[float | None] = ContextVar("limit", default=None)


class Timer:
    """`at`: moment of time.monotonic() at which the time is up; None for no limit."""

    def __init__(self, at: float | None) -> None:
        self._at = at
        self.cut = False
        """Whether somebody asked after the time was up, so that work was left undone."""

    def is_up(self) -> bool:
        up = self._at is not None and time.monotonic() >= self._at
        self.cut = self.cut or up
        return up


UNLIMITED = Timer(None)


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Inside, on this thread, whoever waits for the store gets StoreTimeout after `seconds` at the latest; of
    nested limits the nearest holds.
    """
    at = time.monotonic() + seconds
    outer = _limit.get()
    token = _limit.set(at if outer is None else min(at, outer))
    try:
        yield
    finally:
        _limit.reset(token)


def seconds_left() -> float | None:
    """Until the limit of this thread; negative when it has passed, None without one."""
    at = _limit.get()
    return None if at is None else at - time.monotonic()
