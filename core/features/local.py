"""Keypoints with binary descriptors, by which parts of pictures are found and pairs are verified.

Takes grey pixels, gives ORB keypoints (Rublee, Rabaud, Konolige, Bradski, ICCV 2011; OpenCV's) in a *frame*
of normalised size: 640 pixels wide, or 320 high if that is larger. A picture scaled by its longest side would
not be found again from a viewport shot of a tall page. A *band* is a piece of the frame of 640 x 1,000
pixels; each has its own budget.

Levels are thirds of an octave anchored on the frame, from twice the frame (only as far as the source has
those pixels; crops need it) down to about a quarter. So a picture and its half-size copy have the same
levels. In each level keypoints are looked for in tiles, and regions have a keypoint each in turn, so that
text does not eat the budget; in a region the strongest of every cell comes first, then the second of each. So
every prefix is spread over regions and levels alike, and retrieval takes such a prefix.

Measured (2026-11, 40 screenshots and 40 photographs, 13 edits each: share with >= 10 inliers, ms of CPU for
extraction). This: 91.3 % and 100 %, 9.9 ms; on the edits that leave something to see, all but pages of
repeated rows. Strongest keypoints instead of cells: 87.5 and 96.3. Without the levels above the frame: crops
to half lose 7 points. Levels of 1.2: 91.7 and 99.8, but 16 ms; of the square root of 2: 90.0 and 99.6, 9.3
ms. FAST threshold 20 alone: photographs 99.4; 7 alone: nothing gained, 19.8 ms. Cells of 20, 60, 80 pixels:
90.8, 90.8, 91.7. Equal budgets for all levels: more inliers on whole pictures, 90.6. Blurred before
describing: 91.3. Budgets of 300, 500, 700, 1200: 86.3, 90.4, 91.2, 91.7 (photographs 98.1, 99.8, 100, 100).

Tiles and regions came with version 2, for pictures inside pages of text, of which version 1 kept next to no
keypoint: of photographs at 40 % of the width among the first 50 candidates 70 % and not 2, of screenshots 20
and not 5; a budget of 1500 would give 82. Of 9 screenshots and 4 photographs judged as a pair, 3 and 4, not 1
and 3. Of eight other edits screenshots keep their inliers but for 8 %; photographs lose 19 to 25 % of them
under deep crops and perspective. Extraction 8.8 ms and not 6.2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import LocalFeatures

LOCAL_VERSION = 2

#: Frame pixels. chosen: full-page captures and viewport shots of one page get the same scale.
FRAME_WIDTH = 640
#: Frame pixels; pictures wider than 2:1 are scaled by their height. chosen: at 640 wide a strip of 7:1 would
#: be 90 pixels high.
FRAME_LEAST_HEIGHT = 320
#: chosen: a 64-pixel icon gets a frame of 256, which has keypoints; more would only invent pixels.
MAX_ENLARGEMENT = 4.0
#: Frame pixels of a band. chosen: about 1,000 rows of 640.
BAND_AREA = 640 * 1000
#: chosen: a page of 20,000 frame rows; longer ones get a narrower frame.
MAX_BANDS = 20
#: Pixels of a level's side. spec: OpenCV stores coordinates of some filters in 16 bits.
LONGEST_SIDE = 32_000
#: Keypoints per band. measured: tests/benchmarks, recall against bytes; with the thumbnail below 40 KiB for a
#: 1280 x 800 screenshot.
BUDGET = 850

#: Between levels. measured: see above.
STEP = 2.0 ** (1 / 3)
#: Levels: the frame enlarged by STEP to the power of these.
FINEST, COARSEST = 3, -5
#: Level pixels. measured: see above.
CELL = 40
#: Level pixels; prefixes of the result take as much from one region as from any other. measured: of
#: photographs embedded at 40 %, the first 300 keypoints find 95 % and not 82; nothing else changes.
REGION = 160
#: Grey levels. The second is tried where the first finds too little. measured: see above.
FAST_THRESHOLD, FAST_FAINT = 20, 7
#: Times its share of the budget that a tile must find with the first threshold. chosen.
ENOUGH = 1.5
#: Keypoints per band and level among which regions choose. measured: 3,000 costs 2 ms more and changes
#: nothing.
CANDIDATES = 1500
#: Tiles across a level in which keypoints are looked for; as high as wide. measured: see above.
TILES = 4
#: Keypoints a tile may offer at least. chosen: more than its share of any budget.
LEAST_CANDIDATES = 60
#: Level pixels at the picture's edge without keypoints, by which tiles overlap, so that a keypoint at a seam
#: sees the same pixels as anywhere. spec: ORB's patch reaches 15.
EDGE = 16


def extract_local(grey: NDArray[np.uint8], *, steps_below: float = 0.0) -> LocalFeatures:
    """Spread ORB keypoints of u8[h, w], at most BUDGET per band; the same picture gives the same bytes.

    `steps_below`: in a frame that is smaller by a part of a step, so that its levels lie between those of the
    usual frame.
    """
    height, width = grey.shape
    scale = frame_scale(width, height) / STEP**steps_below
    frame_width, frame_height = max(1, round(width * scale)), max(1, round(height * scale))
    # What was enlarged holds no more than the source did.
    bands = max(1, round(min(frame_width * frame_height, width * height) / BAND_AREA))
    budget = BUDGET * bands
    rows, descriptors, ranks = [], [], []
    for exponent, level, share in _levels(grey, frame_width, frame_height):
        wanted = round(budget * share)
        chosen = _spread(_detect(level, bands, wanted), wanted)
        for rank, point in enumerate(chosen):
            point.class_id = rank
        # OpenCV sorts out and reorders keypoints here; class_id says which they were.
        points, found = cv2.ORB.create(nlevels=1, edgeThreshold=EDGE).compute(level, chosen)
        if not points:
            continue
        enlarged = level.shape[1] / frame_width, level.shape[0] / frame_height, STEP**exponent
        rows.append(
            np.array(
                [
                    (p.pt[0] / enlarged[0], p.pt[1] / enlarged[1], p.size / enlarged[2], p.angle)
                    for p in points
                ]
            )
        )
        ranks.append(np.array([p.class_id for p in points]) / wanted)
        descriptors.append(found)
    if not rows:
        return _no_points(frame_width, frame_height)
    order = np.argsort(np.concatenate(ranks), kind="stable")
    return LocalFeatures(
        frame_width=float(frame_width),
        frame_height=float(frame_height),
        keypoints=unpack(
            pack(np.concatenate(rows)[order], frame_width, frame_height), frame_width, frame_height
        ),
        descriptors=np.ascontiguousarray(np.concatenate(descriptors)[order]),
    )


def no_local(width: int, height: int) -> LocalFeatures:
    """No keypoints, in the frame of a picture of that size: for those of which nothing may be kept but
    hashes.
    """
    scale = frame_scale(width, height)
    return _no_points(max(1, round(width * scale)), max(1, round(height * scale)))


def _no_points(frame_width: int, frame_height: int) -> LocalFeatures:
    return LocalFeatures(
        float(frame_width), float(frame_height), np.empty((0, 4), np.float32), np.empty((0, 32), np.uint8)
    )


def frame_scale(width: int, height: int) -> float:
    """Frame pixels per source pixel."""
    wanted = min(max(FRAME_WIDTH / width, FRAME_LEAST_HEIGHT / height), MAX_ENLARGEMENT)
    return min(wanted, math.sqrt(MAX_BANDS * BAND_AREA / (width * height)), LONGEST_SIDE / max(width, height))


def _levels(
    grey: NDArray[np.uint8], frame_width: int, frame_height: int
) -> Iterator[tuple[int, NDArray[np.uint8], float]]:
    """Exponent of STEP, pixels, and share of the budget of each level, finest first; finer levels hold more."""
    width = grey.shape[1]
    exponents = [
        exponent
        for exponent in range(FINEST, COARSEST - 1, -1)
        if (exponent <= 0 or frame_width * STEP**exponent <= 1.02 * width)
        and max(frame_width, frame_height) * STEP**exponent <= LONGEST_SIDE
        and min(frame_width, frame_height) * STEP**exponent > 2 * EDGE + 2
    ]
    total = sum(STEP**exponent for exponent in exponents)
    level = grey
    for exponent in exponents:
        size = round(frame_width * STEP**exponent), round(frame_height * STEP**exponent)
        if size != (level.shape[1], level.shape[0]):
            # To less than half by area, which loses nothing; else linear is as good and faster.
            interpolation = cv2.INTER_AREA if 2 * size[0] < level.shape[1] else cv2.INTER_LINEAR
            level = cv2.resize(level, size, interpolation=interpolation)  # type: ignore[assignment]
        yield exponent, level, STEP**exponent / total


def _detect(level: NDArray[np.uint8], bands: int, wanted: int) -> list[cv2.KeyPoint]:
    """Keypoints of a level, found tile by tile, each with a threshold of its own, so that a loud part does
    not silence the rest: not a pattern that of a tall page, and not text that of the picture which it
    surrounds.
    """
    height, width = level.shape
    down = min(max(1, round(TILES * height / width)), 2 * TILES * bands)
    most, least = (
        max(LEAST_CANDIDATES, CANDIDATES * bands // (TILES * down)),
        ENOUGH * wanted / (TILES * down),
    )
    detector = cv2.ORB.create(nfeatures=most, nlevels=1, edgeThreshold=EDGE, fastThreshold=FAST_THRESHOLD)
    faint = cv2.ORB.create(nfeatures=most, nlevels=1, edgeThreshold=EDGE, fastThreshold=FAST_FAINT)
    points: list[cv2.KeyPoint] = []
    for top, bottom in pairwise(height * row // down for row in range(down + 1)):
        for left, right in pairwise(width * column // TILES for column in range(TILES + 1)):
            y, x = max(0, top - EDGE), max(0, left - EDGE)
            tile = level[y : bottom + EDGE, x : right + EDGE]
            if min(tile.shape) < 2 * EDGE + 3:
                continue
            found = detector.detect(tile)
            if len(found) < least:
                found = faint.detect(tile)
            for point in found:
                point.pt = (point.pt[0] + x, point.pt[1] + y)
                if left <= point.pt[0] < right and top <= point.pt[1] < bottom:
                    points.append(point)
    return points


def _spread(points: list[cv2.KeyPoint], count: int) -> list[cv2.KeyPoint]:
    """`count` of them by turns: the best of each region, then the second best of each; so each prefix covers
    all regions.

    Within a region the strongest of each cell come first, then the second strongest of each.
    """
    if not points:
        return []
    places = np.array(cv2.KeyPoint.convert(points)).astype(np.int64)
    response = np.array([point.response for point in points])
    merit = np.empty(len(points), np.int64)
    merit[np.lexsort((-response, _turns(places // CELL, -response)))] = np.arange(len(points))
    chosen = np.lexsort((merit, _turns(places // REGION, merit)))[:count]
    return [points[index] for index in chosen]


def _turns(cells: NDArray[np.int64], merit: NDArray[np.floating] | NDArray[np.integer]) -> NDArray[np.int64]:
    """For each row of `cells` (n, 2): how many others of its cell have a smaller `merit`."""
    number = cells[:, 1] * LONGEST_SIDE + cells[:, 0]
    order = np.lexsort((merit, number))
    starts = np.flatnonzero(np.diff(number[order], prepend=-1))
    turns = np.empty(len(order), np.int64)
    turns[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    return turns


def pack(keypoints: NDArray[np.floating], frame_width: float, frame_height: float) -> NDArray[np.uint16]:
    """u16[n, 4]: x and y as shares of the frame in 65,535ths, size in 16ths of a frame pixel, angle in
    65,536ths of a turn.
    """
    steps = np.array([65535.0 / frame_width, 65535.0 / frame_height, 16.0, 65536.0 / 360.0])
    values = np.rint(keypoints.astype(np.float64) * steps)
    values[:, 3] %= 65536
    packed: NDArray[np.uint16] = np.clip(values, 0, 65535).astype("<u2")
    return packed


def unpack(packed: NDArray[np.uint16], frame_width: float, frame_height: float) -> NDArray[np.float32]:
    """f32[n, 4] back from `pack`; packing them again gives the same bytes."""
    steps = np.array([frame_width / 65535.0, frame_height / 65535.0, 1 / 16.0, 360.0 / 65536.0])
    keypoints: NDArray[np.float32] = (packed.astype(np.float64) * steps).astype(np.float32)
    return keypoints
