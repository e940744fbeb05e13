"""What a domain and a crawled item of AIL show of their screenshots: against a real store and an AIL in
memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from support.ail_memory import Killed, World

from douglas_quaid.ail import tags
from douglas_quaid.ail.config import Settings
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.records import Decision, Purpose, Relation

BANK = 'infoleak:automatic-detection="visual-looks-like-bank"'
EVIL = "domain::evil.onion"
ITEM = "item::crawled/2026/11/30/evil.onion0d4f2f3e-0000-4000-8000-000000000001"
NEXT = "item::crawled/2026/12/01/evil.onion0d4f2f3e-0000-4000-8000-000000000002"
LOOKS = {"relation": Relation.LOOKS_LIKE, "decision": Decision.REVIEW, "confidence": 0.8}
REVIEW = {"decision": Decision.REVIEW, "confidence": 0.6}


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    world = World(store_url)
    yield world
    world.close()


@pytest.fixture
def bank(world: World) -> str:
    """The picture of a baseline."""
    return world.known("banks", Purpose.BASELINE, brand="Bank", domain="bank.example")


def imitation(world: World, bank: str, item: str = ITEM) -> AilObject:
    """A screenshot of evil.onion that looks like the bank's page, about which is written."""
    page = world.add("evil.onion", item=item.removeprefix("item::"))
    world.judge(page, bank, **LOOKS)
    world.write(page)
    return page


def test_the_domain_and_the_item_of_an_imitation_show_it_until_nothing_looks_like_it(
    world: World, bank: str
) -> None:
    page = imitation(world, bank)
    assert [world.sink.tagged[gid] for gid in (page.gid, EVIL, ITEM)] == [{BANK}] * 3
    # When a person says that it is something else
    world.engine.veto(page.id, bank)
    world.publisher().sweep()
    # Then nothing of ours is left there; and all returns when that is taken back
    assert [world.sink.tagged[gid] for gid in (page.gid, EVIL, ITEM)] == [set()] * 3
    world.engine.undo(page.id, bank)
    world.publisher().sweep()
    assert [world.sink.tagged[gid] for gid in (page.gid, EVIL, ITEM)] == [{BANK}] * 3


def test_a_review_is_asked_at_the_domain_until_it_is_decided_and_a_match_is_not_told_there(
    world: World,
) -> None:
    first, page = world.add("a.onion"), world.add("evil.onion", item=ITEM.removeprefix("item::"))
    world.judge(page, first, **REVIEW)
    world.write(page)
    assert world.sink.tagged[EVIL] == world.sink.tagged[ITEM] == {tags.REVIEW}
    world.engine.confirm(page.id, first.id)
    world.publisher().sweep()
    assert tags.MATCH in world.sink.tagged[page.gid]
    assert world.sink.tagged[EVIL] == world.sink.tagged[ITEM] == set()


@pytest.mark.parametrize(
    ("words", "shown"), [("match", {tags.MATCH}), ("none", set()), ("looks-like,match", {tags.MATCH, BANK})]
)
def test_the_operator_says_which_tags_a_domain_gets(
    world: World, bank: str, words: str, shown: set[str]
) -> None:
    settings = Settings.parse({"tag_domain": words})
    first, page = world.add("a.onion"), world.add("evil.onion", item=ITEM.removeprefix("item::"))
    world.judge(page, first)
    world.judge(page, bank, **LOOKS)
    world.write(page, tag_domain=settings.tag_domain)
    assert world.sink.tagged[page.gid] == {tags.MATCH, BANK}
    assert world.sink.tagged[EVIL] == world.sink.tagged[ITEM] == shown


def test_the_tag_of_a_domain_goes_with_the_last_screenshot_that_is_its_reason(
    world: World, bank: str
) -> None:
    pages = [imitation(world, bank, item) for item in (ITEM, NEXT)]
    for n, page in enumerate(pages):
        assert world.sink.tagged[EVIL] == {BANK}
        world.engine.veto(page.id, bank)
        world.publisher().sweep()
        assert world.sink.tagged[(ITEM, NEXT)[n]] == set()
    assert world.sink.tagged[EVIL] == set() and list(world.engine.bookmarks("ail:origin:")) == []


def test_a_page_that_is_crawled_again_has_the_tag_at_both_items(world: World, bank: str) -> None:
    page = imitation(world, bank)
    both = ",".join(gid.removeprefix("item::") for gid in (NEXT, ITEM))
    world.engine.note(page.id, occurrence=page.occurrence, labels={"domain": "evil.onion", "item": both})
    world.publisher().check(page)
    assert world.sink.tagged[NEXT] == world.sink.tagged[ITEM] == world.sink.tagged[EVIL] == {BANK}


def test_a_tag_of_a_domain_that_somebody_else_wrote_is_not_removed(world: World, bank: str) -> None:
    world.sink.tagged[EVIL] |= {BANK, "workflow:todo"}
    page = imitation(world, bank)
    world.engine.veto(page.id, bank)
    world.publisher().sweep()
    assert world.sink.tagged[ITEM] == set() and world.sink.tagged[EVIL] == {BANK, "workflow:todo"}


def test_a_tag_that_an_analyst_removed_at_a_domain_stays_removed_and_judges_nothing(
    world: World, bank: str
) -> None:
    page = imitation(world, bank)
    world.sink.tagged[EVIL].clear()
    # Whatever comes: passes, and another page of that domain that looks like the bank's
    world.publisher().sweep()
    imitation(world, bank, NEXT)
    assert world.sink.tagged[EVIL] == set() and world.sink.tagged[page.gid] == {BANK}
    assert world.engine.vetoed(page.id) == set()


@pytest.mark.parametrize("step", range(6))
@pytest.mark.parametrize("how", ["comes", "goes"])
def test_a_process_that_is_killed_leaves_neither_too_much_nor_too_little(
    world: World, bank: str, step: int, how: str
) -> None:
    # Given two pages of one domain, of which one is written about, and a process that dies in the other
    imitation(world, bank)
    page = world.add("evil.onion", item=NEXT.removeprefix("item::"))
    world.judge(page, bank, **LOOKS)
    if how == "goes":
        world.write(page)
        world.engine.veto(page.id, bank)
    world.sink.dies_at = len(world.sink.done) + step
    with suppress(Killed):
        world.publisher().check(page)
    world.sink.dies_at = None
    # When others go on, then everything is as it would have been
    world.publisher().sweep()
    world.publisher().check(page)
    assert world.sink.tagged[EVIL] == world.sink.tagged[ITEM] == {BANK}
    assert world.sink.tagged[NEXT] == world.sink.tagged[page.gid] == ({BANK} if how == "comes" else set())
