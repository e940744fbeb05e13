"""Pairs: two pictures compared by themselves, and what people say of them."""

from collections.abc import Collection as Names, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from .answers import Hit
from .bookkeeping import Bookkeeping
from .config import Config
from .deadline import Timer
from .decision.active_calibration import ActiveCalibration
from .decision.calibration import Calibration
from .decision.decide import Context, confirmed, decide
from .description import Description
from .errors import ConfigError, NotFound
from .extraction.extractor import Extractor
from .extraction.keyed import KeyedExtractor
from .extraction.pool import extractor_of
from .features import as_stored
from .features.picture import Picture
from .options import Options
from .overlay import draw_overlay
from .records import (
    Cluster,
    ImageFeatures,
    ImageId,
    Judgement,
    JudgementWord,
    Purpose,
    Relation,
    Verdict,
)
from .reviews import Review, Reviews
from .search.brands import BrandPages, Brands
from .search.references import References, read_record
from .search.review_list import list_reviews
from .store import RecordOutcome, Store
from .store.values import noting
from .verification.verify import Verification, verify_closely, with_likeness


class Comparison(Bookkeeping):
    """The part of an engine that is about two pictures at a time."""

    def __init__(self, store: Store, config: Config, options: Options) -> None:
        super().__init__(store, options)
        #: The settings of this process.
        self.config = config
        self._extractor: Extractor = KeyedExtractor(extractor_of(config), store.identity)
        self._brand_pages = BrandPages(store, options.search.brands)
        self._active = ActiveCalibration(store, options=options.digest())

    @property
    def calibration(self) -> Calibration:
        """Return the calibration that this store is judged with. Raises ConfigError, StoreError."""
        return self._active.current()

    def compare(self, a: bytes | str, b: bytes | str) -> Hit:
        """Return the verdict about one pair by itself, with every piece of evidence that a pair has; each
        side is a picture's bytes, an image id or an occurrence.

        A search knows more: what else agrees with the query. So its answer about the same two may be more or
        less confident. Raises ImageError, NotFound, ConfigError, StoreError.
        """
        query, reference = self._picture(a, "A"), self._picture(b, "B")
        image_id = reference.features.image_id
        _, verdict = self._compared(query, reference)
        contributions = self.calibration.contributions(verdict.evidence)
        return Hit.of(verdict, image_id, self._store.images.infos([image_id])[0], contributions)

    def overlay(self, a: bytes | str, b: bytes | str) -> bytes:
        """Return a PNG of both pictures side by side, with the matched region and the inliers drawn in.

        A side that is given by id is drawn from its thumbnail. Raises ConfigError when none was kept, and the
        errors of `compare`.
        """
        query, reference = self._picture(a, "A"), self._picture(b, "B")
        found, verdict = self._compared(query, reference)
        return draw_overlay(self._drawable(a, query), self._drawable(b, reference), found, verdict)

    def thumbnail(self, name: str) -> bytes:
        """Return the grey thumbnail that is kept of an image (by id, unique prefix or occurrence), a WebP.

        Raises NotFound, where none was kept too, ConfigError, StoreError.
        """
        image_id = self._image(name)
        thumbnail = self._features(image_id).thumbnail
        if thumbnail is None:
            raise NotFound(f"image {image_id}: no thumbnail was kept of it")
        return thumbnail

    def reviews(self, *, limit: int = 20, after: str = "") -> Reviews:
        """Return stored pairs that a person should look at and that nobody judged, at most `limit`.

        `after`: `next` of an earlier answer. Raises ConfigError for one that is malformed, StoreError.
        """
        with noting():
            found, following = list_reviews(self._store, limit=limit, after=after)
            infos = self._store.images.infos([stored.image_id for _, stored in found])
        pairs = (
            Review(
                image_id,
                Hit.of(
                    stored.verdict,
                    stored.image_id,
                    info,
                    self.calibration.contributions(stored.verdict.evidence),
                ),
                stored.judged,
            )
            for (image_id, stored), info in zip(found, infos, strict=True)
        )
        return Reviews(tuple(pairs), following)

    def show(self, name: str) -> Description | Cluster:
        """Return all that is known about an image (by id, unique prefix or occurrence), or a cluster.

        Raises NotFound, ConfigError, StoreError.
        """
        subject = self._store.resolve(name)
        if isinstance(subject, Cluster):
            return subject
        record, info = self._store.images.records([subject])[0], self._store.images.infos([subject])[0]
        if record is None or info is None:
            raise NotFound(f"image {subject} was forgotten meanwhile")
        return Description(read_record(subject, record), info, len(record))

    def features(self, ids: Sequence[ImageId]) -> list[ImageFeatures | None]:
        """Return what is stored of these images, in one round trip; None for one that is not in the store.

        Raises FormatError for a broken record, StoreError.
        """
        records = zip(ids, self._store.images.records(ids), strict=True)
        return [None if record is None else read_record(image_id, record) for image_id, record in records]

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
        """Keep what a person says of two images; it outranks every score and stands until `undo`.

        `who` said it, `when` (now by default), `source`: where it came from. Returns JOINED: they are in one
        cluster now; STORED: it is kept and joins nothing; APART: not joined, because somebody keeps their
        clusters apart; VETOED: they are kept apart. Raises ConfigError for `same` or `part` of a pair that a
        person keeps apart, NotFound, StoreError.
        """
        word, (first, second) = JudgementWord(word), self._pair("judge", a, b)
        verdict = None
        if word in (JudgementWord.SAME, JudgementWord.PART):
            verdict = self._confirmed(first, second)
            is_part = word is JudgementWord.PART
            if is_part != (verdict.relation is Relation.PARTIAL):
                relation = Relation.PARTIAL if is_part else Relation.NEAR_DUPLICATE
                verdict = replace(verdict, relation=relation)
        return self._store.judgements.judge(
            first, second, word, who=who, source=source, when=when, verdict=verdict
        )

    def veto(self, a: str, b: str, *, who: str = "", source: str = "") -> None:
        """Say that two images do not show the same; splits a cluster that had joined them, even by `confirm`.

        It stands until `undo`. Raises NotFound, ConfigError, StoreError.
        """
        first, second = self._pair("veto", a, b)
        self._store.judgements.judge(first, second, JudgementWord.DIFFERENT, who=who, source=source)

    def confirm(self, a: str, b: str, *, who: str = "", source: str = "") -> RecordOutcome:
        """Say that two images show the same source picture, or one a part of the other, as the scores see it.

        It stands until `undo`. Returns as `judge`. Raises ConfigError for a pair that a person keeps apart,
        NotFound, StoreError.
        """
        first, second = self._pair("confirm", a, b)
        verdict = self._confirmed(first, second)
        word = JudgementWord.PART if verdict.relation is Relation.PARTIAL else JudgementWord.SAME
        return self._store.judgements.judge(first, second, word, who=who, source=source, verdict=verdict)

    def judgements(self, name: str) -> list[Judgement]:
        """Return what persons said of an image (by id, unique prefix or occurrence) and others, the latest
        first. Raises NotFound, ConfigError, StoreError.
        """
        return self._store.judgements.of(self._image(name))

    def _confirmed(self, first: ImageId, second: ImageId) -> Verdict:
        """The match that a person's word stands for, with the evidence that is stored or measured now."""
        known = self._store.verdicts.between(first, second)
        if known is not None:
            verdict = known.verdict
        else:
            sides = Picture(self._features(first)), Picture(self._features(second))
            _, verdict = self._compared(*sides)
        return confirmed(verdict, self.calibration, options=self._options.decision.verdict)

    # -- names and bytes to pictures -------------------------------------------------------------------------

    def _compared(self, query: Picture, reference: Picture) -> tuple[Verification, Verdict]:
        (baseline,) = self._store.collections.members_by_purpose(Purpose.BASELINE)
        return self._judged_alone(query, reference, baseline, thorough=True)

    def _judged_alone(
        self, query: Picture, reference: Picture, baseline: frozenset[ImageId], *, thorough: bool = False
    ) -> tuple[Verification, Verdict]:
        """All that the two say by themselves, and the verdict about it: what a query says of a stored one."""
        reference = replace(reference, features=as_stored(reference.features))
        found = verify_closely(query, reference, thorough=thorough, options=self._options.verification)
        found = with_likeness(found, self._brands(query, baseline).likeness(reference))
        context = Context(baseline=reference.features.image_id in baseline)
        options = self._options.decision.verdict
        return found, decide(found.evidence, context, self.calibration, options=options)

    def _brands(
        self,
        query: Picture,
        baseline: frozenset[ImageId],
        *,
        excluded: Names[ImageId] = (),
        references: References | None = None,
        timer: Timer | None = None,
    ) -> Brands:
        return Brands(
            self._brand_pages,
            query,
            baseline=baseline,
            excluded=excluded,
            references=references or References(self._store),
            calibration=self.calibration,
            timer=timer or Timer(None),
            options=self._options.search.brands,
            verification=self._options.verification,
        )

    def _features(self, image_id: ImageId) -> ImageFeatures:
        record = self._store.images.records([image_id])[0]
        if record is None:
            raise NotFound(f"image {image_id} is not in the store; add it first")
        return read_record(image_id, record)

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

    def _picture(self, side: bytes | str, name: str) -> Picture:
        if isinstance(side, bytes):
            return self._extractor.extract(side, name=name)
        return Picture(self._features(self._image(side)))

    def _drawable(self, side: bytes | str, picture: Picture) -> NDArray[np.uint8]:
        """RGB pixels to draw on."""
        if isinstance(side, bytes):
            return self._extractor.pixels(side, name="picture")
        if picture.thumbnail is None:
            raise ConfigError(f"{side}: no thumbnail was kept to draw on; give the picture's file instead")
        return np.repeat(picture.thumbnail[:, :, None], 3, axis=2)
