"""Do two pictures show the same content where a map lays them over each other?

Geometry alone calls a quarter of the pages of one site a match, because header, menu and frame are the same; so the two grey
thumbnails are laid over each other and compared block by block with normalised cross-correlation, which does not mind brightness
and contrast. Blocks that are flat in both say nothing and are not counted. Measured (2026-11, 9,120 pairs of different pages of
one site): geometry passes 24 %, agreement of 0.6 leaves 0.18 %, of 0.8 leaves 0.08 %; 320 pixels wide serve as well as 640.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

BLOCK = 16
"""Side of a block in thumbnail pixels. measured: as above."""
BLUR = 1.2
"""Gaussian blur before comparing, in pixels: forgives half a pixel of registration. measured: 1.6 finds as much and tells text less."""
AGREES = 0.6
"""Correlation from which a block agrees. measured: as above."""
TEXTURE = 4.0
"""Standard deviation in grey levels from which a block has content, after the blur. chosen."""
STRIPES_TEXTURE = 3.0
"""Standard deviation from which what is left of a block without its row and column means has content. measured: see `_agrees`."""
STRIPES_AGREE = 0.4
"""Correlation of that remainder from which it agrees. measured: see `_agrees`."""
RIM = 2
"""Pixels at the edge of the overlap that are not compared. chosen: a map is a pixel off there, and thumbnails mix a pixel."""
INSIDE = 0.75
"""Share of a block's pixels that must lie inside the overlap without its rim: text at the edge counts. chosen."""
BAND = 25
"""Largest band, in per cent of the height. measured: see `_outside_a_band`."""
LEAST_BLOCKS_BESIDE = 6
"""Blocks beside the band that count at least. measured: see `_outside_a_band`."""
LEAST_BLOCKS = 12
"""Blocks that the emptier picture counts for at least, so that one line of text is never all of a page. chosen."""
LEAST_SIDE = 2 * BLOCK
"""Overlaps narrower than this many pixels are enlarged first, so that there are blocks to count. chosen."""


@dataclass(frozen=True, slots=True)
class Agreement:
    share: float
    """Agreeing blocks over blocks with content, 0 to 1."""
    kept: float
    """The same share of the blocks with content in the emptier of the two, or of those beside one band across, whichever is larger,
    0 to 1: near 1 when one picture shows all of the other and more, such as a banner."""
    correlation: float
    """Mean correlation of the blocks with content, -1 to 1: tells near copies apart where every block agrees."""
    blocks: int
    """Blocks with content in either; below about five the shares mean little."""


NOTHING = Agreement(0.0, 0.0, 0.0, 0)
"""There was nothing with content to compare."""


def content_agreement(
    query: NDArray[np.uint8], reference: NDArray[np.uint8], matrix: NDArray[np.float64], *, without: NDArray[np.bool_] | None = None
) -> Agreement:
    """Compare grey thumbnails u8[h,w] under `matrix` (3, 3), which maps query to reference in unit coordinates.

    `without`: pixels of the query, in its shape, that do not count.
    """
    laid = _lay(query, reference, matrix, without)
    return NOTHING if laid is None else _compare(laid.one, laid.other, laid.inside)


