"""The hash index finds exactly what a scan of all rows finds: after adds and removals, on random and on
clone-heavy data.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from douglas_quaid.index.hamming import BYTES, LARGEST_RADIUS, HammingIndex, distances
from douglas_quaid.index.options import UpkeepOptions


def scan(hashes: NDArray[np.uint8], alive: NDArray[np.bool_], query: bytes, radius: int) -> dict[int, int]:
    """The oracle: every live row within the radius, with its distance counted bit by bit."""
    different = np.unpackbits(hashes ^ np.frombuffer(query, np.uint8), axis=1).sum(axis=1)
    return {row: int(bits) for row, bits in enumerate(different) if alive[row] and bits <= radius}


def near(rng: np.random.Generator, hash_: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """The hash with exactly `bits` bits flipped."""
    flipped = np.unpackbits(hash_)
    flipped[rng.choice(256, bits, replace=False)] ^= 1
    return np.packbits(flipped)


def clones(rng: np.random.Generator, count: int, templates: int) -> NDArray[np.uint8]:
    """Captures of a few templates: a third the very same hash, the rest up to 40 bits away."""
    originals = rng.integers(0, 256, (templates, BYTES), dtype=np.uint8)
    rows = [originals[rng.integers(templates)] for _ in range(count)]
    return np.stack(
        [row if rng.random() < 1 / 3 else near(rng, row, int(rng.integers(0, 41))) for row in rows]
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    clone_heavy=st.booleans(),
    radius=st.integers(0, 60),
    steps=st.lists(st.sampled_from(["add", "remove", "ask"]), max_size=12),
)
def test_search_is_exact_whatever_was_added_and_removed(
    seed: int, clone_heavy: bool, radius: int, steps: list[str]
) -> None:
    # Given an index that folds its tail after a few rows, so that base and tail both hold some
    rng = np.random.default_rng(seed)
    index, rows, alive = (
        HammingIndex(upkeep=UpkeepOptions(scan_maximum=20)),
        np.empty((0, BYTES), np.uint8),
        np.empty(0, np.bool_),
    )
    for step in ["add", *steps, "ask"]:
        if step == "add":
            count = int(rng.integers(1, 120))
            new = (
                clones(rng, count, 3) if clone_heavy else rng.integers(0, 256, (count, BYTES), dtype=np.uint8)
            )
            searchable = rng.random(count) > 0.1
            index.extend(new, searchable)
            rows, alive = np.concatenate([rows, new]), np.concatenate([alive, searchable])
        elif step == "remove":
            gone = rng.choice(len(rows), int(rng.integers(0, len(rows) // 2 + 1)), replace=False)
            index.remove(gone)
            alive[gone] = False
        else:
            # When the query is a neighbour of a row that was ever there, at any distance around the radius
            query = near(rng, rows[rng.integers(len(rows))], int(rng.integers(0, radius + 3))).tobytes()
            found, bits = index.search(query, radius)
            # Then exactly the rows that a scan finds come back, nearest first
            assert dict(zip(found.tolist(), bits.tolist(), strict=True)) == scan(rows, alive, query, radius)
            assert np.all(np.diff(bits.astype(int)) >= 0)


@pytest.mark.parametrize("radius", [0, 15, 16, 31, 32, LARGEST_RADIUS])
def test_the_worst_spread_of_flipped_bits_is_found(radius: int) -> None:
    # Given rows whose flipped bits are spread as evenly over the slots as can be, the hardest case for slots
    rng = np.random.default_rng(radius)
    query = rng.integers(0, 256, BYTES, dtype=np.uint8)
    rows = rng.integers(0, 256, (6000, BYTES), dtype=np.uint8)
    bits = np.unpackbits(query)
    for flip in range(radius):
        bits[(flip % 16) * 16 + flip // 16] ^= 1
    rows[4321] = np.packbits(bits)
    index = HammingIndex()
    index.extend(rows)
    # Then it is found at its distance
    found, distance = index.search(query.tobytes(), radius)
    assert (4321, radius) in set(zip(found.tolist(), distance.tolist(), strict=True))


def test_the_complement_is_256_bits_away() -> None:
    hashes = np.zeros((1, BYTES), np.uint8)
    assert distances(hashes, np.full(BYTES, 255, np.uint8)).tolist() == [256]


def test_a_removed_hash_leaves_no_bytes_behind() -> None:
    index = HammingIndex()
    index.extend(np.full((3, BYTES), 7, np.uint8))
    index.remove(np.array([1]))
    assert index._hashes.view[1].tolist() == [0] * BYTES


def test_a_query_of_the_wrong_size_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        HammingIndex().search(b"short", 31)
