"""Shared words: votes are the same however the rows came in, and a part of a picture votes for its picture."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from douglas_quaid.index import postings, words
from douglas_quaid.index.words import BYTES_PER_DESCRIPTOR, COMMON_FLOOR, OTHERS, SIZE_OFFSET, TABLES, WordIndex, sample_bits, words_of


def descriptors(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.integers(0, 256, (count, 32), dtype=np.uint8)


def test_sampled_bits_and_words_have_their_sizes_and_tables() -> None:
    sampled = sample_bits(descriptors(np.random.default_rng(0), 5))
    assert sampled.shape == (5, BYTES_PER_DESCRIPTOR)
    assert (words_of(sampled) >> 18).tolist() == [list(range(TABLES))] * 5


def test_the_sampled_bits_never_change() -> None:
    # Stored words of yesterday must meet those of tomorrow: the bits are fixed for good.
    rising = np.arange(32, dtype=np.uint8)[None] * 7
    assert sample_bits(rising).tobytes().hex() == "b8a0aca1e407e5e6545f3c9c01ee018e"


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=12),
    piece=st.sampled_from([words.PIECE, 40, 100]),
    table=st.sampled_from([1, 200, postings.TABLE_FROM]),
    block=st.sampled_from([4, 16, postings.BLOCK_ROWS]),
)
def test_votes_do_not_depend_on_how_rows_came_in(seed: int, cuts: list[int], piece: int, table: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "PIECE", piece)
        patch.setattr(postings, "TABLE_FROM", table)
        for module in (words, postings):
            patch.setattr(module, "BLOCK_ROWS", block)
        assert_votes_do_not_depend_on_how_rows_came_in(seed, cuts)


def assert_votes_do_not_depend_on_how_rows_came_in(seed: int, cuts: list[int]) -> None:
    # Given the same images added at once, and in pieces of any size
    rng = np.random.default_rng(seed)
    images = sum(cuts)
    shared = sample_bits(descriptors(rng, 30))
    rows = np.repeat(np.arange(images, dtype=np.uint32), 12)
    sampled = shared[rng.integers(0, 30, len(rows))]
    whole, pieces = WordIndex(), WordIndex()
    whole.extend(rows, sampled)
    first = 0
    for cut in cuts:
        part = (rows >= first) & (rows < first + cut)
        pieces.extend(rows[part], sampled[part])
        first += cut
    # Then they vote alike, and as counting by hand says: a word votes once for each image that holds it
    query = shared[:10]
    votes = whole.vote(query, images)
    assert np.allclose(votes, pieces.vote(query, images))
    asked = Counter(int(word) for word in words_of(query).ravel())
    held = [{int(word) for word in words_of(sampled[rows == image]).ravel()} for image in range(images)]
    frequency = {word: sum(word in found for found in held) for word in asked}
    weight = {word: np.log1p((images + OTHERS) / count) ** 2 * np.sqrt(asked[word]) for word, count in frequency.items() if 0 < count <= COMMON_FLOOR}
    expected = [sum(weight[word] for word in found if word in weight) / np.sqrt(12 + SIZE_OFFSET) for found in held]
    assert np.allclose(votes, expected)


def test_a_part_of_one_picture_finds_it_among_others() -> None:
    # Given 400 images, and a query that shares 20 of 300 descriptors with one of them, each with up to 10 bits of noise
    rng = np.random.default_rng(1)
    index = WordIndex()
    all_descriptors = descriptors(rng, 400 * 300)
    index.extend(np.repeat(np.arange(400, dtype=np.uint32), 300), sample_bits(all_descriptors))
    part = all_descriptors[123 * 300 : 123 * 300 + 20].copy()
    for row in part:
        for bit in rng.choice(256, 10, replace=False):
            row[bit // 8] ^= 1 << (bit % 8)
    votes = index.vote(sample_bits(np.concatenate([part, descriptors(rng, 280)])), 400)
    assert int(votes.argmax()) == 123


def test_a_word_that_everybody_holds_says_nothing() -> None:
    index = WordIndex()
    everywhere = sample_bits(descriptors(np.random.default_rng(2), 1))
    index.extend(np.arange(2 * COMMON_FLOOR, dtype=np.uint32), np.repeat(everywhere, 2 * COMMON_FLOOR, axis=0))
    assert index.vote(everywhere, 2 * COMMON_FLOOR).max() == 0
