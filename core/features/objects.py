"""Objects: logos and icons that may stand in a page, described so that hundreds can be looked up at once.

A page has too few keypoints at a logo of 48 pixels to find it by these. So every place that could hold one is
described: connected edges on whatever ground they stand, at several distances at which they merge. Takes grey
pixels; returns boxes, and for each a descriptor: the directions of its edges, without sign and relative to
the edges around them, because a page may show a logo in white on a dark ground, where its outline fades and
its inside stays. Letters, arrows and discs stand on every page, so what looks like one of them is left out.
"""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from .options import DEFAULTS, ObjectOptions
from .plain_shapes import plain_drawings

#: Side of the square on which a box is laid for its descriptor, in cells, and cells around it. chosen.
SIDE, MARGIN = 24, 2
#: Numbers for the directions of the edges in a cell: their strength, cosine and sine of twice and four times
#: the angle. Cells along a side of a descriptor. chosen: a glyph in a disc of 32 pixels takes four cells.
HARMONICS, CELLS = 5, 9
#: Ground around a stored picture, in pixels, so that edges at its border are seen. chosen.
GROUND = 4
#: Maximum difference of greys of one ground. chosen: what compression changes.
ON_GROUND = 16


@dataclass(frozen=True, slots=True, eq=False)
class KnownObject:
    """A small picture that may stand in pages."""

    #: Its grey pixels with some ground around them, u8[h, w].
    grey: NDArray[np.uint8]
    #: Left, top, right, bottom of what it shows, in these pixels.
    box: NDArray[np.int32]
    #: What it is looked up by, f32[n], of length 1.
    descriptor: NDArray[np.float32]

    @property
    def aspect(self) -> float:
        """Return the natural logarithm of its width over its height."""
        return float(log_aspects(self.box[None])[0])


def as_object(grey: NDArray[np.uint8], *, options: ObjectOptions = DEFAULTS.objects) -> KnownObject | None:
    """Return a stored picture u8[h, w] as an object; None for one that is too large or small, or as plain as
    a letter.
    """
    small = max(grey.shape) <= options.largest_known and min(grey.shape) <= options.largest_shorter
    if not small or min(grey.shape) < options.shortest:
        return None
    ground, sides = float(_ground(grey)), (GROUND,) * 4
    around = np.asarray(cv2.copyMakeBorder(grey, *sides, cv2.BORDER_CONSTANT, value=ground), np.uint8)
    rows, columns = np.nonzero(_edges(around, options))
    if not len(rows):
        return None
    ends = columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1
    boxes = np.array([ends], np.int32)
    if not _fits(boxes, options, least=options.smallest_known)[0]:
        return None
    descriptor = describe(around, boxes)[0]
    plain = float((plain_shapes() @ descriptor).max())
    return None if plain > options.plain else KnownObject(around, boxes[0], descriptor)


