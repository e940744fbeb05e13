"""From evidence to a probability: additive match weights, as in record linkage.

Fellegi and Sunter (JASA 1969): each piece of evidence adds its weight, the logarithm of how much likelier it is among pairs that
show the same picture than among pairs that do not. A term is a curve of straight pieces over one measured number; what was not
measured adds nothing. All curves are monotone and all numbers lie in a data file with its provenance, so that a better
calibration replaces the file, not the code. The weights are natural logarithms; their sum becomes a probability by the logistic curve.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise
from math import exp, inf

import numpy as np

from .errors import ConfigError
from .records import Configuration, Evidence

SHIPPED = "calibration.json"
KEPT_COVERS = 0.8
"""Coverage of both pictures from which content beside a banner counts. measured: with the band, see content.py."""


@dataclass(frozen=True, slots=True)
class Term:
    """Weight over one number of the evidence: straight lines between the points, flat beyond them."""

    evidence: str
    """Field of records.Evidence, or `covered`: the larger of the two coverages."""
    points: tuple[tuple[float, float], ...]
    """Value and weight, by rising value."""

    def weight(self, value: float) -> float:
        return float(np.interp(value, [x for x, _ in self.points], [y for _, y in self.points]))


@dataclass(frozen=True, slots=True)
class Calibration:
    id: str
    """Stored with each verdict, so that a verdict says which numbers it rests on."""
    provenance: str
    prior: float
    """Weight before any evidence."""
    terms: tuple[tuple[Term, ...], ...]
    """Each a group of alternatives, of which the best counts."""
    match: float
    """Least probability of a match."""
    match_content: float
    """Least content agreement of a match, however near the hashes are: a page's frame alone can bring them within a few bits."""
    review: float
    """Least probability of a review."""
    whole: float
    """Least coverage of both pictures at which they count as near-duplicates rather than parts of each other."""
    template_inliers: int
    """Least inliers at which a pair that is no match is called same-template."""
    looks_like: Term
    """Confidence that such a pair is looks-like, for members of a baseline collection; not a weight, a probability."""
    looks_like_review: float
    """Least such confidence for a review."""

    def probability(self, evidence: Evidence) -> float:
        """Probability, 0 to 1, that both pictures show the same source picture."""
        total = self.prior
        for group in self.terms:
            measured = [(term, value) for term in group if (value := _value(term.evidence, evidence)) is not None]
            total += max((term.weight(value) for term, value in measured), default=0.0)
        return 1 / (1 + exp(-total))


def _value(name: str, evidence: Evidence) -> float | None:
    if name == "covered":
        sides = [side for side in (evidence.covered_query, evidence.covered_reference) if side is not None]
        return max(sides) if sides else None
    if name == "inliers" and evidence.inliers is None and evidence.configuration is Configuration.WHOLE:
        return inf  # not asked for, because the whole pictures agree: worth as much as any number of inliers
    if name == "content_kept" and min(evidence.covered_query or 0.0, evidence.covered_reference or 0.0) < KEPT_COVERS:
        return None
    value = getattr(evidence, name)
    return None if value is None else float(value)


@cache
def shipped() -> Calibration:
    """The calibration that comes with this version."""
    return parse(resources.files(__package__).joinpath(SHIPPED).read_text("utf-8"))


def _term(name: str, points: list[list[float]]) -> Term:
    return Term(name, tuple((float(x), float(y)) for x, y in points))


def parse(text: str) -> Calibration:
    """Read a calibration file; raises ConfigError naming what is wrong with it."""
    try:
        data = json.loads(text)
        terms = tuple(tuple(_term(name, points) for name, points in group.items()) for group in data["terms"] if group)
        thresholds = data["thresholds"]
        calibration = Calibration(
            id=str(data["id"]),
            provenance=str(data["provenance"]),
            prior=float(data["prior"]),
            terms=terms,
            match=float(thresholds["match"]),
            match_content=float(thresholds["match_content"]),
            review=float(thresholds["review"]),
            whole=float(thresholds["whole"]),
            template_inliers=int(thresholds["template_inliers"]),
            looks_like=_term("content_agreement", data["looks_like"]),
            looks_like_review=float(thresholds["looks_like_review"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"calibration file: {type(error).__name__}: {error}") from None
    for term in (term for group in calibration.terms for term in group):
        if term.evidence != "covered" and term.evidence not in Evidence.__dataclass_fields__:
            raise ConfigError(f"calibration {calibration.id}: {term.evidence!r} is not a piece of evidence")
        if any(left[0] >= right[0] for left, right in pairwise(term.points)) or not term.points:
            raise ConfigError(f"calibration {calibration.id}: the points of {term.evidence!r} must have rising values")
    return calibration
