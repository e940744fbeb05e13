"""Two pictures that lie over each other, block by block: which blocks show the same, and how the others lie.

Takes grey pixels of one grid, gives the agreement in a few numbers. Flat blocks say nothing. What is laid
over a picture, such as a banner or a window, disagrees in one place and leaves the rest as it was; another
page of the same site disagrees everywhere but in its frame, so the agreement beside the best rectangle, and
among the blocks that have content on both sides, tells the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

#: Side of a block in thumbnail pixels. measured: see content.py.
BLOCK = 16
#: Gaussian blur before comparing, in pixels: forgives half a pixel of registration. measured: 1.6 finds as
#: much and tells text less.
BLUR = 1.2
#: Correlation from which a block agrees. measured: see content.py.
AGREES = 0.6
#: Standard deviation in grey levels from which a block has content, after the blur. chosen.
TEXTURE = 4.0
#: Standard deviation from which what is left of a block without its row and column means has content.
#: measured: see `_agree`.
STRIPES_TEXTURE = 3.0
#: Correlation of that remainder from which it agrees. measured: see `_agree`.
STRIPES_AGREE = 0.4
#: Share of a block's pixels that must lie inside the overlap without its rim: text at the edge counts.
#: chosen.
INSIDE = 0.75
#: Largest band, in per cent of the height. measured: see `_outside_a_band`.
BAND = 25
#: Largest rectangle, as a share of the overlap. measured: see `_rectangles`.
RECTANGLE = 0.4
#: Share of the blocks beside a rectangle that must agree for it to be all that differs. chosen: one block in
#: twelve may miss.
HOLE_AGREES = 0.92
#: Rows and columns, at most, into which blocks are gathered to look for the rectangle. chosen: about the rows
#: of a screenshot.
CELLS = 12
#: Blocks beside a band or rectangle, or with content on both sides, that count at least. measured: see
#: `_outside_a_band`.
LEAST_BESIDE = 6
#: Blocks that the emptier picture counts for at least, so that one line of text is never all of a page.
#: chosen.
LEAST_BLOCKS = 12
#: Overlaps narrower than this many pixels are enlarged first, so that there are blocks to count. chosen.
LEAST_SIDE = 2 * BLOCK


@dataclass(frozen=True, slots=True)
class Agreement:
    #: Agreeing blocks over blocks with content, 0 to 1.
    share: float
    #: The same share of the blocks with content in the emptier of the two, or of those beside one band
    #: across, whichever is larger, 0 to 1: near 1 when one picture shows all of the other and more, such as a
    #: banner.
    kept: float
    #: The same share of the blocks with content in both, 0 to 1: low when there is something else, high when
    #: something is added or faded.
    both: float
    #: The same share beside the one rectangle that leaves most, 0 to 1: near 1 when what differs lies
    #: together.
    beside: float
    #: Area of the smallest rectangle beside which nearly all blocks agree, as a share of the overlap, 0 to 1;
    #: 1 when there is none.
    hole: float
    #: Mean correlation of the blocks with content, -1 to 1: tells near copies apart where every block agrees.
    correlation: float
    #: Blocks with content in either; below about five the shares mean little.
    blocks: int
    #: Blocks with content in the picture that has fewer.
    emptier: int
    #: Share of the edges of the one picture that the other has too, whichever is larger, 0 to 1 (see
    #: contours.py).
    contained: float = 0.0


#: There was nothing with content to compare.
NOTHING = Agreement(0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """One entry for each block, row by row."""

    #: First pixel row of each row of blocks; so is the next for columns.
    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]
    agree: NDArray[np.bool_]
    correlation: NDArray[np.float32]
    #: Whether there is content inside the overlap; so is the next.
    content_one: NDArray[np.bool_]
    content_other: NDArray[np.bool_]


def blurred(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As pictures are compared, by blocks and by edges."""
    return _grey(cv2.GaussianBlur(picture, (0, 0), BLUR))


