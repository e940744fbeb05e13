"""Whole-picture hashes: PDQ, ImageHash's four bit for bit, and TLSH, so that lists can be exchanged.

Takes the decoded picture and returns `Hashes`; takes a file's bytes and returns their TLSH.
"""

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


def whole_picture_hashes(pixels: NDArray[np.uint8], grey: NDArray[np.uint8], *, whash: bool) -> Hashes:
    """Return all hashes of one picture; its wavelet hash only if `whash` says so, which costs as much as the
    others together.

    `pixels` are RGB, u8[h, w, 3], and `grey` is their convert("L"), u8[h, w].
    """
    import imagehash

    orientations, quality = pdq_orientations(pixels)
    picture = Image.fromarray(grey)
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


def _packed(bits: NDArray[np.bool_]) -> bytes:
    return np.packbits(bits.ravel()).tobytes()
