"""A person's word: `confirm` outranks every score, `veto` outranks `confirm`, and both outlive links,
restarts and crashes.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from itertools import pairwise

import pytest
from PIL import Image
from support.images import put_all, record_verdict
from support.judging import confirm, veto
from support.pictures import page, png
from support.steps import interleave, run_and_die

from douglas_quaid import ConfigError, Decision, Engine, NotFound, Relation
from douglas_quaid.config import Config
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import confirmed
from douglas_quaid.demo.pictures import collage, opened, sample
from douglas_quaid.evaluation.edits import encoded
from douglas_quaid.records import PERSON, Cluster, Evidence, Verdict
from douglas_quaid.store import RecordOutcome, Store

CAT, ROCKET = sample("indexed/cat.jpg"), sample("indexed/rocket.jpg")
MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")
REVIEW = Verdict(Decision.REVIEW, Relation.NEAR_DUPLICATE, 0.6, Evidence(pdq_bits=40), "test-1", "PDQ 40/256")


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


def cluster_of(engine: Engine, image_id: str) -> set[str]:
    """The images that are in one cluster with this one, itself included."""
    names = engine.compare(image_id, image_id).clusters
    if not names:
        return {image_id}
    found = engine.show(names[0])
    assert isinstance(found, Cluster)
    return set(found.members)


def said(engine: Engine, a: str, b: str) -> list[tuple[Decision, Relation | None, float]]:
    return [(hit.decision, hit.relation, hit.confidence) for hit in engine.hits(a) if hit.image_id == b]


# -- what a confirmation is ----------------------------------------------------------------------------------


def test_a_pair_that_no_link_would_find_is_a_match_from_both_sides_once_a_person_says_so(
    engine: Engine,
) -> None:
    # Given two pictures that have nothing in common
    cat, rocket = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    assert engine.compare(cat, rocket).decision is Decision.NO_MATCH and not engine.hits(cat)
    # When a person says that they show the same
    assert engine.confirm(cat, rocket) is RecordOutcome.JOINED
    # Then it is a match on both sides, with the person and the evidence in its sentence, and they are in one
    # cluster
    for a, b in ((cat, rocket), (rocket, cat)):
        (hit,) = engine.hits(a)
        assert (hit.image_id, hit.decision, hit.relation, hit.confidence) == (
            b,
            Decision.MATCH,
            Relation.NEAR_DUPLICATE,
            1.0,
        )
        assert hit.sentence.startswith("a person confirmed it; PDQ ")
    assert cluster_of(engine, cat) == {cat, rocket}
    # And what is measured is still what is measured
    assert engine.compare(cat, rocket).decision is Decision.NO_MATCH


def test_a_confirmation_outlives_links_of_both_a_restart_and_new_pictures(store_url: str) -> None:
    with Engine.open(store_url) as engine:
        cat, rocket = engine.add(CAT).image_id, engine.add(ROCKET).image_id
        engine.confirm(cat, rocket)
        for image_id in (cat, rocket, cat):
            engine.link(image_id)
    with Engine.open(store_url) as engine:
        copy = engine.add(encoded(opened("cat.jpg").resize((300, 200)))).image_id
        assert said(engine, rocket, cat) == [(Decision.MATCH, Relation.NEAR_DUPLICATE, 1.0)]
        assert cluster_of(engine, rocket) == {cat, rocket, copy}


def test_a_question_with_the_bytes_of_a_confirmed_image_is_answered_with_what_was_confirmed(
    engine: Engine,
) -> None:
    # Given a part that was confirmed, so that both are in no cluster
    cat, rocket, both = (
        engine.add(CAT).image_id,
        engine.add(ROCKET).image_id,
        engine.add(encoded(collage(opened("cat.jpg"), opened("rocket.jpg")))).image_id,
    )
    assert engine.confirm(both, cat) is RecordOutcome.STORED
    # When the picture itself is asked for, then the person's word is among the hits, and limits hold for it
    hits = {hit.image_id: hit for hit in engine.query(CAT).hits}
    assert hits[both].confidence == 1.0 and hits[both].sentence.startswith("a person confirmed it")
    assert both not in {hit.image_id for hit in engine.query(CAT, exclude={both}).hits}
    assert rocket not in hits


def test_a_part_stays_a_part_and_joins_nothing(engine: Engine) -> None:
    cat, both = (
        engine.add(CAT).image_id,
        engine.add(encoded(collage(opened("cat.jpg"), opened("rocket.jpg")))).image_id,
    )
    rocket = engine.add(ROCKET).image_id
    # Whatever is stored of them, or nothing
    assert said(engine, cat, both)[0][1] is Relation.PARTIAL
    assert engine.confirm(cat, both) is RecordOutcome.STORED
    assert engine.confirm(both, rocket) is RecordOutcome.STORED
    assert said(engine, both, cat) == said(engine, rocket, both) == [(Decision.MATCH, Relation.PARTIAL, 1.0)]
    assert cluster_of(engine, both) == {both}


def test_what_was_measured_says_whether_a_part_or_the_whole_was_meant() -> None:
    # Given a page of the same layout, laid over the whole or over a third of the other; or nothing measured
    # at all
    whole, third = (
        Evidence(inliers=20, covered_query=1.0, covered_reference=share, matrix=(1, 0, 0, 0, 1, 0, 0, 0, 1))
        for share in (0.95, 0.3)
    )
    for evidence, relation in (
        (whole, Relation.NEAR_DUPLICATE),
        (third, Relation.PARTIAL),
        (Evidence(), Relation.NEAR_DUPLICATE),
    ):
        score = Verdict(Decision.NO_MATCH, Relation.SAME_TEMPLATE, 0.01, evidence, "test-1", "")
        verdict = confirmed(score, shipped())
        assert (verdict.decision, verdict.relation, verdict.calibration_id) == (
            Decision.MATCH,
            relation,
            PERSON,
        )


def test_the_same_pixels_stay_identical_and_to_say_it_twice_changes_nothing(engine: Engine) -> None:
    one, other = (engine.add(png(opened("cat.jpg"), compress_level=level)).image_id for level in (1, 9))
    sentences = []
    for _ in range(2):
        assert engine.confirm(one, other) is RecordOutcome.JOINED
        sentences.append(engine.hits(one)[0].sentence)
    assert said(engine, one, other) == [(Decision.MATCH, Relation.IDENTICAL, 1.0)]
    assert sentences == ["a person confirmed it; same pixels, other file"] * 2


def test_a_review_that_is_confirmed_joins(engine: Engine, store: Store) -> None:
    cat, rocket = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    record_verdict(store, cat, rocket, REVIEW)
    assert engine.confirm(rocket, cat) is RecordOutcome.JOINED
    assert engine.hits(cat)[0].evidence.pdq_bits == 40  # what was found by link, not measured anew
    # And a score that comes later neither replaces it nor takes it apart
    assert record_verdict(store, cat, rocket, REVIEW) is RecordOutcome.JOINED
    assert said(engine, cat, rocket) == [(Decision.MATCH, Relation.NEAR_DUPLICATE, 1.0)]


def test_names_may_be_occurrences_and_beginnings_and_must_be_two_images(engine: Engine) -> None:
    cat, rocket = engine.add(CAT, occurrence="ail:image:cat").image_id, engine.add(ROCKET).image_id
    with pytest.raises(ConfigError, match="an image is always the same as itself"):
        engine.confirm(cat, "ail:image:cat")
    with pytest.raises(NotFound):
        engine.confirm(cat, "f" * 64)
    assert engine.confirm("ail:image:cat", rocket[:10]) is RecordOutcome.JOINED


# -- confirm and veto ----------------------------------------------------------------------------------------


def test_a_veto_undoes_a_confirmation_and_is_not_undone_by_one(engine: Engine) -> None:
    # Given a confirmed pair
    cat, rocket = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    engine.confirm(cat, rocket)
    # When it is vetoed, nothing is left of it
    engine.veto(rocket, cat)
    assert not engine.hits(cat) and not engine.hits(rocket) and cluster_of(engine, cat) == {cat}
    # And to confirm it again is refused with the reason and the remedy
    with pytest.raises(ConfigError, match=f"are not the same; .* quaid undo {cat} {rocket}"):
        engine.confirm(cat, rocket)
    for image_id in (cat, rocket):
        engine.link(image_id)
    assert not engine.hits(cat) and cluster_of(engine, rocket) == {rocket}


def test_what_is_taken_back_leaves_what_the_scores_say(engine: Engine) -> None:
    # Given a copy that a link has joined, and a stranger
    cat, rocket = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    copy = engine.add(encoded(opened("cat.jpg").resize((300, 200)))).image_id
    before = said(engine, cat, copy)
    assert before and cluster_of(engine, cat) == {cat, copy}
    # When a person says otherwise of both, and takes it back
    engine.veto(cat, copy, who="ada", source="a test")
    engine.confirm(rocket, copy)
    assert cluster_of(engine, copy) == {copy, rocket} and not said(engine, cat, copy)
    assert [(one.word.value, one.who, one.source) for one in engine.judgements(cat)] == [
        ("different", "ada", "a test")
    ]
    assert engine.undo(copy, cat).who == "ada" and engine.undo(copy, rocket).image_id == rocket
    # Then all is as it was
    (was,), (now,) = before, said(engine, cat, copy)
    assert now[:2] == was[:2] and now[2] == pytest.approx(was[2], abs=1e-6) and not engine.hits(rocket)
    assert cluster_of(engine, cat) == {cat, copy} and engine.judgements(copy) == []
    with pytest.raises(NotFound):
        engine.undo(cat, copy)


@pytest.mark.parametrize("word", ["same", "different", "unsure"])
def test_a_pair_that_no_search_has_scored_is_searched_for_when_a_word_is_taken_back(
    engine: Engine, word: str
) -> None:
    # Given a person who judges a pair before it was linked, and links that leave such pairs out
    cat = engine.add(CAT).image_id
    copy = engine.add(encoded(opened("cat.jpg").resize((300, 200))), link=False).image_id
    engine.judge(cat, copy, word)
    engine.link(copy)
    engine.link(cat)
    engine.undo(cat, copy)
    assert said(engine, copy, cat)[0][0] is Decision.MATCH and cluster_of(engine, cat) == {cat, copy}


def test_a_veto_between_others_keeps_clusters_apart_that_a_confirmation_would_join(engine: Engine) -> None:
    # Given a picture and its copy, another one, and a veto between the copy and that
    cat, rocket = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    copy = engine.add(encoded(opened("cat.jpg").resize((300, 200)))).image_id
    engine.veto(copy, rocket)
    # When the picture and the other one are confirmed, it is stored and joins nothing
    assert engine.confirm(cat, rocket) is RecordOutcome.APART
    assert said(engine, cat, rocket) == [(Decision.MATCH, Relation.NEAR_DUPLICATE, 1.0)]
    assert cluster_of(engine, cat) == {cat, copy} and cluster_of(engine, rocket) == {rocket}
    # And when what the veto was about is forgotten, the word is made good
    engine.forget(copy)
    assert cluster_of(engine, cat) == {cat, rocket}


def test_forgetting_one_leaves_nothing_of_the_confirmation(engine: Engine, shared_server, everything) -> None:
    cat, rocket = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    engine.confirm(cat, rocket)
    engine.forget(rocket)
    assert rocket.encode() not in everything(shared_server.redis)
    # A picture that comes again is a stranger again
    engine.add(ROCKET)
    assert not engine.hits(cat) and cluster_of(engine, cat) == {cat}


# -- at the same time, and killed ----------------------------------------------------------------------------


def state(store: Store, a: str, b: str) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Who said what on either side, and whether they are in one cluster."""
    mine, theirs = (tuple(found.verdict.calibration_id for found in store.verdicts.of(x)) for x in (a, b))
    clusters = store.clusters.ids([a, b])
    return mine, theirs, clusters[0] is not None and clusters[0] == clusters[1]


