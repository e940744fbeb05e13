"""AIL's own functions for a command, which is no module of AIL: the `Sink` of the modules, in a process that
is on no list of AIL's.

Takes the folder of AIL, gives a `Sink`. Loads AIL's code, so it runs in AIL's interpreter (AILENV/bin/quaid)
only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from pathlib import Path

from douglas_quaid.errors import ConfigError, StoreUnavailable

from ..checkout.working_tree import MODULES_CFG
from ..publishing.apply import Sink
from ..servers import AilServers


class Publisher:
    """In place of an AILQueue, which would enter this process among the module's."""

    def __init__(self, home: Path, servers: AilServers) -> None:
        self._modules, self._servers = RawConfigParser(), servers
        self._modules.read(home / MODULES_CFG)

    def send_message(self, gid: str, message: str, queue: str) -> None:
        self._servers.publish(self._modules, queue, f"{gid};{message}")


def open_sink(home: Path, servers: AilServers) -> Sink:
    """Raises ConfigError when AIL's code cannot be loaded here."""
    places = {"AIL_HOME": home, "AIL_BIN": home / "bin", "AIL_FLASK": home / "var" / "www"}
    os.environ.update({name: f"{path}/" for name, path in places.items()})
    try:
        from ..runtime.ail_api import AilSink
    except ImportError as error:
        raise ConfigError(
            f"AIL's code cannot be loaded here ({error}); run this with AIL's interpreter: {home}/AILENV/bin/quaid ail ..."
        ) from None
    return AilSink(Publisher(home, servers))


@contextmanager
def in_words() -> Iterator[None]:
    """What AIL's servers do wrong while its functions use them leaves as StoreUnavailable."""
    import redis

    try:
        yield
    except redis.RedisError as error:
        raise StoreUnavailable(
            f"a server of AIL: {error}; is AIL running? Run this again when it is: what is done already is not done twice"
        ) from None
