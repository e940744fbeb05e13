"""Locks that processes on any machine take by name, so that one at a time does something.

A lock is a key with an expiry time, which the server sets and removes in one step. It holds who took it: only
the owner removes it, and the lock of a process of this machine that has ended is taken over at once.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import ConfigError, StoreTimeout
from .connection import StorePart
from .keys import META, Command, as_bytes, as_text, key
from .owners import has_ended, new_owner
from .scripts import RELEASE_LOCK

#: Maximum length of a name in characters. chosen.
NAME_CHARACTERS = 256
#: Pause in seconds before a lock is tried again. chosen.
PAUSE_SECONDS = 0.01
#: Stands for the host of an owner that is reached through a service; no host has such a name.
ELSEWHERE = "(elsewhere)"


class Locks(StorePart):
    """The part of the store that keeps locks."""

    @contextmanager
    def hold(self, name: str, seconds: float, *, wait: float) -> Iterator[None]:
        """Hold the lock of this name while the block runs, but at most for `seconds`: after that somebody
        else may take it.

        Raises StoreTimeout if others hold it for `wait` seconds, ConfigError for a name or a time that does
        not fit.
        """
        mine = new_owner()
        self._take(name, mine, seconds, wait=wait)
        try:
            yield
        finally:
            self.release(name, mine)

    def take(self, name: str, seconds: float) -> str | None:
        """Take a lock for somebody on another machine, if it is free, and return a token for `release`; None
        while others hold it. Raises ConfigError as `hold`.
        """
        mine = f"{ELSEWHERE} 0 {secrets.token_hex(16)}"  # only time ends it: that process cannot be seen
        try:
            self._take(name, mine, seconds, wait=0.0)
        except StoreTimeout:
            return None
        return mine

    def release(self, name: str, owner: str) -> bool:
        """Give a lock back, and return whether it was still this owner's."""
        return bool(self.connection.ask(RELEASE_LOCK(META, as_bytes(name), owner)))

    def _take(self, name: str, mine: str, seconds: float, *, wait: float) -> None:
        if not 1 <= len(name) <= NAME_CHARACTERS or seconds < PAUSE_SECONDS:
            raise ConfigError(
                f"lock {name[:80]!r} for {seconds:g} s: expected a name of 1 to {NAME_CHARACTERS} characters"
                f" and at least {PAUSE_SECONDS:g} s"
            )
        lock = as_bytes(key(META, f"lock:{name}"))
        take = Command(META, "SET", lock, mine, "NX", "PX", round(seconds * 1000))
        give_up = time.monotonic() + wait
        while (owner := as_text(self.connection.run([take, Command(META, "GET", lock)])[1] or b"")) != mine:
            if has_ended(owner):
                self.connection.ask(RELEASE_LOCK(META, as_bytes(name), owner))
            elif time.monotonic() > give_up:
                raise StoreTimeout(f"lock {name!r} has been held by others for {wait:g} s; try again")
            else:
                time.sleep(PAUSE_SECONDS)
