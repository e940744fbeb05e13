"""What differs between two aligned pictures, and where, at the finest scale that both have.

Takes the thumbnails of two pictures and the transform between them, and returns the regions whose content is
another one. Content agreement (blocks.py) tells a copy from another page. It cannot tell an edit from another
filling of one form, because both change few of its blocks. Letters can: blur, compression, noise and tone
leave them where they are, what is written on a picture leaves what was there, and what covers a part of it
has another ground or other strokes.

Both are laid over the grid of the finer one, moved until tiles of them fit best, and blurred alike. A block
differs when both have strong texture there, what is left of it without the means of rows and columns
correlates at no shift of a pixel, neither side holds the structure of the other, and both have the same
ground. Blocks that touch are a region. A region whose strokes are much stronger on one side was drawn on the
picture; so were regions of which nothing around agrees. What remains was replaced, as the values of a form
are.

Measured: tests/benchmarks/README.md, section "Other fillings of a template".
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ..features.picture import Picture
from ..records import Box, Difference
from ..transforms import carried
from . import _differences as kernel
from .blocks import as_grey
from .fine_overlay import Overlay, laid_over
from .options import DEFAULTS, DifferenceOptions

#: Work of a pixel of the larger thumbnail, in comparisons of keypoints. measured (2026-12): 0.17 microseconds
#: and 7 to 10 ns.
PIXEL = 20


@dataclass(frozen=True, slots=True)
class Differences:
    """The regions in which two aligned pictures differ; the fields are also those of the evidence."""

    #: The largest first, at most `DifferenceOptions.maximum_listed`.
    differences: tuple[Difference, ...] = ()
    #: Number of regions that were replaced.
    replaced_regions: int = 0
    #: Number of blocks of these regions, without those of the largest.
    replaced_beside: int = 0
    #: Share of the textured blocks that were replaced, 0 to 1.
    replaced_share: float = 0.0
    #: Number of blocks that are textured on either side.
    fine_blocks: int = 0
    #: Share of them that show the same, 0 to 1.
    fine_agreement: float = 0.0
    #: Share of those textured on both sides that show the same, 0 to 1.
    fine_both_textured: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """One entry for each block, shape (rows, columns)."""

    #: Whether the content is another one.
    differ: NDArray[np.bool_]
    #: Whether both show the same.
    agree: NDArray[np.bool_]
    #: Whether either is textured.
    textured: NDArray[np.bool_]
    #: Whether both are.
    both: NDArray[np.bool_]
    #: Strength of the texture in the finer picture.
    fine: NDArray[np.float32]
    #: The same in the coarser one.
    coarse: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Region:
    """Blocks that differ and touch."""

    #: Number of blocks.
    blocks: int
    #: First and last row and column of blocks.
    rows: tuple[int, int]
    columns: tuple[int, int]
    #: Strength of the texture of the one picture over that of the other, 1 and more.
    ratio: float


def find_differences(
    query: Picture,
    reference: Picture,
    matrix: NDArray[np.float64],
    *,
    inverted: bool = False,
    options: DifferenceOptions = DEFAULTS.differences,
) -> Differences | None:
    """Return what differs under `matrix` (3, 3), query to reference in unit coordinates.

    `inverted`: the query is seen with light and dark exchanged. None where a
    thumbnail is missing or of another version, or the overlap is too small.
    """
    if query.thumbnail is None or reference.thumbnail is None or not _same_version(query, reference):
        return None
    seen, other = 255 - query.thumbnail if inverted else query.thumbnail, reference.thumbnail
    largest = max(seen.size, other.size)
    least = min(1.0, float(np.sqrt(options.maximum_pixels / largest)))
    found = [
        each
        for scale in (least * scale for scale in options.scales)
        if (each := _differences(_scaled(seen, scale), _scaled(other, scale), matrix, options))
    ]
    if not found:
        return None
    most = max(found, key=lambda each: (min(each.replaced_regions, 2), each.replaced_share))
    finest = next((each.differences for each in found if each.differences), ())
    return replace(
        most,
        differences=finest,
        fine_blocks=found[0].fine_blocks,
        fine_agreement=found[0].fine_agreement,
        fine_both_textured=found[0].fine_both_textured,
    )


def differences_work(query: Picture, reference: Picture, options: DifferenceOptions) -> int:
    """Return the most work that `find_differences` takes for two pictures, in the unit of `Timer`."""
    sizes = [picture.thumbnail.size for picture in (query, reference) if picture.thumbnail is not None]
    return PIXEL * min(options.maximum_pixels, max(sizes)) if len(sizes) == 2 else 0


def _same_version(query: Picture, reference: Picture) -> bool:
    return query.features.versions.thumbnail == reference.features.versions.thumbnail


def _scaled(thumbnail: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    if scale == 1:
        return thumbnail
    height, width = thumbnail.shape
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return as_grey(cv2.resize(thumbnail, size, interpolation=cv2.INTER_AREA))


def _differences(
    query: NDArray[np.uint8],
    reference: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    options: DifferenceOptions,
) -> Differences | None:
    overlay = laid_over(query, reference, matrix, options)
    if overlay is None:
        return None
    cells = _compared(overlay, options)
    regions = [region for region in _regions(cells) if region.blocks >= options.minimum_region]
    regions.sort(key=lambda region: (-region.blocks, region.rows, region.columns))
    replaced = [region for region in regions if region.ratio < options.maximum_ratio]
    if _is_cover(replaced, cells, options):
        replaced = replaced[:1]
    count = int(cells.agree.sum() + cells.differ.sum())
    sizes = [region.blocks for region in replaced]
    return Differences(
        differences=tuple(
            Difference(_box(region, overlay.to_query, options), round(region.blocks / count, 4))
            for region in regions[: options.maximum_listed]
        ),
        replaced_regions=len(sizes),
        replaced_beside=sum(sizes[1:]),
        replaced_share=sum(sizes) / max(count, 1),
        fine_blocks=int(cells.textured.sum()),
        fine_agreement=int(cells.agree.sum()) / max(int(cells.textured.sum()), 1),
        fine_both_textured=int((cells.agree & cells.both).sum()) / max(int(cells.both.sum()), 1),
    )


def _compared(overlay: Overlay, options: DifferenceOptions) -> _Cells:
    """The blocks of an overlay. All are compared at once, at nine shifts (_differences.c)."""
    one, other = np.pad(overlay.fine, 1, mode="edge"), np.pad(overlay.coarse, 1, mode="edge")
    shape = tuple(length // options.side for length in overlay.fine.shape)
    inner, correlation, held, strength, other_strength = (np.empty(shape, np.float32) for _ in range(5))
    inside = np.pad(overlay.inside, 1)
    for band in _bands(shape[0], options):
        rows = slice(band.start * options.side, band.stop * options.side + 2)
        found = (inner[band], correlation[band], held[band], strength[band], other_strength[band])
        kernel.compare(one[rows], other[rows], inside[rows], *found, options.side)
    counted = inner >= options.minimum_inside
    unlike = (correlation < options.maximum_correlation) & (held < options.maximum_held)
    textured = counted & (np.minimum(strength, other_strength) > options.texture)
    either = counted & (np.maximum(strength, other_strength) > options.texture)
    return _Cells(
        differ=textured & unlike & ~_other_ground(one, other, counted, options),
        agree=either & (correlation >= options.agreeing_correlation),
        textured=either,
        both=textured,
        fine=strength,
        coarse=other_strength,
    )


def _bands(rows: int, options: DifferenceOptions) -> Iterator[slice]:
    """The rows of blocks in parts of a bounded size."""
    for top in range(0, rows, options.rows):
        yield slice(top, min(top + options.rows, rows))


def _whole_blocks(padded: NDArray[Any], side: int) -> NDArray[Any]:
    """The part of a picture, padded by one pixel, that consists of whole blocks."""
    rows, columns = ((length - 2) // side for length in padded.shape)
    return padded[1 : 1 + rows * side, 1 : 1 + columns * side]


def _other_ground(
    one: NDArray[np.float32],
    other: NDArray[np.float32],
    counted: NDArray[np.bool_],
    options: DifferenceOptions,
) -> NDArray[np.bool_]:
    """Where the ground, the median around a block, differs by more than tone does: there lies a cover."""
    side = options.side
    rows, columns = counted.shape
    grounds = []
    for picture in (one, other):
        blocks = _whole_blocks(picture, side).reshape(rows, side, columns, side).swapaxes(1, 2)
        medians = np.median(blocks, axis=(2, 3)).astype(np.float32)
        grounds.append(np.asarray(cv2.medianBlur(medians, 5)))
    x, y = grounds[1][counted], grounds[0][counted]
    if len(x) > 2 and x.std() > options.flat:
        slope, offset = np.polyfit(x, y, 1)
    else:
        slope, offset = 1.0, float(y.mean() - x.mean()) if len(x) else 0.0
    return np.asarray(np.abs(grounds[0] - slope * grounds[1] - offset) > options.other_ground, bool)


def _regions(cells: _Cells) -> Iterator[_Region]:
    # Blocks of one line of text belong together although a narrow letter or a space lies between.
    joined = cv2.dilate(cells.differ.astype(np.uint8), np.ones((1, 3), np.uint8))
    count, labels = cv2.connectedComponents(joined, connectivity=8)
    labels = np.where(cells.differ, labels, 0)
    for number in range(1, count):
        rows, columns = np.nonzero(labels == number)
        strengths = [float(np.sqrt((side[rows, columns] ** 2).mean())) for side in (cells.fine, cells.coarse)]
        yield _Region(
            len(rows),
            (int(rows.min()), int(rows.max())),
            (int(columns.min()), int(columns.max())),
            max(strengths) / max(min(strengths), 1e-3),
        )


def _is_cover(regions: list[_Region], cells: _Cells, options: DifferenceOptions) -> bool:
    """Whether one thing covers all of the regions: they lie in a small rectangle in which little agrees."""
    if not regions:
        return False
    top, bottom = min(r.rows[0] for r in regions), max(r.rows[1] for r in regions) + 1
    left, right = min(r.columns[0] for r in regions), max(r.columns[1] for r in regions) + 1
    agree = int(cells.agree[top:bottom, left:right].sum())
    differ = int(cells.differ[top:bottom, left:right].sum())
    small = (bottom - top) * (right - left) <= options.cover_area * cells.differ.size
    return small and agree <= options.cover_agreement * (agree + differ)


def _box(region: _Region, to_query: NDArray[np.float64], options: DifferenceOptions) -> Box:
    """The upright box around a region in unit coordinates of the query, cut off at its edges."""
    left, right = (number * options.side - 0.5 for number in (region.columns[0], region.columns[1] + 1))
    top, bottom = (number * options.side - 0.5 for number in (region.rows[0], region.rows[1] + 1))
    return carried((left, top, right, bottom), to_query)
