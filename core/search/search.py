"""The second half of a picture's path: index replica -> candidates -> verification -> decision, for `link`
and for `query`.

Takes one decoded or stored picture, gives the images that were worth verifying, each with its verdict. Reads
the store, writes nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Sequence
from dataclasses import dataclass, replace

from ..deadline import Timer
from ..decision.calibration import Calibration
from ..decision.decide import decide
from ..errors import CorruptRecord, FormatError, UnknownVersion
from ..features import codec
from ..features.picture import Picture
from ..index.replica import IndexReplica
from ..records import (
    Candidate,
    CommonRegion,
    Decision,
    ImageFeatures,
    ImageId,
    Occurrence,
    Purpose,
    Relation,
    Verdict,
)
from ..store import Store
from ..verification.verify import verify
from .candidates import (
    find_candidates,
    find_inset_candidates,
    find_inverted_candidates,
    find_mirrored_candidates,
)
from .context.ambiguity import crowd_of
from .context.common_regions import Hubs
from .context.ignored_regions import MOST_SHOWN, Ignored
from .context.rivals import LEAST_IMAGES, Found, rival_inliers

log = logging.getLogger(__name__)

#: Records of candidates fetched in one round trip. chosen: about 300 KB; often the first few settle it.
RECORDS_AT_ONCE = 8
#: Candidates of one source in a row with no more in common with the query than a template before the rest of
#: that source is left out. measured (2026-11, 6,511 images, 348 hard questions): of the right ones 89.7 % are
#: reached at least, without an end 90.8 %; of 24 candidates of a page without an answer 6.5 are verified,
#: without an end 16.7, most of them pages of the same template.
PATIENCE = 8

#: Decisions by what they ask of the reader.
RANK = {Decision.NO_MATCH: 0, Decision.REVIEW: 1, Decision.MATCH: 2}


@dataclass(frozen=True, slots=True)
class Judged:
    image_id: ImageId
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Inquiry:
    """One question with everything that was judged, for those who measure how good the answers are."""

    #: In the order in which they were verified; an image may come twice, the second time as found by the
    #: mirrored query.
    candidates: tuple[Judged, ...]
    #: Images that were to be judged anyway and were no candidates.
    besides: tuple[Judged, ...]
    #: From bytes to the last candidate's verdict.
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class _Alone:
    """What a candidate would be if it were the only one."""

    found: Found
    verdict: Verdict
    #: After hubs and pictures to be ignored.
    weighed: Verdict

    @property
    def dismissed(self) -> bool:
        return self.weighed.decision is Decision.NO_MATCH and self.verdict.decision is not Decision.NO_MATCH


class Search:
    """One search through the store; `complete` says afterwards whether all candidates were judged."""

    def __init__(self, store: Store, replica: IndexReplica, calibration: Calibration, timer: Timer) -> None:
        self._store = store
        self._replica = replica
        self._calibration = calibration
        self._timer = timer
        self._unreadable = 0
        self._hubs: Hubs | None = None

    @property
    def complete(self) -> bool:
        return not self._timer.cut and not self._unreadable

    @property
    def hubs(self) -> tuple[CommonRegion, ...]:
        """Parts that the query shares with so many pictures that they say nothing, as far as the search met
        them.
        """
        return () if self._hubs is None else self._hubs.met

    def judge(
        self,
        query: Picture,
        *,
        exclude: Container[ImageId],
        members: Collection[ImageId] | None = None,
        both_ways: bool = False,
    ) -> Iterator[Judged]:
        """Candidates with their verdicts, the most promising first; ends early when the time is up.

        What a person confirmed comes first, as it was confirmed. Where no candidate matches, those of
        pictures standing in the query follow, then those of the mirrored picture and of that with light and
        dark exchanged; an image may then come again, with a better verdict. `members`: only these may be
        answers. `both_ways`: the verdicts are kept on both sides, so the query may be the legitimate page
        that a candidate looks like, too.
        """
        features = query.features
        ignored, baseline = self._store.collections.members_by_purpose(Purpose.IGNORE, Purpose.BASELINE)
        vetoed = self._store.judgements.vetoed(features.image_id)
        confirmed = {
            found.image_id: found.verdict for found in self._store.judgements.confirmed(features.image_id)
        }
        legitimate = both_ways and features.image_id in baseline

        def allowed(image_id: ImageId) -> bool:
            left_out = image_id in exclude or image_id in ignored or image_id in vetoed
            return not left_out and (members is None or image_id in members)

        def undecided(image_id: ImageId) -> bool:
            return image_id not in confirmed and allowed(image_id)

        yield from (Judged(image_id, verdict) for image_id, verdict in confirmed.items() if allowed(image_id))
        self._replica.refresh()
        same_pixels, cluster_of = (
            self._store.images.by_pixels(features.pixel_digest),
            self._store.clusters.ids,
        )
        images = len(self._replica) if members is None else len(members)
        self._hubs = Hubs(
            query,
            self._replica,
            self._calibration,
            self._timer,
            images=images,
            allowed=allowed,
            cluster_of=cluster_of,
            read=self._subjects,
        )
        silent = Ignored(query, self._calibration, lambda: self._may_show(query, ignored))
        answered: dict[ImageId, Decision] = {}

        def unanswered(image_id: ImageId) -> bool:
            return answered.get(image_id, Decision.NO_MATCH) is Decision.NO_MATCH and undecided(image_id)

        def rounds() -> Iterator[list[Candidate]]:
            """Each is looked for only when the one before has not given a match."""
            yield find_candidates(
                query, self._replica, same_pixels=same_pixels, cluster_of=cluster_of, allowed=undecided
            )
            for look in (find_inset_candidates, find_mirrored_candidates, find_inverted_candidates):
                yield look(query, self._replica, cluster_of=cluster_of, allowed=unanswered)

        def may_look_like(image_id: ImageId) -> bool:
            return legitimate or image_id in baseline

        before: list[Found] = []
        for candidates in rounds():
            alone = list(self._verified(query, candidates, silent, may_look_like))
            found = [one.found for one in alone]
            inliers = (
                rival_inliers(found, before, cluster_of) if images >= LEAST_IMAGES else [None] * len(found)
            )
            for answer in self._together(alone, inliers, silent, may_look_like):
                answered[answer.image_id] = answer.verdict.decision
                yield answer
            before += [one for one in found if one.inliers]
            if Decision.MATCH in answered.values() or not features.informative or self._timer.is_up():
                return

    def _verified(
        self,
        query: Picture,
        candidates: list[Candidate],
        silent: Ignored,
        may_look_like: Callable[[ImageId], bool],
    ) -> Iterator[_Alone]:
        """Each as if there were no others. Records are fetched a few at a time, so that a deadline is kept.

        Of those found by hash, and of those found by words, the rest is left out after PATIENCE in a row that
        have no more in common with the query than a template. Such an answer is as `complete` as one in which
        they were no candidates: it rests on the query and the index alone, not on time.
        """
        fruitless = Counter[bool]()
        for start in range(0, len(candidates), RECORDS_AT_ONCE):
            batch = [
                candidate
                for candidate in candidates[start : start + RECORDS_AT_ONCE]
                if fruitless[candidate.votes > 0] < PATIENCE
            ]
            for candidate, reference in zip(
                batch, self._subjects([candidate.image_id for candidate in batch]), strict=True
            ):
                by_words = candidate.votes > 0
                if fruitless[by_words] >= PATIENCE:
                    continue
                if self._timer.is_up():
                    return
                if reference is None:
                    continue
                verification = verify(
                    query,
                    reference,
                    mirrored=candidate.mirrored,
                    inverted=candidate.inverted,
                    inset=candidate.inset,
                )
                verdict = decide(
                    verification.evidence, self._calibration, baseline=may_look_like(candidate.image_id)
                )
                fruitless[by_words] = (
                    0 if verdict.relation not in (None, Relation.SAME_TEMPLATE) else fruitless[by_words] + 1
                )
                found = Found.of(candidate.image_id, reference, verification)
                yield _Alone(found, verdict, self._weighed(found, verdict, silent))

    def _weighed(self, found: Found, verdict: Verdict, silent: Ignored) -> Verdict:
        """A `no-match` where nothing but a picture to be ignored or a hub speaks for it."""
        verdict = silent.weigh(found.verification, verdict)
        return (
            verdict
            if self._hubs is None
            else self._hubs.weigh(found.image_id, found.reference, found.verification, verdict)
        )

    def _together(
        self,
        alone: Sequence[_Alone],
        inliers: Sequence[int | None],
        silent: Ignored,
        may_look_like: Callable[[ImageId], bool],
    ) -> Iterator[Judged]:
        """Their verdicts, each in the light of what else was found: `inliers` of rivals, and crowds."""
        judged = []
        for one, most in zip(alone, inliers, strict=True):
            evidence = replace(one.found.verification.evidence, rival_inliers=most)
            verdict = decide(evidence, self._calibration, baseline=may_look_like(one.found.image_id))
            if one.dismissed:
                verdict = replace(one.weighed, evidence=evidence)
            elif (
                one.verdict.decision is Decision.NO_MATCH
            ):  # neither hubs nor pictures to be ignored were asked
                verdict = self._weighed(one.found, verdict, silent)
            judged.append(Judged(one.found.image_id, verdict))
        accepted = [answer for answer in judged if answer.verdict.decision is not Decision.NO_MATCH]
        crowd = crowd_of(
            [(answer.image_id, answer.verdict.evidence) for answer in accepted],
            self._calibration,
            self._store.clusters.ids,
        )
        for answer in judged:
            if answer.verdict.decision is not Decision.NO_MATCH and answer.image_id in crowd:
                evidence = replace(answer.verdict.evidence, ambiguous_with=crowd[answer.image_id])
                answer = replace(
                    answer,
                    verdict=decide(evidence, self._calibration, baseline=may_look_like(answer.image_id)),
                )
            yield answer

    def _may_show(self, query: Picture, ignored: frozenset[ImageId]) -> list[tuple[ImageId, Picture]]:
        """Pictures to be ignored that the query may be a copy of, or hold."""
        if not ignored:
            return []
        same_pixels = self._store.images.by_pixels(query.features.pixel_digest)
        found = find_candidates(
            query,
            self._replica,
            same_pixels=same_pixels,
            cluster_of=self._store.clusters.ids,
            allowed=ignored.__contains__,
        )
        ids = [candidate.image_id for candidate in found[:MOST_SHOWN]]
        return [
            (image_id, subject)
            for image_id, subject in zip(ids, self._subjects(ids), strict=True)
            if subject is not None
        ]

    def _subjects(self, ids: Sequence[ImageId]) -> list[Picture | None]:
        """Stored images to compare with; None for one that was forgotten meanwhile or cannot be read."""
        return [
            None if record is None else self._subject(image_id, record)
            for image_id, record in zip(ids, self._store.images.records(ids), strict=True)
        ]

    def _subject(self, image_id: ImageId, record: bytes) -> Picture | None:
        try:
            return Picture(read_record(image_id, record))
        except FormatError as error:
            # one broken record must not silence the others; it is named, and the answer is not complete
            log.warning("left out of the search: %s", error)
            self._unreadable += 1
            return None


def read_record(image_id: ImageId, record: bytes) -> ImageFeatures:
    """Features from stored bytes. Raises CorruptRecord or UnknownVersion naming the image."""
    try:
        features = codec.decode(record)
    except FormatError as error:
        kind: Callable[[str], FormatError] = (
            UnknownVersion if isinstance(error, UnknownVersion) else CorruptRecord
        )
        raise kind(f"image {image_id}: {error}") from error
    if features.image_id != image_id:
        raise CorruptRecord(
            f"image {image_id}: its record is that of image {features.image_id}; forget it and add the picture again"
        )
    return features


def is_listed(verdict: Verdict, floor: Decision, *, same_template: bool) -> bool:
    """Pages of one template are listed on request only, everything else from `floor` up."""
    if verdict.relation is Relation.SAME_TEMPLATE:
        return same_template
    return RANK[verdict.decision] >= RANK[floor]


def images_left_out(store: Store, names: Collection[str]) -> frozenset[ImageId]:
    """Images that a question excludes: those named by id, and those seen at the named occurrences and nowhere
    else.
    """
    places = {name for name in names if ":" in name}
    seen = [image_id for place in places for image_id in store.occurrences.images_at(Occurrence.parse(place))]
    alone = {
        info.image_id
        for info in store.images.infos(seen)
        if info
        and info.occurrence_count <= len(places)
        and all(str(sighting.occurrence) in places for sighting in info.sightings)
    }
    return frozenset(names) - places | alone