def compare_blocks(one: NDArray[np.uint8], other: NDArray[np.uint8], inside: NDArray[np.bool_]) -> Blocks:
    """Compare u8[h, w] to u8[h, w], both `blurred` and at least LEAST_SIDE, where bool[h, w] says that they
    overlap.
    """
    agree, correlation, deviation_one, deviation_other = _agree(
        *(_cut(picture).astype(np.float32) for picture in (one, other))
    )
    whole = _cut(inside.view(np.uint8)).mean(axis=(1, 2)) >= INSIDE
    starts = _starts(one.shape[0]), _starts(one.shape[1])
    return Blocks(
        *starts, agree, correlation, whole & (deviation_one > TEXTURE), whole & (deviation_other > TEXTURE)
    )


def summarise(blocks: Blocks) -> Agreement:
    """All but what edges say."""
    either, both = blocks.content_one | blocks.content_other, blocks.content_one & blocks.content_other
    count, agreeing = int(either.sum()), int((either & blocks.agree).sum())
    if not count:
        return NOTHING
    emptier = min(int(blocks.content_one.sum()), int(blocks.content_other.sum()))
    rows = len(blocks.tops)
    grids = either.reshape(rows, -1), (either & blocks.agree).reshape(rows, -1)
    beside, hole = _rectangles(*grids)
    return Agreement(
        share=agreeing / count,
        kept=min(
            1.0,
            max(
                agreeing / max(LEAST_BLOCKS, emptier),
                _outside_a_band(grids[0].sum(axis=1), grids[1].sum(axis=1)),
            ),
        ),
        both=int((both & blocks.agree).sum()) / max(LEAST_BESIDE, int(both.sum())),
        beside=beside,
        hole=hole,
        correlation=float(blocks.correlation[either].mean()),
        blocks=count,
        emptier=emptier,
    )


def _outside_a_band(blocks: NDArray[np.int64], agreeing: NDArray[np.int64]) -> float:
    """The largest share of agreeing blocks that leaving out one band of rows can give, from counts for each
    row of blocks.

    A banner hides all of a nearly empty page in one band, other content of one template is everywhere.
    Measured (2026-11): of 86 pages under a banner that agreed in 12 to 52 % of blocks, 76 agree in 90 %
    beside it; of 34 pairs of one template with a map, one does.
    """
    best = 0.0
    for height in range(1, -(-len(blocks) * BAND // 100) + 1):
        left_blocks = blocks.sum() - np.convolve(blocks, np.ones(height, int), "valid")
        left_agreeing = agreeing.sum() - np.convolve(agreeing, np.ones(height, int), "valid")
        best = max(best, float((left_agreeing / np.maximum(left_blocks, LEAST_BESIDE)).max()))
    return best


def _rectangles(blocks: NDArray[np.bool_], agreeing: NDArray[np.bool_]) -> tuple[float, float]:
    """The largest share of agreeing blocks that leaving out one rectangle can give, and the area of the
    smallest rectangle that leaves HOLE_AGREES of them: all rectangles of rows and columns by a summed-area
    table.

    Measured (2026-11, 30 pages each): under a window that covers up to a quarter of the page the median rises
    from 0.53 to 1.00, under a banner from 0.74 to 1.00, written on from 0.77 to 0.99; of 177 pairs of other
    pages of one site that share a frame from 0.11 to 0.27, and 5 % reach 0.84. Rectangles of 25 % at most:
    0.87 under a window, and 5 % of the others reach 0.67. The smallest rectangle is 0.23 under a banner, at
    the median, 0.34 under a window, and 0.31 of those pages of one site that are hardest to tell from such
    copies.
    """
    count, alike = blocks.sum(), agreeing.sum()
    plain = alike / max(LEAST_BESIDE, count)
    if count == alike:
        return float(plain), 0.0
    tables = []
    for grid in (blocks, agreeing):
        for axis in (0, 1):
            grid = np.add.reduceat(grid, _gathered(grid.shape[axis]), axis=axis, dtype=np.float32)
        tables.append(np.pad(grid.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0))).astype(np.float32))
    # Axes: first row, first column, last row and last column of the rectangle.
    inner = [
        table[None, None] - table[:, None, None] - table.T[None, :, :, None] + table[:, :, None, None]
        for table in tables
    ]
    height, width = (np.arange(side, dtype=np.float32) for side in tables[0].shape)
    heights, widths = height - height[:, None], width - width[:, None]
    areas = heights[:, None, :, None] * widths[None, :, None, :] / (height[-1] * width[-1])
    some = (heights[:, None, :, None] > 0) & (widths[None, :, None, :] > 0)
    shares = (tables[1][-1, -1] - inner[1]) / np.maximum(tables[0][-1, -1] - inner[0], LEAST_BESIDE)
    hole = (
        0.0 if plain >= HOLE_AGREES else float(areas.min(where=some & (shares >= HOLE_AGREES), initial=1.0))
    )
    return float(shares.max(where=some & (areas <= RECTANGLE), initial=plain)), hole


