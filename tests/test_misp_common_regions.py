"""A hit that rests on a part that many pictures show: MISP is told since when, and by which if it may be."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from typing import Any

import pytest
from support.misp_host import comment_lines

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import sample
from douglas_quaid.misp.mapping import expansion_object, hover_object
from douglas_quaid.misp.messages import QueriedAttribute
from douglas_quaid.misp.settings import Disclosure, Settings
from douglas_quaid.misp.similar import Similar
from douglas_quaid.records import CommonRegion, NotedRegion

SHOWN_BY = ("ab" * 32, "cd" * 32)
SINCE, MET = (datetime(2026, month, 3, tzinfo=timezone.utc) for month in (4, 9))
ATTRIBUTE = QueriedAttribute(
    str(uuid.uuid4()), "attachment", "Payload delivery", "a.png", "", False, "7", None
)


@pytest.fixture
def similar(store_url: str) -> Similar:
    """A hit, with the note of a region."""
    with Engine.open(store_url) as engine:
        engine.add(sample("indexed/coffee.jpg"), occurrence="test:page:1")
        hits = engine.query(sample("indexed/coffee.jpg")).hits
        (history,) = engine.histories(hits)
    region = CommonRegion(hits[0].image_id, (0.0, 0.8, 1.0, 1.0), 21, 400, shown_by=SHOWN_BY)
    return Similar(hits[0], history, NotedRegion(region, MET, SINCE))


def measured(found: Any) -> str:
    """What was measured: in a hover an attribute, else the second line of the comment."""
    if "comment" in found:
        return comment_lines(found)[1]
    (text,) = (part["value"] for part in found["Attribute"] if part["object_relation"] == "evidence")
    return str(text)


@pytest.mark.parametrize("collections", [frozenset[str](), frozenset({"brands"})])
def test_count_and_date_are_told_and_no_image(similar: Similar, collections: frozenset[str]) -> None:
    settings = Settings(disclose=Disclosure(collections=collections))
    for found in (expansion_object(similar, ATTRIBUTE, settings), hover_object(similar, settings)):
        assert measured(found).endswith("; common since 2026-04-03, in at least 21 pictures")
        assert not any(image_id in str(found) for image_id in SHOWN_BY)


def test_images_are_named_where_everything_may_be_disclosed(similar: Similar) -> None:
    settings = Settings(disclose=Disclosure(everything=True))
    for found in (expansion_object(similar, ATTRIBUTE, settings), hover_object(similar, settings)):
        assert measured(found).endswith(f"in at least 21 pictures, such as {SHOWN_BY[0]}, {SHOWN_BY[1]}")
