"""Collections: named sets of images with a purpose. Names and purposes lie under `meta`, the members in each
image's shard.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone

from ..errors import ConfigError, CorruptRecord, NotFound
from ..records import Collection, ImageId, Purpose
from .connection import StorePart
from .keys import META, SHARDS, as_bytes, as_text, key
from .scripts import Command

#: Longest collection name. chosen.
NAME_CHARACTERS = 200


class Collections(StorePart):
    """The part of the store that is about collections."""

    _known_collections: frozenset[str] = frozenset()

    def collections(self) -> list[Collection]:
        """All collections, by name."""
        found = self.connection.ask(Command(META, "HGETALL", key(META, "collections")))
        return sorted(
            (_collection(as_text(name), value) for name, value in found.items()),
            key=lambda collection: collection.name,
        )

    def create_collection(self, name: str, purpose: Purpose) -> Collection:
        """Create a collection; creating it again with the same purpose changes nothing, with another one
        raises ConfigError.
        """
        if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
            raise ConfigError(
                f"collection name {name[:80]!r}: expected 1 to {NAME_CHARACTERS} printable characters"
            )
        new = Collection(name, purpose, datetime.now(timezone.utc).replace(microsecond=0))
        value = json.dumps({"purpose": purpose.value, "created": int(new.created.timestamp())})
        _, stored = self.connection.run(
            [
                Command(META, "HSETNX", key(META, "collections"), as_bytes(name), value),
                Command(META, "HGET", key(META, "collections"), as_bytes(name)),
            ]
        )
        found = _collection(name, stored)
        if found.purpose is not purpose:
            raise ConfigError(
                f"collection {name!r} exists with purpose {found.purpose.value}; choose another name for purpose {purpose.value}"
            )
        return found

    def names_by_purpose(self, purpose: Purpose) -> frozenset[str]:
        """Return the names of the collections with this purpose."""
        return frozenset(known.name for known in self.collections() if known.purpose is purpose)

    def collection_members(self, *names: str) -> frozenset[ImageId]:
        """Return the ids of all images in these collections, in one round trip.

        Raises NotFound for a collection that was never created.
        """
        for name in names:
            self.require_collection(name)
        return self._members(names)

    def members_by_purpose(self, *purposes: Purpose) -> list[frozenset[ImageId]]:
        """Return for each purpose the ids of the images in its collections."""
        known = self.collections()
        return [
            self._members([collection.name for collection in known if collection.purpose is purpose])
            for purpose in purposes
        ]

    def collection_size(self, name: str) -> int:
        """Images in a collection."""
        self.require_collection(name)
        return sum(self.connection.run([Command(tag, "SCARD", key(tag, f"set:{name}")) for tag in SHARDS]))

    def require_collection(self, name: str) -> None:
        """Raises NotFound for a collection that was never created. Collections are never removed, so a known
        name stays known.
        """
        if name not in self._known_collections:
            self._known_collections = frozenset(collection.name for collection in self.collections())
        if name not in self._known_collections:
            raise NotFound(
                f"collection {name!r} does not exist; create it with: quaid collection create {name} --purpose known"
            )

    def _members(self, names: Iterable[str]) -> frozenset[ImageId]:
        commands = [Command(tag, "SMEMBERS", key(tag, f"set:{name}")) for name in names for tag in SHARDS]
        return frozenset(as_text(member) for found in self.connection.run(commands) for member in found)


def _collection(name: str, value: bytes) -> Collection:
    try:
        fields = json.loads(value)
        return Collection(
            name, Purpose(fields["purpose"]), datetime.fromtimestamp(fields["created"], timezone.utc)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRecord(f"collection {name!r} cannot be read: {error}") from None
