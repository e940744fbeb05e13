"""Whole-picture hashes: PDQ, ImageHash's four bit for bit, TLSH, so that lists can be exchanged.

Takes the decoded picture, gives `Hashes`; takes a file's bytes, gives their TLSH.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..records import Hashes
from .pdq import pdq_orientations

if TYPE_CHECKING:
    import imagehash
    from PIL import Image

IMAGEHASH_VERSION = 1
TLSH_VERSION = 1


def whole_picture_hashes(pixels: NDArray[np.uint8], grey: NDArray[np.uint8], *, whash: bool) -> Hashes:
    """All hashes of one picture: `pixels` u8[h, w, 3] RGB and `grey` u8[h, w], its convert("L")."""
    import imagehash
    from PIL import Image

    orientations, quality = pdq_orientations(pixels)
    narrow8, narrow9, narrow32 = _narrowed(grey, (8, 9, 32))
    return Hashes(
        pdq=orientations[0],
        orientations=orientations,
        pdq_quality=quality,
        ahash=_packed(imagehash.average_hash(narrow8)),
        phash=_packed(imagehash.phash(narrow32)),
        dhash=_packed(imagehash.dhash(narrow9)),
        whash=_packed(imagehash.whash(Image.fromarray(grey))) if whash else None,
    )


def tlsh_of(data: bytes) -> str | None:
    """TLSH of a file's bytes as MISP's `tlsh` attribute has it, 72 characters; None for bytes too few or too
    even to have one.
    """
    import tlsh

    text = str(tlsh.hash(data))
    return text if len(text) == 72 else None


def tlsh_distance(a: str, b: str) -> int:
    """TLSH's own distance between two digests, 0 and up; below about 70 the files are alike."""
    import tlsh

    return int(tlsh.diff(a, b))


def hamming(a: bytes, b: bytes) -> int:
    """Bits that differ between two hashes of the same length."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def _narrowed(grey: NDArray[np.uint8], widths: tuple[int, ...]) -> list[Image.Image]:
    """The picture u8[h, w] after the first of the two passes of Pillow's resize, for each of `widths`;
    ImageHash then does the second.

    The first pass treats rows alone and is what ImageHash spends its time on. Four rows at a time, as the
    bands of one picture, it takes half of it, and the bits are the same. Pictures higher than wide are left
    as they are: Pillow may do their columns first.
    """
    import cv2
    from PIL import Image

    height, width = grey.shape
    if height > width:
        return [Image.fromarray(grey)] * len(widths)
    quarter = -(-height // 4)
    starts = [min(band * quarter, height - quarter) for band in range(4)]
    quads = cv2.merge([grey[start : start + quarter] for start in starts])
    picture = Image.frombuffer("CMYK", (width, quarter), np.ascontiguousarray(quads), "raw", "CMYK", 0, 1)
    narrowed = []
    for wanted in widths:
        bands = np.asarray(picture.resize((wanted, quarter), Image.Resampling.LANCZOS))
        rows = np.empty((height, wanted), np.uint8)
        for band, start in enumerate(starts):
            rows[start : start + quarter] = bands[:, :, band]
        narrowed.append(Image.fromarray(rows))
    return narrowed


def _packed(hash: imagehash.ImageHash) -> bytes:
    return np.packbits(hash.hash.ravel()).tobytes()
