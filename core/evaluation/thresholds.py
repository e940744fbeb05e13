"""Turns two rates that an operator accepts into the two thresholds of a calibration.

A threshold acts on the best candidate of a query, not on a pair: among a million images a query has a million
chances of a wrong match. Therefore the best log odds of each query are counted, for queries with an answer
and for queries without one (`measure_tails`), and a threshold is where the share of queries beyond it equals
the requested rate.

Rates of a few in a million lie beyond any test set. There the share is assumed to fall by the factor e with
each step of one scale in log odds, as an excess over a high threshold does (Pickands, Ann. Statist. 1975,
with shape 0). The scale is the mean excess of the best queries plus one standard error. The share is also
assumed to grow in proportion to the number of images, the most it can (the union bound). A result that rests
on this is an estimate, and `ThresholdChoice` says so.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt

import numpy as np
from scipy.special import pdtri

from ..decision.calibration import Calibration, Tail, Tails, logistic, logit
from ..decision.decide import may_match
from ..decision.options import DEFAULTS
from ..errors import ConfigError
from . import strata
from .results import LabelledPair, group_by_query

#: Queries in a million with a wrong match, unless a rate is named. chosen: half a query in ten thousand.
FALSE_MATCHES = 50.0
#: Share of queries that may end in review, unless a rate is named. spec: 2 %, minus an eighth of it as a
#: margin.
REVIEWS = 0.0175
#: Lower bounds of the thresholds (probabilities) for match and review, whatever the rates. measured (fitting
#: part, half of the sites left out in turn, 4,358 pairs of pages of one site with a transform): 0.71, 0.46,
#: 0.32 and 0.21 % of them are a match from 0.4, 0.5, 0.65 and 0.8, and 94.7, 94.3, 93.7 and 91.8 % of what is
#: found. From 0.03, one query in 700 for a page of an unknown site ends in review, and one in five for a page
#: of a site with other pages in the index (from 0.17: one in nine); ten points more of the copies under a
#: banner, a window, a watermark or notes are found. chosen: at least one review in thirty is correct.
MIN_MATCH, MIN_REVIEW = 0.5, 0.03
#: Minimum number of queries beyond a point of a shipped tail. chosen: the share is known to a fifth.
MIN_BEYOND = 20
#: The same for the few pictures of an operator. chosen: the share is known to a half, and it only ever makes
#: thresholds stricter.
MIN_BEYOND_OWN = 5
#: Distance between the points of a tail, its first point and its last point, in log odds. chosen: from 0.03 %
#: to the certainty of identical pixels.
STEP, LOWEST, HIGHEST = 0.25, -8.0, 20.0
#: Minimum scale of a tail, in log odds. chosen: a tail that seems steeper was measured on too few queries.
MIN_SCALE = 0.5


@dataclass(frozen=True, slots=True)
class QueryBest:
    """The best candidates of one query, in log odds; -inf where no candidate has a transform."""

    #: File of the picture.
    query: str
    #: Name of the edit; "" for the picture as it is.
    edit: str
    #: Whether a candidate is correct. None: the query counts in no rate, because the truth is unknown (as
    #: with another version of a page), or because other pages of its site or other fillings of its template
    #: are indexed, which an evaluation arranges on purpose and counts apart.
    answered: bool | None
    #: Best of the candidates that may become a match.
    refutable: float
    #: Best of all candidates.
    any: float
    #: Best of the candidates that may become a match and are known to be wrong.
    wrong: float
    #: File of that wrong candidate; "" when there is none.
    wrong_reference: str


@dataclass(frozen=True, slots=True)
class TargetRates:
    """The rates that an operator accepts. Raises ConfigError for values that are not rates."""

    #: Images that are searched.
    images: int
    #: Wrong matches in a million queries without an answer.
    false_matches: float = FALSE_MATCHES
    #: Share of all queries that end in review.
    reviews: float = REVIEWS

    def __post_init__(self) -> None:
        if not 0 < self.false_matches <= 1e6:
            raise ConfigError(
                f"{self.false_matches:g} false matches in a million queries; expected more than 0 and at "
                "most a million"
            )
        if not 0 < self.reviews <= 1:
            raise ConfigError(
                f"{self.reviews:g} of the queries in review; expected a share, more than 0 and at most 1"
            )


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """Two thresholds, and the rates expected of them."""

    #: Minimum probability of a match.
    match: float
    #: Minimum probability of a review.
    review: float
    #: Expected wrong matches in a million queries without an answer.
    false_matches: float
    #: Expected share of all queries in review, `strata.SHARE_WITHOUT_ANSWER` of them without an answer.
    reviews: float
    #: Whether `false_matches` lies beyond what was counted.
    estimated: bool


def best_candidates(pairs: Iterable[LabelledPair], calibration: Calibration) -> list[QueryBest]:
    """Return the best candidates of each query under `calibration`, in the order of the pairs. Pairs that
    were judged apart from a search do not count.
    """
    candidates = ([pair for pair in group if pair.place >= 0] for group in group_by_query(pairs))
    return [_best(group, calibration) for group in candidates if group]


def _best(group: Sequence[LabelledPair], calibration: Calibration) -> QueryBest:
    scored = [(_log_odds(pair, calibration), pair) for pair in group]
    refutable = [
        (odds, pair)
        for odds, pair in scored
        if odds == HIGHEST or may_match(pair.verdict.evidence, calibration)
    ]
    wrong = [(odds, pair.reference) for odds, pair in refutable if pair.label is False]
    worst, worst_reference = max(wrong, default=(-inf, ""))
    doubtful = any(pair.label is None or pair.stratum in strata.ARRANGED for pair in group)
    return QueryBest(
        query=group[0].query,
        edit=group[0].edit,
        answered=True if any(pair.label for pair in group) else None if doubtful else False,
        refutable=max((odds for odds, _ in refutable), default=-inf),
        any=max((odds for odds, _ in scored), default=-inf),
        wrong=worst,
        wrong_reference=worst_reference,
    )


def _log_odds(pair: LabelledPair, calibration: Calibration) -> float:
    evidence = pair.verdict.evidence
    if evidence.same:
        return HIGHEST
    return -inf if evidence.matrix is None else min(calibration.log_odds(evidence), HIGHEST)


def measure_tails(found: Sequence[QueryBest], *, images: int, min_beyond: int = MIN_BEYOND) -> Tails:
    """Return how often the best candidate of a query reaches which log odds. `images`: how many were
    searched; `min_beyond`: minimum number of queries beyond each point. Queries whose truth is unknown do not
    count.

    Raises ConfigError when there are no queries with an answer, or none without one.
    """
    without = [best for best in found if best.answered is False]
    answered = [best for best in found if best.answered]
    if not without or not answered:
        raise ConfigError(
            f"thresholds need queries with an answer and without one; there are {len(answered)} and "
            f"{len(without)}: give at least two groups of two pictures each, and pictures without a "
            "counterpart"
        )
    return Tails(
        _tail([best.refutable for best in without], images, min_beyond),
        _tail([best.any for best in without], images, min_beyond),
        _tail([best.refutable for best in answered], images, min_beyond),
        _tail([best.any for best in answered], images, min_beyond),
    )


def _tail(best: Sequence[float], images: int, min_beyond: int) -> Tail:
    values = np.sort(np.array(best))
    grid = np.arange(LOWEST, HIGHEST + STEP / 2, STEP)
    beyond = len(values) - np.searchsorted(values, grid - 1e-9)
    known = beyond >= min(min_beyond, max(1, len(values) // 2))
    known[0] = True
    points = tuple(
        (float(x), round(max(int(n), 0.5) / len(values), 8))
        for x, n in zip(grid[known], beyond[known], strict=True)
    )
    start = points[-1][0]
    excess = values[values >= start] - start
    mean = float(excess.mean()) * (1 + 1 / sqrt(len(excess))) if len(excess) else 1.0
    return Tail(len(values), images, points, round(max(MIN_SCALE, mean), 4))


def share_beyond(tail: Tail, odds: float) -> float:
    """Return the share of queries, 0 to 1, whose best candidate reaches the log odds `odds`. Between points
    the logarithm of the share is linear.
    """
    highest, rest = tail.points[-1]
    if odds >= highest:
        return rest * exp(-(odds - highest) / tail.scale)
    return exp(float(np.interp(odds, [x for x, _ in tail.points], [log(share) for _, share in tail.points])))


def choose_thresholds(
    known: Tails, rates: TargetRates, *, own: Tails | None = None, worst: float = -inf
) -> ThresholdChoice:
    """Return thresholds that keep both rates.

    `own`: tails of an operator's pictures, too few to rely on alone; they count wherever they are worse.
    `worst`: log odds of the best wrong candidate among those pictures, which must stay below a match.
    """
    unanswered, unanswered_review, answered, answered_review = (
        _combined(known, own, rates.images, name)
        for name in ("unanswered", "unanswered_review", "answered", "answered_review")
    )
    lowest = logit(MIN_MATCH)
    match = max(
        _first(lambda odds: unanswered(odds) <= rates.false_matches / 1e6, lowest),
        worst + STEP if worst >= lowest else lowest,
    )
    match = min(logit(DEFAULTS.verdict.certain), match)

    def reviewed(odds: float) -> float:
        return strata.as_in_use(
            without=max(0.0, unanswered_review(odds) - unanswered(match)),
            answered=max(0.0, answered_review(odds) - answered(match)),
        )

    review = min(match, _first(lambda odds: reviewed(odds) <= rates.reviews, logit(MIN_REVIEW)))
    return ThresholdChoice(
        match=logistic(match),
        review=logistic(review),
        false_matches=1e6 * unanswered(match),
        reviews=reviewed(review),
        estimated=match > known.unanswered.points[-1][0],
    )


def _combined(known: Tails, own: Tails | None, images: int, name: str) -> Callable[[float], float]:
    """Return the share beyond some log odds at this many images: that of `known` or, up to where it was
    counted, that of an operator's own pictures, whichever is larger.
    """
    shipped: Tail = getattr(known, name)
    growth = max(1.0, images / shipped.images) if shipped.images and name.startswith("unanswered") else 1.0
    mine: Tail | None = None if own is None else getattr(own, name)

    def share(odds: float) -> float:
        counted = share_beyond(mine, odds) if mine is not None and odds <= mine.points[-1][0] else 0.0
        return min(1.0, max(growth * share_beyond(shipped, odds), counted))

    return share


def _first(holds: Callable[[float], bool], start: float) -> float:
    """Return the lowest log odds from `start`, in steps of STEP / 5, at which the condition holds."""
    grid = (start + n * STEP / 5 for n in range(round((HIGHEST + 1 - start) / (STEP / 5))))
    return next((odds for odds in grid if holds(odds)), HIGHEST + 1)


def upper_bound_95(wrong: int, queries: int) -> float:
    """Return the upper 95 % confidence bound of the rate behind `wrong` of `queries`, by Poisson's law: 3 / n
    where none was wrong (the rule of three; Hanley, Lippman-Hand, JAMA 1983).
    """
    return min(1.0, float(pdtri(wrong, 0.05)) / queries) if queries else 1.0


@dataclass(frozen=True, slots=True)
class ThresholdCounts:
    """The outcome of two thresholds, in queries."""

    #: Queries with an answer.
    answered: int
    #: Queries without an answer.
    unanswered: int
    #: Queries with an answer that are a match.
    matched: int
    #: Queries with a match that is known to be wrong, by falling log odds.
    wrong: tuple[QueryBest, ...]
    #: Queries with an answer that end in review.
    reviews_answered: int
    #: Queries without an answer that end in review.
    reviews_unanswered: int

    @property
    def reviews(self) -> float:
        """Share of queries in review, 0 to 1, `strata.SHARE_WITHOUT_ANSWER` of them without an answer."""
        return strata.as_in_use(
            without=self.reviews_unanswered / max(1, self.unanswered),
            answered=self.reviews_answered / max(1, self.answered),
        )


def count_outcomes(found: Sequence[QueryBest], *, match: float, review: float) -> ThresholdCounts:
    """Return the outcome of the thresholds `match` and `review`, which are probabilities."""
    at_match, at_review = (
        logit(min(match, DEFAULTS.verdict.certain)) - 1e-9,
        logit(min(review, DEFAULTS.verdict.certain)) - 1e-9,
    )
    answered = [best for best in found if best.answered is True]
    unanswered = [best for best in found if best.answered is False]

    def reviewed(queries: Sequence[QueryBest]) -> int:
        return sum(best.refutable < at_match and best.any >= at_review for best in queries)

    return ThresholdCounts(
        answered=len(answered),
        unanswered=len(unanswered),
        matched=sum(best.refutable >= at_match for best in answered),
        wrong=tuple(sorted((best for best in found if best.wrong >= at_match), key=lambda best: -best.wrong)),
        reviews_answered=reviewed(answered),
        reviews_unanswered=reviewed(unanswered),
    )
