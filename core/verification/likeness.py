"""Whether a page has the design of a page of a baseline: emblems in common, and the same colours.

Takes the emblems and palettes of a page and of all pages of a baseline, and returns what each has in common
with the page. An emblem counts as far as the two patches correlate and no page of another brand has one that
correlates as well: a heading "Sign in" in a usual font, a button of a framework and the banner about cookies
are on the pages of many brands, a logo is on those of one. Where the baseline has pages of few brands, nobody
knows how rare an emblem is, so it counts half.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..features.emblems import LENGTH, WIDE_ASPECT, Emblems
from ..features.options import DEFAULTS as FEATURES, PaletteOptions
from ..features.palette import Palette, palette_agreement, read_palette
from ..records import Box, Likeness
from .likeness_options import LikenessOptions
from .options import DEFAULTS


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """What is compared of a page."""

    #: Its emblems.
    emblems: Emblems
    #: Its palette; None where none was kept.
    palette: bytes | None


class Baseline:
    """The designs of a baseline's pages, ready to be compared with many queries."""

    def __init__(self, designs: Sequence[Design], brands: Sequence[str]) -> None:
        """`brands`: the brand of each design."""
        self._palettes = [_read(design) for design in designs]
        self._brands = np.unique(np.array(brands, str), return_inverse=True)[1]
        counts = [len(design.emblems) for design in designs]
        self._page = np.repeat(np.arange(len(designs)), counts)
        self._aspects = _joined([design.emblems.aspects for design in designs], (0,))
        self._boxes = _joined([design.emblems.boxes for design in designs], (0, 4))
        self._descriptors = _joined(
            [design.emblems.descriptors.astype(np.float32) for design in designs], (0, LENGTH)
        )

    def compare(
        self,
        query: Design,
        *,
        options: LikenessOptions = DEFAULTS.likeness,
        palettes: PaletteOptions = FEATURES.palette,
    ) -> list[Likeness]:
        """Return what each page has in common with the query, in the order of the designs."""
        alike = self._correlations(query.emblems, options)
        best, where = self._of_pages(alike)
        emblems, beside, which = self._distinct(best, options)
        own_palette = _read(query)
        found = []
        for page, palette in enumerate(self._palettes):
            colours = None
            if own_palette is not None and palette is not None:
                colours = palette_agreement(own_palette, palette, options=palettes)
            boxes: tuple[Box | None, Box | None] = (None, None)
            if emblems[page] > 0:
                own = int(which[page])
                boxes = _box(query.emblems.boxes[own]), _box(self._boxes[where[page, own]])
            found.append(
                Likeness(
                    emblem=round(float(emblems[page]), 4),
                    emblems_beside=round(float(beside[page]), 4),
                    colours=None if colours is None else round(colours, 4),
                    box_query=boxes[0],
                    box_reference=boxes[1],
                )
            )
        return found

    def better_brands(self, scores: Sequence[float]) -> list[int]:
        """Return for each page the number of brands that have a page with a higher score, given the score of
        each page, without its own.
        """
        values = np.array(scores, float)
        tops = np.full(self._brands.max(initial=-1) + 1, -np.inf)
        np.maximum.at(tops, self._brands, values)
        return [int((tops > tops[brand]).sum()) for brand in self._brands]

    def _correlations(self, query: Emblems, options: LikenessOptions) -> NDArray[np.float32]:
        """Of each emblem of the query and each of the baseline, shape (n, m); 0 for those of other shapes. An
        emblem may be light on dark in the one and dark on light in the other.
        """
        found = query.descriptors.astype(np.float32) @ self._descriptors.T
        stretched = np.abs(np.log(query.aspects[:, None] / self._aspects[None]))
        same_kind = (query.aspects[:, None] >= WIDE_ASPECT) == (self._aspects[None] >= WIDE_ASPECT)
        either = np.maximum(found, -options.inverted * found)
        return np.asarray(np.where((stretched <= options.stretch) & same_kind, either, 0), np.float32)

    def _of_pages(self, alike: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The best correlation of each emblem of the query on each page, shape (pages, n), and which of the
        baseline's emblems has it.
        """
        pages = len(self._palettes)
        best = np.zeros((pages, len(alike)), np.float32)
        where = np.zeros((pages, len(alike)), np.int64)
        starts = np.searchsorted(self._page, np.arange(pages + 1))
        for page in range(pages):
            mine = alike[:, starts[page] : starts[page + 1]]
            if mine.size:
                where[page] = mine.argmax(axis=1) + starts[page]
                best[page] = mine.max(axis=1)
        return best, where

    def _distinct(
        self, best: NDArray[np.float32], options: LikenessOptions
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """For each page how much its best emblem counts, how much the next ones do, and which is the best."""
        pages, count = best.shape
        nothing = np.zeros(pages, np.float32)
        if not count or not pages:
            return nothing, nothing, np.zeros(pages, np.int64)
        brands = int(self._brands.max()) + 1
        of_brands = np.zeros((brands, count), np.float32)
        np.maximum.at(of_brands, self._brands, best)
        order = np.sort(of_brands, axis=0)
        first, second = order[-1], order[-2] if brands > 1 else np.zeros(count, np.float32)
        # The best of all other brands: the second where the brand itself has the best.
        others = np.where(of_brands == first, second, first)[self._brands]
        alike = np.clip((best - options.alike_from) / (options.alike_to - options.alike_from), 0, 1)
        rare = np.clip((best - others) / options.margin, 0, 1)
        counts = alike * rare * (1.0 if brands > options.few_brands else options.unknown_rarity)
        ranked = np.sort(counts, axis=1)
        beside = ranked[:, -1 - options.beside : -1].sum(axis=1)
        return ranked[:, -1], beside, counts.argmax(axis=1)


def _read(design: Design) -> Palette | None:
    return None if design.palette is None else read_palette(design.palette)


def _joined(parts: Sequence[NDArray[np.generic]], empty: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(np.concatenate([np.empty(empty), *parts]), np.float32)


def _box(row: NDArray[np.float32]) -> Box:
    left, top, right, bottom = (round(float(end), 4) for end in np.clip(row, 0, 1))
    return left, top, right, bottom
