"""The options of likeness.py, a part of those of verification (options.py)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LikenessOptions:
    """When a page has the design of a page of a baseline (likeness.py)."""

    #: Maximum natural logarithm of how far two emblems are stretched against each other. chosen: a box that
    #: is one pixel off at the smallest height.
    stretch: float = 0.16
    #: Weight of a correlation with light and dark exchanged, 0 to 1. chosen: a logo on a bar of the brand's
    #: colour.
    inverted: float = 0.95
    #: Correlation from which an emblem counts. measured (2026-12, drawn pages of the fitting part, weights
    #: fitted anew for each): with the next two, 58 of 60 imitations are found where three of 360 pages name a
    #: wrong brand, with 0.6, 0.9 and 0.2 57; small logos of a stored page correlate by 0.5 to 0.7.
    alike_from: float = 0.4
    #: Correlation from which it counts fully. measured: see `alike_from`.
    alike_to: float = 0.8
    #: Lead over the best emblem of other brands from which it counts fully. measured: see `alike_from`;
    #: headings that many brands have lead by 0.1 and less.
    margin: float = 0.3
    #: Maximum number of brands of a baseline that does not tell how rare an emblem is. chosen.
    few_brands: int = 8
    #: What an emblem counts then, 0 to 1. measured (2026-12, as above, each page against one brand alone): of
    #: 60 imitations 54 are found at 0.35 and 56 at 0.5, with 15 and 46 of 17,940 wrong pairs.
    unknown_rarity: float = 0.35
    #: Number of further emblems that count. chosen.
    beside: int = 2


#: The options of this version.
DEFAULTS = LikenessOptions()