def test_whatever_a_link_does_meanwhile_the_word_of_the_person_stands(
    server, make_image, monkeypatch
) -> None:
    for verdict in (MATCH, REVIEW):
        step, reached = 0, True
        while reached:
            # Given a score that is being recorded, and a person who confirms before its step-th command
            a, b = (
                make_image(2 * step + n, salt=f"score {verdict.decision.value}").image_id for n in range(2)
            )
            with Store.open(Config(store=server.url)) as store, Store.open(Config(store=server.url)) as other:
                put_all(
                    store,
                    [make_image(2 * step + n, salt=f"score {verdict.decision.value}") for n in range(2)],
                )
                reached = interleave(
                    monkeypatch,
                    store,
                    step,
                    work=lambda a=a, b=b, verdict=verdict: record_verdict(store, a, b, verdict),
                    between=lambda a=a, b=b: confirm(other, b, a),
                )
                if not reached:
                    confirm(other, b, a)
                # Then it stands on both sides and joins
                assert state(store, a, b) == ((PERSON,), (PERSON,), True), step
            step += 1
        assert step >= 5


def test_whatever_a_confirmation_does_meanwhile_the_veto_stands(server, make_image, monkeypatch) -> None:
    step, reached, refused = 0, True, 0
    while reached:
        a, b = (make_image(2 * step + n, salt="veto").image_id for n in range(2))
        with Store.open(Config(store=server.url)) as store, Store.open(Config(store=server.url)) as other:
            put_all(store, [make_image(2 * step + n, salt="veto") for n in range(2)])

            def say_same() -> None:
                nonlocal refused
                try:
                    confirm(store, a, b)  # noqa: B023
                except ConfigError:
                    refused += 1

            reached = interleave(monkeypatch, store, step, work=say_same, between=lambda: veto(other, b, a))  # noqa: B023
            if not reached:
                veto(other, a, b)
            assert state(store, a, b) == ((), (), False), step
            assert not store.judgements.vetoed_and_confirmed(a)[1]
        step += 1
    assert step >= 5 and refused >= 4


