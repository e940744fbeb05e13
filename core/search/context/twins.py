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

import numpy as np
from numpy.typing import NDArray

from ...decision.decide import is_altered, is_other_filling
from ...records import Box, Evidence, ImageId
from ...transforms import as_matrix, inverse, transformed
from ...verification.differences import Differences, differences_work, find_differences
from ..search import Search, pictures_of
from ..verified import Pair
from .rivals import inliers_within


class Twins:
    """What one query's candidates are to each other. Each two are compared once, the best first; when the
    work is used up, the others are taken for one picture.
    """

    def __init__(self, search: Search) -> None:
        self._search, self._options = search, search.options.context.twins
        self._timer = search.timer.apart(search.options.effort.closer_work)
        self._known: dict[frozenset[ImageId], bool] = {}

    def inliers(self, pair: Pair, pairs: Iterable[Pair]) -> int | None:
        """Return the inliers of the best twin of `pair` among `pairs` within the box of its own; None without
        one.
        """
        for other, inliers in self._nearest(pair, pairs):
            both = frozenset([pair.image_id, other.image_id])
            if both not in self._known and not self._timer.is_up():
                self._known[both] = self._differ(pair, other)
            if self._known.get(both):
                return inliers
        return None

    def _nearest(self, pair: Pair, pairs: Iterable[Pair]) -> Sequence[tuple[Pair, int]]:
        """The pictures with about as many inliers or more, the most first; one of each cluster."""
        counted = [(other, round(inliers_within(pair, other))) for other in pairs if other.inliers]
        least = self._options.notable * pair.inliers
        near = sorted((each for each in counted if each[1] >= least), key=lambda each: -each[1])
        ids = [pair.image_id, *(other.image_id for other, _ in near)]
        own, *pictures = pictures_of(self._search.cluster_of, ids)
        first = dict(reversed(list(zip(pictures, near, strict=True))))
        best = sorted((each for of, each in first.items() if of != own), key=lambda each: -each[1])
        return best[: self._options.maximum]

    def _differ(self, pair: Pair, other: Pair) -> bool:
        """Whether the two references are different pictures where the query shows them."""
        to_one, to_other = pair.evidence.matrix, other.evidence.matrix
        if to_one is None or to_other is None:
            return False
        to_query, options = inverse(as_matrix(to_one)), self._search.verification.differences
        self._timer.spend(differences_work(pair.reference, other.reference, options))
        found = find_differences(
            pair.reference,
            other.reference,
            as_matrix(to_other) @ to_query,
            inverted=pair.evidence.inverted != other.evidence.inverted,
            options=options,
        )
        if found is None or not any(_is_shown(each.box, to_query) for each in found.differences):
            return False
        evidence = Evidence(**{field.name: getattr(found, field.name) for field in fields(Differences)})
        verdict = self._search.verdict
        return is_altered(evidence, verdict) or is_other_filling(evidence, verdict)


def _is_shown(box: Box, to_query: NDArray[np.float64]) -> bool:
    """Whether the middle of a box of the reference lies in the query: what a crop does not show tells
    nothing.
    """
    middle = np.array([[(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]])
    carried = transformed(middle, to_query)
    return bool((carried >= 0).all() and (carried <= 1).all())
