"""What is written to AIL about an object, taken back and moved: against a real store, and an AIL in memory
with AIL's semantics.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations, count
from pathlib import Path

import pytest
from support.ail_memory import Killed, World
from support.judging import confirm
from support.steps import run_and_die

from douglas_quaid.ail import tags
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.ail.publishing.apply import apply
from douglas_quaid.ail.publishing.ledger import (
    PREFIX,
    STAR,
    Correlation,
    Duplicate,
    Entry,
    read_entry,
    read_star,
    write_entry,
)
from douglas_quaid.ail.publishing.publisher import PublishingOptions
from douglas_quaid.errors import CorruptRecord
from douglas_quaid.records import Decision, Purpose, Relation
from douglas_quaid.store import Store

NEAR = tags.MATCH
#: The state of an AIL that shows nothing of ours.
EMPTY = ({}, {}, {}, {})
PARTIAL = {"relation": Relation.PARTIAL}
REVIEW = {"decision": Decision.REVIEW, "confidence": 0.6}


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    world = World(store_url)
    yield world
    world.close()


def star(*spokes: AilObject, centre: AilObject) -> set[frozenset[str]]:
    return {frozenset((spoke.gid, centre.gid)) for spoke in spokes}


# -- what is written -----------------------------------------------------------------------------------------


def test_a_match_across_domains_is_a_correlation_a_score_at_both_and_a_tag_at_both(world: World) -> None:
    # Given a page that was there first, and a copy of it on another domain
    first = world.add("a.onion")
    assert world.write(first).changed is False
    copy = world.add("b.onion")
    world.judge(copy, first, 0.974)
    # When the copy is written
    written = world.write(copy)
    # Then AIL shows it at both
    assert world.sink.pairs() == star(copy, centre=first)
    assert world.sink.rows == {
        copy.gid: {f"97:douglas-quaid:{first.id}"},
        first.gid: {f"97:douglas-quaid:{copy.id}"},
    }
    assert world.sink.tagged[copy.gid] == world.sink.tagged[first.gid] == {NEAR}
    assert (written.correlated, written.scores, written.tags, written.changed) == (
        (first,),
        ((first, 97),),
        (NEAR,),
        True,
    )


def test_nothing_is_written_for_no_match_and_within_one_domain(world: World) -> None:
    page, again = world.add("a.onion"), world.add("a.onion")
    world.judge(again, page)
    world.judge(world.add("b.onion"), page, 0.1, decision=Decision.NO_MATCH, relation=Relation.SAME_TEMPLATE)
    assert not world.write(again).changed and not world.write(page).changed
    assert world.sink.done == [] and read_entry(world.engine, again) == Entry()
    # unless the operator wants to see the crawls of one site together
    assert world.write(again, same_domain=True).correlated == (page,)


def test_pictures_of_chats_have_no_domain_and_are_always_written(world: World) -> None:
    first, second = world.add(kind="image"), world.add(kind="image")
    world.judge(second, first)
    assert world.write(second).correlated == (first,)


def test_between_an_image_and_a_screenshot_there_is_no_score(world: World) -> None:
    page, picture = world.add("a.onion"), world.add(kind="image")
    world.judge(picture, page)
    written = world.write(picture)
    assert written.correlated == (page,) and written.scores == () and not any(world.sink.rows.values())


def test_the_same_bytes_as_image_and_as_screenshot_are_two_objects_that_correlate(world: World) -> None:
    page = world.add("a.onion")
    picture = world.add(kind="image", same_as=page)
    assert world.write(picture).correlated == (page,)
    assert world.write(picture, tag_detail=True).tags == (NEAR, tags.match(Relation.IDENTICAL, 1.0))
    assert world.publisher(tag_detail=True).sweep() == 0
    # And when the page is withdrawn there is nothing to correlate with
    world.engine.withdraw(page.occurrence)
    world.publisher().sweep()
    assert world.sink.pairs() == set()


def test_writing_again_asks_ail_for_nothing(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    before = list(world.sink.done)
    assert world.write(copy).changed is False and world.write(first).changed is False
    assert world.sink.done == before


def test_a_tag_is_written_once_and_stays_away_when_an_analyst_removes_it(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    world.sink.tagged[copy.gid].clear()
    # when it is found again, and another match comes
    world.write(copy)
    world.judge(copy, world.add("c.onion"), 0.99, relation=Relation.IDENTICAL)
    world.write(copy)
    assert world.sink.tagged[copy.gid] == set()


def test_each_band_of_likelihood_has_its_name() -> None:
    assert tags.match(Relation.PARTIAL, 0.95).endswith('"visual-partial-almost-certain"')
    assert tags.match(Relation.PARTIAL, 0.8).endswith('very-likely"')
    assert tags.match(Relation.PARTIAL, 0.0).endswith('almost-no-chance"')


def test_what_the_settings_leave_out_is_not_written(world: World) -> None:
    first, copy = world.add("a.onion"), world.add("b.onion")
    world.judge(copy, first)
    nothing = dict(correlate=False, duplicates=False, tag_match=False, tag_review=False, note=False)
    assert not world.write(copy, **nothing).changed and world.sink.done == []
    # and what was written goes when its option is turned off
    assert world.write(copy).changed
    world.publisher(**nothing).sweep()
    assert world.sink.state() == EMPTY


# -- stars ---------------------------------------------------------------------------------------------------


def test_a_cluster_is_a_star_and_never_a_clique(world: World) -> None:
    # Given pages that all match all that were there before
    pages = [world.add("0.onion")]
    for n in range(1, 8):
        pages.append(world.found(f"{n}.onion", *pages))
    assert world.sink.pairs() == star(*pages[1:], centre=pages[0])
    # And an analyst is told once: of the first two
    assert [page for page in pages if world.sink.tagged[page.gid]] == pages[:2]
    # while the page of each names the first and why, and where to read on
    for page in pages[1:]:
        note = world.sink.noted[page.gid]
        assert f"match: {pages[0].gid} on domain 0.onion; near-duplicate, confidence 0.97" in note
        assert "PDQ 4/256" in note and f"quaid ail cluster {page.gid}" in note


def test_a_later_crawl_of_the_representatives_own_site_is_not_correlated_with_it_but_names_the_other_one(
    world: World,
) -> None:
    first = world.add("a.onion")
    other = world.found("b.onion", first)
    again = world.found("a.onion", first, other)
    assert world.sink.pairs() == star(other, centre=first)
    assert not world.sink.tagged[again.gid] and other.gid in world.sink.noted[again.gid]


def test_a_part_is_correlated_with_the_representative_of_its_partners_cluster(world: World) -> None:
    # Given a cluster of two, of which a collage shows the second
    first = world.add("a.onion")
    second = world.found("b.onion", first)
    collage = world.found("c.onion", second, **PARTIAL)
    assert world.sink.pairs() == star(second, collage, centre=first)
    assert world.engine.cluster_ids([collage.id]) == [None]
    # And the score is the one that was measured
    assert world.sink.rows[collage.gid] == {f"97:douglas-quaid:{second.id}"}


def test_a_person_who_vetoed_the_representative_is_heard_when_the_part_is_written(world: World) -> None:
    first = world.add("a.onion")
    second = world.found("b.onion", first)
    collage = world.add("c.onion")
    world.engine.veto(collage.id, first.id)
    world.judge(collage, second, **PARTIAL)
    assert world.write(collage).correlated == (second,)


def test_a_collage_of_two_known_pictures_leaves_their_clusters_apart_and_max_edges_says_how_many_it_names(
    world: World,
) -> None:
    a, b = world.add("a.onion"), world.add("b.onion")
    collage = world.add("c.onion")
    world.judge(collage, a, 0.99, **PARTIAL)
    world.judge(collage, b, 0.98, **PARTIAL)
    assert world.write(collage).correlated == (a,)
    assert world.write(collage, max_edges=2).correlated == (a, b)
    assert world.engine.cluster_ids([a.id, b.id]) == [None, None]


def test_a_pair_is_in_the_ledger_of_both_its_sides_and_goes_when_its_reason_goes(world: World) -> None:
    logo, page = world.add("a.onion"), world.add("b.onion")
    world.judge(page, logo, **PARTIAL)
    assert world.write(page).correlated == (logo,)
    assert world.write(logo).correlated == (page,)
    world.engine.veto(page.id, logo.id)
    world.publisher().sweep()
    assert world.sink.pairs() == set()


def test_a_part_of_a_picture_that_is_in_no_cluster_stays_correlated_when_all_is_checked(world: World) -> None:
    logo, page = world.add("a.onion"), world.add("b.onion")
    world.judge(page, logo, **PARTIAL)
    world.write(page)
    assert world.publisher().sweep() == 0
    assert world.sink.pairs() == star(page, centre=logo)
    # and an analyst who looks at either of them is told of the other
    assert world.sink.tagged[page.gid] == world.sink.tagged[logo.gid] == {NEAR}
    assert logo.gid in world.sink.noted[page.gid] and page.gid in world.sink.noted[logo.gid]


def test_when_clusters_merge_the_edges_move_to_the_representative_that_stays(world: World) -> None:
    # Given a star of four and a star of three
    large = [world.add("0.onion")]
    for n in range(1, 4):
        large.append(world.found(f"{n}.onion", large[0]))
    small = [world.add("10.onion")]
    for n in range(11, 13):
        small.append(world.found(f"{n}.onion", small[0]))
    stars = dict(world.engine.bookmarks(STAR))
    # When a person says that two of them are the same, and a page matches both
    confirm(world.store, large[1].id, small[1].id)
    bridge = world.found("20.onion", large[1], small[1])
    # Then there is one star, around the representative of the larger one, with every page in it
    assert world.sink.pairs() == star(*large[1:], *small, bridge, centre=large[0])
    ((name, merged),) = world.engine.bookmarks(STAR)
    assert world.publisher().sweep() == 0
    # and if a crash leaves the star of the smaller one, it goes without a trace
    (former,) = stars.keys() - {name}
    world.engine.set_bookmark(former, stars[former])
    assert world.publisher().sweep() == 0
    assert list(world.engine.bookmarks(STAR)) == [(name, merged)]


def test_a_merge_of_large_clusters_is_walked_in_steps_by_the_writes_that_follow(
    world: World,
) -> None:
    world.options = PublishingOptions(cluster_step=3)
    stars = []
    for start in (0, 100):
        stars.append([world.add(f"{start}.onion")])
        for n in range(1, 8):
            stars[-1].append(world.found(f"{start + n}.onion", stars[-1][0]))
    pages = [page for pages in stars for page in pages]
    confirm(world.store, stars[0][0].id, stars[1][0].id)
    pages.append(world.found("200.onion", stars[0][0], stars[1][0]))
    moved = []
    for n in range(201, 208):
        before = world.sink.pairs()
        pages.append(world.found(f"{n}.onion", pages[-1]))
        moved.append(len(before - world.sink.pairs()))
    assert max(moved) <= 3
    centres = [gid for gid, others in world.sink.correlations.items() if len(others) > 1]
    assert len(centres) == 1 and len(world.sink.pairs()) == len(pages) - 1


# -- tags of a person's questions and of collections ---------------------------------------------------------


def test_a_pair_for_a_person_is_a_tag_that_ail_can_confirm_and_the_other_picture_beside_it(
    world: World,
) -> None:
    first, second = world.add("a.onion"), world.add("b.onion")
    world.judge(second, first, **REVIEW)
    written = world.write(second)
    assert written.tags == ('infoleak:automatic-detection="visual-review"',)
    assert written.correlated == (first,) and world.sink.pairs() == star(second, centre=first)
    review = f"review, please compare: {first.gid} on domain a.onion; near-duplicate, confidence 0.60"
    assert review in written.note
    assert not any(world.sink.rows.values()) and not world.sink.tagged[first.gid]
    # and the correlation goes when the review is decided, or when the operator does not want it
    assert world.write(second, correlate_review=False).correlated == ()
    assert world.write(second).correlated == (first,)
    world.engine.veto(second.id, first.id)
    world.publisher().sweep()
    assert world.sink.state() == EMPTY


def test_a_question_about_an_unlikely_pair_does_not_say_that_there_is_no_chance(world: World) -> None:
    first, second = world.add("a.onion"), world.add("b.onion")
    world.judge(second, first, **REVIEW | {"confidence": 0.04})
    written = world.write(second)
    assert f"{first.gid} on domain a.onion; near-duplicate, confidence 0.04: " in written.note


def test_a_question_about_a_cluster_that_is_matched_anyway_is_not_asked(world: World) -> None:
    first = world.add("a.onion")
    second = world.found("b.onion", first)
    third = world.add("c.onion")
    world.judge(third, first)
    world.judge(third, second, **REVIEW)
    written = world.write(third)
    assert written.tags == () and written.correlated == (first,) and "review" not in written.note


def test_the_note_names_the_collection_that_gave_the_tag(world: World) -> None:
    known = world.known("all pages", Purpose.KNOWN)
    world.known("banks", Purpose.BASELINE, image_id=known, brand="Bank", domain="bank.example")
    page = world.add("evil.onion")
    world.judge(page, known, relation=Relation.LOOKS_LIKE, decision=Decision.REVIEW)
    assert f"image {known} of collection banks;" in world.write(page).note


@pytest.mark.parametrize(
    ("relation", "decision"),
    [
        (Relation.LOOKS_LIKE, Decision.REVIEW),
        (Relation.NEAR_DUPLICATE, Decision.REVIEW),
        (Relation.NEAR_DUPLICATE, Decision.MATCH),
    ],
)
@pytest.mark.parametrize(
    ("domain", "labels", "expected"),
    [
        (
            "evil.onion",
            {"brand": "Big Bank & Co", "domain": "bank.example"},
            'infoleak:automatic-detection="visual-looks-like-big-bank-co"',
        ),
        (
            "evil.onion",
            {"domain": "bank.example, bank.onion"},
            'infoleak:automatic-detection="visual-looks-like-bank.example"',
        ),
        ("evil.onion", {"brand": "Bank", "tag": 'phishing:target="bank"'}, 'phishing:target="bank"'),
        ("bank.onion", {"brand": "Bank", "domain": "bank.example, Bank.onion."}, None),
        ("evil.onion,login.bank.example", {"brand": "Bank", "domain": "bank.example"}, None),
        (
            "bank.example.evil.onion",
            {"brand": "Bank", "domain": "bank.example"},
            'infoleak:automatic-detection="visual-looks-like-bank"',
        ),
        (
            "notbank.example",
            {"brand": "Bank", "domain": "bank.example"},
            'infoleak:automatic-detection="visual-looks-like-bank"',
        ),
    ],
)
def test_a_page_that_looks_like_a_brands_on_a_domain_that_is_not_its_own(
    world: World,
    relation: Relation,
    decision: Decision,
    domain: str,
    labels: dict[str, str],
    expected: str | None,
) -> None:
    legitimate = world.known("banks", Purpose.BASELINE, **labels)
    page = world.add(domain)
    world.judge(page, legitimate, relation=relation, decision=decision)
    written = world.write(page, tag_review=False)
    assert [tag for tag in written.tags if tag != NEAR] == ([expected] if expected else [])
    assert (legitimate in written.note) == bool(expected)
    assert not {*world.write(page, tag_looks_like=False, tag_review=False).tags} - {NEAR}


def test_a_part_of_which_nobody_knows_whether_it_is_a_brands_does_not_make_a_page_look_like_it(
    world: World,
) -> None:
    legitimate = world.known("banks", Purpose.BASELINE, brand="Bank")
    page = world.add("evil.onion")
    world.judge(page, legitimate, relation=Relation.PARTIAL, decision=Decision.REVIEW)
    assert world.write(page).tags == ('infoleak:automatic-detection="visual-review"',)


def test_an_unsafe_tag_is_written_only_when_the_settings_name_it(world: World) -> None:
    tag = 'dark-web:topic="pornography-child-exploitation"'
    known = world.known("list", Purpose.KNOWN, tag=tag)
    picture = world.add(kind="image")
    world.judge(picture, known)
    assert tag not in world.write(picture).tags and tag not in world.sink.tagged[picture.gid]
    assert tag in world.write(picture, allow_tags=(tag,)).tags


@pytest.mark.parametrize(
    "tag",
    [
        'dark-web:topic="violence"',
        'copine-scale:level-10="sadistic-bestiality"',
        'DARK-WEB:topic="child-sexual-abuse-material"',
    ],
)
def test_tags_for_which_ail_blurs_are_unsafe(tag: str) -> None:
    assert tags.is_unsafe(tag)


def test_other_tags_of_the_dark_web_are_safe() -> None:
    assert not tags.is_unsafe('dark-web:topic="drugs-narcotics"')


# -- only ours -----------------------------------------------------------------------------------------------


def test_what_somebody_else_wrote_is_not_ours_and_stays(world: World) -> None:
    # Given a correlation and a tag that were there before
    first, copy = world.add("a.onion"), world.add("b.onion")
    world.sink.correlate(copy, first)
    world.sink.tag(copy, NEAR)
    world.judge(copy, first)
    # When it is written, and then vetoed
    assert world.write(copy).correlated == ()
    world.engine.veto(copy.id, first.id)
    world.publisher().sweep()
    # Then ours is gone and theirs is not
    assert world.sink.pairs() == star(copy, centre=first) and world.sink.tagged[copy.gid] == {NEAR}
    assert not any(world.sink.rows.values())


def test_a_veto_takes_back_all_that_was_written_about_the_pair(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    world.engine.veto(first.id, copy.id)
    world.publisher().sweep()
    assert world.sink.state() == EMPTY
    # and when a person takes the veto back, the next pass brings it again
    world.engine.undo(first.id, copy.id)
    world.publisher().sweep()
    assert world.sink.pairs() == star(copy, centre=first)
    assert NEAR in world.sink.tagged[first.gid] and NEAR in world.sink.tagged[copy.gid]
    # and nothing is left when one of them is forgotten
    world.store.forgetting.forget(first.id)
    world.publisher().sweep()
    assert world.sink.state() == EMPTY


def test_of_a_cluster_that_a_veto_splits_each_part_gets_its_own_star(world: World) -> None:
    # Given two groups around their firsts, of which the second matches the first page of the other weakly
    left = [world.add("0.onion")]
    for n in range(1, 4):
        left.append(world.found(f"{n}.onion", left[0], confidence=0.99))
    right = [world.found("10.onion", left[0], confidence=0.96)]
    for n in range(11, 13):
        right.append(world.add(f"{n}.onion"))
        world.judge(right[-1], left[0], 0.96)
        world.judge(right[-1], right[0], 0.99)
        world.write(right[-1])
    assert world.sink.pairs() == star(*left[1:], *right, centre=left[0])
    # When a person says that two of them are not the same
    world.engine.veto(right[2].id, left[1].id)
    while world.publisher().sweep():
        pass
    # Then each is a star, and only a pair that matches still connects the two
    for one, other in ((left, right), (right, left)):
        names = {obj.gid for obj in one}
        mine = {pair for pair in world.sink.pairs() if pair <= names}
        assert (
            len(mine) == len(one) - 1
            and max(len(world.sink.correlations[gid] & names) for gid in names) == len(one) - 1
        )
        for near, far in ((near, far) for near in one for far in other):
            found = world.engine.verdict_between(near.id, far.id)
            assert not world.sink.correlated(near, far) or (
                found and found.verdict.decision is Decision.MATCH
            )
    assert world.publisher().sweep() == 0


def test_when_the_representative_is_forgotten_another_takes_its_place(world: World) -> None:
    pages = [world.add("0.onion")]
    for n in range(1, 5):
        pages.append(world.found(f"{n}.onion", *pages))
    world.store.forgetting.forget(pages[0].id)
    world.publisher().sweep()
    pairs = {pair for pair in world.sink.pairs()}
    assert len(pairs) == 3 and all(pages[0].gid not in pair for pair in pairs)
    assert not any(pages[0].id in row for rows in world.sink.rows.values() for row in rows)
    assert world.publisher().sweep() == 0


def test_who_was_of_the_representatives_domain_is_correlated_with_the_next_one(world: World) -> None:
    first = world.add("a.onion")
    other = world.found("b.onion", first)
    again = world.found("a.onion", first, other)
    assert not world.sink.correlations[again.gid]
    world.store.forgetting.forget(first.id)
    world.publisher().sweep()
    world.publisher().sweep()
    assert world.sink.pairs() == star(again, centre=other)


def test_a_score_that_changed_replaces_the_row(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    world.judge(copy, first, 0.99)
    world.publisher().sweep()
    assert world.sink.rows[copy.gid] == {f"99:douglas-quaid:{first.id}"} and world.sink.rows[first.gid] == {
        f"99:douglas-quaid:{copy.id}"
    }


def test_a_match_that_became_a_question_leaves_the_question(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    world.judge(copy, first, **REVIEW)
    world.publisher().sweep()
    assert world.sink.state() == EMPTY
    world.write(copy)
    assert world.sink.tagged[copy.gid] == {tags.REVIEW} and world.sink.correlated(copy, first)


def test_what_both_sides_wrote_at_once_stays_until_both_take_it_back(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    write_entry(world.engine, first, Entry((Correlation(copy),), (Duplicate(copy, 97),)))
    shown = world.sink.pairs(), dict(world.sink.rows)
    apply(world.engine, world.sink, copy, read_entry(world.engine, copy), Entry())
    assert (world.sink.pairs(), dict(world.sink.rows)) == shown
    apply(world.engine, world.sink, first, read_entry(world.engine, first), Entry())
    assert world.sink.pairs() == set() and not any(world.sink.rows.values())


# -- crashes -------------------------------------------------------------------------------------------------


def test_a_write_that_is_killed_anywhere_and_repeated_ends_as_if_it_had_not_been(world: World) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    whole = world.sink.state()
    for step in count():
        # Given the pair anew, when the process is killed before its next change of AIL
        world.sink.dies_at = None
        _start_over(world, first, copy)
        world.judge(copy, first)
        world.sink.dies_at = len(world.sink.done) + step
        try:
            world.write(copy)
            break
        except Killed:
            world.sink.dies_at = None
        # then everything that AIL has is in the ledger
        owned = [read_entry(world.engine, obj) for obj in (copy, first)]
        assert len(world.sink.pairs()) <= sum(len(entry.correlations) for entry in owned)
        # and repeating it gives the same as one that was not killed, or taking it back leaves nothing
        if step % 2:
            world.write(copy)
            assert world.sink.state() == whole
    assert step > 3


def test_a_tag_that_ail_has_is_not_sent_again_after_a_crash(world: World) -> None:
    """Each time it is sent AIL's exports hear of it again."""
    copy = world.found("b.onion", world.add("a.onion"))
    write_entry(world.engine, copy, replace(read_entry(world.engine, copy), settled=False))
    before = len(world.sink.done)
    world.write(copy)
    assert read_entry(world.engine, copy).settled
    assert {what[0] for what in world.sink.done[before:]} == {"correlate", "duplicate", "note"}


