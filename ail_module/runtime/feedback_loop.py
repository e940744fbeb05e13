"""A module listens to analysts while it works: pass after pass over what we wrote, in steps too short to hold
up the queue.

Takes what is written about objects (the ledger), gives what was heard. For each object first the answers of
analysts in AIL (feedback.py), then whether what is written still agrees with the store (reconcile.py): a
`quaid veto` at the command line is followed here. Of several processes one does each pass; should two, that
changes nothing.
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
from ..publishing.feedback import SAME, Heard, feedback
from ..publishing.ledger import PREFIX
from ..publishing.reconcile import Reconciler

#: When the last pass began, seconds since 1970.
BOOKMARK = "ail:listened"
#: Time of a step, overrun by at most one object's. chosen: a fraction of what a picture takes.
STEP_SECONDS = 0.05
#: Most of a process's time. chosen.
SHARE = 0.05


class Listener:
    def __init__(self, engine: Engine, sink: Sink, settings: Settings, logger: logging.Logger) -> None:
        self._engine, self._sink, self._settings, self._logger = engine, sink, settings, logger
        self._reconciler = Reconciler(engine, sink, settings)
        self._objects: Iterator[AilObject] = iter(())
        self._is_passing = False
        self._next = 0.0

    def step(self) -> None:
        """The next few objects, if it is time for them. Raises StoreError, and what AIL raises when its
        servers are away.
        """
        began = time.monotonic()
        if not self._settings.feedback_seconds or began < self._next:
            return
        if not self._is_passing and not self._begin():
            self._next = began + min(self._settings.feedback_seconds, 60)
            return
        try:
            self._listen(began + STEP_SECONDS)
        except BaseException:
            self._is_passing = False  # the next pass looks at the rest
            raise
        now = time.monotonic()
        self._next = now + (now - began) / SHARE

    def _begin(self) -> bool:
        """Whether it is time for a pass and nobody else began it."""
        last, now = self._engine.bookmark(BOOKMARK), time.time()
        if last is not None and now - float(last) < self._settings.feedback_seconds:
            return False
        self._engine.set_bookmark(BOOKMARK, f"{now:.0f}")
        self._objects = (
            AilObject.parse(name.removeprefix(PREFIX)) for name, _ in self._engine.bookmarks(PREFIX)
        )
        self._is_passing = True
        return True

    def _listen(self, until: float) -> None:
        for obj in self._objects:
            try:
                listen(
                    self._engine,
                    self._sink,
                    self._reconciler,
                    obj,
                    settings=self._settings,
                    logger=self._logger,
                )
            except FormatError as error:  # one note that cannot be read
                self._logger.warning(str(error))
            if time.monotonic() >= until:
                return
        self._is_passing = False


def listen(
    engine: Engine,
    sink: Sink,
    reconciler: Reconciler,
    obj: AilObject,
    *,
    settings: Settings,
    logger: logging.Logger,
) -> tuple[tuple[Heard, ...], bool]:
    """What was heard about one object, and whether what is written about it changed without that."""
    heard = feedback(engine, sink, [obj], settings=settings)
    for each in heard:
        logger.info(
            f"{obj.gid}: an analyst says that it is {'the same as' if each.said == SAME else 'not'} {each.other}; {each.refused or 'noted'}"
        )
    return heard, reconciler.check(obj)
