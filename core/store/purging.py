"""Letting the servers rewrite their files: until then, what was forgotten is still in an append-only file or
a snapshot.

Covers the files of the primary servers. Copies made elsewhere (files of replicas, backups) are the operator's
task.
"""

import time
from typing import Any

from ..errors import StoreError, StoreTimeout
from .connection import Connection
from .server_checks import server_facts

#: Maximum time in seconds for rewriting a file. chosen.
PURGE_SECONDS = 3600.0
#: Pause in seconds between two looks at the progress. chosen.
POLL_SECONDS = 0.02
#: How often a rewrite is requested again because the server had just begun one by itself. chosen.
ATTEMPTS = 5


def rewrite_files(connection: Connection) -> None:
    """Rewrite append-only files, and snapshots where servers write them; returns when that is done.

    Raises StoreError when a server fails to, StoreTimeout after PURGE_SECONDS.
    """
    facts = server_facts(connection)
    if any(fact.append_only for fact in facts):
        _run(connection, "BGREWRITEAOF", "aof_last_bgrewrite_status")
    if any(fact.snapshots or not fact.append_only for fact in facts):
        _run(connection, "BGSAVE", "rdb_last_bgsave_status")


def _run(connection: Connection, command: str, status: str) -> None:
    deadline = time.monotonic() + PURGE_SECONDS
    for attempt in range(ATTEMPTS):
        _wait(connection, deadline)  # a rewrite in progress began before the forgetting, so it does not count
        try:
            connection.everywhere(command)
            break
        except StoreError as error:
            if "in progress" not in str(error) or attempt == ATTEMPTS - 1:
                raise
    for info in _wait(connection, deadline):
        if info.get(status) != "ok":
            raise StoreError(
                f"the store at {connection.name} could not rewrite its file ({command} ended with"
                f" {info.get(status)}); see the server's log"
            )


def _wait(connection: Connection, deadline: float) -> list[dict[str, Any]]:
    """Wait until no server rewrites a file, and return what each says about its persistence."""
    running = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
    while True:
        infos: list[dict[str, Any]] = connection.everywhere("INFO", "persistence")
        if not any(info.get(name) for info in infos for name in running):
            return infos
        if time.monotonic() > deadline:
            raise StoreTimeout(
                f"the store at {connection.name} is still rewriting its files after {PURGE_SECONDS:g} s"
            )
        time.sleep(POLL_SECONDS)
