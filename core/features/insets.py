"""Pictures inside a page: rectangles with straight sides, each looked at as a picture of its own.

A page is described by a few hundred keypoints, of which a screenshot shown in it at 40 % of the width has
some fifty; looked at by itself it has as many as any picture. So where a picture stands in a page is found
first: a picture has straight sides, longer than any letter's, and text has none. Takes grey pixels of the
query, gives boxes; keypoints are those of features/local.py.

Measured (2026-11, 30 screenshots and 25 photographs at 40 % of the width of a page of text): the box is found
for 27 and 21, and where it is, all 30 of the screenshots are verified by its keypoints, 17 by the page's, 27
by three times as many of the page's. Of 278 other pages two thirds have no such box, one in six more than
one. 6 to 12 ms. Where text runs into a picture without a frame, 13 and 12 boxes are found; lines with gaps of
a fifth find none, because lines of text are such lines, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import Box, LocalFeatures
from .local import extract_local

#: Pixels across to which the page is reduced. chosen: lines of one pixel are seen on most screenshots as they
#: are.
WIDEST = 1280
#: Grey levels between neighbouring pixels of an edge. chosen: a thin grey frame has 20 and more.
STEP_OF_SIDE = 6
#: Share of the page's width that is straight without a gap. measured: a tenth finds 27 and 17 (see above), a
#: fourteenth 28 and 18.
SHORTEST_LINE = 1 / 20
#: Pixels within which lines meet. measured: 3, 5 find 28 and 18, 27 and 20.
GAP = 9
#: Share of the page's width, and pixels, of a box. chosen: buttons are smaller.
LEAST_WIDTH, LEAST_HEIGHT = 0.12, 40
#: Share of the page. chosen: what is larger is the page itself.
MOST_AREA = 0.7
#: Pixels from a side in which its lines lie. chosen: GAP and a little more.
AT_SIDE = 6
#: Share of a side that is lined: of all but the worst one, and of that. chosen: text may touch it.
LINED, LEAST_LINED = 0.8, 0.5
#: Boxes, the largest ones. chosen: each costs as much as a query.
MOST = 2
#: Below which a box shows nothing. chosen: as verification.py's LOW_TEXTURE.
LEAST_KEYPOINTS = 40


@dataclass(frozen=True, slots=True, eq=False)
class Inset:
    #: Where it lies in the page, in unit coordinates.
    box: Box
    #: Its keypoints, in its own frame.
    local: LocalFeatures

    @property
    def from_page(self) -> NDArray[np.float64]:
        """Unit coordinates of the page to those of this picture, shape (3, 3)."""
        left, top, right, bottom = self.box
        return np.array(
            [
                [1 / (right - left), 0, -left / (right - left)],
                [0, 1 / (bottom - top), -top / (bottom - top)],
                [0, 0, 1],
            ]
        )


def extract_insets(grey: NDArray[np.uint8]) -> tuple[Inset, ...]:
    """The pictures that seem to stand in the page u8[h, w], the largest first, at most MOST."""
    height, width = grey.shape
    found = []
    for left, top, right, bottom in find_boxes(grey)[:MOST]:
        local = extract_local(np.ascontiguousarray(grey[top:bottom, left:right]))
        if len(local) >= LEAST_KEYPOINTS:
            found.append(Inset((left / width, top / height, right / width, bottom / height), local))
    return tuple(found)


def find_boxes(grey: NDArray[np.uint8]) -> list[tuple[int, int, int, int]]:
    """Left, top, right and bottom, in pixels of u8[h, w], of what straight lines enclose, the largest first."""
    factor = min(1.0, WIDEST / grey.shape[1])
    page = (
        grey
        if factor == 1
        else np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)
    )
    height, width = page.shape
    if min(height, width) <= LEAST_HEIGHT:
        return []
    lines = _lines(page)
    _, _, components, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    boxes = [
        (int(x), int(y), int(x + w), int(y + h))
        for x, y, w, h, _ in components[1:]
        if w >= LEAST_WIDTH * width
        and h >= LEAST_HEIGHT
        and w * h <= MOST_AREA * width * height
        and _is_framed(lines[y : y + h, x : x + w])
    ]
    boxes.sort(key=lambda box: ((box[0] - box[2]) * (box[3] - box[1]), box))
    return [
        (
            int(a / factor),
            int(b / factor),
            min(grey.shape[1], round(c / factor)),
            min(grey.shape[0], round(d / factor)),
        )
        for a, b, c, d in boxes
    ]


def _lines(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """1 where a horizontal or vertical edge is straight for long enough, a little widened, so that lines meet
    at corners.
    """
    shortest = max(LEAST_HEIGHT // 2, round(SHORTEST_LINE * page.shape[1]))
    lines = np.zeros(page.shape, np.uint8)
    for down, kernel in ((True, (1, shortest)), (False, (shortest, 1))):
        one, other = (page[1:], page[:-1]) if down else (page[:, 1:], page[:, :-1])
        edges = (cv2.absdiff(one, other) > STEP_OF_SIDE).view(np.uint8)
        straight = cv2.morphologyEx(edges, cv2.MORPH_OPEN, np.ones(kernel, np.uint8))
        lines[1 if down else 0 :, 0 if down else 1 :] |= np.asarray(straight, np.uint8)
    return np.asarray(cv2.dilate(lines, np.ones((GAP, GAP), np.uint8)), np.uint8)


def _is_framed(lines: NDArray[np.uint8]) -> bool:
    sides = (
        lines[:AT_SIDE].any(axis=0),
        lines[-AT_SIDE:].any(axis=0),
        lines[:, :AT_SIDE].any(axis=1),
        lines[:, -AT_SIDE:].any(axis=1),
    )
    worst, second, *_ = sorted(float(side.mean()) for side in sides)
    return worst >= LEAST_LINED and second >= LINED
