"""Every question of an analyst is answered in words, and every setting has a word for its default."""

from __future__ import annotations

import uuid

import pytest
from support import pictures
from support.misp_host import (
    COFFEE,
    EVENT,
    MODULE,
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
from support.misp_runs import Sync
from support.misp_server import Misp

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import sample
from douglas_quaid.misp.expansion import image_correlation
from douglas_quaid.misp.nothing import BLANK
from douglas_quaid.misp.settings import DEFAULT, DEFAULTS, NAMES, Settings

pytest_plugins = ["support.misp_fixtures"]

SHEET = pictures.png(pictures.blank(640, 480))
UNKNOWN = sample("asked/weather.png")


def image_object(store: str, *files: bytes, **config: str) -> object:
    """A request of *Add enrichment* for an `image` object with these attachments."""
    parts = [attribute(data, object_id="3", value=f"{n}.png") for n, data in enumerate(files)]
    config = {"store": store, "max_seconds": "60", **config}
    return {
        "module": MODULE,
        "event_id": "42",
        "timeout": 60,
        "config": config,
        "object": {"name": "image", "Attribute": parts},
    }


# -- nothing similar -----------------------------------------------------------------------------------------


def test_an_enrichment_without_a_hit_says_so(host: Host, known: str) -> None:
    """MISP answers an object without results with an error page of its own, and an attribute with an empty
    form. It shows the text on both.
    """
    expected = "No similar image among 1 indexed image."
    assert nothing(host.post(enrichment(known, attribute(UNKNOWN)))) == expected
    assert nothing(host.post(image_object(known, UNKNOWN))) == expected


@pytest.mark.parametrize(
    "left_out", [{"include_review": "false"}, {"include_same_event": "no"}, {"collections": "kits"}]
)
def test_the_text_tells_that_the_settings_leave_something_out(
    host: Host, known: str, left_out: dict[str, str]
) -> None:
    with Engine.open(known) as engine:
        engine.create_collection("kits", "known")
    expected = "No similar image that the settings of this module show among 1 indexed image."
    assert nothing(host.post(enrichment(known, attribute(UNKNOWN), **left_out))) == expected
    assert line(host.post(hover(known, attribute(uuid=OTHER), **left_out))) == expected


def test_an_empty_store_is_not_a_search_without_a_hit(host: Host, store_url: str) -> None:
    said = nothing(host.post(enrichment(store_url, attribute(UNKNOWN))))
    assert said == "No image is indexed yet: ask the administrator to run quaid misp sync."


def test_the_pictures_of_an_object_that_were_not_compared_are_counted(host: Host, known: str) -> None:
    said = nothing(host.post(image_object(known, UNKNOWN, SHEET, b"no picture")))
    assert said.startswith(
        "No similar image among 1 indexed image. 1 of 3 pictures could not be compared: 2.png"
    )
    assert nothing(host.post(image_object(known, SHEET, SHEET))) == BLANK
    # And those beside a hit, too
    answer = host.post(image_object(known, COFFEE, b"no picture"))
    assert len(answer["results"]["Object"]) == 1 and "1 of 2 pictures" in answer["error"]
    said = nothing(host.post(image_object(known, *[UNKNOWN] * 7)))
    assert said.endswith("Only the first 5 of 7 pictures of the object were compared.")


# -- an attribute that the store does not know ---------------------------------------------------------------


def test_a_hover_over_a_file_that_is_no_picture_says_so(
    host: Host, store_url: str, misp: Misp, sync: Sync
) -> None:
    event = misp.event()
    named = misp.attach(event, b"%PDF-1.7 no picture", "letter.pdf")
    disguised = misp.attach(event, b"%PDF-1.7 no picture", "letter.png")
    cut = misp.attach(event, COFFEE[:1000], "cup.jpg")

    def said(found: object) -> str:
        fields = {name: getattr(found, name) for name in ("uuid", "value")}
        return line(host.post(hover(store_url, attribute(**fields, timestamp=str(found.timestamp)))))  # type: ignore[attr-defined]

    # Before the sync has read the files, only their names are known
    assert said(named).startswith("Not indexed, and .pdf is not the ending of a picture that is read")
    assert said(disguised).startswith("Image not indexed yet") and said(cut) == said(disguised)
    # Then the reason is
    sync()
    assert said(named) == said(disguised) == "This file is not a picture. So it is not compared."
    assert said(cut).startswith("This file could not be read: broken or cut short JPEG")
    # A passing sync does not change that, and an edited attribute may have another file
    sync("--prune")
    assert said(cut).startswith("This file could not be read: broken or cut short JPEG")
    misp.later()
    misp.edit(cut, data=COFFEE)
    assert said(cut).startswith("Image not indexed yet")
    sync()
    assert said(cut) == "No similar image among 1 indexed image."


def test_a_name_without_an_ending_may_be_a_picture(host: Host, store_url: str) -> None:
    for name in ("screenshot", "page.PNG", "Screenshot 12. May", "x.jfif"):
        assert line(host.post(hover(store_url, attribute(value=name)))).startswith("Image not indexed yet")
    sample_of = attribute(type="malware-sample", value="kit.zip|0cc175b9c0f1b6a831c399e269772661")
    assert "and .zip is not the ending" in line(host.post(hover(store_url, sample_of)))


# -- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_has_words_for_its_default(name: str) -> None:
    """MISP refuses to empty a setting."""
    for word in (DEFAULT, DEFAULT.upper(), *DEFAULTS.get(name, ())):
        assert Settings.parse({name: word}) == Settings()
    assert Settings.parse(dict.fromkeys(NAMES, f" {DEFAULT} ")) == Settings()


def test_a_wrong_setting_is_readable_in_a_hover(host: Host, known: str) -> None:
    for wrong, expected in (
        ({"max_results": "many"}, "max_results is ’many’; expected a whole number"),
        ({"misp_url": "javascript:alert(1)"}, "misp_url is "),
        ({"colour": "red"}, "’colour’ is not a setting of this module"),
        ({"store": "redis://nowhere"}, "DOUGLAS_QUAID_STORE"),
    ):
        request = hover(known, attribute(uuid=OTHER))
        answer = host.post(request | {"config": request["config"] | wrong})
        assert expected in line(answer) == answer["error"]
    answer = host.post(hover(known, attribute(uuid=OTHER)) | {"config": "store"})
    assert "expected an object of settings" in line(answer)


def test_a_request_that_is_not_one_is_readable_in_a_hover(host: Host, known: str) -> None:
    for asked in (attribute(type="url"), attribute(uuid="none")):
        answer = host.post(hover(known, asked))
        assert line(answer) == answer["error"]


def test_an_error_of_our_own_is_readable_in_a_hover(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(request: object) -> None:
        raise AttributeError("a mistake in this program")

    monkeypatch.setattr("douglas_quaid.misp.service.answer", broken)
    answer = image_correlation.dict_handler(hover("", attribute()))
    assert line(answer).startswith("The search for the picture failed: AttributeError")
    assert nothing(image_correlation.dict_handler(enrichment("", attribute(COFFEE)))) == line(answer)


@pytest.fixture
def twice(known: str) -> str:
    """The picture of `known` in a second event, the attribute EVENT."""
    with Engine.open(known) as engine:
        engine.add(COFFEE, occurrence=f"misp:attribute:{EVENT}", labels={"event": str(uuid.uuid4())})
    return known


def test_a_collection_to_disclose_may_be_named_before_it_exists(host: Host, twice: str) -> None:
    # Given settings as the README sets them up, before anything is stored in that collection
    asked_for = attribute(COFFEE)
    shown, asked = (
        host.post(hover(twice, attribute(uuid=OTHER), disclose="brands")),
        host.post(enrichment(twice, asked_for, disclose="brands")),
    )
    # Then both have their objects, as without the setting, and a note that MISP shows with them
    note = "There is no collection “brands”, which the setting “disclose” of this module names"
    assert set(shown) == {"results"} and len(shown["results"]["Object"]) == 1
    assert shown["results"]["note"]["values"][0].startswith(note)
    assert asked["error"].startswith(note)
    (expected,) = objects(host.post(enrichment(twice, asked_for)))
    (found,) = asked["results"]["Object"]
    assert values(found) == values(expected)
    # And so has an answer without a hit
    assert note in nothing(host.post(enrichment(twice, attribute(UNKNOWN), disclose="brands")))
    # When the collection exists, the note is gone
    with Engine.open(twice) as engine:
        engine.create_collection("brands", "baseline")
    assert len(objects(host.post(enrichment(twice, attribute(COFFEE), disclose="brands")))) == 1


def test_a_misspelt_collection_to_search_is_not_an_empty_result(host: Host, twice: str) -> None:
    for said in (
        nothing(host.post(enrichment(twice, attribute(COFFEE), collections="brandz"))),
        line(host.post(hover(twice, attribute(uuid=OTHER), collections="brandz"))),
    ):
        assert said.startswith("There is no collection “brandz”, which the setting “collections” of this")
    # And beside one that exists it is a note
    with Engine.open(twice) as engine:
        engine.create_collection("kits", "known")
        engine.add(COFFEE, collection="kits")
    answer = host.post(enrichment(twice, attribute(COFFEE), collections="kits, brandz"))
    assert len(answer["results"]["Object"]) == 1 and "“brandz”" in answer["error"]
    answer = host.post(hover(twice, attribute(uuid=OTHER), collections="kits, brandz"))
    assert len(answer["results"]["Object"]) == 1 and "“brandz”" in answer["results"]["note"]["values"][0]
