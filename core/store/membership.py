"""Collections: named sets of images with a purpose. Names and purposes lie under `meta`, the members in each
image's shard.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..errors import ConfigError, CorruptRecord, NotFound
from ..records import Collection, ImageId, Purpose
from .connection import StorePart
from .keys import SHARDS, as_bytes, as_text, on_meta, on_shard

#: Maximum length of a collection's name in characters. chosen.
NAME_CHARACTERS = 200


@dataclass(eq=False)
class Collections(StorePart):
    """The part of the store that keeps collections."""

    #: Collections that were read, by name. A collection is never removed and keeps its purpose.
    _known: dict[str, Collection] = field(default_factory=dict)

    def all(self) -> list[Collection]:
        """Return all collections, by name. Raises CorruptRecord for one that cannot be read."""
        found = self.connection.ask(on_meta("HGETALL", "collections"))
        return sorted(
            (_collection(as_text(name), value) for name, value in found.items()),
            key=lambda collection: collection.name,
        )

    def create(self, name: str, purpose: Purpose) -> Collection:
        """Create a collection and return it; return the existing one if it has the same purpose.

        Raises ConfigError for a name that does not fit, and for a collection that exists with another
        purpose.
        """
        if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
            raise ConfigError(
                f"collection name {name[:80]!r}: expected 1 to {NAME_CHARACTERS} printable characters"
            )
        created = int(datetime.now(timezone.utc).timestamp())
        value = json.dumps({"purpose": purpose.value, "created": created})
        _, stored = self.connection.run(
            [
                on_meta("HSETNX", "collections", as_bytes(name), value),
                on_meta("HGET", "collections", as_bytes(name)),
            ]
        )
        found = _collection(name, stored)
        if found.purpose is not purpose:
            raise ConfigError(
                f"collection {name!r} exists with purpose {found.purpose.value};"
                f" choose another name for purpose {purpose.value}"
            )
        return found

    def names_by_purpose(self, purpose: Purpose) -> frozenset[str]:
        """Return the names of the collections with this purpose."""
        return frozenset(known.name for known in self.all() if known.purpose is purpose)

    def members(self, *names: str) -> frozenset[ImageId]:
        """Return the ids of all images in these collections, in one round trip.

        Raises NotFound for a collection that was never created.
        """
        for name in names:
            self.require(name)
        return self._members(names)

    def members_by_purpose(self, *purposes: Purpose) -> list[frozenset[ImageId]]:
        """Return for each purpose the ids of the images in its collections."""
        known = self.all()
        return [
            self._members([collection.name for collection in known if collection.purpose is purpose])
            for purpose in purposes
        ]

    def size(self, name: str) -> int:
        """Return the number of images in a collection. Raises NotFound when it was never created."""
        self.require(name)
        return sum(self.connection.run([on_shard(tag, "SCARD", f"set:{name}") for tag in SHARDS]))

    def require(self, name: str) -> Collection:
        """Return a collection. Raises NotFound when it was never created."""
        if name not in self._known:
            self._known = {collection.name: collection for collection in self.all()}
        if name not in self._known:
            raise NotFound(
                f"collection {name!r} does not exist;"
                f" create it with: quaid collection create {name} --purpose known"
            )
        return self._known[name]

    def _members(self, names: Iterable[str]) -> frozenset[ImageId]:
        commands = [on_shard(tag, "SMEMBERS", f"set:{name}") for name in names for tag in SHARDS]
        return frozenset(as_text(member) for found in self.connection.run(commands) for member in found)


def _collection(name: str, value: bytes) -> Collection:
    try:
        fields = json.loads(value)
        created = datetime.fromtimestamp(fields["created"], timezone.utc)
        return Collection(name, Purpose(fields["purpose"]), created)
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRecord(f"collection {name!r} cannot be read: {error}") from None
