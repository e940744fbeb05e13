"""Queues between modules (db 0) and the ledger of what is where (db 2), with AIL's key layout.

A queue is one list for each subscriber, so a publisher knows the subscribers of the moment it started. Taking a message removes it
from the list before any work is done; what tells of it then is only the ledger.
"""

from __future__ import annotations

import os
import time

import xxhash
from lib.ConfigLoader import ConfigLoader
from lib.exceptions import ModuleQueueError

config_loader = ConfigLoader()
r_queues = config_loader.get_redis_conn("Redis_Queues")
r_obj_process = config_loader.get_redis_conn("Redis_Process")
r_db = config_loader.get_db_conn("Kvrocks_DB")
MODULES_FILE = os.path.join(os.environ["AIL_HOME"], "configs", "modules.cfg")


def now():
    return int(time.time())


def ledger_hash(gid, text):
    """Of the whole message; None when there is no object, which the ledger never holds. Fails with xxhash 4, as AIL does."""
    return None if gid == "::" else xxhash.xxh3_64_hexdigest(text)


class AILQueue:
    """What one process of one module sends and takes."""

    def __init__(self, module_name, module_pid):
        self.name = module_name
        self.pid = module_pid
        self._set_subscriber()
        self._count()
        r_queues.sadd("modules", self.name)
        r_queues.hset(f"module:{self.name}", self.pid, -1)

    def _set_subscriber(self):
        modules = ConfigLoader(config_file=MODULES_FILE).cfg
        if self.name not in modules:
            raise ModuleQueueError(f"No section for the module {self.name} in configs/modules.cfg.")
        published = modules[self.name].get("publish")
        self.subscribers_modules = {
            queue: {name for name in modules.sections() if modules[name].get("subscribe") == queue} for queue in (published.split(",") if published else ())
        }

    def _count(self):
        r_queues.hset("queues", self.name, self.get_nb_messages())

    def _beat(self):
        self._count()
        r_queues.hset(f"module:{self.name}", self.pid, now())

    def start(self):
        r_queues.hset(f"module:start:{self.name}", self.pid, now())

    def get_out_queues(self):
        return list(self.subscribers_modules)

    def get_nb_messages(self):
        return r_queues.llen(f"queue:{self.name}:in")

    def get_message(self):
        """None, or (global id, hash, text); a message without ';' has neither id nor hash."""
        self._beat()
        message = r_queues.lpop(f"queue:{self.name}:in")
        if not message:
            return None
        gid, separator, text = message.partition(";")
        if not separator:
            return None, None, message
        m_hash = xxhash.xxh3_64_hexdigest(message)
        add_processed_obj(gid, m_hash, module=self.name)
        return gid, m_hash, text

    def send_message(self, obj_global_id, message="", queue_name=None):
        if not self.subscribers_modules:
            raise ModuleQueueError(f"{self.name} publishes no queue.")
        if not queue_name:
            if len(self.subscribers_modules) > 1:
                raise ModuleQueueError(f"{self.name} publishes several queues: one must be named.")
            queue_name = next(iter(self.subscribers_modules))
        if queue_name not in self.subscribers_modules:
            raise ModuleQueueError(f"{self.name} does not publish {queue_name}.")
        for module in self.subscribers_modules[queue_name]:
            self._send_message_to_module(module, obj_global_id, f"{obj_global_id};{message}")

    def send_back_message_to_queue(self, obj_gid, sha256_mess, message=""):
        """To the tail of our own list; the object stays in process."""
        end_processed_obj(obj_gid, sha256_mess, module=self.name, resend=True)
        self._send_message_to_module(self.name, obj_gid, f"{obj_gid};{message}")
        self._beat()

    def _send_message_to_module(self, module_name, gid, text):
        m_hash = ledger_hash(gid, text)
        if m_hash:
            add_processed_obj(gid, m_hash, queue=module_name)
        length = r_queues.rpush(f"queue:{module_name}:in", text)
        r_queues.hset("queues", module_name, length)

    def end_message(self, obj_global_id, m_hash, resend=False):
        end_processed_obj(obj_global_id, m_hash, module=self.name, resend=resend)

    def error(self):
        """Does nothing in AIL either: dead processes stay listed."""


def get_processed_objs_by_type(obj_type):
    return r_obj_process.zrange(f"objs:process:{obj_type}", 0, -1)


def get_processed_obj_modules(obj_global_id):
    return r_obj_process.zrange(f"obj:modules:{obj_global_id}", 0, -1)


def get_processed_obj_queues(obj_global_id):
    return r_obj_process.zrange(f"obj:queues:{obj_global_id}", 0, -1)


def get_processed_objs():
    return r_obj_process.smembers("objs:process")


def get_processed_end_objs():
    return r_obj_process.smembers("objs:processed")


def is_obj_in_process(obj_gid):
    return r_obj_process.sismember("objs:process", obj_gid)


def get_module_pids(name):
    return r_queues.hkeys(f"module:{name}")


def get_module_last_time(name, pid):
    return r_queues.hget(f"module:{name}", pid)


def get_module_start_time(name, pid):
    return r_queues.hget(f"module:start:{name}", pid)


def get_nb_queues_modules():
    return r_queues.hgetall("queues")


def add_processed_obj(obj_global_id, m_hash, module=None, queue=None):
    """Queued for a module, or taken by it."""
    if r_obj_process.sadd("objs:process", obj_global_id):
        r_obj_process.zadd(f"objs:process:{obj_global_id.split(':', 1)[0]}", {obj_global_id: now()})
    if queue:
        r_obj_process.zadd(f"obj:queues:{obj_global_id}", {f"{queue}:{m_hash}": now()})
    if module:
        r_obj_process.zadd(f"obj:modules:{obj_global_id}", {f"{module}:{m_hash}": now()})
        r_obj_process.zrem(f"obj:queues:{obj_global_id}", f"{module}:{m_hash}")


def end_processed_obj(obj_global_id, m_hash, module=None, queue=None, resend=False):
    """Done by a module; the object is done when nobody has it any more."""
    if queue:
        r_obj_process.zrem(f"obj:queues:{obj_global_id}", f"{queue}:{m_hash}")
    if not module:
        return
    r_obj_process.zrem(f"obj:modules:{obj_global_id}", f"{module}:{m_hash}")
    if not resend and not r_obj_process.exists(f"obj:queues:{obj_global_id}", f"obj:modules:{obj_global_id}"):
        r_obj_process.zrem(f"objs:process:{obj_global_id.split(':', 1)[0]}", obj_global_id)
        r_obj_process.srem("objs:process", obj_global_id)
        r_obj_process.sadd("objs:processed", obj_global_id)
