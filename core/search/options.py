"""The options of the search: which images become candidates, how many are verified, their context.

Takes nothing and computes nothing. A calibration is valid only for the options that it was fitted with, so
their digest is part of its id (see core/options.py). `DEFAULTS` is what this version ships with.

Every default is labelled *spec* (a cited source), *measured* (with what was found) or *chosen*.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateOptions:
    """Which images are worth verifying (candidates.py)."""

    #: Maximum PDQ distance of a candidate, in bits. measured (2026-11): 31, the specification's radius, finds
    #: 96 % of whole-picture edits of screenshots; 47 is the widest that two flipped bits in each of 16 slots
    #: answer exactly, and verification rejects what it adds.
    pdq_radius: int = 47
    #: Maximum number of images taken by hash, in each orientation, before they are grouped by cluster.
    #: chosen: beyond it the cost of 10,000 clones grew with their number; a picture with so many nearer
    #: images is left to its visual words.
    maximum_near: int = 4_000
    #: Maximum number of candidates by hash. chosen: verification stops earlier where the nearest show
    #: nothing.
    by_hash: int = 32
    #: Maximum number of candidates by visual words. measured (2026-11, 6,511 images, 348 hard queries): the
    #: correct match is among the first 8 in 90.2 %, 24 in 92.2 %, 50 in 92.8 %.
    by_words: int = 24
    #: Maximum number of candidates by visual words of an inset, of the mirrored and of the inverted query.
    #: chosen: such parts are rare.
    by_words_of_other_views: int = 3
    #: First and last rank of the candidates by visual words whose mean vote is taken for noise. chosen: the
    #: correct ones come before, and most indexes have so many.
    noise_ranks: tuple[int, int] = (60, 200)
    #: Minimum votes of a candidate by visual words, as a multiple of the noise. measured (2026-11, 6,511
    #: images, 164 hard queries and 120 pages without an answer): of the first 8, 8.0, 7.8, 6.5 and 6.1 are
    #: verified for a query without an answer at 1.6, 2, 3 and 4; correct matches among the first 24: 98.2,
    #: 98.2, 97.6, 96.3 %.
    above_noise: float = 2.0
    #: `above_noise` for insets, the mirrored and the inverted query. chosen: such parts are rarer.
    above_noise_of_other_views: float = 3.0
    #: Votes that are enough whatever the noise is, in keypoints that no other image has. measured (as above):
    #: 1.0 and 1.5 are alike; where clones lie at the noise ranks, their votes are not noise.
    sufficient_votes: float = 1.5
    #: Maximum number of images taken by visual words before they are grouped by cluster. chosen: a cluster of
    #: that many clones hides no other picture.
    maximum_sharing: int = 2_000
    #: Number of images whose votes are counted again by arrangement, for the levels between the usual ones.
    #: measured (as `LocalOptions.between`): 1,000 find 70.0 %, 300 find 69.1, 150 find 68.3, in 20, 11, 9 ms.
    arranged_between: int = 300
    #: Maximum number of candidates of one cluster. chosen: the second serves when the first is a bad capture.
    per_cluster: int = 2
    #: Number of images whose clusters are looked up in one round trip. chosen.
    batch: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortOptions:
    """How many candidates are verified (verified.py)."""

    #: Work of one search, in comparisons of keypoints (deadline.py), after which the rest is left out and the
    #: answer is not complete. chosen: 2 s; a screenshot that agrees with all of its candidates takes half.
    maximum_work: int = 200_000_000
    #: Work on what other candidates say about pairs, which is left even where all of `maximum_work` was done:
    #: without it, pages of one template would match. chosen: 1 s.
    context_work: int = 100_000_000
    #: Work on the differences of pairs that could be a match, the best candidates first; later pairs are
    #: judged without. chosen: 1 s, some twenty screenshots or three of the longest pages.
    closer_work: int = 100_000_000
    #: Probability from which the small blocks of a pair are compared, 0 to 1: by them a copy under a window
    #: is told from another page. chosen: far below the least review.
    closer_probability: float = 0.004
    #: Number of candidate records read in one round trip. chosen: about 300 KB; often the first few settle
    #: the query.
    batch: int = 8
    #: Number of candidates of one source in a row that share no more with the query than a template, after
    #: which the rest of that source is left out. measured (2026-11, 6,511 images, 348 hard queries): of the
    #: correct matches 89.7 % are reached, without a limit 90.8 %; of 24 candidates of a page without an
    #: answer 6.5 are verified, without a limit 16.7, most of them pages of the same template.
    patience: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RivalOptions:
    """Which other pictures compete for the same part of the query (context/rivals.py)."""

    #: Maximum PDQ distance of two captures of one picture, in bits. spec: PDQ's own radius. measured (see
    #: rivals.py): 60 and 90 bits find 1 to 3 points less.
    same_picture_bits: int = 31
    #: Minimum number of images searched for rivals to count: a small store knows one page of most sites.
    #: chosen.
    minimum_images: int = 1_000
    #: Minimum share of agreeing blocks of two captures of one picture, 0 to 1. measured: see agreement.py; of
    #: pages of one site fewer than one in a thousand agree in more.
    same_content: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinOptions:
    """Which other pictures are looked at as twins of a match (context/twins.py)."""

    #: Share of a pair's inliers from which another picture is compared with its reference, 0 to 1. chosen:
    #: beyond it the pair stands alone, whatever `VerdictOptions.twin_lead` says.
    notable: float = 0.9
    #: Maximum number of pictures that are compared with one reference. chosen: each takes as long as the
    #: small blocks of a pair; of all together `EffortOptions.closer_work` is the bound.
    maximum: int = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbiguityOptions:
    """When a query agrees with too many different pictures (context/ambiguity.py)."""

    #: Number of different pictures that make a query ambiguous. measured: see ambiguity.py; 6 and 8 take the
    #: same number of matches from pages of one site.
    pictures: int = 8
    #: Probability from which a candidate counts, 0 to 1. chosen.
    minimum_probability: float = 0.1
    #: Probability from which a candidate is beyond doubt, 0 to 1. chosen: above it lie copies that differ in
    #: a number, such as that of a session.
    sure_probability: float = 0.97
    #: Log odds by which a candidate that stands out leads the last that makes the query ambiguous. measured:
    #: 1 and 3 are alike.
    lead: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonRegionOptions:
    """When a shared part is too common to be evidence (context/common_regions.py)."""

    #: Minimum number of different pictures that show a common region. chosen: a person may well want to see
    #: a dozen pages that share a part.
    minimum_pictures: int = 20
    #: Minimum share of all pictures that show it, 0 to 1. chosen: below the share from which a visual word
    #: is a stop word.
    minimum_share: float = 0.02
    #: Number of pictures that is always enough. chosen: nobody reads an answer of 500 different pictures.
    sufficient_pictures: int = 500
    #: Minimum votes of an image that may show the part, as a share of the most votes. measured: where 80
    #: pages show one banner, half of them have more, and the fewest 0.08, because each index row has room for
    #: some visual words only; whether an image does show the part is verified.
    minimum_votes: float = 0.2
    #: Multiple of the necessary number for which the index is asked, so that clones do not hide others.
    #: chosen.
    oversampling: int = 4
    #: Number of these pictures that are verified, in pairs against each other too. chosen: about 50 ms for a
    #: common region; where there is none, the two least likely end the search.
    sample: int = 5
    #: Number of sampled pictures that may not show the part. chosen.
    tolerated_misses: int = 1
    #: Share of the sampled pictures that must show an inlier for it to belong to the common region, and of
    #: the inliers that must belong to it, 0 to 1. chosen.
    common_share: float = 0.6
    #: Distance within which two points are one keypoint, in unit coordinates. chosen: 6 pixels of a frame of
    #: 640.
    same_keypoint: float = 0.01
    #: Pixels of the query's thumbnail around agreeing content that belong to the common region. chosen: about
    #: half a block.
    margin: int = 10
    #: Content agreement of aligned whole pictures from which the agreement cannot rest on a part, 0 to 1.
    #: chosen.
    whole_agreement: float = 0.75
    #: Minimum number of textured blocks outside the common region for a pair to stand. measured (2026-11):
    #: where a banner is all, none is left; crops of pages of one application, whose frame is a common region,
    #: have 10 to 40 left, which agree in all blocks where the page is the same.
    outside_blocks: int = 3
    #: Minimum agreement of these blocks for a part, 0 to 1. measured: as `outside_blocks`.
    outside_agreement: float = 0.75
    #: The same for whole pictures, of which something may be hidden: of all blocks, those of the emptier
    #: picture, those textured in both, or those outside one rectangle. chosen: a page under a banner agrees
    #: outside it; an empty page with a cookie banner has nothing.
    outside_agreement_of_whole: float = 0.5
    #: Maximum share of a picture's area that is a part and not the page, 0 to 1. chosen: a banner takes 20 %.
    small_area: float = 0.3
    #: Maximum number of parts looked up for one query. chosen: it bounds the time; the others stand.
    maximum_regions: int = 4
    #: Maximum number of keypoints of a part whose visual words are asked for. chosen.
    maximum_keypoints: int = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredRegionOptions:
    """When a pair shares only an ignored picture (context/ignored_regions.py)."""

    #: Maximum number of ignored pictures verified for one query. chosen: 5-10 ms each, and only where
    #: something was accepted.
    maximum_pictures: int = 8
    #: Minimum share of the shared part that lies on an ignored picture, 0 to 1. chosen: transforms are some
    #: pixels off.
    minimum_share: float = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextOptions:
    """What the other candidates say about a pair."""

    #: Pictures that compete for the same part of the query.
    rivals: RivalOptions = RivalOptions()
    #: Pictures that look like a reference and are others.
    twins: TwinOptions = TwinOptions()
    #: Queries that agree with too many pictures.
    ambiguity: AmbiguityOptions = AmbiguityOptions()
    #: Parts that are too common to be evidence.
    common_regions: CommonRegionOptions = CommonRegionOptions()
    #: Parts that show an ignored picture.
    ignored_regions: IgnoredRegionOptions = IgnoredRegionOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSearchOptions:
    """Which objects are laid over which places of the query (objects.py)."""

    #: Maximum difference of the logarithms of width over height. chosen: two pixels of a mark of 20.
    aspect: float = 0.2
    #: Minimum likeness of the descriptors, -1 to 1. measured (2026-12, fitting half of benchmarks/
    #: objects.py): with `lead` all that is found, and 6 pairs a page; 0.72 leaves 16.
    alike: float = 0.76
    #: Minimum lead over the letter or simple shape that is most like the place. measured: as `alike`.
    lead: float = 0.02
    #: Maximum number of pairs of a page, the likeliest first. chosen: four times a usual page.
    maximum_laid: int = 24
    #: Maximum share of the query that an object takes: beyond, the query is a picture of it. chosen.
    largest_share: float = 0.5
    #: Intersection over union of two boxes from which they are one place. chosen.
    same_place: float = 0.4
    #: Difference of likeness below which two objects agree with a place alike. chosen: two drawings of one
    #: logo.
    tie: float = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandOptions:
    """How the pages of a baseline are looked through (brands.py)."""

    #: Maximum number of pages of a baseline, by their ids; the others are found by hashes and visual words
    #: alone. chosen: 100 MB of emblems.
    maximum_pages: int = 4_000
    #: Number of records read in one round trip. chosen.
    batch: int = 64
    #: Seconds for which the labels of a baseline's pages are not read again. chosen: people change them.
    seconds: float = 60.0
    #: Number of baselines that are kept, as seen by queries that leave out some pages. chosen.
    kept: int = 4
    #: Maximum number of pages of the likeliest brand that are candidates. chosen: one is enough, and the
    #: other may be in the same cluster.
    of_brand: int = 2
    #: Minimum likeness of a page that is verified, 0 to 1: where a transform aligns the two, more may speak
    #: for it. chosen: that of the same colours alone.
    least: float = 0.1
    #: Work of one correlation, in the unit of `Timer`. measured (2026-12): 0.1 us.
    work: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """All options of the search."""

    #: Which images become candidates.
    candidates: CandidateOptions = CandidateOptions()
    #: How many of them are verified.
    effort: EffortOptions = EffortOptions()
    #: What the others say about each.
    context: ContextOptions = ContextOptions()
    #: Which objects of a baseline stand in the query.
    objects: ObjectSearchOptions = ObjectSearchOptions()
    #: How brands are found.
    brands: BrandOptions = BrandOptions()


#: The options of this version.
DEFAULTS = SearchOptions()
