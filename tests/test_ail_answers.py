"""Writing, answering and taking back through AIL's own functions, on a real checkout and on the double."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.ail_host import OURS, AilHome
from support.images import record_verdict
from support.judging import veto
from support.pictures import blank, page, png

from douglas_quaid.ail import tags
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.config import Config
from douglas_quaid.engine import Engine
from douglas_quaid.records import PERSON, Decision, Evidence, Relation, Verdict
from douglas_quaid.store import Store

pytest_plugins = ["support.ail_fixtures"]

SETUP = """
import os
from lib import Tag
from lib.ail_queues import AILQueue
from lib.objects.ail_objects import get_obj_from_global_id
from douglas_quaid.ail.VisualCorrelation import AilSink
from douglas_quaid.ail.config import Settings
from douglas_quaid.ail.publishing.feedback import FeedbackReader
from douglas_quaid.ail.publishing.ledger import written_objects
from douglas_quaid.ail.publishing.store_view import stored_findings
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.ail.publishing.publisher import Publisher
from douglas_quaid.engine import Engine
settings = Settings.read(os.environ['AIL_HOME'])
sink = AilSink(AILQueue('VisualCorrelation', os.getpid()))
"""
WRITE = """
with Engine.open(settings.store) as engine:
    obj = AilObject.parse(gid)
    Publisher(engine, sink, settings).write(obj, stored_findings(engine, obj))
"""
LISTEN = """
with Engine.open(settings.store) as engine:
    reader = FeedbackReader(engine, sink, settings)
    heard = [answer for obj in list(written_objects(engine)) for answer in reader.read(obj)]
    heard += reader.finish()
    Publisher(engine, sink, settings).sweep()
    return [[each.obj.gid, each.said, each.other] for each in heard]
