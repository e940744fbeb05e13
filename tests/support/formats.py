"""One small picture in every format that is read, and PNG files put together by hand."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import features

from support.pictures import jpeg, photo, png, saved

try:
    import pillow_heif
except ImportError:
    HAS_HEIF = False
else:
    HAS_HEIF = True
    pillow_heif.register_heif_opener()

SMALL = photo(1, 60, 40)
HAS_AVIF = features.check("avif")
FORMATS = {
    "PNG": png(SMALL),
    "JPEG": jpeg(SMALL, 95),
    "progressive JPEG": jpeg(SMALL, 95, progressive=True),
    "WEBP": saved(SMALL, "WEBP", lossless=True),
    "lossy WEBP": saved(SMALL, "WEBP", quality=95),
    "GIF": saved(SMALL, "GIF"),
    "BMP": saved(SMALL, "BMP"),
    "TIFF": saved(SMALL, "TIFF"),
    "compressed TIFF": saved(SMALL, "TIFF", compression="tiff_lzw"),
    **({"AVIF": saved(SMALL, "AVIF", quality=95)} if HAS_AVIF else {}),
    **({"HEIF": saved(SMALL, "HEIF", quality=95)} if HAS_HEIF else {}),
}


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_file(header: bytes, rows: bytes, *chunks: bytes) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + b"".join(chunks)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )


def interlaced_png(values: NDArray[np.uint8]) -> bytes:
    """Return grey u8[h, w] or RGB u8[h, w, 3] in the seven passes of Adam7 (PNG 3rd edition, 8.1)."""
    height, width = values.shape[:2]
    passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ]
    rows = b"".join(
        b"\0" + row.tobytes() for y, x, down, right in passes for row in values[y::down, x::right]
    )
    colour = 0 if values.ndim == 2 else 2
    return png_file(struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 1), rows)