def _gathered(length: int) -> NDArray[np.int64]:
    """Where cells begin that gather `length` blocks."""
    return np.arange(min(length, CELLS)) * length // min(length, CELLS)


def enlarged(
    one: NDArray[np.uint8], other: NDArray[np.uint8], inside: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    """Narrow overlaps made large enough to have blocks."""
    shortest = min(one.shape)
    if shortest < LEAST_SIDE:
        factor = LEAST_SIDE / shortest
        size = (round(one.shape[1] * factor), round(one.shape[0] * factor))
        one, other = (
            _grey(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)) for picture in (one, other)
        )
        inside = cv2.resize(inside.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST).astype(bool)
    return one, other, inside


def _agree(
    a: NDArray[np.float32], b: NDArray[np.float32]
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """For each pair of blocks (n, BLOCK, BLOCK): whether they show the same, their correlation, and the
    deviation of each.

    Lines of text are stripes: other words at the same places correlate above 0.6. What is left without the
    means of rows and columns is the words themselves, and has to agree too. Measured (2026-11): two articles
    set alike fall from 87 % of blocks to 58 %, the median of pages of one site that share a frame from 24 %
    to 10 %, and no edit of tests/benchmarks/pairs.py loses a point.

    Rows, columns and rest are orthogonal, so products of the rest are those of the whole less those of the
    means.
    """
    a, b = (blocks - blocks.mean(axis=(1, 2), keepdims=True) for blocks in (a, b))
    rows = [blocks.mean(axis=2) for blocks in (a, b)]
    columns = [blocks.mean(axis=1) for blocks in (a, b)]
    whole, rest = [], []
    for left, right in ((0, 0), (1, 1), (0, 1)):
        product = np.einsum("nij,nij->n", (a, b)[left], (a, b)[right]) / BLOCK**2
        whole.append(product)
        stripes = (
            np.einsum("ni,ni->n", rows[left], rows[right])
            + np.einsum("ni,ni->n", columns[left], columns[right])
        ) / BLOCK
        rest.append(product - stripes)
    deviations = [np.sqrt(np.maximum(product, 0)) for product in (*whole[:2], *rest[:2])]
    correlation = whole[2] / np.maximum(deviations[0] * deviations[1], 1e-3)
    only_stripes = np.maximum(deviations[2], deviations[3]) < STRIPES_TEXTURE
    rest_agrees = rest[2] > STRIPES_AGREE * np.maximum(deviations[2] * deviations[3], 1e-3)
    return (correlation > AGREES) & (only_stripes | rest_agrees), correlation, deviations[0], deviations[1]


def _starts(length: int) -> NDArray[np.int64]:
    """Where blocks begin along a side: as many as fit, and one more that overlaps, so that the edge is
    compared too.
    """
    return np.unique(np.linspace(0, length - BLOCK, -(-length // BLOCK)).round().astype(np.int64))


def _cut(picture: NDArray[Any]) -> NDArray[Any]:
    """Blocks of BLOCK x BLOCK pixels row by row, shape (n, BLOCK, BLOCK)."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (BLOCK, BLOCK))
    return windows[np.ix_(_starts(picture.shape[0]), _starts(picture.shape[1]))].reshape(-1, BLOCK, BLOCK)


def _grey(picture: Any) -> NDArray[np.uint8]:
    return np.asarray(picture, np.uint8)