def test_a_confirmation_killed_at_any_step_is_on_both_sides_or_on_none(
    server, make_image, monkeypatch
) -> None:
    step, died, held = 0, True, 0
    while died:
        a, b = (make_image(2 * step + n, salt="confirm") for n in range(2))
        with Store.open(Config(store=server.url)) as store:
            put_all(store, [a, b])
        died = run_and_die(
            monkeypatch, server.url, lambda store, a=a, b=b: confirm(store, a.image_id, b.image_id), step
        )
        with Store.open(Config(store=server.url)) as store:
            found = state(store, a.image_id, b.image_id)
            assert found in [((), (), False), ((PERSON,), (PERSON,), True)], step
            said = [one.image_id for one in store.judgements.vetoed_and_confirmed(a.image_id)[1]]
            assert said == [b.image_id] * found[2]
            held += found[2]
        assert server.redis.hlen("dq:{meta}:intents") == 0
        step += 1
    assert held >= 1 and step >= 4


def test_many_persons_and_links_at_once_end_in_one_state(store_url: str) -> None:
    pages = [png(page(seed, 400, 300)) for seed in range(6)]
    with Engine.open(store_url) as engine:
        ids = [engine.add(data).image_id for data in pages]
        work = [lambda a=a, b=b: engine.confirm(a, b) for a, b in pairwise(ids)] + [
            lambda i=i: engine.link(i) for i in ids
        ] * 3
        failed: list[BaseException] = []

        def run(job) -> None:
            try:
                job()
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=run, args=(job,)) for job in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert cluster_of(engine, ids[0]) == set(ids)
        for a, b in pairwise(ids):
            assert said(engine, a, b) == [(Decision.MATCH, Relation.NEAR_DUPLICATE, 1.0)]


