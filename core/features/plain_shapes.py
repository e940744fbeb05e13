"""Drawings of what stands on every page and is no logo: letters, digits, arrows and simple shapes.

Takes nothing; gives grey drawings, black on white. Letters are those of Pillow's own font, in three weights
and slanted, and those with serifs of OpenCV.
"""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

#: What is drawn as letters.
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789&@#?!+*%$<>="
#: Side of a drawing in pixels. chosen: larger than any place that it is compared with.
SIDE = 160
#: Widths by which the strokes of letters grow, in pixels: regular, bold and black. chosen.
WEIGHTS = (0, 3, 7)
#: Shear of slanted letters. chosen: 12 degrees.
SLANT = 0.22
#: Widths of the outlines of simple shapes; -1 is filled. chosen.
OUTLINES = (-1, 7, 13, 24)
#: Widths of arrows and ticks. chosen.
STROKES = (6, 11, 19)
#: Lines of a chevron, an arrow, a tick and the sign of a menu, in shares of the side.
LINES = (
    (((0.3, 0.2), (0.6, 0.5)), ((0.6, 0.5), (0.3, 0.8))),
    (((0.2, 0.5), (0.8, 0.5)), ((0.55, 0.2), (0.8, 0.5)), ((0.55, 0.8), (0.8, 0.5))),
    (((0.2, 0.55), (0.4, 0.75)), ((0.4, 0.75), (0.8, 0.25))),
    (((0.2, 0.3), (0.8, 0.3)), ((0.2, 0.5), (0.8, 0.5)), ((0.2, 0.7), (0.8, 0.7))),
)

#: Left, top, right, bottom of what a drawing shows, in pixels.
Ends = tuple[int, int, int, int]


def plain_drawings() -> Iterator[tuple[NDArray[np.uint8], Ends]]:
    """Return the drawings u8[h, w], each with the box around what it shows."""
    for grey in (*_letters(), *_with_serifs(), *_shapes(), *_arrows()):
        rows, columns = np.nonzero(grey < 128)
        yield (
            grey,
            (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1),
        )


def _letters() -> Iterator[NDArray[np.uint8]]:
    font = ImageFont.load_default(SIDE // 2)
    slanted = (1, SLANT, -SLANT * SIDE / 2, 0, 1, 0)
    for sign in SIGNS:
        for weight in WEIGHTS:
            sheet = Image.new("L", (SIDE, SIDE), 255)
            middle = (SIDE / 2, SIDE / 2)
            ImageDraw.Draw(sheet).text(middle, sign, 0, font, anchor="mm", stroke_width=weight)
            yield np.asarray(sheet)
            if weight < WEIGHTS[-1]:
                yield np.asarray(
                    sheet.transform(
                        sheet.size,
                        Image.Transform.AFFINE,
                        slanted,
                        Image.Resampling.BILINEAR,
                        fillcolor=255,
                    )
                )


def _with_serifs() -> Iterator[NDArray[np.uint8]]:
    for font, thickness in ((cv2.FONT_HERSHEY_COMPLEX, 5), (cv2.FONT_HERSHEY_TRIPLEX, 9)):
        for sign in SIGNS:
            sheet = _sheet()
            cv2.putText(sheet, sign, (SIDE // 4, 3 * SIDE // 4), font, 3.0, 0, thickness, cv2.LINE_AA)
            yield sheet


def _shapes() -> Iterator[NDArray[np.uint8]]:
    middle, radius = SIDE // 2, 3 * SIDE // 8
    for outline in OUTLINES:
        sheet = _sheet()
        cv2.circle(sheet, (middle, middle), radius, 0, outline, cv2.LINE_AA)
        yield sheet
        sheet = _sheet()
        cv2.rectangle(sheet, (middle - radius,) * 2, (middle + radius,) * 2, 0, outline)
        yield sheet
        for corners in (3, 4, 5, 6, 8):
            for turned in (0.0, 0.5):
                angles = 2 * np.pi * (np.arange(corners) + turned) / corners
                ends = middle + radius * np.stack([np.sin(angles), np.cos(angles)], axis=1)
                sheet, points = _sheet(), [ends.astype(np.int32)]
                if outline < 0:
                    cv2.fillPoly(sheet, points, 0, cv2.LINE_AA)
                else:
                    cv2.polylines(sheet, points, True, 0, outline, cv2.LINE_AA)
                yield sheet


def _arrows() -> Iterator[NDArray[np.uint8]]:
    for stroke in STROKES:
        for lines in LINES:
            sheet = _sheet()
            for start, end in lines:
                ends = [(round(x * SIDE), round(y * SIDE)) for x, y in (start, end)]
                cv2.line(sheet, ends[0], ends[1], 0, stroke, cv2.LINE_AA)
            yield from (np.ascontiguousarray(np.rot90(sheet, turns)) for turns in range(4))


def _sheet() -> NDArray[np.uint8]:
    return np.full((SIDE, SIDE), 255, np.uint8)
