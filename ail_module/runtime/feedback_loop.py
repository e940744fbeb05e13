"""A module reads analysts' answers while it works: pass after pass over everything that is written in AIL, in
steps too short to delay the queue.

For each object it first reads the answers in AIL (publishing/feedback.py), then checks whether what is
written agrees with the store, so a `quaid veto` at the command line is followed, too. Of several processes
one does each pass; if two do, nothing is lost.
"""

import logging
import time
from collections.abc import Iterator

from douglas_quaid.engine import Engine
from douglas_quaid.errors import FormatError

from ..config import Settings
from ..publishing.apply import Sink
from ..publishing.feedback import SAME, Answer, FeedbackReader
from ..publishing.ledger import Ledger
from ..publishing.publisher import Publisher

#: Bookmark that holds when the last pass began, in seconds since 1970.
BOOKMARK = "ail:listened"
#: Duration of a step in seconds, exceeded by at most one object. chosen: a fraction of what a picture takes.
STEP_SECONDS = 0.05
#: Maximum share of a process's time. chosen.
MAX_SHARE = 0.05


class FeedbackLoop:
    """The passes of one process."""

    def __init__(self, engine: Engine, sink: Sink, settings: Settings, logger: logging.Logger) -> None:
        self._engine, self._sink, self._settings, self._logger = engine, sink, settings, logger
        #: The pass that is going on.
        self._pass: Iterator[None] | None = None
        self._next = 0.0

    def step(self) -> None:
        """Look at the next few objects, if it is time for them.

        Raises StoreError, and what AIL raises while its servers are away.
        """
        began = time.monotonic()
        if not self._settings.feedback_seconds or began < self._next:
            return
        if self._pass is None and not self._is_due():
            self._next = began + min(self._settings.feedback_seconds, 60)
            return
        steps, self._pass = self._pass or self._look(), None  # after an error the next pass looks at the rest
        for _ in steps:
            if time.monotonic() >= began + STEP_SECONDS:
                self._pass = steps
                break
        now = time.monotonic()
        self._next = now + (now - began) / MAX_SHARE

    def _is_due(self) -> bool:
        """Whether it is time for a pass and no other process began it. If so, this process begins it."""
        last, now = self._engine.bookmark(BOOKMARK), time.time()
        if last is not None and now - float(last) < self._settings.feedback_seconds:
            return False
        return self._engine.set_bookmark(BOOKMARK, f"{now:.0f}")

    def _look(self) -> Iterator[None]:
        """A pass; yields after each object."""
        publisher = Publisher(self._engine, self._sink, self._settings)
        reader = FeedbackReader(self._engine, self._sink, self._settings)
        for obj in Ledger(self._engine).objects():
            try:
                self._log(reader.read(obj))
                publisher.check(obj)
            except FormatError as error:  # one entry that cannot be read
                self._logger.warning(str(error))
            yield
        self._log(reader.finish())

    def _log(self, answers: list[Answer]) -> None:
        for answer in answers:
            relation = "the same as" if answer.said == SAME else "different from"
            said = f"an analyst says that it is {relation} {answer.other}"
            self._logger.info(f"{answer.obj.gid}: {said}; {answer.refused or 'noted'}")