"""


@pytest.fixture
def store(ail: AilHome) -> Iterator[Store]:
    ail.add_ours()
    with Store.open(Config(store=ail.store.url)) as store:
        yield store


@pytest.fixture
def pair(ail: AilHome, store: Store) -> tuple[AilObject, AilObject]:
    """Two screenshots of different pages on different domains, known to the store."""
    gids = [ail.new_screenshot(png(page(n, 320, 200)), domain=f"site{n}.org") for n in (1, 2)]
    with Engine.open(ail.store.url) as engine:
        for n, gid in enumerate(gids, 1):
            engine.add(
                png(page(n, 320, 200)),
                occurrence=AilObject.parse(gid).occurrence,
                labels={"domain": f"site{n}.org"},
            )
    first, second = map(AilObject.parse, gids)
    return first, second


def judge(store: Store, a: AilObject, b: AilObject, decision: Decision, confidence: float) -> None:
    record_verdict(
        store,
        a.id,
        b.id,
        Verdict(decision, Relation.NEAR_DUPLICATE, confidence, Evidence(pdq_bits=4), "test-1", "PDQ 4/256"),
    )


def listen(ail: AilHome) -> Any:
    return ail.run(SETUP + LISTEN)


def test_blank_screenshots_get_no_tag_and_no_correlation(ail: AilHome, store: Store) -> None:
    # Given blank screenshots of three domains: one of two domains, and one with the same pixels
    sheet = blank(320, 200)
    gids = [
        ail.new_screenshot(data, domain=f"blank{n}.org")
        for n, data in enumerate((png(sheet), png(sheet, compress_level=1), png(sheet)))
    ]
    objects = [AilObject.parse(gid) for gid in gids]
    with Engine.open(ail.store.url) as engine:
        for n, (obj, level) in enumerate(zip(objects, (6, 1, 6), strict=True)):
            engine.add(
                png(sheet, compress_level=level),
                occurrence=obj.occurrence,
                labels={"domain": f"blank{n}.org"},
            )
        assert engine.cluster_ids([obj.id for obj in objects]) == [None] * 3
    # Then AIL's pages of them show nothing of ours
    for gid in gids:
        ail.run(SETUP + WRITE, gid=gid)
    ail.drain("Tags")
    for gid in gids:
        assert ail.tags(gid) == set() and ail.correlations(gid, "screenshot") == set()
        assert ail.duplicates(gid) == {}


def test_ails_confirm_button_makes_a_pair_of_a_question(
    ail: AilHome, store: Store, pair: tuple[AilObject, AilObject]
) -> None:
    # Given a question about a pair, as AIL shows it
    first, second = pair
    judge(store, second, first, Decision.REVIEW, 0.6)
    ail.run(SETUP + WRITE, gid=second.gid)
    ail.drain("Tags")
    assert (
        ail.tags(second.gid) == {tags.REVIEW}
        and ail.correlations(second.gid, "screenshot") == {first.gid}
        and listen(ail) == []
    )
    # When an analyst presses the button beside the tag
    ail.run(
        SETUP + "assert Tag.confirm_tag(tag, get_obj_from_global_id(gid))", gid=second.gid, tag=tags.REVIEW
    )
    assert listen(ail) == [[second.gid, "same", first.id]]
    # Then it is a match by a person, and AIL shows the two together
    found = store.verdicts.between(second.id, first.id)
    assert found and (found.verdict.decision, found.verdict.calibration_id) == (Decision.MATCH, PERSON)
    assert ail.correlations(first.gid, "screenshot") == {second.gid}
    assert ail.duplicates(first.gid) == {second.id: [("douglas-quaid", 100)]}
    assert tags.REVIEW not in ail.tags(second.gid) and listen(ail) == []


def test_a_false_positive_removes_all_of_ours_and_nothing_of_others(
    ail: AilHome, store: Store, pair: tuple[AilObject, AilObject]
) -> None:
    # Given a match that AIL shows, beside what others wrote
    first, second = pair
    ail.run(SETUP + "get_obj_from_global_id(gid).add_tag('workflow:todo=\"review\"')", gid=second.gid)
    ail.run(
        SETUP + "get_obj_from_global_id(gid).add_duplicate('other', 97, other)",
        gid=second.gid,
        other=first.id,
    )
    judge(store, second, first, Decision.MATCH, 0.97)
    ail.run(SETUP + WRITE, gid=second.gid)
    ail.drain("Tags")
    assert ail.correlations(second.gid, "screenshot") == {first.gid} and ail.duplicates(first.gid) == {
        second.id: [("douglas-quaid", 97)]
    }
    assert tags.MATCH in ail.tags(second.gid)
    # When an analyst says that it is none
    ail.run(SETUP + "get_obj_from_global_id(gid).add_tag(tag)", gid=second.gid, tag=tags.FALSE_POSITIVE)
    assert listen(ail) == [[second.gid, "different", first.id]]
    # Then ours is gone at both, and theirs is there
    assert store.judgements.vetoed(second.id) == {first.id}
    assert ail.correlations(second.gid, "screenshot") == ail.correlations(first.gid, "screenshot") == set()
    assert ail.duplicates(first.gid) == {} and ail.duplicates(second.gid) == {first.id: [("other", 97)]}
    assert ail.tags(first.gid) == set() and ail.tags(second.gid) == {
        'workflow:todo="review"',
        tags.FALSE_POSITIVE,
    }
    assert listen(ail) == []


def test_what_the_command_line_vetoes_leaves_ail_when_all_is_swept(
    ail: AilHome, store: Store, pair: tuple[AilObject, AilObject]
) -> None:
    first, second = pair
    judge(store, second, first, Decision.MATCH, 0.97)
    ail.run(SETUP + WRITE, gid=second.gid)
    ail.drain("Tags")
    veto(store, first.id, second.id)
    assert listen(ail) == []
    assert all(
        ail.tags(obj.gid) == set()
        and ail.duplicates(obj.gid) == {}
        and ail.correlations(obj.gid, "screenshot") == set()
        for obj in pair
    )
    assert ail.messages(OURS) == []


def test_the_domain_and_the_item_of_a_question_have_it_and_lose_it_and_what_is_deleted_stays_away(
    ail: AilHome, store: Store
) -> None:
    # Given a question about a page, whose domain an analyst cleaned before a second item came
    items = [f"crawled/2026/12/0{day}/site2.org{day}d4f2f3e-0000-4000-8000-000000000001" for day in (1, 2)]
    first, second = (
        AilObject.parse(ail.new_screenshot(png(page(n, 320, 200)), domain=f"site{n}.org", item=item))
        for n, item in ((1, None), (2, items[0]))
    )
    with Engine.open(ail.store.url) as engine:
        for n, obj in ((1, first), (2, second)):
            labels = {"domain": f"site{n}.org", "item": items[0] if n == 2 else ""}
            engine.add(png(page(n, 320, 200)), occurrence=obj.occurrence, labels=labels)
        judge(store, second, first, Decision.REVIEW, 0.6)
        ail.run(SETUP + WRITE, gid=second.gid)
        assert ail.tags("domain::site2.org") == ail.tags(f"item::{items[0]}") == {tags.REVIEW}
        ail.run(SETUP + "Tag.delete_object_tag(tag, 'domain', 'site2.org')", tag=tags.REVIEW)
        labels = {"domain": "site2.org", "item": ",".join(items)}
        engine.note(second.id, occurrence=second.occurrence, labels=labels)
    assert listen(ail) == []
    assert ail.tags("domain::site2.org") == set() and ail.tags(f"item::{items[1]}") == {tags.REVIEW}
    # When the question is answered, then nothing of it is left
    veto(store, second.id, first.id)
    assert listen(ail) == [] and [ail.tags(f"item::{item}") for item in items] == [set()] * 2
