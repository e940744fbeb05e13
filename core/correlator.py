"""What can be asked, whoever answers: `Engine` on a store, or `client.Client` through a service. The command
line is written against this, and one test asks both the same.
"""

from __future__ import annotations

from collections.abc import Collection as Names, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol

from .answers import AddResult, Chain, EngineStats, History, Hit, Hub, QueryResult
from .config import Config
from .records import (
    IGNORED,
    Cluster,
    Collection,
    Decision,
    ForgetReport,
    ImageId,
    Judgement,
    JudgementWord,
    Membership,
    NotedRegion,
    Occurrence,
    Purpose,
    RecordOutcome,
    Seen,
    Withdrawn,
)
from .reviews import Reviews


class Described(Protocol):
    """All that is known about one image."""

    @property
    def image_id(self) -> ImageId:
        """Return its id."""

    @property
    def informative(self) -> bool:
        """Return whether it shows enough to be recognised."""

    @property
    def clusters(self) -> tuple[str, ...]:
        """Return the canonical id of its cluster, then the aliases."""

    @property
    def memberships(self) -> tuple[Membership, ...]:
        """Return the collections that hold it."""

    def in_clusters(self, clusters: tuple[str, ...]) -> Described:
        """Return it as it would be in another cluster."""

    def to_json(self) -> dict[str, Any]:
        """Return it as in a line of the command line."""


class Books(Protocol):
    """What an adapter that follows another system asks besides: each method is that of `Engine`."""

    def sightings(self, occurrences: Sequence[Occurrence | str]) -> list[tuple[Seen, ...]]:
        """Return for each occurrence the images seen there, latest first."""

    def occurrences(self, prefix: str) -> Iterator[Occurrence]:
        """Return all occurrences that start with `prefix`."""

    def note(
        self,
        image_id: ImageId,
        *,
        occurrence: Occurrence | str,
        labels: Mapping[str, str] | None = None,
        seen: datetime | None = None,
    ) -> str:
        """Note that a known image was seen at an occurrence."""

    def withdraw(
        self, occurrence: Occurrence | str, *, keep: ImageId | None = None, collection: str | None = None
    ) -> tuple[Withdrawn, ...]:
        """Say that an occurrence no longer shows the images it did."""

    def link(self, image_id: ImageId) -> object:
        """Search for a stored image, and keep what is found."""

    def vetoed(self, image_id: ImageId) -> frozenset[ImageId]:
        """Return the images that a person said are not the same as this one."""

    def cluster_ids(self, ids: Sequence[ImageId]) -> list[str | None]:
        """Return the canonical id of the cluster that each image shares with others."""

    def cluster_names(self, ids: Sequence[ImageId]) -> list[tuple[str, ...]]:
        """Return the names of the cluster of each image, alone in it or not."""

    def histories(self, hits: Sequence[Hit], *, besides: Occurrence | str | None = None) -> list[History]:
        """Return for each hit where its picture was seen."""

    def common_regions(self, ids: Sequence[ImageId]) -> list[NotedRegion | None]:
        """Return for each image what is noted about a common region that it shows."""

    def bookmark(self, name: str) -> str | None:
        """Return what an adapter noted under this name."""

    def bookmarks(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Return the bookmarks whose names start with `prefix`, with their texts."""

    def set_bookmark(self, name: str, text: str | None, *, unless_there: bool = False) -> bool:
        """Note a text under a name; None removes it."""

    def lock(self, name: str, seconds: float, *, wait: float) -> AbstractContextManager[None]:
        """Return a lock that one process at a time holds."""

    def count(self) -> int:
        """Return the number of images in the store."""

    def load(self) -> int:
        """Bring the index up to date, and return its number of images."""


class Correlator(Books, Protocol):
    """Have we seen this picture, or a piece of it, before? Each method is that of `Engine`, with its errors;
    a client raises KeyRefused and NotAllowed about its key, and ServiceBusy, besides.
    """

    #: The settings of this process.
    config: Config

    def add(
        self,
        data: bytes,
        *,
        occurrence: Occurrence | str | None = None,
        labels: Mapping[str, str] | None = None,
        collection: str | None = None,
        seen: datetime | None = None,
        link: bool = True,
        hash_only: bool = False,
        name: str = "picture",
    ) -> AddResult:
        """Store a picture and where it was seen."""

    def query(
        self,
        data: bytes,
        *,
        limit: int = 10,
        deadline: float | None = None,
        collection: str | Names[str] | None = None,
        min_decision: Decision | str = Decision.REVIEW,
        exclude: Names[str] = (),
        include_same_template: bool = False,
        name: str = "picture",
    ) -> QueryResult:
        """Return which stored images show this picture or a part of it."""

    def hits(
        self, name: str, *, limit: int | None = None, per_cluster: bool = False, elsewhere: bool = False
    ) -> tuple[Hit, ...]:
        """Return stored verdicts."""

    def compare(self, a: bytes | str, b: bytes | str) -> Hit:
        """Return the verdict about one pair by itself."""

    def overlay(self, a: bytes | str, b: bytes | str) -> bytes:
        """Return a PNG of both pictures with the matched region."""

    def thumbnail(self, name: str) -> bytes:
        """Return the grey thumbnail that is kept of an image, a WebP."""

    def reviews(self, *, limit: int = 20, after: str = "") -> Reviews:
        """Return stored pairs that a person should look at and that nobody judged."""

    def show(self, name: str) -> Described | Cluster:
        """Return all that is known about an image or a cluster."""

    def forget(self, name: str, *, purge: bool = False) -> ForgetReport:
        """Remove an image and everything that names it."""

    def confirm(self, a: str, b: str, *, who: str = "", source: str = "") -> RecordOutcome:
        """Say that two images show the same source picture."""

    def veto(self, a: str, b: str, *, who: str = "", source: str = "") -> None:
        """Say that two images do not show the same."""

    def judge(
        self,
        a: str,
        b: str,
        word: JudgementWord | str,
        *,
        who: str = "",
        source: str = "",
        when: datetime | None = None,
    ) -> RecordOutcome:
        """Keep what a person says of two images."""

    def judgements(self, name: str) -> list[Judgement]:
        """Return what persons said of an image and others."""

    def undo(self, a: str, b: str) -> Judgement:
        """Take back what a person said of two images."""

    def create_collection(self, name: str, purpose: Purpose | str) -> Collection:
        """Return the collection of this name, created when missing."""

    def collections(self) -> tuple[Collection, ...]:
        """Return all collections."""

    def collection_size(self, name: str) -> int:
        """Return the number of images in a collection."""

    def hubs(self) -> tuple[Hub, ...]:
        """Return the parts and clusters that are found in a large share of all pictures."""

    def chains(self) -> tuple[Chain, ...]:
        """Return the pairs of clusters that matches connect and that are not one."""

    def ignore(self, name: str, *, collection: str = IGNORED) -> tuple[ImageId, ...]:
        """Put an image, or those of a cluster, into a collection of purpose `ignore`."""

    def stats(self) -> EngineStats:
        """Return store and index in numbers."""

    def close(self) -> None:
        """Close all connections."""

    def __enter__(self) -> Correlator: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...
