"""A module reads the answers of analysts while it works: pass after pass over everything that is written in
AIL, in steps too short to delay the queue, and in long ones while no message waits.

For each object a pass first reads the answers in AIL (feedback.py), then checks whether what is written
agrees with the store, so a `quaid veto` at the command line is followed, too. In the end it acts upon removed
tags, and checks the representatives of the clusters. Of several processes one does each pass; if two do,
nothing is lost.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from douglas_quaid import Correlator, FormatError
from douglas_quaid.strict_json import from_object, parse_object, to_object

from ..config import Settings
from .apply import Sink
from .feedback import NOT_THIS, SAME, Answer, FeedbackReader
from .ledger import clusters_with_star, written_objects
from .publisher import Publisher, PublishingOptions

#: Bookmark that holds when the last pass began, in seconds since 1970.
BOOKMARK = "ail:listened"
#: Bookmark of the last pass that ended.
PASSED = "ail:passed"
#: Duration of a step while messages wait in seconds, exceeded by at most one object. chosen: a fraction of
#: what a picture takes.
STEP_SECONDS = 0.05
#: Duration of a step while no message waits in seconds. chosen: shorter than anybody waits for a heartbeat.
IDLE_SECONDS = 5.0
#: Maximum share of a process's time while messages wait. chosen.
MAX_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass that ended. Times are seconds since 1970."""

    #: When it began.
    began: float
    #: When it ended.
    ended: float
    #: Number of objects that it looked at.
    objects: int


def last_pass(engine: Correlator) -> Pass | None:
    """Return the last pass that ended, of any process; None if there was none or its note cannot be read.

    Raises StoreError.
    """
    with suppress(ValueError):
        return from_object(Pass, parse_object(engine.bookmark(PASSED) or ""))
    return None


class FeedbackLoop:
    """The passes of one process."""

    def __init__(self, engine: Correlator, sink: Sink, settings: Settings, logger: logging.Logger) -> None:
        self._engine, self._sink, self._settings, self._logger = engine, sink, settings, logger
        #: The pass that is going on.
        self._pass: Iterator[None] | None = None
        #: Seconds that this process has spent on it.
        self._spent = 0.0
        self._next = 0.0

    def step(self, is_idle: Callable[[], bool]) -> None:
        """Look at the next few objects, if it is time for them. `is_idle` says, after each object, whether no
        message waits: then the step goes on.

        Raises StoreError, and what AIL raises while its servers are away.
        """
        began = waited = time.monotonic()
        if not self._settings.feedback_seconds or began < self._next:
            return
        if self._pass is None:
            if (pause := self._pause()) > 0:
                self._next = began + min(pause, 60)
                return
            self._spent = 0.0
        steps, self._pass = self._pass or self._look(), None  # after an error the next pass looks at the rest
        for _ in steps:
            now = time.monotonic()
            if is_idle():
                waited = now  # nothing was kept waiting until now
            if now >= waited + STEP_SECONDS or now >= began + IDLE_SECONDS:
                self._pass = steps
                break
        now = time.monotonic()
        self._spent += now - began
        # At most half of the time of an idle process, however many objects there are.
        self._next = now + ((now - waited) / MAX_SHARE if self._pass else self._spent)

    def _pause(self) -> float:
        """Seconds until it is time for a pass. If it is time, and no other process began one, this process
        begins it.
        """
        last, now = self._engine.bookmark(BOOKMARK), time.time()
        left = 0.0 if last is None else float(last) + self._settings.feedback_seconds - now
        if left <= 0 and not self._engine.set_bookmark(BOOKMARK, f"{now:.0f}"):
            return self._settings.feedback_seconds
        return left

    def _look(self) -> Iterator[None]:
        """A pass; yields after each object, and then after each cluster with a representative."""
        began, objects = time.time(), 0
        publisher = Publisher(self._engine, self._sink, self._settings)
        reader = FeedbackReader(self._engine, self._sink, self._settings)
        for obj in written_objects(self._engine):
            try:
                self._log(reader.read(obj))
                publisher.check(obj)
            except FormatError as error:  # one entry that cannot be read
                self._logger.warning(str(error))
            objects += 1
            yield
        for answer in reader.finish():
            self._log([answer])
            yield
        for cluster_id in clusters_with_star(self._engine):
            try:
                publisher.check_cluster(cluster_id, limit=PublishingOptions().cluster_step)
            except FormatError as error:  # one star that cannot be read
                self._logger.warning(str(error))
            yield
        self._engine.set_bookmark(PASSED, json.dumps(to_object(Pass(began, time.time(), objects))))

    def _log(self, answers: list[Answer]) -> None:
        for answer in answers:
            relation = {SAME: "the same as", NOT_THIS: "not of the brand of"}.get(
                answer.said, "different from"
            )
            self._logger.info(
                f"{answer.obj.gid}: an analyst says that it is {relation} {answer.other}; "
                f"{answer.refused or 'noted'}"
            )
