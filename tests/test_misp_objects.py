"""What a saved object says and what it connects: it stays one object while more copies of a picture are seen,
and events with the same picture correlate whichever was enriched first.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from PIL import Image
from support.misp_event import SavedEvent
from support.misp_host import Host, attribute, comment_lines, enrichment, objects, values
from support.pictures import page, photo, png

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import opened, sample
from douglas_quaid.evaluation.edits import edit, encoded
from douglas_quaid.misp.mapping import MAX_ATTRIBUTES, template_definition

pytest_plugins = ["support.misp_fixtures"]

PAGE = page(31, 900, 600)
#: A photograph, and a part of it, which is a picture of its own.
PHOTO = opened("coffee.jpg")
PART = PHOTO.crop((60, 40, PHOTO.width * 3 // 5, PHOTO.height * 3 // 5))


class Analyst:
    """An analyst of one MISP: pictures are attached to events of their own, indexed, and enriched."""

    def __init__(self, host: Host, store: str) -> None:
        self.host, self.store = host, store
        self.events: dict[str, SavedEvent] = {}

    def attach(self, data: bytes, *, sync: bool = True) -> dict[str, Any]:
        asked = attribute(data, uuid=str(uuid.uuid4()))
        self.events[asked["uuid"]] = SavedEvent()
        if sync:
            self.sync(asked, data)
        return asked

    def sync(self, asked: dict[str, Any], data: bytes) -> None:
        with Engine.open(self.store) as engine:
            labels = {"event": str(uuid.uuid5(uuid.NAMESPACE_OID, asked["uuid"]))}
            # The store keeps whole seconds: of two first sightings within one, neither is the older one.
            seen = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=len(self.events))
            engine.add(data, occurrence=f"misp:attribute:{asked['uuid']}", labels=labels, seen=seen)

    def enrich(self, asked: dict[str, Any], **config: Any) -> int:
        """Enrich and save everything; return how many objects are new."""
        answer = self.host.post(enrichment(self.store, asked, **config))
        assert objects(answer), answer
        return self.events[asked["uuid"]].save(answer)

    def saved(self, asked: dict[str, Any]) -> SavedEvent:
        return self.events[asked["uuid"]]

    def correlate(self, a: dict[str, Any], b: dict[str, Any]) -> bool:
        return bool(self.saved(a).correlating() & self.saved(b).correlating())


@pytest.fixture
def analyst(host: Host, store_url: str) -> Analyst:
    return Analyst(host, store_url)


# -- one object --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [{}, {"disclose": "full", "misp_url": "https://misp.example.org"}])
def test_an_object_stays_one_while_more_copies_are_seen(analyst: Analyst, config: dict[str, Any]) -> None:
    first, asked = analyst.attach(png(PAGE)), analyst.attach(png(edit("resize_50", PAGE)))
    assert analyst.enrich(asked, **config) == 1
    assert analyst.enrich(asked, **config) == 0
    # When the same file is seen at more places than a hit lists, and copies with other bytes are, too
    for _ in range(25):
        analyst.attach(png(PAGE))
    for number in range(1, 4):
        analyst.attach(encoded(PAGE, "JPEG", quality=60 + 10 * number))
    # Then repeating the enrichment adds nothing, and the object names the first attribute
    assert analyst.enrich(asked, **config) == 0
    (saved,) = analyst.saved(asked).objects
    assert values(saved)["attribute-uuid"] == [first["uuid"]]
    assert values(saved)["queried-uuid"] == [asked["uuid"]]


def test_two_pictures_of_an_event_have_an_object_each(analyst: Analyst) -> None:
    analyst.attach(png(PAGE))
    one, other = (analyst.attach(encoded(PAGE, "JPEG", quality=quality), sync=False) for quality in (70, 80))
    analyst.events[other["uuid"]] = analyst.saved(one)
    assert (analyst.enrich(one), analyst.enrich(other)) == (1, 1)


def test_what_is_new_makes_another_object(analyst: Analyst) -> None:
    """The same file is more than a copy of it."""
    analyst.attach(png(PAGE))
    asked = analyst.attach(encoded(PAGE, "JPEG", quality=70), sync=False)
    assert analyst.enrich(asked) == 1
    analyst.attach(encoded(PAGE, "JPEG", quality=70))
    assert analyst.enrich(asked) == 1 and analyst.enrich(asked) == 0


def test_an_object_has_few_attributes_and_its_comment_the_rest(analyst: Analyst) -> None:
    analyst.attach(png(PAGE))
    asked = analyst.attach(png(edit("resize_50", PAGE)), sync=False)
    analyst.enrich(asked, disclose="full", misp_url="https://misp.example.org")
    (saved,) = analyst.saved(asked).objects
    assert list(values(saved)) == [
        *("verdict", "relation", "evidence", "queried-uuid", "attribute-uuid", "link", "cluster")
    ]
    first, measured, seen, *_ = comment_lines(saved)
    assert first.startswith("match (") and first.endswith(") with phish.png")
    assert "inliers cover 100 % of the query" in measured and seen.startswith("seen once in 1 event, on 20")
    assert values(saved)["evidence"] == ["the whole pictures agree"]


def test_former_names_of_a_cluster_are_told_as_far_as_there_is_room(analyst: Analyst) -> None:
    # Given clusters that a person has joined one by one
    asked = analyst.attach(png(PAGE))
    with Engine.open(analyst.store) as engine:
        ids = [engine.add(png(page(200 + number, 640, 400))).image_id for number in range(8)]
        ids.append(engine.add(png(PAGE)).image_id)
        for other in ids[:-1]:
            engine.confirm(other, ids[-1])
        ((*names,),) = engine.cluster_names([ids[-1]])
    assert len(names) > MAX_ATTRIBUTES
    # Then an object tells the latest of them
    analyst.enrich(asked)
    (saved,) = analyst.saved(asked).objects
    told = values(saved)["cluster"]
    assert len(saved["Attribute"]) == MAX_ATTRIBUTES and told == names[: len(told)] and len(told) > 1


# -- correlation -------------------------------------------------------------------------------------------

PAIRS = {
    "the same file": (png(PAGE), png(PAGE)),
    "near-duplicates": (png(PAGE), encoded(edit("resize_50", PAGE), "JPEG", quality=70)),
    "a picture and a part of it": (png(PHOTO), png(PART)),
}


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("pair", PAIRS)
def test_known_pictures_correlate_after_one_enrichment_each(
    analyst: Analyst, pair: str, swapped: bool
) -> None:
    a, b = (analyst.attach(data) for data in PAIRS[pair])
    for asked in (b, a) if swapped else (a, b):
        assert analyst.enrich(asked) == 1
    assert analyst.correlate(a, b)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("pair", PAIRS)
def test_a_picture_that_was_enriched_before_it_was_stored_correlates(
    analyst: Analyst, pair: str, swapped: bool
) -> None:
    known, new = PAIRS[pair][::-1] if swapped else PAIRS[pair]
    a, b = analyst.attach(known), analyst.attach(new, sync=False)
    analyst.enrich(b)
    # Then the object has a name at once, and what is stored later does not take it away
    assert analyst.saved(b).correlating()
    analyst.sync(b, new)
    analyst.enrich(a)
    assert analyst.correlate(a, b)


def test_a_part_does_not_connect_the_pictures_that_hold_it(analyst: Analyst) -> None:
    sheets = []
    for seed in (51, 52, 53):
        sheet = Image.new("RGB", (1000, 1400), "white")
        sheet.paste(page(seed, 1000, 900), (0, 500))
        sheet.paste(photo(9, 600, 450), (200, 20))
        sheets.append(sheet)
    part = analyst.attach(png(photo(9, 600, 450)))
    pages = [analyst.attach(png(sheet)) for sheet in sheets]
    for asked in (part, *pages):
        analyst.enrich(asked)
    assert all(analyst.correlate(part, one) for one in pages)
    assert not analyst.correlate(pages[0], pages[1]) and not analyst.correlate(pages[1], pages[2])


def test_nothing_is_stored_by_an_enrichment(analyst: Analyst) -> None:
    analyst.attach(png(PHOTO))
    analyst.enrich(analyst.attach(png(PART), sync=False))
    with Engine.open(analyst.store) as engine:
        assert engine.count() == 1


# -- reviews, and pictures inside objects ------------------------------------------------------------------


def test_a_review_has_a_name_that_an_analyst_may_let_correlate(host: Host, store_url: str) -> None:
    with Engine.open(store_url) as engine:
        engine.create_collection("brands", "baseline")
        engine.add(sample("indexed/bank-login.png"), collection="brands", labels={"brand": "Example Bank"})
    (found,) = objects(host.post(enrichment(store_url, attribute(sample("asked/bank-imitation.png")))))
    (cluster,) = [part for part in found["Attribute"] if part["object_relation"] == "cluster"]
    assert values(found)["verdict"] == ["review"] and cluster["disable_correlation"]


def test_an_unlikely_review_says_what_speaks_against_it_and_has_no_tag_that_contradicts(
    host: Host, store_url: str
) -> None:
    # Given a page of which the lower part shows something else
    with Engine.open(store_url) as engine:
        engine.add(png(page(3)), occurrence=f"misp:attribute:{uuid.uuid4()}")
    emptied = page(3)
    emptied.paste("white", (0, 140, 1280, 800))
    (found,) = objects(host.post(enrichment(store_url, attribute(png(emptied)))))
    assert values(found)["verdict"] == ["review"]
    assert values(found)["evidence"] == [
        "the whole pictures align; too much of the content differs for a match"
    ]
    assert {tag["name"] for tag in found["Attribute"][0]["Tag"]} == {
        'misp:automation-level="unsupervised"',
        'workflow:todo="review"',
    }


def test_the_template_is_one_of_misp_objects() -> None:
    """spec: misp-objects, schema_objects.json."""
    template = template_definition()
    assert set(template) == {
        "attributes",
        "description",
        "meta-category",
        "name",
        "required",
        "uuid",
        "version",
    }
    assert set(template["required"]) <= set(template["attributes"]) and template["version"] == 2
    for part in template["attributes"].values():
        assert {"description", "misp-attribute", "ui-priority"} <= set(part)
