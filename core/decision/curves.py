"""Curves of straight pieces, by which values become weights."""

from bisect import bisect_right
from dataclasses import dataclass
from operator import itemgetter

#: Points of a curve of straight pieces: (value, weight), by rising value.
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Term:
    """The weight of one predictor."""

    #: Name of the predictor.
    predictor: str
    #: Its curve: straight lines between the points, flat beyond them.
    points: Points
    #: Weight where it was not measured.
    absent: float

    def weight(self, value: float | None) -> float:
        """Return the weight of `value`; None: not measured."""
        return self.absent if value is None else curve(self.points, value)


def curve(points: Points, value: float) -> float:
    """Return the value of a curve: straight lines between the points, flat beyond them."""
    after = bisect_right(points, value, key=itemgetter(0))
    if after == 0 or after == len(points):
        return points[after - 1 if after else 0][1]
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (high - low) * (value - left) / (right - left)
