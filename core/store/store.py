"""The feature store as one object: `Store.open(config)`, then ask it for anything the files of this folder
offer.

Opening connects (and starts the embedded server where that is wanted), refuses a server that would lose
images and a store of a newer schema, and finishes what a crash had interrupted. Safe for threads and
processes, as many as you like.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection as Names
from dataclasses import dataclass

from ..config import Config
from ..errors import CorruptRecord, NotFound, UnknownVersion
from ..records import Cluster, ImageId, Occurrence, Purpose
from .bookmarks import Bookmarks
from .clusters import CLUSTER_PREFIX
from .connection import Connection
from .hubs import HubNotes
from .keys import META, SCHEMA_VERSION, SHARDS, key
from .locks import Locks
from .places import Places
from .scope import Scope
from .scripts import Command
from .server_checks import check_servers, server_facts
from .standing import Standing


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The store in numbers."""

    images: int
    occurrences: int
    clusters: int
    collections: int
    #: Rows of forgotten images that wait for compaction; they are overwritten already.
    dead_rows: int
    #: Bytes of all primary servers together.
    used_memory: int
    #: Name and version.
    server: str
    #: What a power cut or a killed server costs, in words.
    persistence: str
    schema: int


class Store(Places, Bookmarks, Standing, HubNotes, Locks):
    """See the files of this folder for its parts: places, images, collections, judgements, clusters,
    forgetting, bookmarks, standing, hubs.
    """

    @classmethod
    def open(cls, config: Config) -> Store:
        """Raises ConfigError for a server that cannot keep images, UnknownVersion for a store of a newer
        program, StoreError when it is away.
        """
        connection = Connection(config)
        try:
            check_servers(connection, volatile_allowed=config.volatile_store)
            _check_schema(connection)
            store = cls(connection)
            store.finish_intents()
        except BaseException:
            connection.close()
            raise
        return store

    def identity(self) -> str:
        """A random name that this store keeps for good, so that a file on a machine can say which store it is
        about.
        """
        head = key(META, "head")
        _, found = self.connection.run(
            [
                Command(META, "HSETNX", head, "identity", secrets.token_hex(16)),
                Command(META, "HGET", head, "identity"),
            ]
        )
        return str(found, "ascii", "replace")

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def resolve(self, text: str) -> ImageId | Cluster:
        """What a person named: an image id or its beginning, an occurrence (the image seen there last), a
        cluster id or alias.

        Raises NotFound when it is not in the store, ConfigError when it is none of these or not unique.
        """
        if text.startswith(CLUSTER_PREFIX):
            return self.cluster(text)
        if ":" in text:
            found = self.images_of(Occurrence.parse(text))
            if not found:
                raise NotFound(f"no image in the store was seen at {text}")
            return found[0]
        return self.by_prefix(text)

    def scope(
        self,
        image_id: ImageId,
        *,
        pixel_digest: bytes,
        exclude: Names[str] = (),
        collection: str | Names[str] | None = None,
    ) -> Scope:
        """Return what may answer a query with this image, which need not be in the store.

        `pixel_digest`: of the query image, 32 bytes. `exclude`: image ids, or occurrences, which leave out
        the images that were seen there and nowhere else. `collection`: only members of this one, or of these,
        may answer. Raises NotFound for a collection that was never created, ConfigError for an occurrence
        that is not HOST:KIND:ID.
        """
        names = (collection,) if isinstance(collection, str) else collection
        ignored, baseline = self.members_by_purpose(Purpose.IGNORE, Purpose.BASELINE)
        vetoed, confirmed = self.said(image_id)
        return Scope(
            excluded=self._left_out(exclude),
            members=None if names is None else self.collection_members(*names),
            ignored=ignored,
            baseline=baseline,
            vetoed=vetoed,
            confirmed=confirmed,
            same_pixels=tuple(self.by_pixels(pixel_digest)),
        )

    def _left_out(self, names: Names[str]) -> frozenset[ImageId]:
        """Return the images that are named by id, and those seen at the named occurrences and nowhere else."""
        places = {name for name in names if ":" in name}
        seen = [image_id for place in places for image_id in self.images_of(Occurrence.parse(place))]
        alone = {
            info.image_id
            for info in self.infos(seen)
            if info
            and info.occurrence_count <= len(places)
            and all(str(sighting.occurrence) in places for sighting in info.sightings)
        }
        return frozenset(names) - places | alone

    def stats(self) -> StoreStats:
        counts = self.connection.run(
            [
                Command(META, "SCARD", key(META, "clusters")),
                Command(META, "HLEN", key(META, "collections")),
                *(Command(tag, "ZCARD", key(tag, "ids")) for tag in SHARDS),
                *(Command(tag, "HMGET", key(tag, "head"), "occurrences", "dead") for tag in SHARDS),
            ]
        )
        heads = counts[2 + len(SHARDS) :]
        facts = server_facts(self.connection)
        return StoreStats(
            images=sum(counts[2 : 2 + len(SHARDS)]),
            occurrences=sum(int(head[0] or 0) for head in heads),
            clusters=counts[0],
            collections=counts[1],
            dead_rows=sum(int(head[1] or 0) for head in heads),
            used_memory=sum(fact.used_memory for fact in facts),
            server=", ".join(dict.fromkeys(f"{fact.name} {fact.version}" for fact in facts)),
            persistence="; ".join(dict.fromkeys(fact.persistence for fact in facts)),
            schema=SCHEMA_VERSION,
        )


def _check_schema(connection: Connection) -> None:
    """An empty store gets our schema; one of a newer program is left as it is."""
    head = key(META, "head")
    found = connection.ask(Command(META, "HGET", head, "schema"))
    if found is None:
        connection.run(
            [
                Command(META, "HSETNX", head, "schema", SCHEMA_VERSION),
                Command(META, "HSETNX", head, "created", int(time.time())),
            ]
        )
        found = connection.ask(Command(META, "HGET", head, "schema"))
    if not found.isdigit() or found == b"0":
        raise CorruptRecord(f"the store at {connection.name} has schema {found!r}, which is no version")
    if int(found) > SCHEMA_VERSION:
        raise UnknownVersion(
            f"the store at {connection.name} has schema {int(found)}, this program knows up to {SCHEMA_VERSION}; use a newer douglas-quaid, nothing was changed"
        )
    if int(found) < SCHEMA_VERSION:
        raise UnknownVersion(
            f"the store at {connection.name} has schema {int(found)} of before the first release, this program reads {SCHEMA_VERSION}; add the pictures to an empty store, nothing was changed"
        )
