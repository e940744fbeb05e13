"""A drawing of the evidence: both pictures side by side, the shared region outlined, inliers joined by lines,
and the places framed where the content differs.

The drawing shows what was measured: the outline is the transform that verification found, each line one of
its inliers, each frame one of the differences.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from .records import Box, Decision, Verdict
from .transforms import as_matrix, carried, inverse
from .verification.overlap import shared_region
from .verification.verify import Verification

#: Maximum width and height of each picture in the drawing, in pixels. chosen: two fit on a screen.
SIDE = 760
#: Maximum number of inliers drawn. chosen: more hide the picture.
LINES = 60
#: Pixels between the pictures, and height of the caption. chosen.
GAP, CAPTION = 24, 64
#: Colour of the frames around what differs, RGB. chosen: a red that no decision has.
DIFFERS = (207, 34, 46)
#: Colour of each decision, RGB. chosen: GitHub's green, amber and grey, which are readable on white.
COLOURS = {Decision.MATCH: (26, 127, 55), Decision.REVIEW: (191, 135, 0), Decision.NO_MATCH: (110, 119, 129)}


def draw_overlay(
    query: NDArray[np.uint8], reference: NDArray[np.uint8], found: Verification, verdict: Verdict
) -> bytes:
    """Return a PNG of `query` (left) and `reference` (right), RGB u8[h, w, 3], with the evidence drawn in."""
    left, right = _fit(query), _fit(reference)
    width = left.width + GAP + right.width
    sheet = Image.new("RGB", (max(width, 900), max(left.height, right.height) + CAPTION), "white")
    sheet.paste(left, (0, CAPTION))
    sheet.paste(right, (left.width + GAP, CAPTION))
    pen = ImageDraw.Draw(sheet, "RGBA")
    colour = COLOURS[verdict.decision]
    matrix = verdict.evidence.matrix
    if matrix is not None:
        onto = as_matrix(matrix)
        _outline(pen, inverse(onto), (0, CAPTION), left.size, colour)
        _outline(pen, onto, (left.width + GAP, CAPTION), right.size, colour)
        for difference in verdict.evidence.differences or ():
            _frame(pen, difference.box, (0, CAPTION), left.size)
            _frame(pen, carried(difference.box, onto), (left.width + GAP, CAPTION), right.size)
    _lines(pen, found, left.size, (left.width + GAP, CAPTION), right.size, colour)
    _caption(pen, verdict, sheet.width, colour)
    stream = io.BytesIO()
    sheet.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _fit(pixels: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(pixels)
    scale = min(SIDE / picture.width, SIDE / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(
        size,
        Image.Resampling.LANCZOS
        if scale < 1
        else Image.Resampling.NEAREST
        if scale > 4
        else Image.Resampling.BICUBIC,
    )


def _outline(
    pen: ImageDraw.ImageDraw,
    onto: NDArray[np.float64],
    corner: tuple[int, int],
    size: tuple[int, int],
    colour: tuple[int, int, int],
) -> None:
    """The other picture's frame as it lies on this one, cut off at the edges."""
    region = shared_region(onto)
    if len(region) > 2:
        points = region * (np.array(size) - 1) + corner
        pen.polygon(
            [tuple(point) for point in points.tolist()], fill=(*colour, 28), outline=(*colour, 255), width=4
        )


def _frame(pen: ImageDraw.ImageDraw, box: Box, corner: tuple[int, int], size: tuple[int, int]) -> None:
    """A frame around a place, a little larger than the place."""
    x0, y0, x1, y1 = box
    left, top = corner[0] + x0 * size[0] - 2, corner[1] + y0 * size[1] - 2
    right, bottom = corner[0] + x1 * size[0] + 2, corner[1] + y1 * size[1] + 2
    pen.rectangle((left, top, right, bottom), outline=(*DIFFERS, 255), width=2)


def _lines(
    pen: ImageDraw.ImageDraw,
    found: Verification,
    left: tuple[int, int],
    corner: tuple[int, int],
    right: tuple[int, int],
    colour: tuple[int, int, int],
) -> None:
    count = len(found.points_query)
    for index in np.linspace(0, count - 1, min(LINES, count)).astype(int):
        x0, y0 = found.points_query[index] * left + (0, corner[1])
        x1, y1 = found.points_reference[index] * right + corner
        pen.line((x0, y0, x1, y1), fill=(*colour, 110), width=1)
        for x, y in ((x0, y0), (x1, y1)):
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=(*colour, 255), width=2)


def _caption(pen: ImageDraw.ImageDraw, verdict: Verdict, width: int, colour: tuple[int, int, int]) -> None:
    relation = f" · {verdict.relation.value}" if verdict.relation else ""
    pen.rectangle((0, 0, 10, CAPTION - 8), fill=colour)
    pen.text(
        (22, 4),
        f"{verdict.decision.value}{relation} · {verdict.confidence:.3f}",
        fill=colour,
        font=ImageFont.load_default(22),
    )
    font = ImageFont.load_default(14)
    text = verdict.sentence
    while text and pen.textlength(text, font=font) > width - 30:
        text = text[:-2]
    pen.text((22, 34), text if text == verdict.sentence else text + "…", fill=(60, 60, 60), font=font)
