"""What adapters ask a service besides pictures: the part of `Client` that is `Books` in correlator.py."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from ..answers import History, Hit
from ..batches import in_groups
from ..errors import FormatError, StoreTimeout
from ..records import ImageId, NotedRegion, Occurrence, Seen, Withdrawn
from . import reading
from .transport import Transport, Values, one_object, told_objects

#: Names in one request. chosen: some 50 KB.
NAMES_AT_ONCE = 500
#: Seconds until a lock that others hold is tried again. chosen: below what a lock is held for, mostly.
LOCK_PAUSE = 0.05

#: Beginning of the paths of this version.
API = ("api", "v1")


class BooksClient:
    """Asks a service about occurrences, clusters, bookmarks and locks. Every method is that of `Engine`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    # -- where images were seen ------------------------------------------------------------------------------

    def sightings(self, occurrences: Sequence[Occurrence | str]) -> list[tuple[Seen, ...]]:
        """Return for each occurrence the images seen there; see `Engine.sightings`."""
        lines = self._about("sightings", "occurrence", list(map(str, occurrences)))
        return [reading.read_sightings(line) for line in lines]

    def occurrences(self, prefix: str) -> Iterator[Occurrence]:
        """Return all occurrences that start with `prefix`; see `Engine.occurrences`."""
        for line in self._lines("occurrences", {"prefix": prefix}):
            yield Occurrence.parse(line["occurrence"])

    def note(
        self,
        image_id: ImageId,
        *,
        occurrence: Occurrence | str,
        labels: Mapping[str, str] | None = None,
        seen: datetime | None = None,
    ) -> str:
        """Note that a known image was seen at an occurrence; see `Engine.note`."""
        fields: Values = {
            "occurrence": str(occurrence),
            "label": [f"{label}={value}" for label, value in (labels or {}).items()],
            "seen": None if seen is None else seen.isoformat(),
        }
        answer = self._transport.post((*API, "images", image_id, "occurrences"), fields)
        return str(one_object(answer)["status"])

    def withdraw(
        self, occurrence: Occurrence | str, *, keep: ImageId | None = None, collection: str | None = None
    ) -> tuple[Withdrawn, ...]:
        """Say that an occurrence no longer shows the images it did; see `Engine.withdraw`."""
        query = {"occurrence": str(occurrence), "keep": keep, "collection": collection}
        lines = self._lines("occurrences", query, method="DELETE")
        return tuple(Withdrawn(line["image_id"], line["forgotten"]) for line in lines)

    def link(self, image_id: ImageId) -> object:
        """Search for a stored image, and keep what is found; see `Engine.link`."""
        return one_object(self._transport.post((*API, "images", image_id, "link"), {}))["verdicts"]

    def vetoed(self, image_id: ImageId) -> frozenset[ImageId]:
        """Return the images that a person said are not the same; see `Engine.vetoed`."""
        return frozenset(one_object(self._transport.get((*API, "images", image_id, "vetoed")))["images"])

    # -- clusters and regions --------------------------------------------------------------------------------

    def cluster_ids(self, ids: Sequence[ImageId]) -> list[str | None]:
        """Return the id of the cluster that each image shares with others; see `Engine.cluster_ids`."""
        return [line["shared"] for line in self._about("cluster-names", "image", ids)]

    def cluster_names(self, ids: Sequence[ImageId]) -> list[tuple[str, ...]]:
        """Return the names of the cluster of each image; see `Engine.cluster_names`."""
        return [tuple(line["clusters"]) for line in self._about("cluster-names", "image", ids)]

    def histories(self, hits: Sequence[Hit], *, besides: Occurrence | str | None = None) -> list[History]:
        """Return for each hit where its picture was seen; see `Engine.histories`."""
        more = {} if besides is None else {"besides": str(besides)}
        lines = self._about("histories", "image", [hit.image_id for hit in hits], **more)
        return [reading.read_history(line) for line in lines]

    def common_regions(self, ids: Sequence[ImageId]) -> list[NotedRegion | None]:
        """Return for each image what is noted about a common region; see `Engine.common_regions`."""
        return [reading.read_noted(line) for line in self._about("common-regions", "image", ids)]

    # -- bookmarks and locks ---------------------------------------------------------------------------------

    def bookmark(self, name: str) -> str | None:
        """Return what an adapter noted under this name; see `Engine.bookmark`."""
        text: str | None = one_object(self._transport.get((*API, "bookmarks", name)))["text"]
        return text

    def bookmarks(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Return the bookmarks whose names start with `prefix`; see `Engine.bookmarks`."""
        for line in self._lines("bookmarks", {"prefix": prefix}):
            yield line["name"], line["text"]

    def set_bookmark(self, name: str, text: str | None, *, unless_there: bool = False) -> bool:
        """Note a text under a name; None removes it; see `Engine.set_bookmark`."""
        if text is None:
            answer = self._transport.get((*API, "bookmarks", name), method="DELETE")
        else:
            fields = {"name": name, "text": text, "unless_there": unless_there}
            answer = self._transport.post_json((*API, "bookmarks"), fields)
        return bool(one_object(answer)["written"])

    @contextmanager
    def lock(self, name: str, seconds: float, *, wait: float) -> Iterator[None]:
        """Hold a lock while the block runs, at most for `seconds`; see `Engine.lock`. A client that dies
        keeps it until then. Raises StoreTimeout if others hold it for `wait` seconds.
        """
        until = time.monotonic() + wait
        fields: Values = {"name": name, "seconds": str(seconds)}
        while (token := one_object(self._transport.post((*API, "locks"), fields))["token"]) is None:
            if time.monotonic() > until:
                raise StoreTimeout(f"lock {name!r} has been held by others for {wait:g} s; try again")
            time.sleep(LOCK_PAUSE)
        try:
            yield
        finally:
            self._transport.get((*API, "locks", name), {"token": token}, method="DELETE")

    def count(self) -> int:
        """Return the number of images in the store; see `Engine.count`."""
        return int(one_object(self._transport.get((*API, "count")))["images"])

    def load(self) -> int:
        """Return the number of images in the store: the index is that of the service."""
        return self.count()

    # -- the connection --------------------------------------------------------------------------------------

    def _lines(self, what: str, query: Values, *, method: str = "GET") -> list[dict[str, Any]]:
        return told_objects(self._transport.get((*API, what), query, method=method))

    def _about(self, what: str, field: str, names: Sequence[str], **more: str) -> list[dict[str, Any]]:
        """The lines about these names, one for each, in their order."""
        found: list[dict[str, Any]] = []
        for group in in_groups(names, NAMES_AT_ONCE):
            lines = told_objects(self._transport.post_json((*API, what), {field: list(group), **more}))
            if len(lines) != len(group):
                raise FormatError(f"the service answered {len(lines)} lines about {len(group)} names")
            found += lines
        return found