# -- only hashes ---------------------------------------------------------------------------------------------


def stored(server, image_id: str) -> bytes:
    return server.redis.hget(f"dq:{{{image_id[0]}}}:img:{image_id}", "record")


def thumbnails_in(data: bytes) -> int:
    return data.count(b"WEBP")


def words_in(server, image_id: str) -> int:
    return sum(
        len(server.redis.get(key).strip(b"\0")) for key in server.redis.keys(f"dq:{{{image_id[0]}}}:words:*")
    )


def test_of_a_picture_added_by_hashes_there_is_no_thumbnail_no_keypoint_and_no_word(
    engine: Engine, shared_server, everything
) -> None:
    whole = engine.add(CAT).image_id
    full = stored(shared_server, whole)
    assert thumbnails_in(everything(shared_server.redis)) == 1 and words_in(shared_server, whole)
    engine.forget(whole)
    # When it is added by its hashes
    added = engine.add(CAT, hash_only=True)
    # Then nothing in the store is a thumbnail, a descriptor or a word, and the record says so
    assert (added.status, added.informative) == ("added", True)
    assert thumbnails_in(everything(shared_server.redis)) == 0 and not words_in(shared_server, whole)
    kept = stored(shared_server, whole)
    assert len(kept) < 600 < len(full) / 10
    description = engine.show(whole).to_json()
    assert description["keypoints"] == 0 and description["thumbnail_bytes"] == 0


