"""A calibration that is chosen for a store counts in every process, and stored verdicts follow it without a
picture.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.choosing_process import ask_and_link
from support.images import put_all, record_verdict
from support.judging import veto
from support.pictures import page, png
from support.steps import interleave, run_and_die

from douglas_quaid import ConfigError, Decision, Engine, Relation
from douglas_quaid.config import Config
from douglas_quaid.decision.active_calibration import ActiveCalibration
from douglas_quaid.decision.calibration import Calibration
from douglas_quaid.decision.calibration_file import shipped, write
from douglas_quaid.decision.decide import decide_stored
from douglas_quaid.decision.redecide import redecide, relink
from douglas_quaid.evaluation import edits
from douglas_quaid.records import PERSON, Configuration, Evidence, JudgementWord, Verdict
from douglas_quaid.store import Store, StoreOptions

IDENTITY = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)
SURE = Evidence(
    same_bytes=False,
    same_pixels=False,
    pdq_bits=4,
    orientation=0,
    inliers=300,
    explained=0.6,
    covered_query=1.0,
    covered_reference=1.0,
    content_agreement=1.0,
    agreement_of_emptier=1.0,
    block_correlation=0.99,
    blocks_compared=200,
    configuration=Configuration.AFFINE,
    matrix=IDENTITY,
)
DOUBTFUL = replace(
    SURE,
    content_agreement=0.6,
    agreement_of_emptier=0.7,
    block_correlation=0.6,
    inliers=30,
    explained=0.2,
    pdq_bits=70,
)


def with_thresholds(match: float, review: float, name: str) -> Calibration:
    return replace(shipped(), name=name, thresholds=replace(shipped().thresholds, match=match, review=review))


#: Nothing but the same pixels is a match.
NEVER = with_thresholds(1.0, 1.0, "never")
#: Whatever a map lays over each other is one.
ALWAYS = with_thresholds(1e-9, 1e-9, "always")

State = tuple[list[list[tuple[str, Decision, Relation | None, float, str]]], set[frozenset[str]]]


def state(store: Store, ids: list[str]) -> State:
    """The listed verdicts of each image, and the clusters."""
    listed = [
        sorted(
            (
                f.image_id,
                f.verdict.decision,
                f.verdict.relation,
                round(f.verdict.confidence, 9),
                f.verdict.calibration_id,
            )
            for f in store.verdicts.of(i)
        )
        for i in ids
    ]
    return listed, {
        frozenset(cluster.members) for cluster in store.clusters.of(ids) if cluster and cluster.members[1:]
    }


def pictures() -> list[bytes]:
    original = page(1, 480, 320)
    return [
        png(original),
        *(
            png(edits.edit(name, original, 1))
            for name in ("resize_50", "banner", "crop_75", "browser_bar", "blur")
        ),
    ]


def linked(url: str, calibration: Calibration | None) -> list[str]:
    """The pictures in the store, each linked as it came, judged with this calibration."""
    with Engine.open(url) as engine:
        if calibration is not None:
            engine.choose_calibration(calibration)
        return [engine.add(data).image_id for data in pictures()]


@pytest.mark.parametrize("chosen", [NEVER, with_thresholds(0.999999, 0.9, "strict")])
def test_deciding_anew_gives_what_linking_with_that_calibration_would_have_given(
    store_url: str, server, chosen: Calibration
) -> None:
    # Given a store that was linked with the shipped calibration, and one that was linked with another
    ids = linked(store_url, None)
    assert linked(server.url, chosen) == ids
    with (
        Engine.open(store_url) as engine,
        Store.open(Config(store=store_url)) as here,
        Store.open(Config(store=server.url)) as there,
    ):
        before = state(here, ids)
        # When that one is chosen for the first and its verdicts are decided anew
        engine.choose_calibration(chosen)
        done = engine.redecide()
        # Then both say the same, of verdicts and of clusters
        (listed, clusters), (wanted, wanted_clusters) = state(here, ids), state(there, ids)
        assert clusters == wanted_clusters and all(
            set(ours) <= set(theirs) for ours, theirs in zip(listed, wanted, strict=True)
        )
        # (not more than a part: candidates are taken by cluster, so more pairs are judged where fewer are
        # together)
        assert done.images == len(ids) and done.renewed and done.parted and not done.joined
        assert all(
            before is Decision.MATCH or after is Decision.NO_MATCH for (before, after), _ in done.changes
        )
        # And to decide once more finds nothing to do, and the way back gives what was there
        assert engine.redecide().renewed == 0
        engine.choose_calibration(None)
        back = engine.redecide()
        assert state(here, ids) == before and back.joined == done.parted


def test_what_a_lower_threshold_newly_admits_is_found_by_linking_again(store_url: str, server) -> None:
    low = with_thresholds(shipped().thresholds.match, 1e-12, "low")
    ids = linked(store_url, NEVER)
    linked(server.url, low)
    with (
        Engine.open(store_url) as engine,
        Store.open(Config(store=store_url)) as here,
        Store.open(Config(store=server.url)) as there,
    ):
        engine.choose_calibration(low)
        engine.redecide()
        assert not any(state(here, ids)[0])  # nothing was stored that could be decided anew
        assert engine.relink() == len(ids)
        (listed, clusters), (wanted, wanted_clusters) = state(here, ids), state(there, ids)
        assert clusters == wanted_clusters
        # (which pairs were judged depends on the clusters there were: each image has verdicts in the one
        # store where it has some in the other)
        assert [bool(ours) for ours in listed] == [bool(theirs) for theirs in wanted]


@pytest.fixture
def few(make_image) -> Callable[[Store], list[str]]:
    """Four images, three of them joined, one pair in doubt, one said to be the same by a person, all judged
    by a calibration of old.
    """

    def fill(store: Store) -> list[str]:
        images = [make_image(n) for n in range(5)]
        put_all(store, images)
        ids = [image.image_id for image in images]
        old = with_thresholds(0.99, 0.001, "old")
        for a, b, evidence in ((0, 1, SURE), (1, 2, SURE), (0, 3, DOUBTFUL), (2, 3, SURE)):
            record_verdict(store, ids[a], ids[b], decide_stored(evidence, old))
        store.judgements.judge(
            ids[3],
            ids[4],
            JudgementWord.SAME,
            who="analyst",
            source="test",
            verdict=Verdict(
                Decision.MATCH, Relation.NEAR_DUPLICATE, 1.0, DOUBTFUL, PERSON, "a person confirmed it"
            ),
        )
        return ids

    return fill


def test_a_word_of_a_person_stays_and_a_veto_too(store: Store, few) -> None:
    ids = few(store)
    veto(store, ids[0], ids[1])
    store.settings.keep_calibration(NEVER.id, "")
    redecide(store, NEVER)
    # No score joins any more; what the person joined stays joined
    listed, clusters = state(store, ids)
    assert clusters == {frozenset(ids[3:])}
    assert [one[4] for one in listed[4]] == [PERSON] and store.verdicts.between(ids[0], ids[1]) is None
    # and the vetoed pair stays apart where everything else joins
    store.settings.keep_calibration(ALWAYS.id, "")
    redecide(store, ALWAYS)
    (cluster_0, cluster_1) = store.clusters.ids(ids[:2])
    assert cluster_0 != cluster_1 and store.verdicts.between(ids[0], ids[1]) is None
    assert [one[4] for one in state(store, ids)[0][4]] == [PERSON]


def test_a_walk_that_is_killed_at_any_step_is_ended_by_the_next(server, few, monkeypatch) -> None:
    with Store.open(Config(store=server.url)) as store:
        ids = few(store)
        store.settings.keep_calibration(NEVER.id, "")
        redecide(store, NEVER)
        wanted = state(store, ids)
    step, died = 0, True
    while died:
        server.redis.flushall()
        with Store.open(Config(store=server.url)) as store:
            few(store)
            store.settings.keep_calibration(NEVER.id, "")
        died = run_and_die(monkeypatch, server.url, lambda store: redecide(store, NEVER), step)
        with Store.open(Config(store=server.url)) as store:
            redecide(store, NEVER)
            assert state(store, ids) == wanted, step
            assert store.settings.progress("redecide") is None
        assert server.redis.hlen("dq:{meta}:intents") == 0
        step += 3  # every third of some 150: most of them are the same few kinds again
    assert step > 60


def test_another_choice_in_between_stops_the_walk(store: Store, few) -> None:
    few(store)
    store.settings.keep_calibration(NEVER.id, "")
    with pytest.raises(ConfigError, match="start again"):
        redecide(store, NEVER, tell=lambda _: store.settings.keep_calibration(ALWAYS.id, ""))
        redecide(store, NEVER)
    with pytest.raises(ConfigError, match="start again"):
        relink(store, NEVER, lambda image_id: None)


def test_a_choice_counts_in_a_process_that_is_open_already(store_url: str) -> None:
    # Given two processes with one store, both of which have judged by the shipped calibration
    one, *_, other = pictures()
    context = multiprocessing.get_context("spawn")
    questions, answers = context.Queue(), context.Queue()
    process = context.Process(target=ask_and_link, args=(store_url, questions, answers))
    process.start()
    try:
        with Engine.open(store_url) as engine:
            engine.add(one)
            questions.put(other)
            assert (answers.get(timeout=60), answers.get(timeout=60)) == ("match", shipped().id)
            # When one of them chooses another
            engine.choose_calibration(NEVER)
            engine.redecide()
            assert engine.calibration.id == NEVER.id and engine.stats().calibration_id == NEVER.id
            # Then the other judges with it too: a link at once, a query within a second
            questions.put(other)
            answers.get(timeout=60)
            assert engine.link(engine.add(other, link=False).image_id) == ()
            assert engine.query(other).decision is Decision.MATCH  # its own bytes
            assert engine.query(pictures()[1]).decision is not Decision.MATCH
    finally:
        questions.put(None)
        process.join(60)


def test_a_link_that_was_under_way_when_another_was_chosen_keeps_verdicts_of_the_new_one(
    store_url: str, monkeypatch
) -> None:
    first, *_, second = pictures()
    step, reached = 0, True
    with Engine.open(store_url) as engine, Engine.open(store_url) as other:
        store = engine._store
        a, b = engine.add(first).image_id, engine.add(second).image_id
        assert store.verdicts.of(a)
        while reached:
            other.choose_calibration(None)
            other.redecide()
            engine.calibration  # noqa: B018  known, so that the step below is one of the link

            def choose() -> None:
                other.choose_calibration(NEVER)
                other.redecide()

            reached = interleave(monkeypatch, store, step, work=lambda: engine.link(b), between=choose)
            if reached:
                assert [found.verdict.calibration_id for found in store.verdicts.scored([a])[0]] == [
                    NEVER.id
                ], step
                assert not store.verdicts.of(a) and not store.verdicts.of(b)
            step += 1
    assert step > 10


def test_a_choice_that_cannot_be_read_is_an_error_that_says_how_to_take_it_away(store: Store) -> None:
    store.settings.keep_calibration("bad", "{}")
    with pytest.raises(ConfigError, match="quaid calibrate --reset"):
        ActiveCalibration(store, options=shipped().options).current()
    store.settings.drop_calibration()
    assert ActiveCalibration(store, options=shipped().options).current() == shipped()


def test_a_calibration_that_was_fitted_with_other_options_is_refused(store: Store) -> None:
    # Given a calibration of a program with other options, chosen for this store
    other = replace(shipped(), options="0123456789")
    assert other.id != shipped().id
    store.settings.keep_calibration(other.id, write(other))
    # Then this program does not judge by it, and says what to do
    with pytest.raises(ConfigError, match=r"other options.*quaid calibrate --reset"):
        ActiveCalibration(store, options=shipped().options).current()


def test_a_verdict_that_fell_is_listed_nowhere_and_goes_with_its_image(
    store: Store, few, shared_server, everything
) -> None:
    # Given verdicts that a new calibration made a no-match
    ids = few(store)
    store.settings.keep_calibration(NEVER.id, "")
    redecide(store, NEVER)
    assert [found.image_id for found in store.verdicts.scored([ids[1]])[0]] == sorted([ids[0], ids[2]])
    assert (
        not store.verdicts.partners(ids[1])
        and store.verdicts.between(ids[1], ids[0]).verdict.decision is Decision.NO_MATCH
    )
    # When an image is forgotten, then nothing names it any more
    store.forgetting.forget(ids[0])
    assert ids[0].encode() not in everything(shared_server.redis)
    assert [found.image_id for found in store.verdicts.scored([ids[1]])[0]] == [ids[2]]


def test_a_side_that_is_full_drops_what_is_listed_nowhere_first(store_url: str, make_image) -> None:
    # Given a side that has room for three, two no-matches and a review
    with Store.open(Config(store=store_url), StoreOptions(verdict_cap=3)) as store:
        hub, *others = (make_image(n) for n in range(6))
        put_all(store, [hub, *others])
        decisions = [
            (Decision.NO_MATCH, 0.2),
            (Decision.REVIEW, 0.5),
            (Decision.NO_MATCH, 0.1),
            (Decision.REVIEW, 0.4),
            (Decision.REVIEW, 0.6),
        ]
        for image, (decision, confidence) in zip(others, decisions, strict=True):
            record_verdict(
                store, image.image_id, hub.image_id, Verdict(decision, None, confidence, Evidence(), "c", "s")
            )
        # Then the three reviews stay
        assert [found.verdict.confidence for found in store.verdicts.of(hub.image_id)] == [0.6, 0.5, 0.4]
        assert len(store.verdicts.scored([hub.image_id])[0]) == 3
