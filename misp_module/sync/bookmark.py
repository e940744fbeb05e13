"""The state of the sync, kept in the feature store: how far a MISP was read, what to request again, and what
is done.

A bookmark belongs to one MISP and one set of filters, and moves only after a complete pass. A `PersistentSet`
remembers single items, such as attributes that are not pictures, as short hashes in 16 shards, so that a
hundred thousand of them stay small.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from douglas_quaid import Correlator

#: Maximum number of attributes that a bookmark keeps for another try; with more of them the pass is repeated.
#: chosen: 500 KB.
MAX_WAITING = 10_000
#: Maximum number of items in a shard, of 12 bytes each. spec: a bookmark of the store holds 1 MiB.
MAX_SHARD = 80_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """How far a MISP was read."""

    #: Seconds on MISP's clock; the next pass reads what changed since then.
    after: int = 0
    #: Attributes (UUIDs) that MISP or the store could not handle, each with the number of passes that tried.
    waiting: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, engine: Correlator, name: str) -> Bookmark:
        """Return the bookmark of this name.

        If there is none, or it cannot be read, it is one at the beginning, so that everything is read again.
        """
        try:
            fields = json.loads(engine.bookmark(name) or "{}")
            return cls(
                after=int(fields["after"]),
                waiting={str(uuid): int(passes) for uuid, passes in fields["waiting"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def write(self, engine: Correlator, name: str) -> None:
        """Store the bookmark under this name. Raises StoreError."""
        engine.set_bookmark(
            name, json.dumps({"after": self.after, "waiting": dict(self.waiting)}, separators=(",", ":"))
        )


class PersistentSet:
    """A set of texts, each kept as 64 bits of its hash. Not for several threads."""

    def __init__(self, engine: Correlator, name: str) -> None:
        """Open the set of this name; shards are read when they are needed."""
        self._engine = engine
        self._name = name
        self._shards: dict[str, set[str]] = {}
        self._changed: set[str] = set()

    def __contains__(self, text: str) -> bool:
        """Return whether the text is in the set. Raises StoreError."""
        letter, item = _item(text)
        return item in self._shard(letter)

    def add(self, text: str) -> None:
        """Add a text, in memory until `save`; a full shard stays as it is. Raises StoreError."""
        letter, item = _item(text)
        shard = self._shard(letter)
        if item not in shard and len(shard) < MAX_SHARD:
            shard.add(item)
            self._changed.add(letter)

    def discard(self, text: str) -> None:
        """Remove a text if it is there, in memory until `save`. Raises StoreError."""
        letter, item = _item(text)
        shard = self._shard(letter)
        if item in shard:
            shard.remove(item)
            self._changed.add(letter)

    def save(self) -> None:
        """Write what was changed to the store. Raises StoreError."""
        for letter in sorted(self._changed):
            self._engine.set_bookmark(f"{self._name}:{letter}", "\n".join(sorted(self._shards[letter])))
        self._changed.clear()

    def _shard(self, letter: str) -> set[str]:
        if letter not in self._shards:
            self._shards[letter] = set((self._engine.bookmark(f"{self._name}:{letter}") or "").split())
        return self._shards[letter]


def digest(*parts: object) -> str:
    """Return a short name for a combination of values, 24 hexadecimal digits."""
    return _hash("\0".join(map(str, parts))).hex()[:24]


def _item(text: str) -> tuple[str, str]:
    """The letter of the shard, and what is kept there."""
    hashed = _hash(text)
    return hashed.hex()[0], base64.urlsafe_b64encode(hashed[:8]).decode().rstrip("=")


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()
