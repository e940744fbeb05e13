"""Twins: another picture that looks like a reference, agrees with the query about as well, and differs from
the reference. One picture cannot be a copy of both, so neither is a match unless it stands out.

Takes a pair that would be a match and the other pairs of its query, returns the inliers of the best twin.
Pages that a program wrote from one template differ in a few words. An edited query may hide these words, but
the two references are both at hand as they are, and between them nothing was edited. Rivals (rivals.py) are
pictures whose content is plainly another one; twins differ in small blocks only, or in a few of the others.

Measured: tests/benchmarks/README.md, section "Twins".
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields

from ...deadline import Timer
from ...decision.decide import is_altered, is_other_filling
from ...decision.options import VerdictOptions
from ...records import Evidence
from ...transforms import as_matrix, inverse
from ...verification.differences import Differences, differences_work, find_differences
from ...verification.options import DifferenceOptions
from ..options import TwinOptions
from ..search import ClusterOf, pictures_of
from ..verified import Pair
from .rivals import inliers_within


def twin_inliers(
    pair: Pair,
    pairs: Sequence[Pair],
    cluster_of: ClusterOf,
    *,
    timer: Timer,
    options: TwinOptions,
    verdict: VerdictOptions,
    differences: DifferenceOptions,
) -> int:
    """Return the inliers of the best twin of `pair` among `pairs` within the box of its own; 0 without one.

    What the timer cuts is left out; `Timer.cuts` says so.
    """
    near = _nearest(pair, pairs, cluster_of, options)
    for other, inliers in near:
        timer.spend(differences_work(pair.reference, other.reference, differences))
        if timer.is_up():
            break
        if _differ(pair, other, verdict, differences):
            return inliers
    return 0


def _nearest(
    pair: Pair, pairs: Iterable[Pair], cluster_of: ClusterOf, options: TwinOptions
) -> list[tuple[Pair, int]]:
    """The pictures with about as many inliers or more, the most first; one of each cluster."""
    counted = [(other, round(inliers_within(pair, other))) for other in pairs if other.inliers]
    least = options.notable * pair.inliers
    near = sorted((each for each in counted if each[1] >= least), key=lambda each: -each[1])
    ids = [pair.image_id, *(other.image_id for other, _ in near)]
    own, *pictures = pictures_of(cluster_of, ids)
    first = {picture: each for picture, each in reversed(list(zip(pictures, near, strict=True)))}
    return sorted((each for picture, each in first.items() if picture != own), key=lambda each: -each[1])[
        : options.maximum
    ]


def _differ(pair: Pair, other: Pair, verdict: VerdictOptions, options: DifferenceOptions) -> bool:
    """Whether the two references are different pictures where the query aligns them."""
    to_one, to_other = pair.evidence.matrix, other.evidence.matrix
    if to_one is None or to_other is None:
        return False
    between = as_matrix(to_other) @ inverse(as_matrix(to_one))
    inverted = pair.evidence.inverted != other.evidence.inverted
    found = find_differences(pair.reference, other.reference, between, inverted=inverted, options=options)
    if found is None:
        return False
    evidence = Evidence(**{field.name: getattr(found, field.name) for field in fields(Differences)})
    return is_altered(evidence, verdict) or is_other_filling(evidence, verdict)
