"""Bookmarks: small notes of an adapter about how far it has read elsewhere, kept with what it has read."""

from __future__ import annotations

from ..errors import ConfigError
from .connection import StorePart
from .keys import META, as_bytes, as_text, key
from .scripts import Command

NAME_CHARACTERS = 256
"""Longest name. chosen."""
TEXT_BYTES = 1 << 20
"""Longest text, in bytes of UTF-8. chosen: a place in a listing, never the listing."""


class Bookmarks(StorePart):
    """The part of the store that is about bookmarks."""

    def bookmark(self, name: str) -> str | None:
        """The text under a name; None when there is none."""
        found = self.connection.ask(Command(META, "HGET", key(META, "bookmarks"), _name(name)))
        return None if found is None else as_text(found)

    def set_bookmark(self, name: str, text: str | None) -> None:
        """Keep a text under a name in place of the one before; None removes it. Raises ConfigError when one of them is too long."""
        if text is None:
            self.connection.ask(Command(META, "HDEL", key(META, "bookmarks"), _name(name)))
            return
        value = as_bytes(text)
        if len(value) > TEXT_BYTES:
            raise ConfigError(f"bookmark {name[:80]!r}: a text of {len(value)} bytes; at most {TEXT_BYTES} are kept")
        self.connection.ask(Command(META, "HSET", key(META, "bookmarks"), _name(name), value))


def _name(name: str) -> bytes:
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise ConfigError(f"bookmark {name[:80]!r}: expected a name of 1 to {NAME_CHARACTERS} characters, not {len(name)}")
    return as_bytes(name)