def test_copies_of_a_picture_known_by_hashes_are_found_and_end_at_review(engine: Engine) -> None:
    known = engine.add(CAT, hash_only=True).image_id
    # The same bytes and the same pixels are certain without content
    assert engine.query(CAT).hits[0].relation is Relation.IDENTICAL
    assert engine.query(png(opened("cat.jpg"))).decision is Decision.MATCH
    # a smaller copy is not, as nothing could refute it; nor is a stranger a match
    answer = engine.query(encoded(opened("cat.jpg").resize((300, 200))))
    assert (answer.hits[0].image_id, answer.decision) == (known, Decision.REVIEW)
    assert engine.query(ROCKET).decision is Decision.NO_MATCH
    # neither when both sides are known by hashes only
    copy = engine.add(encoded(opened("cat.jpg").resize((300, 200))), hash_only=True)
    assert (
        engine.cluster_ids([copy.image_id]) == [None]
        and said(engine, copy.image_id, known)[0][0] is Decision.REVIEW
    )
    assert engine.compare(copy.image_id, known).decision is Decision.REVIEW
    # A person can say more
    assert engine.confirm(copy.image_id, known) is RecordOutcome.JOINED


def test_a_known_picture_is_reduced_to_its_hashes_and_keeps_what_was_concluded(
    engine: Engine, shared_server, everything
) -> None:
    # Given the record of a picture that was added by its hashes, then forgotten and added with all features,
    # and a copy, joined
    by_hashes = stored(shared_server, engine.add(CAT, hash_only=True).image_id)
    engine.forget(hashlib.sha256(CAT).hexdigest())
    known, copy = engine.add(CAT).image_id, engine.add(encoded(opened("cat.jpg").resize((300, 200)))).image_id
    assert thumbnails_in(everything(shared_server.redis)) == 2 and cluster_of(engine, known) == {known, copy}
    # When it comes again as one of which only hashes may be kept
    assert engine.add(CAT, occurrence="ail:image:1", hash_only=True).status == "updated"
    # Then all else is gone, and its match is not
    assert stored(shared_server, known) == by_hashes and thumbnails_in(everything(shared_server.redis)) == 1
    if known[0] != copy[0]:
        assert not words_in(shared_server, known)
    assert said(engine, known, copy)[0][0] is Decision.MATCH and cluster_of(engine, known) == {known, copy}
    # and the next one says nothing new
    assert engine.add(CAT, occurrence="ail:image:1", hash_only=True).status == "known"


def test_what_is_kept_by_hashes_stays_so_whoever_adds_it_again(engine: Engine, shared_server) -> None:
    known = engine.add(CAT, hash_only=True).image_id
    before = stored(shared_server, known)
    assert engine.add(CAT, occurrence="misp:attribute:1").status == "updated"
    assert stored(shared_server, known) == before
    # until it is forgotten
    engine.forget(known)
    assert thumbnails_in(stored(shared_server, engine.add(CAT).image_id)) == 1


