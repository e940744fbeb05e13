"""The pictures of the larger set, for larger_set.py: which captures are worth keeping, and pictures of
packages as PNG files.

Takes the PNG of a page or a picture file of a package, returns an RGB picture, whether it shows almost
nothing, and the digest of its pixels.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: Maximum side of a picture of a package in pixels; larger ones are scaled down. chosen: wallpapers have up
#: to 8,000 pixels.
LONGEST_SIDE = 1920
#: Minimum side of a picture of a package in pixels. chosen: smaller ones are icons.
SHORTEST_SIDE = 160
#: A capture is nearly blank if fewer than INKED of its blocks of BLOCK x BLOCK pixels span CONTRAST grey
#: levels. chosen: a title alone on an empty page.
BLOCK, CONTRAST, INKED = 16, 24, 0.01


def leads_elsewhere(page: Path) -> bool:
    """Return whether a page only redirects to another. (For some of these, Chromium never returns a
    capture.)
    """
    with page.open("rb") as file:
        return b'http-equiv="refresh"' in file.read(4096).lower()


def opened_capture(png: bytes) -> Image.Image:
    with Image.open(io.BytesIO(png)) as picture:
        return picture.convert("RGB")


def opened_picture(path: Path) -> Image.Image | None:
    """Return a picture of a package on white, its sides at most LONGEST_SIDE; None if it is too small, or
    larger than Pillow considers safe.
    """
    try:
        opened = Image.open(path)
    except Image.DecompressionBombError:
        return None
    with opened as picture:
        if min(picture.size) < SHORTEST_SIDE:
            return None
        layered = picture.convert("RGBA")
    layered.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if min(layered.size) < SHORTEST_SIDE:
        return None
    flat = Image.new("RGBA", layered.size, "white")
    flat.alpha_composite(layered)
    return flat.convert("RGB")


def is_nearly_blank(picture: Image.Image) -> bool:
    grey: NDArray[np.uint8] = np.asarray(picture.convert("L"))
    rows, columns = grey.shape[0] // BLOCK, grey.shape[1] // BLOCK
    blocks = grey[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    span = blocks.max(axis=(1, 3)).astype(np.int16) - blocks.min(axis=(1, 3))
    return bool((span >= CONTRAST).mean() < INKED)


def pixel_digest(picture: Image.Image) -> str:
    return hashlib.sha256(f"{picture.size}".encode() + picture.tobytes()).hexdigest()
