"""What a process of a module has done, kept in the store for `quaid ail status`: AIL counts none of this.

Each process writes one bookmark, `ail:process:<module>:<host>:<pid>`, at most every `report_seconds`. This
never disturbs the work: an unreachable store is reported by the work itself.
"""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from douglas_quaid.engine import Engine
from douglas_quaid.errors import StoreError

#: Start of the names of activities among the store's bookmarks.
PREFIX = "ail:process:"
#: Age in seconds at which the activity of an ended process is removed, when another process of its module
#: starts. chosen.
KEPT_SECONDS = 7 * 86_400
#: Age in seconds at which a process of another host counts as ended. chosen: ten reports.
SILENT_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Activity:
    """What one process did since its start. Times are seconds since 1970."""

    #: Name of the module.
    module: str
    #: Name of the machine.
    host: str
    #: Process id.
    pid: int
    #: When the process started.
    started: float
    #: When this was written.
    written: float
    #: Number of objects that were processed, including those that were known.
    done: int = 0
    #: Number of attempts that failed and will be repeated.
    errors: int = 0
    #: Number of objects that became dead letters.
    dead: int = 0
    #: Seconds spent on objects. The rest was waiting.
    busy: float = 0.0
    #: Objects per second between the last two reports.
    rate: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether the process runs; on another host, whether it reported lately."""
        if self.host == socket.gethostname():
            return os.path.exists(f"/proc/{self.pid}")
        return time.time() - self.written < SILENT_SECONDS

    @property
    def bookmark(self) -> str:
        """Name of the bookmark that holds it."""
        return f"{PREFIX}{self.module}:{self.host}:{self.pid}"


class Meter:
    """Counts what this process does, and reports it."""

    def __init__(self, engine: Engine, module: str, *, report_seconds: float) -> None:
        self._engine, self._seconds = engine, report_seconds
        now = time.time()
        self._told = self._now = Activity(module, socket.gethostname(), os.getpid(), now, now)

    def count(self, *, done: int = 0, errors: int = 0, dead: int = 0, seconds: float = 0.0) -> None:
        """Add to the counters, and report if it is time. `seconds`: spent on it."""
        now = self._now
        self._now = replace(
            now,
            done=now.done + done,
            errors=now.errors + errors,
            dead=now.dead + dead,
            busy=now.busy + seconds,
        )
        self.report()

    def report(self, *, now: bool = False, idle: bool = False) -> None:
        """Write the counters if the last report is old enough, or `now`. `idle`: there is nothing to do, so
        anything new is written at once.
        """
        passed = time.time() - self._told.written
        is_news = replace(self._now, busy=self._told.busy) != self._told
        if not (now or (idle and is_news) or passed >= self._seconds):
            return
        rate = (self._now.done - self._told.done) / max(passed, 1e-3)
        self._told = self._now = replace(self._now, written=time.time(), rate=rate)
        with suppress(StoreError):
            self._engine.set_bookmark(self._now.bookmark, json.dumps(asdict(self._now), sort_keys=True))

    def clear_old(self) -> None:
        """Remove what processes of this module that ended long ago have left. Raises StoreError."""
        for activity in list(activities(self._engine, self._now.module)):
            if not activity.alive and time.time() - activity.written > KEPT_SECONDS:
                self._engine.set_bookmark(activity.bookmark, None)


def activities(engine: Engine, module: str) -> Iterator[Activity]:
    """Yield what each process of a module reported, in no order. A bookmark that cannot be read is passed
    over. Raises StoreError.
    """
    for _, text in engine.bookmarks(f"{PREFIX}{module}:"):
        try:
            yield Activity(**json.loads(text))
        except (ValueError, TypeError):
            continue
