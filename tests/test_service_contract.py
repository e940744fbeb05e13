"""Everything that a hit holds passes through a service unchanged: every key of the evidence, every reason,
and what real pages with logos, brands, codes and differences give.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timezone
from enum import Enum
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import jsonschema
import pytest
from PIL import Image
from support.pictures import page, png
from support.server import Server
from support.service import Service
from test_codes import code
from test_looks_like import login
from test_objects import mark, page as page_with

from douglas_quaid import Engine
from douglas_quaid.answers import Hit
from douglas_quaid.client import Client
from douglas_quaid.client.reading import read_hit, read_query
from douglas_quaid.evaluation.fillings import filled, refilled
from douglas_quaid.evaluation.templates import TEMPLATES
from douglas_quaid.records import (
    Contribution,
    Decision,
    Evidence,
    Membership,
    Reason,
    Relation,
)

SCHEMAS = pytest.importorskip("douglas_quaid.service.openapi").document()["components"]

Line = dict[str, Any]


def example(hint: Any) -> Any:
    """A value of a type, unlike the default of any field."""
    parts = [part for part in get_args(hint) if part is not NoneType]
    if NoneType in get_args(hint):
        return example(parts[0])
    if get_origin(hint) is tuple:
        return tuple(example(part) for part in parts if part is not Ellipsis)
    if is_dataclass(hint):
        return full(hint)
    if issubclass(hint, Enum):
        return list(hint)[-1]
    return {bool: True, int: 3, float: 0.1234, str: "a" * 64}[hint]


def full(kind: Any) -> Any:
    """A dataclass in which every field has a value."""
    return kind(**{name: example(hint) for name, hint in get_type_hints(kind).items()})


def hit() -> Hit:
    """A hit in which every field has a value."""
    seen = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
    return Hit(
        image_id="b" * 64,
        decision=Decision.REVIEW,
        relation=Relation.LOOKS_LIKE,
        confidence=0.123456,
        sentence="some words",
        evidence=replace(full(Evidence), matrix=(1.0, 0.0, 0.25, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)),
        clusters=("c-1", "c-2"),
        occurrences=("misp:attribute:1",),
        occurrence_count=2,
        first_seen=seen,
        last_seen=seen,
        collections=(Membership("brands", {"brand": "Norvel"}),),
        labels=({"event": "7"},),
        reasons=tuple(Reason),
        contributions=(Contribution("inliers", 3.0, -0.5), Contribution("rivals", None, 0.25)),
        problems=("something is broken",),
    )


def check(name: str, line: Line) -> None:
    """Fail unless a line has the schema of this name."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": SCHEMAS}
    jsonschema.Draft202012Validator(schema).validate(line)


def test_every_field_of_a_hit_comes_back_as_it_was() -> None:
    # Given a hit with every field of today's evidence and every reason
    sent = hit()
    assert {field.name for field in fields(Evidence)} == {
        name
        for name in (field.name for field in fields(Evidence))
        if getattr(sent.evidence, name) is not None
    }
    # when it is written as JSON and read, then it is the same hit, and has the schema of the document.
    line = json.loads(json.dumps(sent.to_json()))
    assert read_hit(line) == sent
    check("Hit", line)


def test_what_a_newer_service_adds_is_left_out() -> None:
    line = json.loads(json.dumps(hit().to_json()))
    line["news"] = line["evidence"]["news"] = line["evidence"]["likeness"]["news"] = 1
    assert read_hit(line) == hit()


@pytest.fixture(scope="module")
def both(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Client]]:
    """An engine and a client on one store: pages and logos of brands, a form, a page with a code."""
    pytest.importorskip("uvicorn", reason="the extra `service` is not installed")
    shared_server.redis.flushall()
    with Engine.open(shared_server.url) as engine:
        engine.create_collection("brands", "baseline")
        labels = {"brand": "Norvel"}
        engine.add(png(login("Norvel")), collection="brands", labels=labels)
        for seed in range(2):
            logo = mark(seed).resize((128, 128), Image.Resampling.LANCZOS)
            engine.add(png(logo), collection="brands", labels={"brand": f"Mark {seed}"}, link=False)
        engine.add(png(FORM.picture), occurrence="misp:attribute:form", labels={"event": "7"})
        engine.add(png(with_code(page(4, 1280, 800))))
        folder = tmp_path_factory.mktemp("contract")
        service = Service(folder, shared_server.url, "--rate", "0").start()
        with Client(service.url) as client:
            yield engine, client
        service.stop()


FORM = filled(TEMPLATES[0], 1)


def with_code(shown: Image.Image) -> Image.Image:
    """A picture with a code on it."""
    shown.paste(code("https://pay.example/?to=4f3a9c21", 220), (1000, 500))
    return shown


#: Pictures that are asked, and a key of the evidence or a reason that each is asked for.
ASKED = {
    "likeness": login("Norvel", width=1000, place=(380, 12), scale=1.4, heading="Verify", footer=False),
    "object_box": page_with((mark(0), 48, (30, 12))),
    "codes_same": with_code(page(4, 1280, 800)).resize((960, 600)),
    "replaced_regions": refilled(FORM, 3, 2)[0].picture,
}


@pytest.mark.parametrize("key", ASKED)
def test_a_query_has_the_same_line_directly_and_through_a_service(
    both: tuple[Engine, Client], key: str
) -> None:
    engine, client = both
    data, lines = png(ASKED[key]), list[Line]()
    # When a page is asked for directly and over HTTP
    for correlator in (engine, client):
        found = correlator.query(data, include_same_template=True)  # type: ignore[attr-defined]
        lines.append(json.loads(json.dumps(found.to_json())) | {"seconds": 0})
    # then the lines are equal, hold what the page was asked for, and can be read again without loss.
    direct, over_http = lines
    assert over_http == direct
    assert any(found["evidence"][key] is not None for found in direct["hits"]), direct
    assert json.loads(json.dumps(read_query(direct).to_json())) == direct
    check("Query", direct | {"path": "-"})


def test_a_comparison_has_the_same_line_directly_and_through_a_service(both: tuple[Engine, Client]) -> None:
    engine, client = both
    other = png(ASKED["replaced_regions"])
    direct, over_http = (
        json.loads(json.dumps(one.compare(other, "misp:attribute:form").to_json()))  # type: ignore[attr-defined]
        for one in (engine, client)
    )
    assert over_http == direct and direct["differences"] and direct["evidence"]["replaced_regions"]


def test_stored_hits_have_the_same_lines_directly_and_through_a_service(
    both: tuple[Engine, Client],
) -> None:
    engine, _ = both
    image_id = engine.add(png(ASKED["likeness"])).image_id
    try:
        direct, over_http = ([hit.to_json() for hit in one.hits(image_id)] for one in both)
        assert over_http == direct and direct
    finally:
        engine.forget(image_id)
