"""How fast a back-fill works, and how it tells about that."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a back-fill has come."""

    #: image, screenshot, link or write.
    stage: str
    #: Number of objects that this stage has passed in this run.
    done: int
    #: Share of the names, 0 to 1; None if the end is unknown.
    share: float | None
    #: Objects per second in this run.
    rate: float


class Pace:
    """Lets a limited number of items through per second. Lost time is not made up for."""

    def __init__(self, rate: float | None) -> None:
        """`rate`: maximum number per second; None: no limit."""
        self._pause = 1 / rate if rate else 0.0
        self._next = 0.0

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, each when it is time for it."""
        for item in items:
            if self._pause:
                now = time.monotonic()
                self._next = max(self._next, now) + self._pause
                time.sleep(max(0.0, self._next - self._pause - now))
            yield item


class Clock:
    """Counts what a stage has done, and reports it every `seconds`. chosen: readable in a log, too."""

    def __init__(self, stage: str, report: Callable[[Progress], None], *, seconds: float = 10.0) -> None:
        self._stage, self._report, self._seconds = stage, report, seconds
        self._began = self._reported = time.monotonic()
        self._done = 0

    def tick(self, count: int, *, share: float | None = None) -> None:
        """Add to the count, and report if it is time."""
        self._done += count
        now = time.monotonic()
        if now - self._reported >= self._seconds:
            self._reported = now
            self._report(Progress(self._stage, self._done, share, self._done / (now - self._began)))
