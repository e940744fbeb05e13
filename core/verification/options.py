"""The options of verification: every number that decides how a pair is measured, in one frozen value.

Takes nothing and computes nothing. A function of this folder takes the group of its file as `options`; the
groups nest as the functions call each other. `DEFAULTS` is what this version ships with. A calibration is
valid only for the options that it was fitted with, so their digest is part of its id (see core/options.py).

Every default is labelled: *spec* (a cited source or another file), *measured* (with what was found) or
*chosen*. Lengths in frame pixels refer to the normalised frame of features/local.py.
"""

from dataclasses import dataclass

from .likeness_options import DEFAULTS as LIKENESS, LikenessOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingOptions:
    """How descriptors of two pictures are matched (matching.py)."""

    #: Maximum ratio of the best distance to the best distance at another place. spec: Lowe 2004, section 7.1.
    ratio: float = 0.8
    #: Minimum number of keypoints in each picture. chosen: three correspondences, and one that could
    #: contradict them.
    minimum_keypoints: int = 4
    #: Frame pixels within which two keypoints are at the same place; one is often found on two scales.
    #: chosen: about the blur of ORB's second level.
    same_place: float = 6.0
    #: Maximum distance, in bits, of the pairs that are kept although another keypoint is as near. chosen: the
    #: same letter elsewhere on a page is within it.
    alike_bits: int = 48
    #: Maximum number of pairs of keypoints that are compared. chosen: 0.06 s; pages of five bands compare 5
    #: million.
    maximum_comparisons: int = 6_000_000
    #: Number of pairs that are compared at a time. chosen: some 20 MB.
    piece: int = 1 << 20
    #: Maximum number of alike pairs that are kept. chosen: 40 MB for a vote.
    maximum_alike: int = 300_000
    #: Number of parts of the circle of angles; the query's keypoints of one part are compared together.
    #: measured: 4 take 2.8 ms, 8 to 16 take 2.0 to 2.1 ms.
    sectors: int = 8
    #: Minimum tolerance of a keypoint's angle, in degrees. chosen: ORB's angles move by less than 15 degrees
    #: when a page is rotated by 5.
    window: float = 22.5
    #: Number of keypoints of each picture from which a rotation is estimated. chosen: a tenth of the work of
    #: comparing all of them.
    probe: int = 256
    #: Number of bins into which rotations are counted; three adjacent bins count together. chosen.
    rotation_bins: int = 36
    #: Minimum number of similar pairs that agree on a rotation. chosen: as `rotation_share`.
    rotation_votes: int = 5
    #: Minimum share of the similar pairs that agree on a rotation, 0 to 1. chosen: chance pairs spread over
    #: twelve such parts of the circle.
    rotation_share: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationOptions:
    """How a first transform is refined (registration.py)."""

    #: Frame pixels around the predicted place, one value for each round. chosen: a transform of five inliers
    #: is off by less than the first value, and the last is RANSAC's tolerance.
    radii: tuple[float, ...] = (12.0, 6.0, 4.0)
    #: Maximum number of pairs of a keypoint and one in the cells around its predicted place. chosen: it takes
    #: 60 MB. A dense picture that is reduced to a point has 300 million.
    maximum_close: int = 300_000
    #: Maximum distance of two descriptors, in bits, at the predicted place. chosen: different keypoints are
    #: 128 bits apart, give or take 20.
    maximum_bits: int = 64
    #: Maximum difference between a pair's rotation and the transform's, in degrees. chosen: as
    #: `MatchingOptions.window`.
    maximum_rotation: float = 25.0
    #: Maximum difference between a pair's change of size and the transform's, in octaves. chosen: a little
    #: less than two levels of features/local.py.
    maximum_octaves: float = 0.6
    #: Spread of the correspondences across their longest axis, in frame pixels, below which the transform is
    #: restricted to a similarity: one line of text does not tell how the rest is sheared. measured (2026-11):
    #: with it, content agrees in 100 % of the blocks of a page with one line under four edits, without it in
    #: 17 to 33 %; pages with more text are unchanged.
    minimum_spread: float = 24.0
    #: Determinant below which a transform leaves no area and cannot be inverted. chosen: a thousandth along
    #: both axes.
    minimum_determinant: float = 1e-6
    #: Frame pixels at the edge of a picture in which no keypoint is expected. spec: features/local.py, EDGE.
    margin: float = 16.0
    #: Tolerance of the smallest and the largest size at which a keypoint is expected, as a share. chosen.
    size_tolerance: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class GeometryOptions:
    """How a transform is estimated from matches, and which transforms are accepted (geometry.py)."""

    #: RANSAC's tolerance, in frame pixels of the reference. chosen: 0.6 % of a frame of 640 pixels.
    reprojection_error: float = 4.0
    #: Maximum number of RANSAC's iterations. chosen.
    ransac_iterations: int = 2000
    #: Maximum number of pairs that are passed to RANSAC. chosen: it takes some 30 ms where nothing agrees.
    ransac_pairs: int = 5_000
    #: Probability at which RANSAC stops, 0 to 1. chosen.
    ransac_confidence: float = 0.999
    #: Minimum number of distinct inliers. chosen: crops of nearly empty pages have no more. Transforms by
    #: chance pass at 5 (at 8, 9 of 18,240 pairs of pages do); the content under the transform and the low
    #: weight of so few inliers reject them.
    minimum_inliers: int = 5
    #: Minimum number of distinct inliers of a homography, which fits chance pairs more easily: with six
    #: inliers, 0.36 % of the pairs were false. chosen.
    minimum_inliers_homography: int = 14
    #: Minimum share of the keypoints in the overlap that a transform explains, 0 to 1. measured (2026-11): of
    #: 1,490 transforms between pages of one site, a quarter explain less; of 1,429 edited screenshots, none
    #: does under whose transform more than 30 % of the content agrees (and none explains less than 0.1).
    minimum_explained: float = 0.04
    #: Side, in frame pixels, of the cells in which inliers are counted once: one letter found on three scales
    #: is one inlier. chosen.
    cell: float = 8.0
    #: Maximum rotation of a pair of keypoints that may vote, in degrees. chosen: the same letter elsewhere on
    #: a page is within it.
    vote_angle: float = 15.0
    #: Number of cells per octave of size. spec: the levels of features/local.py.
    vote_steps: int = 3
    #: Side of a cell of translations, in frame pixels. chosen: half a frame moves by about that between two
    #: levels.
    vote_cell: float = 48.0
    #: Number of cells, the fullest first, that are passed to RANSAC. chosen.
    vote_tries: int = 3
    #: Maximum distance between the corners of two equal transforms, as a share of the larger of the reference
    #: and the transformed query. chosen: three pixels of a thumbnail.
    same_transform: float = 0.01
    #: Maximum ratio of a transform's singular values. measured (2026-11): squashed pages pass, transforms by
    #: chance do not.
    maximum_stretch: float = 2.5
    #: Maximum enlargement, and inverse of the maximum reduction. chosen: the pyramid of keypoints ends
    #: before.
    maximum_scale: float = 12.0
    #: How an estimated transform is refined.
    registration: RegistrationOptions = RegistrationOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOptions:
    """How two aligned pictures are compared block by block (blocks.py)."""

    #: Side of a block, in thumbnail pixels. measured: see agreement.py.
    side: int = 16
    #: Number of rows of blocks that are compared at a time. chosen: 2,048 pixels, some 20 MB.
    rows: int = 128
    #: Sigma of the Gaussian blur before comparing, in pixels; it forgives half a pixel of misregistration.
    #: measured: 1.6 finds as much and separates text less well.
    blur: float = 1.2
    #: Minimum correlation of agreeing blocks, -1 to 1. measured: see agreement.py.
    minimum_correlation: float = 0.6
    #: Standard deviation above which a block is textured, in grey levels after the blur. chosen.
    texture: float = 4.0
    #: Standard deviation above which a block without its row and column means is textured, in grey levels.
    #: measured: see `blocks.compare_blocks`.
    residual_texture: float = 3.0
    #: Minimum correlation of agreeing blocks without their row and column means. measured: see
    #: `blocks.compare_blocks`.
    residual_correlation: float = 0.4
    #: Minimum share of a block's pixels inside the overlap without its rim, 0 to 1: text at the edge counts.
    #: chosen.
    minimum_inside: float = 0.75
    #: Maximum height of the band that is left out, in per cent of the overlap. measured: see
    #: `blocks._outside_band`.
    maximum_band: int = 25
    #: Maximum area of the rectangle that is left out, as a share of the overlap, 0 to 1. measured: see
    #: `blocks._outside_rectangle`.
    maximum_rectangle: float = 0.4
    #: Minimum share of agreeing blocks outside a rectangle that holds all that differs, 0 to 1. chosen: one
    #: block in twelve may fail.
    rectangle_agreement: float = 0.92
    #: Maximum number of rows and of columns into which blocks are grouped to search for the rectangle.
    #: chosen: about the rows of a screenshot.
    rectangle_cells: int = 12
    #: Minimum divisor of the shares outside a band or a rectangle and of the share of blocks textured in
    #: both. measured: see `blocks._outside_band`.
    minimum_blocks: int = 6
    #: Minimum divisor of the share of the emptier picture's blocks, so that one line of text never counts as
    #: a whole page. chosen.
    minimum_emptier_blocks: int = 12
    #: Shortest side of an overlap, in pixels; a narrower one is enlarged. chosen: two blocks.
    minimum_side: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeOptions:
    """How the edges of two aligned pictures are compared (edges.py)."""

    #: Minimum length of Sobel's gradient on an edge. chosen: three grey levels per pixel.
    minimum_gradient: float = 12.0
    #: Minimum cosine of the angle between two equal edges. chosen: 32 degrees.
    minimum_cosine: float = 0.85
    #: Minimum strength of the other picture's edge, as a share of this one's. chosen: a watermark of a third
    #: leaves two thirds.
    minimum_strength: float = 0.35
    #: Minimum divisor of the share, in pixels on edges, so that a short line never counts as a whole page.
    #: chosen.
    minimum_pixels: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementOptions:
    """How content agreement under a transform is measured (agreement.py)."""

    #: Pixels at the edge of the overlap that are not compared. chosen: a transform is off by a pixel there,
    #: and thumbnails mix neighbouring pixels.
    rim: int = 2
    #: Minimum side of the overlap, in thumbnail pixels. chosen.
    minimum_overlap: int = 4
    #: Maximum ratio of the overlap's sides. chosen: a strip of a pixel is enlarged to two blocks, and work
    #: grows with its length.
    maximum_aspect: int = 1_024
    #: Ratio of the two resolutions above which the finer picture is blurred before it is sampled. chosen.
    antialias_scale: float = 1.2
    #: Sigma of that blur, in steps of the coarser grid. chosen: about half a step.
    antialias_sigma: float = 0.45
    #: How aligned blocks are compared.
    blocks: BlockOptions = BlockOptions()
    #: How aligned edges are compared.
    edges: EdgeOptions = EdgeOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceOptions:
    """How regions that differ are found (differences.py). What is *measured* was chosen by 18 kinds of
    templates and 19 pictures; tests/benchmarks/README.md, section "Other fillings of a template", reports
    other kinds.
    """

    #: Sizes of the thumbnails at which differences are looked for; the one that shows most counts. measured:
    #: the modules of a code and large digits are larger than a block of the whole thumbnail.
    scales: tuple[float, ...] = (1.0, 0.5)
    #: Maximum number of pixels of a thumbnail; larger ones are reduced. chosen: seven screenshots, 0.4 s.
    maximum_pixels: int = 1_000_000
    #: Number of rows of blocks that are compared at a time. chosen: some 50 MB.
    rows: int = 128
    #: Side of a block, in pixels of the finer thumbnail. measured: blocks of 8 separate better than
    #: of 12.
    side: int = 8
    #: Minimum side of the overlap in blocks. chosen.
    minimum_blocks: int = 3
    #: Pixels at the edge of the overlap that are not compared. chosen: as `AgreementOptions.rim`, and one for
    #: the search of a pixel.
    rim: int = 3
    #: Sigma of the blur of both pictures, in pixels. measured.
    blur: float = 0.6
    #: Sigma of a blur that replaces averaging, in steps of the coarser grid. chosen: half a step.
    antialias_sigma: float = 0.5
    #: Minimum and maximum factor between the contrasts of the two. chosen.
    gain: tuple[float, float] = (0.25, 4.0)
    #: Ratio of the mean absolute Laplacians above which one picture is sharper. chosen.
    sharper: float = 1.25
    #: Sigma by which the sharper one is blurred at a time, in pixels. chosen.
    softening: float = 0.7
    #: Maximum number of times that it is blurred. chosen.
    sharpness_rounds: int = 4
    #: Side of the tiles by which the alignment is refined, in pixels. chosen: some words.
    tile: int = 48
    #: Maximum distance at which a tile is looked for, in pixels. chosen: the error that RANSAC tolerates.
    reach: int = 4
    #: Maximum number of tiles. chosen: 5 ms.
    maximum_tiles: int = 96
    #: Minimum number of tiles that are found again. chosen: three determine the transform.
    minimum_tiles: int = 6
    #: Minimum standard deviation of a tile in grey levels. chosen.
    tile_texture: float = 6.0
    #: Minimum correlation of a tile that is found again. chosen.
    tile_correlation: float = 0.6
    #: Distance from the fitted transform below which a tile is never left out, in pixels. chosen.
    tile_tolerance: float = 0.5
    #: Number of times that the transform is fitted, without the tiles that are far from it. chosen.
    fitting_rounds: int = 3
    #: Minimum share of a block's pixels inside the overlap without its rim, 0 to 1. chosen.
    minimum_inside: float = 0.95
    #: Standard deviation above which a block without its row and column means is textured, in grey levels.
    #: measured.
    texture: float = 9.0
    #: Correlation below which two blocks are unlike, -1 to 1. measured.
    maximum_correlation: float = 0.45
    #: Share of the structure of the weaker side that the other has, too, below which none holds the other, 0
    #: to 1. measured.
    maximum_held: float = 0.8
    #: Correlation from which two blocks agree, -1 to 1. chosen: as `BlockOptions.minimum_correlation`.
    agreeing_correlation: float = 0.6
    #: Difference of the grounds from which something covers a block, in grey levels. measured.
    other_ground: float = 28.0
    #: Standard deviation of the grounds below which no tone curve is fitted, in grey levels. chosen.
    flat: float = 3.0
    #: Minimum number of blocks of a region. measured (2026-12, 143 edited captures): five have single blocks,
    #: and pages of one application that differ in two digits have two.
    minimum_region: int = 1
    #: Ratio of the two textures from which a region was drawn on one picture. measured: letters of a value
    #: have the same strokes in both.
    maximum_ratio: float = 1.8
    #: Maximum area of a cover, as a share of the overlap, 0 to 1. measured.
    cover_area: float = 0.35
    #: Maximum share of agreeing blocks in a cover, 0 to 1. measured.
    cover_agreement: float = 0.25
    #: Maximum number of regions that are listed. spec: the contract of hits.
    maximum_listed: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CascadeOptions:
    """When the cascade aligns whole pictures, matches keypoints, and stops (verify.py)."""

    #: Maximum distance of the PDQ hashes, in bits, at which the whole pictures are aligned. measured: edits
    #: of whole screenshots reach 47 and a few 60; aligning costs 1 ms, so the radius is wide.
    whole_radius: int = 64
    #: The same for pictures with few keypoints, which have no other evidence, in bits. chosen: different
    #: pictures are 128 bits apart, give or take 16.
    whole_radius_low_texture: int = 84
    #: Maximum distance of the hashes of two frames at which they count as the same, in bits. measured
    #: (tests/benchmarks/frames.py and 9 other animations): the same frame has at most 32, different ones 90
    #: and more.
    frame_radius: int = 40
    #: The same beyond the distance of the two frames that were judged, in bits: an edit of all frames moves
    #: all hashes. chosen: half of `frame_radius`.
    frame_slack: int = 20
    #: Content agreement of the whole pictures from which keypoints are not matched, 0 to 1; of the first
    #: transform, from which no other is tried. chosen: two pages of one template stay below 0.8.
    sure_agreement: float = 0.9
    #: Minimum number of compared blocks for `sure_agreement` of the whole pictures. chosen.
    sure_blocks: int = 12
    #: Minimum share of contained edges for `sure_agreement` of the whole pictures, 0 to 1: below it another
    #: transform may fit better, as for captures of one page in two widths. chosen.
    sure_edges: float = 0.8
    #: Number of keypoints below which a picture rests on its comparison as a whole. measured (2026-11): one
    #: photograph in ten has fewer than 50.
    low_texture: int = 40
    #: Minimum gain of a transform over aligning the whole pictures, in the unit of
    #: `Alignment.merit`. chosen: half a block in ten is noise.
    minimum_gain: float = 0.05
    #: Share of the keypoints explained by an upright transform from which ambiguous matches do not vote, 0 to
    #: 1. measured (2026-11): transforms by chance explain less.
    certain_explained: float = 0.15
    #: Minimum ratio of a homography's inliers to the affine transform's. measured (2026-11, 40 pages seen at
    #: an angle): content agrees in 91, 97 and 100 % of the blocks (tenth, quarter, median) at 0.95 and at
    #: 0.8, in 64, 84 and 92 % at 1.15, because guided matching gives an affine transform as many inliers.
    homography_inlier_ratio: float = 0.95
    #: Number of blocks at which agreement counts half when two transforms are compared. chosen.
    few_blocks: int = 6
    #: Content agreement from which no other transform is tried after the first, for which it is
    #: `sure_agreement`, 0 to 1: an affine transform of a picture seen at an angle agrees in a part of it.
    #: chosen: what the decision calls agreement.
    convincing_agreement: float = 0.6
    #: Work on one pair, in comparisons of keypoints (deadline.py), after which no further transform is tried.
    #: chosen: 0.5 s; pages of five bands stay below.
    maximum_work: int = 50_000_000
    #: Minimum share of the reference that an inset of the query shows, 0 to 1. chosen: an inset is there to
    #: find the reference itself, not a part that both show.
    inset_coverage: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlaceOptions:
    """When codes of two pictures are in the same place (codes.py)."""

    #: Minimum area that the two share over the area of both, 0 to 1. chosen: an alignment that is off by a
    #: tenth of a code's side has 0.67.
    same_place: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectPlaceOptions:
    """How an object is laid over a place in a page (objects.py)."""

    #: Maximum longer side at which the two are compared, in pixels. chosen: larger ones show no more.
    longest: int = 56
    #: Number of steps in which the object is moved. chosen.
    steps: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationOptions:
    """All options of verification."""

    #: When which step is taken.
    cascade: CascadeOptions = CascadeOptions()
    #: How descriptors are matched.
    matching: MatchingOptions = MatchingOptions()
    #: How transforms are estimated.
    geometry: GeometryOptions = GeometryOptions()
    #: How content is compared under a transform.
    agreement: AgreementOptions = AgreementOptions()
    #: How regions that differ are found.
    differences: DifferenceOptions = DifferenceOptions()
    #: Designs of pages.
    likeness: LikenessOptions = LIKENESS
    #: When codes are in the same place.
    codes: CodePlaceOptions = CodePlaceOptions()
    #: Objects in pages.
    objects: ObjectPlaceOptions = ObjectPlaceOptions()


#: The options of this version.
DEFAULTS = VerificationOptions()
