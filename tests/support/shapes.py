"""Pictures of every shape, and the arrays that extractors take of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from support.pictures import blank, logo, page, photo, tall_page


def pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB"))


def grey(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture.convert("RGB").convert("L"))


#: Pictures of every shape, among them such whose hash hangs on rounding errors.
SHAPES = {
    "page": page(1),
    "photo": photo(1, 400, 533),
    "logo": logo(1),
    "blank": blank(300, 200),
    "black": blank(200, 300, "black"),
    "tall page": tall_page(2, 400, 9),
    "wide strip": tall_page(3, 120, 12).transpose(Image.Transpose.ROTATE_90),
    "one pixel": blank(1, 1),
    "three by two": photo(2, 3, 2),
    "column": photo(3, 1, 700),
    "row": photo(4, 700, 1),
    "exactly 64": photo(5, 64, 64),
    "checkerboard": Image.fromarray(
        np.kron(np.indices((8, 8)).sum(0) % 2 * 255, np.ones((30, 30))).astype(np.uint8)
    ).convert("RGB"),
}
