"""The predictors: what a calibration weighs, in one table.

Takes `Evidence`, returns a number for each predictor, or None where it was not measured. A predictor is a
field of the evidence, or several made into one number where only together they say something: a share of
three blocks is worth less than the same share of a hundred. The table also says in which direction a curve
must go and where it may bend; how steep it is, the calibration says. Without this bound a fit would learn
from a few odd pairs that better evidence is worse, and nobody could explain an answer.

How to add a piece of evidence, with all its places: core/README.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from ..records import Configuration, Evidence
from .options import DEFAULTS, PredictorOptions

#: Value of a predictor for a pair; None where it was not measured.
Measure = Callable[[Evidence, PredictorOptions], float | None]


@dataclass(frozen=True, slots=True)
class Predictor:
    """One quantity that a calibration has a curve for."""

    #: Name in calibration files and contributions.
    name: str
    #: Predictors of one family are measured together, or none of them is.
    family: str
    #: Whether a larger value speaks for the same source picture; else a smaller one does.
    rises: bool
    #: Values at which a fitted curve may bend, rising; it is flat beyond the first and the last. chosen:
    #: between quantiles of the development pictures.
    knots: tuple[float, ...]
    #: Its value for a pair.
    measure: Measure


def measure_all(
    evidence: Evidence, *, options: PredictorOptions = DEFAULTS.predictors
) -> tuple[float | None, ...]:
    """Return the value of each predictor, in the order of PREDICTORS; None where it was not measured."""
    return tuple(predictor.measure(evidence, options) for predictor in PREDICTORS)


def _field(name: str) -> Measure:
    """The field itself."""

    def measure(evidence: Evidence, _: PredictorOptions) -> float | None:
        value = getattr(evidence, name)
        return None if value is None else float(value)

    return measure


def _of_keypoints(name: str) -> Measure:
    """The field; where keypoints were not needed because the whole pictures agree, more than any number."""
    plain = _field(name)

    def measure(evidence: Evidence, options: PredictorOptions) -> float | None:
        if evidence.inliers is None and evidence.configuration is Configuration.WHOLE:
            return inf
        return plain(evidence, options)

    return measure


_inliers = _of_keypoints("inliers")


def _rival_share(evidence: Evidence, options: PredictorOptions) -> float | None:
    """Inliers of the best rival over the pair's own: a copy stands alone, pages of one template do not."""
    own = _inliers(evidence, options)
    if evidence.rival_inliers is None or own is None:
        return None
    return (evidence.rival_inliers + options.prior_inliers) / (own + options.prior_inliers)


def _coverage(evidence: Evidence, _: PredictorOptions) -> float | None:
    """The larger coverage: 1 when one picture holds the other, as after most edits."""
    sides = [side for side in (evidence.covered_query, evidence.covered_reference) if side is not None]
    return max(sides) if sides else None


def _share(name: str) -> Measure:
    """A share of blocks (the content agreement where the field was not measured), mixed with a few blocks
    that are taken to disagree (Laplace's rule of succession).
    """

    def measure(evidence: Evidence, options: PredictorOptions) -> float | None:
        blocks, value = evidence.blocks_compared, getattr(evidence, name)
        share: float | None = evidence.content_agreement if value is None else value
        if blocks is None or (share is None and blocks):
            return None
        return ((share or 0.0) * blocks + options.prior_agreeing) / (blocks + options.prior_blocks)

    return measure


def _of_emptier(evidence: Evidence, options: PredictorOptions) -> float | None:
    """The emptier picture's agreement where both are covered; else the content agreement."""
    covered = min(evidence.covered_query or 0.0, evidence.covered_reference or 0.0)
    name = "agreement_of_emptier" if covered >= options.emptier_coverage else "content_agreement"
    return _share(name)(evidence, options)


def _differing_rectangle(evidence: Evidence, _: PredictorOptions) -> float | None:
    """Area of the rectangle; 1 where there is none."""
    if evidence.blocks_compared is None:
        return None
    return 1.0 if evidence.differing_rectangle is None else evidence.differing_rectangle


def _correlation(evidence: Evidence, _: PredictorOptions) -> float | None:
    return 0.0 if evidence.blocks_compared == 0 else evidence.block_correlation


