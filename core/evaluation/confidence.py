"""How well confidence and truth agree: Brier score, expected calibration error and reliability curve, in
numbers and as a diagram: confidence against the share that is correct, and the number of pairs in each bin.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log10

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .edits import encoded

#: Bins of the reliability curve, of equal width. chosen: usual for the expected calibration error.
BINS = 15
#: Confidence from which a verdict must be correct in as many cases.
SURE = 0.99
#: Side of the square diagram in pixels. chosen.
SIDE = 520
#: Left and upper edge of the square in pixels. chosen.
LEFT, TOP = 70, 50
#: Height of the histogram below the square in pixels. chosen.
BARS = 110
#: Colours (RGB) of the title, of text and the diagonal, and of the grid. chosen.
INK, FAINT, GRID = (40, 40, 40), (120, 120, 120), (225, 225, 225)


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


def draw_reliability(curves: dict[str, tuple[ConfidenceMetrics, str]]) -> bytes:
    """Return the diagram as PNG. `curves`: metrics and colour by name. The diagonal is perfect
    calibration.
    """
    sheet = Image.new("RGB", (LEFT + SIDE + 40, TOP + SIDE + BARS + 90), "white")
    pen = ImageDraw.Draw(sheet)
    for tenth in range(0, 11, 2):
        x, y = _point(tenth / 10, tenth / 10)
        pen.line((x, TOP, x, TOP + SIDE), fill=GRID)
        pen.line((LEFT, y, LEFT + SIDE, y), fill=GRID)
        pen.text(
            (x, TOP + SIDE + 6), f"{tenth / 10:.1f}", fill=FAINT, anchor="mt", font=ImageFont.load_default(13)
        )
        pen.text((LEFT - 8, y), f"{tenth / 10:.1f}", fill=FAINT, anchor="rm", font=ImageFont.load_default(13))
    pen.line((*_point(0, 0), *_point(1, 1)), fill=FAINT)
    pen.text((LEFT, 8), "Share correct, by confidence", fill=INK, font=ImageFont.load_default(18))
    most = max((bin_.pairs for found, _ in curves.values() for bin_ in found.bins), default=1)
    for place, (name, (found, colour)) in enumerate(curves.items()):
        _draw_curve(pen, found, colour)
        _draw_counts(pen, found, colour, place, len(curves), most)
        error = "-" if found.error is None else f"{found.error:.4f}"
        legend = f"{name}: {found.pairs:,} pairs, calibration error {error}"
        pen.text((LEFT + 12, TOP + 10 + 20 * place), legend, fill=colour, font=ImageFont.load_default(14))
    pen.text(
        (LEFT, TOP + SIDE + BARS + 60),
        "Below: pairs in each bin, logarithmic",
        fill=FAINT,
        font=ImageFont.load_default(13),
    )
    return encoded(sheet, optimize=True)


def _draw_curve(pen: ImageDraw.ImageDraw, found: ConfidenceMetrics, colour: str) -> None:
    points = [_point(bin_.confidence, bin_.right) for bin_ in found.bins]
    if len(points) > 1:
        pen.line(points, fill=colour, width=2)
    for x, y in points:
        pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour)


def _draw_counts(
    pen: ImageDraw.ImageDraw, found: ConfidenceMetrics, colour: str, place: int, of: int, most: int
) -> None:
    bottom, width = TOP + SIDE + BARS + 45, SIDE / BINS
    for bin_ in found.bins:
        left = LEFT + bin_.low * SIDE + width * (0.1 + 0.8 * place / of)
        height = BARS * (0.05 + 0.95 * log10(bin_.pairs) / max(1.0, log10(most)))
        pen.rectangle((left, bottom - height, left + 0.8 * width / of, bottom), fill=colour)


def _point(x: float, y: float) -> tuple[float, float]:
    return LEFT + x * SIDE, TOP + (1 - y) * SIDE