def test_taking_back_that_is_killed_anywhere_and_repeated_leaves_nothing(world: World) -> None:
    for step in count():
        first = world.add("a.onion")
        copy = world.found("b.onion", first)
        world.engine.veto(copy.id, first.id)
        world.sink.dies_at = len(world.sink.done) + step
        try:
            world.publisher().sweep()
            break
        except Killed:
            world.sink.dies_at = None
        world.publisher().sweep()
        assert world.sink.state() == EMPTY
    assert step > 2


def test_a_process_that_is_killed_before_any_of_its_commands_leaves_nothing_that_the_next_does_not_mend(
    world: World, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.add("a.onion")
    copy = world.found("b.onion", first)
    whole = world.sink.state()
    for step in count(0, 11):  # of some 200 commands, most of which are the same few kinds again
        # Given the pair anew, and a process that is killed with -9 while it writes about it
        _start_over(world, first, copy)
        world.judge(copy, first)
        journal = tmp_path / str(step)

        def write(_: Store, journal: Path = journal) -> None:
            World(store_url, journal=journal).write(copy)

        died = run_and_die(monkeypatch, store_url, write, step)
        world.sink.replay(journal)
        # Then what it did to AIL is in the ledger, every line of it
        assert world.sink.pairs() == {
            frozenset((obj.gid, edge.other.gid))
            for obj in (copy, first)
            for edge in read_entry(world.engine, obj).correlations
            if _done(world, obj)
        }
        # and the next process that gets the message does the rest at once, whatever lock was left
        world.write(copy)
        assert world.sink.state() == whole
        if not died:
            break
    assert step > 30


def _done(world: World, obj: AilObject) -> bool:
    """Whether AIL has the correlation that was announced; it may not, when the process was killed between the
    two.
    """
    return bool(world.sink.correlations[obj.gid])


def test_two_processes_that_write_about_one_object_take_turns(world: World, store_url: str) -> None:
    first, copy = world.add("a.onion"), world.add("b.onion")
    world.judge(copy, first)
    other = World(store_url)
    other.sink = world.sink
    with ThreadPoolExecutor(4) as threads:
        changed = list(threads.map(lambda n: (world, other)[n % 2].write(copy).changed, range(8)))
    other.close()
    # an edge, the row of both, and a tag and a note at each, whichever of the two wrote about either object
    assert any(changed) and len(world.sink.done) == 7


def _start_over(world: World, first: AilObject, copy: AilObject) -> None:
    """As before anything was written about the two."""
    world.judge(copy, first, decision=Decision.NO_MATCH)
    world.publisher().sweep()
    assert world.sink.state() == EMPTY


def _cluster(world: World, obj: AilObject) -> str | None:
    return world.engine.cluster_ids([obj.id])[0]


# -- what cannot be read -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"type": "image", "id": "../../passwd"}, "expected image::<sha256>, 64 lower-case hex digits"),
        ({"type": "image", "id": "A" * 64}, "expected image::<sha256>, 64 lower-case hex digits"),
        ({"type": "item", "id": "a" * 64}, "type 'item' is not one of image and screenshot"),
        ({"type": "image"}, "unknown or missing: id"),
    ],
)
def test_an_entry_or_star_that_names_no_picture_of_ail_is_refused(
    world: World, other: dict[str, str], reason: str
) -> None:
    first = world.add("a.onion")
    line = {"correlations": [{"other": other, "via": ""}], "duplicates": [], "tags": []}
    facts = {"settled": True, "heard": [], "known": True, "asks": False}
    entry = {"v": 2, **line, "notes": [], "going": {name: [] for name in (*line, "notes")}, **facts}
    world.engine.set_bookmark(PREFIX + first.gid, json.dumps(entry))
    with pytest.raises(CorruptRecord, match=f"ledger entry of {first.gid} cannot be read: .*{reason}"):
        read_entry(world.engine, first)
    world.engine.set_bookmark(STAR + "c-1", json.dumps({"centre": other, "former_ids": 0, "former": []}))
    with pytest.raises(CorruptRecord, match=f"star of cluster c-1 cannot be read: .*{reason}"):
        read_star(world.engine, "c-1")


