"""AIL's own functions for a command, which is not a module of AIL: a `Sink` in a process that AIL does not
list.

Loads AIL's code, so it works in AIL's interpreter (AILENV/bin/quaid) only.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from douglas_quaid import ConfigError, StoreUnavailable

from ..checkout.working_tree import MODULES_CFG, Checkout
from ..publishing.apply import Sink
from ..servers import AilServers


class MessagePublisher:
    """Stands in for an AILQueue, which would list this process among those of a module."""

    def __init__(self, home: Path, servers: AilServers) -> None:
        self._servers = servers
        self._modules = Checkout(home).parsed(MODULES_CFG)

    def send_message(self, gid: str, message: str, queue: str) -> None:
        """Send a message to all modules that subscribe to a queue. Raises StoreUnavailable."""
        for name in self._modules.sections():
            if self._modules.get(name, "subscribe", fallback="") == queue:
                self._servers.push(name, [f"{gid};{message}"])


def open_sink(home: Path, servers: AilServers) -> Sink:
    """Return AIL's own functions. Raises ConfigError if AIL's code cannot be loaded here."""
    folders = {"AIL_HOME": home, "AIL_BIN": home / "bin", "AIL_FLASK": home / "var" / "www"}
    os.environ.update({name: f"{path}/" for name, path in folders.items()})
    try:
        from ..runtime.ail_api import AilSink
    except ImportError as error:
        raise ConfigError(
            f"AIL's code cannot be loaded here ({error}); run this with AIL's interpreter: "
            f"{home}/AILENV/bin/quaid ail ..."
        ) from None
    return AilSink(MessagePublisher(home, servers))


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate failures of AIL's servers: a block that uses AIL's functions raises StoreUnavailable."""
    try:
        yield
    except redis.RedisError as error:
        raise StoreUnavailable(
            f"a server of AIL: {error}; is AIL running? Run this again when it is: nothing is done twice"
        ) from None
