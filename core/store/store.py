"""The feature store as one object: `Store.open(config)` connects, and each attribute is one part of the
store.

Opening starts the embedded server where that is configured, refuses a server that would lose images and a
store of another schema, and finishes what a crash interrupted. A store may be shared by threads; any number
of processes may open it.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection as Names, Iterator
from dataclasses import dataclass

from ..config import Config
from ..errors import ConfigError, CorruptRecord, NotAllowed, NotFound, StoreFull, UnknownVersion
from ..records import Cluster, ImageId, Purpose, StoredVerdict, StoreStats
from .access_keys import AccessKeys
from .bookmarks import Bookmarks
from .clusters import CLUSTER_PREFIX, Clusters
from .columns import ColumnReader
from .common_regions import CommonRegions
from .connection import Connection
from .forgetting import Forgetting
from .hash_lists import HashLists
from .images import Images
from .intents import Intents
from .judgements import Judgements
from .keys import SCHEMA_VERSION, SHARDS, key, on_meta, on_shard
from .leases import Leases
from .link_queue import LinkQueue
from .links import Links
from .locks import Locks
from .membership import Collections
from .occurrences import Occurrences, occurrences_named
from .options import DEFAULTS, StoreOptions
from .reviews import Reviews
from .server_checks import check_servers, server_facts
from .sessions import Sessions
from .settings import Settings
from .upgrades import OLDER_WORDS, OLDEST, upgrade
from .values import IMAGE_ID, REMEDY, noting, whole
from .verdicts import Verdicts

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which images may answer a query, and what persons and collections say of them: read once, before it
    begins.
    """

    #: Images that the caller leaves out.
    excluded: frozenset[ImageId]
    #: The only images that may answer; None for all.
    members: frozenset[ImageId] | None
    #: Images in collections of purpose `ignore`.
    ignored: frozenset[ImageId]
    #: Images in collections of purpose `baseline`.
    baseline: frozenset[ImageId]
    #: Images that a person keeps apart from the query image.
    vetoed: frozenset[ImageId]
    #: What persons said is the same as the query image, or a part of it.
    confirmed: tuple[StoredVerdict, ...]
    #: Images whose pixels are those of the query image, in the order of their ids.
    same_pixels: tuple[ImageId, ...]

    def allows(self, image_id: ImageId) -> bool:
        """Return whether an image may be a hit at all."""
        if image_id in self.excluded or image_id in self.ignored or image_id in self.vetoed:
            return False
        return self.members is None or image_id in self.members


