"""Makes a whole calibration: curves and thresholds from labelled pairs, or new thresholds for known curves.

Takes `LabelledPair`s and two rates, returns a `Calibration` with its provenance. A fit needs thousands of
pairs. An operator who labels forty pictures gets thresholds for the curves of the calibration in use, whose
tail replaces the one that forty pictures cannot show.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..decision.calibration import Calibration, Provenance
from ..decision.decide import decide_stored
from .confidence import confidence_metrics
from .fit import fit_curves
from .results import LabelledPair
from .thresholds import (
    MIN_BEYOND_OWN,
    QueryBest,
    TargetRates,
    ThresholdChoice,
    ThresholdCounts,
    best_candidates,
    choose_thresholds,
    count_outcomes,
    measure_tails,
)


@dataclass(frozen=True, slots=True)
class NewCalibration:
    """A calibration with the numbers that its report shows."""

    #: The calibration itself.
    calibration: Calibration
    #: Its thresholds, and the rates expected of them.
    choice: ThresholdChoice
    #: The best candidates of each query of the pairs, under this calibration.
    best: list[QueryBest]


def fit_calibration(
    pairs: Sequence[LabelledPair],
    rates: TargetRates,
    *,
    base: Calibration,
    name: str,
    provenance: Provenance,
) -> NewCalibration:
    """Return a calibration with curves, tails and thresholds from these pairs alone.

    What no pair can say (looks-like, which share counts as whole) stays as in `base`. `rates.images` is the
    number of images that were searched. Raises ConfigError when there are too few pairs.
    """
    draft = fit_curves(pairs, base)
    best = best_candidates(pairs, draft)
    draft = replace(draft, tails=measure_tails(best, images=rates.images))
    choice = choose_thresholds(draft.tails, rates)
    return NewCalibration(
        draft.with_thresholds(match=choice.match, review=choice.review, provenance=provenance, name=name),
        choice,
        best,
    )


def adjust_thresholds(
    pairs: Sequence[LabelledPair],
    rates: TargetRates,
    *,
    base: Calibration,
    name: str,
    provenance: Provenance,
) -> NewCalibration:
    """Return `base` with thresholds for these rates, checked against an operator's own pairs.

    Without pairs, the tails of `base` alone decide. Raises ConfigError when the pairs lack queries with an
    answer or without one.
    """
    best = best_candidates(pairs, base)
    own = measure_tails(best, images=0, min_beyond=MIN_BEYOND_OWN) if pairs else None
    worst = max((query.wrong for query in best), default=float("-inf"))
    choice = choose_thresholds(base.tails, rates, own=own, worst=worst)
    return NewCalibration(
        base.with_thresholds(match=choice.match, review=choice.review, provenance=provenance, name=name),
        choice,
        best,
    )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How good a calibration is on pairs to which it was not fitted."""

    #: Number of labelled pairs.
    pairs: int
    #: Expected calibration error, 15 bins.
    error: float
    #: The same for the pairs with a transform: the many pairs that share nothing make `error` look better.
    error_mapped: float
    #: Number of pairs with a confidence of 0.99 or more.
    sure: int
    #: Share of these pairs that show the same picture, 0 to 1.
    sure_right: float
    #: Outcome of the thresholds.
    counted: ThresholdCounts


def measure_held_out(pairs: Sequence[LabelledPair], calibration: Calibration) -> HeldOut:
    """Return the quality of `calibration` on these pairs, whichever calibration judged them before."""
    labelled = [
        (decide_stored(pair.verdict.evidence, calibration).confidence, pair)
        for pair in pairs
        if pair.label is not None
    ]
    all_pairs = confidence_metrics((confidence, bool(pair.label)) for confidence, pair in labelled)
    aligned = confidence_metrics(
        (confidence, bool(pair.label))
        for confidence, pair in labelled
        if pair.verdict.evidence.matrix is not None
    )
    thresholds = calibration.thresholds
    return HeldOut(
        pairs=all_pairs.pairs,
        error=all_pairs.error or 0.0,
        error_mapped=aligned.error or 0.0,
        sure=all_pairs.sure.whole,
        sure_right=1.0 if all_pairs.sure.value is None else all_pairs.sure.value,
        counted=count_outcomes(
            best_candidates(pairs, calibration), match=thresholds.match, review=thresholds.review
        ),
    )
