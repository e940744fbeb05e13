"""The story of the product, told once from end to end: pictures go in, verdicts with evidence come out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageOps

from douglas_quaid import Config, ConfigError, Decision, Engine, ImageError, NotFound, Relation
from douglas_quaid.demo.pictures import collage, sample
from douglas_quaid.evaluation import edits
from douglas_quaid.records import Cluster, Reason
from douglas_quaid.store import RecordOutcome

MARKET, ROCKET, CAT, FERRY = (
    sample(f"indexed/{name}") for name in ("market.png", "rocket.jpg", "cat.jpg", "article-ferry.png")
)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


def edited(name: str, data: bytes) -> bytes:
    return edits.png(edits.edit(name, edits.opened(data)))


def test_a_picture_is_found_again_after_what_happens_to_pictures(engine: Engine) -> None:
    # Given a store of four pictures
    known = (("market", MARKET), ("rocket", ROCKET), ("cat", CAT), ("ferry", FERRY))
    ids = {name: engine.add(data, occurrence=f"misp:attribute:{name}").image_id for name, data in known}
    # When edited copies are asked for, the right picture comes first, with a relation and evidence
    whole = [(edit, Relation.NEAR_DUPLICATE) for edit in ("resize_50", "mirror", "browser_bar")]
    for edit, relation in [*whole, ("crop_75", Relation.PARTIAL)]:
        for name, data in (("market", MARKET), ("rocket", ROCKET)):
            answer = engine.query(edited(edit, data))
            assert answer.decision is Decision.MATCH, (edit, name)
            hit = answer.hits[0]
            assert (hit.image_id, hit.relation) == (ids[name], relation), (edit, name)
            assert hit.confidence >= 0.8 and hit.evidence.content_agreement
            assert hit.occurrences == (f"misp:attribute:{name}",) and hit.occurrence_count == 1
    # And nothing was stored by asking
    assert engine.stats().store.images == 4


def test_no_match_is_an_answer(engine: Engine) -> None:
    engine.add(MARKET)
    for stranger in (CAT, sample("asked/weather.png"), edits.png(Image.new("RGB", (640, 480), "white"))):
        answer = engine.query(stranger)
        assert (answer.decision, answer.hits, answer.images_searched, answer.complete) == (
            Decision.NO_MATCH,
            (),
            1,
            True,
        )


def test_blank_pictures_match_nothing_not_even_their_own_pixels_and_bytes(engine: Engine) -> None:
    # Given blank captures of two hosts, and a third whose bytes are those of the first
    blank = edits.png(Image.new("RGB", (640, 480), "white"))
    first = engine.add(blank, occurrence="misp:attribute:one")
    second = engine.add(blank + b"trailing bytes")
    assert not first.informative and first.cluster is None and second.cluster is None
    again = engine.add(blank, occurrence="misp:attribute:two")
    assert again.cluster is None and engine.cluster_names([first.image_id, second.image_id]) == [(), ()]
    # Then no answer lists them
    assert engine.query(blank).decision is Decision.NO_MATCH and engine.query(blank).hits == ()
    assert engine.hits("misp:attribute:one", elsewhere=True) == ()
    # And who asks for every candidate learns why
    for hit in (
        engine.query(blank, min_decision="no-match").hits[0],
        engine.compare(first.image_id, second.image_id),
    ):
        assert (hit.relation, hit.decision, hit.reasons) == (None, Decision.NO_MATCH, (Reason.BLANK,))
        assert hit.evidence.same_pixels and "are equal, which is no evidence" in hit.sentence
        assert hit.contributions[0].predictor == "without_transform"
    # And a person's word still joins them
    assert engine.confirm(first.image_id, second.image_id) is RecordOutcome.JOINED
    assert engine.query(blank).decision is Decision.MATCH
    # And undone, they are in none again
    engine.undo(first.image_id, second.image_id)
    assert engine.cluster_names([first.image_id, second.image_id]) == [(), ()]


def test_adding_again_adds_nothing_but_what_is_new(engine: Engine) -> None:
    assert engine.add(CAT, occurrence="misp:attribute:one").status == "added"
    assert engine.add(CAT, occurrence="misp:attribute:one").status == "known"
    assert engine.add(CAT, occurrence="ail:image:two", labels={"domain": "example.onion"}).status == "updated"
    description = engine.show("ail:image:two")
    assert not isinstance(description, Cluster)
    assert {str(seen.occurrence): dict(seen.labels) for seen in description.info.sightings} == {
        "misp:attribute:one": {},
        "ail:image:two": {"domain": "example.onion"},
    }


def test_verdicts_are_stored_on_both_sides_and_read_without_bytes(engine: Engine) -> None:
    first = engine.add(ROCKET)
    second = engine.add(edited("crop_75", ROCKET))
    mine, theirs = engine.hits(second.image_id)[0], engine.hits(first.image_id)[0]
    assert (mine.image_id, theirs.image_id) == (first.image_id, second.image_id)
    assert mine.relation is theirs.relation is Relation.PARTIAL
    # What was measured about the query is the reference's on the other side
    assert mine.evidence.covered_query == theirs.evidence.covered_reference
    forward, backward = (np.array(hit.evidence.matrix).reshape(3, 3) for hit in (mine, theirs))
    assert forward @ backward == pytest.approx(np.eye(3), abs=1e-6)


def test_matches_of_whole_pictures_make_a_cluster_and_parts_do_not(engine: Engine) -> None:
    # Given two pictures, each with a copy, and a collage of both
    cat, rocket = engine.add(CAT), engine.add(ROCKET)
    cat_copy, rocket_copy = engine.add(edited("resize_50", CAT)), engine.add(edited("jpeg_30", ROCKET))
    both = engine.add(edits.png(collage(edits.opened(CAT), edits.opened(ROCKET))))
    # Then each copy has joined its original, and the collage has left them apart
    assert cat_copy.cluster and rocket_copy.cluster and cat_copy.cluster != rocket_copy.cluster
    assert engine.show(str(both.cluster)).members == (both.image_id,)  # type: ignore[union-attr]
    assert {hit.relation for hit in engine.hits(both.image_id)} == {Relation.PARTIAL}
    cluster = engine.show(cat_copy.cluster)
    assert isinstance(cluster, Cluster) and set(cluster.members) == {cat.image_id, cat_copy.image_id}
    # And a question is answered with one hit of each cluster, beside the collage that holds it too
    assert [hit.relation for hit in engine.query(edited("blur", CAT)).hits] == [
        Relation.NEAR_DUPLICATE,
        Relation.PARTIAL,
    ]
    assert rocket.cluster == rocket_copy.cluster and cat.cluster == cat_copy.cluster


def test_one_image_has_one_id_wherever_it_is_seen_and_whoever_asks(engine: Engine) -> None:
    # Given a picture at one place, which nothing joins
    first = engine.add(CAT, occurrence="misp:attribute:one")
    assert first.cluster and first.cluster.startswith("c-")
    # When it is asked for, then its id is told, and asking stores nothing
    before = replace(engine.stats().store, used_memory=0)
    for data in (CAT, edited("resize_50", CAT), edited("crop_75", CAT)):
        (hit,) = engine.query(data).hits
        assert hit.clusters == (first.cluster,)
    assert replace(engine.stats().store, used_memory=0) == before
    # When the same bytes are seen at a second place, then both places have it: added, noted, shown and listed
    second = engine.add(CAT, occurrence="misp:attribute:two")
    assert second.cluster == first.cluster
    assert [hit.clusters for hit in engine.hits("misp:attribute:two", elsewhere=True)] == [(first.cluster,)]
    for name in ("misp:attribute:one", "misp:attribute:two"):
        assert engine.show(name).info.clusters == (first.cluster,)  # type: ignore[union-attr]
    shown = engine.show(first.cluster)
    assert isinstance(shown, Cluster) and shown.members == (first.image_id,) == shown.representatives
    assert engine.hits(first.cluster) == ()
    # And it stays a name of the picture when that gets company, and linking again changes nothing
    copy = engine.add(edited("resize_50", CAT))
    engine.link(first.image_id)
    assert copy.cluster == first.cluster and engine.show(first.cluster).members == tuple(  # type: ignore[union-attr]
        sorted([first.image_id, copy.image_id])
    )
    assert engine.cluster_names([first.image_id, copy.image_id]) == [(first.cluster,)] * 2


def test_ids_that_were_told_of_two_pictures_stay_names_of_both_once_they_are_one(engine: Engine) -> None:
    # Given two pictures that nothing joins, and one that is not linked
    cat, rocket = engine.add(CAT), engine.add(ROCKET)
    market = engine.add(MARKET, link=False)
    assert market.cluster is None and engine.cluster_names([market.image_id]) == [()]
    # When a person says that two are the same, then one id becomes a former id of the other
    engine.confirm(cat.image_id, rocket.image_id)
    (names,) = {*engine.cluster_names([cat.image_id, rocket.image_id])}
    assert set(names) == {cat.cluster, rocket.cluster}
    assert engine.query(ROCKET).hits[0].clusters == names
    # And when the third is linked, it has one, too
    assert engine.add(MARKET).cluster and engine.stats().store.clusters == 1


def test_a_veto_outranks_every_score(engine: Engine) -> None:
    first, second = engine.add(CAT), engine.add(edited("resize_50", CAT))
    assert second.cluster == first.cluster
    engine.veto(first.image_id, second.image_id)
    assert engine.hits(first.image_id) == ()
    # Then one keeps the id, and the other has one of its own
    names = engine.cluster_names([first.image_id, second.image_id])
    assert names[0] != names[1] and (first.cluster,) in names and all(len(own) == 1 for own in names)
    # And it survives another link, and is respected by questions about the same bytes
    engine.link(second.image_id)
    assert engine.hits(first.image_id) == ()
    assert first.image_id not in {hit.image_id for hit in engine.query(edited("resize_50", CAT)).hits}
    with pytest.raises(ConfigError, match="same as itself"):
        engine.veto(first.image_id, first.image_id[:12])


def test_what_was_joined_through_a_forgotten_picture_is_linked_again(engine: Engine) -> None:
    first, middle, last = (
        engine.add(edited("resize_50", CAT)),
        engine.add(CAT),
        engine.add(edited("jpeg_30", CAT)),
    )
    engine.forget(middle.image_id)
    assert {hit.image_id for hit in engine.hits(first.image_id)} == {last.image_id}
    left = engine.show(first.image_id)
    assert not isinstance(left, Cluster) and len(left.info.clusters) >= 1
    assert engine.query(CAT).decision is Decision.MATCH
    with pytest.raises(NotFound):
        engine.show(middle.image_id)


def test_collections_narrow_the_question_and_give_it_meaning(engine: Engine) -> None:
    bank, imitation = sample("indexed/bank-login.png"), sample("asked/bank-imitation.png")
    engine.create_collection("brands", "baseline")
    engine.create_collection("noise", "ignore")
    engine.add(bank, collection="brands", labels={"brand": "Example Bank"})
    engine.add(CAT, collection="noise")
    engine.add(ROCKET)
    # A page that imitates a known one is for a person to see, with the brand's label
    answer = engine.query(imitation)
    assert (answer.decision, answer.hits[0].relation) == (Decision.REVIEW, Relation.LOOKS_LIKE)
    assert answer.hits[0].collections[0].labels == {"brand": "Example Bank"}
    # Pictures to ignore say nothing, and a question may be asked of one collection only
    assert engine.query(CAT).decision is Decision.NO_MATCH
    assert engine.query(ROCKET).decision is Decision.MATCH
    assert engine.query(ROCKET, collection="brands").decision is Decision.NO_MATCH
    with pytest.raises(NotFound, match="quaid collection create"):
        engine.add(CAT, collection="unknown")


def test_pages_of_one_template_are_listed_only_when_asked_for(engine: Engine) -> None:
    engine.add(FERRY)
    crane = sample("asked/article-crane.png")
    assert engine.query(crane).hits == ()
    listed = engine.query(crane, include_same_template=True)
    assert listed.decision is Decision.NO_MATCH and listed.hits[0].relation is Relation.SAME_TEMPLATE


def test_the_asker_can_be_left_out(engine: Engine) -> None:
    engine.add(CAT, occurrence="misp:attribute:a")
    assert engine.query(CAT, exclude=["misp:attribute:a"]).hits == ()
    engine.add(CAT, occurrence="misp:attribute:b")
    assert len(engine.query(CAT, exclude=["misp:attribute:a"]).hits) == 1
    assert engine.query(CAT, exclude=[engine.show("misp:attribute:a").info.image_id]).hits == ()  # type: ignore[union-attr]


def test_a_deadline_cuts_the_work_and_says_so(engine: Engine) -> None:
    engine.add(CAT)
    cut = engine.query(edited("resize_50", CAT), deadline=0.0)
    assert not cut.complete and cut.hits == ()
    assert engine.query(edited("resize_50", CAT), deadline=60).complete


def test_a_page_that_becomes_legitimate_later_meets_the_pages_that_were_there_before(engine: Engine) -> None:
    # Given a phishing page, and the page it imitates as one picture among others
    phishing = engine.add(sample("asked/bank-imitation.png"))
    bank = engine.add(sample("indexed/bank-login.png"))
    assert engine.hits(phishing.image_id) == ()
    # When the page is put into a baseline
    engine.create_collection("brands", "baseline")
    engine.add(sample("indexed/bank-login.png"), collection="brands", labels={"brand": "Example Bank"})
    # Then the phishing page, which nobody has touched, looks like it
    (hit,) = engine.hits(phishing.image_id)
    assert (hit.image_id, hit.decision, hit.relation) == (bank.image_id, Decision.REVIEW, Relation.LOOKS_LIKE)


def test_clones_of_one_page_fill_neither_the_candidates_nor_the_hits(engine: Engine) -> None:
    # Given 40 captures of one page, each a little different, and one other picture
    page = edits.opened(MARKET).resize((640, 400))
    for n in range(40):
        capture = page.copy()
        capture.putpixel((n, n), (255, 0, 0))
        engine.add(edits.png(capture))
    other = engine.add(ROCKET)
    # Then a question is answered with one hit for them all, and each keeps few verdicts
    answer = engine.query(edited("resize_50", MARKET))
    assert len(answer.hits) == 1 and len(engine.show(answer.hits[0].clusters[0]).members) == 40  # type: ignore[union-attr]
    assert engine.query(edited("blur", ROCKET)).hits[0].image_id == other.image_id
    # And a collage of page and rocket finds both
    mixed = engine.query(edits.png(collage(page, edits.opened(ROCKET))))
    assert other.image_id in {hit.image_id for hit in mixed.hits} and len(mixed.hits) == 2


def test_threads_share_an_engine(engine: Engine) -> None:
    pictures = [edited(name, data) for data in (MARKET, ROCKET, CAT) for name in ("resize_50", "mirror")]
    failures: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for step in range(len(pictures)):
                data = pictures[(step + offset) % len(pictures)]
                engine.add(data, occurrence=f"test:thread:{offset}-{step}")
                assert engine.query(data).decision is Decision.MATCH
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert engine.stats().store.images == len(pictures)
    assert engine.stats().store.occurrences == 4 * len(pictures)


def test_a_picture_that_is_none_is_refused_and_nothing_is_stored(engine: Engine) -> None:
    with pytest.raises(ImageError, match=r"letter\.txt"):
        engine.add(b"Dear Sir or Madam", name="letter.txt")
    assert engine.stats().store.images == 0


def test_without_thumbnails_what_needs_them_is_for_a_person(store_url: str) -> None:
    with Engine.open(config=Config(store=store_url, thumbnails=False)) as engine:
        engine.add(MARKET)
        assert engine.query(edited("browser_bar", MARKET)).decision is Decision.REVIEW
        assert engine.query(MARKET).decision is Decision.MATCH


def test_compare_measures_everything_and_judges_like_a_query(engine: Engine) -> None:
    added = engine.add(ROCKET)
    hit = engine.compare(edited("resize_50", ROCKET), added.image_id)
    assert hit.decision is Decision.MATCH and hit.relation is Relation.NEAR_DUPLICATE
    for name in ("pdq_bits", "phash_bits", "dhash_bits", "ahash_bits", "inliers", "content_agreement"):
        assert getattr(hit.evidence, name) is not None, name
    picture: Callable[[bytes], Image.Image] = edits.opened
    assert picture(engine.overlay(edited("crop_75", ROCKET), added.image_id)).width > 800


def test_a_mirrored_part_of_a_picture_is_found(engine: Engine) -> None:
    # Given several pictures, and the left part of one of them, mirrored: no hash is near it, nor are its
    # words
    known = {
        name: engine.add(sample(f"indexed/{name}")).image_id
        for name in ("rocket.jpg", "market.png", "coffee.jpg", "webmail-login.png", "handbook.png")
    }
    photo = edits.opened(ROCKET)
    part = ImageOps.mirror(photo.crop((0, 0, round(0.75 * photo.width), round(0.8 * photo.height))))
    hit = engine.query(edits.png(part)).hits[0]
    assert (hit.image_id, hit.relation) == (known["rocket.jpg"], Relation.PARTIAL)
