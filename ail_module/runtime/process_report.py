"""What a process of a module has done, kept in the store so that `quaid ail status` can read it: AIL itself
counts nothing of this.

A `Meter` lives in each process of a module. It writes one bookmark `ail:process:<module>:<host>:<pid>`, JSON,
at most every `report_seconds`, and never fails the work it counts: a store that is away is told of by the
work itself.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass

from douglas_quaid.engine import Engine
from douglas_quaid.errors import StoreError

PREFIX = "ail:process:"
#: Age at which the counters of a process that ended are removed, when another of its module starts. chosen.
KEPT_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class Counters:
    """Of one process since its start; times are seconds since 1970."""

    module: str
    host: str
    pid: int
    started: float
    written: float
    #: Objects that were processed, those known already and left alone included.
    done: int = 0
    #: Tries that failed and will be repeated.
    errors: int = 0
    #: Objects that became dead letters.
    dead: int = 0
    #: Seconds spent on objects; the rest was waiting for some.
    busy: float = 0.0
    #: Objects a second between the last two reports.
    rate: float = 0.0

    @property
    def alive(self) -> bool:
        """Whether the process still runs; of another host nobody here knows, so it counts as running while it
        reports.
        """
        return (
            os.path.exists(f"/proc/{self.pid}")
            if self.host == socket.gethostname()
            else time.time() - self.written < 600
        )


class Meter:
    """Counts for one process, and reports."""

    def __init__(self, engine: Engine, module: str, *, report_seconds: float) -> None:
        self._engine, self._seconds = engine, report_seconds
        self._began = time.time()
        self._module, self._host, self._pid = module, socket.gethostname(), os.getpid()
        self._name = f"{PREFIX}{module}:{self._host}:{self._pid}"
        self._done = self._errors = self._dead = self._done_before = 0
        self._told = (0, 0, 0)
        self._busy = 0.0
        self._written = self._began

    def count(self, outcome: str, seconds: float) -> None:
        """`outcome`: done, error or dead; `seconds` it took. Reports when it is time."""
        self._done += outcome == "done"
        self._errors += outcome == "error"
        self._dead += outcome == "dead"
        self._busy += seconds
        self.report()

    def report(self, *, now: bool = False, idle: bool = False) -> None:
        """Write the counters if the last time is long enough ago, or `now`. `idle`: nothing is to be done, so
        what was is told at once.
        """
        time_now = time.time()
        news = (self._done, self._errors, self._dead) != self._told
        if not (now or (idle and news) or time_now - self._written >= self._seconds):
            return
        rate = (self._done - self._done_before) / max(time_now - self._written, 1e-3)
        counters = Counters(
            self._module,
            self._host,
            self._pid,
            self._began,
            time_now,
            self._done,
            self._errors,
            self._dead,
            self._busy,
            rate,
        )
        with suppress(StoreError):
            self._engine.set_bookmark(self._name, json.dumps(asdict(counters), sort_keys=True))
        self._written, self._done_before = time_now, self._done
        self._told = (self._done, self._errors, self._dead)

    def clear_old(self) -> None:
        """Remove the counters of processes of this module that ended long ago. Raises StoreError."""
        for counters in list(read_counters(self._engine, self._module)):
            if not counters.alive and time.time() - counters.written > KEPT_SECONDS:
                self._engine.set_bookmark(f"{PREFIX}{counters.module}:{counters.host}:{counters.pid}", None)


def read_counters(engine: Engine, module: str) -> Iterator[Counters]:
    """Of all processes of this module that reported, in no order; a bookmark that is no JSON of ours is
    passed over.
    """
    for _, text in engine.bookmarks(f"{PREFIX}{module}:"):
        try:
            yield Counters(**json.loads(text))
        except (ValueError, TypeError):
            continue
