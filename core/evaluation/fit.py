"""From labelled pairs to a calibration: monotone curves by logistic regression, in numpy alone.

Takes `LabelledPair`s, gives the numbers of `Calibration`. The logarithm of the odds that two pictures show the
same source is a sum of curves over predictors (../predictors.py), straight between knots. A curve that rises is a sum
of ramps, one between each two knots, with weights of at least 0 (one that falls: at most 0), so that monotone
means nothing but a bound; a small ridge on the weights keeps those finite that no pair contradicts. Minimised
by Newton's method, each step within the bound by an active set (Nocedal, Wright, Numerical Optimization,
16.5): convex, so there is one answer and no luck in it.

Pairs count as they are met in use, not as often as they lie in the file: four queries in five have no answer,
and the edits of the others count alike, so that the prior of the fit is that of a candidate's life
(`weights`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..decision.calibration import Model, Term, logit
from ..decision.predictors import PREDICTORS, Predictor
from ..errors import ConfigError
from . import strata
from .results import LabelledPair

#: Share of the queries that have no answer in the store. chosen: as in life (four in five).
UNANSWERED = 0.8
#: Of these, share about pages of a site of which other pages are in the store. chosen: an evaluation asks for
#: far more of them, to measure them.
SIBLINGS = 0.05
#: Strength of the ridge, in pairs of information a unit of weight squared. measured (fitting part, sites left
#: out in four folds): log loss 0.060 at 0.03, 0.040 at 0.3, 0.034 at 1 and 3; wrong pairs above one half 219,
#: 107, 74 and 56: sites differ more than pairs do.
RIDGE = 1.0
#: Labelled pairs with a map that a fit needs, and of each of the two labels. chosen: ten for each free number
#: (Peduzzi et al., J. Clin. Epidemiol. 1996).
LEAST_PAIRS, LEAST_OF_A_LABEL = 1000, 200
#: Pairs of which a family was not measured, from which they say themselves what that weighs. chosen: as for
#: any free number, ten and some.
LEAST_MISSING = 50
#: Most Newton steps, and in each changes of what is held, a weight. chosen: 10 and 1 are usual.
STEPS, CHANGES = 60, 10
#: Share of the loss, or weight, that counts as nothing. chosen: far below what the file keeps.
SMALL = 1e-9
#: Decimal places of the weights in the file. chosen: a ten-thousandth of a weight changes no answer.
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit gives to a calibration."""

    models: tuple[Model, ...]
    without_map: float


def questions(pairs: Iterable[LabelledPair]) -> Iterator[list[LabelledPair]]:
    """Pairs of one question at a time: they lie together in a file, the candidates by place, then those
    judged besides.
    """
    group: list[LabelledPair] = []
    for pair in pairs:
        if group and ((pair.query, pair.edit) != (group[-1].query, group[-1].edit) or pair.place == 0):
            yield group
            group = []
        group.append(pair)
    if group:
        yield group


def weights(groups: Sequence[Sequence[LabelledPair]]) -> NDArray[np.float64]:
    """How often each pair is met in use, shape (n,), mean 1.

    Questions without a right pair are UNANSWERED of all, SIBLINGS of these about pages of which others of the
    site are indexed; edits count alike.
    """
    kinds = [_kind(group) for group in groups]
    often = Counter(kinds)
    edits = sum(kind not in (_STRANGER, _SIBLING) for kind in often)
    siblings = SIBLINGS if often[_STRANGER] else 1.0
    parts = {
        _STRANGER: UNANSWERED * (1 - siblings if often[_SIBLING] else 1.0),
        _SIBLING: UNANSWERED * siblings,
    }
    shares = [parts.get(kind, (1 - UNANSWERED) / max(1, edits)) / often[kind] for kind in kinds]
    found = np.repeat(shares, [len(group) for group in groups])
    return np.asarray(found / found.mean())


_Kind = tuple[str, ...]
_STRANGER: _Kind = ("without",)
_SIBLING: _Kind = ("sibling",)


def _kind(group: Sequence[LabelledPair]) -> _Kind:
    right = next((pair for pair in group if pair.label), None)
    if right is not None:
        return right.edit, right.stratum
    return _SIBLING if any(pair.stratum == strata.SAME_SITE for pair in group) else _STRANGER


