"""The options of feature extraction: every number that decides what is extracted, in one frozen value.

Takes nothing and computes nothing. A function of this folder takes the group of its file as `options`, and
`DEFAULTS` is what this version ships with. Another value gives other bits: a default that changes is a new
extractor version, and features of other options than the defaults belong in no store. What the format of
records and columns rests on (the levels of local.py, say) is a constant of its file.

Every default is labelled: *spec* (a cited source or another file), *measured* (with what was found) or
*chosen*.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..decoding.informative import DEFAULTS as INFORMATIVE, InformativeOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """Which keypoints a picture gets (local.py); what was measured stands there."""

    #: Width of the frame in frame pixels. chosen: full-page captures and viewport shots of one page get the
    #: same scale.
    frame_width: int = 640
    #: Minimum height of the frame in frame pixels; pictures wider than 2:1 are scaled by their height.
    #: chosen: at a width of 640, a strip of 7:1 would be 90 pixels high.
    frame_minimum_height: int = 320
    #: Maximum enlargement from source to frame. chosen: an icon of 64 pixels gets a frame of 256, which has
    #: keypoints; more would only invent pixels.
    maximum_enlargement: float = 4.0
    #: Area of a band in frame pixels. chosen: about 1,000 rows of 640.
    band_area: int = 640 * 1000
    #: Maximum number of bands. chosen: a page of 20,000 frame rows; longer ones get a narrower frame.
    maximum_bands: int = 20
    #: The same for another view of the query: mirrored, inverted, an inset. chosen: each takes 0.4 s; a
    #: page of 5,000 frame rows has the views it always had.
    maximum_bands_of_views: int = 5
    #: Maximum number of keypoints per band. measured: tests/benchmarks, recall against bytes.
    budget: int = 850
    #: How many of them, the first of the spread order, are stored and indexed. measured: tests/benchmarks,
    #: "Size of a record": what the query has more of makes up for what the store lacks.
    stored: int = 300
    #: Side, in level pixels, of the cells that take turns within a region. measured: see local.py.
    cell: int = 40
    #: Side, in level pixels, of the regions that take turns; a prefix of the result takes as much from each.
    #: measured: the first 300 keypoints find 95 % of the photographs embedded at 40 %, without regions 82 %;
    #: nothing else changes.
    region: int = 160
    #: FAST's threshold in grey levels. measured: see local.py.
    fast_threshold: int = 20
    #: FAST's threshold where the first finds too few keypoints, in grey levels. measured: see local.py.
    fast_threshold_faint: int = 7
    #: Multiple of its share of the budget that a tile must find with the first threshold. chosen.
    tile_surplus: float = 1.5
    #: Number of keypoints per band and level among which regions choose. measured: 3,000 cost 2 ms more and
    #: change nothing.
    candidates: int = 1500
    #: Number of tiles across a level in which keypoints are detected; a tile is about as high as wide.
    #: measured: see local.py.
    tiles: int = 4
    #: Minimum number of keypoints that a tile may offer. chosen: more than its share of any budget.
    minimum_candidates: int = 60
    #: Fractions of a step below the usual levels at which the query is described, too. measured (2026-11, 70
    #: screenshots among 13,473 images; crops to 0.75, 0.75 scaled down and 0.5, border, 45 degrees, 40 % of a
    #: page; share whose correct match is among the first 8 by visual words): 69.1 % with these, 66.9 % with
    #: 0.5 alone, 62.9 % with none.
    between: tuple[float, ...] = (0.25, 0.5, 0.75)

    @property
    def of_views(self) -> LocalOptions:
        """Return the options of another view of the query."""
        return replace(self, maximum_bands=min(self.maximum_bands, self.maximum_bands_of_views))


@dataclass(frozen=True, slots=True, kw_only=True)
class InsetOptions:
    """Which rectangles of a page are insets (insets.py); what was measured stands there."""

    #: Width in pixels to which wider pages are reduced. chosen: lines of one pixel stay visible on most
    #: screenshots.
    maximum_width: int = 1280
    #: Maximum number of pixels of the reduced page. chosen: 10,000 rows, which take 0.2 s; a longer page is
    #: reduced further.
    maximum_pixels: int = 12_800_000
    #: Difference above which two neighbouring pixels are an edge, in grey levels. chosen: a thin grey frame
    #: has 20 and more.
    edge_step: int = 6
    #: Minimum length of a straight line without a gap, as a share of the page's width. measured: a twentieth
    #: finds 27 and 21 boxes, a tenth 27 and 17, a fourteenth 28 and 18.
    minimum_line: float = 1 / 20
    #: Pixels within which lines meet. measured: 3 and 5 find 28 and 18, 27 and 20 boxes.
    gap: int = 9
    #: Minimum width of a box, as a share of the page's width. chosen: buttons are smaller.
    minimum_width: float = 0.12
    #: Minimum height of a box in pixels. chosen: buttons are lower.
    minimum_height: int = 40
    #: Maximum area of a box, as a share of the page. chosen: a larger one is the page itself.
    maximum_area: float = 0.7
    #: Pixels from a box's side within which its lines lie. chosen: half of `gap` and a little more.
    side: int = 6
    #: Minimum share of each side but the worst that is a line, 0 to 1. chosen: text may touch it.
    lined: float = 0.8
    #: Minimum share of the worst side that is a line, 0 to 1. chosen: text may touch it.
    lined_worst: float = 0.5
    #: Maximum number of insets, the largest first. chosen: each costs as much as a query.
    maximum_insets: int = 2
    #: Minimum number of keypoints of an inset. chosen: as `CascadeOptions.low_texture` of verification.
    minimum_keypoints: int = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ThumbnailOptions:
    """How thumbnails are compressed (thumbnail.py)."""

    #: WebP's quality; the next one is tried while the result is too large. measured (2026-12, 106
    #: screenshots): at 30 it takes 3.2 KB at the median, 5.0 KB at nine tenths. chosen: the rest.
    qualities: tuple[int, ...] = (30, 20, 12, 5)
    #: Maximum size in bytes per pixel. chosen: 6 KB for 480 x 300 pixels.
    maximum_bytes_per_pixel: float = 0.0427
    #: Size in bytes that is never too large. chosen: an icon of 64 pixels in the best quality.
    always_kept: int = 2_048
    #: WebP's effort. measured: 2.0 ms; 0 saves 0.7 ms and costs 30 % of size, 4 costs 2.5 ms and saves 8 %.
    method: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeOptions:
    """Which codes are read (codes.py)."""

    #: Names of the formats, as zxing-cpp has them. chosen: those of payments, logins, tickets and goods.
    formats: tuple[str, ...] = (
        "QRCode",
        "MicroQRCode",
        "DataMatrix",
        "Aztec",
        "PDF417",
        "EANUPC",
        "Code128",
        "Code39",
        "ITF",
    )
    #: Maximum number of pixels that are looked at; larger pictures are reduced. chosen: a full-page capture
    #: of 1280 x 6,250, and 0.1 s.
    maximum_pixels: int = 8_000_000
    #: Maximum number of codes that are kept. chosen: a sheet of tickets.
    maximum: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectOptions:
    """What may be a logo or an icon, and where it may stand in a page (objects.py)."""

    #: Maximum longer side of a stored picture that is looked for in pages, in pixels. chosen: a word of 80
    #: pixels height, and the width up to which all pixels are kept.
    largest_known: int = 480
    #: Maximum shorter side of such a picture. chosen: a larger one is a page or a photograph.
    largest_shorter: int = 256
    #: Minimum longer side of what such a picture shows. chosen: the smallest icons.
    smallest_known: int = 24
    #: Minimum longer side of a place in a page. chosen: below it, icons of one style are alike.
    smallest: int = 20
    #: The same in the page at half size, in pixels of the page. chosen: 12 pixels there.
    smallest_of_half: int = 24
    #: Maximum longer side of a place that is looked for at full size; larger ones are found at half size.
    #: chosen: a word of 32 pixels height.
    largest_of_whole: int = 160
    #: Maximum longer side of a place. chosen: a word of 96 pixels height.
    largest: int = 640
    #: Minimum shorter side of either. chosen: words of 8 pixels are not drawn letter by letter.
    shortest: int = 8
    #: Maximum longer side over the shorter one. chosen: words are wider than marks.
    widest: float = 6.5
    #: Minimum difference of neighbouring pixels at an edge, in grey levels. chosen: above the noise of JPEG.
    edge_step: int = 14
    #: Pixels within which edges belong together, odd: parts of a mark lie closer than its name beside it.
    #: measured (2026-12): 5 and 7, too, find no more than the page at half size, and take 12 ms.
    gaps: tuple[int, ...] = (1, 3)
    #: The same in the page at half size, in pixels there. measured (2026-12): 15, too, finds no more.
    gaps_of_half: tuple[int, ...] = (3, 5, 9)
    #: Maximum number of places of a page. chosen: dense pages have half as many.
    maximum_places: int = 1_000
    #: Likeness to a letter or a simple shape from which a picture is left out, 0 to 1. measured (2026-12):
    #: a hexagon and discs with two dots have 0.96; 0.92 leaves out 2 % of the logos more, and of letters of
    #: other fonts 34 instead of 27 %.
    plain: float = 0.94


@dataclass(frozen=True, slots=True, kw_only=True)
class PaletteOptions:
    """Which colours a palette has, and when two are the same (palette.py)."""

    #: Number of pixels across that are looked at. chosen: a logo of 120 x 32 pixels on a page of 1,280 has
    #: 240 of them.
    width: int = 320
    #: Maximum height over width of what is looked at. chosen: logo, bar and form stand at the top.
    tallest: float = 2.2
    #: Minimum difference of the largest and the smallest of red, green and blue. chosen: below lie greys.
    chroma: int = 40
    #: Bits by which values are rounded before they are counted. chosen: JPEG changes less.
    bits: int = 3
    #: Minimum share of a colour, 0 to 1. chosen: a small logo on a large page.
    minimum_share: float = 0.0006
    #: Number of rounded colours that are looked at. chosen: the rest is that of photographs.
    examined: int = 64
    #: Maximum difference in red, green and blue of two colours that are one. chosen: a rounded step and a
    #: half.
    same: int = 12
    #: Distance in CIELAB of colours that begin to differ. chosen: four times a just noticeable one.
    just_noticeable: float = 9.0
    #: Share by which that distance may be exceeded before two colours are no longer the same, plus one.
    #: chosen.
    beyond: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class EmblemOptions:
    """Which regions of a page are emblems (emblems.py)."""

    #: Maximum height over width of what is looked at. chosen: logos stand at the top.
    tallest: float = 1.5
    #: Difference above which neighbouring pixels are an edge, in grey levels. chosen: faint text has more.
    edge_step: int = 24
    #: Distances across and down at which edges are joined, in pixels of the thumbnail. chosen: the letters of
    #: a word, words, a symbol and its word.
    joined: tuple[tuple[int, int], ...] = ((3, 1), (5, 3), (9, 3), (15, 5))
    #: Share of a region's steepest edge below which an edge at its rim is not part of it, 0 to 1. measured
    #: (2026-12, drawn pages of the fitting part): of 60 imitations 46, 51 and 54 share an emblem at 0, 0.25
    #: and 0.4.
    trim: float = 0.4
    #: Minimum side in pixels of the thumbnail. chosen: text of an ordinary size is smaller.
    minimum_side: int = 7
    #: Minimum area in pixels of the thumbnail. chosen.
    minimum_area: int = 120
    #: Maximum width as a share of the page's. chosen: what is larger is the page itself.
    widest: float = 0.5
    #: Maximum height as a share of the page's smaller side. chosen: as `widest`.
    highest: float = 0.4
    #: Maximum width over height. chosen: longer are lines of text.
    longest: float = 14.0
    #: Maximum height over width. chosen.
    slimmest: float = 2.0
    #: Height in pixels of the bands that take turns. chosen.
    band: int = 120
    #: Maximum number of regions. chosen: an ordinary page has twelve.
    maximum: int = 96
    #: Blur of a patch in its cells. chosen: a region found one pixel off looks the same.
    blur: float = 0.7
    #: Minimum standard deviation of a patch in grey levels. chosen: below it is nothing to see.
    minimum_contrast: float = 8.0
    #: Step between neighbouring cells that is ink, in standard deviations. chosen.
    ink_step: float = 0.35
    #: Minimum share of the inner cells that are ink, 0 to 1. measured (2026-12, drawn pages): half of the
    #: regions that an imitation shares with its brand have 0.59, buttons and fields 0.1 to 0.3.
    minimum_ink: float = 0.35
    #: Blur in cells of the ground that is taken from a patch. chosen.
    ground: float = 5.0
    #: Share of the mean of each row that is taken from a wide patch, 0 to 1. chosen.
    line_share: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureOptions:
    """All options of feature extraction."""

    #: When a picture is informative.
    informative: InformativeOptions = INFORMATIVE
    #: Keypoints and descriptors.
    local: LocalOptions = LocalOptions()
    #: Insets of the query.
    insets: InsetOptions = InsetOptions()
    #: Thumbnails.
    thumbnail: ThumbnailOptions = ThumbnailOptions()
    #: Codes.
    codes: CodeOptions = CodeOptions()
    #: Logos and icons.
    objects: ObjectOptions = ObjectOptions()
    #: Palettes.
    palette: PaletteOptions = PaletteOptions()
    #: Emblems.
    emblems: EmblemOptions = EmblemOptions()


#: The options of this version.
DEFAULTS = FeatureOptions()
