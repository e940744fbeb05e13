"""The native kernels give what their plain forms in numpy give, bit for bit: same numbers, order and ties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from support.pictures import page, photo
from support.plain_arrangement import plain_fullest_cells
from support.plain_boxes import plain_boxes
from support.plain_differences import plain_unlike
from support.plain_matching import plain_neighbours
from support.plain_registration import plain_edges_contained, plain_one_each, plain_similar_at_place
from support.plain_spread import plain_spread
from support.plain_words import plain_held, plain_votes
from support.shapes import grey

from douglas_quaid.evaluation import edits
from douglas_quaid.features import _boxes as _boxes_kernel, _spread
from douglas_quaid.features.local import FINEST, LEVELS_PER_OCTAVE, LONGEST_SIDE, PATCH, extract_local
from douglas_quaid.features.pdq import _boxes_along, _picks
from douglas_quaid.index import _arrangement, _postings
from douglas_quaid.index.arrangement import ACROSS, ANGLES, DOWN, LEVELS, fullest_cells
from douglas_quaid.index.options import DEFAULTS as INDEX
from douglas_quaid.records import LocalFeatures
from douglas_quaid.verification import _differences, _edges, _matching, _registration
from douglas_quaid.verification.edges import edges_contained
from douglas_quaid.verification.matching import find_neighbours
from douglas_quaid.verification.options import DEFAULTS
from douglas_quaid.verification.registration import _one_each, _similar_at_place

SEEDS = st.integers(0, 2**32 - 1)
#: Number of keypoints of a picture: none, fewer than are matched, and more.
COUNTS = st.sampled_from([0, 1, 3, 4, 5, 40, 150])


def keypoints(rng: np.random.Generator, count: int, kinds: int) -> LocalFeatures:
    """Keypoints with descriptors of so many kinds, each in a few variants, so that many distances are equal;
    some lie at the same place.
    """
    base = rng.integers(0, 256, (kinds, 32), dtype=np.uint8)[rng.integers(0, kinds, count)]
    noise = rng.integers(0, 256, (count, 32), dtype=np.uint8) & rng.choice([0, 0, 1, 129], (count, 32))
    sizes = PATCH * 2.0 ** (-rng.integers(0, LEVELS, count) / LEVELS_PER_OCTAVE + FINEST / LEVELS_PER_OCTAVE)
    columns = (
        rng.choice([0.0, 3.0, 100.0, 639.0], count) + rng.integers(0, 13, count),
        rng.choice([0.0, 6.0, 400.0], count) + rng.uniform(0, 13, count),
        sizes,
        rng.choice([0.0, 22.5, 45.0, 359.9], count) + rng.choice([0.0, 0.05], count),
    )
    found = np.column_stack(columns).astype(np.float32)
    # Columns lie side by side in memory, as those of a record do, or rows.
    found = np.asfortranarray(found) if rng.integers(0, 2) else found
    return LocalFeatures(640.0, 480.0, found, base ^ noise.astype(np.uint8))


def unlike(rng: np.random.Generator, count: int) -> LocalFeatures:
    """Keypoints of which some differ from others in all bits."""
    found = keypoints(rng, count, 2)
    inverted = rng.integers(0, 2, count, dtype=np.uint8)[:, None] * np.uint8(255)
    flat = np.zeros_like(found.descriptors) ^ inverted
    return replace(found, descriptors=np.ascontiguousarray(flat))


@settings(max_examples=150, deadline=None)
@given(
    seed=SEEDS,
    counts=st.tuples(COUNTS, COUNTS),
    kinds=st.sampled_from([1, 3, 100]),
    rotation=st.sampled_from([0.0, 45.0, 337.5]),
    options=st.sampled_from(
        [
            DEFAULTS.matching,
            replace(DEFAULTS.matching, piece=50),
            replace(DEFAULTS.matching, maximum_alike=30),
            replace(DEFAULTS.matching, maximum_comparisons=400, sectors=1),
        ]
    ),
    flat=st.booleans(),
)
def test_neighbours_are_those_of_the_table(
    seed: int, counts: tuple[int, int], kinds: int, rotation: float, options: object, flat: bool
) -> None:
    # Given two pictures with many equal descriptors, or none alike, at many angles
    rng = np.random.default_rng(seed)
    make = unlike if flat else lambda rng, count: keypoints(rng, count, kinds)
    query, reference = (make(rng, count) for count in counts)
    # When they are matched, in one piece or several, with or without limits
    found = find_neighbours(query, reference, rotation, options=options)  # type: ignore[arg-type]
    plain = plain_neighbours(query, reference, rotation, options=options)  # type: ignore[arg-type]
    # Then pairs, their order and what was compared are those of the table
    assert found.matches.tolist() == plain.matches.tolist()
    assert found.alike.tolist() == plain.alike.tolist()
    assert found.comparisons == plain.comparisons


@pytest.mark.parametrize("edited", ["jpeg_30", "crop_75", "rotate_5"])
def test_neighbours_of_real_pages_are_those_of_the_table(edited: str) -> None:
    query, reference = extract_local(grey(edits.edit(edited, page(7), 1))), extract_local(grey(page(7)))
    found, plain = find_neighbours(query, reference), plain_neighbours(query, reference)
    assert len(found.matches) > 50
    assert (found.matches == plain.matches).all() and (found.alike == plain.alike).all()


@settings(max_examples=150, deadline=None)
@given(
    seed=SEEDS,
    counts=st.tuples(st.sampled_from([1, 2, 40, 150]), st.sampled_from([1, 2, 40, 150])),
    kinds=st.sampled_from([1, 3, 100]),
    matrix=st.sampled_from(
        [
            np.eye(3),
            np.array([[1.1, 0.1, 5], [-0.1, 0.9, 2], [0, 0, 1]]),
            np.array([[0.001, 0, 300], [0, 0.001, 10], [0, 0, 1]]),
            np.array([[1, 0, 1e9], [0, 1, 0], [0, 0, 1.0]]),
            np.array([[1, 0.2, 3], [0, 1, 4], [1e-4, 2e-4, 1]]),
        ]
    ),
    maximum=st.sampled_from([DEFAULTS.geometry.registration.maximum_close, 500]),
)
def test_similar_keypoints_near_their_places_are_those_of_numpy(
    seed: int, counts: tuple[int, int], kinds: int, matrix: NDArray[np.float64], maximum: int
) -> None:
    # Given keypoints of which many lie in one cell, and a transform
    rng = np.random.default_rng(seed)
    one, other = (keypoints(rng, count, kinds) for count in counts)
    options = replace(DEFAULTS.geometry.registration, maximum_close=maximum)
    # Then the pairs are those of numpy, in their order, and so are the first of each keypoint
    found, plain = (
        similar(one, other, matrix, options) for similar in (_similar_at_place, plain_similar_at_place)
    )
    assert found.tolist() == plain.tolist()
    assert _one_each(found, one, other).tolist() == plain_one_each(plain).tolist()


@settings(max_examples=150, deadline=None)
@given(
    seed=SEEDS,
    query=st.sampled_from([1, 2, 9, 300]),
    pairs=st.sampled_from([0, 1, 2, 30, 3_000]),
    spread=st.sampled_from([1, 4, 65_536]),
    words=st.sampled_from([1, 4]),
)
def test_the_fullest_cells_are_those_of_numpy(
    seed: int, query: int, pairs: int, spread: int, words: int
) -> None:
    # Given pairs of a query's keypoints with those of a few images, of which all, many or few share a cell
    rng = np.random.default_rng(seed)
    local = keypoints(rng, query, 1).keypoints
    weights = -np.sort(-rng.uniform(0, 1, (query, words)), axis=1)
    weights[rng.uniform(size=query) < 0.1] = 0
    images, slots = rng.integers(0, 3, pairs), rng.integers(0, weights.size, pairs)
    quantised = rng.integers(0, min(spread, ANGLES * LEVELS * DOWN * ACROSS), pairs).astype(np.uint16)
    # Then the votes are those of numpy to the last bit
    for cell in (INDEX.cell, 24):
        options = replace(INDEX, cell=cell)
        found, plain = (
            votes(local, weights, images, slots, quantised, 4, options=options)
            for votes in (fullest_cells, plain_fullest_cells)
        )
        assert found.tolist() == plain.tolist()


@pytest.mark.parametrize("count", [7, 8, 9, 128, 129, 130, 137, 300, 1_000])
def test_votes_of_one_cell_are_summed_as_numpy_sums(count: int) -> None:
    # Given keypoints at one place that all vote for one cell
    rng = np.random.default_rng(count)
    local = np.tile(np.array([[100, 100, PATCH, 0]], np.float32), (count, 1))
    weights = rng.uniform(1e-3, 1, (count, 1))
    pairs = np.zeros(count, np.int64), np.arange(count), np.full(count, 1234, np.uint16)
    # Then the votes are those of numpy to the last bit
    found, plain = (votes(local, weights, *pairs, 1) for votes in (fullest_cells, plain_fullest_cells))
    assert found[0] == plain[0] > 0


@settings(max_examples=100, deadline=None)
@given(
    seed=SEEDS,
    shape=st.tuples(st.sampled_from([1, 2, 3, 50]), st.sampled_from([1, 2, 3, 64])),
    levels=st.sampled_from([2, 20, 256]),
)
def test_edges_are_counted_as_by_opencv(seed: int, shape: tuple[int, int], levels: int) -> None:
    # Given two pictures of noise, one of them partly the other
    rng = np.random.default_rng(seed)
    one = rng.integers(0, levels, shape).astype(np.uint8)
    changed = (one // 2 + rng.integers(0, 2, shape)).astype(np.uint8)
    other = np.where(rng.uniform(size=shape) < 0.5, one, changed)
    inside = rng.uniform(size=shape) < 0.9
    options = replace(DEFAULTS.agreement.edges, minimum_pixels=1)
    # Then the share is that of OpenCV's gradients
    assert edges_contained(one, other, inside, options=options) == plain_edges_contained(
        one, other, inside, options=options
    )


def test_edges_of_a_page_are_counted_as_by_opencv() -> None:
    one, other = grey(page(7)), grey(edits.edit("watermark", page(7), 1))
    inside = np.ones(one.shape, bool)
    assert 0.5 < edges_contained(one, other, inside) == plain_edges_contained(one, other, inside)
    assert edges_contained(one, np.ascontiguousarray(one[::-1]), inside) == plain_edges_contained(
        one, one[::-1], inside
    )


def test_a_kernel_refuses_arrays_that_do_not_fit() -> None:
    picture, none = np.zeros((4, 4), np.uint8), np.empty(0, np.int64)
    with pytest.raises(TypeError, match="array 3 of the kernel must be"):
        _edges.count(picture, picture, picture, 1.0, 1.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="different sizes"):
        _edges.count(picture, picture[:2], np.ones((4, 4), bool), 1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match="keypoints outside"):
        descriptors = np.zeros((2, 32), np.uint8)
        _matching.alike(descriptors, descriptors, np.array([0, 2]), none, np.empty((1, 2), np.int64), 1, 0)
    with pytest.raises(ValueError, match="keypoints outside"):
        pairs, seen = np.array([[0, 5]]), np.zeros(2, bool)
        _registration.first_of_both(pairs, np.zeros(1, bool), seen, seen.copy())
    with pytest.raises(TypeError, match="18 arguments"):
        _arrangement.fullest()  # type: ignore[call-arg]
    with pytest.raises((BufferError, ValueError)):
        _edges.count(picture[:, ::2], picture[:, ::2], np.ones((4, 2), bool), 1.0, 1.0, 1.0)


def test_photographs_are_matched_as_by_the_table() -> None:
    one, other = extract_local(grey(photo(3))), extract_local(grey(edits.edit("crop_75", photo(3), 1)))
    found, plain = find_neighbours(one, other), plain_neighbours(one, other)
    assert len(found.alike) and (found.alike == plain.alike).all()


@settings(max_examples=40, deadline=None)
@given(
    seed=SEEDS,
    blocks=st.tuples(st.integers(1, 6), st.integers(1, 9)),
    more=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    side=st.sampled_from([8, 8, 5]),
    kind=st.sampled_from(["noise", "alike", "flat"]),
)
def test_blocks_at_nine_shifts_are_those_of_numpy(
    seed: int, blocks: tuple[int, int], more: tuple[int, int], side: int, kind: str
) -> None:
    # Given two pictures of whole blocks and a bit more, and what of them overlaps
    rng = np.random.default_rng(seed)
    height, width = (side * count + rest % side for count, rest in zip(blocks, more, strict=True))
    one, other = (rng.uniform(0, 255, (height + 2, width + 2)).astype(np.float32) for _ in range(2))
    if kind == "alike":
        other = np.roll(one, (1, -1), axis=(0, 1)) + rng.integers(0, 2, one.shape).astype(np.float32)
    if kind == "flat":
        one[: height // 2], other[:, : width // 2] = 7, 0
    inside = rng.uniform(size=one.shape) < 0.97
    options = replace(DEFAULTS.differences, side=side)
    # Then what is measured is that of numpy and OpenCV, to the last bit
    found = [np.empty(blocks, np.float32) for _ in range(5)]
    _differences.compare(one, other, inside, *found, side)
    inner, correlation, held, *strengths = found
    counted, unlike, alike, *plain = plain_unlike(one, other, inside, options)
    assert ((inner >= options.minimum_inside) == counted).all()
    assert ((correlation < options.maximum_correlation) & (held < options.maximum_held) == unlike).all()
    assert ((correlation >= options.agreeing_correlation) == alike).all()
    assert all((a == b).all() for a, b in zip(strengths, plain, strict=True))


@settings(max_examples=100, deadline=None)
@given(seed=SEEDS, words=st.sampled_from([0, 1, 5, 40]), longest=st.sampled_from([1, 3, 60]))
def test_postings_are_counted_and_collected_as_by_numpy(seed: int, words: int, longest: int) -> None:
    # Given words, some without postings, and rows that have some of them several times
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, longest + 1, words)
    runs = [np.sort(rng.integers(0, 6, count) << 16 | rng.integers(0, 3, count)) for count in lengths]
    postings = np.concatenate([np.empty(0, np.int64), *runs, [65_535 << 16]]).astype(np.uint32)
    starts, weights = lengths.cumsum() - lengths, rng.uniform(0, 1, words)
    # Then the votes are those of numpy to the last bit
    votes = np.zeros(1 << 16)
    _postings.vote(postings, starts, lengths, weights, votes)
    assert (votes == plain_votes(postings, starts, lengths, weights)).all()
    # And what the chosen rows hold is the same, in the same order
    number = np.full(1 << 16, -1)
    number[[1, 4]] = 7, 0
    found = (
        np.empty(len(postings), np.int64),
        np.empty(len(postings), np.int64),
        np.empty(len(postings), "u2"),
    )
    count = _postings.held(postings, starts, lengths, number, *found)  # type: ignore[call-arg, arg-type]
    plain = plain_held(postings, starts, lengths, number)
    assert [part[:count].tolist() for part in found] == [part.tolist() for part in plain]


def test_runs_outside_the_postings_are_refused() -> None:
    postings, votes = np.zeros(5, np.uint32), np.zeros(1 << 16)
    for start, count in ((4, 2), (-1, 1), (0, -1), (2**62, 2**62)):
        with pytest.raises(ValueError, match="runs outside"):
            _postings.vote(postings, np.array([start]), np.array([count]), np.ones(1), votes)


@given(SEEDS, COUNTS, st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_keypoints_are_taken_in_the_order_of_numpy(seed: int, count: int, levels: int) -> None:
    # Given keypoints of which many have the same response, and some the same place
    rng = np.random.default_rng(seed)
    places = rng.integers(0, 300, (count, 2)) * rng.integers(0, 2, (count, 1)) + 7
    responses = rng.integers(0, levels, count) / 3.0
    # Then they are taken in the order of numpy, ties included
    order = np.empty(count, np.int64)
    _spread.spread(places, responses, order, 40, 96, LONGEST_SIDE)
    assert order.tolist() == plain_spread(places, responses, 40, 96).tolist()


@given(SEEDS, st.sampled_from([1, 7, 8, 9, 40]), st.sampled_from([64, 65, 129, 500]), st.booleans())
@settings(max_examples=40, deadline=None)
def test_running_sums_are_rounded_as_numpy_rounds_them(
    seed: int, count: int, width: int, sampled: bool
) -> None:
    rows = np.random.default_rng(seed).uniform(0, 255, (count, width)).astype(np.float32)
    picks = _picks(width) if sampled else None
    assert _boxes_along(rows, picks).tobytes() == plain_boxes(rows, picks).tobytes()


def test_kernels_of_features_refuse_what_does_not_fit() -> None:
    places, responses, order = np.zeros((3, 2), np.int64), np.zeros(3), np.zeros(3, np.int64)
    for wrong in (places - 1, places + 10, np.zeros((4, 2), np.int64)):
        with pytest.raises(ValueError, match="outside the level"):
            _spread.spread(wrong, responses, order, 40, 96, 10)
    rows, means = np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32)
    begins, ends, picks = np.array([0, 0, 1, 2]), np.array([1, 2, 3, 4]), np.arange(4)
    for other in (
        (begins[::-1].copy(), ends, picks),
        (begins, ends + 1, picks),
        (begins, ends, picks[::-1].copy()),
    ):
        with pytest.raises(ValueError, match="outside the rows"):
            _boxes_kernel.boxes(rows, *other, means)
