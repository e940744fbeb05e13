"""From two rates that an operator can live with to the two thresholds of a calibration.

A threshold acts on the best candidate of a query, not on a pair: among a million images a pair has a million
chances to be wrong. So the best log odds of each query are counted, for queries with an answer and for those
without (`tails`), and a threshold is read off where the share of queries beyond it is the rate named.

Rates of a few in a million lie beyond any test set. There the share is taken to fall by the factor e with
each step of one scale in log odds, as an excess over a high threshold does (Pickands, Ann. Statist. 1975,
with shape 0), the scale being the mean excess of the best queries and a standard error more; and to rise in
proportion to the images that are searched, the most it can (the union bound). An answer that rests on this is
an estimate, and `ThresholdChoice` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt

import numpy as np

from ..decision.calibration import Calibration, Tail, Tails, logistic, logit
from ..decision.decide import CERTAIN, is_refutable
from ..errors import ConfigError
from . import strata
from .fit import UNANSWERED, questions
from .results import LabelledPair

#: Queries in a million with a wrong match, where nobody names a rate. chosen: half a query in ten thousand.
FALSE_MATCHES = 50.0
#: Share of queries that may end in review, where nobody names one. spec: 2 %, with an eighth of it as a
#: margin.
REVIEWS = 0.0175
#: Probabilities below which no rate brings the thresholds. measured (fitting part, half of the sites left out
#: in turn, 4,358 pairs of pages of one site that a map lays over each other): a match are 0.71, 0.46, 0.32
#: and 0.21 % of them from 0.4, 0.5, 0.65 and 0.8 on, and 94.7, 94.3, 93.7 and 91.8 % of what is found. From
#: 0.03 on, one question in 700 about a page of an unknown site ends in review, one in five about a page of a
#: site of which others are indexed (0.17: one in nine), and ten points more of copies under a banner, a
#: window, a watermark or notes are found. chosen: of thirty reviews one is right at least.
LEAST_MATCH, LEAST_REVIEW = 0.5, 0.03
#: Queries beyond a point of a shipped tail. chosen: a share known to a fifth.
SOLID = 20
#: The same for an operator's few pictures. chosen: a share known to a half, and only ever used to be more
#: careful.
SOLID_OWN = 5
#: Of the points of a tail in log odds. chosen: from 0.03 % to the certainty that identical pixels have.
STEP, LOWEST, HIGHEST = 0.25, -8.0, 20.0
#: chosen: a tail that seems steeper than that was seen in too few queries.
LEAST_SCALE = 0.5


@dataclass(frozen=True, slots=True)
class QueryBest:
    """One query: the log odds of its best candidate, -inf where nothing lies over anything."""

    query: str
    edit: str
    #: A right one is among the candidates. None: it counts in no rate, because nobody can say, as with
    #: another version of a page, or because other pages of its site are in the store, which an evaluation
    #: asks for on purpose and counts apart.
    answered: bool | None
    #: Of the candidates that may become a match; the next of all.
    refutable: float
    any: float
    #: Of those that may become a match and are known to be wrong.
    wrong: float
    #: That candidate; "" when there is none.
    wrong_reference: str


@dataclass(frozen=True, slots=True)
class TargetRates:
    """What an operator can live with. Raises ConfigError for rates that are none."""

    #: Searched in.
    images: int
    #: Queries in a million, of those without an answer.
    false_matches: float = FALSE_MATCHES
    #: Share of all queries.
    reviews: float = REVIEWS

    def __post_init__(self) -> None:
        if not 0 < self.false_matches <= 1e6:
            raise ConfigError(
                f"{self.false_matches:g} false matches in a million queries; expected more than 0 and at most a million"
            )
        if not 0 < self.reviews <= 1:
            raise ConfigError(
                f"{self.reviews:g} of the queries in review; expected a share, more than 0 and at most 1"
            )


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """Two thresholds, and what they are expected to do at an index of `images` images."""

    #: Probability; so is the next.
    match: float
    review: float
    #: Queries in a million, of those without an answer.
    false_matches: float
    #: Share of all queries, UNANSWERED of them without an answer.
    reviews: float
    #: Whether the first of these lies beyond what was counted.
    estimated: bool
    images: int


def bests(pairs: Iterable[LabelledPair], calibration: Calibration) -> list[QueryBest]:
    """The best candidate of each query under `calibration`; pairs that were no candidates do not count. In
    the order of the file.
    """
    candidates = ([pair for pair in group if pair.place >= 0] for group in questions(pairs))
    return [_best(group, calibration) for group in candidates if group]


def _best(group: Sequence[LabelledPair], calibration: Calibration) -> QueryBest:
    scored = [(_odds(pair, calibration), pair) for pair in group]
    refutable = [
        (odds, pair) for odds, pair in scored if is_refutable(pair.verdict.evidence) or odds == HIGHEST
    ]
    wrong = max(
        ((odds, pair.reference) for odds, pair in refutable if pair.label is False), default=(-inf, "")
    )
    return QueryBest(
        query=group[0].query,
        edit=group[0].edit,
        answered=True
        if any(pair.label for pair in group)
        else None
        if any(map(_is_doubtful, group))
        else False,
        refutable=max((odds for odds, _ in refutable), default=-inf),
        any=max((odds for odds, _ in scored), default=-inf),
        wrong=wrong[0],
        wrong_reference=wrong[1],
    )


def _is_doubtful(pair: LabelledPair) -> bool:
    return pair.label is None or pair.stratum == strata.SAME_SITE


def _odds(pair: LabelledPair, calibration: Calibration) -> float:
    evidence = pair.verdict.evidence
    if evidence.same_bytes or evidence.same_pixels:
        return HIGHEST
    return -inf if evidence.matrix is None else min(calibration.log_odds(evidence), HIGHEST)


def tails(found: Sequence[QueryBest], *, images: int, solid: int = SOLID) -> Tails:
    """Raises ConfigError when there are no queries of one of the two kinds. Those of which nobody can say
    count in neither.
    """
    without = [best for best in found if best.answered is False]
    answered = [best for best in found if best.answered]
    if not without or not answered:
        raise ConfigError(
            f"thresholds need queries with an answer and without one; there are {len(answered)} and {len(without)}: "
            "give at least two groups with two pictures each, and pictures that have no counterpart"
        )
    return Tails(
        _tail([best.refutable for best in without], images, solid),
        _tail([best.any for best in without], images, solid),
        _tail([best.refutable for best in answered], images, solid),
        _tail([best.any for best in answered], images, solid),
    )


def _tail(best: Sequence[float], images: int, solid: int) -> Tail:
    values = np.sort(np.array(best))
    grid = np.arange(LOWEST, HIGHEST + STEP / 2, STEP)
    beyond = len(values) - np.searchsorted(values, grid - 1e-9)
    known = beyond >= min(solid, max(1, len(values) // 2))
    known[0] = True
    points = tuple(
        (float(x), round(max(int(n), 0.5) / len(values), 8))
        for x, n in zip(grid[known], beyond[known], strict=True)
    )
    start = points[-1][0]
    excess = values[values >= start] - start
    mean = float(excess.mean()) * (1 + 1 / sqrt(len(excess))) if len(excess) else 1.0
    return Tail(len(values), images, points, round(max(LEAST_SCALE, mean), 4))


def share_beyond(tail: Tail, odds: float) -> float:
    """Share of the queries whose best candidate reaches these log odds; between points by straight lines of
    the logarithm.
    """
    first, last = tail.points[0], tail.points[-1]
    if odds <= first[0]:
        return first[1]
    if odds >= last[0]:
        return last[1] * exp(-(odds - last[0]) / tail.scale)
    return exp(float(np.interp(odds, [x for x, _ in tail.points], [log(share) for _, share in tail.points])))


def choose(
    known: Tails, wanted: TargetRates, *, own: Tails | None = None, worst: float = -inf
) -> ThresholdChoice:
    """Thresholds that keep both rates.

    `own`: what an operator's pictures gave, too few to trust alone; wherever they are worse they count.
    `worst`: log odds of the best wrong candidate among them, which must stay below a match.
    """
    unanswered, unanswered_review, answered, answered_review = (
        _combined(known, own, wanted.images, name)
        for name in ("unanswered", "unanswered_review", "answered", "answered_review")
    )
    least, most = logit(LEAST_MATCH), logit(CERTAIN)
    match = min(
        most,
        max(
            _first(lambda odds: unanswered(odds) <= wanted.false_matches / 1e6, least),
            worst + STEP if worst >= least else least,
        ),
    )

    def reviewed(odds: float) -> float:
        without = max(0.0, unanswered_review(odds) - unanswered(match))
        return UNANSWERED * without + (1 - UNANSWERED) * max(0.0, answered_review(odds) - answered(match))

    review = min(match, _first(lambda odds: reviewed(odds) <= wanted.reviews, logit(LEAST_REVIEW)))
    return ThresholdChoice(
        match=logistic(match),
        review=logistic(review),
        false_matches=1e6 * unanswered(match),
        reviews=reviewed(review),
        estimated=match > known.unanswered.points[-1][0],
        images=wanted.images,
    )


def _combined(known: Tails, own: Tails | None, images: int, name: str) -> Callable[[float], float]:
    """Share beyond some log odds at this many images, by what is known and, up to where it was counted, by
    one's own pictures.
    """
    shipped: Tail = getattr(known, name)
    grows = max(1.0, images / shipped.images) if shipped.images and name.startswith("unanswered") else 1.0
    mine: Tail | None = None if own is None else getattr(own, name)

    def share(odds: float) -> float:
        counted = share_beyond(mine, odds) if mine is not None and odds <= mine.points[-1][0] else 0.0
        return min(1.0, max(grows * share_beyond(shipped, odds), counted))

    return share


def _first(holds: Callable[[float], bool], start: float) -> float:
    """The least log odds from `start` on, in steps of STEP / 5, at which this holds."""
    steps = range(round((HIGHEST + 1 - start) / (STEP / 5)))
    return next((odds for odds in (start + n * STEP / 5 for n in steps) if holds(odds)), HIGHEST + 1)


def rule_of_three(wrong: int, queries: int) -> float:
    """Most that the rate behind `wrong` of `queries` can be, at 95 %: 3 / n where none was wrong (Hanley,
    Lippman-Hand, JAMA 1983), else Poisson's bound.
    """
    if not queries:
        return 1.0
    most, chance = 3.0, 0.0
    while True:
        chance = sum(
            exp(-most + k * log(most) - sum(log(i) for i in range(1, k + 1))) for k in range(wrong + 1)
        )
        if chance <= 0.05:
            return min(1.0, most / queries)
        most += 0.1


@dataclass(frozen=True, slots=True)
class ThresholdCounts:
    """What two thresholds gave, in queries."""

    answered: int
    unanswered: int
    #: Of the answered ones.
    matched: int
    #: With a match that is known to be wrong, the surest first.
    wrong: tuple[QueryBest, ...]
    reviews_answered: int
    reviews_unanswered: int

    @property
    def reviews(self) -> float:
        """Share of queries in review, if UNANSWERED of them have no answer."""
        return UNANSWERED * self.reviews_unanswered / max(1, self.unanswered) + (
            1 - UNANSWERED
        ) * self.reviews_answered / max(1, self.answered)


def count(found: Sequence[QueryBest], *, match: float, review: float) -> ThresholdCounts:
    """`match` and `review` are probabilities."""
    at_match, at_review = logit(min(match, CERTAIN)) - 1e-9, logit(min(review, CERTAIN)) - 1e-9

    def reviewed(best: QueryBest) -> bool:
        return best.refutable < at_match and best.any >= at_review

    return ThresholdCounts(
        answered=sum(best.answered is True for best in found),
        unanswered=sum(best.answered is False for best in found),
        matched=sum(best.answered is True and best.refutable >= at_match for best in found),
        wrong=tuple(sorted((best for best in found if best.wrong >= at_match), key=lambda best: -best.wrong)),
        reviews_answered=sum(best.answered is True and reviewed(best) for best in found),
        reviews_unanswered=sum(best.answered is False and reviewed(best) for best in found),
    )
