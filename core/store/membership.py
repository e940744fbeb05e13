"""Collections: named sets of images with a purpose. Names and purposes lie under `meta`, the members in each
image's shard.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..errors import ConfigError, NotFound
from ..records import Collection, ImageId, Purpose
from ..strict_json import parse_object
from . import values
from .connection import StorePart
from .keys import META, SHARDS, as_bytes, as_text, key, on_meta, on_shard
from .scripts import COUNTED_FIELD

#: Maximum length of a collection's name in characters. chosen.
NAME_CHARACTERS = 200


@dataclass(eq=False)
class Collections(StorePart):
    """The part of the store that keeps collections."""

    #: Collections that were read, by name. A collection is never removed and keeps its purpose.
    _known: dict[str, Collection] = field(default_factory=dict)

    def all(self) -> list[Collection]:
        """Return all collections, by name. Raises CorruptRecord for one that cannot be read."""
        found = list[Collection]()
        for name, value in self.connection.ask(on_meta("HGETALL", "collections")).items():
            with values.left_out_if_broken():
                found.append(read_collection(as_text(name), value))
        return sorted(found, key=lambda collection: collection.name)

    def create(self, name: str, purpose: Purpose) -> Collection:
        """Create a collection and return it; return the existing one if it has the same purpose.

        Raises ConfigError for a name that does not fit, and for a collection that exists with another
        purpose.
        """
        if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
            raise ConfigError(
                f"collection name {name[:80]!r}: expected 1 to {NAME_CHARACTERS} printable characters"
            )
        value = write_collection(Collection(name, purpose, datetime.now(timezone.utc)))
        _, stored = self.connection.run(
            [
                COUNTED_FIELD(META, "new", "collections", as_bytes(name), value),
                on_meta("HGET", "collections", as_bytes(name)),
            ]
        )
        found = read_collection(name, stored)
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
        places = [(tag, f"set:{name}") for name in names for tag in SHARDS]
        found = self.connection.run([on_shard(tag, "SMEMBERS", name) for tag, name in places])
        return frozenset(
            member
            for place, members in zip(places, found, strict=True)
            for member in values.image_ids(key(*place), members)
        )


def write_collection(collection: Collection) -> bytes:
    """Return the stored value of a collection."""
    purpose, created = collection.purpose.value, int(collection.created.timestamp())
    check = values.checksum(collection.name, f"{purpose} {created}")
    return json.dumps({"purpose": purpose, "created": created, "check": check}).encode()


def read_collection(name: str, value: bytes, *, checked: bool = True) -> Collection:
    """Return a collection from its stored value; `checked` false: one of schema 2, which has no checksum.
    Raises CorruptRecord.
    """
    try:
        fields = parse_object(value.decode())
        if fields.keys() != {"purpose", "created", *(("check",) if checked else ())}:
            raise ValueError(f"it has the fields {sorted(fields)}")
        if type(fields["created"]) is not int or not 0 <= fields["created"] <= values.LATEST:
            raise ValueError(f"it was created at {fields['created']!r:.80}")
        if checked and fields["check"] != values.checksum(name, f"{fields['purpose']} {fields['created']}"):
            raise ValueError("its checksum does not fit")
        created = datetime.fromtimestamp(fields["created"], timezone.utc)
        return Collection(name, Purpose(fields["purpose"]), created)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise values.broken(f"{key(META, 'collections')}, collection {name!r}", error) from None
