"""The work of people in numbers, counted from the judgements and verdicts of the store."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

from ..engine import Engine
from ..records import ImageId, Judgement, JudgementWord
from ..store.values import noting
from .export import LABELS, judged_pairs

#: Seconds between two answers of one person above which the time between them was not spent on the second.
#: chosen: somebody left.
BREAK = 120.0
#: Upper ends of the ranges of confidence that are shown apart. chosen: five equal ones.
RANGES = (0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True)
class Confidence:
    """What people said of pairs within a range of confidence."""

    #: Lower end of the range, 0 to 1.
    above: float
    #: Upper end of the range, 0 to 1.
    to: float
    #: Number of pairs that show the same source picture.
    right: int
    #: Number of judged pairs.
    judged: int


@dataclass(frozen=True, slots=True)
class ReviewStatistics:
    """The work of people in numbers."""

    #: Number of judged pairs by word.
    words: dict[JudgementWord, int]
    #: Number of judged pairs by person.
    people: dict[str, int]
    #: Number of judged pairs by day, the latest first.
    days: dict[date, int]
    #: Median of the seconds between two answers of one person; None for too few answers.
    seconds: float | None
    #: Pairs whose scored verdict is `review`.
    reviews: int
    #: Those of them of which nobody has said anything.
    waiting: int
    #: Number of images.
    images: int
    #: What people said of pairs by the confidence of the scores.
    confidence: tuple[Confidence, ...]

    @property
    def reviews_per_thousand(self) -> float:
        """Return the number of reviews for each 1,000 images; each was a query when it was linked."""
        return 1000 * self.reviews / max(1, self.images)


def review_statistics(engine: Engine) -> ReviewStatistics:
    """Return the work of people in numbers. What is broken in the store is left out, which the log says."""
    with noting():
        said = {(image_id, one.image_id): one for image_id, one in judged_pairs(engine)}
        known = {(a, b): p for some in engine.open_reviews() for a, b, p in some}
        return ReviewStatistics(
            words={word: count for word, count in Counter(one.word for one in said.values()).most_common()},
            people=dict(Counter(one.who for one in said.values()).most_common()),
            days=dict(sorted(Counter(one.when.date() for one in said.values()).items(), reverse=True)),
            seconds=_seconds(list(said.values())),
            reviews=len(known),
            waiting=len(known.keys() - said.keys()),
            images=engine.count(),
            confidence=_confidence(known, said),
        )


def _seconds(said: list[Judgement]) -> float | None:
    times = defaultdict[str, list[datetime]](list)
    for one in said:
        times[one.who].append(one.when)
    gaps = [
        (after - before).total_seconds()
        for moments in times.values()
        for before, after in zip(sorted(moments), sorted(moments)[1:], strict=False)
    ]
    short = [gap for gap in gaps if gap <= BREAK]
    return median(short) if short else None


def _confidence(
    known: dict[tuple[ImageId, ImageId], float], said: dict[tuple[ImageId, ImageId], Judgement]
) -> tuple[Confidence, ...]:
    labelled = [
        (known[pair], LABELS[one.word]) for pair, one in said.items() if pair in known and one.word in LABELS
    ]
    found, above = list[Confidence](), 0.0
    for to in RANGES:
        inside = [label for p, label in labelled if (above < p or above == 0.0) and p <= to]
        found.append(Confidence(above, to, sum(inside), len(inside)))
        above = to
    return tuple(found)
