"""The grey thumbnail, by which content agreement is judged when the picture's bytes are no longer at hand.

Takes grey pixels, gives a WebP of normally 320 pixels width, and back. Measured (2026-11, 9,120 pairs of
pages of one site): 320 pixels tell other content as well as 640 raw pixels do.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptRecord

THUMBNAIL_VERSION = 1
#: Pixels. measured: as good as 640 for content agreement.
THUMBNAIL_WIDTH = 320
#: Pixels a side. spec: WebP's limit.
LONGEST = 16_383
#: WebP's; the next is tried while the result is too large. chosen: at 40 a screenshot takes 2.1 KB at the
#: median (30: 1.8, 50: 2.4).
QUALITIES = (40, 20, 5)
#: Bytes. chosen: 6 KB for 320 x 200 pixels, with which the record of a 1280 x 800 screenshot stays below 40
#: KiB; one in forty needs a second try.
MOST_PER_PIXEL = 0.095
#: WebP's effort. measured: 2.0 ms; 0 saves 0.7 ms and costs 30 % of size, 4 costs 2.5 ms and saves 8 %.
METHOD = 2


def make_thumbnail(grey: NDArray[np.uint8]) -> bytes:
    """WebP of u8[h, w], at most 320 wide and 16,383 long, same aspect (each side at least one pixel), never
    enlarged.
    """
    import cv2
    from PIL import Image

    height, width = grey.shape
    scale = min(1.0, THUMBNAIL_WIDTH / width, LONGEST / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA) if size != (width, height) else grey
    picture = Image.fromarray(small)
    for quality in QUALITIES:
        stream = io.BytesIO()
        picture.save(stream, "WEBP", quality=quality, method=METHOD)
        if stream.tell() <= MOST_PER_PIXEL * small.size:
            break
    return stream.getvalue()


def read_thumbnail(data: bytes) -> NDArray[np.uint8]:
    """Grey pixels u8[h, w] of a stored thumbnail. Raises CorruptRecord when the bytes are none."""
    from PIL.WebPImagePlugin import WebPImageFile

    from ..decoding.headers import read_header

    try:
        header = read_header(data)
        if header.format != "WEBP" or header.width > THUMBNAIL_WIDTH or header.height > LONGEST:
            raise ValueError(f"{header.format} of {header.width} x {header.height}")
        with WebPImageFile(io.BytesIO(data)) as image:
            return np.asarray(image.convert("L"))
    except Exception as error:
        raise CorruptRecord(
            f"stored thumbnail of {len(data)} bytes cannot be read ({error}); add the picture again"
        ) from error
