"""Fits the curves of a calibration to labelled pairs: logistic regression with monotone curves.

Takes `LabelledPair`s, returns the numbers of a `Calibration`. The log odds that two pictures show the same
source are a sum of piecewise linear curves over predictors (../decision/predictors.py). A rising curve is a
sum of ramps, one for each interval between two knots, with weights of at least 0 (a falling curve: at most
0), so monotonicity is a bound on the weights. A small ridge keeps weights finite that no pair contradicts.
The problem is convex, so it has one solution; scipy's L-BFGS-B finds it.

Pairs are weighted as they occur in use, not as often as they lie in the file: four of five queries have no
answer, and all edits of the other queries count alike (`pair_weights`). The prior of the fit is therefore
that of a candidate in use.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from scipy.special import expit

from ..decision.calibration import Calibration, Model, logit
from ..decision.curves import Term
from ..decision.predictors import PREDICTORS, Predictor, measure_all
from ..errors import ConfigError
from . import strata
from .results import LabelledPair, group_by_query

#: Of the queries without an answer, the share whose page belongs to a site with other pages in the store.
#: chosen: an evaluation asks for far more of them, in order to measure them.
SIBLINGS = 0.05
#: Strength of the ridge: pairs of information per squared unit of weight. measured (fitting part, sites left
#: out in four folds): log loss 0.060 at 0.03, 0.040 at 0.3, 0.034 at 1 and 3; wrong pairs above one half 219,
#: 107, 74 and 56: sites differ more than pairs do.
RIDGE = 1.0
#: Minimum number of labelled pairs with a transform. chosen: ten for each free number (Peduzzi et al., J.
#: Clin. Epidemiol. 1996).
MIN_PAIRS = 1000
#: Minimum number of pairs of each of the two labels. chosen: see MIN_PAIRS.
MIN_PAIRS_PER_LABEL = 200
#: Minimum number of pairs without a measurement of a family from which its absence gets a weight of its own.
#: chosen: ten and some, as for any free number.
MIN_PAIRS_WITHOUT = 50
#: Largest slope of the loss at the solution. chosen: with a ridge of 1 no weight is off by much more than
#: this, which is a tenth of what the file keeps.
TOLERANCE = 1e-5
#: Decimal places of the weights in the file. chosen: a ten-thousandth of a weight changes no answer.
DIGITS = 4

#: Families that each set of curves needs, and families that it leaves out: for pairs of a search and pairs
#: compared by themselves, once with the small blocks and once before they are compared, which only promising
#: pairs are; for pairs without thumbnails, and for pairs known by hashes alone. Each set is fitted to all
#: pairs, those with the small blocks to pairs that have them.
MODELS = (
    (("fine", "rivals"), ()),
    (("fine",), ("rivals",)),
    (("content", "rivals"), ("fine",)),
    (("content",), ("rivals", "fine")),
    (("keypoints",), ("content", "fine")),
    ((), ("content", "keypoints", "rivals", "fine")),
)


def pair_weights(groups: Sequence[Sequence[LabelledPair]]) -> NDArray[np.float64]:
    """Return how often each pair occurs in use, shape (n,), with mean 1. `groups`: the pairs of each query.

    A share of `strata.SHARE_WITHOUT_ANSWER` of the queries has no correct pair; SIBLINGS of these show pages
    of sites with other pages in the index. Edits count alike.
    """
    kinds = [_kind(group) for group in groups]
    often = Counter(kinds)
    edits = sum(kind not in (_STRANGER, _SIBLING) for kind in often)
    siblings = SIBLINGS if often[_STRANGER] else 1.0
    parts = {
        _STRANGER: strata.SHARE_WITHOUT_ANSWER * (1 - siblings if often[_SIBLING] else 1.0),
        _SIBLING: strata.SHARE_WITHOUT_ANSWER * siblings,
    }
    share_of_edit = (1 - strata.SHARE_WITHOUT_ANSWER) / max(1, edits)
    shares = [parts.get(kind, share_of_edit) / often[kind] for kind in kinds]
    weights = np.repeat(shares, [len(group) for group in groups])
    return np.asarray(weights / weights.mean())


_Kind = tuple[str, ...]
_STRANGER: _Kind = ("without",)
_SIBLING: _Kind = ("sibling",)


def _kind(group: Sequence[LabelledPair]) -> _Kind:
    correct = next((pair for pair in group if pair.label), None)
    if correct is not None:
        return correct.edit, correct.stratum
    return _SIBLING if any(pair.stratum in strata.ARRANGED for pair in group) else _STRANGER


def fit_curves(
    pairs: Sequence[LabelledPair],
    base: Calibration,
    *,
    weigh: Callable[[Sequence[Sequence[LabelledPair]]], NDArray[np.float64]] = pair_weights,
) -> Calibration:
    """Return `base` with other curves over all predictors. `weigh`: how often the pairs of each query count.

    Leaves out pairs without a label and pairs that a rule decides: those with the same pixels, and those of
    ambiguous queries. Raises ConfigError when too few labelled pairs have a transform.
    """
    groups = [
        kept
        for group in group_by_query(pairs)
        if (kept := [pair for pair in group if pair.label is not None and not _decided_by_rule(pair)])
    ]
    pairs = [pair for group in groups for pair in group]
    labels = np.array([bool(pair.label) for pair in pairs], bool)
    aligned = np.array([pair.verdict.evidence.matrix is not None for pair in pairs], bool)
    _check_enough(labels[aligned])
    weights = weigh(groups)
    # None, not measured, becomes NaN
    values = np.array([measure_all(pair.verdict.evidence) for pair in pairs], float)[aligned]
    return replace(
        base,
        models=tuple(
            _model(values[used], labels[aligned][used], weights[aligned][used], needs, without)
            for needs, without in MODELS
            if _are_enough(labels[aligned][used := _measured(values, needs)])
        ),
        without_transform=_share_correct(labels[~aligned], weights[~aligned]),
    )


def _measured(values: NDArray[np.float64], needs: tuple[str, ...]) -> NDArray[np.bool_]:
    """Which pairs a set of curves is fitted to: all, or those whose small blocks were compared."""
    if "fine" not in needs:
        return np.ones(len(values), bool)
    fine = [place for place, predictor in enumerate(PREDICTORS) if predictor.family == "fine"]
    return np.asarray(~np.isnan(values[:, fine]).all(axis=1))


def _are_enough(labels: NDArray[np.bool_]) -> bool:
    return min(int(labels.sum()), int((~labels).sum())) >= MIN_PAIRS_WITHOUT


def _model(
    values: NDArray[np.float64],
    labels: NDArray[np.bool_],
    weights: NDArray[np.float64],
    needs: tuple[str, ...],
    without: tuple[str, ...],
) -> Model:
    """Fit one set of curves. `values`: (n, predictors), NaN where not measured."""
    used = [place for place, predictor in enumerate(PREDICTORS) if predictor.family not in without]
    predictors = [PREDICTORS[place] for place in used]
    members = Counter(predictor.family for predictor in predictors)
    missing = np.column_stack(
        [
            np.isnan(values[:, [place for place in used if PREDICTORS[place].family == family]]).all(axis=1)
            for family in members
        ]
    ).astype(float)
    ramps = np.hstack([_ramps(PREDICTORS[place], values[:, place]) for place in used])
    fitted = regress(np.hstack([np.ones((len(values), 1)), missing, ramps]), labels, weights)
    prior, absent, steps = float(fitted[0]), fitted[1 : 1 + len(members)], fitted[1 + len(members) :]
    family_of = np.array([predictor.family for predictor in predictors for _ in predictor.knots[1:]])
    weight_absent = {}
    for family, column, weight in zip(members, missing.T, absent, strict=True):
        if column.sum() < MIN_PAIRS_WITHOUT:
            others = family_of != family
            weight = _offset(prior + ramps[:, others] @ steps[others], labels, weights)
        weight_absent[family] = float(weight) / members[family]
    return Model(
        needs,
        round(prior, DIGITS),
        tuple(
            Term(
                predictor.name,
                tuple(
                    (float(x), round(float(y), DIGITS)) for x, y in zip(predictor.knots, curve, strict=True)
                ),
                round(weight_absent[predictor.family], DIGITS),
            )
            for predictor, curve in zip(predictors, _curves(predictors, steps), strict=True)
        ),
    )


def regress(
    design: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the coefficients (p,) with the least logistic loss plus ridge, all but the first at least 0.

    `design`: (n, p), its first column 1; `labels`: (n,); `weights`: (n,), how much each row counts.
    """
    target = labels.astype(float)
    ridge = np.r_[0.0, np.full(design.shape[1] - 1, RIDGE)]

    def loss(at: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = design @ at
        value = weights @ (np.logaddexp(0, odds) - target * odds) + 0.5 * ridge @ at**2
        return float(value), design.T @ (weights * (expit(odds) - target)) + ridge * at

    mean = float(np.clip(np.average(target, weights=weights), 1e-6, 1 - 1e-6))
    start = np.r_[logit(mean), np.zeros(design.shape[1] - 1)]
    found = minimize(
        loss,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None)] + [(0, None)] * (len(start) - 1),
        options={"gtol": TOLERANCE, "ftol": 0, "maxcor": len(start), "maxiter": 100_000, "maxfun": 100_000},
    )
    return np.asarray(found.x)


