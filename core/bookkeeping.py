"""What adapters and operators ask of an engine that takes no picture: places, bookmarks, clusters,
collections, hubs.

Each is one call to the store; an adapter that follows another system keeps its books by them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from .records import Collection, ImageId, Occurrence, Purpose, Seen, StoredVerdict
from .search.context.hub_list import IGNORED, Hub, ignore, list_hubs
from .store import Store


class Bookkeeping:
    """The part of an engine that asks the store alone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # -- places, for adapters that follow another system -----------------------------------------------------

    def sightings(self, occurrences: Sequence[Occurrence | str]) -> list[tuple[Seen, ...]]:
        """For each place the images seen there, latest first, with labels and times; two round trips for
        hundreds of places.
        """
        return self._store.occurrences.sightings([as_occurrence(occurrence) for occurrence in occurrences])

    def verdict_between(self, a: ImageId, b: ImageId) -> StoredVerdict | None:
        """What is stored about a pair, `a` having been the query; None when it was never judged, or vetoed."""
        return self._store.verdicts.between(a, b)

    def vetoed(self, image_id: ImageId) -> frozenset[ImageId]:
        """Images that a person said are not the same as this one."""
        return self._store.judgements.vetoed(image_id)

    def cluster_ids(self, ids: Sequence[ImageId]) -> list[str | None]:
        """The canonical cluster id of each image, in one round trip; None for an image that is in none, or
        not in the store.
        """
        return self._store.clusters.ids(ids)

    def occurrences(self, prefix: str) -> Iterator[Occurrence]:
        """All places that start with `prefix`, such as "misp:attribute:": each at least once, in no order,
        read as they are asked for.
        """
        return self._store.occurrences.starting_with(prefix)

    def bookmark(self, name: str) -> str | None:
        """What an adapter noted under this name; None for nothing."""
        return self._store.bookmarks.get(name)

    def bookmarks(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Bookmarks whose names start with `prefix`, and their texts: each at least once, in no order, read
        as they are asked for.
        """
        return self._store.bookmarks.starting_with(prefix)

    def set_bookmark(self, name: str, text: str | None, *, unless_there: bool = False) -> bool:
        """Note how far an adapter has read: a name of at most 256 characters, a text of at most 1 MiB. None
        removes it.

        `unless_there`: only if there is none, so that of many one succeeds. Says whether something was
        written or removed.
        """
        return self._store.bookmarks.set(name, text, unless_there=unless_there)

    def lock(self, name: str, seconds: float, *, wait: float) -> AbstractContextManager[None]:
        """Let one process at a time do something: hold the lock of this name while the block runs, but at
        most for `seconds`.

        Entering raises StoreTimeout if others hold it for `wait` seconds.
        """
        return self._store.locks.hold(name, seconds, wait=wait)

    def count(self) -> int:
        """Images in the store; unlike `stats`, without reading their hashes."""
        return self._store.images.count()

    # -- collections -----------------------------------------------------------------------------------------

    def collection_size(self, name: str) -> int:
        return self._store.collections.size(name)

    def create_collection(self, name: str, purpose: Purpose | str) -> Collection:
        return self._store.collections.create(name, Purpose(purpose))

    def collections(self) -> tuple[Collection, ...]:
        return tuple(self._store.collections.all())

    def hubs(self) -> tuple[Hub, ...]:
        """Parts and clusters that are found in a large share of all pictures; the parts are those that `link`
        met.
        """
        return list_hubs(self._store)

    def ignore(self, name: str, *, collection: str = IGNORED) -> tuple[ImageId, ...]:
        """Put an image, or all of a cluster, into a collection of purpose ignore, made when missing; gives
        the images.
        """
        return ignore(self._store, name, collection)


def as_occurrence(given: Occurrence | str) -> Occurrence:
    """An occurrence, or one in words; raises ConfigError for what is none."""
    return Occurrence.parse(given) if isinstance(given, str) else given


def optional_occurrence(given: Occurrence | str | None) -> Occurrence | None:
    """Return an occurrence, parsing a string if necessary; None for None. Raises ConfigError."""
    return None if given is None else as_occurrence(given)
