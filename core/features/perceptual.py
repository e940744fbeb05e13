"""Whole-picture hashes: PDQ as Meta's reference path computes it, and ImageHash's four bit for bit, so that lists can be exchanged.

Takes the decoded picture, gives `Hashes`. PDQ is computed at full resolution from the RGB array: after a resize of our own
it moves by 17 bits on average, half the radius. Eight orientations are hashed, because turning the hash itself is not sound
(ThreatExchange issue 1676).
Reference: facebook/ThreatExchange, python-threatexchange/threatexchange/signal_type/pdq/pdq_hasher.py; PDQ README; ImageHash 4.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..records import Hashes
from .pdq import pdq_orientations

if TYPE_CHECKING:
    import imagehash

PDQ_VERSION = 1
IMAGEHASH_VERSION = 1
TLSH_VERSION = 1


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to turn or mirror a picture."""

    name: str
    matrix: tuple[float, ...]
    """Row-major 3x3 map carrying a point of the picture onto the same point of the turned picture, both in coordinates 0 to 1 (x right, y down)."""


ORIENTATIONS = (
    Orientation("upright", (1, 0, 0, 0, 1, 0, 0, 0, 1)),
    Orientation("left 90", (0, 1, 0, -1, 0, 1, 0, 0, 1)),
    Orientation("180", (-1, 0, 1, 0, -1, 1, 0, 0, 1)),
    Orientation("right 90", (0, -1, 1, 1, 0, 0, 0, 0, 1)),
    Orientation("upside-down mirror", (1, 0, 0, 0, -1, 1, 0, 0, 1)),
    Orientation("mirror", (-1, 0, 1, 0, 1, 0, 0, 0, 1)),
    Orientation("transpose", (0, 1, 0, 1, 0, 0, 0, 0, 1)),
    Orientation("transverse", (0, -1, 1, -1, 0, 1, 0, 0, 1)),
)
"""In the order of `pdq_orientations` and of `Candidate.orientation`. The names say what was done to the query."""


def turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """The picture (first two axes: rows, columns) turned as ORIENTATIONS[orientation] says; a view."""
    turns = (
        lambda a: a,
        lambda a: np.rot90(a, 1),
        lambda a: np.rot90(a, 2),
        lambda a: np.rot90(a, 3),
        np.flipud,
        np.fliplr,
        lambda a: np.swapaxes(a, 0, 1),
        lambda a: np.swapaxes(np.rot90(a, 2), 0, 1),
    )
    turned: NDArray[np.uint8] = turns[orientation](pixels)
    return turned


def pdq_hash(pixels: NDArray[np.uint8]) -> tuple[bytes, int]:
    """PDQ of RGB pixels u8[h, w, 3]: 32 bytes in the order of the hex form, and the quality, 0 to 100."""
    hashes, quality = pdq_orientations(pixels)
    return hashes[0], quality


def whole_picture_hashes(pixels: NDArray[np.uint8], grey: NDArray[np.uint8], *, whash: bool) -> Hashes:
    """All hashes of one picture: `pixels` u8[h, w, 3] RGB and `grey` u8[h, w], its convert("L")."""
    import imagehash
    from PIL import Image

    orientations, quality = pdq_orientations(pixels)
    picture = Image.fromarray(grey)
    return Hashes(
        pdq=orientations[0],
        orientations=orientations,
        pdq_quality=quality,
        ahash=_packed(imagehash.average_hash(picture)),
        phash=_packed(imagehash.phash(picture)),
        dhash=_packed(imagehash.dhash(picture)),
        whash=_packed(imagehash.whash(picture)) if whash else None,
    )


def tlsh_of(data: bytes) -> str | None:
    """TLSH of a file's bytes as MISP's `tlsh` attribute has it, 72 characters; None for bytes too few or too even to have one."""
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


def _packed(hash: imagehash.ImageHash) -> bytes:
    return np.packbits(hash.hash.ravel()).tobytes()
