"""What kind of server this is. It is refused when it is too old, when it evicts, or when it does not persist.

A Redis that drops keys when memory is full, or at a restart, loses images silently; it is accepted only when
the operator insists (`volatile_store`). Servers that forbid CONFIG are judged by INFO; what INFO does not
say is logged.
"""

import logging
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, NotAllowed, StoreError
from .connection import Connection

#: Oldest version of Redis that works. spec: Redis 6.2 brought ZADD GT; that and script effects replication
#: are used.
OLDEST = (6, 2)

#: What a power cut and a kill cost. With `everysec` a kill is enough: writes wait during a sync.
_LOSSES = {
    "always": "fsync always: a power cut or a killed server loses nothing that was acknowledged",
    "everysec": "fsync everysec: a power cut or a killed server loses the last second or two",
    "no": "fsync no: a killed server loses nothing, a power cut what the system had not written, some 30 s",
    "watcher": "synced every second: a killed server loses nothing, a power cut the last second or two",
}
_UNKNOWN_LOSS = (
    "fsync unknown, since CONFIG GET is not allowed: a power cut or a killed server loses an unknown part"
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """One primary server, as it describes itself."""

    #: redis, valkey or kvrocks.
    name: str
    #: Its version; empty when the user may not run INFO, which leaves the rest unknown too.
    version: str
    #: Memory in bytes.
    used_memory: int
    #: Whether it drops keys when memory is full.
    evicts: bool
    #: Whether it has an append-only file.
    append_only: bool
    #: How that file is synced to the disk: always, everysec, no, or watcher (embedded_watcher.py); empty when
    #: it does not say or has none.
    fsync: str
    #: Whether it writes snapshots by itself; None when it does not say.
    snapshots: bool | None

    @property
    def persistence(self) -> str:
        """What a power cut or a killed server would cost, for a person to read."""
        if self.append_only:
            return f"append-only file, {_LOSSES.get(self.fsync, _UNKNOWN_LOSS)}"
        if self.snapshots:
            return "snapshots only: a power cut or a killed server loses everything since the last one"
        return (
            "unknown: the server does not say"
            if self.snapshots is None
            else "none: a restart loses everything"
        )


def server_facts(connection: Connection) -> list[ServerFacts]:
    """Return the facts of every primary server."""
    synced = connection.synced_by_watcher
    try:
        infos = connection.everywhere("INFO")
    except NotAllowed:
        infos = [{}]
    try:
        settings = connection.everywhere("CONFIG GET", "*")
    except (StoreError, ConfigError):  # renamed, forbidden or unknown
        settings = [{} for _ in infos]
    return [_facts(info, setting, synced) for info, setting in zip(infos, settings, strict=True)]


def check_servers(connection: Connection, *, volatile_allowed: bool) -> None:
    """Check that every server can keep images; `volatile_allowed`: one that may lose them is accepted.

    Raises ConfigError, with the remedy, for a server that cannot, NotAllowed for a user who may not ask it.
    """
    for facts in server_facts(connection):
        insist = "or set DOUGLAS_QUAID_VOLATILE_STORE=1 to accept the loss"
        if not facts.version:
            if volatile_allowed:
                continue
            raise NotAllowed(
                f"the user of the store at {connection.name} may not run INFO, so it is unknown whether the"
                f" server evicts keys or does not persist; grant it with ACL SETUSER ... +info, {insist}"
            )
        if tuple(int(part) for part in facts.version.split(".")[:2]) < OLDEST:
            raise ConfigError(
                f"the store at {connection.name} is {facts.name} {facts.version};"
                f" Redis {OLDEST[0]}.{OLDEST[1]} or newer, or Valkey, is needed"
            )
        if volatile_allowed:
            continue
        if facts.evicts:
            raise ConfigError(
                f"the store at {connection.name} evicts keys when memory is full, which would remove images;"
                f" set maxmemory-policy noeviction, {insist}"
            )
        if not facts.append_only and facts.snapshots is False:
            raise ConfigError(
                f"the store at {connection.name} does not persist: a restart would lose every image;"
                f" set appendonly yes, {insist}"
            )
        if not facts.append_only and facts.snapshots is None:
            _log.warning(
                "the store at %s has no append-only file and does not say whether it writes snapshots",
                connection.name,
            )


def _facts(info: dict[str, Any], settings: dict[str, str], synced_by_watcher: bool) -> ServerFacts:
    kvrocks = "kvrocks_version" in info
    fsync = "everysec" if kvrocks else settings.get("appendfsync", "") if info.get("aof_enabled") else ""
    limit = int(settings.get("maxmemory") or info.get("maxmemory") or 0)
    policy = settings.get("maxmemory-policy") or str(info.get("maxmemory_policy", "noeviction"))
    return ServerFacts(
        name="kvrocks" if kvrocks else str(info.get("server_name", "redis")) if info else "unknown server",
        version=str(info.get("valkey_version") or info.get("redis_version", "")),
        used_memory=int(info.get("used_memory", 0)),
        evicts=limit > 0 and policy.startswith("allkeys"),
        append_only=kvrocks or bool(info.get("aof_enabled")),
        fsync="watcher" if synced_by_watcher else fsync,
        snapshots=bool(settings["save"]) if "save" in settings else None,
    )
