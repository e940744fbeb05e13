"""Emblems of a page: compact regions that stand by themselves, such as a logo, a wordmark, a line of large
text or an illustration.

Takes grey pixels and returns boxes with a descriptor each. A region is what lies together on a plain ground:
edges are joined at several distances, so that a symbol, a word, and both together are regions of their own.
Each is scaled to a small patch of fixed size, whatever its size on the page, so regions are compared by one
product of matrices, all of a page with all of a hundred pages. Regions of mostly flat ground, such as input
fields and buttons, look alike on all pages and are left out.

The regions are found and described in the picture as wide as a thumbnail, so a page has nearly the same
whether its pixels or its record are at hand. measured (2026-12, drawn pages): patches of the full pixels
agree less with those of thumbnails, because they are sharper: 41 of 60 imitations share an emblem, and 44 so.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..boxes import area
from .options import DEFAULTS, EmblemOptions
from .thumbnail import THUMBNAIL_WIDTH, reduced

#: Width and height of the patches of regions that are up to twice as wide as high, and of wider ones. chosen:
#: a logo of 120 x 32 pixels on a page of 1,280 takes 45 x 12 of the thumbnail.
COMPACT, WIDE = (32, 32), (64, 16)
#: Length of a descriptor.
LENGTH = 1024
#: Width over height from which a region is wide.
WIDE_ASPECT = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Emblems:
    """The emblems of one page."""

    #: Left, top, right, bottom in unit coordinates, shape (n, 4).
    boxes: NDArray[np.float32]
    #: Width over height in pixels, shape (n,).
    aspects: NDArray[np.float32]
    #: Patches of mean 0 and length 1, shape (n, LENGTH).
    descriptors: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.boxes)


def extract_emblems(grey: NDArray[np.uint8], *, options: EmblemOptions = DEFAULTS.emblems) -> Emblems:
    """Return the emblems of u8[h, w]: the pixels of a picture, or its thumbnail."""
    height, width = grey.shape
    scale = min(1.0, THUMBNAIL_WIDTH / width)
    across, down = scale * width, scale * height
    small = reduced(grey[: round(options.tallest * width)], THUMBNAIL_WIDTH)
    boxes, aspects, descriptors = [], [], []
    for left, top, right, bottom in _regions(small, options):
        aspect = (right - left) / (bottom - top)
        patch = _described(small[top:bottom, left:right], aspect, options)
        if patch is not None:
            boxes.append((left / across, top / down, right / across, bottom / down))
            aspects.append(aspect)
            descriptors.append(patch)
    return Emblems(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(aspects, np.float32),
        np.array(descriptors, np.float16).reshape(-1, LENGTH),
    )


def _regions(small: NDArray[np.uint8], options: EmblemOptions) -> list[tuple[int, int, int, int]]:
    """Boxes in pixels, those near the top first, where logos are."""
    slopes = np.asarray(cv2.morphologyEx(small, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), np.uint8)
    edges = slopes > options.edge_step
    height, width = small.shape
    found: dict[tuple[int, ...], tuple[int, int, int, int]] = {}
    for across, down in options.joined:
        joined = cv2.dilate(edges.astype(np.uint8), np.ones((down, across), np.uint8))
        stats = cv2.connectedComponentsWithStats(joined, connectivity=8)[2][1:]
        left, top = stats[:, 0] + across // 2 + 1, stats[:, 1] + down // 2 + 1
        wide, high = stats[:, 2] - 2 * (across // 2 + 1), stats[:, 3] - 2 * (down // 2 + 1)
        fits = (np.minimum(wide, high) >= options.minimum_side) & (wide * high >= options.minimum_area)
        fits &= (wide <= options.widest * width) & (high <= options.highest * min(width, height))
        fits &= (wide <= options.longest * high) & (high <= options.slimmest * wide)
        for box in np.stack([left, top, left + wide, top + high], axis=1)[fits].tolist():
            trimmed = _trimmed(slopes, box, options)
            found.setdefault(tuple(end // 2 for end in trimmed), trimmed)
    boxes = sorted(found.values(), key=area, reverse=True)
    boxes.sort(key=lambda box: box[1] // options.band)
    return boxes[: options.maximum]


def _trimmed(slopes: NDArray[np.uint8], box: list[int], options: EmblemOptions) -> tuple[int, int, int, int]:
    """The box without outer rows and columns of faint edges: compression leaves ripples around a logo."""
    left, top, right, bottom = box
    inside = slopes[top:bottom, left:right]
    strong = inside >= options.trim * inside.max(initial=0)
    rows, columns = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
    return (
        left + int(columns[0]),
        top + int(rows[0]),
        left + int(columns[-1]) + 1,
        top + int(rows[-1]) + 1,
    )


def _described(
    pixels: NDArray[np.uint8], aspect: float, options: EmblemOptions
) -> NDArray[np.float32] | None:
    """The patch of a region; None for one that is flat or mostly so."""
    wide = aspect >= WIDE_ASPECT
    size = WIDE if wide else COMPACT
    if min(pixels.shape) < options.minimum_side // 2:
        return None
    shrinks = pixels.shape[0] > size[1]
    patch = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    patch = cv2.GaussianBlur(patch.astype(np.float32), (0, 0), options.blur)
    contrast = float(patch.std())
    if contrast < options.minimum_contrast:
        return None
    # The outermost cells show the frame of a box, which all boxes have.
    down, across = (1, 2) if wide else (2, 2)
    slopes = np.abs(np.diff(patch, axis=1))[:-1] + np.abs(np.diff(patch, axis=0))[:, :-1]
    inner = slopes[down + 1 : -down - 1, 2 * down : -2 * down]
    if (inner > options.ink_step * contrast).mean() < options.minimum_ink:
        return None
    patch = patch - cv2.GaussianBlur(patch, (0, 0), options.ground)
    patch = patch[down:-down, across:-across]
    patch = patch - patch.mean()
    if wide:  # all lines of text are dark in the middle and light above and below
        patch = patch - options.line_share * patch.mean(axis=1, keepdims=True)
    found = np.zeros(LENGTH, np.float32)
    found[: patch.size] = (patch / (np.linalg.norm(patch) + 1e-6)).ravel()
    return found
