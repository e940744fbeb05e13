"""Candidates verified one after the other, until the rest is not worth it or the time is up."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from ..batches import in_groups
from ..deadline import OutOfTime
from ..decision.decide import accepted_relation
from ..features import hashes_alone
from ..features.picture import Picture
from ..records import Candidate, Evidence, ImageId, Relation
from ..store import JOINING
from ..verification.verify import Verification, verify, with_codes, with_differences, with_likeness
from .search import Search


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """The query and a candidate, verified."""

    #: The candidate.
    image_id: ImageId
    #: The candidate's picture; nothing but its hashes where it equals the query, as thousands may.
    reference: Picture
    #: What was measured.
    verification: Verification

    @property
    def evidence(self) -> Evidence:
        """Return what was measured."""
        return self.verification.evidence

    @property
    def inliers(self) -> int:
        """Return the number of inliers whose places are known."""
        return (self.evidence.inliers or 0) if len(self.verification.points_query) else 0


def verify_all(search: Search, candidates: Sequence[Candidate]) -> list[Pair]:
    """Return the candidates verified, in their order.

    After a few in a row that share no more with the query than a template, the rest of that source (hashes or
    visual words) is left out. Such an answer is as complete as one in which they were no candidates: it rests
    on the query and the index alone, not on time. What the timer cuts is left out, too, the pair that was
    being measured included; then the search is not complete.
    """
    effort = search.options.effort
    pairs, fruitless = list[Pair](), Counter[bool]()
    for group in in_groups(candidates, effort.batch):
        batch = [candidate for candidate in group if fruitless[candidate.votes > 0] < effort.patience]
        pictures = search.references.read([candidate.image_id for candidate in batch])
        for candidate, reference in zip(batch, pictures, strict=True):
            by_words = candidate.votes > 0
            if reference is None or fruitless[by_words] >= effort.patience:
                continue
            if search.timer.is_up():
                return pairs
            try:
                pair = _verified(search, candidate, reference)
            except OutOfTime:
                return pairs
            accepted = _relation(search, pair.image_id, pair.evidence) is not None
            fruitless[by_words] = 0 if accepted else fruitless[by_words] + 1
            pairs.append(pair)
    return pairs


def verify_representatives(search: Search, pairs: Sequence[Pair]) -> list[Pair]:
    """Return the representatives of the clusters that the query would join, verified: a picture joins a
    cluster only if it agrees with them. Those among `pairs` are left out.

    Of each cluster a few members at most were candidates, so whether the query agrees with the representative
    is mostly unknown. There are as many more pairs as clusters that show the query as a whole.
    What the timer cuts is left out: the query then does not agree with it.
    """
    whole = [pair.image_id for pair in pairs if _relation(search, pair.image_id, pair.evidence) in JOINING]
    known = {pair.image_id for pair in pairs} | {said.image_id for said in search.scope.confirmed}
    proposed = dict.fromkeys(chain.from_iterable(search.representatives_of(whole)))
    ids = [image_id for image_id in proposed if image_id not in known and search.scope.allows(image_id)]
    found = list[Pair]()
    for image_id, picture in zip(ids, search.references.read(ids), strict=True):
        if picture is not None:
            try:
                found.append(_verified(search, Candidate(image_id), picture))
            except OutOfTime:
                break
    return found


def _verified(search: Search, candidate: Candidate, reference: Picture) -> Pair:
    found = verify(
        search.query,
        reference,
        mirrored=candidate.mirrored,
        inverted=candidate.inverted,
        inset=candidate.inset,
        timer=search.timer,
        options=search.verification,
    )
    if search.is_baseline(candidate.image_id):
        found = with_likeness(found, search.brands.likeness(reference))
    # Other fillings of a form agree in everything else, so what could be a match is looked at more closely.
    if _is_promising(search, candidate.image_id, found.evidence):
        search.timer.check()
        found = with_codes(found, search.query, reference, options=search.verification)
        with suppress(OutOfTime):
            found = with_differences(
                found, search.query, reference, timer=search.closer, options=search.verification
            )
    kept = Picture(hashes_alone(reference.features)) if found.evidence.same else reference
    return Pair(candidate.image_id, kept, found)


def _is_promising(search: Search, image_id: ImageId, evidence: Evidence) -> bool:
    likely = search.calibration.probability(evidence) >= search.options.effort.closer_probability
    return likely or _relation(search, image_id, evidence) is not None


def _relation(search: Search, image_id: ImageId, evidence: Evidence) -> Relation | None:
    baseline = search.is_baseline(image_id)
    return accepted_relation(evidence, search.calibration, baseline=baseline, options=search.verdict)
