"""The two modules that run inside AIL.

    VisualCorrelation         subscribes to Images: images, and screenshots where AIL queues them
    VisualCorrelationCrawled  subscribes to Indexers: crawled items, whose screenshots AIL does not queue

Take a message off AIL's queue, carry out the work of process.py on its object, and do with the message what
delivery.py says. AIL's contract: bin/modules/abstract_module.py. An entry file in bin/modules imports this
one. AIL's packages are called `lib`, `modules`, `core`, so nothing of ours may be imported under such a name.
"""

from __future__ import annotations

import heapq
import os
import signal
import threading
import time
from datetime import datetime
from typing import Any

import redis
from xxhash import xxh3_64_hexdigest

from douglas_quaid.engine import Engine
from douglas_quaid.errors import ConfigError, FormatError, ImageError, StoreError

from .config import Settings
from .objects import TYPES, AilObject, BadObject, NoScreenshot
from .publishing.publisher import Publisher
from .runtime.ail_api import AilHost, AilSink, ail_object, day  # first, for it puts AIL_BIN on sys.path
from .runtime.dead_letters import bury
from .runtime.delivery import Delivered, Delivery, Died, Fate, ToldToEnd
from .runtime.feedback_loop import FeedbackLoop
from .runtime.gate import Gate
from .runtime.lost_messages import Orphan, Orphans
from .runtime.process import process
from .runtime.process_report import Meter

from lib import ail_queues  # type: ignore[import-not-found]  # isort: skip
from lib.ConfigLoader import ConfigLoader  # type: ignore[import-not-found]  # isort: skip
from modules.abstract_module import AbstractModule  # type: ignore[import-not-found]  # isort: skip

__all__ = ["AilHost", "AilSink", "VisualCorrelation", "VisualCorrelationCrawled"]


