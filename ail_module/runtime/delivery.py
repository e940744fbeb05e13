"""What becomes of a message whose work fails: nothing is lost, nothing is tried for ever.

Takes the work on one object as a function, gives a `Fate` that the module carries out on AIL's queue. AIL
would log an exception and forget the message; here whatever goes wrong is one of five things:

    a picture that cannot be used                     a dead letter at once: the same bytes fail again
    the store or AIL's databases are away             back to the queue, not counted: it says nothing about
    the object; the gate closes
    a file that is not there, a slow store, the rest  counted, and again after a pause; after `attempts` a
    dead letter
    a process that died over it                       counted in the same way, by whoever finds it in AIL's
    ledger
    a process that is told to end                     back to the queue, not counted

An item that has no screenshot after all its attempts is nothing that failed, and becomes no letter.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import redis

from douglas_quaid.engine import Engine
from douglas_quaid.errors import DouglasQuaidError, ImageError, StoreError

from ..objects import BadObject, NoScreenshot
from .dead_letters import bury, count_failure, forget_failures
from .gate import Gate

if TYPE_CHECKING:
    from .process_report import Meter


class Fate(Enum):
    DONE = "done"
    #: To the tail of the queue, at once; the gate is closed.
    AGAIN = "again"
    #: To the tail of the queue, after a pause.
    LATER = "later"
    #: It is a dead letter now.
    DEAD = "dead"


class Died(DouglasQuaidError):
    """A process ended in the middle of the work on a message."""


class ToldToEnd(DouglasQuaidError):
    """The work failed after this process was told to end: so may its decoder have been, and the picture is
    not to blame.
    """


@dataclass(frozen=True, slots=True)
class Delivered:
    fate: Fate
    #: How often it failed so far, for LATER.
    attempts: int = 0


class Delivery:
    """Of one module in one process."""

    def __init__(
        self, engine: Engine, gate: Gate, meter: Meter, *, module: str, attempts: int, logger: logging.Logger
    ) -> None:
        self._engine, self._gate, self._meter, self._module, self._attempts, self._logger = (
            engine,
            gate,
            meter,
            module,
            attempts,
            logger,
        )

    def carry_out(self, gid: str, message: str, work: Callable[[], object]) -> Delivered:
        """Never raises an Exception."""
        began = time.monotonic()
        try:
            work()
            delivered = Delivered(Fate.DONE)
        except Exception as error:
            delivered = self.failed(gid, message, error)
        self._meter.count(
            {Fate.DONE: "done", Fate.DEAD: "dead"}.get(delivered.fate, "error"), time.monotonic() - began
        )
        return delivered

    def failed(self, gid: str, message: str, error: Exception) -> Delivered:
        """Judge a failure, and note it in the store. Never raises an Exception."""
        if isinstance(error, ToldToEnd):
            return Delivered(Fate.AGAIN)
        try:
            if isinstance(error, ImageError | BadObject):
                return self._bury(gid, message, error)
            if isinstance(error, StoreError | redis.RedisError):
                self._gate.doubt()
                if not self._gate.is_open():
                    return Delivered(Fate.AGAIN)
            failures = count_failure(self._engine, gid)
            if failures.attempts >= self._attempts and isinstance(error, NoScreenshot):
                forget_failures(self._engine, gid)
                return Delivered(Fate.DONE)
            if failures.attempts >= self._attempts:
                letter = bury(
                    self._engine,
                    gid=gid,
                    message=message,
                    module=self._module,
                    error=error,
                    failures=failures,
                )
                self._tell(
                    error,
                    f"{gid[:120]}: given up after {letter.attempts} attempts: {letter.error}: {letter.reason}",
                )
                return Delivered(Fate.DEAD)
        except StoreError as away:
            self._gate.doubt()
            self._logger.warning(f"{gid[:120]}: back to the queue: {away}")
            return Delivered(Fate.AGAIN)
        self._tell(
            error,
            f"{gid[:120]}: attempt {failures.attempts} of {self._attempts} failed: {type(error).__name__}: {error}",
            level=logging.INFO,
        )
        return Delivered(Fate.LATER, failures.attempts)

    def done(self, gid: str) -> None:
        """No failure and no dead letter of it is kept. Raises StoreError."""
        forget_failures(self._engine, gid)

    def _bury(self, gid: str, message: str, error: Exception) -> Delivered:
        letter = bury(self._engine, gid=gid, message=message, module=self._module, error=error)
        self._logger.warning(f"{gid[:120]}: given up: {letter.error}: {letter.reason}")
        return Delivered(Fate.DEAD)

    def _tell(self, error: Exception, words: str, *, level: int = logging.WARNING) -> None:
        """With a traceback for what nobody foresaw."""
        foreseen = isinstance(error, DouglasQuaidError | redis.RedisError | OSError)
        self._logger.log(level if foreseen else logging.ERROR, words, exc_info=None if foreseen else error)