def fit(pairs: Sequence[LabelledPair]) -> Fitted:
    """Curves over all predictors. Pairs without a label, pairs with the same pixels, and those in a crowd, which
    a rule judges, are left out.

    Raises ConfigError when there are too few labelled pairs with a map.
    """
    groups = [
        [pair for pair in group if pair.label is not None and not _judged_by_a_rule(pair)]
        for group in questions(pairs)
    ]
    groups = [group for group in groups if group]
    pairs = [pair for group in groups for pair in group]
    labels = np.array([bool(pair.label) for pair in pairs], bool)
    mapped = np.array([pair.verdict.evidence.matrix is not None for pair in pairs], bool)
    _check_enough(labels[mapped])
    share = weights(groups)
    values = np.array([_values(pair) for pair, laid in zip(pairs, mapped, strict=True) if laid])
    models = tuple(_model(values, labels[mapped], share[mapped], needs, without) for needs, without in MODELS)
    return Fitted(models, _share_of_true(labels[~mapped], share[~mapped]))


#: What each model needs, and what it is without: pairs of a search, pairs compared by themselves, without
#: thumbnails, and known by hashes alone. Each is fitted to all pairs.
MODELS = (
    (("content", "rivals"), ()),
    (("content",), ("rivals",)),
    (("keypoints",), ("content",)),
    ((), ("content", "keypoints", "rivals")),
)


def _model(
    values: NDArray[np.float64],
    labels: NDArray[np.bool_],
    share: NDArray[np.float64],
    needs: tuple[str, ...],
    without: tuple[str, ...],
) -> Model:
    """Curves over the predictors of all families but those it is `without`, and for each family the weight of not
    having been measured.
    """
    used = [
        (predictor, values[:, n]) for n, predictor in enumerate(PREDICTORS) if predictor.family not in without
    ]
    predictors = [predictor for predictor, _ in used]
    families = list(dict.fromkeys(predictor.family for predictor in predictors))
    missing = np.column_stack(
        [
            np.all([np.isnan(found) for predictor, found in used if predictor.family == family], axis=0)
            for family in families
        ]
    ).astype(float)
    design = np.hstack(
        [np.ones((len(values), 1)), missing, *(_ramps(predictor, found) for predictor, found in used)]
    )
    chosen = regress(design, labels, share)
    curves = _curves(predictors, chosen[1 + len(families) :])
    parts = np.column_stack(
        [
            np.nan_to_num(np.interp(found, predictor.knots, curve))
            for (predictor, found), curve in zip(used, curves, strict=True)
        ]
    )
    terms = []
    for predictor, curve in zip(predictors, curves, strict=True):
        place, members = (
            families.index(predictor.family),
            [m for m, other in enumerate(predictors) if other.family == predictor.family],
        )
        weight = float(chosen[1 + place])
        if missing[:, place].sum() < LEAST_MISSING:
            weight = _offset(chosen[0] + np.delete(parts, members, axis=1).sum(axis=1), labels, share)
        terms.append(_term(predictor, curve, weight / len(members)))
    return Model(needs, round(float(chosen[0]), DIGITS), tuple(terms))


