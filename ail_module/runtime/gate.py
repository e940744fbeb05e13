"""Whether a message may be taken off the queue: only while everything that its work needs is there.

AIL takes a message off its list before the work begins, and puts nothing back. So the module asks first: our
store by a small write, which a full store refuses, and AIL's own databases by a ping. While one of them fails
no message is taken, and messages wait in AIL's list.
"""

import logging
import time
from collections.abc import Callable, Mapping

import redis

from douglas_quaid.errors import StoreError

#: Minimum time in seconds between two rounds of probes while all is well. chosen: a picture takes a tenth.
MIN_SECONDS = 1.0


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