def _blocks_disagreeing(evidence: Evidence, _: PredictorOptions) -> float | None:
    """Number of blocks that show something else: often a few in pages of one template, none in a copy."""
    share, blocks = evidence.content_agreement, evidence.blocks_compared
    return None if blocks is None or (share is None and blocks) else (1 - (share or 0.0)) * blocks


def _differences(evidence: Evidence, _: PredictorOptions) -> float | None:
    """Number of regions that differ."""
    return None if evidence.differences is None else float(len(evidence.differences))


def _fine_copy(evidence: Evidence, options: PredictorOptions) -> float | None:
    """Agreement of the small blocks, where it is evidence by itself: of enough blocks that show all of one
    picture, of a pair in which nothing differs, and without a rival that shows the same part.
    """
    share, blocks = evidence.fine_agreement, evidence.fine_blocks
    held = (_coverage(evidence, options) or 0.0) >= options.fine_coverage
    if share is None or blocks is None or blocks < options.fine_blocks or evidence.differences or not held:
        return None
    rival = evidence.rival_inliers
    return None if rival and rival >= options.fine_rival * (evidence.inliers or 0) else share


#: The table of predictors.
PREDICTORS = (
    Predictor("pdq_bits", "hashes", False, (0, 4, 8, 16, 31, 47, 64, 90, 110), _field("pdq_bits")),
    Predictor("inliers", "keypoints", True, (4, 8, 12, 20, 40, 80, 160), _inliers),
    Predictor(
        "explained",
        "keypoints",
        True,
        (0.03, 0.06, 0.1, 0.15, 0.25, 0.4, 0.6, 0.8),
        _of_keypoints("explained"),
    ),
    Predictor(
        "rival_share",
        "rivals",
        False,
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.3),
        _rival_share,
    ),
    Predictor("coverage", "transform", True, (0.2, 0.4, 0.6, 0.8, 0.95), _coverage),
    Predictor(
        "content_agreement",
        "content",
        True,
        (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95),
        _share("content_agreement"),
    ),
    Predictor("agreement_of_emptier", "content", True, (0.2, 0.4, 0.6, 0.8, 0.9, 0.97), _of_emptier),
    Predictor(
        "agreement_both_textured",
        "content",
        True,
        (0.1, 0.3, 0.5, 0.7, 0.85, 0.95),
        _share("agreement_both_textured"),
    ),
    Predictor(
        "agreement_outside_rectangle",
        "content",
        True,
        (0.2, 0.4, 0.6, 0.8, 0.9, 0.97),
        _share("agreement_outside_rectangle"),
    ),
    Predictor(
        "differing_rectangle",
        "content",
        False,
        (0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.7),
        _differing_rectangle,
    ),
    Predictor(
        "edges_contained",
        "content",
        True,
        (0.3, 0.5, 0.65, 0.75, 0.85, 0.92, 0.97),
        _share("edges_contained"),
    ),
    Predictor(
        "block_correlation",
        "content",
        True,
        (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0),
        _correlation,
    ),
    Predictor("blocks_disagreeing", "content", False, (0, 0.5, 1.5, 4, 8, 16, 40, 100), _blocks_disagreeing),
    Predictor(
        "blocks_compared",
        "content",
        True,
        (0, 6, 12, 25, 50, 100, 200, 350),
        _field("blocks_compared"),
    ),
    Predictor("fine_blocks", "fine", True, (0, 30, 60, 120, 250, 500, 1000), _field("fine_blocks")),
    Predictor(
        "fine_agreement", "fine", True, (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98), _field("fine_agreement")
    ),
    Predictor(
        "fine_both_textured",
        "fine",
        True,
        (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98),
        _field("fine_both_textured"),
    ),
    Predictor("fine_copy", "fine", True, (0.85, 0.9, 0.94, 0.97, 0.99), _fine_copy),
    Predictor(
        "replaced_share", "fine", False, (0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15), _field("replaced_share")
    ),
    Predictor("differences", "fine", False, (0, 1, 2, 4, 8, 14, 20), _differences),
)
#: The same by name.
PREDICTOR_BY_NAME = {predictor.name: predictor for predictor in PREDICTORS}
