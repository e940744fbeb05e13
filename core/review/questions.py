"""From pairs that wait to questions: which pairs one answer settles, and which question comes first.

Images of one cluster show one picture, so all pairs between two clusters are one question, and one answer
settles them all. A question is worth the more, the more it settles and the less sure the scores are.
Questions about one cluster are asked one after the other, because a person who knows its pictures answers
faster.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..records import ImageId, Judgement, JudgementWord

#: Minimum uncertainty that counts, 0 to 1. chosen: a pair whose confidence is near 0 or 1 still waits.
LEAST_UNCERTAINTY = 0.05


@dataclass(frozen=True, slots=True)
class Pair:
    """A pair that waits for a person."""

    #: The smaller id.
    a: ImageId
    #: The larger id.
    b: ImageId
    #: Confidence of the scored verdict, 0 to 1.
    confidence: float


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked about: the surest of the pairs between two clusters."""

    #: The pair that is shown.
    pair: Pair
    #: Clusters of its images; the image itself where it is in none.
    homes: tuple[str, str]
    #: Number of waiting pairs that the answer settles.
    settles: int

    @property
    def worth(self) -> float:
        """Return how much an answer settles, weighted by how uncertain it is."""
        p = self.pair.confidence
        return self.settles * max(LEAST_UNCERTAINTY, 4 * p * (1 - p))


def questions_of(
    pairs: Iterable[Pair],
    home_of: Mapping[ImageId, str],
    said: Mapping[ImageId, Mapping[ImageId, Judgement]],
) -> list[Question]:
    """Return what is to be asked, in order.

    `home_of`: the cluster of each image of the pairs; missing for one in none. `said`: judgements about the
    images of the pairs. Pairs within one cluster and between clusters of which a pair was settled are left
    out; so is a pair of which somebody could not tell, but not the others between its clusters.
    """
    groups = defaultdict[tuple[str, str], list[Pair]](list)
    settled = set[tuple[str, str]]()
    for pair in pairs:
        first, second = sorted((home_of.get(pair.a, pair.a), home_of.get(pair.b, pair.b)))
        one = said.get(pair.a, {}).get(pair.b)
        if one is not None and one.word is not JudgementWord.UNSURE:
            settled.add((first, second))
        elif one is None and first != second:
            groups[first, second].append(pair)
    found = [
        Question(max(group, key=lambda pair: (pair.confidence, pair.a, pair.b)), homes, len(group))
        for homes, group in groups.items()
        if homes not in settled
    ]
    return _in_order(found)


def _in_order(questions: Sequence[Question]) -> list[Question]:
    """Return questions a cluster at a time: that of which answers settle most first."""
    worth = defaultdict[str, float](float)
    for question in questions:
        for home in question.homes:
            worth[home] += question.worth

    def place(question: Question) -> tuple[float, str, float, ImageId, ImageId]:
        leading = max(question.homes, key=lambda home: (worth[home], home))
        return -worth[leading], leading, -question.worth, question.pair.a, question.pair.b

    return sorted(questions, key=place)