def _decided_by_rule(pair: LabelledPair) -> bool:
    evidence = pair.verdict.evidence
    return evidence.same or bool(evidence.ambiguous_with)


def _check_enough(labels: NDArray[np.bool_]) -> None:
    same = int(labels.sum())
    different = len(labels) - same
    if same + different < MIN_PAIRS or min(same, different) < MIN_PAIRS_PER_LABEL:
        raise ConfigError(
            f"{same} pairs of the same picture and {different} of different pictures with a transform are "
            f"too few for a fit, which needs {MIN_PAIRS} in all and {MIN_PAIRS_PER_LABEL} of each; label "
            "more pictures, or name two rates (--false-matches-per-million, --reviews) to choose thresholds "
            "for the calibration in use"
        )


def _ramps(predictor: Predictor, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each interval of the curve how far a value has come along it from the worse end, 0 to 1;
    shape (n, knots - 1). A value that was not measured counts as the worst.
    """
    knots = np.array(predictor.knots, float)
    done = np.clip((values[:, None] - knots[:-1]) / np.diff(knots), 0, 1)
    return np.asarray(np.nan_to_num(done if predictor.rises else 1 - done, nan=0.0))


def _curves(predictors: Sequence[Predictor], steps: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return the weights at the knots of each predictor, 0 at the worst knot. `steps`: the weights of all
    ramps, one predictor after the other.
    """
    ends = np.cumsum([len(predictor.knots) - 1 for predictor in predictors])
    return [
        np.r_[0.0, np.cumsum(rise)] if predictor.rises else np.r_[np.cumsum(rise[::-1])[::-1], 0.0]
        for predictor, rise in zip(predictors, np.split(steps, ends[:-1]), strict=True)
    ]


def _offset(odds: NDArray[np.float64], labels: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    """Return the number that, added to `odds`, makes them correct on average: the weight of the absence of a
    family that was always measured.
    """
    return float(brentq(lambda added: weights @ (expit(odds + added) - labels), -1000, 1000))


def _share_correct(labels: NDArray[np.bool_], weights: NDArray[np.float64]) -> float:
    """Return the share of True labels by Laplace's rule of succession, so that it is never 0."""
    return round((float(weights @ labels) + 0.5) / (float(weights.sum()) + 1.0), 8)


def label_counts(pairs: Sequence[LabelledPair]) -> tuple[tuple[str, int, int, int], ...]:
    """Return for each stratum how many pairs show the same picture, show different ones, and are unknown."""
    counts = Counter((pair.stratum, pair.label) for pair in pairs)
    return tuple(
        (stratum, counts[stratum, True], counts[stratum, False], counts[stratum, None])
        for stratum in sorted({pair.stratum for pair in pairs})
    )
