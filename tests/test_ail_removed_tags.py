"""A tag that an analyst deletes in AIL is a word about the picture that it names; many at once wait until
somebody says what that was. Against a real store and an AIL in memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.ail_memory import World

from douglas_quaid.ail import tags
from douglas_quaid.ail.config import Settings
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.ail.publishing.feedback import DIFFERENT, NOT_THIS, SAME, Answer, FeedbackReader, meaning
from douglas_quaid.ail.publishing.ledger import written_objects
from douglas_quaid.ail.publishing.publisher import PublishingOptions
from douglas_quaid.ail.publishing.removed import waiting
from douglas_quaid.records import Decision, Purpose, Relation

BANK = 'infoleak:automatic-detection="visual-looks-like-bank"'
PART = {"relation": Relation.PARTIAL}
LOOKS = {"relation": Relation.LOOKS_LIKE, "decision": Decision.REVIEW, "confidence": 0.8}
REVIEW = {"decision": Decision.REVIEW, "confidence": 0.6}


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    world = World(store_url)
    yield world
    world.close()


def reader(world: World) -> FeedbackReader:
    return FeedbackReader(world.engine, world.sink, Settings(), world.options)


def listen(world: World) -> list[Answer]:
    """A pass of a module."""
    one, publisher = reader(world), world.publisher()
    answers = []
    for obj in list(written_objects(world.engine)):
        answers += one.read(obj)
        publisher.check(obj)
    return answers + list(one.finish())


def delete(world: World, obj: AilObject, tag: str) -> None:
    """Delete a tag that AIL shows, after a pass has seen it there."""
    assert listen(world) == [] and tag in world.sink.tagged[obj.gid]
    world.sink.tagged[obj.gid].discard(tag)


def test_a_deleted_match_means_different_and_comes_back_when_that_is_undone(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    before = world.sink.state()
    delete(world, copy, tags.MATCH)
    # Then the two are different, and nothing of ours is left at either
    assert listen(world) == [Answer(copy, DIFFERENT, first.id)]
    assert world.engine.vetoed(copy.id) == {first.id} and listen(world) == []
    assert world.sink.state() == ({}, {}, {}, {})
    # until somebody takes it back
    world.engine.undo(copy.id, first.id)
    assert listen(world) == [] and world.sink.state() == before


@pytest.mark.parametrize("name", ["ail:wrote:screenshot", "ail:removed:", "ail:removed:item::" + "0" * 64])
def test_a_bookmark_that_names_no_picture_ends_no_pass(world: World, name: str) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    world.engine.set_bookmark(name, "junk")
    delete(world, copy, tags.MATCH)
    assert listen(world) == [Answer(copy, DIFFERENT, first.id)] and list(waiting(world.engine)) == []


def test_the_object_leaves_the_cluster_that_the_deleted_tag_told_of_and_the_others_stay(
    world: World,
) -> None:
    # Given five copies on five domains, of which the first two are told
    first = world.add("a.onion")
    second = world.found("b.onion", first)
    others = [first, second]
    for name in "cde":
        others.append(world.found(f"{name}.onion", *others))
    delete(world, first, tags.MATCH)
    answers = listen(world)
    # Then the first one is alone, and the others are a cluster that an analyst is told of
    assert {answer.obj for answer in answers} == {first} and answers[0].other == second.id
    assert world.engine.cluster_ids([first.id]) == [None] and world.sink.correlations[first.gid] == set()
    (home,) = set(world.engine.cluster_ids([obj.id for obj in others[1:]]))
    assert home and any(tags.MATCH in world.sink.tagged[obj.gid] for obj in others[1:])
    # and all of it can be undone
    for answer in answers:
        world.engine.undo(first.id, answer.other)
    listen(world)
    assert len({*world.engine.cluster_ids([obj.id for obj in others])}) == 1
    assert world.sink.correlations[first.gid]


def test_the_object_also_leaves_those_from_which_a_first_veto_parted_it(world: World) -> None:
    # Given a cluster that falls apart once the page and its representative are not the same: the page and
    # two others here, the representative and a copy that the page matches, too, there
    first = world.add("a.onion")
    page = world.found("b.onion", first, confidence=0.95)
    copy = world.found("c.onion", first, confidence=0.99)
    world.judge(copy, page, 0.93)
    others = []
    for name in "de":
        others.append(world.add(f"{name}.onion", linked=False))
        world.judge(others[-1], first, 0.94)
        world.judge(others[-1], page, 0.98)
        world.link(others[-1])
        world.write(others[-1])
    delete(world, page, tags.MATCH)
    listen(world)
    assert world.engine.vetoed(page.id) == {obj.id for obj in (first, copy, *others)}
    assert world.sink.correlations[page.gid] == world.sink.rows[page.gid] == set()


def test_of_a_match_and_a_collection_the_match_says_more(world: World) -> None:
    # Given a page that matches a known picture and a copy of it, and has a tag because of each
    known = world.known("seen", Purpose.KNOWN, tag='malware:family="loader"')
    copy, page = world.add("a.onion"), world.add("b.onion")
    world.judge(copy, known, 0.98)
    world.judge(page, known, 0.99)
    world.judge(page, copy, 0.98)
    for obj in (copy, page):
        world.write(obj)
    assert listen(world) == [] and len(world.sink.tagged[page.gid]) == 2
    # When an analyst deletes both tags, then it leaves the cluster
    world.sink.tagged[page.gid].clear()
    assert listen(world) and world.engine.vetoed(page.id) == {known, copy.id}


def test_a_deleted_tag_of_a_part_is_about_the_picture_that_it_names_and_nobody_is_asked_about_its_copies(
    world: World,
) -> None:
    # Given a collage of a shop, of which there are three copies, and of a logo
    shop = world.add("a.onion")
    shops = [shop, world.found("b.onion", shop)]
    shops.append(world.found("c.onion", *shops))
    logo, collage = world.add("d.onion"), world.add("e.onion")
    for n, obj in enumerate((*shops, logo)):
        world.judge(collage, obj, 0.99 - n / 100, **PART)
    world.write(collage)
    # When an analyst deletes its tag, which names the first
    delete(world, collage, tags.MATCH)
    assert listen(world) == [Answer(collage, DIFFERENT, shop.id)]
    assert world.engine.vetoed(collage.id) == {shop.id}
    # Then the tag tells of the logo now, of which the analyst has said nothing
    ((about, said),) = [(one.other, one.said) for one in meaning(world.engine, collage, [tags.MATCH])]
    assert (about, said) == (logo.id, DIFFERENT) and tags.MATCH in world.sink.tagged[collage.gid]
    # and once that is answered, too, it stays away
    delete(world, collage, tags.MATCH)
    assert listen(world) == [Answer(collage, DIFFERENT, logo.id)] and listen(world) == []
    assert tags.MATCH not in world.sink.tagged[collage.gid]


def test_a_deleted_looks_like_means_not_this_brand_until_it_is_undone(world: World) -> None:
    # Given a page that looks like two pictures of one brand and like one of another
    banks = [world.known("banks", Purpose.BASELINE, brand="Bank", domain="bank.example") for _ in "12"]
    shop = world.known("shops", Purpose.BASELINE, brand="Shop", domain="shop.example")
    page = world.add("evil.onion")
    for n, known in enumerate((*banks, shop)):
        world.judge(page, known, **LOOKS | {"confidence": 0.8 - n / 10})
    world.write(page)
    assert (
        world.sink.tagged["domain::evil.onion"] == world.sink.tagged[page.gid]
        and len(world.sink.tagged[page.gid]) == 2
    )
    delete(world, page, BANK)
    assert listen(world) == [Answer(page, NOT_THIS, banks[0])]
    # Then it is neither of them, here and at the domain, and the other brand is still told
    assert world.engine.vetoed(page.id) == {banks[0]} and listen(world) == []
    rest = {BANK.replace("bank", "shop")}
    assert world.sink.tagged[page.gid] == world.sink.tagged["domain::evil.onion"] == rest
    # until somebody takes it back
    world.engine.undo(page.id, banks[0])
    assert listen(world) == [] and world.sink.tagged[page.gid] == {BANK, *rest}


def test_the_deleted_tag_of_a_file_at_two_places_names_no_other_picture_and_stays_away(world: World) -> None:
    page = world.add("a.onion,b.onion")
    world.write(page)
    delete(world, page, tags.MATCH)
    assert listen(world) == listen(world) == [] and world.sink.tagged[page.gid] == set()


def test_a_confirmed_tag_that_is_deleted_was_not_rejected(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    world.sink.tagged[copy.gid].add(tags.analysts(tags.MATCH))
    listen(world)
    world.sink.tagged[copy.gid].discard(tags.MATCH)
    assert listen(world) == [] and world.engine.vetoed(copy.id) == set()


# -- many at once --------------------------------------------------------------------------------------------


@pytest.fixture
def lost(world: World) -> list[AilObject]:
    """Pages of which AIL lost the review tags, three of four at once, where two may be a person's work."""
    world.options = PublishingOptions(max_removed=2)
    first = world.add("a.onion")
    pages = [world.add(f"{name}.onion") for name in "bcde"]
    for page in pages:
        world.judge(page, first, **REVIEW)
        world.write(page)
    assert listen(world) == []
    for page in pages[:3]:
        world.sink.tagged[page.gid].clear()
    assert listen(world) == []
    return pages


