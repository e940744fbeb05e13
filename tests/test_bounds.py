"""The work of a pair and of a query is bounded, whatever the pictures show; tests/benchmarks/worst_cases.py
measures what that takes.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.pictures import page, png, tall_page
from support.shapes import grey

from douglas_quaid import Engine
from douglas_quaid.answers import QueryResult
from douglas_quaid.deadline import OutOfTime, Timer
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.features import extract_features, insets, pdq, work_of_extraction
from douglas_quaid.features.local import extract_local
from douglas_quaid.features.options import DEFAULTS as FEATURES
from douglas_quaid.features.picture import Picture
from douglas_quaid.index import words
from douglas_quaid.index.arrangement import quantise_keypoints
from douglas_quaid.index.options import DEFAULTS as INDEX
from douglas_quaid.index.words import BYTES_PER_DESCRIPTOR, WordIndex, WordKeypoints
from douglas_quaid.options import DEFAULTS
from douglas_quaid.records import Candidate, Decision, ImageFeatures, LocalFeatures, Reason
from douglas_quaid.search.candidates import View
from douglas_quaid.search.search import Search
from douglas_quaid.search.verified import Pair, verify_all
from douglas_quaid.verification import registration
from douglas_quaid.verification.blocks import compare_blocks
from douglas_quaid.verification.edges import edges_contained
from douglas_quaid.verification.geometry import vote_geometry
from douglas_quaid.verification.matching import find_neighbours
from douglas_quaid.verification.options import DEFAULTS as VERIFICATION
from douglas_quaid.verification.registration import register
from douglas_quaid.verification.verify import verify

#: Keypoints of a page of twenty bands.
TALL = 17_000
MIB = 1 << 20


def features(data: bytes) -> ImageFeatures:
    return extract_features(decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000))


def keypoints(count: int, *, height: float = 20_000.0, angles: float = 0.0, seed: int = 0) -> LocalFeatures:
    """Keypoints with one descriptor, anywhere in a frame, at angles from 90 to 90 + `angles` degrees."""
    rng = np.random.default_rng(seed)
    columns = (
        rng.uniform(0, 640, count),
        rng.uniform(0, height, count),
        rng.choice([31.0, 39.0, 49.0], count),
        90 + rng.uniform(0, angles, count),
    )
    rows = np.column_stack(columns).astype(np.float32)
    return LocalFeatures(640.0, height, rows, np.zeros((count, 32), np.uint8))


def peak(work: Callable[[], object]) -> float:
    """MiB that some work allocates at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("angles", [0.0, 360.0])
def test_two_tall_pages_of_one_pattern_are_compared_in_part(angles: float) -> None:
    # Given two pictures of 17,000 keypoints each, all alike: 289 million pairs
    one, other = (keypoints(TALL, angles=angles, seed=seed) for seed in (1, 2))
    # When they are compared
    near = find_neighbours(one, other)
    # Then work and lists are bounded, and nearly as long as they may be
    options = VERIFICATION.matching
    assert 0.8 * options.maximum_comparisons < near.comparisons <= options.maximum_comparisons
    assert 0.8 * options.maximum_alike < len(near.alike) <= options.maximum_alike
    # And so is memory, with the vote over the ambiguous pairs
    assert peak(lambda: vote_geometry(find_neighbours(one, other))) < 150


def test_the_pairs_of_the_least_ambiguous_keypoints_are_kept() -> None:
    # Given a pattern of 900 equal keypoints, among which ten are found only once
    one, other = keypoints(900), keypoints(900)
    for local in (one, other):
        local.descriptors[:10] = np.random.default_rng(3).integers(0, 256, (10, 32), np.uint8)
    few = replace(VERIFICATION.matching, maximum_alike=1_000)
    # When only 1,000 pairs are kept
    alike = find_neighbours(one, other, options=few).alike
    # Then the ten are among them, and the pairs of one keypoint are kept together
    assert {(n, n) for n in range(10)} <= {(int(a), int(b)) for a, b in alike}
    assert len(alike) == 10 + 890


