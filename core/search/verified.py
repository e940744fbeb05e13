"""Candidates verified one after the other, until the rest is not worth it or the time is up."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..batches import in_groups
from ..deadline import OutOfTime
from ..decision.decide import accepted_relation
from ..features import hashes_alone
from ..features.picture import Picture
from ..records import Candidate, Evidence, ImageId
from ..verification.verify import Verification, verify
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
                found = verify(
                    search.query,
                    reference,
                    mirrored=candidate.mirrored,
                    inverted=candidate.inverted,
                    inset=candidate.inset,
                    timer=search.timer,
                    options=search.verification,
                )
            except OutOfTime:
                return pairs
            relation = accepted_relation(
                found.evidence, search.calibration, baseline=search.is_baseline(candidate.image_id)
            )
            fruitless[by_words] = fruitless[by_words] + 1 if relation is None else 0
            kept = Picture(hashes_alone(reference.features)) if found.evidence.same else reference
            pairs.append(Pair(candidate.image_id, kept, found))
    return pairs