def test_many_at_once_wait_while_others_are_heard(world: World, lost: list[AilObject]) -> None:
    assert {obj for obj, _ in waiting(world.engine)} == {*lost[:3]}
    assert [world.engine.vetoed(page.id) for page in lost] == [set()] * 4
    # When AIL has one again, and an analyst deletes another one, then that is heard, and the rest waits
    world.sink.tagged[lost[0].gid].add(tags.REVIEW)
    delete(world, lost[3], tags.REVIEW)
    assert [answer.obj for answer in listen(world)] == [lost[3]]
    assert {obj for obj, _ in waiting(world.engine)} == {*lost[1:3]}
    assert listen(world) == [] and world.engine.vetoed(lost[1].id) == set()


def test_what_waits_goes_on_waiting_when_the_same_page_is_answered(world: World) -> None:
    # Given two pages whose tags of a match were lost at once, where one may be a person's work
    world.options = PublishingOptions(max_removed=1)
    first, other = world.add("a.onion"), world.add("c.onion")
    page = world.found("b.onion", first)
    world.judge(page, other, **REVIEW)
    world.write(page)
    assert listen(world) == []
    for obj in (first, page):
        world.sink.tagged[obj.gid].discard(tags.MATCH)
    assert listen(world) == [] and len(list(waiting(world.engine))) == 2
    # When an analyst confirms a review at one of them
    world.sink.tagged[page.gid].add(tags.analysts(tags.REVIEW))
    assert listen(world) == [Answer(page, SAME, other.id)]
    # Then the lost tag is none, in any pass
    assert listen(world) == listen(world) == [] and world.engine.vetoed(page.id) == set()
    assert {obj for obj, _ in waiting(world.engine)} == {first, page}