def test_a_viewport_is_compared_with_all_of_a_tall_page() -> None:
    # Given a page of twenty bands, and a viewport of one, with angles as they come
    viewport, whole = keypoints(850, height=1_000, angles=360), keypoints(TALL, angles=360)
    near = find_neighbours(viewport, whole)
    # Then every keypoint of both was compared within the window of angles, a quarter of the circle
    assert near.comparisons == pytest.approx(850 * TALL / 4, rel=0.05)


def test_pieces_give_the_same_as_one_table() -> None:
    one, other = extract_local(grey(page(7))), extract_local(grey(page(8)))
    small = replace(VERIFICATION.matching, piece=5_000)
    whole, pieces = find_neighbours(one, other), find_neighbours(one, other, options=small)
    assert (whole.matches == pieces.matches).all() and (whole.alike == pieces.alike).all()


def test_ransac_sees_a_bounded_number_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    estimate = cv2.estimateAffine2D

    def watched(source: NDArray[np.float32], *rest: object, **options: object) -> object:
        seen.append(len(source))
        return estimate(source, *rest, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(cv2, "estimateAffine2D", watched)
    vote_geometry(find_neighbours(keypoints(TALL, height=400), keypoints(TALL, height=400, seed=1)))
    assert seen and max(seen) <= VERIFICATION.geometry.ransac_pairs


def test_a_dense_picture_reduced_to_a_point_is_registered_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a transform that lays 17,000 keypoints into the middle of a picture that has as many there
    dense = keypoints(TALL, height=300)
    reduced = np.array([[1 / 12, 0, 300], [0, 1 / 12, 150], [0, 0, 1]])
    found: list[int] = []
    around = registration._cells

    def watched(
        points: NDArray[np.float64], places: NDArray[np.float64], radius: float, maximum: int
    ) -> object:
        cells = around(points, places, radius, maximum)
        found.append(int((cells.lasts - cells.firsts).sum()))
        return cells

    monkeypatch.setattr(registration, "_cells", watched)
    # When it is refined, then the pairs near the predicted places are bounded, and memory with them
    assert peak(lambda: register(dense, dense, reduced)) < 150
    assert 0 < found[0] <= VERIFICATION.geometry.registration.maximum_close


def test_tall_thumbnails_are_compared_a_part_at_a_time() -> None:
    rng = np.random.default_rng(0)
    one, other = (rng.integers(0, 256, (16_383, 320), np.uint8) for _ in range(2))
    inside = np.ones(one.shape, bool)
    assert peak(lambda: compare_blocks(one, other, inside)) < 60
    assert peak(lambda: edges_contained(one, other, inside)) < 60
    # And the parts give the same as the whole
    blocks = VERIFICATION.agreement.blocks
    one, other, inside = one[:900], cv2.GaussianBlur(one[:900], (0, 0), 2), inside[:900]  # type: ignore[assignment]
    whole, parts = (compare_blocks(one, other, inside, options=replace(blocks, rows=n)) for n in (99, 7))
    assert (whole.agree == parts.agree).all() and (whole.correlation == parts.correlation).all()


def test_a_query_reads_a_bounded_number_of_postings(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an image that holds a word at several hundred places, and a query that holds it 3,000 times: some
    # two million pairs in each of four tables
    held = WordKeypoints.of(keypoints(900))
    column = np.frombuffer(held.column(), np.uint8).reshape(-1, BYTES_PER_DESCRIPTOR)
    places = len(np.unique(quantise_keypoints(held.keypoints)))
    query = WordKeypoints.of(keypoints(3_000, seed=1))
    options = replace(INDEX, maximum_arranged=3_000 * places, maximum_postings=3 * places)
    index, small = WordIndex(), WordIndex(options=options)
    for one in (index, small):
        one.extend(np.zeros(900, np.uint32), column)
    counted: list[int] = []
    fullest = words.fullest_cells

    def watched(*arrays: NDArray[np.int64], **options: object) -> NDArray[np.float64]:
        counted.append(len(arrays[2]))
        return fullest(*arrays, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(words, "fullest_cells", watched)
    # When it is voted for, then no more pairs are counted than may be: of the four words none or one
    index.vote_by_arrangement(query, np.arange(1))
    small.vote_by_arrangement(query, np.arange(1))
    assert counted == [0, 3_000 * places]
    # And postings beyond their maximum are not read: those of three of the four words are
    timer = Timer(None)
    small.vote(query.sampled, 1, timer)
    assert timer.spent == 3 * places


def test_other_views_of_a_tall_page_are_smaller_and_steps_between_are_left_out() -> None:
    options = FEATURES.local
    tall, usual = (tall_page(3, width=640, ratio=ratio) for ratio in (14, 4))
    pictures = [Picture(features(png(whole)), grey(whole)) for whole in (tall, usual)]
    frames = [
        picture.mirrored.frame_width * picture.mirrored.frame_height
        for picture in pictures
        if picture.mirrored
    ]
    assert frames[0] <= 1.01 * options.maximum_bands_of_views * options.band_area < 640 * 640 * 14
    assert frames[1] == 640 * 640 * 4
    assert [len(list(picture.between())) for picture in pictures] == [0, len(options.between)]


def test_insets_are_looked_for_in_a_bounded_page(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    lines = insets._lines

    def watched(small: NDArray[np.uint8], options: object) -> NDArray[np.uint8]:
        sizes.append(small.size)
        return lines(small, options)  # type: ignore[arg-type]

    monkeypatch.setattr(insets, "_lines", watched)
    insets.find_boxes(np.zeros((40_000, 1_280), np.uint8))
    assert sizes[0] <= 1.01 * FEATURES.insets.maximum_pixels


def test_the_reference_sums_of_a_large_picture_hold_no_second_copy() -> None:
    # Given a picture of 12 million pixels, whose brightness alone takes 48 MB as floats
    pixels = np.zeros((6_000, 2_000, 3), np.uint8)
    pixels[::7] = 200
    assert peak(lambda: pdq._samples_as_rounded(pixels)) < 100


def test_a_pair_that_is_cut_has_no_evidence() -> None:
    query, reference = (Picture(features(png(page(seed)))) for seed in (1, 2))
    timer = Timer(None)
    whole = verify(query, reference, timer=timer)
    assert timer.spent > 0
    # Given limits at which the work is done before the pair is measured
    for work in range(0, timer.spent, max(1, timer.spent // 5)):
        with pytest.raises(OutOfTime):
            verify(query, reference, timer=Timer(None, work))
    assert verify(query, reference, timer=Timer(None, timer.spent + 1)).evidence == whole.evidence


def test_a_query_ends_after_its_work_and_says_so(store_url: str) -> None:
    pictures = [png(page(seed)) for seed in range(6)]
    effort = replace(DEFAULTS.search.effort, maximum_work=1)
    little = replace(DEFAULTS, search=replace(DEFAULTS.search, effort=effort))
    with Engine.open(store_url) as engine:
        for data in pictures:
            engine.add(data, link=False)
        asked = png(page(0).resize((900, 562)))
        whole = engine.query(asked)
        assert whole.complete and whole.hits
    with Engine.open(store_url, options=little) as engine:
        cut = engine.query(asked)
        assert not cut.complete and not cut.hits


def test_a_search_that_was_cut_after_few_candidates_matches_nothing(store_url: str) -> None:
    # Given a picture that matches one of six, when the search ends early, at whatever point,
    with Engine.open(store_url) as engine:
        for seed in range(6):
            engine.add(png(page(seed)), link=False)
        asked = png(page(0).resize((900, 562)))
        assert engine.query(asked).decision is Decision.MATCH
    found = list[QueryResult]()
    for step in range(48):
        effort = replace(DEFAULTS.search.effort, maximum_work=round(1e5 * 1.15**step))
        options = replace(DEFAULTS, search=replace(DEFAULTS.search, effort=effort))
        with Engine.open(store_url, options=options) as engine:
            found.append(engine.query(asked))
    # then what was verified until then is a review, because others might have agreed as well.
    cut = [answer for answer in found if not answer.complete and answer.hits]
    assert cut and all(hit.reasons[0] is Reason.CONTEXT_CUT for answer in cut for hit in answer.hits)
    assert {answer.decision for answer in cut} == {Decision.REVIEW}


def test_a_query_counts_its_extraction_as_work(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    spend = Timer.spend

    def watched(timer: Timer, work: int) -> None:
        counted.append(work)
        spend(timer, work)

    monkeypatch.setattr(Timer, "spend", watched)
    with Engine.open(store_url) as engine:
        engine.query(png(page(1)))
    assert counted[0] == work_of_extraction(features(png(page(1))))
    # And a picture at the limit of pixels has something left for its search
    largest = replace(features(png(page(1))), width=12_000, height=10_000)
    assert work_of_extraction(largest) < 0.8 * DEFAULTS.search.effort.maximum_work
    # So has a larger one, where the operator raised the limit
    assert work_of_extraction(replace(largest, width=40_000)) == work_of_extraction(largest)


def test_where_ignored_pictures_could_not_be_measured_no_pair_is_a_match(store_url: str) -> None:
    # Given a picture that is ignored, two copies of it that are not, and no work for what is around a pair
    effort = replace(DEFAULTS.search.effort, context_work=0)
    little = replace(DEFAULTS, search=replace(DEFAULTS.search, effort=effort))
    copies = [png(page(0).resize(size)) for size in ((1000, 625), (900, 562))]
    asked = png(page(0).resize((800, 500)))
    with Engine.open(store_url) as engine:
        stored = [engine.add(data, link=False).image_id for data in copies]
        assert {hit.decision for hit in engine.query(asked).hits} == {Decision.MATCH}
        engine.ignore(engine.add(png(page(0)), link=False).image_id)
        assert not engine.query(asked).hits
    with Engine.open(store_url, options=little) as engine:
        cut = engine.query(asked)
        # Then it is not known of either copy whether the ignored picture is all they share
        assert not cut.complete and {hit.image_id for hit in cut.hits} == set(stored)
        assert {hit.decision for hit in cut.hits} == {Decision.REVIEW}


def test_a_link_ends_after_its_work_even_before_a_representative_is_measured(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a cluster, whose representative is not among the candidates of a new copy
    with Engine.open(store_url) as engine:
        first = engine.add(png(page(0)))
        second = engine.add(png(page(0).resize((900, 562))))
        assert first.cluster == second.cluster
        (represents,) = engine._store.clusters.representatives([second.image_id])[0]
        (other,) = {first.image_id, second.image_id} - {represents}
        monkeypatch.setattr(
            "douglas_quaid.engine.find_candidates",
            lambda search, view, *, allowed: [Candidate(other)] if view is View.WHOLE else [],
        )
        # And a search whose work is done when its candidates are measured
        measured: list[int] = []

        def cut_behind(search: Search, candidates: list[Candidate]) -> list[Pair]:
            pairs = verify_all(search, candidates)
            search.timer.work = 0
            measured.append(len(pairs))
            return pairs

        monkeypatch.setattr("douglas_quaid.engine.verify_all", cut_behind)
        # When it is added, then what was measured is stored, and nothing waits to be linked again
        added = engine.add(png(page(0).resize((1000, 625))))
        assert measured == [1] and engine._store.links.is_linked(added.image_id)
        assert [hit.image_id for hit in engine.hits(added.image_id)] == [other]
