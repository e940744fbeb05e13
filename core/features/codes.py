"""QR codes, bar codes and their kin: where they lie, and a digest of what they say.

Takes grey pixels. What a code says may be a token or a secret, so it is never kept: `read_codes` returns a
digest, and `keyed` replaces it by an HMAC with the key of a store (core/extraction/keyed.py) before anything
is stored or compared. So digests of two stores are never compared, and nobody can look up a text by them
without the key.

Read by zxing-cpp, a port of ZXing in C++. Measured (2026-12; tests/benchmarks/README.md, section "Codes"):
0.76 times the CPU time of decoding the same screenshots, OpenCV's detectors 2.52 times; QR codes on pages
that were halved are read in 18 of 18 cases, by OpenCV in 9, inverted ones in 18 and 0.
"""

import hashlib
import hmac
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..boxes import area
from ..records import Box, Code, Codes, ImageFeatures
from .options import DEFAULTS, CodeOptions

#: Extractor version of this family.
CODES_VERSION = 1
#: Bytes of a digest. chosen: two codes have the same by chance once in 10^38.
DIGEST_BYTES = 16
#: Bytes of the name of a key. chosen.
KEY_NAME_BYTES = 4
#: Name of the key of digests without one.
NO_KEY = bytes(KEY_NAME_BYTES)
#: Steps of a coordinate. spec: FORMAT.md.
STEPS = 65_535


def read_codes(grey: NDArray[np.uint8], *, options: CodeOptions = DEFAULTS.codes) -> Codes | None:
    """Return the codes in u8[h, w] that can be read, the largest first, with digests without a key; None
    where none can: a code that cannot be read says nothing.
    """
    zxing, formats = _reader(options.formats)
    scale = min(1.0, float(np.sqrt(options.maximum_pixels / grey.size)))
    if scale < 1:
        size = (max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    found = [
        Code(hashlib.sha256(code.bytes).digest()[:DIGEST_BYTES], _box(code.position, grey.shape))
        for code in zxing.read_barcodes(np.ascontiguousarray(grey), formats=formats)
        if code.valid
    ]
    found.sort(key=lambda code: (-area(code.box), code.box))
    return Codes(NO_KEY, tuple(found[: options.maximum])) if found else None


def keyed(features: ImageFeatures, key: bytes) -> ImageFeatures:
    """Return features whose codes have digests with this key. Raises ValueError for those that have a key."""
    codes = features.codes
    if codes is None:
        return features
    if codes.key_name != NO_KEY:
        raise ValueError("these digests have a key already")
    name = hashlib.sha256(b"name of the key\0" + key).digest()[:KEY_NAME_BYTES]
    found = tuple(
        replace(code, digest=hmac.digest(key, code.digest, "sha256")[:DIGEST_BYTES]) for code in codes.found
    )
    return replace(features, codes=Codes(name, found))


@cache
def _reader(formats: tuple[str, ...]) -> tuple[Any, Any]:
    """The library and the formats it looks for; loaded on first use."""
    import zxingcpp

    return zxingcpp, zxingcpp.barcode_formats_from_str("|".join(formats))


def _box(position: Any, shape: tuple[int, ...]) -> Box:
    """The upright box around a code, in steps as a record has them."""
    corners = position.top_left, position.top_right, position.bottom_right, position.bottom_left
    points = np.array([(corner.x / shape[1], corner.y / shape[0]) for corner in corners])
    ends = np.clip([*points.min(axis=0), *points.max(axis=0)], 0, 1)
    left, top, right, bottom = (np.rint(ends * STEPS) / STEPS).tolist()
    return left, top, right, bottom
