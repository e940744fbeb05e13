"""Whether the codes of two aligned pictures say the same.

A code that says something else leads somewhere else, however alike the two look. Only codes in the same place
are compared, and only those that could be read in both pictures: a code that cannot be read is not another
one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..boxes import area, intersection_over_union
from ..records import Box, ImageFeatures
from ..transforms import carried
from .options import DEFAULTS, CodePlaceOptions


@dataclass(frozen=True, slots=True)
class CodeComparison:
    """What the codes of two pictures say."""

    #: Number of codes that say the same in the same place.
    same: int
    #: Boxes of those that say something else there, in unit coordinates of the query, the largest first.
    differing: tuple[Box, ...]
    #: Area of the largest of these, as a share of the picture of which it takes more, 0 to 1.
    share: float


def compare_codes(
    query: ImageFeatures,
    reference: ImageFeatures,
    matrix: NDArray[np.float64],
    *,
    options: CodePlaceOptions = DEFAULTS.codes,
) -> CodeComparison | None:
    """Return what the codes say under `matrix` (3, 3), query to reference in unit coordinates.

    None where one of the two has no code that could be read, or the digests have different keys or versions.
    """
    one, other = query.codes, reference.codes
    if one is None or other is None or one.key_name != other.key_name:
        return None
    if query.versions.codes != reference.versions.codes:
        return None
    same, differing, share = 0, list[Box](), 0.0
    for code in one.found:
        place = carried(code.box, matrix)
        there = max(other.found, key=lambda found: intersection_over_union(found.box, place))
        if intersection_over_union(there.box, place) < options.same_place:
            continue
        if there.digest == code.digest:
            same += 1
        else:
            differing.append(code.box)
            share = max(share, area(code.box), area(there.box))
    return CodeComparison(same, tuple(differing), share)