class Store:
    """Everything that is known about every image. Each part is about one subject and has its own file."""

    def __init__(self, connection: Connection) -> None:
        #: The way to the servers.
        self.connection = connection
        intents = Intents(connection)
        #: Clusters of images.
        self.clusters = Clusters(connection, intents)
        #: What persons say of pairs.
        self.judgements = Judgements(connection, intents)
        #: What scores say of pairs; read with what persons say.
        self.verdicts = Verdicts(connection, intents, self.clusters)
        #: Forgetting images, and finishing what a crash interrupted.
        self.forgetting = Forgetting(connection, intents, self.verdicts)
        #: Named sets of images.
        self.collections = Collections(connection)
        #: Images with their features.
        self.images = Images(connection, self.collections, self.forgetting)
        #: Where images were seen.
        self.occurrences = Occurrences(connection, self.forgetting, self.collections)
        #: Which images were linked.
        self.links = Links(connection)
        #: Images that are to be linked later.
        self.link_queue = LinkQueue(connection)
        #: The columns that replicas follow.
        self.columns = ColumnReader(connection)
        #: Notes about common regions.
        self.common_regions = CommonRegions(connection)
        #: The calibration that was chosen.
        self.settings = Settings(connection)
        #: Short texts of adapters.
        self.bookmarks = Bookmarks(connection)
        #: Keys of the service.
        self.access_keys = AccessKeys(connection)
        #: Hash lists of others.
        self.hash_lists = HashLists(connection)
        #: Pairs that wait for a person.
        self.reviews = Reviews(connection, self.images)
        #: Which pairs somebody has open.
        self.leases = Leases(connection)
        #: Sessions of browsers.
        self.sessions = Sessions(connection)
        #: Locks by name.
        self.locks = Locks(connection)

    @classmethod
    def open(cls, config: Config, options: StoreOptions = DEFAULTS) -> Store:
        """Connect, check the servers and the schema, finish what a crash interrupted, and return the store.

        Raises ConfigError for a server that cannot keep images, UnknownVersion for a store of another schema,
        StoreError when the store is away.
        """
        connection = Connection(config, options)
        try:
            check_servers(connection, volatile_allowed=config.volatile_store)
            _check_schema(connection)
            store = cls(connection)
            try:
                with noting():
                    store.forgetting.finish_interrupted()
            except (StoreFull, NotAllowed) as error:
                _log.warning("what a crash interrupted stays as it is until it can be finished: %s", error)
        except BaseException:
            connection.close()
            raise
        return store

    def has_older_columns(self) -> bool:
        """Return whether an earlier program made the columns, so that they have to be built anew."""
        schema = self.connection.ask(on_meta("HGET", "head", "schema"))
        return bool(schema == b"%d" % OLDER_WORDS)

    def mark_upgraded(self) -> None:
        """Note that the store lacks nothing that this program needs."""
        self.connection.ask(on_meta("HSET", "head", "schema", SCHEMA_VERSION))

    def close(self) -> None:
        """Close all connections."""
        self.connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def identity(self) -> str:
        """Return a random name that this store keeps for good, so that a file can say which store it is
        about.
        """
        identity = on_meta("HGET", "head", "identity")
        found = self.connection.ask(identity)
        if found is None:
            made = on_meta("HSETNX", "head", "identity", secrets.token_hex(16))
            _, found = self.connection.run([made, identity])
        return str(found, "ascii", "replace")

    def resolve(self, text: str) -> ImageId | Cluster:
        """Return what a text names: an image id or its beginning, an occurrence (the image that was seen
        there last), also without its host (KIND::ID), a cluster id or an alias.

        Raises NotFound when it is not in the store, ConfigError when it is none of these or not unique.
        """
        if text.startswith(CLUSTER_PREFIX):
            return self.clusters.by_id(text)
        if ":" in text:
            seen = [
                found[0] for place in occurrences_named(text) if (found := self.occurrences.images_at(place))
            ]
            if not seen:
                raise NotFound(f"no image in the store was seen at {text}")
            if len(set(seen)) > 1:
                raise ConfigError(f"{text} names occurrences of {len(seen)} hosts; expected HOST:KIND:ID")
            return seen[0]
        return self.images.by_prefix(text)

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
        ignored, baseline = self.collections.members_by_purpose(Purpose.IGNORE, Purpose.BASELINE)
        vetoed, confirmed = self.judgements.vetoed_and_confirmed(image_id)
        return Scope(
            excluded=self._left_out(exclude),
            members=None if names is None else self.collections.members(*names),
            ignored=ignored,
            baseline=baseline,
            vetoed=vetoed,
            confirmed=confirmed,
            same_pixels=tuple(self.images.by_pixels(pixel_digest)),
        )

    def _left_out(self, names: Names[str]) -> frozenset[ImageId]:
        """Return the images that are named by id, and those seen only at the named occurrences."""
        named = {name for name in names if ":" in name}
        places = {str(place): place for name in named for place in occurrences_named(name)}
        seen = [image_id for place in places.values() for image_id in self.occurrences.images_at(place)]
        alone = {
            info.image_id
            for info in self.images.infos(seen)
            if info
            and info.occurrence_count <= len(places)
            and all(str(sighting.occurrence) in places for sighting in info.sightings)
        }
        return frozenset(names) - named | alone

    def walk(self, name: str, stamp: str) -> Iterator[list[ImageId]]:
        """Yield all image ids, some at a time, from where the last walk of this name and `stamp` (a text
        without spaces) was interrupted. What was yielded counts as done when the next ids are asked for.
        """
        known, _, last = (self.settings.progress(name) or "").partition(" ")
        begun = known == stamp and IMAGE_ID.fullmatch(last)  # from the beginning is right in any case
        for ids in self.images.ids_after(last if begun else None):
            yield ids
            self.settings.set_progress(name, f"{stamp} {ids[-1]}")
        self.settings.set_progress(name, None)

    def stats(self) -> StoreStats:
        """Return the store in numbers."""
        clusters, chains, regions, collections, *counts = self.connection.run(
            [
                on_meta("SCARD", "clusters"),
                on_meta("SCARD", "chains"),
                on_meta("HLEN", "hubs"),
                on_meta("HLEN", "collections"),
                *(on_shard(tag, "ZCARD", "ids") for tag in SHARDS),
                *(on_shard(tag, "HMGET", "head", "occurrences", "dead") for tag in SHARDS),
            ]
        )
        images, heads = counts[: len(SHARDS)], counts[len(SHARDS) :]
        facts = server_facts(self.connection)
        return StoreStats(
            images=sum(images),
            occurrences=sum(
                whole(key(tag, "head"), head[0]) for tag, head in zip(SHARDS, heads, strict=True)
            ),
            clusters=clusters,
            chains=chains,
            common_regions=regions,
            collections=collections,
            dead_rows=sum(whole(key(tag, "head"), head[1]) for tag, head in zip(SHARDS, heads, strict=True)),
            used_memory=sum(fact.used_memory for fact in facts),
            server=", ".join(dict.fromkeys(f"{fact.name} {fact.version}".rstrip() for fact in facts)),
            persistence="; ".join(dict.fromkeys(fact.persistence for fact in facts)),
            schema=SCHEMA_VERSION,
        )


def _check_schema(connection: Connection) -> None:
    """Give an empty store our schema, upgrade an older one, and leave one of any other schema as it is."""
    schema = on_meta("HGET", "head", "schema")
    found = connection.ask(schema)
    if found is None:
        try:
            connection.run(
                [
                    on_meta("HSETNX", "head", "schema", SCHEMA_VERSION),
                    on_meta("HSETNX", "head", "created", int(time.time())),
                    on_meta("HSETNX", "head", "identity", secrets.token_hex(16)),
                ]
            )
        except (StoreFull, NotAllowed) as error:
            raise type(error)(f"the store is empty and cannot be begun: {error}") from None
        found = connection.ask(schema)
    if not found.isdigit() or found == b"0":
        raise CorruptRecord(
            f"the store at {connection.name} has schema {found!r:.80}, which is not a version; {REMEDY}"
        )
    if int(found) > SCHEMA_VERSION:
        raise UnknownVersion(
            f"the store at {connection.name} has schema {int(found)}, this program knows up to"
            f" {SCHEMA_VERSION}; use a newer douglas-quaid, nothing was changed"
        )
    if int(found) < OLDEST:
        raise UnknownVersion(
            f"the store at {connection.name} has schema {int(found)}, this program reads {OLDEST} to"
            f" {SCHEMA_VERSION}; add the pictures to an empty store, nothing was changed"
        )
    if int(found) < OLDER_WORDS:
        try:
            upgrade(connection, int(found))
        except NotAllowed as error:
            raise NotAllowed(
                f"the store has schema {int(found)}; open it once as a user who may write, with"
                f" quaid self-check: {error}"
            ) from None
