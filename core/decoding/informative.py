"""Is there anything in the picture to recognise? Other pictures match nothing.

Takes grey pixels and returns a bool, or how many cells show something. The picture is averaged over a grid of
at most 64 x 64 cells, and the cells that differ from their neighbours are counted. A stray pixel, noise,
compression and smooth shading vanish in the average; one word of text does not, unless it is as small as the
pointer of a mouse. PDQ's quality does not answer this question: 15 % of real page screenshots fall below its
limit of 50.

Measured (2026-11, 1,375 page screenshots, 250 photographs): 18 screenshots are not informative. Two have one
colour, the others are empty terminals and editors with only a prompt or a cursor. The photographs start at
129 cells.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class InformativeOptions:
    """When a picture shows enough to be recognised."""

    #: Maximum number of cells along a side. chosen: a cell of a page of 1280 x 800 is a short word.
    cells: int = 64
    #: Minimum side of a cell, in source pixels, so that one stray pixel changes it by less than
    #: `minimum_contrast`. chosen.
    minimum_cell: int = 6
    #: Share of each side that is not looked at, 0 to 1, and at least two pixels of large pictures: hairline
    #: borders. chosen.
    edge: float = 0.01
    #: Minimum difference between a cell and the mean of its 3 x 3 cells, in grey levels. measured: faint text
    #: has 12, JPEG noise less than 2.
    minimum_contrast: float = 8.0
    #: Minimum side of a picture in pixels. spec: PDQ has no hash for smaller pictures.
    minimum_side: int = 5
    #: Minimum number of cells with contrast. measured: a line of text has 35, a word 8, a prompt or a cursor
    #: 1 to 3, stray pixels none.
    minimum_cells: int = 4
    #: Maximum side of a spot, in source pixels and rounded to whole cells. Where nothing else shows, the
    #: picture is blank. measured: the pointer of a mouse, 11 x 18 pixels, takes 2 to 21 cells of a blank
    #: page, as many as a word.
    spot: int = 28
    #: Minimum side of a picture that a spot leaves blank, in spots. chosen: larger than icons.
    spots: int = 8


#: The options of this version.
DEFAULTS = InformativeOptions()


def is_informative(grey: NDArray[np.uint8], *, options: InformativeOptions = DEFAULTS) -> bool:
    """Return False for tiny, blank and near-uniform u8[h, w], even with stray pixels, a hairline border,
    a mouse pointer, noise or smooth shading.
    """
    shows = contrast(cell_means(grey, options=options)) > options.minimum_contrast
    return int(shows.sum()) >= options.minimum_cells and not _is_spot(shows, grey.shape, options)


def _is_spot(shows: NDArray[np.bool_], shape: tuple[int, ...], options: InformativeOptions) -> bool:
    """Whether all cells that show something lie in a spot of a large picture. The cells around the spot show
    something, too, because it changes the mean of their neighbours.
    """
    if min(shape) < options.spots * options.spot:
        return False
    spans = (int(np.ptp(np.flatnonzero(shows.any(axis=other)))) - 1 for other in (1, 0))
    cells = zip(spans, shape, shows.shape, strict=True)
    return all(span * side <= options.spot * count for span, side, count in cells)


def showing(contrasts: NDArray[np.float32], *, options: InformativeOptions = DEFAULTS) -> int:
    """Return how many cells show something, of the contrast of each."""
    return int((contrasts > options.minimum_contrast).sum())


def cell_means(grey: NDArray[np.uint8], *, options: InformativeOptions = DEFAULTS) -> NDArray[np.float32]:
    """Return the mean of each cell of u8[h, w], f32[rows, columns]; no cells of a tiny picture."""
    if min(grey.shape) < options.minimum_side:
        return np.empty((0, 0), np.float32)
    height, width = grey.shape
    smallest = options.minimum_cell
    rows, columns = (
        max(2, round(options.edge * side)) if side > 8 * smallest else 0 for side in (height, width)
    )
    inner = grey[rows : height - rows, columns : width - columns]
    size = [
        min(options.cells, max(side // smallest, min(side, 4))) for side in (inner.shape[1], inner.shape[0])
    ]
    return np.asarray(cv2.resize(inner, size, interpolation=cv2.INTER_AREA), np.float32)


def contrast(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the difference of each cell from the mean of its 3 x 3 cells, in grey levels."""
    if not cells.size:
        return cells
    around = cv2.blur(cells, (3, 3), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.abs(cells - around), np.float32)
