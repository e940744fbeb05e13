"""What the processes of a module have done, and what failed. It is kept as bookmarks of our store for
`quaid ail status` and `quaid ail dead-letters`, because AIL counts none of this, and has no place for what
failed.

    ail:process:<module>:<host>:<pid>   what one process has done; written at most every `report_seconds`
    ail:attempts:<gid>                  how often an object was tried in vain
    ail:dead:<gid>                      a message that was given up, with the reason

Reports never disturb the work: an unreachable store is reported by the work itself. All other functions may
raise StoreError. The counter of attempts cannot be part of the message, because AIL's ledger names a message
by the hash of its text.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone

from douglas_quaid import Correlator, StoreError
from douglas_quaid.answers import timestamp

from ..objects import in_bookmark

#: Start of the names of activities among the store's bookmarks.
PREFIX = "ail:process:"
#: Age in seconds at which an activity is removed when another process of its module starts: processes report
#: at least once a day. chosen.
KEPT_SECONDS = 7 * 86_400


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
    #: Memory of its index in bytes; None if an earlier version wrote this.
    index_bytes: int | None = None

    @property
    def bookmark(self) -> str:
        """Name of the bookmark that holds it."""
        return f"{PREFIX}{self.module}:{self.host}:{self.pid}"


class Meter:
    """Counts what this process does, and reports it."""

    def __init__(self, engine: Correlator, module: str, *, report_seconds: float) -> None:
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
        is_due = now or passed >= self._seconds
        if is_due or (idle and is_news):
            rate = (self._now.done - self._told.done) / max(passed, 1e-3)
            self._told = self._now = replace(self._now, written=time.time(), rate=rate)
            with suppress(StoreError):
                if is_due or self._now.index_bytes is None:  # some 40 commands, not after each object
                    stats = self._engine.stats()
                    size = stats.hash_index_bytes + stats.word_index_bytes
                    self._told = self._now = replace(self._now, index_bytes=size)
                self._engine.set_bookmark(self._now.bookmark, json.dumps(asdict(self._now), sort_keys=True))

    def clear_old(self) -> None:
        """Remove what processes of this module that ended long ago have left. Raises StoreError."""
        for activity in list(activities(self._engine, self._now.module)):
            if time.time() - activity.written > KEPT_SECONDS:
                self._engine.set_bookmark(activity.bookmark, None)


def activities(engine: Correlator, module: str) -> Iterator[Activity]:
    """Yield what each process of a module reported, in no order. A bookmark that cannot be read is passed
    over. Raises StoreError.
    """
    for _, text in engine.bookmarks(f"{PREFIX}{module}:"):
        with suppress(ValueError, TypeError):
            yield Activity(**json.loads(text))


#: Start of the names of dead letters among the store's bookmarks.
DEAD = "ail:dead:"
#: Start of the names of counters.
ATTEMPTS = "ail:attempts:"
#: Maximum length of a reason, a message and a global id that is kept. chosen.
REASON_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    #: Global id as it was queued; for a message without one, the whole message.
    gid: str
    #: Text of the message.
    message: str
    #: The module that gave it up.
    module: str
    #: Class of the error.
    error: str
    #: What the error said.
    reason: str
    #: When it failed for the first time.
    first: datetime
    #: When it was given up.
    last: datetime
    #: How often it was tried.
    attempts: int

    def to_json(self) -> dict[str, object]:
        """Return the fields as JSON has them."""
        return asdict(self) | {"first": timestamp(self.first), "last": timestamp(self.last)}

    @classmethod
    def parse(cls, text: str) -> DeadLetter:
        """Return the dead letter in a bookmark. Raises ValueError, KeyError or TypeError if there is none."""
        given = json.loads(text)
        times = {name: datetime.fromisoformat(given[name]) for name in ("first", "last")}
        return cls(**(given | times))


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of an object since it was last done."""

    #: How many.
    attempts: int
    #: When the first one was.
    first: datetime


def count_failure(engine: Correlator, gid: str) -> Failures:
    """Count one more failure of an object, and return all of them."""
    count, _, first = (engine.bookmark(ATTEMPTS + _short(gid)) or "").partition(" ")
    try:
        failures = Failures(int(count) + 1, datetime.fromisoformat(first))
    except ValueError:  # there is no counter, or an unreadable one
        failures = Failures(1, _now())
    engine.set_bookmark(ATTEMPTS + _short(gid), f"{failures.attempts} {failures.first.isoformat()}")
    return failures


def forget_failures(engine: Correlator, gid: str) -> None:
    """Remove the counter and the dead letter of an object that was done."""
    engine.set_bookmark(ATTEMPTS + _short(gid), None)
    engine.set_bookmark(DEAD + _short(gid), None)


def bury(
    engine: Correlator,
    *,
    gid: str,
    message: str,
    module: str,
    error: Exception,
    failures: Failures | None = None,
) -> DeadLetter:
    """Keep a message as a dead letter in place of an earlier one, and return it. Its counter starts anew."""
    now = _now()
    failures = failures or Failures(1, now)
    letter = DeadLetter(
        gid=gid[:REASON_CHARACTERS],
        message=message[:REASON_CHARACTERS],
        module=module,
        error=type(error).__name__,
        reason=(" ".join(str(error).split()) or "no reason given")[:REASON_CHARACTERS],
        first=failures.first,
        last=now,
        attempts=failures.attempts,
    )
    engine.set_bookmark(
        DEAD + _short(gid), json.dumps(asdict(letter), sort_keys=True, default=datetime.isoformat)
    )
    engine.set_bookmark(ATTEMPTS + _short(gid), None)
    return letter


def dead_letters(engine: Correlator) -> Iterator[DeadLetter]:
    """Yield all dead letters, in no order. A bookmark that cannot be read is passed over."""
    for _, text in engine.bookmarks(DEAD):
        with suppress(ValueError, KeyError, TypeError):
            yield DeadLetter.parse(text)


def remove_dead_letter(engine: Correlator, gid: str) -> bool:
    """Remove the dead letter of an object, and return whether there was one."""
    return engine.set_bookmark(DEAD + _short(gid), None)


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def _short(gid: str) -> str:
    return in_bookmark(gid[:REASON_CHARACTERS])  # as a letter has it
