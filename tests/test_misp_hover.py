"""Hovers in the real misp-modules server show stored verdicts, without a picture."""

from __future__ import annotations

import uuid
from pathlib import Path

from PIL import Image
from support import misp_host, pictures
from support.misp_host import (
    COFFEE,
    EVENT,
    OTHER,
    Host,
    attribute,
    enrichment,
    hover,
    line,
    nothing,
    objects,
    values,
)

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import opened, sample
from douglas_quaid.evaluation.edits import edit, encoded, png
from douglas_quaid.misp.nothing import BLANK


def test_a_hover_answers_from_stored_verdicts(host: Host, known: str) -> None:
    mine = str(uuid.uuid4())
    with Engine.open(known) as engine:
        engine.add(
            encoded(edit("browser_bar", opened("coffee.jpg"))),
            occurrence=f"misp:attribute:{mine}",
            labels={"event": str(uuid.uuid4())},
        )
        engine.add(COFFEE, occurrence=f"misp:attribute:{uuid.uuid4()}", labels={"event": str(uuid.uuid4())})
    answer = host.post(hover(known, attribute(uuid=mine), misp_url="https://misp.example.org"))
    assert set(answer["results"]) == {"Object"}, "any other key breaks MISP's hover"
    (found,) = answer["results"]["Object"]
    shown = [(part["object_relation"], part["value"]) for part in found["Attribute"]]
    assert shown[0][0] == "seen" and shown[0][1].startswith("seen 2 times in 2 events since 20")
    assert dict(shown)["verdict"] == "match" and "inliers" in dict(shown)["evidence"]
    assert [
        part["type"]
        for part in found["Attribute"]
        if part["value"].startswith("https://misp.example.org/events/view/")
    ] == ["link"] * 2


def test_a_hover_over_a_picture_that_was_seen_elsewhere_says_how_often(host: Host, known: str) -> None:
    mine = str(uuid.uuid4())
    with Engine.open(known) as engine:
        engine.add(COFFEE, occurrence=f"misp:attribute:{mine}", labels={"event": str(uuid.uuid4())})
    (found,) = host.post(hover(known, attribute(uuid=mine)))["results"]["Object"]
    said = values(found)
    assert (
        said["relation"] == ["identical"]
        and said["seen"][0].startswith("seen once in 1 event, on ")
        and said["event"] == [EVENT]
    )


def test_a_hover_tells_why_it_shows_nothing(host: Host, known: str) -> None:
    assert host.post(hover(known, attribute()))["results"] == [
        {
            "types": ["text"],
            "values": [
                "Image not indexed yet: use Add enrichment, or ask the administrator to run quaid misp sync."
            ],
        }
    ]
    assert host.post(hover(known, attribute(uuid=OTHER)))["results"] == [
        {"types": ["text"], "values": ["No similar image among 1 indexed image."]}
    ]
    with Engine.open(known) as engine:
        engine.add(sample("asked/weather.png"), occurrence=f"misp:attribute:{EVENT}", link=False)
    assert "not compared" in host.post(hover(known, attribute(uuid=EVENT)))["results"][0]["values"][0]


def test_a_hover_finds_in_a_collection_what_an_enrichment_finds(host: Host, known: str) -> None:
    # Given a cluster whose best member is in no collection, and another member that is
    with Engine.open(known) as engine:
        engine.create_collection("brands", "known")
        engine.create_collection("kits", "known")
        engine.add(encoded(opened("coffee.jpg").resize((500, 333))))
        engine.add(encoded(opened("coffee.jpg").resize((400, 267))), collection="brands")
    asked = attribute(uuid=OTHER)
    assert len(host.post(hover(known, asked, collections="brands"))["results"]["Object"]) == 1
    assert (
        len(objects(host.post(enrichment(known, attribute(COFFEE, uuid=OTHER), collections="brands")))) == 1
    )
    said = line(host.post(hover(known, asked, collections="kits")))
    assert said == "No similar image that the settings of this module show among 3 indexed images."


def test_a_click_shows_more_than_a_hover(host: Host, store_url: str) -> None:
    pages = [pictures.page(seed) for seed in range(5)]
    sheet = Image.new("RGB", (1280, 5 * 800))
    for n, page in enumerate(pages):
        sheet.paste(page, (0, 800 * n))
    with Engine.open(store_url) as engine:
        for page in pages:
            engine.add(
                png(page), occurrence=f"misp:attribute:{uuid.uuid4()}", labels={"event": str(uuid.uuid4())}
            )
        engine.add(png(sheet), occurrence=f"misp:attribute:{OTHER}", labels={"event": EVENT})
    shown = len(host.post(hover(store_url, attribute(uuid=OTHER), max_results="10"))["results"]["Object"])
    clicked = len(
        host.post(hover(store_url, attribute(uuid=OTHER), max_results="10") | {"persistent": 1})["results"][
            "Object"
        ]
    )
    assert shown == 3 < clicked


def test_a_hover_shows_an_error_where_misp_shows_it(tmp_path: Path) -> None:
    away = f"unix://{tmp_path}/nobody"
    with misp_host.running(tmp_path, store=away) as host:
        answer = host.post(hover(away, attribute(uuid=OTHER)))
    assert "cannot be reached" in answer["error"] and answer["results"][0]["values"] == [answer["error"]]


def test_blank_pictures_are_similar_to_nothing(host: Host, known: str) -> None:
    # Given blank captures in three events, two of equal bytes and one of equal pixels
    sheet = pictures.png(pictures.blank(640, 480))
    mine, others = str(uuid.uuid4()), [sheet, pictures.saved(pictures.blank(640, 480), "BMP")]
    with Engine.open(known) as engine:
        engine.add(sheet, occurrence=f"misp:attribute:{mine}", labels={"event": str(uuid.uuid4())})
        for data in others:
            engine.add(data, occurrence=f"misp:attribute:{uuid.uuid4()}", labels={"event": str(uuid.uuid4())})
    # Then neither a hover nor an enrichment finds one of them
    assert line(host.post(hover(known, attribute(uuid=mine)))) == BLANK
    assert nothing(host.post(enrichment(known, attribute(sheet)))) == BLANK
