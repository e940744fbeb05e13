"""What adapters and operators ask of an engine without a picture: occurrences, bookmarks, collections.

Each is one call to the store; an adapter that follows another system keeps its books by them.
"""

from collections.abc import Callable, Collection as Several, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from .answers import Chain, History, Hit, Hub
from .errors import ConfigError
from .graph.forms import GraphFormat, graph
from .graph.walk import Names, groups, no_names, occurrences_of
from .options import Options
from .records import (
    IGNORED,
    Cluster,
    Collection,
    ImageId,
    ImageInfo,
    Judgement,
    NotedRegion,
    Occurrence,
    Purpose,
    Seen,
    StoredVerdict,
)
from .search.chain_list import list_chains
from .search.context.hub_list import ignore, list_hubs
from .search.stored_hits import histories
from .store import Store
from .store.access_keys import AccessKey, Right
from .store.values import noting


class Bookkeeping:
    """The part of an engine that asks the store alone. Every method raises StoreError when it is away."""

    def __init__(self, store: Store, options: Options) -> None:
        self._store = store
        self._options = options

    # -- for adapters that follow another system -------------------------------------------------------------

    def sightings(self, occurrences: Sequence[Occurrence | str]) -> list[tuple[Seen, ...]]:
        """Return for each occurrence the images seen there, latest first, with labels and times, in two round
        trips. Raises ConfigError for a string that is not HOST:KIND:ID.
        """
        return self._store.occurrences.sightings([as_occurrence(occurrence) for occurrence in occurrences])

    def occurrences(self, prefix: str) -> Iterator[Occurrence]:
        """Return all occurrences that start with `prefix`, such as "misp:attribute:": each at least once, in
        no order, read while they are consumed.
        """
        return self._store.occurrences.starting_with(prefix)

    def note(
        self,
        image_id: ImageId,
        *,
        occurrence: Occurrence | str,
        labels: Mapping[str, str] | None = None,
        seen: datetime | None = None,
    ) -> str:
        """Note that a known image was seen at an occurrence; its bytes are not needed.

        Returns "known" or "updated". Raises NotFound when it is not in the store, ConfigError, StoreError.
        """
        where = as_occurrence(occurrence)
        return self._store.images.note(
            self._image(image_id), occurrence=where, labels=labels, seen=seen
        ).value

    def verdict_between(self, a: ImageId, b: ImageId) -> StoredVerdict | None:
        """Return the stored verdict about a pair, with `a` as the query; None when the pair was never judged,
        or a person keeps it apart.
        """
        return self._store.verdicts.between(a, b)

    def scored_between(self, a: ImageId, b: ImageId) -> StoredVerdict | None:
        """Return the scored verdict about a pair, with `a` as the query, whatever a person said of it; None
        when there is none.
        """
        return self._store.verdicts.scored_between(a, b)

    def vetoed(self, image_id: ImageId) -> frozenset[ImageId]:
        """Return the images that a person said are not the same as this one."""
        return self._store.judgements.vetoed(image_id)

    def cluster_ids(self, ids: Sequence[ImageId]) -> list[str | None]:
        """Return the canonical id of the cluster that each image shares with others, in two round trips; None
        for an image that is alone in its cluster, in none, or not in the store.
        """
        return self._store.clusters.shared(ids)

    def cluster_names(self, ids: Sequence[ImageId]) -> list[tuple[str, ...]]:
        """Return the names of the cluster of each image, alone in it or not, in two round trips: its
        canonical id, then its former ids. Empty for an image that is blank, not linked or not in the store.

        A name that was told once names the same picture for good; which one is canonical may change.
        """
        return self._store.clusters.names(ids)

    def histories(self, hits: Sequence[Hit], *, besides: Occurrence | str | None = None) -> list[History]:
        """Return for each hit where its picture was seen, other images of its cluster included; `besides`: an
        occurrence that does not count. Raises ConfigError, StoreError.
        """
        return self.histories_of([hit.image_id for hit in hits], besides=besides)

    def histories_of(
        self, ids: Sequence[ImageId], *, besides: Occurrence | str | None = None
    ) -> list[History]:
        """Return the same for images."""
        return histories(self._store, ids, besides=None if besides is None else as_occurrence(besides))

    def bookmark(self, name: str) -> str | None:
        """Return what an adapter noted under this name; None for nothing."""
        return self._store.bookmarks.get(name)

    def bookmarks(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Return the bookmarks whose names start with `prefix`, with their texts: each at least once, in no
        order, read while they are consumed.
        """
        return self._store.bookmarks.starting_with(prefix)

    def set_bookmark(self, name: str, text: str | None, *, unless_there: bool = False) -> bool:
        """Note how far an adapter has read: a name of at most 256 characters, a text of at most 1 MiB. None
        removes it.

        `unless_there`: only if there is none, so that one of many succeeds. Returns whether something was
        written or removed. Raises ConfigError for a name or a text that is too long.
        """
        return self._store.bookmarks.set(name, text, unless_there=unless_there)

    def lock(self, name: str, seconds: float, *, wait: float) -> AbstractContextManager[None]:
        """Return a lock that one process at a time holds: while the block runs, at most for `seconds`.

        Entering raises StoreTimeout if others hold it for `wait` seconds.
        """
        return self._store.locks.hold(name, seconds, wait=wait)

    def take_lock(self, name: str, seconds: float) -> str | None:
        """Take a lock for somebody on another machine, if it is free, for so many seconds. Returns a token
        for `release_lock`; None while others hold it.
        """
        return self._store.locks.take(name, seconds)

    def release_lock(self, name: str, token: str) -> bool:
        """Give a lock back that `take_lock` took; returns whether it was still held."""
        return self._store.locks.release(name, token)

    def is_stored(self, image_id: ImageId) -> bool:
        """Return whether an image is in the store."""
        return self._store.images.infos([image_id])[0] is not None

    def count(self) -> int:
        """Return the number of images in the store; unlike `stats`, without reading their hashes."""
        return self._store.images.count()

    # -- collections -----------------------------------------------------------------------------------------

    def collection_size(self, name: str) -> int:
        """Return the number of images in a collection. Raises NotFound."""
        return self._store.collections.size(name)

    def create_collection(self, name: str, purpose: Purpose | str) -> Collection:
        """Return the collection of this name, created when missing. Raises ConfigError for one of another
        purpose.
        """
        return self._store.collections.create(name, Purpose(purpose))

    def collections(self) -> tuple[Collection, ...]:
        """Return all collections; a broken one is left out, which the log says."""
        with noting():
            return tuple(self._store.collections.all())

    def hubs(self) -> tuple[Hub, ...]:
        """Return the parts and clusters that are found in a large share of all pictures; the parts are the
        common regions that `link` has met. What is broken is left out, which the log says.
        """
        with noting():
            return list_hubs(self._store, self._options.search.context.common_regions)

    def common_regions(self, ids: Sequence[ImageId]) -> list[NotedRegion | None]:
        """Return for each image what is noted about a common region that it shows; None for nothing. What is
        broken is left out, which the log says.
        """
        with noting():
            return self._store.common_regions.of(ids)

    def chains(self) -> tuple[Chain, ...]:
        """Return the pairs of clusters that matches connect and that are not one, because no image could
        represent both; those with most matches first.
        """
        return list_chains(self._store)

    def ignore(self, name: str, *, collection: str = IGNORED) -> tuple[ImageId, ...]:
        """Put an image, or all images of a cluster, into a collection of purpose `ignore`, created when
        missing.

        Returns the images. Raises NotFound; ConfigError for a collection of another purpose.
        """
        return ignore(self._store, name, collection)

    # -- the store as a graph --------------------------------------------------------------------------------

    def graph(
        self, form: GraphFormat | str, *, names: Names | None = None, cluster: str | None = None
    ) -> Iterator[str]:
        """Return the text of a graph of clusters and images, in pieces that are made while they are read.

        `names`: labels of images (graph/walk.py). `cluster`: this one only. Raises NotFound for an unknown
        cluster, before anything is returned.
        """
        if cluster is not None:
            self._store.clusters.by_id(cluster)
        return graph(lambda: groups(self._store, cluster), GraphFormat(form), names or no_names)

    def occurrences_as_names(self, is_shown: Callable[[str], bool] = lambda host: True) -> Names:
        """Return what names images in a graph by where they were seen last; `is_shown`: whether occurrences
        of a host may be named.
        """
        return occurrences_of(self._store, is_shown)

    # -- pairs that wait for a person ------------------------------------------------------------------------

    def open_reviews(self) -> Iterator[list[tuple[ImageId, ImageId, float]]]:
        """Yield all pairs whose scored verdict is `review`, with its confidence, some at a time: the smaller
        id first, each at least once, those that a person judged included.
        """
        return self._store.reviews.all()

    def edges(self) -> Iterator[list[tuple[ImageId, ImageId, bool]]]:
        """Yield all pairs whose scored verdict is `match` (true) or `review` (false), some at a time: the
        smaller id first, each at least once.
        """
        return self._store.reviews.edges()

    def image_ids(self) -> Iterator[ImageId]:
        """Yield the ids of all images, in order. Images that are added or forgotten meanwhile may be missing
        or included.
        """
        return (image_id for some in self._store.images.ids_after() for image_id in some)

    def judgements_of(self, ids: Sequence[ImageId]) -> list[dict[ImageId, Judgement]]:
        """Return for each image what persons said of it, by the other image, in one round trip."""
        return self._store.reviews.said(ids)

    def clusters_of(self, ids: Sequence[ImageId]) -> list[Cluster | None]:
        """Return the cluster of each image with all its members; None for an image that is in none."""
        return self._store.clusters.of(ids)

    def infos(self, ids: Sequence[ImageId]) -> list[ImageInfo | None]:
        """Return where each image was seen and which collections hold it; None for one that is not in the
        store.
        """
        return self._store.images.infos(ids)

    def take_leases(
        self, pairs: Sequence[tuple[ImageId, ImageId]], holder: str, *, seconds: float
    ) -> list[bool]:
        """Take or renew the sole right to be asked about these pairs, and return for each whether the holder
        has it now. Raises ConfigError for a holder's name that does not fit.
        """
        return self._store.leases.take(pairs, holder, seconds=seconds)

    def release_leases(self, pairs: Sequence[tuple[ImageId, ImageId]], holder: str) -> None:
        """Give back those of these leases that the holder has. Raises as `take_leases`."""
        self._store.leases.release(pairs, holder)

    # -- keys of the service ---------------------------------------------------------------------------------

    def create_key(
        self,
        name: str,
        rights: Several[Right | str],
        *,
        sees: Several[str] = (),
        expires: datetime | None = None,
    ) -> str:
        """Return a new key of the service, which is stored nowhere and cannot be shown again.

        `sees`: whose names its answers hold (host:NAME, collection:NAME, all). Raises ConfigError.
        """
        return self._store.access_keys.create(name, rights, sees=sees, expires=expires)

    def keys(self) -> dict[str, AccessKey]:
        """Return the keys of the service by name, revoked ones too; a broken one is left out, which the log
        says.
        """
        with noting():
            return self._store.access_keys.all()

    def revoke_key(self, name: str) -> AccessKey:
        """End a key of the service at once, and return what is left of it. Raises NotFound."""
        return self._store.access_keys.revoke(name)

    def open_session(self, access: AccessKey, *, seconds: float) -> str:
        """Return the token of a session that stands for a key, for a browser's cookie."""
        return self._store.sessions.open(access.digest, seconds=seconds)

    def session_key(self, token: str) -> str | None:
        """Return the digest of the key that a session stands for; None for one that has ended."""
        return self._store.sessions.key_digest(token)

    def end_session(self, token: str) -> None:
        """End a session."""
        self._store.sessions.end(token)

    def needs_key(self) -> bool:
        """Return whether this store ever had a key: then a service answers nobody without one."""
        return self._store.access_keys.are_needed()

    def _image(self, name: str) -> ImageId:
        subject = self._store.resolve(name)
        if isinstance(subject, Cluster):
            raise ConfigError(f"{name} is a cluster of {len(subject.members)} images; name one image")
        return subject


def as_occurrence(given: Occurrence | str) -> Occurrence:
    """Return an occurrence, parsing a string if necessary. Raises ConfigError if the string is not
    HOST:KIND:ID.
    """
    return Occurrence.parse(given) if isinstance(given, str) else given
