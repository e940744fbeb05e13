"""How well an object agrees with a place in a page: its edges, laid over those of the place.

Takes the page's full pixels, a box in them and the object, which is laid on the box and moved a little until
both agree best. What is compared are the directions of edges, without sign and relative to the edges around
them, so that the ground of the page and the colour of the object do not matter, and a glyph counts as much as
the disc around it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ..features.objects import KnownObject, laid
from .options import DEFAULTS, ObjectPlaceOptions

#: Cells around the box. chosen: the outline of an object lies on its box.
MARGIN = 3
#: Maximum number of cells by which an object is moved or its sides are scaled. chosen: as MARGIN.
FARTHEST = 3.0


def object_agreement(
    page: NDArray[np.uint8],
    box: NDArray[np.int32],
    known: KnownObject,
    *,
    options: ObjectPlaceOptions = DEFAULTS.objects,
) -> float:
    """Return how far the edges of an object agree with those in a box i32[4] of a page u8[h, w], -1 to 1."""
    sides = box[2:] - box[:2]
    factor = min(1.0, options.longest / int(sides.max()))
    size = max(8, round(int(sides[0]) * factor)), max(8, round(int(sides[1]) * factor))
    place = laid(page, box, size, MARGIN)
    moved = _moved(laid(known.grey, known.box, size, MARGIN), place, options.steps)
    one, other = _directions(moved), _directions(place)
    return float((one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum() + 1e-9))


def _directions(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice the angle of each edge, as a vector, f32[2, h, w]: as long as the edge is strong among those
    around it.
    """
    across, down = _gradient(patch)
    power = across * across + down * down
    around = np.sqrt(np.maximum(cv2.blur(power, (9, 9)), 0))
    floor = 0.15 * np.sqrt(power.mean()) + 4.0
    strength = np.sqrt(power) + 1e-3
    scale = 1 / (strength * (around + floor))
    return np.stack([(across * across - down * down) * scale, 2 * across * down * scale])


def _gradient(patch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    across = cv2.Sobel(patch, cv2.CV_32F, 1, 0, ksize=3)
    down = cv2.Sobel(patch, cv2.CV_32F, 0, 1, ksize=3)
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _moved(known: NDArray[np.float32], place: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """The object, shifted and scaled by some cells until the strength of its edges agrees best with that of
    the place (Gauss and Newton's steps).
    """
    height, width = place.shape
    wanted, given = _strength(place), _strength(known)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    columns = np.tile((np.arange(width) - middle[0]) / middle[0], height)
    rows = np.repeat((np.arange(height) - middle[1]) / middle[1], width)
    target = wanted.ravel()
    centred = target - target.mean()
    change, best, agreement = np.zeros(4), np.zeros(4), -2.0
    for step in range(steps + 1):
        laid_now = _warped(given, change, middle)
        flat = laid_now.ravel()
        beside = flat - flat.mean()
        found = float(beside @ centred) / float(np.sqrt((beside @ beside) * (centred @ centred)) + 1e-6)
        if found > agreement:
            agreement, best = found, change
        if step == steps:
            break
        across = cv2.Sobel(laid_now, cv2.CV_32F, 1, 0, ksize=1).ravel() / 2
        down = cv2.Sobel(laid_now, cv2.CV_32F, 0, 1, ksize=1).ravel() / 2
        terms = np.stack([across, down, across * columns, down * rows, flat, np.ones_like(flat)])
        normal = terms @ terms.T
        normal[np.diag_indices(6)] *= 1.001
        solved = np.linalg.lstsq(normal, terms @ target, rcond=None)[0]
        if abs(solved[4]) < 0.05:
            break
        change = np.clip(change + np.clip(solved[:4] / solved[4], -1, 1), -FARTHEST, FARTHEST)
    return _warped(known, best, middle)


def _strength(patch: NDArray[np.float32]) -> NDArray[np.float32]:
    across, down = _gradient(patch)
    power = np.sqrt(np.sqrt(across * across + down * down))
    return np.asarray(cv2.GaussianBlur(power, (0, 0), 1.0), np.float32)


def _warped(
    patch: NDArray[np.float32], change: NDArray[np.float64], middle: NDArray[np.float64]
) -> NDArray[np.float32]:
    shift, scale = change[:2] - change[2:], 1 + change[2:] / middle
    matrix = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]])
    size = patch.shape[1], patch.shape[0]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(patch, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))
