"""Shared words: votes do not depend on how rows came in, and a part of a picture votes for its picture."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings, strategies as st
from support.stored_words import restore_keypoints
from test_arrangement import fullest

from douglas_quaid.index.options import DEFAULTS, UPKEEP, UpkeepOptions
from douglas_quaid.index.words import (
    SAMPLED_BYTES,
    TABLES,
    WordIndex,
    WordKeypoints,
    sample_bits,
    words_of,
)


def descriptors(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, 256, (count, 32), dtype=np.uint8)


def stored(keypoints: WordKeypoints) -> np.ndarray:
    return np.frombuffer(keypoints.column(), np.uint8).reshape(-1, SAMPLED_BYTES + 2)


def anywhere(rng: np.random.Generator, described: np.ndarray) -> WordKeypoints:
    """These descriptors at random places."""
    return WordKeypoints(
        sample_bits(described), restore_keypoints(rng.integers(0, 60_000, len(described), dtype=np.uint16))
    )


def test_sampled_bits_and_words_have_their_sizes_and_tables() -> None:
    sampled = sample_bits(descriptors(np.random.default_rng(0), 5))
    assert sampled.shape == (5, SAMPLED_BYTES)
    assert (words_of(sampled) >> 18).tolist() == [list(range(TABLES))] * 5


def test_the_sampled_bits_never_change() -> None:
    # Stored words of yesterday must meet those of tomorrow: the bits are fixed for good.
    rising = np.arange(32, dtype=np.uint8)[None] * 7
    assert sample_bits(rising).tobytes().hex() == "b8a0aca1e407e5e654"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=12),
    piece=st.sampled_from([UPKEEP.piece, 40, 100]),
    table=st.sampled_from([1, 200, UPKEEP.table_minimum]),
    block=st.sampled_from([4, 16, UPKEEP.block_rows]),
)
def test_votes_do_not_depend_on_how_rows_came_in(
    seed: int, cuts: list[int], piece: int, table: int, block: int
) -> None:
    upkeep = UpkeepOptions(piece=piece, table_minimum=table, block_rows=block)
    # Given the same images added at once, and in pieces of any size, with few keypoints, so that those of one
    # word share some
    rng = np.random.default_rng(seed)
    images = sum(cuts)
    shared = sample_bits(descriptors(rng, 30))
    rows = np.repeat(np.arange(images, dtype=np.uint32), 12)
    keypoints = WordKeypoints(
        shared[rng.integers(0, 30, len(rows))],
        restore_keypoints(rng.choice([0, 700, 12_345, 40_000, 64_511], len(rows)).astype(np.uint16)),
    )
    column = stored(keypoints)
    whole, pieces = WordIndex(upkeep=upkeep), WordIndex(upkeep=upkeep)
    whole.extend(rows, column)
    first = 0
    for cut in cuts:
        part = (rows >= first) & (rows < first + cut)
        pieces.extend(rows[part], column[part])
        first += cut
    # Then they vote alike, and as counting by hand says: a word votes once for each image that holds it
    query = shared[:10]
    votes = whole.vote(query, images)
    assert np.allclose(votes, pieces.vote(query, images))
    queried = Counter(int(word) for word in words_of(query).ravel())
    places = [tuple(keypoint) for keypoint in keypoints.keypoints.tolist()]
    held: dict[tuple[int, int], set[tuple[float, ...]]] = defaultdict(set)
    for hashed, row, place in zip(words_of(keypoints.sampled), rows, places, strict=True):
        for word in hashed:
            held[int(word), int(row)].add(place)
    frequency: Counter[int] = Counter()
    for (word, _), lies in held.items():
        frequency[word] += len(lies)
    weight = {
        word: (
            np.log1p((images + DEFAULTS.assumed_images) / frequency[word])
            / np.log1p(images + DEFAULTS.assumed_images)
        )
        ** 2
        for word in queried
        if 0 < frequency[word] <= DEFAULTS.common_floor
    }
    expected = [
        sum(weight[word] * np.sqrt(queried[word]) for word in weight if (word, row) in held)
        / np.sqrt(12 + DEFAULTS.size_offset)
        for row in range(images)
    ]
    assert np.allclose(votes, expected)
    # And by arrangement, for some of them, they vote as `fullest` says
    chosen = rng.permutation(images)[: max(1, images // 2)]
    asking = WordKeypoints(query, restore_keypoints(rng.integers(0, 64_512, len(query), dtype=np.uint16)))
    pairs = [
        (image, own, place, weight[int(word)] / np.sqrt(queried[int(word)]))
        for image, row in enumerate(chosen)
        for own, words in enumerate(words_of(query))
        for word in words
        if int(word) in weight
        for place in held.get((int(word), int(row)), ())
    ]
    assert np.allclose(
        pieces.vote_by_arrangement(asking, chosen), fullest(asking.keypoints, pairs, len(chosen))
    )


def test_a_part_of_one_picture_finds_it_among_others() -> None:
    # Given 400 images, and a query that shares 20 of 300 descriptors with one of them, each with up to 10
    # bits of noise, moved as one
    rng = np.random.default_rng(1)
    index = WordIndex()
    all_descriptors = descriptors(rng, 400 * 300)
    everything = anywhere(rng, all_descriptors)
    index.extend(np.repeat(np.arange(400, dtype=np.uint32), 300), stored(everything))
    there = slice(123 * 300, 123 * 300 + 20)
    part = all_descriptors[there].copy()
    for row in part:
        for bit in rng.choice(256, 10, replace=False):
            row[bit // 8] ^= 1 << (bit % 8)
    query = anywhere(rng, np.concatenate([part, descriptors(rng, 280)]))
    query.keypoints[:20] = everything.keypoints[there] + np.array([-48, 96, 0, 0], np.float32)
    assert int(index.vote(query.sampled, 400).argmax()) == 123
    by_arrangement = index.vote_by_arrangement(query, np.arange(400))
    assert int(by_arrangement.argmax()) == 123 and by_arrangement[123] > 3 * np.sort(by_arrangement)[-2]
    # When the same keypoints lie at unrelated places, they count as nothing
    query.keypoints[:20] = query.keypoints[rng.permutation(20)] + rng.uniform(0, 300, (20, 1))
    assert index.vote_by_arrangement(query, np.arange(400))[123] < by_arrangement[123] / 3


def test_a_word_that_everybody_has_is_a_stop_word() -> None:
    index, rng = WordIndex(), np.random.default_rng(2)
    everywhere = anywhere(rng, descriptors(rng, 1))
    index.extend(
        np.arange(2 * DEFAULTS.common_floor, dtype=np.uint32),
        np.repeat(stored(everywhere), 2 * DEFAULTS.common_floor, axis=0),
    )
    assert index.vote(everywhere.sampled, 2 * DEFAULTS.common_floor).max() == 0
    assert index.vote_by_arrangement(everywhere, np.arange(2 * DEFAULTS.common_floor)).max() == 0
