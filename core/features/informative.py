"""Is there anything in the picture to recognise? Pictures without it match nothing but their own bytes and
pixels.

Takes grey pixels, gives a bool. The picture is averaged over a grid of at most 64 x 64 cells, and cells that
differ from their neighbours are counted: a stray pixel, noise, compression and a smooth shading vanish in the
average, one word of text does not. PDQ's quality is no answer to this question: 15 % of real page screenshots
fall below the limit of 50.

Measured (2026-11, 1,375 page screenshots, 250 photographs): 18 screenshots are not informative; two are of
one colour, the others empty terminals and editors with nothing but a prompt or a cursor. The photographs
begin at 129 cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Cells a side, at most. chosen: a cell of a 1280 x 800 page is a short word.
CELLS = 64
#: Source pixels of a cell's side, at least, so that one stray pixel changes it by less than CONTRAST. chosen.
LEAST_CELL = 6
#: Share of each side that is not looked at, and never less than two pixels of large pictures: hairline
#: borders. chosen.
EDGE = 0.01
#: Grey levels between a cell and the mean of its 3 x 3 cells. measured: faint text has 12, JPEG noise below
#: 2.
CONTRAST = 8.0
#: Pixels a side below which there is nothing to recognise. spec: PDQ has no hash for smaller pictures.
LEAST_SIDE = 5
#: Cells with contrast. measured: a line of text has 35, a word 8, a prompt or a cursor 1 to 3, stray pixels
#: none.
ENOUGH = 4


def is_informative(grey: NDArray[np.uint8]) -> bool:
    """False for tiny, blank and near-uniform u8[h, w], also with stray pixels, a hairline border, noise or
    smooth shading.
    """
    return min(grey.shape) >= LEAST_SIDE and cells_with_contrast(grey) >= ENOUGH


def cells_with_contrast(grey: NDArray[np.uint8]) -> int:
    """How many cells of the grid differ from their neighbourhood."""
    import cv2

    height, width = grey.shape
    rows, columns = (max(2, round(EDGE * side)) if side > 8 * LEAST_CELL else 0 for side in (height, width))
    inner = grey[rows : height - rows, columns : width - columns]
    size = [min(CELLS, max(side // LEAST_CELL, min(side, 4))) for side in (inner.shape[1], inner.shape[0])]
    cells = cv2.resize(inner, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    contrast = np.abs(cells - cv2.blur(cells, (3, 3), borderType=cv2.BORDER_REPLICATE))
    return int((contrast > CONTRAST).sum())
