"""How far a MISP was read, kept in the feature store: where to go on, what to ask for again, and what never
to ask for again.

A bookmark belongs to one MISP and one set of filters and moves only when a pass was complete. `Noted`
remembers single things, such as attributes that are no pictures, in 16 texts of short hashes, so that a
hundred thousand of them stay small.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from douglas_quaid.engine import Engine

#: Attributes that a bookmark can keep for another try. chosen: 500 KB; with more of them the pass is repeated
#: instead.
MOST_WAITING = 10_000
SHARDS = "0123456789abcdef"
#: Notes in one text of 12 bytes each. spec: a bookmark of the store holds 1 MiB.
MOST_NOTED = 80_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    #: Seconds on MISP's clock; what changed since is read next.
    after: int = 0
    #: Attributes that MISP or the store could not deal with, and in how many passes already.
    waiting: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, engine: Engine, name: str) -> Bookmark:
        """The bookmark of this name; one at the beginning when there is none, or none that can be read:
        everything is read again then.
        """
        try:
            fields = json.loads(engine.bookmark(name) or "{}")
            return cls(
                after=int(fields["after"]),
                waiting={str(uuid): int(passes) for uuid, passes in fields["waiting"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return cls()

    def write(self, engine: Engine, name: str) -> None:
        engine.set_bookmark(
            name, json.dumps({"after": self.after, "waiting": dict(self.waiting)}, separators=(",", ":"))
        )


class Noted:
    """A set of texts, each kept as 64 bits of its hash. For one thread."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._shards: dict[str, set[str]] = {}
        self._changed: set[str] = set()

    def __contains__(self, text: str) -> bool:
        shard, mark = self._place(text)
        return mark in shard

    def add(self, text: str) -> None:
        shard, mark = self._place(text)
        if mark not in shard and len(shard) < MOST_NOTED:
            shard.add(mark)
            self._changed.add(_digest(text).hex()[0])

    def save(self) -> None:
        for letter in sorted(self._changed):
            self._engine.set_bookmark(f"{self._name}:{letter}", "\n".join(sorted(self._shards[letter])))
        self._changed.clear()

    def _place(self, text: str) -> tuple[set[str], str]:
        digest = _digest(text)
        letter = digest.hex()[0]
        if letter not in self._shards:
            self._shards[letter] = set((self._engine.bookmark(f"{self._name}:{letter}") or "").split())
        return self._shards[letter], base64.urlsafe_b64encode(digest[:8]).decode().rstrip("=")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()


def digest(*parts: object) -> str:
    """A short name for a combination of values."""
    return _digest("\0".join(map(str, parts))).hex()[:24]
