"""A whole calibration: curves and thresholds from labelled pairs, or new thresholds for the curves there are.

Takes `JudgedPair`s and two rates, gives a `Calibration` with its provenance. A fit needs thousands of pairs; an operator who labels forty
pictures gets thresholds for the curves of the calibration in use, whose tail stands in for the one that forty pictures cannot show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..calibration import Calibration, Provenance
from .fit import counts, fit
from .outcomes import JudgedPair
from .thresholds import SOLID_OWN, Best, Choice, bests, choose, tails


def fitted(
    pairs: Sequence[JudgedPair], *, base: Calibration, name: str, provenance: Provenance, images: int, false_matches: float, reviews: float
) -> tuple[Calibration, Choice, list[Best]]:
    """Curves, tails and thresholds from these pairs alone; what no pair can say (looks-like, which share is whole) stays as in `base`.

    `images`: how many were searched. Raises ConfigError when there are too few pairs.
    """
    found = fit(pairs)
    draft = replace(base, name=name, prior=found.prior, terms=found.terms, without_map=found.without_map)
    best = bests(pairs, draft)
    known = tails(best, images=images)
    choice = choose(known, false_matches=false_matches, reviews=reviews, images=images)
    made = replace(
        draft,
        provenance=replace(provenance, counts=counts(pairs)),
        thresholds=replace(draft.thresholds, match=choice.match, review=choice.review),
        tails=known,
    )
    return made, choice, best


def with_rates(
    pairs: Sequence[JudgedPair], *, base: Calibration, name: str, provenance: Provenance, images: int, false_matches: float, reviews: float
) -> tuple[Calibration, Choice, list[Best]]:
    """The curves and tails of `base` with thresholds for these rates at `images` images, checked against one's own pairs.

    Without pairs the tails of `base` alone decide.
    """
    best = bests(pairs, base)
    own = tails(best, images=0, solid=SOLID_OWN) if pairs else None
    worst = max((query.wrong for query in best), default=float("-inf"))
    choice = choose(base.tails, false_matches=false_matches, reviews=reviews, images=images, own=own, worst=worst)
    noted = replace(provenance, counts=counts(pairs))
    return base.with_thresholds(match=choice.match, review=choice.review, provenance=noted, name=name), choice, best