def test_what_waits_is_an_answer_once_somebody_says_so(world: World, lost: list[AilObject]) -> None:
    for obj, names in list(waiting(world.engine)):
        (said,) = meaning(world.engine, obj, names)
        assert reader(world).accept(obj, names) == [said] and said.said == DIFFERENT
    assert list(waiting(world.engine)) == listen(world) == []
    assert [bool(world.engine.vetoed(page.id)) for page in lost] == [True, True, True, False]


def test_what_waits_is_written_again_if_it_was_lost(world: World, lost: list[AilObject]) -> None:
    for obj, names in list(waiting(world.engine)):
        assert reader(world).restore(obj, names)
    assert list(waiting(world.engine)) == listen(world) == []
    assert [world.sink.tagged[page.gid] for page in lost] == [{tags.REVIEW}] * 4
    # and a deletion that follows is an answer
    delete(world, lost[0], tags.REVIEW)
    assert [answer.obj for answer in listen(world)] == [lost[0]]


def test_what_waits_of_a_forgotten_picture_waits_no_longer(world: World, lost: list[AilObject]) -> None:
    world.store.forgetting.forget(lost[0].id)
    world.publisher().sweep()
    listen(world)
    assert {obj for obj, _ in waiting(world.engine)} == {*lost[1:3]}
