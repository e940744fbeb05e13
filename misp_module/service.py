"""One request, one response in time: the request is parsed, answered by the engine on threads of this module,
and translated back.

misp-modules runs all modules on one small pool of threads and does not stop a thread whose time is up. So its
thread only waits here, never longer than the request allows; the threads of workers.py do the work.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from douglas_quaid import (
    Config,
    ConfigError,
    Correlator,
    DouglasQuaidError,
    Engine,
    FormatError,
    KeyRefused,
    NotAllowed,
    ServiceBusy,
    StoreError,
    StoreTimeout,
    StoreUnavailable,
    open_correlator,
    seconds_left,
    time_limit,
)
from douglas_quaid.store.embedded import has_default_store
from douglas_quaid.store_url import is_service

from .expand import expand
from .hover import hover
from .messages import ModuleRequest, Response, failure, is_hover
from .settings import Settings
from .text import harmless
from .workers import NoTime, Workers

log = logging.getLogger("misp-modules.image_correlation")

#: Maximum number of engines in one process, one for each combination of store and limits. chosen: a guard
#: against settings that change with every request.
MAX_STORES = 8

#: Seconds that a store which did not respond before is given to respond. chosen: a hundred times what it
#: takes.
PROBE_SECONDS = 0.25

#: Each decodes and compares one picture; more at once would only take memory.
_enrichments = Workers(max(2, os.cpu_count() or 2), "image-correlation")
#: Each waits for the store. A separate pool, so that a hover never waits for an enrichment. chosen.
_hovers = Workers(8, "image-correlation-hover")
#: Engines by store and limits, opened by the first request and kept.
_connections: dict[Config, _Connection] = {}
#: Held while a connection is added or removed.
_lock = threading.Lock()


def answer(request: Any) -> Response:
    """Return the response to what MISP posted.

    Raises none of our errors: ConfigError, ImageError and the others are logged, and returned as `error` with
    `results`, in a hover as a row of text too.
    """
    started = time.monotonic()
    hovering = is_hover(request)
    try:
        if not isinstance(request, Mapping):
            raise ConfigError(
                f"the request is a {type(request).__name__};"
                " expected an object with a module and an attribute"
            )
        settings = Settings.parse(request.get("config"))
        parsed = ModuleRequest.parse(request, max_seconds=settings.max_seconds)
        connection = _connection(settings)
        workers, work = (_hovers, hover) if parsed.hover else (_enrichments, expand)
        return workers.run(
            started + parsed.seconds, lambda: connection.ask(lambda engine: work(engine, parsed, settings))
        )
    except DouglasQuaidError as error:
        log.warning("%s: %s", type(error).__name__, harmless(str(error), limit=500))
        return failure(_for_analysts(error), hover=hovering)


def _for_analysts(error: DouglasQuaidError) -> str:
    """The reason in MISP's terms. Where the store is and what is wrong with it is only in the log."""
    if isinstance(error, StoreTimeout) and not isinstance(error, NoTime):
        return "The feature store did not answer in time; try again in a moment."
    if isinstance(error, ServiceBusy):
        return "The service is busy; try again in a moment."
    if isinstance(error, KeyRefused | NotAllowed):
        return "The service does not accept the key of this module; see the log of misp-modules."
    if isinstance(error, StoreError | FormatError) and not isinstance(error, NoTime):
        problem = "cannot be reached" if isinstance(error, StoreUnavailable) else "has a problem"
        return f"The feature store {problem}; see the log of misp-modules."
    text = str(error).replace("max_pixels", "max_megapixels").replace("max_bytes", "max_image_mb")
    return harmless(text, limit=500)


def _connection(settings: Settings) -> _Connection:
    """The connection for this store and these limits. Raises ConfigError for a store that is not allowed."""
    config = Config.from_environment(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
    if settings.store is not None:
        config = replace(config, store=config.requested_store(settings.store))
    if config.store == Config().store and not has_default_store():
        raise ConfigError(
            "no feature store is named, and this user has no embedded one; set DOUGLAS_QUAID_STORE in the"
            " environment of misp-modules to the URL that quaid misp sync uses"
        )
    with _lock:
        if config not in _connections and len(_connections) >= MAX_STORES:
            # Stores that could not be opened, such as mistyped ones, make room.
            for failed in [known for known, connection in _connections.items() if connection.engine is None]:
                del _connections[failed]
            if len(_connections) >= MAX_STORES:
                raise ConfigError(
                    f"this process serves {MAX_STORES} stores already; restart misp-modules"
                    " after changing store or limits so often"
                )
        return _connections.setdefault(config, _Connection(config))


class _Connection:
    """One engine, opened when it is first needed, and whether its store has stopped responding."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        #: None until it is opened.
        self.engine: Correlator | None = None
        self._silent = False

    def ask(self, work: Callable[[Correlator], Response]) -> Response:
        """Run `work` with the engine.

        After a time-out the store is probed first, so that requests end soon while it is away.
        """
        try:
            if self._silent and self.engine is not None:
                with time_limit(PROBE_SECONDS):
                    self.engine.count()
            response = work(self._open())
        except StoreTimeout:
            self._silent = True
            raise
        self._silent = False
        return response

    def _open(self) -> Correlator:
        """The engine. If it cannot be opened now, the next request tries again."""
        left = seconds_left() or 0  # `Workers` always sets a limit
        if not self._lock.acquire(timeout=max(left, 0)):
            raise NoTime("the store is being opened by another request; try again in a moment")
        try:
            if self.engine is None:
                self.engine = self._opened()
            return self.engine
        finally:
            self._lock.release()

    def _opened(self) -> Correlator:
        """What answers at the URL: a service, which keeps its own index, or an engine, which loads one."""
        if is_service(self._config.store):
            return open_correlator(config=self._config)
        import cv2

        cv2.setNumThreads(1)  # many pictures at once, each on its own thread
        engine = Engine.open(config=self._config, mend=False)
        threading.Thread(
            target=self._load, args=(engine,), name="image-correlation-load", daemon=True
        ).start()
        return engine

    @staticmethod
    def _load(engine: Engine) -> None:
        """Load the index in the background, because that may take longer than a request has.

        Images that a crash left unlinked are linked here too, which needs the index.
        """
        try:
            engine.load()
            engine.mend()
        except DouglasQuaidError as error:
            log.warning(
                "the index could not be loaded, so the next enrichment loads it: %s",
                harmless(str(error), limit=500),
            )
