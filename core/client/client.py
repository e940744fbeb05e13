"""A service as if it were an engine: the same words, the same answers, the same errors."""

from __future__ import annotations

from collections.abc import Callable, Collection as Names, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any

from ..answers import AddResult, Chain, EngineStats, Hit, Hub, QueryResult
from ..config import Config
from ..errors import NotFound
from ..records import (
    IGNORED,
    Cluster,
    Collection,
    Decision,
    ForgetReport,
    ImageId,
    Judgement,
    JudgementWord,
    Membership,
    Occurrence,
    Purpose,
    RecordOutcome,
)
from ..reviews import Reviews
from . import reading
from .books import API, BooksClient
from .transport import Transport, Upload, Values, objects, one_object

#: Seconds to wait for an answer. chosen: a full-page capture takes some seconds on a loaded machine.
TIMEOUT = 120.0
#: Seconds in which a request is sent again while the service has no slot free. chosen.
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    """All that a service tells about one image."""

    #: Its id.
    image_id: ImageId
    #: The line of `quaid show`.
    line: Mapping[str, Any]

    @property
    def informative(self) -> bool:
        """Return whether it shows enough to be recognised."""
        return bool(self.line["informative"])

    @property
    def clusters(self) -> tuple[str, ...]:
        """Return the canonical id of its cluster, then the aliases."""
        return tuple(self.line["clusters"])

    @property
    def memberships(self) -> tuple[Membership, ...]:
        """Return the collections that hold it, as far as the key sees them."""
        return tuple(Membership(one["name"], dict(one["labels"])) for one in self.line["collections"])

    def in_clusters(self, clusters: tuple[str, ...]) -> RemoteDescription:
        """Return it as it would be in another cluster."""
        return RemoteDescription(self.image_id, {**self.line, "clusters": list(clusters)})

    def to_json(self) -> dict[str, Any]:
        """Return the description as in a line of the command line."""
        return dict(self.line)