def agreeing_places(query: NDArray[np.uint8], reference: NDArray[np.uint8], matrix: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels of the query, in its shape, that lie in blocks with content that agree with the reference under `matrix`."""
    laid = _lay(query, reference, matrix, None)
    if laid is None:
        return np.zeros(query.shape, bool)
    one, other, inside = _enlarged(laid.one, laid.other, laid.inside)
    whole, agrees, _, deviation_a, deviation_b = _blocks_compared(one, other, inside)
    alike = (whole & agrees & (np.maximum(deviation_a, deviation_b) > TEXTURE)).reshape(_starts(one.shape[0]).size, -1)
    places = np.zeros(one.shape, np.uint8)
    for row, column in np.argwhere(alike):
        top, left = _starts(one.shape[0])[row], _starts(one.shape[1])[column]
        places[top : top + BLOCK, left : left + BLOCK] = 1
    places = _grey(cv2.resize(places, laid.one.shape[::-1], interpolation=cv2.INTER_NEAREST))
    return np.asarray(cv2.warpPerspective(places, laid.to_query, query.shape[::-1], flags=cv2.INTER_NEAREST), bool)


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """The overlap, in pixels of the coarser of the two grids: both contents, which pixels count, and the way back."""

    one: NDArray[np.uint8]
    other: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    to_query: NDArray[np.float64]
    """Pixels here to pixels of the query, shape (3, 3)."""


def _lay(query: NDArray[np.uint8], reference: NDArray[np.uint8], matrix: NDArray[np.float64], without: NDArray[np.bool_] | None) -> _Laid | None:
    counts = [np.full(picture.shape, 255, np.uint8) for picture in (query, reference)]
    if without is not None:
        counts[0][without] = 0
    scale = np.sqrt(abs(np.linalg.det(_to_pixels(matrix, query, reference)[:2, :2])))
    swapped = scale < 1
    if swapped:
        # The reference is the coarser one: lay the query over it, so that detail is averaged and never invented.
        query, reference, matrix = reference, query, np.asarray(np.linalg.inv(matrix), np.float64)
        counts.reverse()
        scale = 1 / scale
    box = _overlap(query, matrix)
    if box is None:
        return None
    left, top, right, bottom = box
    pixels = _to_pixels(matrix, query, reference) @ np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], float)
    size = (right - left, bottom - top)
    if scale > 1.2:
        reference = _grey(cv2.GaussianBlur(reference, (0, 0), 0.45 * scale))  # anti-aliasing: about half the step of the coarser grid
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = _grey(cv2.warpPerspective(reference, pixels, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
    inside = np.minimum(counts[0][top:bottom, left:right], cv2.warpPerspective(counts[1], pixels, size, flags=flags)) > 250
    # At its edges the overlap is not exact, and what lies beside it, such as a border, shines in; there and outside both are made the same.
    inside = cv2.erode(inside.astype(np.uint8), np.ones((1 + 2 * RIM, 1 + 2 * RIM), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=[0]) > 0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return None
    within = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    shift = np.array([[1, 0, columns[0]], [0, 1, rows[0]], [0, 0, 1]], float)
    to_query = (pixels if swapped else np.array([[1, 0, left], [0, 1, top], [0, 0, 1]], float)) @ shift
    one, other, inside = query[top:bottom, left:right][within], laid[within], inside[within]
    return _Laid(_filled(one, other, inside), other, inside, to_query)


def _filled(one: NDArray[np.uint8], other: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """`one` with the pixels of `other` where it does not count, as bright and contrasty as `one` is, so that no edge arises there."""
    if inside.all():
        return one
    x, y = other[inside].astype(np.float32), one[inside].astype(np.float32)
    spread = float(x.std() * y.std())
    alike = spread > 0 and float(((x - x.mean()) * (y - y.mean())).mean()) > AGREES * spread
    gain = float(y.std() / x.std()) if alike else 1.0
    return np.where(inside, one, _grey(np.clip(np.rint((other - x.mean()) * gain + y.mean()), 0, 255))) if alike else np.where(inside, one, other)


def _to_pixels(matrix: NDArray[np.float64], query: NDArray[np.uint8], reference: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The unit map in pixel coordinates, in which the centre of the upper left pixel is (0, 0)."""
    to_unit = np.array([[1 / query.shape[1], 0, 0.5 / query.shape[1]], [0, 1 / query.shape[0], 0.5 / query.shape[0]], [0, 0, 1]])
    from_unit = np.array([[reference.shape[1], 0, -0.5], [0, reference.shape[0], -0.5], [0, 0, 1]], float)
    return np.asarray(from_unit @ matrix @ to_unit)


def _overlap(query: NDArray[np.uint8], matrix: NDArray[np.float64]) -> tuple[int, int, int, int] | None:
    """The part of the query that the reference may cover: left, top, right, bottom in pixels."""
    corners = cv2.perspectiveTransform(np.array([[[0, 0], [1, 0], [1, 1], [0, 1]]], np.float64), np.linalg.inv(matrix))[0]
    if not np.isfinite(corners).all():
        return None
    height, width = query.shape
    left, top = np.clip(np.floor(corners.min(axis=0) * (width, height)), 0, (width, height)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0) * (width, height)), 0, (width, height)).astype(int)
    return None if right - left < 4 or bottom - top < 4 else (int(left), int(top), int(right), int(bottom))


def _enlarged(
    one: NDArray[np.uint8], other: NDArray[np.uint8], inside: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    """Narrow overlaps made large enough to have blocks."""
    shortest = min(one.shape)
    if shortest < LEAST_SIDE:
        factor = LEAST_SIDE / shortest
        size = (round(one.shape[1] * factor), round(one.shape[0] * factor))
        one, other = (_grey(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)) for picture in (one, other))
        inside = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    return one, other, inside


def _blocks_compared(one: NDArray[np.uint8], other: NDArray[np.uint8], inside: NDArray[np.bool_]) -> tuple[NDArray[Any], ...]:
    """For each block: whether it lies inside, whether it agrees, its correlation, and the deviation of each side."""
    blurred = [_blocks(cv2.GaussianBlur(picture, (0, 0), BLUR)).astype(np.float32) for picture in (one, other)]
    return (_blocks(inside.view(np.uint8)).mean(axis=(1, 2)) >= INSIDE, *_compared(*blurred))


