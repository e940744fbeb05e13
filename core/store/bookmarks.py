"""Bookmarks: short texts of an adapter, such as how far it has read in another system."""

from collections.abc import Iterator

from ..errors import ConfigError
from .connection import StorePart
from .keys import META, as_bytes, as_text, on_meta
from .scripts import COUNTED_FIELD

#: Maximum length of a name in characters. chosen.
NAME_CHARACTERS = 256
#: Maximum length of a text in bytes of UTF-8. chosen: a position in a listing, never the listing.
TEXT_BYTES = 1 << 20


class Bookmarks(StorePart):
    """The part of the store that keeps bookmarks."""

    def get(self, name: str) -> str | None:
        """Return the text under a name; None when there is none. Raises ConfigError for a name of the wrong
        length.
        """
        found = self.connection.ask(on_meta("HGET", "bookmarks", _name(name)))
        return None if found is None else as_text(found)

    def starting_with(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield the names that start with `prefix`, with their texts: each at least once, in no order. What
        changes meanwhile may be missing or included.
        """
        for name, text in self.connection.scan(META, "bookmarks", prefix):
            yield as_text(name), as_text(text)

    def set(self, name: str, text: str | None, *, unless_there: bool = False) -> bool:
        """Replace the text under a name; None removes it. Returns whether anything was written or removed.

        `unless_there`: write only if there is none, so that one of several processes succeeds. Raises
        ConfigError when the name or the text is too long.
        """
        if text is None:
            if unless_there:
                raise ConfigError(f"bookmark {name[:80]!r}: unless_there needs a text to write")
            return bool(self.connection.ask(COUNTED_FIELD(META, "remove", "bookmarks", _name(name))))
        value = as_bytes(text)
        if len(value) > TEXT_BYTES:
            raise ConfigError(
                f"bookmark {name[:80]!r}: a text of {len(value)} bytes; at most {TEXT_BYTES} are kept"
            )
        step = "new" if unless_there else "set"
        written = self.connection.ask(COUNTED_FIELD(META, step, "bookmarks", _name(name), value))
        return bool(written) or not unless_there


def _name(name: str) -> bytes:
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise ConfigError(
            f"bookmark {name[:80]!r}: expected a name of 1 to {NAME_CHARACTERS} characters, not {len(name)}"
        )
    return as_bytes(name)
