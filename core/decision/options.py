"""The options of the decision: every number beside the calibration that turns evidence into a verdict.

Takes nothing and computes nothing. A calibration is valid only for the options that it was fitted with, so
their digest is part of its id (see core/options.py). `DEFAULTS` is what this version ships with.

Every default is labelled *measured* (with what was found) or *chosen*.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictorOptions:
    """How evidence becomes the values that a calibration weighs (predictors.py)."""

    #: Coverage of both pictures from which the agreement of the emptier one counts, 0 to 1. measured: with
    #: the band of verification/blocks.py.
    emptier_coverage: float = 0.8
    #: Agreeing blocks added to those of every pair, so that a share of few blocks carries little weight.
    #: chosen: after Laplace's rule of succession.
    prior_agreeing: float = 1.0
    #: Blocks added to those of every pair, of which `prior_agreeing` agree. chosen: as `prior_agreeing`.
    prior_blocks: float = 4.0
    #: Inliers added to a pair's and to its rival's before they are compared, so that a few inliers without a
    #: rival carry little weight. measured (2026-11, fitting part, sites left out in two folds): 0, 20 and 40
    #: find as many edited screenshots (96.6 %), with 2.7, 1.9 and 1.9 % of unrelated queries in review.
    prior_inliers: float = 40.0
    #: Minimum number of small blocks whose agreement counts by itself. chosen: a quarter of an ordinary page.
    fine_blocks: int = 60
    #: Minimum coverage of one of the two, 0 to 1. measured (2026-12): pages of one site share a footer to the
    #: last pixel. chosen: as `VerdictOptions.held_coverage`.
    fine_coverage: float = 0.8
    #: Share of a pair's inliers below which a rival's leave that agreement its weight, 0 to 1. chosen: as
    #: `VerdictOptions.notable_rival`.
    fine_rival: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacedOptions:
    """When what was replaced in a picture makes it another one (decide.py)."""

    #: Minimum number of replaced regions. measured: see `VerdictOptions.filling`, as all of these.
    regions: int
    #: Minimum number of their blocks beside those of the largest. measured: as `regions`.
    blocks: int
    #: Minimum share of the textured blocks that they take, 0 to 1. measured: as `regions`.
    share: float
    #: Minimum share of the small blocks that do not agree which they explain, 0 to 1: a cover or what is
    #: written on a picture replaces a little, too. measured: as `regions`.
    explained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldObjectOptions:
    """When an object of a baseline stands in a picture (decide.py)."""

    #: Weight of the lead beside the agreement. measured (2026-12, fitting half of benchmarks/objects.py, 397
    #: pages): with two false ones, 0.5, 0.75 and 1 find 87.0, 87.6 and 88.2 % of logos of 48 pixels.
    lead: float = 1.0
    #: Agreement and weighted lead, rising, and the probability that the object stands there. measured (as
    #: above): of what agrees to 0.94 or so, 16 of 18 are right, above it nearly all. chosen: lower, because
    #: there are more logos of one style than were asked for.
    curve: tuple[tuple[float, float], ...] = ((0.85, 0.0), (0.96, 0.5), (1.05, 0.8), (1.2, 0.95))
    #: Minimum probability of a review. measured: as `curve`.
    minimum: float = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictOptions:
    """How a verdict is reached and worded (decide.py, sentence.py)."""

    #: Confidence of equal pixels, and the maximum of any other evidence: chance, a bug or a broken disk
    #: remain. chosen.
    certain: float = 1 - 1e-9
    #: Coverage from which a picture counts as held by the other, except for its edges, 0 to 1. chosen: as
    #: `whole` in the shipped calibration.
    held_coverage: float = 0.8
    #: Minimum content agreement of a pair of which ambiguity and common regions leave a review, if one holds
    #: the other, 0 to 1. chosen: below it a part is all that is the same, such as a banner on an empty page.
    held_agreement: float = 0.5
    #: Maximum PDQ distance at which the sentence names the query's orientation, in bits. chosen: as
    #: `CascadeOptions.whole_radius`.
    oriented_bits: int = 64
    #: Share of a pair's inliers from which its rival is a reason and is named in the sentence, 0 to 1.
    #: chosen: below it a copy plainly stands out.
    notable_rival: float = 0.5
    #: Inliers of a pair over those of its twin up to which the twin agrees as well. measured (2026-12,
    #: fitting part, queries with two such candidates): one of ten right pictures has less beside a wrong one,
    #: and one of five wrong ones beside another.
    twin_lead: float = 1.03
    #: Maximum confidence of a pair that has a twin, 0 to 1. chosen: at most one of the two is right.
    one_of_two: float = 0.5

    #: Likeness below which a page of a baseline is that of another brand, where too little agrees for a
    #: match, 0 to 1. chosen: far below that of the same colours alone; otherwise, pages of two brands in one
    #: layout are a review.
    other_brand: float = 0.05
    #: Minimum weight of an emblem in common that the sentence names, 0 to 1. chosen.
    notable_emblem: float = 0.3
    #: Agreement of palettes from which the sentence says that some colours are the same, 0 to 1. chosen.
    similar_colours: float = 0.5
    #: The same from which it says that the colours are the same, 0 to 1. chosen.
    same_colours: float = 0.85
    #: When two pictures are other fillings of one template. measured (2026-12): told are 213 of 256 other
    #: fillings of 12 kinds, and none of 310 edited pages; 2 of 508 edited captures have as many regions, both
    #: covered (tests/benchmarks/README.md, section "Other fillings of a template").
    filling: ReplacedOptions = ReplacedOptions(regions=2, blocks=1, share=0.015, explained=0.2)
    #: When a person decides whether two pictures are the same. measured (2026-12, fitting part, 2,462 edited
    #: pictures that would be a match): takes 0.3 % of them, with 0.15 instead of 0.2 1.4 %, with 0.1 3.1 %,
    #: with a share of 0.005 0.9 %; a sign-in page with another name explains 0.22 of what does not agree.
    altered: ReplacedOptions = ReplacedOptions(regions=1, blocks=0, share=0.01, explained=0.2)
    #: Share of the textured blocks from which a person decides about a single region, 0 to 1. measured: as
    #: `filling`.
    region_share: float = 0.25
    #: Area of the rectangle that holds all that differs from which a person decides, as a share of the
    #: overlap, 0 to 1, where little in it agrees: two things on one ground are not told from one under a
    #: window. measured (2026-12, fitting part): with `covered_share` it takes 49 of 2,509 edited pictures
    #: that would be a match, and 14 of the 48 different ones with a probability of 0.3 and more; from 0.4 on
    #: 41 and 9.
    covered_area: float = 0.35
    #: Minimum share of that area that does not agree, 0 to 1. measured: as `covered_area`.
    covered_share: float = 0.7
    #: Minimum number of textured blocks of a part, or else of inliers. measured (2026-12, development
    #: pictures): of the parts with fewer blocks that were a review, none of 9 was right; a letter is found in
    #: every page of text, with 6 blocks and 19 to 50 inliers. A sparse page in a page of text has 5 and 92.
    part_blocks: int = 8
    #: The inliers of these. measured: see `part_blocks`.
    part_inliers: int = 60
    #: Share of a picture from which a code in the same place that says something else makes it another one, 0
    #: to 1. chosen: such a picture is about its code; a smaller one, as on a page, is a difference.
    code_share: float = 0.25
    #: When an object of a baseline stands in a picture.
    held_object: HeldObjectOptions = HeldObjectOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOptions:
    """All options of the decision."""

    #: What a calibration weighs.
    predictors: PredictorOptions = PredictorOptions()
    #: What follows from it.
    verdict: VerdictOptions = VerdictOptions()


#: The options of this version.
DEFAULTS = DecisionOptions()
