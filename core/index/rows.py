"""Rows of a replica: a numpy array that grows at its end, and the numbers of the rows in several runs."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A full array grows by 1/GROWTH. chosen: at most 12.5 % of the memory is unused, and each row is copied
#: about nine times in all.
GROWTH = 8


class Rows:
    """Rows of one dtype and shape."""

    def __init__(self, dtype: Any, width: int | None = None) -> None:
        """`width` is the number of values in a row; without it rows are single values."""
        self._shape = () if width is None else (width,)
        self._array: NDArray[Any] = np.empty((0, *self._shape), dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def view(self) -> NDArray[Any]:
        """The filled part, shape (n, width) or (n,), without a copy."""
        return self._array[: self._count]

    @property
    def nbytes(self) -> int:
        """Bytes of the array, its unused part included."""
        return int(self._array.nbytes)

    def extend(self, rows: NDArray[Any]) -> None:
        """Append rows of shape (n, width) or (n,). The first ones get an array of their exact size."""
        needed = self._count + len(rows)
        if needed > len(self._array):
            capacity = needed if not self._count else max(needed, self._count + self._count // GROWTH)
            grown = np.empty((capacity, *self._shape), self._array.dtype)
            grown[: self._count] = self.view
            self._array = grown
        self._array[self._count : needed] = rows
        self._count = needed


def numbers_in(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers in these runs, one run after the other: starts[0], starts[0] + 1, ... (lengths[0] of
    them), starts[1], ..., shape (sum of lengths,).
    """
    stops = lengths.cumsum()
    shifts = np.repeat(starts - stops + lengths, lengths)
    return np.asarray(np.arange(len(shifts)) + shifts, np.int64)
