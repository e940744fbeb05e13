"""Rejections of analysts become vetoes, and matches are written back as relationships on request."""

from __future__ import annotations

from collections.abc import Iterator

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
    misp: Misp, event: Event, asked: Attribute, *found: Attribute, name: str = "image-similarity"
) -> Attribute:
    """Return the verdict, the attribute that analysts tag, of a result that an analyst saved."""
    saved = misp.object(event, name, references=[asked.uuid])
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
