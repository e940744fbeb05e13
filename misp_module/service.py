"""One request, one answer in time: the question is read, asked of the engine on threads of ours, and
translated back.

misp-modules runs all modules on one small pool of threads and does not stop a thread whose time is up. So its
thread only waits here, never longer than the request allows; the work is done by workers of this process
(workers.py).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from douglas_quaid.config import Config
from douglas_quaid.deadline import seconds_left, time_limit
from douglas_quaid.engine import Engine
from douglas_quaid.errors import (
    ConfigError,
    DouglasQuaidError,
    FormatError,
    StoreError,
    StoreTimeout,
    StoreUnavailable,
)
from douglas_quaid.store.embedded import has_default_store

from .answers import Answer, failed
from .expand import expand
from .hover import hover
from .request import Question
from .settings import Settings
from .text import harmless
from .workers import NoTime, Workers

log = logging.getLogger("misp-modules.image_correlation")

#: Engines in one process: one for each store and limits that MISP's settings name. chosen: a guard against
#: settings that change with every request.
MOST_STORES = 8

#: How long a store that did not answer before is waited for. chosen: a hundred times what it takes.
KNOCK_SECONDS = 0.25

#: Each decodes and compares one picture; more at once would only take memory.
_enrichments = Workers(max(2, os.cpu_count() or 2), "image-correlation")
#: Each waits for the store. A pool of their own, so that a hover never stands behind an enrichment. chosen.
_hovers = Workers(8, "image-correlation-hover")


def answer(request: Any) -> Answer:
    """The answer to what MISP posted, in its words; `error` and `results` both when something is wrong.
    Raises nothing that is foreseen.
    """
    started = time.monotonic()
    hovering = False
    try:
        if not isinstance(request, Mapping):
            raise ConfigError(
                f"the request is a {type(request).__name__}; expected an object with a module and an attribute"
            )
        settings = Settings.parse(request.get("config"))
        question = Question.read(request, max_seconds=settings.max_seconds)
        hovering = question.hover
        opening, until = _engines.opening(settings), started + question.seconds
        if hovering:
            return _hovers.in_time(
                until, lambda: opening.ask(lambda engine: hover(engine, question, settings))
            )
        return _enrichments.in_time(
            until, lambda: opening.ask(lambda engine: expand(engine, question, settings))
        )
    except DouglasQuaidError as error:
        log.warning("%s: %s", type(error).__name__, harmless(str(error), most=500))
        return failed(_for_analysts(error), hovering=hovering)


def _for_analysts(error: DouglasQuaidError) -> str:
    """The reason in MISP's words; where the store is and what is wrong with it is for the administrator, in
    the log.
    """
    if isinstance(error, NoTime):
        return harmless(str(error), most=500)
    if isinstance(error, StoreTimeout):
        return "The feature store did not answer in time; ask again in a moment."
    if isinstance(error, StoreError | FormatError):
        return f"The feature store {'cannot be reached' if isinstance(error, StoreUnavailable) else 'has a problem'}; see the log of misp-modules."
    return harmless(
        str(error).replace("max_pixels", "max_megapixels").replace("max_bytes", "max_image_mb"), most=500
    )


class _Engines:
    """Engines by store and limits, opened by the first question and kept; the index is loaded behind the
    first answer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opening: dict[Config, _Opening] = {}

    def opening(self, settings: Settings) -> _Opening:
        config = Config.from_environment(
            store=settings.store, max_bytes=settings.max_bytes, max_pixels=settings.max_pixels
        )
        if config.store == Config().store and not has_default_store():
            raise ConfigError(
                "no feature store is named, and this user has none of its own; set “store” of this module to the URL that quaid misp sync fills"
            )
        with self._lock:
            if config not in self._opening and len(self._opening) >= MOST_STORES:
                self._opening = {
                    known: opening for known, opening in self._opening.items() if opening.is_open
                }  # mistyped ones leave no trace
            if config not in self._opening and len(self._opening) >= MOST_STORES:
                raise ConfigError(
                    f"this process serves {MOST_STORES} stores already; restart misp-modules after changing store or limits so often"
                )
            return self._opening.setdefault(config, _Opening(config))


class _Opening:
    """One engine, opened when it is first needed, and whether its store has fallen silent."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._silent = False

    @property
    def is_open(self) -> bool:
        return self._engine is not None

    def ask(self, work: Callable[[Engine], Answer]) -> Answer:
        """Raises StoreError. After a time-out the store is knocked at first, so that while it is away each
        request ends soon.
        """
        try:
            if self._silent and self._engine is not None:
                with time_limit(KNOCK_SECONDS):
                    self._engine.count()
            answered = work(self._ready())
        except StoreTimeout:
            self._silent = True
            raise
        self._silent = False
        return answered

    def _ready(self) -> Engine:
        """The next question tries again where this one fails."""
        left = seconds_left()
        if not self._lock.acquire(timeout=-1 if left is None else max(left, 0)):
            raise NoTime("the store is being opened by another request; ask again in a moment")
        try:
            if self._engine is None:
                import cv2

                cv2.setNumThreads(1)  # many pictures at once, each on its own thread
                self._engine = Engine.open(config=self._config, mend=False)
                threading.Thread(
                    target=self._load, args=(self._engine,), name="image-correlation-load", daemon=True
                ).start()
            return self._engine
        finally:
            self._lock.release()

    @staticmethod
    def _load(engine: Engine) -> None:
        """No request waits for a large index longer than its time; those that come meanwhile are told to ask
        again.

        What a crash left unlinked is linked here, too: that needs the index, and a request that waited for it
        would open the store in vain.
        """
        try:
            engine.load()
            engine.mend()
        except DouglasQuaidError as error:
            log.warning(
                "the index is brought up to date by the next enrichment instead: %s",
                harmless(str(error), most=500),
            )


_engines = _Engines()
