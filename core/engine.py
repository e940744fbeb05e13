"""The path of a picture, top to bottom. Start reading here.

    bytes -> decoding/ -> features/ (both by extraction/) -> store/ -> index/ -> search/candidates.py ->
    verification/ -> search/context/ -> decision/ -> search/hits.py

`add` walks the first half and acknowledges: from then on every process finds the picture. `link` and `query`
walk the second half (`_search`); `link` stores its verdicts on both sides and joins clusters, `query` stores
nothing. `hits` reads stored verdicts and needs no bytes. Pairs and judgements of people are in comparison.py,
the care of a store in upkeep.py, what asks the store alone in bookkeeping.py; `Engine` is all of these, and
may be shared by threads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection as Names, Mapping, Sequence
from datetime import datetime

from .answers import AddResult, EngineStats, Hit, QueryResult
from .bookkeeping import as_occurrence
from .config import Config
from .deadline import Timer
from .decision.decide import decide
from .decision.redecide import redecide_images
from .errors import NotFound
from .features import hashes_alone, is_hash_only, work_of_extraction
from .features.picture import Picture
from .index.new_image import new_image
from .index.replica import IndexReplica
from .index.snapshot import SnapshotFile
from .integrity.columns import with_our_columns
from .listed import with_listed
from .options import DEFAULTS, Options
from .records import PERSON, Decision, ImageFeatures, ImageId, Occurrence, Purpose, StoredVerdict
from .search.candidates import View, find_candidates
from .search.context.surroundings import Surroundings
from .search.hits import Found, Inquiry, Judged, as_hits
from .search.listed import ListIndex
from .search.objects import Objects, find_objects
from .search.references import References
from .search.search import Search
from .search.stored_hits import stored_hits
from .search.verified import verify_all, verify_representatives
from .store import PutStatus, Scope, Store
from .store.values import noting
from .upkeep import Upkeep


class Engine(Upkeep):
    """Have we seen this picture, or a piece of it, before, and how sure are we?"""

    def __init__(self, store: Store, config: Config, options: Options = DEFAULTS) -> None:
        super().__init__(store, config, options)
        folder = config.cache_folder
        shared = None if folder is None else SnapshotFile(folder, store.identity)
        self._index = IndexReplica(store.columns, shared, options=options.index)
        self._objects = Objects()
        self._lists = ListIndex(store.hash_lists, options.search.context.rivals.same_picture_bits)

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        config: Config | None = None,
        options: Options = DEFAULTS,
        mend: bool = True,
    ) -> Engine:
        """Return an engine on the store at `url` (default: the configured one).

        `mend` false: at once, even where a crash left images to be linked again; the caller calls `mend`
        later. Raises ConfigError, StoreError, FormatError.
        """
        config = config or Config.from_environment(store=url)
        engine = cls(with_our_columns(Store.open(config)), config, options)
        if mend:
            engine.mend()
        return engine

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
        """Return which stored images show this picture or a part of it. Nothing is stored.

        `deadline`: seconds from now after which the answer holds what was judged so far; decoding and
        extraction are not interrupted. `complete` is false then, where the work of a search is used up, and
        where something in the store is broken (`problems`). `collection`: search the members of this one, or
        of these, only. `exclude`: image ids, and occurrences whose image is left out if it was seen nowhere
        else. Hits are sorted by confidence, one per cluster, from `min_decision` on. Raises ImageError (named
        `name`), StoreError, ConfigError, NotFound for an unknown collection.
        """
        started = time.monotonic()
        timer = Timer.after(deadline, work=self._options.search.effort.maximum_work)
        minimum = Decision(min_decision)
        picture = self._extractor.extract(data, name=name)
        timer.spend(work_of_extraction(picture.features))
        with noting() as problems:
            scope = self._scope(picture, exclude=exclude, collection=collection)
            found = self._search(picture, scope, timer)
            entries = self._lists.search(picture.features, data, collection=collection, limit=limit)
            listed = found.listed(minimum, same_template=include_same_template)
            return QueryResult(
                image_id=picture.features.image_id,
                decision=with_listed(found.decision, entries),
                informative=picture.features.informative,
                hits=as_hits(self._store, self.calibration, listed, per_cluster=True, limit=limit),
                images_searched=len(self._index),
                complete=found.complete and not problems,
                seconds=time.monotonic() - started,
                format=picture.features.format,
                frames=picture.features.frames,
                frame=picture.features.frame,
                truncated=picture.features.truncated,
                problems=tuple(problems),
                listed=() if minimum is Decision.MATCH else entries,
            )

    def _search(self, picture: Picture, scope: Scope, timer: Timer, *, both_ways: bool = False) -> Found:
        """Return every candidate with its verdict; what a person said comes first, as it was said.

        A view of the query is tried only when the views before have given no match. `both_ways`: the verdicts
        are kept on both sides.
        """
        search = self._new_search(picture, scope, timer, both_ways=both_ways)
        judged = [
            Judged(said.image_id, said.verdict) for said in scope.confirmed if scope.allows(said.image_id)
        ]
        settled = {said.image_id for said in scope.confirmed}
        surroundings = Surroundings(search)
        self._index.refresh()
        for view in View:
            candidates = find_candidates(
                search, view, allowed=lambda image_id: image_id not in settled and scope.allows(image_id)
            )
            pairs = verify_all(search, candidates)
            if both_ways:
                pairs += verify_representatives(search, pairs)
            contexts = surroundings.compare(pairs)
            verdicts = [
                Judged(
                    pair.image_id, decide(pair.evidence, context, search.calibration, options=search.verdict)
                )
                for pair, context in zip(pairs, contexts, strict=True)
            ]
            judged += verdicts
            if any(found.verdict.decision is Decision.MATCH for found in verdicts):
                break
            if not picture.features.informative or timer.is_up():
                break
            settled.update(found.image_id for found in verdicts if found.accepted)
        judged += find_objects(search, self._objects, {found.image_id for found in judged if found.accepted})
        return Found(tuple(judged), surroundings.common_regions, search.complete and surroundings.complete)

    def _new_search(self, picture: Picture, scope: Scope, timer: Timer, *, both_ways: bool) -> Search:
        return Search(
            query=picture,
            index=self._index,
            scope=scope,
            calibration=self.calibration,
            timer=timer,
            closer=timer.apart(self._options.search.effort.closer_work),
            references=(references := References(self._store)),
            brands=self._brands(
                picture, scope.baseline, excluded=scope.excluded, references=references, timer=timer
            ),
            cluster_of=self._store.clusters.ids,
            representatives_of=self._store.clusters.representatives,
            options=self._options.search,
            verification=self._options.verification,
            verdict=self._options.decision.verdict,
            both_ways=both_ways,
        )

    def _unhurried(self) -> Timer:
        """A search without a deadline; its work is bounded all the same."""
        return Timer(None, self._options.search.effort.maximum_work)

    def inquire(
        self,
        data: bytes,
        *,
        exclude: Names[ImageId] = (),
        besides: Sequence[ImageId] = (),
        name: str = "picture",
    ) -> Inquiry:
        """Return every candidate's verdict, `no-match` too, and the verdicts about `besides`, which need not
        be candidates.

        For those who measure the engine: retrieval and decision can be told apart. Raises ImageError,
        StoreError, NotFound.
        """
        started = time.monotonic()
        picture = self._extractor.extract(data, name=name)
        scope = self._scope(picture, exclude=exclude)
        candidates = self._search(picture, scope, self._unhurried()).judged
        seconds, known = time.monotonic() - started, {found.image_id for found in candidates}
        apart = []
        for image_id in (other for other in besides if other not in known):
            _, verdict = self._judged_alone(picture, Picture(self._features(image_id)), scope.baseline)
            apart.append(Judged(image_id, verdict))
        return Inquiry(candidates, tuple(apart), seconds)

    def hits(
        self, name: str, *, limit: int | None = None, per_cluster: bool = False, elsewhere: bool = False
    ) -> tuple[Hit, ...]:
        """Return what `link` stored about an image (by id, unique prefix or occurrence) or about the members
        of a cluster.

        `per_cluster`: the best of each cluster only. `elsewhere`: the question is about one occurrence, so an
        image that was seen at others too is a hit of its own. What is broken in the store is left out, which
        the log says, and `store.values.noting`. Raises NotFound, ConfigError, StoreError.
        """
        subject = self._store.resolve(name)
        with noting():
            return stored_hits(
                self._store,
                self.calibration,
                subject,
                limit=limit,
                per_cluster=per_cluster,
                itself=elsewhere,
                options=self._options.decision.verdict,
            )

    # -- the index of this process ---------------------------------------------------------------------------

    def load(self) -> int:
        """Bring the index of this process up to date, and return its number of images. Raises StoreError."""
        self._index.refresh()
        return len(self._index)

    def stats(self) -> EngineStats:
        """Return the store and this process's index in numbers. Raises StoreError."""
        self._index.refresh()
        return EngineStats(
            store=self._store.stats(),
            images_searchable=len(self._index),
            hash_index_bytes=self._index.nbytes,
            word_index_bytes=self._index.word_bytes,
            calibration_id=self.calibration.id,
        )

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
        are not decoded again. `seen`: when it was seen there, with a time zone; now by default. The first and
        the last of all these times are kept. Raises NotFound for a collection that was never created, before
        anything is decoded; ImageError (named `name`), StoreError, ConfigError. Without `link` the image is
        queued, for `quaid link --all` or whoever calls `link`.

        `hash_only`: only hashes are kept, no thumbnail, no keypoints, no visual words, so that pairs that
        need these end at `review`. If the image is known with more, the rest is removed, and its verdicts
        stay. It remains so until `forget`: who adds it again without `hash_only` may not know why.
        """
        purpose = None if collection is None else self._store.collections.require(collection).purpose
        where = None if occurrence is None else as_occurrence(occurrence)
        image_id = hashlib.sha256(data).hexdigest()
        try:
            status = self._store.images.note(
                image_id,
                occurrence=where,
                labels=labels,
                collection=collection,
                seen=seen,
                queue=not link,
            )
            picture = Picture(self._features(image_id))
            if hash_only and not is_hash_only(picture.features):
                picture, status = self._reduced(picture.features), PutStatus.UPDATED
        except NotFound:
            picture = self._extractor.extract(data, name=name, hash_only=hash_only)
            # `renew`: another may have added it meanwhile, and kept more.
            status = self._store.images.put(
                new_image(picture.features),
                occurrence=where,
                labels=labels,
                collection=collection,
                seen=seen,
                renew=hash_only,
                queue=not link,
            )
        new_baseline = status is PutStatus.UPDATED and purpose is Purpose.BASELINE
        if new_baseline and self._store.links.is_linked(image_id):
            self._store.links.await_link(image_id)  # stored pictures may look like it
        to_link = link and not self._store.links.is_linked(image_id)
        cluster = self._link(picture) if to_link else self._store.clusters.ids([image_id])[0]
        return AddResult(image_id, status.value, picture.features.informative, cluster)

    def link(self, image_id: ImageId) -> tuple[StoredVerdict, ...]:
        """Search for a stored image and keep what is found: verdicts on both sides, matches joined into
        clusters; an image that joins none has its own. Returns the verdicts. Raises NotFound, StoreError.
        """
        self._link(Picture(self._features(image_id)))
        return tuple(self._store.verdicts.of(image_id))

    def _link(self, picture: Picture) -> str | None:
        image_id, calibration, began = picture.features.image_id, self._active.latest(), time.time()
        found = self._search_for(picture)
        # (what a person said is kept apart from what scores say)
        scored = (judged for judged in found.judged if judged.verdict.calibration_id != PERSON)
        accepted = [(judged.image_id, judged.verdict) for judged in scored if judged.accepted]
        kept = self._renewal.worth_keeping(image_id, accepted)
        self._store.verdicts.record(image_id, kept)
        self._store.common_regions.note(found.common_regions)
        # Another calibration may have been chosen meanwhile, and its walk may have passed this image.
        if kept and (chosen := self._active.latest()).id != calibration.id:
            redecide_images(self._store, [image_id], chosen, options=self._options.decision.verdict)
        cluster = self._store.clusters.settle(image_id, informative=picture.features.informative)
        self._store.links.mark_linked(image_id)
        self._renewal.follow(image_id, [other for other, _ in kept], began)
        return cluster

    def _search_for(self, picture: Picture) -> Found:
        scope = self._scope(picture, exclude=(picture.features.image_id,))
        return self._search(picture, scope, self._unhurried(), both_ways=True)

    def _reduced(self, features: ImageFeatures) -> Picture:
        """A known image without all but its hashes. What was concluded from more is not judged again by these
        alone.
        """
        linked, reduced = self._store.links.is_linked(features.image_id), hashes_alone(features)
        self._store.images.put(new_image(reduced), renew=True)
        if linked:
            self._store.links.mark_linked(features.image_id)
        return Picture(reduced)

    def close(self) -> None:
        """Close the connection to the store and end the decoder processes."""
        self._extractor.close()
        self._store.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- names and bytes to pictures -------------------------------------------------------------------------

    def _scope(
        self,
        picture: Picture,
        *,
        exclude: Names[str] = (),
        collection: str | Names[str] | None = None,
    ) -> Scope:
        return self._store.scope(
            picture.features.image_id,
            pixel_digest=picture.features.pixel_digest,
            exclude=exclude,
            collection=collection,
        )
