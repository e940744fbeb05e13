"""Draws the reliability diagram: confidence against the share that is correct, and the number of pairs in
each bin.
"""

from math import log10

from PIL import Image, ImageDraw, ImageFont

from .confidence import BINS, ConfidenceMetrics
from .edits import encoded

#: Side of the square diagram in pixels. chosen.
SIDE = 520
#: Left and upper edge of the square in pixels. chosen.
LEFT, TOP = 70, 50
#: Height of the histogram below the square in pixels. chosen.
BARS = 110
#: Colours (RGB) of the title, of text and the diagonal, and of the grid. chosen.
INK, FAINT, GRID = (40, 40, 40), (120, 120, 120), (225, 225, 225)


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
