"""Matching in numpy: the oracle of the kernels in core/verification/_matching.c.

A table of distances for each piece of a window, as matching.py computed before it had kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from douglas_quaid.records import LocalFeatures
from douglas_quaid.verification.matching import NOT_COMPARED, Neighbours, _pieces, _windows, hamming_table
from douglas_quaid.verification.options import DEFAULTS, MatchingOptions


def plain_neighbours(
    query: LocalFeatures,
    reference: LocalFeatures,
    rotation: float = 0.0,
    *,
    options: MatchingOptions = DEFAULTS.matching,
) -> Neighbours:
    """Return the correspondences if the reference shows the query rotated by `rotation` degrees."""
    none = np.empty((0, 2), np.int64)
    if min(len(query), len(reference)) < options.minimum_keypoints:
        return Neighbours(query, reference, none, none)
    windows = _windows(query, reference, rotation, options)
    places = np.ascontiguousarray(reference.keypoints[:, :2].T)
    best = np.zeros(len(query), np.int64)
    bits, second = (np.full(len(query), NOT_COMPARED, np.uint8) for _ in range(2))
    back = np.zeros(len(reference), np.int64)
    back_bits = np.full(len(reference), NOT_COMPARED, np.uint8)
    alike = list[_Alike]()
    for rows, columns in _pieces(windows, options):
        table = hamming_table(query.descriptors[rows], reference.descriptors[columns])
        nearest = table.argmin(axis=1)
        best[rows], bits[rows] = columns[nearest], table[np.arange(len(rows)), nearest]
        nearest_back = table.min(axis=0)
        nearer = np.flatnonzero(nearest_back < back_bits[columns])
        back[columns[nearer]] = rows[table[:, nearer].argmin(axis=0)]
        back_bits[columns[nearer]] = nearest_back[nearer]
        alike.append(_Alike(rows, columns, table <= options.alike_bits))
        x, y = places[:, columns]
        same_x = np.abs(x - x[nearest, None]) <= options.same_place
        same_place = same_x & (np.abs(y - y[nearest, None]) <= options.same_place)
        second[rows] = np.maximum(table, same_place.view(np.uint8) * np.uint8(NOT_COMPARED)).min(axis=1)
    own = query.keypoints[:, :2]
    mutual = np.abs(own[back[best]] - own).max(axis=1) <= options.same_place
    kept = np.flatnonzero((bits < options.ratio * second) & mutual)
    matches = np.stack([kept, best[kept]], axis=1)
    comparisons = sum(len(rows) * len(columns) for rows, columns in windows)
    return Neighbours(query, reference, matches, _kept(alike, len(query), options), comparisons)


@dataclass(frozen=True, slots=True, eq=False)
class _Alike:
    """Which keypoints of a piece are alike: numbers of the query's (n,) and of the reference's (m,), and
    bool[n, m].
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    table: NDArray[np.bool_]


def _kept(alike: Sequence[_Alike], count: int, options: MatchingOptions) -> NDArray[np.int64]:
    """The alike pairs of all `count` keypoints of the query, or, where these are too many, of those that have
    fewest; of equal ones the first, which are spread over the picture.
    """
    numbers = np.zeros(count, np.int64)
    for piece in alike:
        numbers[piece.rows] = np.count_nonzero(piece.table, axis=1)
    order = np.argsort(numbers, kind="stable")
    kept = np.zeros(count, bool)
    kept[order[: np.searchsorted(numbers[order].cumsum(), options.maximum_alike, side="right")]] = True
    pairs = [np.empty((0, 2), np.int64)]
    for piece in alike:
        rows = np.flatnonzero(kept[piece.rows])
        table = piece.table if len(rows) == len(piece.rows) else piece.table[rows]
        row, column = np.divmod(np.flatnonzero(table), max(1, len(piece.columns)))
        pairs.append(np.stack([piece.rows[rows[row]], piece.columns[column]], axis=1))
    return np.concatenate(pairs)