class Client(BooksClient):
    """What `Engine` is on a store, through a service. Threads may share it.

    Every method returns and raises what that of `Engine` does; KeyRefused and NotAllowed if the service does
    not accept the key or the key lacks a right, ServiceBusy if it has no slot free for a minute, and
    StoreUnavailable or StoreTimeout if it cannot be reached. Numbers are rounded as in JSON.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        ca_file: str | None = None,
        config: Config | None = None,
    ) -> None:
        """`key`: default DOUGLAS_QUAID_KEY. `timeout`: seconds to wait for an answer. `patience`: seconds in
        which a request is sent again while no slot is free. `ca_file`: certificates to trust in place of
        those of the system. Raises ConfigError; nothing connects yet.
        """
        #: The settings of this process.
        self.config = config or Config.from_environment(store=url)
        transport = Transport(
            url,
            key=self.config.key if key is None else key,
            timeout=timeout,
            patience=patience,
            ca_file=ca_file,
        )
        super().__init__(transport)

    # -- pictures --------------------------------------------------------------------------------------------

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
        """Store a picture and where it was seen; see `Engine.add`."""
        fields: Values = {
            "occurrence": None if occurrence is None else str(occurrence),
            "label": [f"{label}={value}" for label, value in (labels or {}).items()],
            "collection": collection,
            "seen": None if seen is None else seen.isoformat(),
            "link": None if link else "0",
            "hash_only": "1" if hash_only else None,
        }
        answer = self._transport.post((*API, "images"), fields, [Upload("image", name, data)])
        return reading.read_added(one_object(answer))

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
        """Return which stored images show this picture or a part of it; see `Engine.query`."""
        fields: Values = {
            "limit": str(limit),
            "deadline": None if deadline is None else str(deadline),
            "collection": collection,
            "min_decision": Decision(min_decision).value,
            "exclude": exclude,
            "include_same_template": "1" if include_same_template else None,
        }
        answer = self._transport.post((*API, "queries"), fields, [Upload("image", name, data)])
        return reading.read_query(one_object(answer))

    def compare(self, a: bytes | str, b: bytes | str) -> Hit:
        """Return the verdict about one pair by itself; see `Engine.compare`."""
        return reading.read_hit(one_object(self._pair(a, b, "comparisons")))

    def overlay(self, a: bytes | str, b: bytes | str) -> bytes:
        """Return a PNG of both pictures with the matched region; see `Engine.overlay`."""
        return self._pair(a, b, "overlays")

    def _pair(self, a: bytes | str, b: bytes | str, what: str) -> bytes:
        sides = {"a": a, "b": b}
        fields = {side: given for side, given in sides.items() if isinstance(given, str)}
        uploads = [
            Upload(side, side.upper(), given) for side, given in sides.items() if isinstance(given, bytes)
        ]
        return self._transport.post((*API, what), fields, uploads)

    # -- what is stored --------------------------------------------------------------------------------------

    def hits(
        self, name: str, *, limit: int | None = None, per_cluster: bool = False, elsewhere: bool = False
    ) -> tuple[Hit, ...]:
        """Return stored verdicts; see `Engine.hits`."""
        query: Values = {
            "limit": None if limit is None else str(limit),
            "per_cluster": "1" if per_cluster else None,
            "elsewhere": "1" if elsewhere else None,
        }
        return tuple(self._list(("images", name, "hits"), reading.read_hit, query))

    def show(self, name: str) -> RemoteDescription | Cluster:
        """Return all that is known about an image or a cluster; see `Engine.show`."""
        line = one_object(self._transport.get((*API, "images", name)))
        return reading.read_cluster(line) if "cluster" in line else RemoteDescription(line["image_id"], line)

    def thumbnail(self, name: str) -> bytes:
        """Return the grey thumbnail that is kept of an image, a WebP; see `Engine.thumbnail`."""
        return self._transport.get((*API, "images", name, "thumbnail"))

    def reviews(self, *, limit: int = 20, after: str = "") -> Reviews:
        """Return stored pairs that a person should look at; see `Engine.reviews`."""
        query: Values = {"limit": str(limit), "after": after or None}
        return reading.read_reviews(one_object(self._transport.get((*API, "reviews"), query)))

    def forget(self, name: str, *, purge: bool = False) -> ForgetReport:
        """Remove an image and everything that names it; see `Engine.forget`."""
        path, query = (*API, "images", name), {"purge": "1" if purge else None}
        line = one_object(self._transport.get(path, query, method="DELETE"))
        return ForgetReport(line["image_id"], line["occurrences"], line["verdicts"], tuple(line["unlinked"]))

    def stats(self) -> EngineStats:
        """Return the store and the index of the service in numbers; see `Engine.stats`."""
        return reading.read_stats(one_object(self._transport.get((*API, "stats"))))

    # -- a person's word -------------------------------------------------------------------------------------

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
        """Keep what a person says of two images; see `Engine.judge`. The service notes the name of the key in
        place of an empty `who`.
        """
        return self._judge(a, b, JudgementWord(word).value, who, source, when)

    def confirm(self, a: str, b: str, *, who: str = "", source: str = "") -> RecordOutcome:
        """Say that two images show the same source picture; see `Engine.confirm`."""
        return self._judge(a, b, "confirm", who, source)

    def veto(self, a: str, b: str, *, who: str = "", source: str = "") -> None:
        """Say that two images do not show the same; see `Engine.veto`."""
        self._judge(a, b, "veto", who, source)

    def _judge(
        self, a: str, b: str, word: str, who: str, source: str, when: datetime | None = None
    ) -> RecordOutcome:
        fields: Values = {
            "a": a,
            "b": b,
            "word": word,
            "who": who or None,
            "source": source or None,
            "when": None if when is None else when.isoformat(),
        }
        line = one_object(self._transport.post((*API, "judgements"), fields))
        return RecordOutcome(line["outcome"])

    def judgements(self, name: str) -> list[Judgement]:
        """Return what persons said of an image and others, the latest first; see `Engine.judgements`."""
        return self._list(("images", name, "judgements"), reading.read_judgement)

    def undo(self, a: str, b: str) -> Judgement:
        """Take back what a person said of two images; see `Engine.undo`."""
        path = (*API, "judgements")
        return reading.read_judgement(
            one_object(self._transport.get(path, {"a": a, "b": b}, method="DELETE"))
        )

    # -- collections, common regions, chains -----------------------------------------------------------------

    def create_collection(self, name: str, purpose: Purpose | str) -> Collection:
        """Return the collection of this name, created when missing; see `Engine.create_collection`."""
        fields = {"name": name, "purpose": Purpose(purpose).value}
        return reading.read_collection(one_object(self._transport.post((*API, "collections"), fields)))

    def collections(self) -> tuple[Collection, ...]:
        """Return all collections that the key may see; see `Engine.collections`."""
        return tuple(self._list(("collections",), reading.read_collection))

    def collection_size(self, name: str) -> int:
        """Return the number of images in a collection. Raises NotFound; see `Engine.collection_size`."""
        for line in objects(self._transport.get((*API, "collections"))):
            if line.get("name") == name:
                return int(line["images"])
        raise NotFound(f"collection {name!r} does not exist")

    def hubs(self) -> tuple[Hub, ...]:
        """Return what is found in a large share of all pictures; see `Engine.hubs`."""
        return tuple(self._list(("hubs",), reading.read_hub))

    def chains(self) -> tuple[Chain, ...]:
        """Return the pairs of clusters that matches connect and that are not one; see `Engine.chains`."""
        return tuple(self._list(("chains",), reading.read_chain))

    def ignore(self, name: str, *, collection: str = IGNORED) -> tuple[ImageId, ...]:
        """Put an image, or those of a cluster, into a collection of purpose `ignore`; see `Engine.ignore`."""
        fields = {"name": name, "collection": collection}
        return tuple(one_object(self._transport.post((*API, "ignored"), fields))["images"])

    # -- the connection --------------------------------------------------------------------------------------

    def _list(
        self, path: Iterable[str], read: Callable[[reading.Line], reading.Read], query: Values | None = None
    ) -> list[reading.Read]:
        return [read(line) for line in objects(self._transport.get((*API, *path), query))]

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self.close()
