"""The rows of a picture whose file is cut short.

Takes a picture that Pillow has opened and returns what its file holds of it, as viewers show it. Rows that
are missing are cropped: a reader fills them with one colour, which is no content. PNG, JPEG and GIF files
are read as far as they go; others are refused, as in browsers.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile

from .headers import Header

#: Minimum share of the rows that must be known. chosen: less is a strip in which a person recognises little.
MIN_SHARE = 0.1
#: Width in pixels of the right edge that tells whether the last coded rows are complete. chosen: half a
#: block, because the other half may be blurred with the block beside it.
EDGE = 4
#: Lowest and highest value that a JPEG decoder writes where there is no data: the middle of the range. spec:
#: ITU-T T.81, A.3.1, a block whose coefficients are all zero.
NO_DATA = (127, 128)
#: Maximum number of missing rows whose colours are blurred with those above. chosen: half-size colours, which
#: most encoders write, blur one.
BLURRED = 2


def load_known(opened: ImageFile, header: Header) -> tuple[Image.Image, bool]:
    """Load an opened picture, and return its known rows and whether the file is cut short or broken.

    Raises OSError when less than MIN_SHARE of the rows is known, and Pillow's errors for other formats.
    """
    width, height = opened.size
    extents = opened.tile[0].extents if header.format == "GIF" else None
    # A frame of a GIF may be smaller than its screen.
    top, bottom = extents[1::2] if extents else (0, height)
    try:
        opened.load()
    except (OSError, SyntaxError, ValueError, IndexError):
        if header.format not in ("PNG", "GIF"):
            raise
        opened.tile = []  # What was decoded stays.
        fill = opened.info.get("transparency", 0) if header.format == "GIF" else 0
        values = np.asarray(opened)[top:bottom]
        if header.is_interlaced:
            rows = _repeat_rows(opened, top, bottom, 2 * _above(values[1::2], fill, fill))
        else:
            rows = top + _above(values, fill, fill)
    else:
        if header.is_complete:
            return opened, False
        rows = _known_of_jpeg(np.asarray(opened), header.rows_at_once)
    if rows < max(1, MIN_SHARE * height):
        raise OSError(f"{rows} of {height} rows are there")
    return opened.crop((0, 0, width, rows)), True


def _repeat_rows(image: Image.Image, top: int, bottom: int, known: int) -> int:
    """Write into each missing row of an interlaced picture the row above it, as viewers do, and return the
    number of its rows; 0 if the last pass, which has every second row, is missing altogether.
    """
    if not known:
        return 0
    for y in range(top + known + 1, bottom, 2):
        image.paste(image.crop((0, y - 1, image.width, y)), (0, y))
    return bottom


def _known_of_jpeg(values: NDArray[Any], rows_at_once: int) -> int:
    """Number of rows before the missing ones, and before those that are coded together and incomplete."""
    rows = _above(values, *NO_DATA)
    for _ in range(2):  # Blurred rows may stand alone below the incomplete ones.
        start = max(0, rows - 1) // rows_at_once * rows_at_once
        if _above(values[start:rows, -EDGE:], *NO_DATA) <= BLURRED:
            rows = start
    return rows


def _above(values: NDArray[Any], low: int, high: int) -> int:
    """Number of rows up to the last one that has a value outside of low to high."""
    rows = len(values)
    while rows and low <= values[rows - 1].min() and values[rows - 1].max() <= high:
        rows -= 1
    return rows
