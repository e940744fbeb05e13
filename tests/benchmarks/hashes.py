"""How fast is exact search over a million PDQ hashes compared with faiss, is it exact, and how many bytes
does a hash take?

Both indexes answer the same queries in the same run on one thread, alternately, so that the load of the
machine affects both. Two kinds of data: uniform random hashes, and clone-heavy ones (half of all rows are
2,000 templates with 12 % of their bits flipped, and one hash occurs 10,000 times). Half of the queries have
an answer planted at 0 to 31 bits, half are random.

    python -m benchmarks.hashes [--count 1000000] [--rounds 15] [--seed 1] [--sample]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray

from douglas_quaid.index.hamming import HammingIndex

from . import report

RADIUS = 31
RETRIEVAL_RADIUS = 47
QUERIES = 40
#: Number of hashes from which speed and size are judged; smaller runs are checked for exactness only.
STATED_FOR = 1_000_000
CLONES = 10_000
TEMPLATES = 2_000
OURS, THEIRS = "ours, radius %d", "faiss.IndexBinaryFlat, radius %d"

Hashes = NDArray[np.uint8]


def main() -> int:
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    if options.sample:
        options.count, options.rounds = min(options.count, 100_000), min(options.rounds, 3)
    report.heading(f"Exact Hamming search over {options.count:,} hashes", options)
    rng = np.random.default_rng(options.seed)
    musts = []
    for name, hashes in (
        ("uniform", uniform(rng, options.count)),
        ("clone-heavy", clone_heavy(rng, options.count)),
    ):
        musts += measure(name, hashes, rng, options.rounds)
    return report.verdict(musts)


def uniform(rng: np.random.Generator, count: int) -> Hashes:
    return rng.integers(0, 256, (count, 32), np.uint8)


def clone_heavy(rng: np.random.Generator, count: int) -> Hashes:
    hashes = uniform(rng, count)
    half = count // 2
    templates = uniform(rng, TEMPLATES)
    for start in range(0, half, 100_000):
        rows = slice(start, min(half, start + 100_000))
        noise = np.packbits(rng.random((rows.stop - rows.start, 256), np.float32) < 0.12, axis=1)
        hashes[rows] = templates[rng.integers(0, TEMPLATES, len(noise))] ^ noise
    hashes[-CLONES:] = hashes[-1]
    return hashes


def queries_for(hashes: Hashes, rng: np.random.Generator) -> Hashes:
    """Return queries: half near a row (with 0 to 31 bits flipped), the first of them near the last row, which
    has the most clones; half random.
    """
    queries = uniform(rng, QUERIES)
    for place in range(QUERIES // 2):
        bits = np.zeros(256, np.uint8)
        bits[rng.choice(256, rng.integers(0, RADIUS + 1), replace=False)] = 1
        queries[place] = hashes[rng.integers(len(hashes)) if place else -1] ^ np.packbits(bits)
    return queries


def brute_force(hashes: Hashes, query: Hashes, radius: int) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Return the rows within the radius and their distances, by the definition, without code of the index."""
    bits = np.zeros(len(hashes), np.int64)
    for byte in range(32):
        bits += np.bitwise_count(hashes[:, byte] ^ query[byte])
    rows = np.flatnonzero(bits <= radius)
    return rows, bits[rows]


def measure(name: str, hashes: Hashes, rng: np.random.Generator, rounds: int) -> list[tuple[str, bool]]:
    import faiss

    faiss.omp_set_num_threads(1)
    began = time.perf_counter()
    ours = HammingIndex()
    ours.extend(hashes)
    ours.search(bytes(32), RADIUS)  # the index is built at the first query
    built = time.perf_counter() - began
    theirs = faiss.IndexBinaryFlat(256)
    theirs.add(hashes)

    searches: dict[str, Callable[[Hashes], object]] = {
        OURS % RADIUS: lambda query: ours.search(query.tobytes(), RADIUS),
        THEIRS % RADIUS: lambda query: theirs.range_search(query[None], RADIUS + 1),  # faiss: strictly below
        OURS % RETRIEVAL_RADIUS: lambda query: ours.search(query.tobytes(), RETRIEVAL_RADIUS),
        THEIRS % RETRIEVAL_RADIUS: lambda query: theirs.range_search(query[None], RETRIEVAL_RADIUS + 1),
    }
    medians: dict[str, list[float]] = {label: [] for label in searches}
    slowest: dict[str, float] = dict.fromkeys(searches, 0.0)
    for _ in range(rounds):
        queries = queries_for(hashes, rng)
        taken: dict[str, list[float]] = {label: [] for label in searches}
        for query in queries:
            for label, search in searches.items():
                start = time.perf_counter()
                search(query)
                taken[label].append(1000 * (time.perf_counter() - start))
        for label, times in taken.items():
            medians[label].append(median(times))
            slowest[label] = max(slowest[label], *times)
    ratios = {
        radius: [
            theirs / ours
            for ours, theirs in zip(medians[OURS % radius], medians[THEIRS % radius], strict=True)
        ]
        for radius in (31, 47)
    }

    print(
        f"**{name}**: built, and first query answered, in {built:.2f} s; {rounds} rounds of {QUERIES} "
        "queries\n"
    )
    rows = [
        (label, f"{median(times):.3f}", f"{min(times):.3f} - {max(times):.3f}", f"{slowest[label]:.2f}")
        for label, times in medians.items()
    ]
    report.table(("search", "ms per query (median)", "medians of the rounds", "slowest query, ms"), rows)
    for radius, values in ratios.items():
        print(
            f"faiss / ours at radius {radius}: **{median(values):.1f}** ({min(values):.1f} - "
            f"{max(values):.1f} over the rounds)\n"
        )
    wrong, answers = check_exactness(ours, hashes, rng)
    print(
        f"Against brute force at radii 31 and 47, before and after adds and removals, {answers} answers in "
        f"total: {wrong} queries differ.\n"
    )
    print(f"Arrays: {ours.nbytes / len(ours):.1f} bytes per hash.\n")
    exact = (f"{name}: every answer equals brute force", wrong == 0 and answers > 0)
    if len(hashes) < STATED_FOR:
        return [exact]
    return [
        (
            f"{name}: radius 31 at least 3 times as fast as faiss ({median(ratios[31]):.1f})",
            median(ratios[31]) >= 3,
        ),
        exact,
        (
            f"{name}: at most 160 bytes per hash (aim; {ours.nbytes / len(ours):.1f})",
            ours.nbytes <= 160 * len(ours),
        ),
    ]


def check_exactness(index: HammingIndex, hashes: Hashes, rng: np.random.Generator) -> tuple[int, int]:
    """Return how many queries differ from brute force, and how many answers there were, before and after
    adding and removing rows.
    """
    wrong = answers = 0
    added = uniform(rng, 500)
    for stage in ("built", "changed"):
        if stage == "changed":
            index.extend(added)
            removed = rng.choice(len(hashes), 500, replace=False)
            index.remove(removed)
            hashes = np.concatenate([hashes, added])
        for query in queries_for(hashes, rng)[:-10]:
            for radius in (RADIUS, RETRIEVAL_RADIUS):
                rows, bits = brute_force(hashes, query, radius)
                if stage == "changed":
                    kept = ~np.isin(rows, removed)
                    rows, bits = rows[kept], bits[kept]
                found, found_bits = index.search(query.tobytes(), radius)
                answers += len(rows)
                order = np.argsort(found)
                wrong += not (np.array_equal(found[order], rows) and np.array_equal(found_bits[order], bits))
    return wrong, answers


if __name__ == "__main__":
    sys.exit(main())