def find_places(grey: NDArray[np.uint8], *, options: ObjectOptions = DEFAULTS.objects) -> NDArray[np.int32]:
    """Return the boxes of a page u8[h, w] that could hold an object, i32[n, 4]: left, top, right, bottom in
    pixels, right and bottom excluded.
    """
    found = [np.empty((0, 4), np.int32)]
    for factor, gaps in ((1, options.gaps), (2, options.gaps_of_half)):
        size = (grey.shape[1] // factor, grey.shape[0] // factor)
        if min(size) < options.smallest:
            continue
        reduced = grey if factor == 1 else cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        edges = _edges(np.asarray(reduced, np.uint8), options)
        for gap in gaps:
            boxes = factor * _connected(edges, gap)
            least = options.smallest if factor == 1 else options.smallest_of_half
            largest = options.largest_of_whole if factor == 1 else options.largest
            found.append(boxes[_fits(boxes, options, least=least, largest=largest)])
    places = np.unique(np.concatenate(found), axis=0)
    # (in an overcrowded page the largest, since they show most)
    sizes = (places[:, 2] - places[:, 0]) * (places[:, 3] - places[:, 1])
    return places[np.argsort(-sizes, kind="stable")[: options.maximum_places]]


def log_aspects(boxes: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the natural logarithm of width over height of boxes i32[n, 4]."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1).astype(np.float64)
    return np.asarray(np.log(sides[:, 0] / sides[:, 1]))


def describe(grey: NDArray[np.uint8], boxes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the descriptors of boxes i32[n, 4] in u8[h, w], f32[n, m], each of length 1."""
    patches = np.array([laid(grey, box, (SIDE, SIDE), MARGIN) for box in boxes], np.float32)
    if not len(patches):
        return np.empty((0, HARMONICS * CELLS * CELLS), np.float32)
    across, down = np.zeros_like(patches), np.zeros_like(patches)
    across[:, :, 1:-1] = patches[:, :, 2:] - patches[:, :, :-2]
    down[:, 1:-1] = patches[:, 2:] - patches[:, :-2]
    power = across * across + down * down
    pooling = _pooling(patches.shape[1])
    # Relative to the strength around: what is faint on this ground counts as much as it does on another.
    around = pooling.T @ (pooling @ power @ pooling.T) @ pooling
    strength = np.sqrt(power)
    floor = 0.1 * np.sqrt(power.mean(axis=(1, 2), keepdims=True)) + 4.0
    weight = strength / (np.sqrt(around) + floor)
    power += 1e-3
    twice, beside = (across * across - down * down) / power, 2 * across * down / power
    harmonics = (np.ones_like(twice), twice, beside, twice * twice - beside * beside, 2 * twice * beside)
    pooled = [pooling @ (weight * each) @ pooling.T for each in harmonics]
    values = np.stack(pooled, axis=1).reshape(len(patches), -1)
    values -= values.mean(axis=1, keepdims=True)
    return np.asarray(values / (np.linalg.norm(values, axis=1, keepdims=True) + 1e-6), np.float32)


def laid(
    grey: NDArray[np.uint8], box: NDArray[np.int32], size: tuple[int, int], margin: int
) -> NDArray[np.float32]:
    """Return a box of u8[h, w] laid on `size` (width, height) cells with `margin` cells around, f32."""
    width, height = size
    step = (box[2:] - box[:2]) / np.array(size)
    beyond = np.ceil(step * (margin + 1)).astype(int) + 1
    (left, top), (right, bottom) = box[:2] - beyond, box[2:] + beyond
    rows, columns = grey.shape
    part = grey[max(0, top) : min(rows, bottom), max(0, left) : min(columns, right)]
    sides = max(0, -top), max(0, bottom - rows), max(0, -left), max(0, right - columns)
    if any(sides):
        part = np.asarray(cv2.copyMakeBorder(part, *sides, cv2.BORDER_REPLICATE), np.uint8)
    start = (box[:2] - np.array((left, top))).astype(np.float64)
    if max(step) > 1.2:  # shrunk by area first, so that nothing is skipped
        shrunk = np.maximum(1, np.rint(np.array(part.shape[::-1]) / np.maximum(step, 1))).astype(int)
        factor = shrunk / np.array(part.shape[::-1])
        part = np.asarray(
            cv2.resize(part, (int(shrunk[0]), int(shrunk[1])), interpolation=cv2.INTER_AREA), np.uint8
        )
        start, step = start * factor, step * factor
    offset = start + step / 2 - 0.5 - margin * step
    matrix = np.array([[step[0], 0, offset[0]], [0, step[1], offset[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    beside = (width + 2 * margin, height + 2 * margin)
    found = cv2.warpAffine(part, matrix, beside, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.float32)


@cache
def plain_shapes() -> NDArray[np.float32]:
    """Return the descriptors of letters, digits, arrows and simple shapes, f32[n, m]."""
    return np.concatenate([describe(grey, np.array([box], np.int32)) for grey, box in plain_drawings()])


def _ground(grey: NDArray[np.uint8]) -> int:
    """The grey on which a picture stands: that of its corners, as those of a tile are round. A tile with
    square corners, which is neither nearly white nor nearly black, stands on white, or on black if it is
    light.
    """
    corners = int(np.median(grey[[0, 0, -1, -1], [0, -1, 0, -1]]))
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    usual = int(np.bincount(border, minlength=256).argmax())
    if abs(corners - usual) > ON_GROUND or usual < ON_GROUND or usual > 255 - ON_GROUND:
        return corners
    return 255 if usual < 160 else 0


def _edges(grey: NDArray[np.uint8], options: ObjectOptions) -> NDArray[np.uint8]:
    """1 at the last pixel before an edge, to the right or downwards."""
    edges = np.zeros(grey.shape, np.uint8)
    edges[:, :-1] = cv2.absdiff(grey[:, 1:], grey[:, :-1]) > options.edge_step
    edges[:-1] |= (cv2.absdiff(grey[1:], grey[:-1]) > options.edge_step).view(np.uint8)
    return edges


def _connected(edges: NDArray[np.uint8], gap: int) -> NDArray[np.int32]:
    """The boxes of edges that lie within `gap` pixels (odd) of one another."""
    merged = edges if gap == 1 else cv2.dilate(edges, np.ones((gap, gap), np.uint8))
    _, _, found, _ = cv2.connectedComponentsWithStats(merged, connectivity=8, ltype=cv2.CV_32S)
    left, top, width, height = found[1:, :4].T
    reach = gap // 2
    return np.stack(
        [left + reach + 1, top + reach + 1, left + width - reach, top + height - reach], axis=1
    ).astype(np.int32)


def _fits(
    boxes: NDArray[np.int32], options: ObjectOptions, *, least: int, largest: int | None = None
) -> NDArray[np.bool_]:
    sides = boxes[:, 2:] - boxes[:, :2]
    short, long = sides.min(axis=1, initial=1 << 20), sides.max(axis=1, initial=0)
    largest = options.largest_known if largest is None else largest
    fits = (
        (long >= least) & (long <= largest) & (short >= options.shortest) & (long <= options.widest * short)
    )
    return np.asarray(fits)


@cache
def _pooling(side: int) -> NDArray[np.float32]:
    """The weights by which `side` rows become CELLS, f32[CELLS, side]: overlapping triangles."""
    centres = (np.arange(CELLS) + 0.5) * side / CELLS - 0.5
    reach = side / CELLS
    weights = np.maximum(0, 1 - np.abs(np.arange(side)[None] - centres[:, None]) / reach)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