def test_of_two_who_add_one_picture_at_once_the_careful_one_wins(
    engine: Engine, store_url: str, shared_server, monkeypatch
) -> None:
    step, reached = 0, True
    while reached:
        data = png(Image.effect_noise((64, 64), 40 + step).convert("RGB"))
        with Store.open(Config(store=store_url)) as store, Engine(store, Config(store=store_url)) as careful:
            reached = interleave(
                monkeypatch,
                store,
                step,
                work=lambda data=data: careful.add(data, hash_only=True, link=False),
                between=lambda data=data: engine.add(data, link=False),
            )
            if not reached:
                engine.add(data, link=False)
            (kept,) = {
                stored(shared_server, key.decode().rpartition(":")[2])
                for key in shared_server.redis.keys("dq:*:img:*")
            }
            assert thumbnails_in(kept) == 0, step
        shared_server.redis.flushall()
        step += 1
    assert step >= 3


# -- notes and bookmarks -------------------------------------------------------------------------------------


def test_a_place_is_noted_without_bytes(engine: Engine) -> None:
    cat = engine.add(CAT, occurrence="ail:image:1").image_id
    assert engine.note(cat, occurrence="ail:image:2", labels={"domain": "x.onion"}) == "updated"
    assert engine.note(cat, occurrence="ail:image:2") == "known"
    assert set(engine.compare(cat, cat).occurrences) == {"ail:image:1", "ail:image:2"}
    with pytest.raises(NotFound):
        engine.note("0" * 64, occurrence="ail:image:3")


def test_bookmarks_are_listed_by_prefix_whatever_characters_it_holds(engine: Engine) -> None:
    for name in ("ail:star:1", "ail:star:2", "ail:[x]*", "ail:?", "other"):
        assert engine.set_bookmark(name, f"text of {name}")
    assert dict(engine.bookmarks("ail:star:")) == {
        "ail:star:1": "text of ail:star:1",
        "ail:star:2": "text of ail:star:2",
    }
    assert [name for name, _ in engine.bookmarks("ail:[")] == ["ail:[x]*"] and [
        name for name, _ in engine.bookmarks("ail:?")
    ] == ["ail:?"]
    assert list(engine.bookmarks("nothing")) == [] and len(dict(engine.bookmarks(""))) == 5
    for n in range(3000):
        engine.set_bookmark(f"many:{n}", "x")
    assert len(dict(engine.bookmarks("many:"))) == 3000


def test_of_many_who_write_a_bookmark_unless_it_is_there_one_succeeds(engine: Engine) -> None:
    won: list[str] = []

    def stand(candidate: str) -> None:
        if engine.set_bookmark("ail:star:c-1", candidate, unless_there=True):
            won.append(candidate)

    threads = [threading.Thread(target=stand, args=(str(n),)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [engine.bookmark("ail:star:c-1")] == won
    assert engine.set_bookmark("ail:star:c-1", None) and not engine.set_bookmark("ail:star:c-1", None)
    with pytest.raises(ConfigError):
        engine.set_bookmark("ail:star:c-1", None, unless_there=True)
    assert engine.set_bookmark("ail:star:c-1", "next", unless_there=True)


def test_the_command_line_says_what_became_of_it(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    from douglas_quaid.cli.main import main

    with Engine.open(store_url) as engine:
        cat, rocket = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    with pytest.raises(SystemExit) as ended:
        main(["confirm", cat, rocket, "--store", store_url])
    assert (
        ended.value.code == 0
        and "show the same picture; they are in one cluster now" in capsys.readouterr().out
    )
    with pytest.raises(SystemExit) as ended:
        main(["veto", cat, rocket, "--store", store_url])
    with pytest.raises(SystemExit) as ended:
        main(["confirm", cat, rocket, "--store", store_url, "--json"])
    assert ended.value.code == 2 and '"type": "ConfigError"' in capsys.readouterr().out
