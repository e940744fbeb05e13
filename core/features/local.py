"""Keypoints with binary descriptors, by which parts of pictures are found and pairs are verified.

Takes grey pixels and returns ORB keypoints (Rublee, Rabaud, Konolige, Bradski, ICCV 2011; OpenCV's) in a
*frame* of normalised size: 640 pixels wide, or 320 high if that is larger. A picture scaled by its longest
side would not be found again from a viewport shot of a tall page. A *band* is a piece of the frame of 640 x
1,000 pixels; each has its own budget.

Levels are thirds of an octave anchored on the frame, from twice the frame (only as far as the source has
those pixels; crops need it) down to about a quarter. So a picture and its half-size copy have the same
levels. In each level keypoints are detected in tiles, and regions take turns to choose one each, so that text
does not use up the budget. In a region the strongest keypoint of every cell comes first, then the second of
each. So every prefix is spread over regions and levels alike, and retrieval takes such a prefix.

Measured (2026-11, 40 screenshots and 40 photographs, 13 edits each: share with at least 10 inliers, CPU time
of the extraction). As it is: 91.3 % of the screenshots and 100 % of the photographs, 9.9 ms; of the edits
that leave something to see, it misses only pages of repeated rows. The alternatives:

    strongest keypoints instead of cells     87.5 % and 96.3 %
    no levels above the frame                crops to half lose 7 points
    levels of 1.2                            91.7 % and 99.8 %, but 16 ms
    levels of the square root of 2           90.0 % and 99.6 %, 9.3 ms
    FAST threshold 20 alone                  99.4 % of the photographs
    FAST threshold 7 alone                   no gain, 19.8 ms
    cells of 20, 60, 80 pixels               90.8 %, 90.8 %, 91.7 %
    equal budgets for all levels             90.6 %, with more inliers on whole pictures
    blurred before describing                91.3 %
    budgets of 300, 500, 700, 1200           86.3 %, 90.4 %, 91.2 %, 91.7 % (98.1 %, 99.8 %, 100 %, 100 %)

Tiles and regions came with version 2, for pictures inside pages of text, of which version 1 kept almost no
keypoint. With them, 70 % of the photographs at 40 % of the width are among the first 50 candidates, without
them 2 %; of the screenshots 20 % and 5 %; a budget of 1500 would give 82 %. As a pair, 3 of 9 screenshots and
4 of 4 photographs are matched, without them 1 and 3. Under eight other edits, screenshots keep all but 8 % of
their inliers; photographs lose 19 to 25 % under deep crops and perspective. Extraction takes 8.8 ms, without
them 6.2 ms.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from ..records import LocalFeatures
from . import _spread
from .options import DEFAULTS, LocalOptions

#: Extractor version of this family.
LOCAL_VERSION = 2

#: Levels per octave; stored visual words name the level. measured: see above.
LEVELS_PER_OCTAVE = 3
#: Ratio between levels.
STEP = 2.0 ** (1 / LEVELS_PER_OCTAVE)
#: Exponent of STEP by which the frame is enlarged for the finest level. measured: see above.
FINEST = 3
#: Exponent of STEP by which the frame is enlarged for the coarsest level. measured: see above.
COARSEST = -5
#: Size of a keypoint of the frame's own level, in frame pixels. spec: ORB's patch.
PATCH = 31.0
#: Level pixels at the picture's edge without keypoints. Tiles overlap by them, so that a keypoint at a seam
#: sees the same pixels as anywhere. spec: ORB's patch reaches 15.
EDGE = 16
#: Maximum side of a level in pixels. spec: OpenCV stores the coordinates of some filters in 16 bits.
LONGEST_SIDE = 32_000


def extract_local(
    grey: NDArray[np.uint8], *, steps_below: float = 0.0, options: LocalOptions = DEFAULTS.local
) -> LocalFeatures:
    """Return spread ORB keypoints of u8[h, w], at most `options.budget` per band; the same picture has the
    same bytes.

    `steps_below` makes the frame smaller by a part of a step, so that its levels lie between the usual ones.
    """
    height, width = grey.shape
    frame_width, frame_height = _frame(width, height, options, steps_below)
    bands = _bands(frame_width * frame_height, width * height, options)
    budget = options.budget * bands
    rows, descriptors, ranks = [np.empty((0, 4))], [np.empty((0, 32), np.uint8)], [np.empty(0)]
    for exponent, level, share in _levels(grey, frame_width, frame_height):
        wanted = round(budget * share)
        detected, places = _detect(level, bands, wanted, options)
        taken = _by_turns(detected, places, wanted, options).tolist()
        chosen = [detected[index] for index in taken]
        for rank, (point, place) in enumerate(zip(chosen, places[taken].tolist(), strict=True)):
            point.pt, point.class_id = place, rank
        # OpenCV drops and reorders keypoints here; class_id says which they were.
        points, found = cv2.ORB.create(nlevels=1, edgeThreshold=EDGE).compute(level, chosen)
        if not points:
            continue
        across, down, scale = level.shape[1] / frame_width, level.shape[0] / frame_height, STEP**exponent
        rows.append(np.array([(p.pt[0] / across, p.pt[1] / down, p.size / scale, p.angle) for p in points]))
        ranks.append(np.array([p.class_id for p in points]) / wanted)
        descriptors.append(np.asarray(found, np.uint8))
    order = np.argsort(np.concatenate(ranks), kind="stable")
    packed = pack(np.concatenate(rows)[order], frame_width, frame_height)
    return LocalFeatures(
        frame_width=float(frame_width),
        frame_height=float(frame_height),
        keypoints=unpack(packed, frame_width, frame_height),
        descriptors=np.ascontiguousarray(np.concatenate(descriptors)[order]),
    )


def bands_of(width: int, height: int, *, options: LocalOptions = DEFAULTS.local) -> int:
    """Return the number of bands that share the keypoints of a picture of that size in pixels."""
    frame_width, frame_height = _frame(width, height, options)
    return _bands(frame_width * frame_height, width * height, options)


def without_keypoints(width: int, height: int, *, options: LocalOptions = DEFAULTS.local) -> LocalFeatures:
    """Return the frame of a picture of that size in pixels, without keypoints: for pictures of which only
    hashes may be kept.
    """
    frame_width, frame_height = _frame(width, height, options)
    return LocalFeatures(
        float(frame_width), float(frame_height), np.empty((0, 4), np.float32), np.empty((0, 32), np.uint8)
    )


def _bands(frame_area: int, source_area: int, options: LocalOptions) -> int:
    # What was enlarged holds no more than the source did.
    return max(1, round(min(frame_area, source_area) / options.band_area))


def _frame(width: int, height: int, options: LocalOptions, steps_below: float = 0.0) -> tuple[int, int]:
    """Width and height of the frame, in frame pixels."""
    scale = min(
        max(options.frame_width / width, options.frame_minimum_height / height),
        options.maximum_enlargement,
        math.sqrt(options.maximum_bands * options.band_area / (width * height)),
        LONGEST_SIDE / max(width, height),
    )
    scale /= STEP**steps_below
    return max(1, round(width * scale)), max(1, round(height * scale))


def _levels(
    grey: NDArray[np.uint8], frame_width: int, frame_height: int
) -> Iterator[tuple[int, NDArray[np.uint8], float]]:
    """Exponent of STEP, pixels, and share of the budget of each level, finest first; finer ones get more."""
    exponents = [
        exponent
        for exponent in range(FINEST, COARSEST - 1, -1)
        if (exponent <= 0 or frame_width * STEP**exponent <= 1.02 * grey.shape[1])
        and max(frame_width, frame_height) * STEP**exponent <= LONGEST_SIDE
        and min(frame_width, frame_height) * STEP**exponent > 2 * EDGE + 2
    ]
    total = sum(STEP**exponent for exponent in exponents)
    level = grey
    for exponent in exponents:
        size = round(frame_width * STEP**exponent), round(frame_height * STEP**exponent)
        if size != (level.shape[1], level.shape[0]):
            # Below half the width, areas are averaged, which loses nothing; above, linear is as good and
            # faster.
            interpolation = cv2.INTER_AREA if 2 * size[0] < level.shape[1] else cv2.INTER_LINEAR
            level = cv2.resize(level, size, interpolation=interpolation)  # type: ignore[assignment]
        yield exponent, level, STEP**exponent / total


def _detect(
    level: NDArray[np.uint8], bands: int, wanted: int, options: LocalOptions
) -> tuple[list[cv2.KeyPoint], NDArray[np.int64]]:
    """Keypoints of a level, detected tile by tile with a threshold for each tile, so that a busy part does
    not suppress the rest: neither a pattern that of a tall page, nor text that of the picture inside it.

    Their own places are those in their tiles; x and y in the level, shape (n, 2), come beside them.
    """
    height, width = level.shape
    across = options.tiles
    down = min(max(1, round(across * height / width)), 2 * across * bands)
    most = max(options.minimum_candidates, options.candidates * bands // (across * down))
    least = options.tile_surplus * wanted / (across * down)
    detector, faint = (
        cv2.ORB.create(nfeatures=most, nlevels=1, edgeThreshold=EDGE, fastThreshold=threshold)
        for threshold in (options.fast_threshold, options.fast_threshold_faint)
    )
    points, tiles, counts = list[cv2.KeyPoint](), list[tuple[int, ...]](), list[int]()
    for top, bottom in pairwise(height * row // down for row in range(down + 1)):
        for left, right in pairwise(width * column // across for column in range(across + 1)):
            y, x = max(0, top - EDGE), max(0, left - EDGE)
            tile = level[y : bottom + EDGE, x : right + EDGE]
            if min(tile.shape) < 2 * EDGE + 3:
                continue
            found = detector.detect(tile)
            if len(found) < least:
                found = faint.detect(tile)
            points += found
            counts.append(len(found))
            tiles.append((x, y, left, top, right, bottom))
    if not points:
        return [], np.empty((0, 2), np.int64)
    bounds = np.repeat(np.array(tiles, np.int64), counts, axis=0)
    # FAST's places are whole pixels.
    places = np.array(cv2.KeyPoint.convert(points)).astype(np.int64) + bounds[:, :2]
    inside = ((places >= bounds[:, 2:4]) & (places < bounds[:, 4:])).all(axis=1)
    return [points[place] for place in np.flatnonzero(inside)], places[inside]


def _by_turns(
    points: list[cv2.KeyPoint], places: NDArray[np.int64], count: int, options: LocalOptions
) -> NDArray[np.int64]:
    """Which `count` of them are taken, by turns: the best of each region, then the second best of each; so
    each prefix covers all regions. Within a region the strongest of each cell come first, then the second
    strongest of each.
    """
    response = np.array([point.response for point in points], np.float64)
    order = np.empty(len(points), np.int64)
    _spread.spread(places, response, order, options.cell, options.region, LONGEST_SIDE)
    return order[:count]


def pack(keypoints: NDArray[np.floating], frame_width: float, frame_height: float) -> NDArray[np.uint16]:
    """Return keypoints (n, 4) as u16[n, 4]: x and y as shares of the frame in 65,535ths, size in 16ths of a
    frame pixel, angle in 65,536ths of a full circle.
    """
    steps = np.array([65535.0 / frame_width, 65535.0 / frame_height, 16.0, 65536.0 / 360.0])
    values = np.rint(keypoints.astype(np.float64) * steps)
    values[:, 3] %= 65536
    return np.asarray(np.clip(values, 0, 65535), "<u2")


def unpack(packed: NDArray[np.uint16], frame_width: float, frame_height: float) -> NDArray[np.float32]:
    """Return the keypoints f32[n, 4] that `pack` was given, rounded; packed again they are the same."""
    steps = np.array([frame_width / 65535.0, frame_height / 65535.0, 1 / 16.0, 360.0 / 65536.0])
    return np.asarray(packed.astype(np.float64) * steps, np.float32)