# -- bounds --------------------------------------------------------------------------------------------------


def test_many_clones_of_one_template_get_one_edge_each_and_short_notes(world: World) -> None:
    """A scaled stand-in for 10,000: what it costs is the same for each, so it is for all."""
    clones, calls = [world.add("0.onion")], []
    for n in range(1, 200):
        before = len(world.sink.done)
        clones.append(world.found(f"{n}.onion", *clones[-8:]))
        calls.append(len(world.sink.done) - before)
    assert world.sink.pairs() == star(*clones[1:], centre=clones[0])
    assert all(world.sink.rows[clone.gid] for clone in clones)
    assert sum(len(rows) for rows in world.sink.rows.values()) <= 2 * (len(clones) - 1)
    assert sum(calls[1:]) < 4 * len(clones) and max(calls) < 10  # an edge, a row, a note; seldom another's
    assert [clone for clone in clones if world.sink.tagged[clone.gid]] == clones[:2]
    notes = [len(name) + len(text) for name, text in world.engine.bookmarks("ail:")]
    assert len(notes) <= len(clones) + 1 and max(notes) < 1200


def test_two_writers_at_once_leave_one_star(world: World) -> None:
    """Two processes find different representatives at the same time."""
    a, b, c, d = (world.add(f"{n}.onion") for n in range(4))
    for x, y in combinations((a, b, c, d), 2):
        world.judge(x, y)
    for obj in (d, a, c, b):
        world.write(obj)
    assert len(world.sink.pairs()) == 3


def _copy(world: World, domain: str, one: AilObject, other: AilObject) -> AilObject:
    """Add a copy of one picture that may be the same as another, and write about it."""
    copy = world.add(domain, linked=False)
    world.judge(copy, one)
    world.judge(copy, other, 0.6, decision=Decision.REVIEW)
    world.link(copy)
    world.write(copy)
    return copy


def test_of_two_clusters_one_object_asks_however_many_copies_come(world: World) -> None:
    # Given two pages, and copies of both, each of which may be the same as the other page
    first, second = world.add("first.onion"), world.add("second.onion")
    copies = [
        _copy(world, f"{number}-{one.id[:4]}.onion", one, other)
        for number in range(5)
        for one, other in ((first, second), (second, first))
    ]
    # Then the first one asks, and no other does
    assert [obj for obj in (first, second, *copies) if tags.REVIEW in world.sink.tags(obj)] == copies[:1]
    # And once it is forgotten, the next copy that comes asks in its place
    world.engine.forget(copies[0].id)
    assert tags.REVIEW in world.sink.tags(_copy(world, "last.onion", first, second))
