"""Limits of a search. A `Timer` cuts a search short when its time is up or its work is done, and what it cuts
is reported, never silently left out. Work is counted and not timed, so that an answer does not depend on the
speed of the machine. A `time_limit` limits every wait for the store, so that a stalled server cannot hold the
thread of a host.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

#: Moment of time.monotonic() at which this thread's wait for the store ends; None for no limit.
_limit: ContextVar[float | None] = ContextVar("limit", default=None)


class OutOfTime(Exception):
    """The limit of a search was reached within a step, which therefore has no result."""


@dataclass
class Timer:
    """The time and the work that a search may take."""

    #: Moment of time.monotonic() at which the time is up; None for no limit.
    at: float | None
    #: Work that may be done, in comparisons of two keypoints, about 10 ns each; None for no limit.
    work: int | None = None
    #: Work that was done.
    spent: int = 0
    #: How often `is_up` has returned True, so that work was left out.
    cuts: int = 0

    @classmethod
    def after(cls, seconds: float | None, *, work: int | None = None) -> Timer:
        """Return a timer that is up so many seconds from now, or after so much work; None for no limit."""
        return cls(None if seconds is None else time.monotonic() + seconds, work)

    def spend(self, work: int) -> None:
        """Count work that was done or is about to be."""
        self.spent += work

    def is_up(self) -> bool:
        """Return whether the time or the work is up; the caller then leaves out the work that remains."""
        done = self.work is not None and self.spent >= self.work
        up = done or (self.at is not None and time.monotonic() >= self.at)
        self.cuts += up
        return up

    def apart(self, work: int) -> Timer:
        """Return a timer that is up at the same time, with work of its own, if this one limits it."""
        return Timer(self.at, None if self.work is None else work)

    def check(self) -> None:
        """Return if neither the time nor the work is up. Raises OutOfTime."""
        if self.is_up():
            raise OutOfTime


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let every wait for the store on this thread raise StoreTimeout after `seconds` at the latest; the
    nearest of nested limits counts.
    """
    at = time.monotonic() + seconds
    outer = _limit.get()
    token = _limit.set(at if outer is None else min(at, outer))
    try:
        yield
    finally:
        _limit.reset(token)


def seconds_left() -> float | None:
    """Return the seconds until the limit of this thread, negative when it has passed; None without one."""
    at = _limit.get()
    return None if at is None else at - time.monotonic()
