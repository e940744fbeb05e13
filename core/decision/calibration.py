"""From evidence to a probability: additive match weights, as in record linkage.

Fellegi and Sunter (JASA 1969): each piece of evidence adds its weight, the logarithm of how much likelier it
is among pairs that show the same picture than among pairs that do not. A term is a curve of straight pieces
over one predictor (predictors.py), and every curve is monotone. Weights are natural logarithms; their sum
becomes a probability by the logistic curve. All numbers lie in a file with its provenance
(calibration_file.py), so that a better calibration replaces the file, not the code.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from math import exp, isfinite, log

from ..records import Contribution, Evidence
from .curves import Points, Term
from .imitation import ImitationModel
from .predictors import PREDICTORS, measure_all


@dataclass(frozen=True, slots=True)
class Model:
    """The weights for pairs of which certain families of predictors were measured: pictures known by their
    hashes alone, say, are judged by other curves.
    """

    #: Families that a pair must have.
    needs: tuple[str, ...]
    #: Weight before any evidence: log odds.
    prior: float
    #: One curve for each predictor that counts.
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where one answer ends and the next begins."""

    #: Minimum probability of a match.
    match: float
    #: Minimum probability of a review.
    review: float
    #: Minimum coverage of both pictures for a near-duplicate; below it each holds a part of the other.
    whole: float
    #: Minimum number of inliers of a no-match that is called same-template.
    template_inliers: int
    #: Minimum content agreement of one, where content was compared: a transform by chance joins pictures
    #: that agree nowhere.
    template_agreement: float
    #: Minimum confidence of looks-like for a review.
    looks_like_review: float


@dataclass(frozen=True, slots=True)
class Tail:
    """How high the best candidate of a query comes: what thresholds are chosen by."""

    #: Number of queries counted.
    queries: int
    #: Number of images searched; 0: not known.
    images: int
    #: Log odds, rising, and the share of the queries whose best candidate reaches them.
    points: Points
    #: Beyond the last point the share falls by the factor e with each step of this size in log odds.
    scale: float


@dataclass(frozen=True, slots=True)
class Tails:
    """The tails of the four kinds of queries and answers."""

    #: Queries without an answer, by candidates that may become a match.
    unanswered: Tail
    #: Queries without an answer, by any candidate.
    unanswered_review: Tail
    #: Queries with an answer, by candidates that may become a match.
    answered: Tail
    #: Queries with an answer, by any candidate.
    answered_review: Tail


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from. Stored and shown, never computed with."""

    #: What a reader should know.
    note: str
    #: Name and sha256 of each data set.
    data: tuple[tuple[str, str], ...] = ()
    #: Day on which it was made.
    date: str = ""
    #: Commit of the program that made it, or its version.
    commit: str = ""
    #: Part of the data that it was fitted to.
    part: str = ""
    #: Seed of the run.
    seed: int = 0
    #: Stratum, pairs that show the same picture, pairs that do not, pairs of which nobody can say.
    counts: tuple[tuple[str, int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Calibration:
    """All numbers that turn evidence into a confidence and an answer."""

    #: What its id begins with.
    name: str
    #: Where the numbers come from.
    provenance: Provenance
    #: Digest of the options that it was fitted with (core/options.py); it is valid only for these.
    options: str
    #: The first model whose needs are measured counts; the last needs nothing.
    models: tuple[Model, ...]
    #: Probability of a pair that no transform aligns.
    without_transform: float
    #: Where the answers end.
    thresholds: Thresholds
    #: What tells that a page imitates a page of a baseline.
    looks_like: ImitationModel
    #: What thresholds are chosen by.
    tails: Tails
    #: Name and the first digits of a digest of all the rest; computed.
    id: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        values = asdict(self)
        del values["id"]
        body = json.dumps(values, sort_keys=True, separators=(",", ":"))
        object.__setattr__(self, "id", f"{self.name}-{sha256(body.encode()).hexdigest()[:10]}")

    def contributions(self, evidence: Evidence) -> tuple[Contribution, ...]:
        """Return what each predictor adds to the log odds of the pair, the prior first; their sum is the log
        odds. Equal bytes or pixels are certain and have none.
        """
        if evidence.same:
            return ()
        if evidence.matrix is None:
            return (Contribution("without_transform", None, logit(self.without_transform)),)
        values = {
            predictor.name: value for predictor, value in zip(PREDICTORS, measure_all(evidence), strict=True)
        }
        measured = {predictor.family for predictor in PREDICTORS if values[predictor.name] is not None}
        model = next(model for model in self.models if measured.issuperset(model.needs))
        found = [Contribution("prior", None, model.prior)]
        for term in model.terms:
            value = values[term.predictor]
            shown = value if value is not None and isfinite(value) else None
            found.append(Contribution(term.predictor, shown, term.weight(value)))
        # One of so many: without anything else to tell them apart, each is as likely as the next.
        for name, pictures in (
            ("ambiguous_with", evidence.ambiguous_with and 1 + evidence.ambiguous_with),
            ("common_region_pictures", evidence.common_region_pictures),
        ):
            if pictures:
                odds = _total(found)
                shared = logistic(odds) / pictures
                weight = logit(shared) - odds if shared else 0.0
                found.append(Contribution(name, getattr(evidence, name), weight))
        return tuple(found)

    def log_odds(self, evidence: Evidence) -> float:
        """Return the log odds that both pictures show the same source picture, where they are not equal."""
        return _total(self.contributions(evidence))

    def probability(self, evidence: Evidence) -> float:
        """Return the probability, 0 to 1, that both pictures show the same source picture."""
        return self.without_transform if evidence.matrix is None else logistic(self.log_odds(evidence))

    def likeness(self, evidence: Evidence) -> float:
        """Return the probability, 0 to 1, that one imitates the other, for a page of a baseline; 0 where
        another brand has more in common with the page.
        """
        outdone = evidence.likeness is not None and evidence.likeness.better_brands > 0
        return 0.0 if outdone else self.same_design(evidence)

    def same_design(self, evidence: Evidence) -> float:
        """Return the same probability, whatever other brands have in common with the page."""
        return logistic(self.looks_like.log_odds(evidence))

    def with_thresholds(
        self, *, match: float, review: float, provenance: Provenance, name: str
    ) -> Calibration:
        """Return this calibration with other thresholds."""
        thresholds = replace(self.thresholds, match=match, review=review)
        return replace(self, name=name, provenance=provenance, thresholds=thresholds)


def logistic(log_odds: float) -> float:
    """Return the probability of log odds."""
    return 1 / (1 + exp(-log_odds)) if log_odds > -700 else 0.0


def logit(probability: float) -> float:
    """Return the log odds of a probability above 0 and below 1."""
    return log(probability / (1 - probability))


def _total(contributions: tuple[Contribution, ...] | list[Contribution]) -> float:
    return sum(contribution.weight for contribution in contributions)
