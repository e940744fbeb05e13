"""The two modules that run inside AIL.

    VisualCorrelation         subscribes to Images: images, and screenshots if AIL queues them
    VisualCorrelationCrawled  subscribes to Indexers: crawled items, whose screenshots AIL does not queue

A module takes a message off AIL's queue, does the work of runtime/process.py on its object, and does with the
message what runtime/delivery.py says. AIL's contract is bin/modules/abstract_module.py; an entry file in
bin/modules imports this one. AIL's own packages are called `lib`, `modules` and `core`, so nothing of ours
may be imported under such a name.
"""

import os
import signal
import threading
import time
from datetime import datetime
from typing import Any

import redis

from douglas_quaid import ConfigError, Correlator, FormatError, ImageError, StoreError, open_correlator

from .config import Locations, Settings
from .objects import TYPES, AilObject, BadObject, NoScreenshot
from .publishing.passes import FeedbackLoop
from .publishing.publisher import Publisher
from .runtime.ail_api import AilHost, AilSink, ReturnedMessages, ail_object, day  # puts AIL_BIN on sys.path
from .runtime.delivery import Delivered, Delivery, Died, Fate, Gate, ToldToEnd, probe_store
from .runtime.lost_messages import LostMessages
from .runtime.monitoring import Meter, forget_failures
from .runtime.process import process
from .servers import AilServers, LedgerEntry

from lib.ConfigLoader import ConfigLoader  # type: ignore[import-not-found]  # isort: skip
from modules.abstract_module import AbstractModule  # type: ignore[import-not-found]  # isort: skip

__all__ = ["AilHost", "AilSink", "VisualCorrelation", "VisualCorrelationCrawled"]


