"""The path of a picture, top to bottom. Start reading here.

    bytes -> decode (safe) -> features -> store (+ columns) -> index replica -> candidates -> verification ->
    decision -> cluster

`add` walks the first half and acknowledges: from then on every process finds the picture. `link` and `query`
walk the second half; `link` stores its verdicts on both sides and joins clusters, `query` stores nothing.
`hits` reads stored verdicts and needs no bytes. Each line of these methods is one function of one file. An
`Engine` may be shared by threads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Collection as Names
from contextlib import suppress
from datetime import datetime
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from .answers import AddResult, Description, EngineStats, History, Hit, QueryResult
from .bookkeeping import Bookkeeping, as_place
from .config import Config
from .deadline import Timer
from .decision.active_calibration import ActiveCalibration
from .decision.calibration import Calibration, shipped, write
from .decision.decide import confirmed, decide
from .decision.redecide import Redecided, redecide, redecide_images, relink
from .errors import ConfigError, NotFound
from .extraction.extractor import Extractor
from .features import hashes_alone, is_hash_only
from .features.picture import Picture
from .index.new_image import new_image
from .index.replica import IndexReplica
from .index.snapshot import SnapshotFile
from .overlay import draw_overlay
from .records import (
    Cluster,
    Decision,
    ImageFeatures,
    ImageId,
    JudgementWord,
    Occurrence,
    Purpose,
    Relation,
    StoredVerdict,
    Verdict,
    Withdrawn,
)
from .search.search import (
    RANK,
    Inquiry,
    Judged,
    Search,
    images_left_out,
    is_listed,
    read_record,
)
from .search.stored_hits import as_hits, histories, stored_hits
from .store import ForgetReport, PutStatus, RecordOutcome, Store
from .verification.verify import Verification, verify


class Engine(Bookkeeping):
    """Have we seen this picture, or a piece of it, before, and how sure are we?"""

    def __init__(self, store: Store, config: Config) -> None:
        super().__init__(store)
        self._config = config
        self._extractor = Extractor(config)
        self._in_use = ActiveCalibration(store)
        folder = config.cache_folder
        self._replica = IndexReplica(
            store.columns, None if folder is None else SnapshotFile(folder, store.identity)
        )

    @classmethod
    def open(cls, url: str | None = None, *, config: Config | None = None, mend: bool = True) -> Engine:
        """Open the store at `url` (default: the configured one). Raises ConfigError, StoreError, FormatError.

        `mend` false: at once, even where a crash left images to be linked again, which needs the index; the
        caller calls `mend` later.
        """
        config = config or Config.from_environment(store=url)
        engine = cls(Store.open(config), config)
        if mend:
            engine.mend()
        return engine

    @property
    def config(self) -> Config:
        return self._config

    @property
    def calibration(self) -> Calibration:
        """The one that this store is judged with."""
        return self._in_use.current()

    def close(self) -> None:
        self._extractor.close()
        self._store.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- add and link ----------------------------------------------------------------------------------------

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
        """Store a picture and where it was seen; when this returns, every process finds it.

        `labels` belong to the membership when a `collection` is given, else to the occurrence. Known bytes
        are not decoded again. `seen`: when it was seen there, with a time zone; now when not given. Of image
        and occurrence the first and the last of all these times are kept. Raises ImageError (named `name`),
        StoreError, NotFound for a collection that was never created.

        `hash_only`: nothing but hashes is kept, no thumbnail, no keypoints, no words, so that pairs which
        need these end at `review`. Of an image that is known with more the rest is removed, and its verdicts
        stay. It stays so until `forget`: to add it again without `hash_only` renews nothing, because whoever
        does so may not know why.
        """
        place = _occurrence(occurrence)
        image_id = hashlib.sha256(data).hexdigest()
        try:
            status = self._store.images.note(
                image_id, occurrence=place, labels=labels, collection=collection, seen=seen
            )
            subject = Picture(self._features(image_id))
            if hash_only and not is_hash_only(subject.features):
                subject, status = self._reduced(subject.features), PutStatus.UPDATED
        except NotFound:
            subject = self._extractor.extract(data, name=name, hash_only=hash_only)
            # `renew`: another may have added it meanwhile, and kept more.
            status = self._store.images.put(
                new_image(subject.features),
                occurrence=place,
                labels=labels,
                collection=collection,
                seen=seen,
                renew=hash_only,
            )
        if (
            status is PutStatus.UPDATED
            and self._is_baseline(collection)
            and self._store.links.is_linked(image_id)
        ):
            self._store.links.await_link(image_id)  # pictures that are there already may look like it
        if link and not self._store.links.is_linked(image_id):
            self._link(subject)
        return AddResult(
            image_id, status.value, subject.features.informative, self._store.clusters.ids([image_id])[0]
        )

    def _reduced(self, features: ImageFeatures) -> Picture:
        """A known image without all but its hashes. What was concluded from more is not judged again by these
        alone.
        """
        linked, reduced = self._store.links.is_linked(features.image_id), hashes_alone(features)
        self._store.images.put(new_image(reduced), renew=True)
        if linked:
            self._store.links.mark_linked(features.image_id)
        return Picture(reduced)

    def note(
        self,
        image_id: ImageId,
        *,
        occurrence: Occurrence | str,
        labels: Mapping[str, str] | None = None,
        seen: datetime | None = None,
    ) -> str:
        """A known image was seen at a place; its bytes are not needed. Gives "known" or "updated". Raises
        NotFound when it is not in the store.
        """
        return self._store.images.note(
            self._image(image_id), occurrence=as_place(occurrence), labels=labels, seen=seen
        ).value

    def link(self, image_id: ImageId) -> tuple[StoredVerdict, ...]:
        """Search for a stored image, and keep what is found: verdicts on both sides, matches joined into
        clusters.
        """
        self._link(Picture(self._features(image_id)))
        return tuple(self._store.verdicts.of(image_id))

    def _link(self, subject: Picture) -> None:
        image_id, calibration = subject.features.image_id, self._in_use.latest()
        search = self._search()
        judged = search.judge(subject, exclude=frozenset({image_id}), both_ways=True)
        kept = [
            (found.image_id, found.verdict)
            for found in judged
            if found.verdict.decision is not Decision.NO_MATCH
        ]
        self._store.verdicts.record_many(image_id, kept)
        self._store.common_regions.note(search.hubs)
        if (
            kept and (chosen := self._in_use.latest()).id != calibration.id
        ):  # meanwhile, and a walk through the verdicts may have passed this image
            redecide_images(self._store, [image_id], chosen)
        self._store.links.mark_linked(image_id)

    # -- questions -------------------------------------------------------------------------------------------

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
        """Which stored images show this picture or a part of it? Nothing is stored.

        `deadline`: seconds from now after which the answer is given with what was judged so far (`complete`
        is false then). `collection`: search the members of this one, or of these, only. `exclude`: image ids,
        or occurrences whose image is then left out if it has no other. Hits are sorted by confidence, one per
        cluster, those of at least `min_decision`.
        """
        started = time.monotonic()
        subject = self._extractor.extract(data, name=name)
        members = None if collection is None else self._store.collections.members(*_names(collection))
        excluded = images_left_out(self._store, exclude)
        search = self._search(None if deadline is None else started + deadline)
        judged = list(search.judge(subject, exclude=excluded, members=members))
        floor, features = Decision(min_decision), subject.features
        listed = [
            found for found in judged if is_listed(found.verdict, floor, same_template=include_same_template)
        ]
        return QueryResult(
            image_id=features.image_id,
            decision=max(
                (found.verdict.decision for found in judged), key=RANK.__getitem__, default=Decision.NO_MATCH
            ),
            informative=features.informative,
            hits=as_hits(self._store, listed, per_cluster=True, limit=limit),
            images_searched=len(self._replica),
            complete=search.complete,
            seconds=time.monotonic() - started,
            format=features.format,
            frames=features.frames,
        )

    def inquire(
        self,
        data: bytes,
        *,
        exclude: Names[ImageId] = (),
        besides: Sequence[ImageId] = (),
        name: str = "picture",
    ) -> Inquiry:
        """A query with every candidate's verdict, `no-match` too, and the verdicts about `besides`, which
        need not be candidates.

        For those who measure the engine: retrieval and decision can be told apart. Raises ImageError,
        StoreError, NotFound.
        """
        started = time.monotonic()
        subject = self._extractor.extract(data, name=name)
        candidates = tuple(self._search().judge(subject, exclude=frozenset(exclude)))
        seconds, known = time.monotonic() - started, {found.image_id for found in candidates}
        (baseline,) = self._store.collections.members_by_purpose(Purpose.BASELINE)
        apart = []
        for image_id in (other for other in besides if other not in known):
            found = verify(subject, Picture(self._features(image_id)))
            apart.append(
                Judged(image_id, decide(found.evidence, self.calibration, baseline=image_id in baseline))
            )
        return Inquiry(candidates, tuple(apart), seconds)

    def features(self, ids: Sequence[ImageId]) -> list[ImageFeatures | None]:
        """What is stored of these images, in one round trip; None for one that is not there. Raises
        FormatError for a broken record.
        """
        return [
            None if record is None else read_record(image_id, record)
            for image_id, record in zip(ids, self._store.images.records(ids), strict=True)
        ]

    def hits(
        self, name: str, *, limit: int | None = None, per_cluster: bool = False, elsewhere: bool = False
    ) -> tuple[Hit, ...]:
        """What `link` stored about an image (by id, unique prefix or occurrence) or about the members of a
        cluster.

        `per_cluster`: the best of each cluster only. `elsewhere`: the question is about one place, so an
        image that was seen at others too is a hit of its own.
        """
        subject = self._store.resolve(name)
        return stored_hits(
            self._store, shipped(), subject, limit=limit, per_cluster=per_cluster, itself=elsewhere
        )

    def histories(self, hits: Sequence[Hit], *, besides: Occurrence | str | None = None) -> list[History]:
        """For each hit where its picture was seen, other images of its cluster included; `besides`: a place
        that does not count.
        """
        return histories(self._store, hits, besides=_occurrence(besides))

    def compare(self, a: bytes | str, b: bytes | str) -> Hit:
        """Judge one pair by itself, with every piece of evidence that a pair has; each side is a picture's
        bytes, an image id or an occurrence.

        A search knows more: what else agrees with the query. So its answer about the same two may be surer,
        or less sure.
        """
        query, reference = self._subject(a, "A"), self._subject(b, "B")
        reference_id = reference.features.image_id
        _, verdict = self._compared(query, reference)
        return Hit.of(verdict, reference_id, self._store.images.infos([reference_id])[0])

    def overlay(self, a: bytes | str, b: bytes | str) -> bytes:
        """A PNG of both pictures side by side, with the matched region and the inliers drawn in.

        A side that is given by id is drawn from its thumbnail. Raises ConfigError when none was kept.
        """
        query, reference = self._subject(a, "A"), self._subject(b, "B")
        found, verdict = self._compared(query, reference)
        return draw_overlay(self._drawn(a, query), self._drawn(b, reference), found, verdict)

    def show(self, name: str) -> Description | Cluster:
        """All that is known about an image (by id, unique prefix or occurrence), or the members of a cluster."""
        subject = self._store.resolve(name)
        if isinstance(subject, Cluster):
            return subject
        record, info = self._store.images.records([subject])[0], self._store.images.infos([subject])[0]
        if record is None or info is None:
            raise NotFound(f"image {subject} was forgotten meanwhile")
        return Description(read_record(subject, record), info, len(record))

    def load(self) -> int:
        """Bring the index of this process up to date, as every query does first; gives how many images it can
        search. Raises StoreError.
        """
        self._replica.refresh()
        return len(self._replica)

    def stats(self) -> EngineStats:
        self._replica.refresh()
        return EngineStats(
            self._store.stats(),
            len(self._replica),
            self._replica.nbytes,
            self._replica.word_bytes,
            self.calibration.id,
        )

    # -- a person's word -------------------------------------------------------------------------------------

    def veto(self, a: str, b: str) -> None:
        """These two are not the same: stands until it is taken back; splits a cluster that had joined them, a
        `confirm` too.
        """
        first, second = self._pair("veto", a, b)
        self._store.judgements.judge(first, second, JudgementWord.DIFFERENT, who="", source="")

    def confirm(self, a: str, b: str) -> RecordOutcome:
        """These two show the same source picture: stored as a match that no score replaces, until a `veto`.

        JOINED: they are in one cluster now. STORED: one holds a part of the other, which never joins. APART:
        not joined, because a veto stands between their clusters. Raises ConfigError for a vetoed pair.
        """
        first, second = self._pair("confirm", a, b)
        known = self._store.verdicts.between(first, second)
        verdict = (
            known.verdict
            if known
            else self._compared(Picture(self._features(first)), Picture(self._features(second)))[1]
        )
        verdict = confirmed(verdict, self.calibration)
        word = JudgementWord.PART if verdict.relation is Relation.PARTIAL else JudgementWord.SAME
        return self._store.judgements.judge(first, second, word, who="", source="", verdict=verdict)

    def forget(self, name: str, *, purge: bool = False) -> ForgetReport:
        """Remove an image and everything that names it; `purge` also rewrites the server's append-only file
        and waits for that.

        Images that were connected through it are linked again among themselves.
        """
        report = self._store.forgetting.forget(self._image(name))
        self.mend()
        if purge:
            self._store.forgetting.purge()
        return report

    # -- calibration -----------------------------------------------------------------------------------------

    def choose_calibration(self, calibration: Calibration | None) -> None:
        """Every process of this store judges with it from now on; None: with the one it ships with. Verdicts
        stored before stay until `redecide`.
        """
        if calibration is None:
            self._store.settings.drop_calibration()
        else:
            self._store.settings.keep_calibration(calibration.id, write(calibration))
        self._in_use.latest()

    def redecide(self, *, tell: Callable[[int], None] = lambda images: None) -> Redecided:
        """Decide all stored verdicts by the calibration in use, without pictures; clusters follow, a person's
        word stays. May be called again at any point.
        """
        return redecide(self._store, self._in_use.latest(), tell=tell)

    def relink(self, *, tell: Callable[[int], None] = lambda images: None) -> int:
        """Search again for every linked image: finds what a lower threshold newly admits. Gives how many; may
        be interrupted and called again.
        """
        return relink(self._store, self._in_use.latest(), self.link, tell=tell)

    # -- places, for adapters that follow another system -----------------------------------------------------

    def withdraw(
        self, occurrence: Occurrence | str, *, keep: ImageId | None = None, collection: str | None = None
    ) -> tuple[Withdrawn, ...]:
        """This place no longer shows the images it did, except `keep`; gives those it showed. Empty for a
        place that showed none.

        An image that is then seen nowhere leaves `collection` too; if it is then in none it is forgotten, and
        what was connected through it linked again.
        """
        withdrawn = self._store.occurrences.withdraw(as_place(occurrence), keep=keep, collection=collection)
        if any(image.forgotten for image in withdrawn):
            self.mend()
        return withdrawn

    # -- answers ---------------------------------------------------------------------------------------------

    def _search(self, deadline: float | None = None) -> Search:
        """`deadline`: moment of time.monotonic()."""
        return Search(self._store, self._replica, self.calibration, Timer(deadline))

    def _compared(self, query: Picture, reference: Picture) -> tuple[Verification, Verdict]:
        found = verify(query, reference, thorough=True)
        (baseline,) = self._store.collections.members_by_purpose(Purpose.BASELINE)
        return found, decide(
            found.evidence, self.calibration, baseline=reference.features.image_id in baseline
        )

    def mend(self) -> None:
        """Link again what lost its connection when another image was forgotten; a crash may have come between
        the two. Raises StoreError.
        """
        for image_id in self._store.links.waiting():
            with suppress(NotFound):  # forgotten too, meanwhile
                self.link(image_id)

    # -- names and bytes to pictures -------------------------------------------------------------------------

    def _features(self, image_id: ImageId) -> ImageFeatures:
        record = self._store.images.records([image_id])[0]
        if record is None:
            raise NotFound(f"image {image_id} is not in the store; add it first")
        return read_record(image_id, record)

    def _is_baseline(self, collection: str | None) -> bool:
        return collection is not None and collection in self._store.collections.names_by_purpose(
            Purpose.BASELINE
        )

    def _image(self, name: str) -> ImageId:
        subject = self._store.resolve(name)
        if isinstance(subject, Cluster):
            raise ConfigError(f"{name} is a cluster of {len(subject.members)} images; name one image")
        return subject

    def _pair(self, verb: str, a: str, b: str) -> tuple[ImageId, ImageId]:
        first, second = self._image(a), self._image(b)
        if first == second:
            raise ConfigError(
                f"{verb} {a} {b}: both are image {first}; an image is always the same as itself"
            )
        return first, second

    def _subject(self, side: bytes | str, name: str) -> Picture:
        return (
            self._extractor.extract(side, name=name)
            if isinstance(side, bytes)
            else Picture(self._features(self._image(side)))
        )

    def _drawn(self, side: bytes | str, subject: Picture) -> NDArray[np.uint8]:
        """RGB pixels to draw on."""
        if isinstance(side, bytes):
            return self._extractor.pixels(side, name="picture")
        if subject.thumbnail is None:
            raise ConfigError(f"{side}: no thumbnail was kept to draw on; give the picture's file instead")
        return np.repeat(subject.thumbnail[:, :, None], 3, axis=2)


def _names(given: str | Names[str]) -> Names[str]:
    return (given,) if isinstance(given, str) else given


def _occurrence(given: Occurrence | str | None) -> Occurrence | None:
    return None if given is None else as_place(given)
