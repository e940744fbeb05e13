"""Two aligned thumbnails in the grid of the finer one, as differences are looked for: moved until tiles of
them fit best, in one contrast, and equally sharp.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..transforms import inverse
from .blocks import as_grey
from .options import DifferenceOptions
from .pixel_grid import eroded, to_pixels, to_unit, translation


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """The overlap of two pictures in the grid of the finer one."""

    #: The finer picture, blurred as the other is, f32[h, w].
    fine: NDArray[np.float32]
    #: The coarser one in its grid, in its contrast, f32[h, w].
    coarse: NDArray[np.float32]
    #: Pixels that are compared, bool[h, w].
    inside: NDArray[np.bool_]
    #: Pixels of the overlay to unit coordinates of the query, shape (3, 3).
    to_query: NDArray[np.float64]


def laid_over(
    query: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    options: DifferenceOptions,
) -> Overlay | None:
    """Return two thumbnails u8[h, w] under `matrix` (3, 3), query to reference in unit coordinates; None when
    the overlap is too small.
    """
    pixels = to_pixels(matrix, query, reference)
    scale = float(np.sqrt(abs(np.linalg.det(pixels[:2, :2]))))
    fine, coarse, factor, back = query, reference, 1 / max(scale, 1e-6), np.eye(3)
    if scale > 1:
        fine, coarse, factor, back, pixels = reference, query, scale, inverse(pixels), inverse(pixels)
    warped, inside = _warped(coarse, pixels, fine.shape, options)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if min(len(rows), len(columns)) < options.minimum_blocks * options.side:
        return None
    within = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    one, inside = fine[within], inside[within]
    other = _fitted(one, warped[within], options)
    blur = float(np.hypot(options.blur, options.antialias_sigma * np.sqrt(max(factor**2 - 1, 0))))
    sharp, soft = (
        cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32)
        for picture, sigma in ((one, blur), (other, options.blur))
    )
    sharp, soft = _equally_sharp(sharp, soft, inside, options)
    to_query = to_unit(query) @ back @ translation(columns[0], rows[0])
    return Overlay(sharp, soft, inside, to_query)


def _warped(
    coarse: NDArray[np.uint8],
    pixels: NDArray[np.float64],
    shape: tuple[int, ...],
    options: DifferenceOptions,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The coarser picture in the grid of the finer one, and where both are, without a rim."""
    size = (shape[1], shape[0])
    flags = cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(
        coarse, pixels, size, flags=flags | cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    covered = np.full(coarse.shape, 255, np.uint8)
    inside = cv2.warpPerspective(covered, pixels, size, flags=flags | cv2.INTER_NEAREST)
    return as_grey(warped), eroded(np.asarray(inside > 0, bool), options.rim)


def _fitted(
    one: NDArray[np.uint8], other: NDArray[np.uint8], options: DifferenceOptions
) -> NDArray[np.uint8]:
    """`other` moved by the affine transform on which tiles of the two agree: keypoints leave an error of some
    pixels, and letters are not larger.
    """
    matches = np.array(list(_tile_matches(one, other, options)), np.float64).reshape(-1, 4)
    design = np.column_stack([matches[:, :2], np.ones(len(matches))])
    for _ in range(options.fitting_rounds):
        if len(matches) < options.minimum_tiles:
            return other
        solution = np.linalg.lstsq(design, matches[:, 2:], rcond=None)[0]
        off = np.abs(design @ solution - matches[:, 2:]).max(axis=1)
        kept = off <= max(options.tile_tolerance, 2 * float(np.median(off)))
        matches, design = matches[kept], design[kept]
    onto = np.eye(3)[:2] + solution.T
    height, width = one.shape
    return as_grey(
        cv2.warpAffine(
            other,
            onto,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    )


def _tile_matches(
    one: NDArray[np.uint8], other: NDArray[np.uint8], options: DifferenceOptions
) -> Iterator[tuple[float, float, float, float]]:
    """Middle of a tile of `one`, x and y, and how far away `other` has the same; only of tiles that are
    textured and found again.
    """
    side, reach = options.tile, options.reach
    rows = range(reach, one.shape[0] - side - reach + 1, side)
    columns = range(reach, one.shape[1] - side - reach + 1, side)
    places = [(top, left) for top in rows for left in columns]
    step = max(1, -(-len(places) // options.maximum_tiles))
    for top, left in places[::step]:
        tile = one[top : top + side, left : left + side]
        if tile.std() < options.tile_texture:
            continue
        around = other[top - reach : top + side + reach, left - reach : left + side + reach]
        if around.std() < options.tile_texture:
            continue
        found = cv2.matchTemplate(around, tile, cv2.TM_CCOEFF_NORMED)
        row, column = divmod(int(found.argmax()), found.shape[1])
        inner = 0 < row < found.shape[0] - 1 and 0 < column < found.shape[1] - 1
        if inner and found[row, column] >= options.tile_correlation:
            dx = column - reach + _peak(*found[row, column - 1 : column + 2])
            dy = row - reach + _peak(*found[row - 1 : row + 2, column])
            yield left + side / 2, top + side / 2, dx, dy


def _peak(before: float, at: float, after: float) -> float:
    """Where the parabola through three neighbouring values has its maximum, -0.5 to 0.5."""
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5))


def _equally_sharp(
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    inside: NDArray[np.bool_],
    options: DifferenceOptions,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both in the contrast of the first, the sharper one blurred until both have as much fine detail."""
    x, y = one[inside], other[inside]
    least, most = options.gain
    other = other * float(np.clip(x.std() / max(float(y.std()), 1e-3), least, most))
    for _ in range(options.sharpness_rounds):
        detail = [float(np.abs(cv2.Laplacian(p, cv2.CV_32F))[inside].mean()) for p in (one, other)]
        if detail[0] > options.sharper * detail[1]:
            one = np.asarray(cv2.GaussianBlur(one, (0, 0), options.softening), np.float32)
        elif detail[1] > options.sharper * detail[0]:
            other = np.asarray(cv2.GaussianBlur(other, (0, 0), options.softening), np.float32)
        else:
            break
    return one, np.asarray(other, np.float32)