def _compare(one: NDArray[np.uint8], other: NDArray[np.uint8], inside: NDArray[np.bool_]) -> Agreement:
    one, other, inside = _enlarged(one, other, inside)
    whole, agrees, correlation, deviation_a, deviation_b = _blocks_compared(one, other, inside)
    textured_a, textured_b = whole & (deviation_a > TEXTURE), whole & (deviation_b > TEXTURE)
    either = textured_a | textured_b
    count, agreeing = int(either.sum()), int((either & agrees).sum())
    if not count:
        return NOTHING
    emptier = max(LEAST_BLOCKS, min(int(textured_a.sum()), int(textured_b.sum())))
    rows = _starts(one.shape[0]).size
    beside = _outside_a_band(either.reshape(rows, -1).sum(axis=1), (either & agrees).reshape(rows, -1).sum(axis=1))
    mean = float(correlation[either].mean())
    return Agreement(agreeing / count, min(1.0, max(agreeing / emptier, beside)), mean, count)


def _outside_a_band(blocks: NDArray[np.int64], agreeing: NDArray[np.int64]) -> float:
    """The largest share of agreeing blocks that leaving out one band of rows can give, from counts for each row of blocks.

    A banner hides all of a nearly empty page in one band, other content of one template is everywhere. Measured (2026-11): of 86 pages
    under a banner that agreed in 12 to 52 % of blocks, 76 agree in 90 % beside it; of 34 pairs of one template with a map, one does.
    """
    best = 0.0
    for height in range(1, -(-len(blocks) * BAND // 100) + 1):
        left_blocks = blocks.sum() - np.convolve(blocks, np.ones(height, int), "valid")
        left_agreeing = agreeing.sum() - np.convolve(agreeing, np.ones(height, int), "valid")
        best = max(best, float((left_agreeing / np.maximum(left_blocks, LEAST_BLOCKS_BESIDE)).max()))
    return best


def _compared(a: NDArray[np.float32], b: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """For each pair of blocks (n, BLOCK, BLOCK): whether they show the same, their correlation, and the deviation of each.

    Lines of text are stripes: other words at the same places correlate above 0.6. What is left without the means of rows and columns
    is the words themselves, and has to agree too. Measured (2026-11): two articles set alike fall from 87 % of blocks to 58 %,
    the median of pages of one site that share a frame from 24 % to 10 %, and no edit of tests/benchmarks/pairs.py loses a point.

    Rows, columns and rest are orthogonal, so products of the rest are those of the whole less those of the means.
    """
    a, b = (blocks - blocks.mean(axis=(1, 2), keepdims=True) for blocks in (a, b))
    rows = [blocks.mean(axis=2) for blocks in (a, b)]
    columns = [blocks.mean(axis=1) for blocks in (a, b)]
    whole, rest = [], []
    for left, right in ((0, 0), (1, 1), (0, 1)):
        product = np.einsum("nij,nij->n", (a, b)[left], (a, b)[right]) / BLOCK**2
        whole.append(product)
        stripes = (np.einsum("ni,ni->n", rows[left], rows[right]) + np.einsum("ni,ni->n", columns[left], columns[right])) / BLOCK
        rest.append(product - stripes)
    deviations = [np.sqrt(np.maximum(product, 0)) for product in (*whole[:2], *rest[:2])]
    correlation = whole[2] / np.maximum(deviations[0] * deviations[1], 1e-3)
    only_stripes = np.maximum(deviations[2], deviations[3]) < STRIPES_TEXTURE
    rest_agrees = rest[2] > STRIPES_AGREE * np.maximum(deviations[2] * deviations[3], 1e-3)
    return (correlation > AGREES) & (only_stripes | rest_agrees), correlation, deviations[0], deviations[1]


def _grey(picture: Any) -> NDArray[np.uint8]:
    return np.asarray(picture, np.uint8)


def _starts(length: int) -> NDArray[np.int64]:
    """Where blocks begin along a side: as many as fit, and one more that overlaps, so that the edge is compared too."""
    return np.unique(np.linspace(0, length - BLOCK, -(-length // BLOCK)).round().astype(np.int64))


def _blocks(picture: NDArray[Any]) -> NDArray[Any]:
    """Blocks of BLOCK x BLOCK pixels row by row, shape (n, BLOCK, BLOCK)."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (BLOCK, BLOCK))
    return windows[np.ix_(_starts(picture.shape[0]), _starts(picture.shape[1]))].reshape(-1, BLOCK, BLOCK)