class _Module(AbstractModule):  # type: ignore[misc]
    """What both have in common."""

    #: Types of objects that AIL's ledger is searched for.
    kinds: tuple[str, ...]
    #: AIL's object of the message in work; None between messages, and run() then ends none.
    obj: Any
    #: Hash of that message in AIL's ledger.
    sha256_mess: Any

    def __init__(self) -> None:
        super().__init__()
        self.pending_seconds = 1
        if "Tags" not in self.get_available_queues():
            raise ConfigError(
                f"configs/modules.cfg, [{self.module_name}]: expected publish = Tags; `quaid ail install` writes this section"
            )
        config = ConfigLoader()
        self._settings = Settings.read(os.environ["AIL_HOME"])
        self._host, self._sink = AilHost(), AilSink(self.queue)
        self._queues = config.get_redis_conn("Redis_Queues")
        self._engine: Engine | None = None
        databases = {
            name: config.get_db_conn(name).ping
            for name in ("Kvrocks_Correlations", "Kvrocks_Duplicates", "Kvrocks_Tags", "Kvrocks_Objects")
        }
        knocks = {"the feature store": self._knock, "AIL's Redis_Queues": self._queues.ping}
        self._gate = Gate(
            knocks | {f"AIL's {name}": ping for name, ping in databases.items()},
            seconds=self._settings.gate_seconds,
            logger=self.logger,
        )
        longest_pause = self._settings.retry_seconds * self._settings.attempts
        self._orphans = Orphans(
            self._queues,
            config.get_redis_conn("Redis_Process"),
            module=self.module_name,
            pid=self.pid,
            kinds=self.kinds,
            grace=self._settings.grace_seconds + longest_pause,
            logger=self.logger,
        )
        self._later: list[tuple[float, str, str, str]] = []
        """Heap of what is tried again after a pause: when (monotonic), global id, hash, text."""
        self._warned, self._watch_next = False, 0.0

    def run(self) -> None:
        """Endless, also over a restart of AIL's servers; what was in work then is found in AIL's ledger. Ends
        for what no waiting would help.

        Told to end (SIGTERM, SIGHUP) it finishes the message in work first, and hands back those that it
        keeps for a later try.
        """
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: setattr(self, "proceed", False))
        while self.proceed:
            try:
                super().run()
                self._hand_back(float("inf"))
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

    def _knock(self) -> None:
        """Opens the store, or writes something small to it. Raises StoreError."""
        if self._engine is None:
            engine = Engine.open(config=self._settings.engine_config())
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
        self._engine.set_bookmark("ail:gate", "open")

    # -- before a message is taken ---------------------------------------------------------------------------

    def can_process_next_message(self) -> bool:
        if not self._gate.is_open():
            return False
        try:
            self._hand_back(time.monotonic())
            self._watch_queue()
            for orphan in self._orphans.due():
                self._recover(orphan)
            self._feedback.step()
        except (StoreError, redis.RedisError) as error:
            self.logger.warning(f"{self.module_name}: {type(error).__name__}: {error}")
            self._gate.doubt()
            return False
        except Exception:  # a mistake beside the work does not stop the work
            self.logger.exception(f"{self.module_name}: looking after lost messages and answers failed")
        return True

    def _watch_queue(self) -> None:
        """AIL's lists grow without a word."""
        if time.monotonic() < self._watch_next:
            return
        self._watch_next = time.monotonic() + self._settings.report_seconds
        waiting = self.queue.get_nb_messages()
        if waiting >= self._settings.warn_queue and not self._warned:
            self.logger.warning(
                f"{self.module_name}: {waiting:,} messages wait; start a second process, each takes messages of the same list"
            )
        self._warned = waiting >= self._settings.warn_queue

    def computeNone(self) -> None:
        self._meter.report(idle=True)

    def get_message(self) -> str | None:
        """As AbstractModule's, which whatever a wrong global id raises would leave, and end the process."""
        while True:
            self.obj = self.sha256_mess = None
            try:
                taken = self.queue.get_message()
            except UnicodeDecodeError as error:  # popped, and no text
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
        """A dead letter; False when it could not be kept, and the message is in the queue again."""
        assert self._engine is not None  # the gate opened it
        try:
            letter = bury(
                self._engine, gid=gid or message, message=message, module=self.module_name, error=error
            )
        except StoreError:
            self._gate.doubt()
            if gid:
                self._send_back(gid, str(name), message)
            else:
                self._queues.rpush(f"queue:{self.module_name}:in", message)
            return False
        self._meter.count("dead", 0.0)
        self.logger.warning(f"given up: {letter.reason}")
        if gid:
            self.queue.end_message(gid, name)
        return True

    # -- the message -----------------------------------------------------------------------------------------

    def compute(self, message: str | None) -> None:
        """What failed is on its way back when this returns, or a dead letter."""
        gid, name, text = self.obj.get_global_id(), self.sha256_mess, message or ""
        delivered = self._compute(gid, text)
        if delivered.fate not in (Fate.AGAIN, Fate.LATER):
            return
        self.obj = self.sha256_mess = None  # so that run() does not end it, whatever happens now
        if delivered.fate is Fate.AGAIN:
            self._send_back(gid, name, text)
        else:
            self._put_off(gid, name, text, self._settings.retry_seconds * delivered.attempts)

    def _compute(self, gid: str, message: str) -> Delivered:
        raise NotImplementedError

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
            self._delivery.done(gid)
            self.logger.debug(f"{gid}: {outcome.status}, {len(outcome.found)} similar")

        return self._delivery.carry_out(gid, message, work)

    # -- back to the queue -----------------------------------------------------------------------------------

    def _send_back(self, gid: str, name: str, message: str) -> None:
        """AIL's ledger loses sight of a message while AIL sends it back; it is entered beforehand, so that a
        crash loses nothing.
        """
        ail_queues.add_processed_obj(gid, name, queue=self.module_name)
        self.queue.send_back_message_to_queue(gid, name, message)

    def _put_off(self, gid: str, name: str, message: str, seconds: float) -> None:
        """Kept here until then, and in AIL's ledger as queued, where it counts as an orphan if this process
        dies meanwhile.
        """
        if seconds <= 0:
            self._send_back(gid, name, message)
            return
        ail_queues.add_processed_obj(gid, name, queue=self.module_name)
        self.queue.end_message(gid, name, resend=True)
        heapq.heappush(self._later, (time.monotonic() + seconds, gid, name, message))

    def _hand_back(self, due: float) -> None:
        """What was put off until then."""
        while self._later and self._later[0][0] <= due:
            _, gid, name, message = self._later[0]
            self._send_back(gid, name, message)
            heapq.heappop(self._later)

    def _recover(self, orphan: Orphan) -> None:
        """Back to the queue; one whose work had begun counts as a failure, and may become a dead letter."""
        gid, name = orphan.gid, orphan.hash
        if (
            orphan.popped
            and self._delivery.failed(gid, "", Died("the process that had it ended before it was done")).fate
            is Fate.DEAD
        ):
            self.queue.end_message(gid, name)
            return
        self._send_back(gid, name, "")
        if name != xxh3_64_hexdigest(
            f"{gid};"
        ):  # its text is lost, and with it the name by which AIL would take it out of the ledger
            ail_queues.end_processed_obj(gid, name, queue=self.module_name)


class VisualCorrelation(_Module):
    """Pictures that AIL queues."""

    kinds = TYPES

    def _compute(self, gid: str, message: str) -> Delivered:
        if self.obj.type not in TYPES:
            self.logger.debug(f"{gid[:120]}: no picture, left alone")
            return Delivered(Fate.DONE)
        return self._picture(gid, message, day(message))


class VisualCorrelationCrawled(_Module):
    """Screenshots of crawled items. AIL's crawler queues the item some milliseconds before it stores the
    screenshot, so a miss is asked for again.
    """

    kinds = ("item", *TYPES)

    def _compute(self, gid: str, message: str) -> Delivered:
        if self.obj.type in TYPES:  # a dead letter of ours that was queued again
            return self._picture(gid, message, day(message))
        if self.obj.type != "item" or not self.obj.is_crawled():
            return Delivered(Fate.DONE)
        try:
            names = sorted(
                name.partition(":")[2] for name in self.obj.get_correlation("screenshot")["screenshot"]
            )
            if not names:
                raise NoScreenshot(f"{gid}: AIL has no screenshot of this item yet")
            self._delivery.done(gid)
        except Exception as error:
            return self._delivery.failed(gid, message, error)
        crawled = day("".join(gid.split("/")[1:4]))  # of item::crawled/YYYY/MM/DD/...
        return max(
            (self._picture(f"screenshot::{name}", "", crawled) for name in names),
            key=lambda delivered: _PATIENCE[delivered.fate],
        )


#: What becomes of an item with several screenshots: what the one asks for that needs most.
_PATIENCE = {Fate.DONE: 0, Fate.DEAD: 0, Fate.LATER: 1, Fate.AGAIN: 2}
