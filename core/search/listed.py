"""Entries of hash lists that are near a query: after the pictures, because they say less.

Takes the features and the bytes of a query, gives entries whose hash of the bytes is equal, or whose PDQ hash
lies within the specification's radius in any orientation, also with light and dark exchanged. An entry has no
pixels that could refute it, and pages of one site are often as near (4.5 % of pairs), so the answer is at
most a review. The same holds for equal bytes: they are surely the same picture, but only the list says that
the picture means anything, and a machine must not act on that.

Each process keeps the hashes of all lists in memory, some 200 bytes an entry, and reads a list again when its
stamp has changed. What is found is read from the store at once, so that a withdrawn entry is never given.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection as Names, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

import numpy as np

from ..index.hamming import BYTES, HammingIndex
from ..listed import ListedHit
from ..records import Decision, ImageFeatures
from ..store.hash_lists import HashList, HashLists, ListEntry

#: Minimum PDQ quality of a query that is compared with lists. spec: HMA and python-threatexchange, 50.
MINIMUM_QUALITY = 50
#: Nearest entries of a list that are read from the store. chosen: more than anybody reads.
NEAREST = 100

#: Digests of bytes, by the name of the field of an entry.
DIGESTS: Mapping[str, Callable[[bytes], str]] = {
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
    "sha1": lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
}


@dataclass(eq=False)
class _Loaded:
    """The hashes of one list."""

    about: HashList
    ids: list[str] = field(default_factory=list)
    near: HammingIndex = field(default_factory=HammingIndex)
    exact: dict[str, dict[bytes, list[int]]] = field(default_factory=dict)


class ListIndex:
    """The hashes of all lists in this process. May be shared by threads."""

    def __init__(self, lists: HashLists, radius: int) -> None:
        """`radius`: maximum distance of two PDQ hashes in bits."""
        self._lists, self._radius = lists, radius
        self._loaded: dict[str, _Loaded] = {}
        self._lock = threading.Lock()

    def search(
        self, features: ImageFeatures, data: bytes, *, collection: str | Names[str] | None, limit: int
    ) -> tuple[ListedHit, ...]:
        """Return the entries near a query, those with equal bytes first, then the nearest, at most `limit`;
        `collection`: only lists of this one, or of these. Raises StoreError.
        """
        wanted = {collection} if isinstance(collection, str) else collection
        found = [
            hit
            for name, loaded in self._current().items()
            if wanted is None or loaded.about.collection in wanted
            for hit in self._in_list(name, loaded, features, data)
        ]
        return tuple(sorted(found, key=lambda hit: (hit.pdq_bits or 0, hit.list, hit.entry_id))[:limit])

    def _current(self) -> dict[str, _Loaded]:
        """The lists as they are now; only those that changed are read again."""
        with self._lock:
            known = self._lists.all()
            kept = {
                name: loaded
                for name, loaded in self._loaded.items()
                if name in known and known[name].stamp == loaded.about.stamp
            }
            self._loaded = kept | {
                name: self._load(name, about) for name, about in known.items() if name not in kept
            }
            return self._loaded

    def _load(self, name: str, about: HashList) -> _Loaded:
        loaded, hashes = _Loaded(about), bytearray()
        for entry in self._lists.entries(name):
            if entry.deleted:
                continue
            for kind in DIGESTS:
                if text := getattr(entry, kind):
                    rows = loaded.exact.setdefault(kind, {}).setdefault(bytes.fromhex(text), [])
                    rows.append(len(loaded.ids))
            hashes += bytes(BYTES) if entry.pdq is None else bytes.fromhex(entry.pdq)
            loaded.ids.append(entry.entry_id)
        rows_of = np.frombuffer(bytes(hashes), np.uint8).reshape(-1, BYTES)
        loaded.near.extend(rows_of, np.asarray(rows_of.any(axis=1)))
        loaded.near.search(bytes(BYTES), 0)  # orders what was added, before threads share it
        return loaded

    def _in_list(
        self, name: str, loaded: _Loaded, features: ImageFeatures, data: bytes
    ) -> Iterator[ListedHit]:
        digests = {kind: DIGESTS[kind](data) for kind in loaded.exact}
        hashes = list(_hashes(features))
        rows = {
            row
            for kind, digest in digests.items()
            for row in loaded.exact[kind].get(bytes.fromhex(digest), ())
        }
        near: dict[int, int] = {}
        for pdq in hashes:
            found, bits = loaded.near.search(pdq, self._radius)
            for row, distance in zip(found[:NEAREST].tolist(), bits[:NEAREST].tolist(), strict=True):
                near[row] = min(distance, near.get(row, distance))
        rows |= set(sorted(near, key=lambda row: near[row])[:NEAREST])
        ids = sorted({loaded.ids[row] for row in rows})
        for entry in self._lists.entries_of(name, ids):
            if entry is not None and (by := self._agrees(entry, digests, hashes)) is not None:
                yield _hit(name, loaded.about, entry, *by)

    def _agrees(
        self, entry: ListEntry, digests: Mapping[str, str], hashes: list[bytes]
    ) -> tuple[str, int | None] | None:
        """Which hash of an entry agrees with the query, and how far; None if it has changed since."""
        for kind, digest in digests.items():
            if getattr(entry, kind) == digest:
                return kind, None
        if entry.pdq is None or not hashes:
            return None
        own = int(entry.pdq, 16)
        bits = min((own ^ int.from_bytes(pdq, "big")).bit_count() for pdq in hashes)
        return ("pdq", bits) if bits <= self._radius else None


def _hashes(features: ImageFeatures) -> Iterator[bytes]:
    """PDQ hashes of the query in all orientations, also inverted; none of a picture that shows too little."""
    if features.informative and features.hashes.pdq_quality >= MINIMUM_QUALITY:
        for pdq in features.hashes.orientations:
            yield pdq
            yield bytes(255 - byte for byte in pdq)


def _hit(name: str, about: HashList, entry: ListEntry, by: str, bits: int | None) -> ListedHit:
    words = f"{by} of the bytes is equal" if bits is None else f"PDQ {bits}/256"
    return ListedHit(
        list=name,
        entry_id=entry.entry_id,
        collection=about.collection,
        tlp=about.tlp,
        decision=Decision.REVIEW,
        by=by,
        pdq_bits=bits,
        sentence=f"{words}; an entry of hash list {name}, of which there are no pixels to compare",
        labels=entry.labels,
        first_seen=_moment(entry.first_seen),
        last_seen=_moment(entry.last_seen),
    )


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
