"""What of the evidence bears weight: the predictors that a calibration has curves over, one table.

Takes `Evidence`, gives a number for each predictor, None where it was not measured. A predictor is a field of the
evidence, or a few of them made one number where only together they say something: a share of three blocks is
not worth the same share of a hundred. The table also says which way a curve must go and where it may bend;
how steep it is, the calibration file says. Without this bound a fit would learn from a few odd pairs that
better evidence is worse, and nobody could explain an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from ..records import Configuration, Evidence

#: Coverage of both pictures from which content beside a banner counts. measured: with the band, see
#: content.py.
KEPT_COVERS = 0.8
#: Blocks, and how many of them agree, that every share is mixed with, so that few blocks say little. chosen:
#: after Laplace's rule of succession.
DOUBT_AGREEING, DOUBT_BLOCKS = 1.0, 4.0

#: Inliers that a pair and its rival are given besides, so that few inliers that stand alone say little.
#: measured (2026-11, fitting part, sites left out in two folds): 0, 20 and 40 find as many edited screenshots
#: (96.6 %), with 2.7, 1.9 and 1.9 % of strangers in review.
DOUBT_INLIERS = 40.0


@dataclass(frozen=True, slots=True)
class Predictor:
    #: As in the calibration file.
    name: str
    #: Traits of one family are measured together, or none of them is.
    family: str
    #: Whether more of it speaks for the same source picture (else less of it does).
    rises: bool
    #: Values at which a fitted curve may bend, rising; flat beyond the first and the last. chosen: between
    #: quantiles of the development pictures.
    knots: tuple[float, ...]
    measure: Callable[[Evidence], float | None]


def _pdq_bits(evidence: Evidence) -> float | None:
    return None if evidence.pdq_bits is None else float(evidence.pdq_bits)


def _inliers(evidence: Evidence) -> float | None:
    return _of_keypoints(evidence.inliers, evidence)


def _explained(evidence: Evidence) -> float | None:
    return _of_keypoints(evidence.explained, evidence)


def _rivalled(evidence: Evidence) -> float | None:
    """Inliers of the best rival over the pair's own: a copy stands alone, pages of one template agree as one."""
    own = _inliers(evidence)
    return (
        None
        if evidence.rival_inliers is None or own is None
        else (evidence.rival_inliers + DOUBT_INLIERS) / (own + DOUBT_INLIERS)
    )


def _of_keypoints(value: float | None, evidence: Evidence) -> float | None:
    if evidence.inliers is None and evidence.configuration is Configuration.WHOLE:
        return inf  # not asked for, because the whole pictures agree: worth as much as any number of inliers
    return None if value is None else float(value)


def _covered(evidence: Evidence) -> float | None:
    """The larger of the two coverages: 1 when one picture holds the other, as most edits leave it."""
    sides = [side for side in (evidence.covered_query, evidence.covered_reference) if side is not None]
    return max(sides) if sides else None


def _agreement(evidence: Evidence) -> float | None:
    return _doubted(evidence.content_agreement, evidence)


def _kept(evidence: Evidence) -> float | None:
    """Where both pictures are covered, agreement of the emptier picture's content or of that beside a band,
    else the plain one.
    """
    both = min(evidence.covered_query or 0.0, evidence.covered_reference or 0.0) >= KEPT_COVERS
    kept = (
        evidence.agreement_of_emptier
        if both and evidence.agreement_of_emptier is not None
        else evidence.content_agreement
    )
    return _doubted(kept, evidence)


def _both(evidence: Evidence) -> float | None:
    both = evidence.agreement_both_textured
    return _doubted(evidence.content_agreement if both is None else both, evidence)


def _beside(evidence: Evidence) -> float | None:
    beside = evidence.agreement_outside_rectangle
    return _doubted(evidence.content_agreement if beside is None else beside, evidence)


def _hole(evidence: Evidence) -> float | None:
    """Verdicts stored before it was measured have none: as where there is no such rectangle."""
    return (
        None
        if evidence.blocks_compared is None
        else 1.0
        if evidence.differing_rectangle is None
        else evidence.differing_rectangle
    )


def _contained(evidence: Evidence) -> float | None:
    contained = evidence.edges_contained
    return _doubted(evidence.content_agreement if contained is None else contained, evidence)


def _correlation(evidence: Evidence) -> float | None:
    return 0.0 if evidence.blocks_compared == 0 else evidence.block_correlation


def _blocks(evidence: Evidence) -> float | None:
    return None if evidence.blocks_compared is None else float(evidence.blocks_compared)


def _disagreeing(evidence: Evidence) -> float | None:
    """Blocks that show something else: of two pages of one template often only a few do, of a copy none."""
    share = evidence.content_agreement
    if evidence.blocks_compared is None or (share is None and evidence.blocks_compared):
        return None
    return (1 - (share or 0.0)) * evidence.blocks_compared


def _doubted(share: float | None, evidence: Evidence) -> float | None:
    blocks = evidence.blocks_compared
    if blocks is None or (share is None and blocks):
        return None
    return ((share or 0.0) * blocks + DOUBT_AGREEING) / (blocks + DOUBT_BLOCKS)


PREDICTORS = (
    Predictor("pdq_bits", "hashes", False, (0, 4, 8, 16, 31, 47, 64, 90, 110), _pdq_bits),
    Predictor("inliers", "keypoints", True, (4, 8, 12, 20, 40, 80, 160), _inliers),
    Predictor("explained", "keypoints", True, (0.03, 0.06, 0.1, 0.15, 0.25, 0.4, 0.6, 0.8), _explained),
    Predictor("rival_share", "rivals", False, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.3), _rivalled),
    Predictor("coverage", "map", True, (0.2, 0.4, 0.6, 0.8, 0.95), _covered),
    Predictor("content_agreement", "content", True, (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95), _agreement),
    Predictor("agreement_of_emptier", "content", True, (0.2, 0.4, 0.6, 0.8, 0.9, 0.97), _kept),
    Predictor("agreement_both_textured", "content", True, (0.1, 0.3, 0.5, 0.7, 0.85, 0.95), _both),
    Predictor("agreement_outside_rectangle", "content", True, (0.2, 0.4, 0.6, 0.8, 0.9, 0.97), _beside),
    Predictor("differing_rectangle", "content", False, (0.0, 0.05, 0.1, 0.2, 0.3, 0.45, 0.7), _hole),
    Predictor("edges_contained", "content", True, (0.3, 0.5, 0.65, 0.75, 0.85, 0.92, 0.97), _contained),
    Predictor(
        "block_correlation", "content", True, (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.98, 1.0), _correlation
    ),
    Predictor("blocks_disagreeing", "content", False, (0, 0.5, 1.5, 4, 8, 16, 40, 100), _disagreeing),
    Predictor("blocks_compared", "content", True, (0, 6, 12, 25, 50, 100, 200, 350), _blocks),
)
PREDICTOR_BY_NAME = {predictor.name: predictor for predictor in PREDICTORS}
