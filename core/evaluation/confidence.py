"""How well confidence and truth agree: Brier score, expected calibration error and reliability curve."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np

#: Bins of the reliability curve, of equal width. chosen: usual for the expected calibration error.
BINS = 15
#: Confidence from which a verdict must be correct in as many cases.
SURE = 0.99
#: Standard deviations on both sides of the mean that hold 95 % of a normal distribution. spec.
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole, as counts."""

    #: Count of the part.
    part: int
    #: Count of the whole.
    whole: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; None when the whole is empty."""
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the share (Wilson, JASA 1927), 0 to 1; None when the whole is empty."""
        if not self.whole:
            return None
        share, extra = self.part / self.whole, Z_95**2 / self.whole
        centre = share + extra / 2
        spread = Z_95 * sqrt((share * (1 - share) + extra / 4) / self.whole)
        return max(0.0, (centre - spread) / (1 + extra)), min(1.0, (centre + spread) / (1 + extra))

    def __add__(self, other: Share) -> Share:
        return Share(self.part + other.part, self.whole + other.whole)


#: Share of nothing, to start a sum with.
NOTHING = Share(0, 0)


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the reliability curve."""

    #: Lower bound of the confidence.
    low: float
    #: Number of pairs.
    pairs: int
    #: Mean confidence of the pairs.
    confidence: float
    #: Share of the pairs that show the same picture.
    right: float


@dataclass(frozen=True, slots=True)
class ConfidenceMetrics:
    """How well confidence and truth agree, over labelled pairs."""

    #: Number of pairs.
    pairs: int
    #: Brier score: mean squared difference of confidence and truth; None without pairs.
    brier: float | None
    #: Expected calibration error: mean difference of confidence and share correct over the bins, weighted by
    #: pairs; None without pairs.
    error: float | None
    #: Of the pairs with a confidence of SURE or more, those that show the same picture.
    sure: Share
    #: The bins that contain pairs.
    bins: tuple[Bin, ...]


def confidence_metrics(confidences: Iterable[tuple[float, bool]]) -> ConfidenceMetrics:
    """Return how well confidence (0 to 1) and truth agree over these pairs of both. Bins include their lower
    bound, the last one also 1.
    """
    listed = np.array([*confidences], float).reshape(-1, 2)
    confidence, right = listed.T
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = tuple(
        Bin(
            n / BINS,
            int((place == n).sum()),
            float(confidence[place == n].mean()),
            float(right[place == n].mean()),
        )
        for n in np.unique(place).tolist()
    )
    sure = right[confidence >= SURE]
    return ConfidenceMetrics(
        pairs=len(listed),
        brier=float(((confidence - right) ** 2).mean()) if len(listed) else None,
        error=sum(bin_.pairs * abs(bin_.confidence - bin_.right) for bin_ in bins) / len(listed)
        if len(listed)
        else None,
        sure=Share(int(sure.sum()), len(sure)),
        bins=bins,
    )
