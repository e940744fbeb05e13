"""Bookmarks: small notes of an adapter about how far it has read elsewhere, kept with what it has read."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import ConfigError
from .connection import StorePart
from .keys import META, SCAN_COUNT, as_bytes, as_text, key, starting_with
from .scripts import Command

#: Longest name. chosen.
NAME_CHARACTERS = 256
#: Longest text, in bytes of UTF-8. chosen: a place in a listing, never the listing.
TEXT_BYTES = 1 << 20


class Bookmarks(StorePart):
    """The part of the store that is about bookmarks."""

    def bookmark(self, name: str) -> str | None:
        """The text under a name; None when there is none."""
        found = self.connection.ask(Command(META, "HGET", key(META, "bookmarks"), _name(name)))
        return None if found is None else as_text(found)

    def bookmarks(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Names that start with `prefix` and their texts, each at least once, in no order; what changes
        meanwhile may be missing or there.
        """
        cursor = -1
        while cursor:
            cursor, found = self.connection.ask(
                Command(
                    META,
                    "HSCAN",
                    key(META, "bookmarks"),
                    max(cursor, 0),
                    "MATCH",
                    starting_with(prefix),
                    "COUNT",
                    SCAN_COUNT,
                )
            )
            for name, text in found.items():
                yield as_text(name), as_text(text)

    def set_bookmark(self, name: str, text: str | None, *, unless_there: bool = False) -> bool:
        """Keep a text under a name in place of the one before; None removes it. Raises ConfigError when one
        of them is too long.

        `unless_there`: only if there is none, so that of many who try one succeeds. Says whether something
        was written or removed.
        """
        if text is None:
            if unless_there:
                raise ConfigError(f"bookmark {name[:80]!r}: nothing to write unless it is there")
            return bool(self.connection.ask(Command(META, "HDEL", key(META, "bookmarks"), _name(name))))
        value = as_bytes(text)
        if len(value) > TEXT_BYTES:
            raise ConfigError(
                f"bookmark {name[:80]!r}: a text of {len(value)} bytes; at most {TEXT_BYTES} are kept"
            )
        if unless_there:
            return bool(
                self.connection.ask(Command(META, "HSETNX", key(META, "bookmarks"), _name(name), value))
            )
        self.connection.ask(Command(META, "HSET", key(META, "bookmarks"), _name(name), value))
        return True


def _name(name: str) -> bytes:
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise ConfigError(
            f"bookmark {name[:80]!r}: expected a name of 1 to {NAME_CHARACTERS} characters, not {len(name)}"
        )
    return as_bytes(name)
