"""Rejections of analysts become vetoes, and matches are written back as relationships on request."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import combinations

import pytest
from support.misp_runs import PICTURES, Sync, places
from support.misp_server import Attribute, Event, Misp
from support.pictures import page, png
from support.server import Server

from douglas_quaid.engine import Engine
from douglas_quaid.evaluation.edits import edit

pytest_plugins = ["support.misp_fixtures"]

PAGE = page(7, 640, 400)
#: One page three times: unchanged, half as large, and with another compression.
COPIES = [png(PAGE), png(edit("resize_50", PAGE)), png(PAGE, compress_level=1)]


@pytest.fixture
def matched(misp: Misp, engine: Engine, sync: Sync) -> Iterator[tuple[Attribute, Attribute]]:
    """A page and its smaller copy in two events, found to match."""
    pair = (misp.attach(misp.event("first"), COPIES[0]), misp.attach(misp.event("second"), COPIES[1]))
    assert sync().statuses() == {"added": 2}
    assert are_matched(engine, *pair)
    yield pair


def are_matched(engine: Engine, a: Attribute, b: Attribute) -> bool:
    found = places(engine)
    return found[b.uuid] in {hit.image_id for hit in engine.hits(found[a.uuid])}


def answer(
    misp: Misp,
    event: Event,
    asked: Attribute,
    *found: Attribute,
    name: str = "image-similarity",
    holder: str = "",
) -> Attribute:
    """Return the verdict, the attribute that analysts tag, of a result that an analyst saved.

    `holder`: UUID of the object that the picture belongs to.
    """
    saved = misp.object(event, name, references=[holder or asked.uuid])
    if holder:
        misp.attach(event, b"", asked.uuid, type="text", object=saved, relation="queried-uuid")
    for other in found:
        misp.attach(event, b"", other.uuid, type="text", object=saved, relation="attribute-uuid")
    return misp.attach(event, b"", "match", type="text", object=saved, relation="verdict")


REJECTIONS = ['false-positive:risk="high"', 'false-positive:confirmed="true"', 'workflow:state="rejected"']


@pytest.mark.parametrize("tag", REJECTIONS)
def test_a_rejected_result_is_a_veto(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute], tag: str
) -> None:
    # Given a saved result in the first event, with a local tag, which changes no timestamp
    asked, found = matched
    answer(misp, asked.event, asked, found).local_tags.append(tag)
    misp.later()
    # When the next pass runs, then the two do not match any more
    done = sync()
    assert (
        done.statuses()["vetoed"] == 1
        and not are_matched(engine, asked, found)
        and not are_matched(engine, found, asked)
    )
    # And later passes, and linking again, change nothing
    again = sync()
    assert "vetoed" not in again.statuses() and not [
        path for path, _ in misp.requests if path == "/events/restSearch"
    ]
    engine.link(places(engine)[asked.uuid])
    assert not are_matched(engine, asked, found)


def test_a_rejected_result_is_about_all_copies_of_the_picture_that_it_names(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute]
) -> None:
    # Given a result about a picture inside an object, and a third copy, which the result does not name
    asked, found = matched
    third = misp.attach(misp.event("third"), COPIES[2])
    sync()
    assert are_matched(engine, asked, third)
    answer(misp, asked.event, asked, found, holder=str(uuid.uuid4())).tags.append(REJECTIONS[0])
    sync()
    assert not are_matched(engine, asked, found) and not are_matched(engine, asked, third)
    assert are_matched(engine, found, third)


def test_an_image_that_is_rejected_loses_its_matches(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute]
) -> None:
    rejected, other = matched
    rejected.tags.append("false-positive")
    assert sync().statuses()["vetoed"] == 1 and not are_matched(engine, rejected, other)
    assert "vetoed" not in sync().statuses()


def test_a_rejected_image_that_is_forgotten_while_a_pass_reads_is_not_in_the_store(
    engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute], monkeypatch: pytest.MonkeyPatch
) -> None:
    rejected, _ = matched
    rejected.tags.append("false-positive")

    def forget_first(self: Engine, name: str) -> object:
        engine.forget(name)
        return hits(self, name)

    hits = Engine.hits
    monkeypatch.setattr(Engine, "hits", forget_first)
    assert sync().statuses()["not-in-store"] == 1


@pytest.mark.parametrize(
    "tag",
    ['false-positive:confirmed="false"', 'false-positive:risk="low"', 'workflow:state="complete"', "tlp:red"],
)
def test_other_tags_reject_nothing(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute], tag: str
) -> None:
    asked, found = matched
    answer(misp, asked.event, asked, found).tags.append(tag)
    found.tags.append(tag)
    sync()
    assert are_matched(engine, asked, found)


def test_tags_of_events_and_other_objects_reject_nothing(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute]
) -> None:
    asked, found = matched
    answer(misp, asked.event, asked, found, name="annotation").tags.append(REJECTIONS[0])
    found.event.tags.append(REJECTIONS[0])
    sync()
    assert are_matched(engine, asked, found)


def test_no_feedback_and_dry_run_make_no_veto(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute]
) -> None:
    asked, found = matched
    answer(misp, asked.event, asked, found).tags.append(REJECTIONS[0])
    assert "vetoed" not in sync("--no-feedback").statuses()
    assert sync("--dry-run").statuses()["would-veto"] == 1
    assert are_matched(engine, asked, found)


def test_a_rejection_waits_for_images_that_are_not_in_the_store(
    misp: Misp, engine: Engine, sync: Sync
) -> None:
    # Given a rejected result whose found image is not in the store
    asked = misp.attach(misp.event(), COPIES[0])
    late = misp.attach(misp.event(distribution=0), COPIES[1])
    answer(misp, asked.event, asked, late).tags.append(REJECTIONS[0])
    done = sync("--distribution", "1")
    assert done.status == 0 and done.statuses()["not-in-store"] == 1
    # When the image is added, then it is vetoed
    assert sync().statuses()["vetoed"] == 1
    assert not are_matched(engine, asked, late)


# -- a tag that was removed ----------------------------------------------------------------------------------


@pytest.mark.parametrize("on_picture", [True, False])
def test_the_removal_of_a_tag_undoes_what_it_said(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute], on_picture: bool
) -> None:
    asked, found = matched
    tagged = asked if on_picture else answer(misp, asked.event, asked, found)
    tagged.local_tags.append(REJECTIONS[0])
    sync()
    assert not are_matched(engine, asked, found)
    # When the tag is removed, or weakened, then a dry run says what the next pass does
    tagged.local_tags[:] = ['false-positive:risk="low"'] if on_picture else []
    assert sync("--dry-run").statuses()["would-undo"] == 1 and not are_matched(engine, asked, found)
    assert sync("--no-feedback").statuses()["undone"] == 0
    done = sync()
    assert done.status == 0 and done.of(tagged).count("undone") == 1
    assert are_matched(engine, asked, found) and are_matched(engine, found, asked)
    assert engine.judgements(places(engine)[asked.uuid]) == []
    # And it is done once, and the tag may be set again
    assert "undone" not in sync().statuses()
    tagged.local_tags.append(REJECTIONS[0])
    assert sync().statuses()["vetoed"] == 1 and not are_matched(engine, asked, found)


def test_what_somebody_else_said_stays(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute]
) -> None:
    # Given a veto by hand before the tag, and another after it
    asked, _ = matched
    before, after = (misp.attach(misp.event(), data) for data in (COPIES[2], png(edit("resize_33", PAGE))))
    sync()
    images = places(engine)
    engine.veto(images[asked.uuid], images[before.uuid], source="the command line")
    asked.tags.append(REJECTIONS[0])
    sync()
    engine.veto(images[asked.uuid], images[after.uuid], source="the command line")
    # When the tag is removed, then only the pair that nobody else judged is undone
    asked.tags.clear()
    assert sync().statuses()["undone"] == 1
    said = {one.image_id: one.source for one in engine.judgements(images[asked.uuid])}
    assert said == {images[other.uuid]: "the command line" for other in (before, after)}


def test_a_pair_that_two_tags_reject_is_undone_with_the_second(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute]
) -> None:
    asked, found = matched
    first, second = (answer(misp, event, asked, found) for event in (asked.event, found.event))
    for tagged in (first, second):
        tagged.tags.append(REJECTIONS[0])
    assert sync().statuses()["vetoed"] == 1
    # When the one whose word it is loses its tag, the other's counts; and then none
    (said,) = engine.judgements(places(engine)[asked.uuid])
    one, other = (first, second) if said.source.endswith(first.uuid) else (second, first)
    one.tags.clear()
    assert "undone" not in sync().statuses()
    (said,) = engine.judgements(places(engine)[asked.uuid])
    assert said.source.endswith(other.uuid) and not are_matched(engine, asked, found)
    other.tags.clear()
    assert sync().of(other).count("undone") == 1 and are_matched(engine, asked, found)
    # Both at once undo it once, as a dry run says
    for tagged in (first, second):
        tagged.tags.append(REJECTIONS[0])
    assert sync().statuses()["vetoed"] == 1
    for tagged in (first, second):
        tagged.tags.clear()
    assert sync("--dry-run").statuses()["would-undo"] == 1 and not are_matched(engine, asked, found)
    assert sync().statuses()["undone"] == 1 and are_matched(engine, asked, found)


@pytest.mark.parametrize("gone", ["deleted", "deleted for good", "its event"])
def test_a_rejection_outlives_its_attribute(
    misp: Misp, engine: Engine, sync: Sync, matched: tuple[Attribute, Attribute], gone: str
) -> None:
    """Analysts delete a wrong result after they have rejected it."""
    asked, found = matched
    elsewhere = misp.event("a report with the result")
    tagged = answer(misp, elsewhere, asked, found)
    tagged.tags.append(REJECTIONS[0])
    sync()
    misp.later()
    if gone == "deleted":
        misp.delete(tagged)
    elif gone == "deleted for good":
        misp.delete_for_good(tagged)
    else:
        misp.delete_for_good(*[one for one in misp.attributes if one.event is elsewhere])
    assert "undone" not in sync("--prune").statuses() and not are_matched(engine, asked, found)
    # And a restored one is as before
    if gone == "deleted":
        misp.edit(tagged, deleted=False)
        sync()
        tagged.tags.clear()
        assert sync().of(tagged).count("undone") == 1 and are_matched(engine, asked, found)


def test_many_removed_tags_wait_for_a_person(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given 21 rejected results, and a MISP that is restored from a backup without their tags
    event = misp.event()
    pictures = [misp.attach(event, data) for data in PICTURES[:7]]
    pairs = list(combinations(pictures, 2))[:21]
    tagged = [answer(misp, event, *pair) for pair in pairs]
    for one in tagged:
        one.tags.append(REJECTIONS[0])
    assert sync().statuses()["vetoed"] == 21
    for one in tagged:
        one.tags.clear()
    # Then nothing is undone, pass after pass, and every pass says so
    for _ in range(2):
        done = sync()
        assert done.status == 1 and done.statuses()["to-accept"] == 21 and done.summary["to-accept"] == 21
    told = sync(json_lines=False)
    assert "21 tags that rejected pictures were removed" in told.errors and "--accept" in told.errors
    image_of = places(engine)
    assert len(engine.judgements(image_of[pictures[0].uuid])) == 6
    assert sync("--accept", "--dry-run").statuses()["would-undo"] == 21
    # When it is accepted, all are undone
    assert sync("--accept").statuses()["undone"] == 21
    assert not any(engine.judgements(image_id) for image_id in image_of.values())
    # And twenty need no word
    for one in tagged[:20]:
        one.tags.append(REJECTIONS[0])
    sync()
    for one in tagged[:20]:
        one.tags.clear()
    assert sync().statuses()["undone"] == 20


def test_accept_without_feedback_is_refused(sync: Sync) -> None:
    assert sync("--accept", "--no-feedback").status == 2


# -- relationships -------------------------------------------------------------------------------------------


def test_relationships_are_written_once(
    misp: Misp, sync: Sync, matched: tuple[Attribute, Attribute], shared_server: Server
) -> None:
    # Given a match across events, the same bytes in a third, a match inside one event, and a picture that
    # matches nothing
    first, second = matched
    same = misp.attach(misp.event("third"), COPIES[0])
    misp.attach(first.event, COPIES[2])
    misp.attach(misp.event(), PICTURES[0])
    # When a normal pass runs, nothing is written; with --relationships the pairs across events are
    sync()
    assert not misp.relationships
    assert sync("--relationships", "--dry-run").statuses()["would-relate"] > 0 and not misp.relationships
    assert sync("--relationships", "--prune").statuses()["related"] == len(misp.relationships)
    pairs = {
        (*sorted((found["object_uuid"], found["related_object_uuid"])), found["relationship_type"])
        for found in misp.relationships.values()
    }
    assert (*sorted((first.uuid, second.uuid)), "similar") in pairs and (
        *sorted((first.uuid, same.uuid)),
        "same-as",
    ) in pairs
    events = {attribute.uuid: attribute.event for attribute in misp.attributes}
    assert all(events[a] is not events[b] for a, b, _ in pairs) and len(pairs) == len(misp.relationships)
    assert all(
        found["object_type"] == found["related_object_type"] == "Attribute"
        and found["distribution"] in (0, "0")
        for found in misp.relationships.values()
    )
    # And a second run adds nothing, even with an empty store
    before = dict(misp.relationships)
    assert "related" not in sync("--relationships", "--prune").statuses()
    shared_server.redis.flushall()
    assert "related" not in sync("--relationships").statuses() and misp.relationships == before


def test_a_misp_that_refuses_relationships_is_an_error(
    misp: Misp, sync: Sync, matched: tuple[Attribute, Attribute]
) -> None:
    misp.fault(status=403, when=lambda path, request: path.startswith("/analyst_data/add"), times=10)
    done = sync("--relationships", "--prune", json_lines=False)
    assert done.status == 2 and "403" in done.errors
