"""Insets: rectangles with straight sides inside a page, each treated as a picture of its own.

A page has a few hundred keypoints, of which a screenshot shown in it at 40 % of the width has some fifty;
treated by itself it has as many as any picture. So the place of a picture in a page is found first: a picture
has straight sides, longer than any letter's, and text has none. Takes grey pixels of the query and returns
boxes; keypoints are those of features/local.py.

Measured (2026-11, 30 screenshots and 25 photographs at 40 % of the width of a page of text): the box is found
for 27 and 21. Where it is, all 30 screenshots are verified by its keypoints, 17 by the page's, and 27 by
three times as many of the page's. Of 278 other pages, two thirds have no such box and one in six more than
one. It takes 6 to 12 ms. Where text runs into a picture without a frame, 13 and 12 boxes are found. Lines
with gaps of a fifth find none, because lines of text are such lines, too.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box, LocalFeatures
from .local import extract_local
from .options import DEFAULTS, FeatureOptions, InsetOptions


@dataclass(frozen=True, slots=True, eq=False)
class Inset:
    """A picture that stands inside the query picture."""

    #: Where it lies in the page, in unit coordinates.
    box: Box
    #: Its keypoints, in its own frame.
    local: LocalFeatures

    @property
    def from_page(self) -> NDArray[np.float64]:
        """The transform from unit coordinates of the page to those of this picture, shape (3, 3)."""
        left, top, right, bottom = self.box
        return np.array(
            [
                [1 / (right - left), 0, -left / (right - left)],
                [0, 1 / (bottom - top), -top / (bottom - top)],
                [0, 0, 1],
            ]
        )


def extract_insets(grey: NDArray[np.uint8], *, options: FeatureOptions = DEFAULTS) -> tuple[Inset, ...]:
    """Return the insets of a page u8[h, w] that have enough keypoints, the largest first."""
    height, width = grey.shape
    found = []
    for left, top, right, bottom in find_boxes(grey, options=options.insets)[: options.insets.maximum_insets]:
        inset = np.ascontiguousarray(grey[top:bottom, left:right])
        local = extract_local(inset, options=options.local.of_views)
        if len(local) >= options.insets.minimum_keypoints:
            found.append(Inset((left / width, top / height, right / width, bottom / height), local))
    return tuple(found)


def find_boxes(
    grey: NDArray[np.uint8], *, options: InsetOptions = DEFAULTS.insets
) -> list[tuple[int, int, int, int]]:
    """Return left, top, right and bottom of what straight lines enclose, in pixels of u8[h, w], the largest
    box first.
    """
    factor = min(1.0, options.maximum_width / grey.shape[1], (options.maximum_pixels / grey.size) ** 0.5)
    page = np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = page.shape
    if min(height, width) <= options.minimum_height:
        return []
    lines = _lines(page, options)
    _, _, components, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    boxes = [
        (int(x), int(y), int(x + w), int(y + h))
        for x, y, w, h, _ in components[1:]
        if w >= options.minimum_width * width
        and h >= options.minimum_height
        and w * h <= options.maximum_area * width * height
        and _is_framed(lines[y : y + h, x : x + w], options)
    ]
    boxes.sort(key=lambda box: ((box[0] - box[2]) * (box[3] - box[1]), box))
    return [
        (
            int(left / factor),
            int(top / factor),
            min(grey.shape[1], round(right / factor)),
            min(grey.shape[0], round(bottom / factor)),
        )
        for left, top, right, bottom in boxes
    ]


def _lines(page: NDArray[np.uint8], options: InsetOptions) -> NDArray[np.uint8]:
    """1 where a horizontal or vertical edge is straight for long enough, a little widened, so that lines meet
    at corners.
    """
    shortest = max(options.minimum_height // 2, round(options.minimum_line * page.shape[1]))
    lines = np.zeros(page.shape, np.uint8)
    for down, kernel in ((True, (1, shortest)), (False, (shortest, 1))):
        one, other = (page[1:], page[:-1]) if down else (page[:, 1:], page[:, :-1])
        edges = (cv2.absdiff(one, other) > options.edge_step).view(np.uint8)
        straight = cv2.morphologyEx(edges, cv2.MORPH_OPEN, np.ones(kernel, np.uint8))
        lines[1 if down else 0 :, 0 if down else 1 :] |= np.asarray(straight, np.uint8)
    return np.asarray(cv2.dilate(lines, np.ones((options.gap, options.gap), np.uint8)), np.uint8)


def _is_framed(lines: NDArray[np.uint8], options: InsetOptions) -> bool:
    side = options.side
    sides = (
        lines[:side].any(axis=0),
        lines[-side:].any(axis=0),
        lines[:, :side].any(axis=1),
        lines[:, -side:].any(axis=1),
    )
    worst, second, *_ = sorted(float(line.mean()) for line in sides)
    return worst >= options.lined_worst and second >= options.lined
