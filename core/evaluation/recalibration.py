"""A whole calibration: curves and thresholds from labelled pairs, or new thresholds for the curves there are.

Takes `LabelledPair`s and two rates, gives a `Calibration` with its provenance. A fit needs thousands of pairs;
an operator who labels forty pictures gets thresholds for the curves of the calibration in use, whose tail
stands in for the one that forty pictures cannot show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..decision.calibration import Calibration, Provenance
from ..decision.decide import decide
from .fit import counts, fit
from .metrics import calibrated
from .results import LabelledPair
from .thresholds import (
    SOLID_OWN,
    QueryBest,
    TargetRates,
    ThresholdChoice,
    ThresholdCounts,
    bests,
    choose,
    count,
    tails,
)


def fitted(
    pairs: Sequence[LabelledPair],
    wanted: TargetRates,
    *,
    base: Calibration,
    name: str,
    provenance: Provenance,
) -> tuple[Calibration, ThresholdChoice, list[QueryBest]]:
    """Curves, tails and thresholds from these pairs alone; what no pair can say (looks-like, which share is
    whole) stays as in `base`.

    The images wanted are those that were searched. Raises ConfigError when there are too few pairs.
    """
    found = fit(pairs)
    draft = replace(base, name=name, models=found.models, without_map=found.without_map)
    best = bests(pairs, draft)
    known = tails(best, images=wanted.images)
    choice = choose(known, wanted)
    made = replace(
        draft,
        provenance=replace(provenance, counts=counts(pairs)),
        thresholds=replace(draft.thresholds, match=choice.match, review=choice.review),
        tails=known,
    )
    return made, choice, best


def with_rates(
    pairs: Sequence[LabelledPair],
    wanted: TargetRates,
    *,
    base: Calibration,
    name: str,
    provenance: Provenance,
) -> tuple[Calibration, ThresholdChoice, list[QueryBest]]:
    """The curves and tails of `base` with thresholds for these rates at so many images, checked against one's
    own pairs.

    Without pairs the tails of `base` alone decide.
    """
    best = bests(pairs, base)
    own = tails(best, images=0, solid=SOLID_OWN) if pairs else None
    worst = max((query.wrong for query in best), default=float("-inf"))
    choice = choose(base.tails, wanted, own=own, worst=worst)
    noted = replace(provenance, counts=counts(pairs))
    return (
        base.with_thresholds(match=choice.match, review=choice.review, provenance=noted, name=name),
        choice,
        best,
    )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """How good a calibration is on pairs that it was not fitted to."""

    #: With a label.
    pairs: int
    #: Expected calibration error, 15 bins.
    error: float
    #: Of the pairs with a map alone: the many that share nothing make the other look better than it is.
    error_mapped: float
    #: Pairs with a confidence of 0.99 and more; the next: the share of them that is right.
    sure: int
    sure_right: float
    counted: ThresholdCounts


def held_out(pairs: Sequence[LabelledPair], calibration: Calibration) -> HeldOut:
    """Judge these pairs by `calibration`, whatever judged them before."""
    labelled = [
        (decide(pair.verdict.evidence, calibration).confidence, pair)
        for pair in pairs
        if pair.label is not None
    ]
    everything = calibrated((confidence, bool(pair.label)) for confidence, pair in labelled)
    mapped = calibrated(
        (confidence, bool(pair.label))
        for confidence, pair in labelled
        if pair.verdict.evidence.matrix is not None
    )
    thresholds = calibration.thresholds
    return HeldOut(
        pairs=everything.pairs,
        error=everything.error or 0.0,
        error_mapped=mapped.error or 0.0,
        sure=everything.sure.whole,
        sure_right=everything.sure.value if everything.sure.value is not None else 1.0,
        counted=count(bests(pairs, calibration), match=thresholds.match, review=thresholds.review),
    )
