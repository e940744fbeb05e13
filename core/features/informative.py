"""Is there anything in the picture to recognise? Blank and near-uniform pictures match nothing but their own bytes.

Takes grey pixels, gives a bool.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

STEP = 24
SHARE = 0.0005


def is_informative(grey: NDArray[np.uint8]) -> bool:
    """False for blank or near-uniform u8[h, w], also with stray pixels, a thin border or compression noise."""
    import cv2

    height, width = grey.shape
    trim = 2 if min(height, width) > 8 else 0
    inner = grey[trim : height - trim, trim : width - trim]
    small = cv2.resize(inner, (min(64, inner.shape[1]), min(64, inner.shape[0])), interpolation=cv2.INTER_AREA)
    return int(small.max()) - int(small.min()) > STEP
