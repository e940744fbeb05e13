"""Whole-picture hashes: PDQ, ImageHash's four bit for bit, and TLSH, so that lists can be exchanged.

Takes the decoded picture and returns `Hashes`; takes a file's bytes and returns their TLSH.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import tlsh
from numpy.typing import NDArray
from PIL import Image

from ..records import Hashes
from .pdq import pdq_orientations

#: Extractor version of the ImageHash family.
IMAGEHASH_VERSION = 1
#: Extractor version of the TLSH family.
TLSH_VERSION = 1
#: Pixels from which a tall picture is hashed by its transposed copy. chosen: below it takes 0.1 s at most.
LARGE = 1 << 24


def whole_picture_hashes(pixels: NDArray[np.uint8], grey: NDArray[np.uint8], *, whash: bool) -> Hashes:
    """Return all hashes of one picture; its wavelet hash only if `whash` says so, which costs as much as the
    others together.

    `pixels` are RGB, u8[h, w, 3], and `grey` is their convert("L"), u8[h, w].
    """
    import imagehash

    orientations, quality = pdq_orientations(pixels)
    picture: Any = _Tall(grey) if _is_tall(grey) else Image.fromarray(grey)
    return Hashes(
        pdq=orientations[0],
        orientations=orientations,
        pdq_quality=quality,
        ahash=_packed(imagehash.average_hash(picture).hash),
        phash=_packed(imagehash.phash(picture).hash),
        dhash=_packed(imagehash.dhash(picture).hash),
        whash=_packed(imagehash.whash(picture).hash) if whash else None,
    )


def tlsh_of(data: bytes) -> str | None:
    """Return the TLSH of a file's bytes as MISP's `tlsh` attribute has it, 72 characters; None when the bytes
    are too few or vary too little to have one.
    """
    text = str(tlsh.hash(data))
    return text if len(text) == 72 else None


def tlsh_distance(a: str, b: str) -> int:
    """Return TLSH's own distance between two digests, 0 and up; below about 70 the files are similar."""
    return int(tlsh.diff(a, b))


def hamming(a: bytes, b: bytes) -> int:
    """Return the number of bits that differ between two hashes of the same length."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def _is_tall(grey: NDArray[np.uint8]) -> bool:
    """Whether Pillow reduces this large picture by columns first, and of a transposed copy by rows."""
    height, width = grey.shape
    return grey.size >= LARGE and height >= 2 * width


class _Tall:
    """A tall picture as ImageHash uses one: resized to the same bits, in a quarter of the time.

    Pillow reduces pictures from a ratio of 2 on by columns first, which reads memory across its rows.
    """

    def __init__(self, grey: NDArray[np.uint8]) -> None:
        self._transposed = Image.fromarray(np.asarray(cv2.transpose(grey)))

    @property
    def size(self) -> tuple[int, int]:
        """Return width and height in pixels."""
        return self._transposed.height, self._transposed.width

    def convert(self, mode: str) -> _Tall:
        """Return the picture: it is grey, which is all that ImageHash asks for."""
        return self

    def resize(self, size: tuple[int, int], resample: Image.Resampling) -> Image.Image:
        """Return the picture reduced to width and height."""
        small = self._transposed.resize(size[::-1], resample)
        return small.transpose(Image.Transpose.TRANSPOSE)


def _packed(bits: NDArray[np.bool_]) -> bytes:
    return np.packbits(bits.ravel()).tobytes()
