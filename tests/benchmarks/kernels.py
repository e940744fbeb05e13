"""How much less CPU time do the native kernels take than their numpy forms, on the same input?

Takes pages and edits of them, and random postings; each form computes the same several times, in turns, and
the least time counts. Results are compared, too: a kernel that gives something else ends the run.

    python -m benchmarks.kernels [--rounds 20]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from support.pictures import page
from support.plain_arrangement import plain_fullest_cells
from support.plain_differences import plain_unlike
from support.plain_matching import plain_neighbours
from support.plain_registration import plain_edges_contained, plain_similar_at_place
from support.plain_words import plain_votes
from support.shapes import grey

from douglas_quaid.evaluation import edits
from douglas_quaid.features.local import extract_local
from douglas_quaid.index import _postings
from douglas_quaid.index.arrangement import fullest_cells, quantise_keypoints
from douglas_quaid.verification import _differences
from douglas_quaid.verification.edges import edges_contained
from douglas_quaid.verification.matching import find_neighbours
from douglas_quaid.verification.options import DEFAULTS
from douglas_quaid.verification.registration import _similar_at_place

from . import report

#: What is computed, by the kernel, by numpy.
Case = tuple[str, Callable[[], Any], Callable[[], Any]]


def cases(seed: int) -> Iterator[Case]:
    """All kernels with input of the size that a query has."""
    rng = np.random.default_rng(seed)
    own, seen = grey(page(7)), grey(edits.edit("jpeg_30", page(7), seed))
    one, other = extract_local(seen), extract_local(own)
    yield (
        f"neighbours, {len(one)} x {len(other)} keypoints",
        lambda: find_neighbours(one, other).alike,
        lambda: plain_neighbours(one, other).alike,
    )
    close = one, other, np.eye(3), DEFAULTS.geometry.registration
    yield (
        "registration, the same",
        lambda: _similar_at_place(*close),
        lambda: plain_similar_at_place(*close),
    )
    count = 100_000
    weights = -np.sort(-rng.uniform(0, 1, (len(one), 4)), axis=1)
    quantised = quantise_keypoints(other.keypoints)[rng.integers(0, len(other), count)]
    votes = (
        one.keypoints,
        weights,
        rng.integers(0, 300, count),
        rng.integers(0, weights.size, count),
        quantised,
    )
    yield (
        "fullest cells, 100,000 pairs of 300 images",
        lambda: fullest_cells(*votes, 300),
        lambda: plain_fullest_cells(*votes, 300),
    )
    postings = np.sort(rng.integers(0, 1 << 32, 1_000_000)).astype(np.uint32)
    runs = postings, np.arange(0, 1_000_000, 500), np.full(2_000, 500), rng.uniform(0, 1, 2_000)

    def voted() -> Any:
        found = np.zeros(1 << 16)
        _postings.vote(*runs, found)
        return found

    yield "votes of 1,000,000 postings", voted, lambda: plain_votes(*runs)
    inside = np.ones(own.shape, bool)
    yield (
        f"edges, {own.shape[1]} x {own.shape[0]} pixels",
        lambda: edges_contained(own, seen, inside),
        lambda: plain_edges_contained(own, seen, inside),
    )
    fine, coarse = own.astype(np.float32), seen.astype(np.float32)
    shape, side = tuple((length - 2) // 8 for length in own.shape), 8

    def strength() -> Any:
        found = [np.empty(shape, np.float32) for _ in range(5)]
        _differences.compare(fine, coarse, inside, *found, side)
        return found[3]

    yield (
        "blocks at nine shifts, the same pixels",
        strength,
        lambda: plain_unlike(fine, coarse, inside, DEFAULTS.differences)[3],
    )


def least(compute: Callable[[], Any]) -> float:
    """CPU milliseconds of one call."""
    began = time.process_time()
    compute()
    return 1000 * (time.process_time() - began)


def main() -> int:
    """Print the table; returns 1 if a kernel gives something else."""
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--rounds", type=int, default=20, help="how often each is computed")
    options = parser.parse_args()
    rows, same = [], True
    for name, kernel, plain in cases(options.seed):
        same &= np.array_equal(kernel(), plain())
        times = [(least(kernel), least(plain)) for _ in range(options.rounds)]
        native, numpy = (min(each) for each in zip(*times, strict=True))
        rows.append((name, f"{native:.2f}", f"{numpy:.2f}", f"{numpy / native:.1f}"))
    report.heading("Kernels: CPU time of one call", options)
    report.table(("kernel", "C, ms", "numpy, ms", "ratio"), rows)
    return report.verdict([("kernels and their numpy forms give the same", same)])


if __name__ == "__main__":
    sys.exit(main())
