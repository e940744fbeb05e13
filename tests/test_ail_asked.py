"""Of which clusters a person is asked: against a real store, and an AIL in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.ail_memory import World

from douglas_quaid.ail import tags
from douglas_quaid.records import Decision, Relation


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    world = World(store_url)
    yield world
    world.close()


def test_of_clusters_that_are_known_to_share_a_part_nobody_asks(world: World) -> None:
    # Given a page, its copy, and a picture that shows a part of the copy
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    part = world.found("c.onion", copy, relation=Relation.PARTIAL)
    assert tags.MATCH in world.sink.tags(part)
    # When another copy comes, for which that part is too little for a match
    last = world.add("d.onion", linked=False)
    world.judge(last, first)
    world.judge(last, part, 0.6, decision=Decision.REVIEW, relation=Relation.PARTIAL)
    world.link(last)
    world.write(last)
    # Then it names the page, and asks nothing
    assert world.sink.tags(last) == set() and first.id in world.sink.noted[last.gid]


def test_of_clusters_of_which_nobody_was_told_a_person_is_asked(world: World) -> None:
    first = world.add("a.onion")
    world.found("b.onion", first)
    part = world.add("c.onion")
    last = world.add("d.onion", linked=False)
    world.judge(last, first)
    world.judge(last, part, 0.6, decision=Decision.REVIEW, relation=Relation.PARTIAL)
    world.link(last)
    world.write(last)
    assert world.sink.tags(last) == {tags.REVIEW} and part.id in world.sink.noted[last.gid]
