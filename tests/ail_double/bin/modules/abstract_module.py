# ruff: noqa: B027 - modules override these or not, as they like
"""What every module is derived from. A message is gone from its list before `compute` sees it, and stays gone when `compute` fails."""

from __future__ import annotations

import logging
import logging.config
import os
import sys
import time
import traceback
from abc import ABC, abstractmethod

sys.path.append(os.environ["AIL_BIN"])
from lib import ail_logger
from lib.ail_queues import AILQueue
from lib.exceptions import ModuleQueueError
from lib.objects.ail_objects import get_obj_from_global_id

logging.config.dictConfig(ail_logger.get_config(name="modules"))


class AbstractModule(ABC):
    """One process; the class's name is its section of modules.cfg."""

    def __init__(self, module_name=None, queue=True):
        self.logger = logging.getLogger(type(self).__name__)
        self.module_name = module_name or self._module_name()
        self.pid = os.getpid()
        if queue:
            self.queue = AILQueue(self.module_name, self.pid)
            self._let_go()
        self.proceed = True
        self.pending_seconds = 10
        self.debug = False
        if queue:
            self.queue.start()

    def _module_name(self):
        return type(self).__name__

    def _let_go(self):
        self.obj = None
        self.sha256_mess = None

    def get_obj(self):
        return self.obj

    def get_message(self):
        """The text of the next message; its object in self.obj. Whatever a wrong id raises leaves run()."""
        taken = self.queue.get_message()
        self._let_go()
        if not taken:
            return None
        gid, m_hash, text = taken
        if gid:
            self.sha256_mess = m_hash
            self.obj = get_obj_from_global_id(gid)
        return text

    def add_message_to_queue(self, obj=None, message="", queue=None):
        obj = obj or self.obj
        self.queue.send_message(obj.get_global_id() if obj else "::", message, queue)

    def send_back_message_to_queue(self, message=""):
        self.queue.send_back_message_to_queue(self.obj.get_global_id(), self.sha256_mess, message=message)
        self._let_go()

    def get_available_queues(self):
        return self.queue.get_out_queues()

    def run(self):
        while self.proceed:
            if not self.can_process_next_message():
                time.sleep(self.pending_seconds)
                continue
            message = self.get_message()
            if message or self.obj:
                try:
                    self.compute(message)
                except Exception as error:
                    if self.debug:
                        raise
                    self._complain(message, error)
                    if isinstance(error, ModuleQueueError):
                        raise
                if self.obj:
                    self.queue.end_message(self.obj.get_global_id(), self.sha256_mess)
                    self._let_go()
            else:
                self.computeNone()
                time.sleep(self.pending_seconds)

    def _complain(self, message, error):
        if message:
            self.logger.critical(f"Module {self.module_name} input message: {message}")
        if self.obj:
            self.logger.critical(f"{self.module_name} Obj: {self.obj.get_global_id()}")
        self.logger.critical("".join(traceback.format_tb(error.__traceback__)))
        self.logger.critical(f"Error in module {self.module_name}: {__name__} : {error}")

    @abstractmethod
    def compute(self, message):
        """The work on one message."""

    def can_process_next_message(self):
        """Asked before a message is taken; False leaves it where it is."""
        return True

    def compute_manual(self, obj, message=None):
        self.obj = obj
        return self.compute(message)

    def computeNone(self):
        """Called when there is no message."""
