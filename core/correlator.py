"""What can be asked, whoever answers: `Engine` on a store, or `client.Client` through a service. The command
line is written against this, and one test asks both the same.
"""

from __future__ import annotations

from collections.abc import Collection as Names, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol

from .answers import AddResult, Chain, EngineStats, Hit, Hub, QueryResult
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
    Occurrence,
    Purpose,
    RecordOutcome,
)


class Described(Protocol):
    """All that is known about one image."""

    def to_json(self) -> dict[str, Any]:
        """Return it as in a line of the command line."""


class Correlator(Protocol):
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
