"""Whether a message may be taken off the queue, and what happens to it if its work fails: nothing is lost,
and nothing is tried for ever.

AIL takes a message off its list before the work begins, and puts nothing back. So the gate asks first whether
everything that the work needs is there: our store by a small write, which a full store refuses, and AIL's own
databases by a ping. While one of them fails no message is taken, and messages wait in AIL's list.

AIL would log an exception and forget the message. Here each failure is one of these:

    a picture that cannot be used                     a dead letter at once: the same bytes fail again
    the store or AIL's databases are away             back to the queue, not counted, and the gate closes
    a missing file, a slow store, any other error     counted, and again after a pause; a dead letter after
                                                      `attempts`
    a process that died during the work               counted in the same way, by the process that finds the
                                                      message in AIL's ledger
    a process that is told to end                     back to the queue, not counted
    an item that has no screenshot                    after `attempts` done: it is no failure
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import redis

from douglas_quaid import Correlator, DouglasQuaidError, ImageError, KeyRefused, NotAllowed, StoreError

from ..objects import BadObject, NoScreenshot
from .monitoring import Failures, Meter, bury, count_failure, forget_failures

#: Minimum time in seconds between two rounds of probes while all is well. chosen: a picture takes a tenth.
MIN_SECONDS = 1.0


def probe_store(engine: Correlator) -> None:
    """Write something small to the store: a full one refuses it. Raises StoreError."""
    engine.set_bookmark("ail:gate", "open")


class Gate:
    """Asks before every message. `probes`: for each name in the log, a function that raises StoreError, an
    error of redis or OSError while the gate must stay closed.
    """

    def __init__(
        self, probes: Mapping[str, Callable[[], object]], *, seconds: float, logger: logging.Logger
    ) -> None:
        self._probes, self._seconds, self._logger = probes, max(seconds, MIN_SECONDS), logger
        self._open_until = 0.0
        self._failing: str | None = None

    def is_open(self) -> bool:
        """Return whether a message may be taken. Probes if the last answer is old, and each time while the
        gate is closed. Logs changes only.
        """
        if time.monotonic() < self._open_until:
            return True
        for name, probe in self._probes.items():
            try:
                probe()
            except (StoreError, redis.RedisError, OSError) as error:
                self.doubt()
                if self._failing != name:
                    self._failing = name
                    self._logger.warning(
                        f"{name} fails, messages stay in AIL's queue until it works: "
                        f"{type(error).__name__}: {error}"
                    )
                return False
        if self._failing:
            self._logger.warning(f"{self._failing} is back; work goes on")
            self._failing = None
        self._open_until = time.monotonic() + self._seconds
        return True

    def doubt(self) -> None:
        """Probe at the next question, because something failed."""
        self._open_until = 0.0


class Fate(Enum):
    """What becomes of a message."""

    #: It is done.
    DONE = "done"
    #: It goes to the tail of the queue at once; the gate is closed, or the process was told to end.
    AGAIN = "again"
    #: It goes to the tail of the queue after a pause.
    LATER = "later"
    #: It is a dead letter now.
    DEAD = "dead"


class Died(DouglasQuaidError):
    """A process ended in the middle of the work on a message."""


class ToldToEnd(DouglasQuaidError):
    """The work failed after this process was told to end. The picture is not to blame: its decoder may have
    been told, too.
    """


@dataclass(frozen=True, slots=True)
class Delivered:
    """The end of one attempt."""

    #: What becomes of the message.
    fate: Fate
    #: Number of failures so far, if it will be tried again later.
    attempts: int = 0


class Delivery:
    """Delivers the messages of one module in one process."""

    def __init__(
        self,
        engine: Correlator,
        gate: Gate,
        meter: Meter,
        *,
        module: str,
        attempts: int,
        logger: logging.Logger,
    ) -> None:
        self._engine, self._gate, self._meter = engine, gate, meter
        self._module, self._attempts, self._logger = module, attempts, logger

    def attempt(self, gid: str, message: str, work: Callable[[], object]) -> Delivered:
        """Do the work on an object, and return what becomes of its message. Never raises an Exception."""
        began = time.monotonic()
        try:
            work()
            delivered = Delivered(Fate.DONE)
        except Exception as error:
            delivered = self.failed(gid, message, error)
        done, dead = delivered.fate is Fate.DONE, delivered.fate is Fate.DEAD
        self._meter.count(
            done=done, dead=dead, errors=not done and not dead, seconds=time.monotonic() - began
        )
        return delivered

    def failed(self, gid: str, message: str, error: Exception) -> Delivered:
        """Return what becomes of a message that failed, and note the failure. Never raises an Exception."""
        try:
            return self._judged(gid, message, error)
        except (StoreError, KeyRefused, NotAllowed) as away:
            self._gate.doubt()
            self._logger.warning(f"{gid[:120]}: back to the queue: {away}")
            return Delivered(Fate.AGAIN)

    def _judged(self, gid: str, message: str, error: Exception) -> Delivered:
        if isinstance(error, ToldToEnd):
            return Delivered(Fate.AGAIN)
        if isinstance(error, ImageError | BadObject):
            return self._give_up(gid, message, error)
        if isinstance(error, KeyRefused | NotAllowed):  # the gate tells, and ends the module
            raise error
        if isinstance(error, StoreError | redis.RedisError):
            self._gate.doubt()
            if not self._gate.is_open():
                return Delivered(Fate.AGAIN)
        failures = count_failure(self._engine, gid)
        if failures.attempts < self._attempts:
            tried = f"attempt {failures.attempts} of {self._attempts}"
            self._log(logging.INFO, f"{gid[:120]}: {tried} failed: {type(error).__name__}: {error}", error)
            return Delivered(Fate.LATER, failures.attempts)
        if isinstance(error, NoScreenshot):
            forget_failures(self._engine, gid)
            return Delivered(Fate.DONE)
        return self._give_up(gid, message, error, failures)

    def _give_up(
        self, gid: str, message: str, error: Exception, failures: Failures | None = None
    ) -> Delivered:
        letter = bury(
            self._engine, gid=gid, message=message, module=self._module, error=error, failures=failures
        )
        after = f" after {letter.attempts} attempts" if failures else ""
        self._log(logging.WARNING, f"{gid[:120]}: given up{after}: {letter.error}: {letter.reason}", error)
        return Delivered(Fate.DEAD)

    def _log(self, level: int, words: str, error: Exception) -> None:
        """With a traceback for an error that nobody foresaw."""
        foreseen = isinstance(error, DouglasQuaidError | redis.RedisError | OSError)
        self._logger.log(level if foreseen else logging.ERROR, words, exc_info=None if foreseen else error)
