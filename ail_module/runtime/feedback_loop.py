"""A module reads analysts' answers while it works: pass after pass over everything that is written in AIL, in
steps too short to delay the queue.

For each object it first reads the answers in AIL (publishing/feedback.py), then checks whether what is
written agrees with the store, so a `quaid veto` at the command line is followed, too. Of several processes
one does each pass; if two do, nothing is lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

from douglas_quaid.engine import Engine
from douglas_quaid.errors import FormatError

from ..config import Settings
from ..objects import AilObject
from ..publishing.apply import Sink
from ..publishing.feedback import SAME, Answer, FeedbackReader
from ..publishing.ledger import PREFIX
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
        self._publisher = Publisher(engine, sink, settings)
        self._reader = FeedbackReader(engine, sink, settings)
        self._objects: Iterator[AilObject] = iter(())
        self._is_passing = False
        self._next = 0.0

    def step(self) -> None:
        """Look at the next few objects, if it is time for them.

        Raises StoreError, and what AIL raises while its servers are away.
        """
        began = time.monotonic()
        if not self._settings.feedback_seconds or began < self._next:
            return
        if not self._is_passing and not self._begin():
            self._next = began + min(self._settings.feedback_seconds, 60)
            return
        try:
            self._look(began + STEP_SECONDS)
        except BaseException:
            self._is_passing = False  # the next pass looks at the rest
            raise
        now = time.monotonic()
        self._next = now + (now - began) / MAX_SHARE

    def _begin(self) -> bool:
        """Begin a pass if it is time for one and no other process began it. Return whether it was begun."""
        last, now = self._engine.bookmark(BOOKMARK), time.time()
        if last is not None and now - float(last) < self._settings.feedback_seconds:
            return False
        self._engine.set_bookmark(BOOKMARK, f"{now:.0f}")
        names = (name for name, _ in self._engine.bookmarks(PREFIX))
        self._objects = (AilObject.parse(name.removeprefix(PREFIX)) for name in names)
        self._reader = FeedbackReader(self._engine, self._sink, self._settings)
        self._is_passing = True
        return True

    def _look(self, until: float) -> None:
        for obj in self._objects:
            try:
                self._log(self._reader.read(obj))
                self._publisher.check(obj)
            except FormatError as error:  # one entry that cannot be read
                self._logger.warning(str(error))
            if time.monotonic() >= until:
                return
        self._is_passing = False
        self._log(self._reader.finish())

    def _log(self, answers: list[Answer]) -> None:
        for answer in answers:
            relation = "the same as" if answer.said == SAME else "different from"
            said = f"an analyst says that it is {relation} {answer.other}"
            self._logger.info(f"{answer.obj.gid}: {said}; {answer.refused or 'noted'}")