class VisualCorrelation(AbstractModule):  # type: ignore[misc]
    """Works on the pictures that AIL queues."""

    #: Types of objects that AIL's ledger is searched for.
    kinds: tuple[str, ...] = TYPES
    #: AIL's object of the message in work. If it is None, run() ends no message.
    obj: Any
    #: Hash of that message in AIL's ledger.
    sha256_mess: Any

    def __init__(self) -> None:
        super().__init__()
        self.pending_seconds = 1
        if "Tags" not in self.get_available_queues():
            raise ConfigError(
                f"configs/modules.cfg, [{self.module_name}]: expected publish = Tags; `quaid ail install` "
                "writes this section"
            )
        config = ConfigLoader()
        self._settings = Settings.read(os.environ["AIL_HOME"])
        self._host, self._sink = AilHost(), AilSink(self.queue)
        self._queues = config.get_redis_conn("Redis_Queues")
        self._engine: Correlator | None = None
        locations = Locations.read(os.environ["AIL_HOME"])
        probes = {
            "the feature store": self._probe_store,
            "AIL's Redis_Queues": self._queues.ping,
            **{
                f"AIL's {server.section}": config.get_db_conn(server.section).ping
                for server in locations.databases
            },
        }
        self._gate = Gate(probes, seconds=self._settings.gate_seconds, logger=self.logger)
        self._returned = ReturnedMessages(self.queue, self.module_name)
        self._lost = LostMessages(
            AilServers(locations),
            module=self.module_name,
            pid=self.pid,
            kinds=self.kinds,
            grace=self._settings.lost_seconds,
            logger=self.logger,
        )
        self._warned, self._watch_next = False, 0.0

    def run(self) -> None:
        """Work without end, also over a restart of AIL's servers: what was in work then is found in AIL's
        ledger. Raises SystemExit for what no waiting would help.

        Told to end (SIGTERM, SIGHUP), the module finishes the message in work, and hands back those that it
        keeps for a later attempt.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: setattr(self, "proceed", False))
        while self.proceed:
            try:
                super().run()
                self._returned.hand_back(everything=True)
            except redis.RedisError as error:
                self.logger.warning(f"{self.module_name}: AIL's servers fail: {error}")
                self.obj = self.sha256_mess = None
                self._gate.doubt()
                time.sleep(self.pending_seconds)
            except (ConfigError, FormatError) as error:
                self.logger.critical(f"{self.module_name} ends: {error}")
                raise SystemExit(1) from None
        if self._engine is not None:
            self._meter.report(now=True)
            self._engine.close()

    def _probe_store(self) -> None:
        """Open the store, or write something small to it. Raises StoreError."""
        if self._engine is None:
            engine = open_correlator(config=self._settings.engine_config())
            try:
                images = engine.load()
                self._meter = Meter(engine, self.module_name, report_seconds=self._settings.report_seconds)
                self._meter.clear_old()
            except StoreError:
                engine.close()
                raise
            self._publisher = Publisher(engine, self._sink, self._settings)
            self._feedback = FeedbackLoop(engine, self._sink, self._settings, self.logger)
            self._delivery = Delivery(
                engine,
                self._gate,
                self._meter,
                module=self.module_name,
                attempts=self._settings.attempts,
                logger=self.logger,
            )
            self._engine = engine
            self.logger.info(f"{self.module_name}: {images:,} images in the store")
        probe_store(self._engine)

    # -- before a message is taken ---------------------------------------------------------------------------

    def can_process_next_message(self) -> bool:
        """Return whether AIL may pop a message. Looks after lost messages and answers on the way."""
        if not self._gate.is_open():
            return False
        try:
            self._returned.hand_back()
            self._watch_queue()
            for lost in self._lost.due():
                self._recover(lost)
            self._feedback.step(self._is_idle)
        except (StoreError, redis.RedisError) as error:
            self.logger.warning(f"{self.module_name}: {type(error).__name__}: {error}")
            self._gate.doubt()
            return False
        except Exception:  # a fault beside the work does not stop the work
            self.logger.exception(f"{self.module_name}: looking after lost messages and answers failed")
        return True

    def _watch_queue(self) -> None:
        """Warn if the queue grows, because AIL does not."""
        if time.monotonic() < self._watch_next:
            return
        self._watch_next = time.monotonic() + self._settings.report_seconds
        waiting = self.queue.get_nb_messages()
        if waiting >= self._settings.warn_queue and not self._warned:
            self.logger.warning(
                f"{self.module_name}: {waiting:,} messages wait; start a second process: both take messages "
                "of the same list"
            )
        self._warned = waiting >= self._settings.warn_queue

    def _is_idle(self) -> bool:
        """Whether no message waits, and nobody told this process to end."""
        return self.proceed and not self.queue.get_nb_messages()

    def _recover(self, lost: LedgerEntry) -> None:
        """Queue a lost message again. If the work on it had begun, it counts as a failed attempt, and may
        become a dead letter.
        """
        died = Died("the process that had it ended before it was done")
        if lost.popped and self._delivery.failed(lost.gid, "", died).fate is Fate.DEAD:
            self.queue.end_message(lost.gid, lost.hash)
        else:
            self._returned.recover(lost.gid, lost.hash)

    def computeNone(self) -> None:
        """Report while there is nothing to do."""
        self._meter.report(idle=True)

    def get_message(self) -> str | None:
        """Return the text of the next message; None if there is none. A malformed message, which would end
        AIL's own modules, becomes a dead letter.
        """
        while True:
            self.obj = self.sha256_mess = None
            try:
                taken = self.queue.get_message()
            except UnicodeDecodeError as error:  # it was popped
                taken = None, None, repr(bytes(error.object))
            if not taken:
                return None
            gid, name, message = taken
            try:
                if not gid:
                    raise BadObject(f"{message[:120]!r}: expected <global id>;<text>")
                self.obj, self.sha256_mess = ail_object(gid), name
                return str(message)
            except BadObject as error:
                if not self._refuse(gid, name, message, error):
                    return None

    def _refuse(self, gid: str | None, name: str | None, message: str, error: BadObject) -> bool:
        """Make a message a dead letter. Return False if that failed and it is in the queue again."""
        if self._delivery.failed(gid or message, message, error).fate is Fate.DEAD:
            self._meter.count(dead=1)
            if gid:
                self.queue.end_message(gid, name)
            return True
        if gid:
            self._returned.send_back(gid, str(name), message)
        else:
            self._queues.rpush(f"queue:{self.module_name}:in", message)
        return False

    # -- the message -----------------------------------------------------------------------------------------

    def compute(self, message: str | None) -> None:
        """Do the work on the current object. A message that failed is returned to the queue or made a dead
        letter.
        """
        gid, name, text = self.obj.get_global_id(), self.sha256_mess, message or ""
        delivered = self._compute(gid, text)
        if delivered.fate in (Fate.AGAIN, Fate.LATER):
            self.obj = self.sha256_mess = None  # run() does not end it, whatever happens now
        if delivered.fate is Fate.AGAIN:
            self._returned.send_back(gid, name, text)
        elif delivered.fate is Fate.LATER:
            self._returned.put_off(gid, name, text, self._settings.retry_seconds * delivered.attempts)

    def _compute(self, gid: str, message: str) -> Delivered:
        if self.obj.type not in TYPES:
            self.logger.debug(f"{gid[:120]}: not a picture, ignored")
            return Delivered(Fate.DONE)
        return self._picture(gid, message, day(message))

    def _picture(self, gid: str, message: str, seen: datetime | None) -> Delivered:
        def work() -> None:
            assert self._engine is not None  # the gate opened it
            try:
                outcome = process(
                    self._engine,
                    AilObject.parse(gid),
                    self._host,
                    self._publisher,
                    settings=self._settings,
                    seen=seen,
                )
            except ImageError as error:
                raise error if self.proceed else ToldToEnd(str(error)) from None
            forget_failures(self._engine, gid)
            self.logger.debug(f"{gid}: {outcome.status}, {len(outcome.found)} similar")

        return self._delivery.attempt(gid, message, work)


class VisualCorrelationCrawled(VisualCorrelation):
    """Works in the same way on the screenshots of crawled items. AIL's crawler queues the item some
    milliseconds before it stores the screenshot, so a missing one is looked for again.
    """

    #: Items, and pictures that were queued again.
    kinds = ("item", *TYPES)

    def _compute(self, gid: str, message: str) -> Delivered:
        if self.obj.type != "item":  # a picture: a dead letter that was queued again
            return super()._compute(gid, message)
        if not self.obj.is_crawled():
            return Delivered(Fate.DONE)
        try:
            names = sorted(
                name.partition(":")[2] for name in self.obj.get_correlation("screenshot")["screenshot"]
            )
            if not names:
                raise NoScreenshot(f"{gid}: AIL has no screenshot of this item yet")
            assert self._engine is not None  # the gate opened it
            forget_failures(self._engine, gid)
        except Exception as error:
            return self._delivery.failed(gid, message, error)
        crawled = day("".join(gid.split("/")[1:4]))  # of item::crawled/YYYY/MM/DD/...
        return max(
            (self._picture(f"screenshot::{name}", "", crawled) for name in names),
            key=lambda delivered: _URGENCY[delivered.fate],
        )


#: Of several screenshots of one item, the one with the highest number decides about the item's message.
_URGENCY = {Fate.DONE: 0, Fate.DEAD: 0, Fate.LATER: 1, Fate.AGAIN: 2}