def regress(
    design: NDArray[np.float64], labels: NDArray[np.bool_], share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights (p,) of least logistic loss, all but the first at least 0. `design`: (n, p), its first column
    1; `share`: how much each row counts.
    """
    target, ridge = labels.astype(float), np.full(design.shape[1], RIDGE)
    ridge[0] = 0.0
    mean = np.clip(np.average(target, weights=share), 1e-6, 1 - 1e-6)
    at = np.zeros(design.shape[1])
    at[0] = logit(float(mean))

    def loss(of: NDArray[np.float64]) -> float:
        odds = design @ of
        return float(share @ (np.logaddexp(0, odds) - target * odds) + 0.5 * ridge @ of**2)

    now = loss(at)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ at, -500, 500)))
        slope = design.T @ (share * (chance - target)) + ridge * at
        bend = design.T @ (design * (share * np.maximum(chance * (1 - chance), 1e-8))[:, None]) + np.diag(
            ridge
        )
        step = _bounded(bend, slope, at) - at
        length = 1.0
        while (there := loss(at + length * step)) > now + 1e-4 * length * float(
            slope @ step
        ) and length > 1e-6:
            length /= 2
        before, now, at = now, there, at + length * step
        if before - now < SMALL * max(1.0, abs(now)):
            break
    at[1:] = np.maximum(at[1:], 0.0)
    return at


def _bounded(
    bend: NDArray[np.float64], slope: NDArray[np.float64], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where the quadratic with this bend (p, p) and this slope at `start` is least, all but the first number
    at least 0.
    """
    linear, at, free = slope - bend @ start, start.copy(), start > 0
    free[0] = True
    for _ in range(CHANGES * len(at)):
        there = np.zeros_like(at)
        there[free] = np.linalg.solve(bend[np.ix_(free, free)], -linear[free])
        below = there < 0
        below[0] = False
        if below.any():  # go there as far as the bound lets us, and hold what meets it
            at += float((at[below] / (at[below] - there[below])).min()) * (there - at)
            free &= ~(below & (at <= SMALL))
            at[~free] = 0.0
            continue
        at = there
        gain = np.where(free, 0.0, bend @ at + linear)
        most = int(np.argmin(gain))
        if gain[most] > -SMALL * max(1.0, float(abs(linear).max())):
            break
        free[most] = True
    return at


def _judged_by_a_rule(pair: LabelledPair) -> bool:
    evidence = pair.verdict.evidence
    return bool(evidence.same_bytes or evidence.same_pixels or evidence.ambiguous_with)


def _check_enough(labels: NDArray[np.bool_]) -> None:
    same = int(labels.sum())
    different = len(labels) - same
    if same + different < LEAST_PAIRS or min(same, different) < LEAST_OF_A_LABEL:
        raise ConfigError(
            f"{same} pairs of the same picture and {different} of different ones that some map lays over each other are too few for a fit, which needs "
            f"{LEAST_PAIRS} in all and {LEAST_OF_A_LABEL} of each; label more pictures, or name two rates "
            "(--false-matches-per-million, --reviews) to choose thresholds for the calibration there is"
        )


def _values(pair: LabelledPair) -> list[float]:
    measured = (predictor.measure(pair.verdict.evidence) for predictor in PREDICTORS)
    return [np.nan if value is None else value for value in measured]


def _ramps(predictor: Predictor, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each piece of the curve how far a value has come along it, from its worse end, 0 to 1; shape (n,
    knots - 1). Not measured: as the worst.
    """
    knots = np.array(predictor.knots, float)
    done = np.clip((values[:, None] - knots[:-1]) / np.diff(knots), 0, 1)
    return np.asarray(np.nan_to_num(done if predictor.rises else 1 - done, nan=0.0))


def _curves(predictors: Sequence[Predictor], chosen: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Weights at the knots of each predictor, 0 at the worst, from those of all ramps one after the other."""
    curves, start = [], 0
    for predictor in predictors:
        steps = chosen[start : start + len(predictor.knots) - 1]
        start += len(steps)
        rising = np.concatenate([[0.0], np.cumsum(steps)])
        curves.append(rising if predictor.rises else np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]]))
    return curves


def _offset(odds: NDArray[np.float64], labels: NDArray[np.bool_], share: NDArray[np.float64]) -> float:
    """The number that added to `odds` makes them right on average, by bisection: for a family that was always
    measured.
    """
    low, high = -40.0, 40.0
    true = float(share @ labels)
    while high - low > 1e-6:
        middle = (low + high) / 2
        expected = float(share @ (1 / (1 + np.exp(-np.clip(odds + middle, -500, 500)))))
        low, high = (middle, high) if expected < true else (low, middle)
    return (low + high) / 2


def _term(predictor: Predictor, curve: NDArray[np.float64], absent: float) -> Term:
    return Term(
        predictor.name,
        tuple((float(x), round(float(y), DIGITS)) for x, y in zip(predictor.knots, curve, strict=True)),
        round(absent, DIGITS),
    )


def _share_of_true(labels: NDArray[np.bool_], share: NDArray[np.float64]) -> float:
    """After Laplace's rule of succession, so that it is never 0."""
    true = float(share @ labels) if len(labels) else 0.0
    return round((true + 0.5) / (float(share.sum()) + 1.0), 8)


def counts(pairs: Sequence[LabelledPair]) -> tuple[tuple[str, int, int, int], ...]:
    """For each stratum how many pairs show the same picture, do not, and nobody can say."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for pair in pairs:
        found[pair.stratum][2 if pair.label is None else 0 if pair.label else 1] += 1
    return tuple(
        (stratum, same, different, unknown) for stratum, (same, different, unknown) in sorted(found.items())
    )
