"""The module inside the real misp-modules server: what MISP gets for what it posts, and what no request may do to the server."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import misp_host
import pictures
import pytest
from edits import png
from misp_host import EVENT, Host, attribute, enrichment, hover, locked
from PIL import Image
from pymisp import MISPEvent, MISPObject

from douglas_quaid import Engine
from douglas_quaid.answers import QueryResult
from douglas_quaid.config import Config
from douglas_quaid.demo.pictures import in_browser, opened, sample, saved
from douglas_quaid.errors import StoreTimeout
from douglas_quaid.misp.expand import expand
from douglas_quaid.misp.request import Question
from douglas_quaid.misp.settings import Settings
from douglas_quaid.misp.template import definition
from douglas_quaid.store import Store

OTHER = "0c8a1f0d-53a6-4b8b-9d65-7c2b1c0f6e21"
COFFEE = sample("indexed/coffee.jpg")


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with misp_host.running(tmp_path_factory.mktemp("host")) as host:
        yield host


@pytest.fixture
def known(store_url: str) -> str:
    """A store that holds the picture of a cup of coffee, seen in one event."""
    with Engine.open(store_url) as engine:
        engine.add(COFFEE, occurrence=f"misp:attribute:{OTHER}", labels={"event": EVENT, "event_id": "7", "filename": "cup.jpg"})
    return store_url


def objects(answer: Any) -> list[dict[str, Any]]:
    assert set(answer) == {"results"}, answer
    return list(answer["results"].get("Object", []))


def values(found: dict[str, Any]) -> dict[str, list[str]]:
    """Values of an object by relation."""
    by_relation: dict[str, list[str]] = {}
    for part in found["Attribute"]:
        by_relation.setdefault(part["object_relation"], []).append(part["value"])
    return by_relation


def without_new_uuids(text: str, asked: str) -> str:
    """The answer with every UUID that was made for it blotted out; those of the question and of stored events stay."""
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda found: found.group() if found.group() in (asked, EVENT, OTHER) else "NEW", text)


# -- what the server makes of the module -----------------------------------------------------------------------------------------


def test_the_server_lists_the_module_as_what_it_is(host: Host) -> None:
    (listed,) = [module for module in host.get("/modules") if module["name"] == misp_host.MODULE]
    assert listed["type"] == "expansion" and listed["mispattributes"]["format"] == "misp_standard"
    assert set(listed["meta"]["module-type"]) == {"expansion", "hover"}
    assert {"attachment", "malware-sample", "image"} == set(listed["mispattributes"]["input"])
    assert all(isinstance(name, str) for name in listed["meta"]["config"])
    assert "CUSTOM MISP module image_correlation (type=expansion) imported" in host.log.read_text()


def test_nothing_heavy_is_loaded_and_nobody_is_called_until_the_first_question(tmp_path: Path) -> None:
    loading = f"""
import sys, importlib.util
sys.addaudithook(lambda event, _: sys.exit('called somebody') if event in ('socket.connect', 'subprocess.Popen') else None)
spec = importlib.util.spec_from_file_location('image_correlation', {str(misp_host.ROOT / "misp_module/expansion/image_correlation.py")!r})
module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)
module.introspection(); module.version()
print(sorted({{'cv2', 'numpy', 'redis', 'PIL', 'pymisp', 'imagehash'}} & set(sys.modules)))
"""
    import subprocess
    import sys

    ran = subprocess.run([sys.executable, "-P", "-c", loading], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout.strip(), ran.returncode) == ("[]", 0), ran.stderr


def test_without_our_package_the_server_goes_on_and_says_what_to_install(tmp_path: Path) -> None:
    # Given a module folder whose Python has no douglas-quaid
    folder = tmp_path / "custom" / "expansion"
    folder.mkdir(parents=True)
    text = (misp_host.ROOT / "misp_module/expansion/image_correlation.py").read_text()
    (folder / "image_correlation.py").write_text(text.replace("from douglas_quaid.misp.settings", "from douglas_quaid_absent.misp.settings"))
    # When the server starts, then it runs without the module and its log has the remedy
    with misp_host.running(tmp_path, custom=folder.parent) as host:
        assert misp_host.MODULE not in {module["name"] for module in host.get("/modules")}
        assert "pip install 'douglas-quaid[misp]'" in host.log.read_text()


def test_the_module_path_of_an_installation_holds_the_module() -> None:
    from click.testing import CliRunner

    from douglas_quaid.misp.commands import misp

    printed = Path(CliRunner().invoke(misp, ["module-path"]).output.strip())
    assert (printed / "expansion" / "image_correlation.py").is_file()


# -- enrichment ----------------------------------------------------------------------------------------------------------------


def test_an_enrichment_finds_the_picture_inside_another_and_says_where_it_was_seen(host: Host, known: str) -> None:
    asked = attribute(saved(in_browser(opened("coffee.jpg"))))
    answer = host.post(enrichment(known, asked, misp_url="https://misp.example.org/"))
    (found,) = objects(answer)
    said = values(found)
    assert said["verdict"] == ["match"] and said["event"] == [EVENT] and said["attribute-uuid"] == [OTHER]
    assert said["seen"][0].startswith("seen once in 1 event, on 20") and said["link"] == [f"https://misp.example.org/events/view/{EVENT}"]
    assert "inliers" in said["evidence"][0] and 0.9 < float(said["score"][0]) <= 1
    assert {tag["name"] for tag in found["Attribute"][0]["Tag"]} == {
        'misp:automation-level="unsupervised"',
        'estimative-language:likelihood-probability="almost-certain"',
    }
    (reference,) = found["ObjectReference"]
    assert (reference["referenced_uuid"], reference["relationship_type"]) == (asked["uuid"], "similar")


def test_an_answer_is_what_misp_takes(host: Host, known: str) -> None:
    """Strict template, no ids of others, no detection, nothing that points out of the event, no picture sent back."""
    asked = attribute(saved(in_browser(opened("coffee.jpg"))))
    answer = host.post(enrichment(known, asked, disclose="full", misp_url="https://misp.example.org"))
    assert asked["data"][:200] not in json.dumps(answer)
    event = MISPEvent()
    event.from_dict(info="test", **answer["results"])
    assert len(event.objects) == 1 and len(event.attributes) == 1 and event.attributes[0].uuid == asked["uuid"]
    for found in answer["results"]["Object"]:
        strict = MISPObject("image-similarity", strict=True, misp_objects_template_custom=definition())
        strict.from_dict(**found)
        assert strict.to_json() and found["template_uuid"] == definition()["uuid"]
        assert not any(part["to_ids"] for part in found["Attribute"])
        assert {part["object_relation"] for part in found["Attribute"] if not part["disable_correlation"]} <= {"sha256", "cluster"}
        assert [reference["referenced_uuid"] for reference in found["ObjectReference"]] == [asked["uuid"]]
    made = [found["uuid"] for found in answer["results"]["Object"]] + [part["uuid"] for found in answer["results"]["Object"] for part in found["Attribute"]]
    assert len(set(made)) == len(made) and not {EVENT, OTHER, asked["uuid"]} & set(made)


def test_the_same_question_has_the_same_answer_but_for_uuids(host: Host, known: str) -> None:
    request = json.dumps(enrichment(known, asked := attribute(saved(in_browser(opened("coffee.jpg")))), disclose="full")).encode()
    first, second = (without_new_uuids(host.post_bytes(request).decode(), asked["uuid"]) for _ in range(2))
    assert first == second and "image-similarity" in first


def test_a_malware_sample_has_the_hits_of_its_picture(host: Host, known: str) -> None:
    picture = saved(in_browser(opened("coffee.jpg")))
    plain = host.post(enrichment(known, attribute(picture)))
    zipped = host.post(enrichment(known, attribute(locked(picture), type="malware-sample", value="phish.png|0cc175b9c0f1b6a831c399e269772661")))
    assert [values(found) for found in objects(plain)] == [values(found) for found in objects(zipped)] != []


def test_an_image_object_is_asked_for_its_attachment(host: Host, known: str) -> None:
    inner = attribute(COFFEE, object_id="12", object_relation="attachment")
    name = {"type": "filename", "object_relation": "filename", "value": "x.jpg", "uuid": str(uuid.uuid4())}
    asked = {"name": "image", "uuid": str(uuid.uuid4()), "Attribute": [name, inner]}
    answer = host.post({"module": misp_host.MODULE, "event_id": "42", "config": {"store": known}, "object": asked})
    (found,) = objects(answer)
    # Then the object refers to the attachment; MISP would not recognise an echo of it, so there is none
    assert found["ObjectReference"][0]["referenced_uuid"] == inner["uuid"] and answer["results"]["Attribute"] == []
    assert values(found)["relation"] == ["identical"] and found["ObjectReference"][0]["relationship_type"] == "same-as"


def test_the_queried_attribute_is_not_its_own_hit(host: Host, known: str) -> None:
    assert host.post(enrichment(known, attribute(COFFEE, uuid=OTHER))) == {"results": {}}


def test_nothing_known_is_an_empty_result(host: Host, known: str) -> None:
    assert host.post(enrichment(known, attribute(sample("asked/weather.png")))) == {"results": {}}


def test_a_review_does_not_correlate_and_asks_for_a_person(host: Host, store_url: str) -> None:
    # Given a legitimate page in a baseline
    with Engine.open(store_url) as engine:
        engine.create_collection("brands", "baseline")
        engine.add(sample("indexed/bank-login.png"), collection="brands", labels={"brand": "Example Bank", "domain": "bank.example", "page": "sign-in page"})
    # When a page that imitates it is enriched
    imitation = attribute(sample("asked/bank-imitation.png"))
    (found,) = objects(host.post(enrichment(store_url, imitation, disclose="brands")))
    # Then it reads as what it is, correlates with nothing, and is marked for a person here and nowhere else
    said = values(found)
    assert said["verdict"] == ["review"] and said["relation"] == ["looks-like"] and said["brand"] == ["Example Bank"]
    assert said["evidence"][0].startswith("looks like the sign-in page of Example Bank (bank.example), but is not a picture of it: PDQ ")
    assert all(part["disable_correlation"] for part in found["Attribute"])
    assert {"name": 'workflow:todo="review"', "local": True} in found["Attribute"][0]["Tag"]
    assert found["ObjectReference"][0]["relationship_type"] == "related-to"
    # And with reviews off, or without the operator's word, it is not told
    assert host.post(enrichment(store_url, imitation, include_review="false")) == {"results": {}}
    (untold,) = objects(host.post(enrichment(store_url, imitation)))
    assert "Example Bank" not in json.dumps(untold) and "bank.example" not in json.dumps(untold)


def test_a_domain_that_is_an_address_is_told_in_the_evidence_only(host: Host, store_url: str) -> None:
    """MISP refuses to save it as a domain."""
    with Engine.open(store_url) as engine:
        engine.create_collection("brands", "baseline")
        engine.add(COFFEE, collection="brands", labels={"brand": "Example Cups", "domain": "https://cups.example/shop"})
    (found,) = objects(host.post(enrichment(store_url, attribute(COFFEE), disclose="full")))
    assert "domain" not in values(found) and "(https://cups.example/shop)" in values(found)["evidence"][0]


def test_only_uuids_are_told_unless_the_operator_says_more(host: Host, known: str) -> None:
    asked = attribute(COFFEE)
    (by_default,) = objects(host.post(enrichment(known, asked)))
    assert not {"filename", "sha256", "collection"} & set(values(by_default)) and "cup.jpg" not in json.dumps(by_default)
    (full,) = objects(host.post(enrichment(known, asked, disclose="full")))
    assert values(full)["filename"] == ["cup.jpg"] and len(values(full)["sha256"][0]) == 64
    correlating = {part["object_relation"] for part in full["Attribute"] if not part["disable_correlation"]}
    assert correlating == {"sha256"}


def test_what_may_be_told_of_one_picture_of_a_cluster_is_not_told_of_the_others(host: Host, known: str) -> None:
    # Given a picture in a collection that may be told of, and in the same cluster one that is in none
    smaller = saved(opened("coffee.jpg").resize((400, 267)))
    with Engine.open(known) as engine:
        engine.create_collection("brands", "known")
        engine.add(smaller, collection="brands", labels={"filename": "logo.jpg"})
        engine.add(smaller, occurrence=f"misp:attribute:{uuid.uuid4()}", labels={"event": str(uuid.uuid4()), "filename": "brand.jpg"})
    # When the one in none is the hit, then neither its name nor its hash is told, nor the other's name as its own
    (found,) = objects(host.post(enrichment(known, attribute(COFFEE), disclose="brands")))
    assert not {"filename", "sha256"} & set(values(found)) and values(found)["collection"] == ["brands"]
    # When the other is, then its hash and its name in the collection are, and not the name it has in an event
    (found,) = objects(host.post(enrichment(known, attribute(smaller), disclose="brands")))
    assert values(found)["filename"] == ["logo.jpg"] and len(values(found)["sha256"]) == 1
    # And a misspelt collection is no silence
    assert "brandz" in host.post(enrichment(known, attribute(smaller), disclose="brandz"))["error"]


def test_a_match_in_a_cluster_correlates_on_every_name_of_it(host: Host, known: str) -> None:
    with Engine.open(known) as engine:
        second = engine.add(saved(opened("coffee.jpg").resize((400, 267))), occurrence=f"misp:attribute:{uuid.uuid4()}", labels={"event": str(uuid.uuid4())})
    (found,) = objects(host.post(enrichment(known, attribute(COFFEE))))
    assert values(found)["cluster"] == [second.cluster] and values(found)["seen"][0].startswith("seen 2 times in 2 events since ")
    assert {part["object_relation"] for part in found["Attribute"] if not part["disable_correlation"]} == {"cluster"}


def test_pictures_of_the_own_event_are_left_out_when_asked(host: Host, known: str) -> None:
    mine = attribute(COFFEE, event_id="7")
    assert len(objects(host.post(enrichment(known, mine)))) == 1
    assert host.post(enrichment(known, mine, include_same_event="false")) == {"results": {}}


def test_an_enriched_picture_is_kept_when_asked_and_not_otherwise(host: Host, known: str) -> None:
    asked = attribute(sample("asked/weather.png"))
    host.post(enrichment(known, asked))
    assert "not indexed yet" in host.post(hover(known, attribute(uuid=asked["uuid"])))["results"][0]["values"][0]
    host.post(enrichment(known, asked, index_query_image="true"))
    assert host.post(hover(known, attribute(uuid=asked["uuid"])))["results"][0]["values"] == ["No similar image among 2 indexed images."]


def test_a_picture_that_cannot_be_kept_has_its_answer(host: Host, known: str) -> None:
    asked = attribute(COFFEE, event_id="9" * 5000)  # more than the labels of a place may have
    assert len(objects(host.post(enrichment(known, asked, index_query_image="true")))) == 1


def test_hits_of_one_picture_are_told_though_the_time_is_up_for_the_next(known: str) -> None:
    class Hurried(Engine):
        """No time is left for any other picture than the cup's."""

        def query(self, data: bytes, **options: Any) -> QueryResult:
            return super().query(data, **options if data == COFFEE else options | {"deadline": 0.0})

    cup, next_one = attribute(COFFEE, object_id="3"), attribute(saved(opened("coffee.jpg").resize((400, 267))), object_id="3")
    with Hurried.open(known) as engine:

        def asked(*parts: Any) -> Any:
            return expand(engine, Question.read({"event_id": "1", "object": {"Attribute": list(parts)}}, max_seconds=20), Settings())

        assert len(objects(asked(cup, next_one))) == 1
        with pytest.raises(StoreTimeout, match="not all candidates were compared"):
            asked(next_one)


def test_an_enrichment_that_keeps_its_picture_has_the_same_answer_the_next_time(host: Host, known: str) -> None:
    asked = attribute(saved(opened("coffee.jpg").resize((400, 267))))
    body = json.dumps(enrichment(known, asked, index_query_image="true", disclose="full")).encode()
    first, second = (without_new_uuids(host.post_bytes(body).decode(), asked["uuid"]) for _ in range(2))
    assert first == second and '"cluster"' in first


def test_collections_narrow_the_search(host: Host, known: str) -> None:
    with Engine.open(known) as engine:
        engine.create_collection("kits", "known")
    assert host.post(enrichment(known, attribute(COFFEE), collections="kits")) == {"results": {}}
    unknown = host.post(enrichment(known, attribute(COFFEE), collections="kits, nowhere"))
    assert "nowhere" in unknown["error"] and unknown["results"] == {}


# -- hover ---------------------------------------------------------------------------------------------------------------------


def test_a_hover_answers_from_stored_verdicts(host: Host, known: str) -> None:
    mine = str(uuid.uuid4())
    with Engine.open(known) as engine:
        engine.add(saved(in_browser(opened("coffee.jpg"))), occurrence=f"misp:attribute:{mine}", labels={"event": str(uuid.uuid4())})
        engine.add(COFFEE, occurrence=f"misp:attribute:{uuid.uuid4()}", labels={"event": str(uuid.uuid4())})
    answer = host.post(hover(known, attribute(uuid=mine), misp_url="https://misp.example.org"))
    assert set(answer["results"]) == {"Object"}, "any other key breaks MISP's hover"
    (found,) = answer["results"]["Object"]
    shown = [(part["object_relation"], part["value"]) for part in found["Attribute"]]
    assert shown[0][0] == "seen" and shown[0][1].startswith("seen 2 times in 2 events since 20")
    assert dict(shown)["verdict"] == "match" and "inliers" in dict(shown)["evidence"]
    assert [part["type"] for part in found["Attribute"] if part["value"].startswith("https://misp.example.org/events/view/")] == ["link"] * 2


def test_a_hover_over_a_picture_that_was_seen_elsewhere_says_how_often(host: Host, known: str) -> None:
    mine = str(uuid.uuid4())
    with Engine.open(known) as engine:
        engine.add(COFFEE, occurrence=f"misp:attribute:{mine}", labels={"event": str(uuid.uuid4())})
    (found,) = host.post(hover(known, attribute(uuid=mine)))["results"]["Object"]
    said = values(found)
    assert said["relation"] == ["identical"] and said["seen"][0].startswith("seen once in 1 event, on ") and said["event"] == [EVENT]


def test_a_hover_has_words_for_what_it_cannot_show(host: Host, known: str) -> None:
    assert host.post(hover(known, attribute()))["results"] == [
        {"types": ["text"], "values": ["Image not indexed yet: use Add enrichment, or ask the administrator to run quaid misp sync."]}
    ]
    assert host.post(hover(known, attribute(uuid=OTHER)))["results"] == [{"types": ["text"], "values": ["No similar image among 1 indexed images."]}]
    with Engine.open(known) as engine:
        engine.add(sample("asked/weather.png"), occurrence=f"misp:attribute:{EVENT}", link=False)
    assert "not compared" in host.post(hover(known, attribute(uuid=EVENT)))["results"][0]["values"][0]


def test_a_hover_finds_in_a_collection_what_an_enrichment_finds(host: Host, known: str) -> None:
    # Given a cluster whose surest member is in no collection, and another is
    with Engine.open(known) as engine:
        engine.create_collection("brands", "known")
        engine.create_collection("kits", "known")
        engine.add(saved(opened("coffee.jpg").resize((500, 333))))
        engine.add(saved(opened("coffee.jpg").resize((400, 267))), collection="brands")
    asked = attribute(uuid=OTHER)
    assert len(host.post(hover(known, asked, collections="brands"))["results"]["Object"]) == 1
    assert len(objects(host.post(enrichment(known, attribute(COFFEE, uuid=OTHER), collections="brands")))) == 1
    line = host.post(hover(known, asked, collections="kits"))["results"][0]["values"]
    assert line == ["No similar image that the settings of this module show among 3 indexed images."]
    # And a collection that was never created is an error in both
    for request in (hover(known, asked, collections="typo"), enrichment(known, attribute(COFFEE), collections="typo")):
        assert "typo" in host.post(request)["error"]


def test_a_click_shows_more_than_a_hover(host: Host, store_url: str) -> None:
    pages = [pictures.page(seed) for seed in range(5)]
    sheet = Image.new("RGB", (1280, 5 * 800))
    for n, page in enumerate(pages):
        sheet.paste(page, (0, 800 * n))
    with Engine.open(store_url) as engine:
        for page in pages:
            engine.add(png(page), occurrence=f"misp:attribute:{uuid.uuid4()}", labels={"event": str(uuid.uuid4())})
        engine.add(png(sheet), occurrence=f"misp:attribute:{OTHER}", labels={"event": EVENT})
    shown = len(host.post(hover(store_url, attribute(uuid=OTHER), max_results="10"))["results"]["Object"])
    clicked = len(host.post(hover(store_url, attribute(uuid=OTHER), max_results="10") | {"persistent": 1})["results"]["Object"])
    assert shown == 3 < clicked


def test_a_hover_shows_an_error_where_misp_shows_it(host: Host, tmp_path: Path) -> None:
    answer = host.post(hover(f"unix://{tmp_path}/nobody", attribute(uuid=OTHER)))
    assert "cannot be reached" in answer["error"] and answer["results"][0]["values"] == [answer["error"]]


# -- bad input -----------------------------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in a few bytes of header; nobody may ask for its pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def archive(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as opened:
        for name, data in files.items():
            opened.writestr(name, data)
    return made.getvalue()


def nameless(data: bytes) -> bytes:
    """The archive, its only file without a name."""
    entry = bytearray(data)
    at = entry.rindex(b"PK\x01\x02")
    entry[at + 28 : at + 30] = bytes(2)
    return bytes(entry)


def sampled(data: bytes) -> dict[str, Any]:
    return attribute(data, type="malware-sample", value="x.png|0cc175b9c0f1b6a831c399e269772661")


BAD: dict[str, tuple[Callable[[str], Any], str]] = {
    "no attribute": (lambda s: {"module": misp_host.MODULE, "event_id": "1", "config": {"store": s}}, "no attribute"),
    "an attribute that is none": (lambda s: enrichment(s, "x"), "no attribute"),  # type: ignore[arg-type]
    "another type": (lambda s: enrichment(s, attribute(COFFEE, type="url")), "of type url"),
    "no uuid": (lambda s: enrichment(s, attribute(COFFEE, uuid="../../etc")), "uuid"),
    "no data": (lambda s: enrichment(s, attribute()), "has no data"),
    "data that is no text": (lambda s: enrichment(s, attribute(data=None) | {"data": 7}), "base64"),
    "bad base64": (lambda s: enrichment(s, attribute() | {"data": "not base64!"}), "not base64"),
    "text": (lambda s: enrichment(s, attribute(b"Dear all, please find attached")), "phish.png"),
    "a PDF": (lambda s: enrichment(s, attribute(b"%PDF-1.7\n...")), "phish.png"),
    "a cut picture": (lambda s: enrichment(s, attribute(COFFEE[:5000])), "cut short"),
    "too many bytes": (lambda s: enrichment(s, attribute(COFFEE), max_image_mb="0.01"), "limit is 10,000"),
    "too many pixels": (lambda s: enrichment(s, attribute(COFFEE), max_megapixels="0.1"), "limit is 100,000"),
    "a picture bomb": (lambda s: enrichment(s, attribute(bomb())), "30000 x 30000"),
    "a sample that is no archive": (lambda s: enrichment(s, sampled(COFFEE)), "cannot be read"),
    "a cut archive": (lambda s: enrichment(s, sampled(locked(COFFEE)[:-40])), "cannot be read"),
    "the wrong password": (lambda s: enrichment(s, sampled(locked(COFFEE, password=b"secret"))), "infected"),
    "an archive of several files": (lambda s: enrichment(s, sampled(archive({"a": COFFEE, "b": COFFEE}))), "holds 2 files"),
    "an archive of nothing": (lambda s: enrichment(s, sampled(archive({}))), "holds 0 files"),
    "an archive of very many files": (lambda s: enrichment(s, sampled(archive({str(n): b"" for n in range(3000)}))), "holds 3000 files"),
    "an archive packed in another way": (lambda s: enrichment(s, sampled(archive({"a": COFFEE}, zipfile.ZIP_LZMA))), "that MISP does not use"),
    "an archive whose index is broken": (lambda s: enrichment(s, sampled(nameless(archive({"a": COFFEE})))), "cannot be read"),
    "a zip bomb": (lambda s: enrichment(s, sampled(archive({"a": bytes(200_000_000)}))), "limit is 20,000,000"),
    "an object without a picture": (lambda s: enrichment(s, attribute()) | {"object": {"Attribute": []}}, "no attribute of type"),
    "config that is text": (lambda s: enrichment(s, attribute(COFFEE)) | {"config": "store"}, "config"),
    "an unknown setting": (lambda s: enrichment(s, attribute(COFFEE), colour="red"), "colour"),
    "a number that is none": (lambda s: enrichment(s, attribute(COFFEE), max_results="many"), "max_results"),
    "a truth that is none": (lambda s: enrichment(s, attribute(COFFEE), include_review="perhaps"), "include_review"),
    "an address that is none": (lambda s: enrichment(s, attribute(COFFEE), misp_url="javascript:alert(1)"), "misp_url"),
    "a setting that is a list": (lambda s: enrichment(s, attribute(COFFEE), collections=["a"]), "collections"),
    "a store that is none": (lambda s: enrichment("mysql://here", attribute(COFFEE)), "expected embedded:"),
    "a timeout below zero": (lambda s: enrichment(s, attribute(COFFEE)) | {"timeout": -1}, "Timeout"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_a_readable_error_and_the_server_stays_up(name: str, host: Host, known: str) -> None:
    request, expected = BAD[name]
    answer = host.post(request(known))
    assert expected in answer["error"], answer
    if expected != "Timeout":  # that one is misp-modules' own, which never asks us
        assert answer["results"] == {} and "\n" not in answer["error"] and "Traceback" not in answer["error"]
    assert host.is_up()


@pytest.mark.parametrize("config", [None, {}, {"store": None, "max_results": "", "disclose": None, "misp_url": ""}])
def test_without_a_store_there_is_a_word_and_no_new_store(config: Any, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    with misp_host.running(tmp_path, environment=home) as host:
        answer = host.post(enrichment("", attribute(COFFEE)) | {"config": config})
        assert "no feature store is named" in answer["error"] and answer["results"] == {}
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("config", [None, {}, {"store": None, "max_results": "", "disclose": None, "misp_url": ""}])
def test_settings_may_be_missing_null_or_empty(config: Any, tmp_path: Path, known: str) -> None:
    with misp_host.running(tmp_path, environment={"DOUGLAS_QUAID_STORE": known}) as host:
        request = enrichment(known, attribute(COFFEE)) | {"config": config}
        assert len(objects(host.post(request))) == 1
        del request["config"], request["timeout"]
        assert len(objects(host.post(request))) == 1


SECRET_IN = (
    "redis://:{}@127.0.0.1:1",
    "redis://:{}/ab@127.0.0.1:1",
    "redis://:ab@{}@127.0.0.1:1",
    "rediss://:{}#ab@127.0.0.1:1",
    "redis://127.0.0.1:1/0?password={}",
    "unix:///nobody.sock?password={}",
    "redis+cluster://:{}/x@127.0.0.1:1",
    "redis://:{}\u200b@127.0.0.1:1",
    "mysql://user:{}@127.0.0.1",
    ":{}@127.0.0.1",
)


@pytest.mark.parametrize("store", SECRET_IN)
def test_no_error_tells_the_password_of_the_store(store: str) -> None:
    from douglas_quaid.misp.service import answer

    for request in (hover(store.format("S3CRET"), attribute()), enrichment("x", attribute(), misp_url=store.format("S3CRET").replace("redis", "https"))):
        assert "S3CRET" not in json.dumps(said := answer(request | {"timeout": 2})) and said["error"]


def test_stores_that_were_mistyped_do_not_use_up_the_places(known: str) -> None:
    from douglas_quaid.misp.service import MOST_STORES, answer

    for n in range(MOST_STORES + 1):
        assert "cannot be reached" in answer(hover(f"unix:///nobody-{n}", attribute()))["error"]
    assert "not indexed yet" in answer(hover(known, attribute()))["results"][0]["values"][0]


@pytest.mark.parametrize("timeout", [0, "0", "soon", -5, True, [], "nan", "inf", 10**400])
def test_a_timeout_that_is_none_is_refused_with_a_reason(timeout: Any, known: str) -> None:
    """Asked of the module itself: misp-modules answers some of these before it (with HTTP 500, or Timeout), which no module can change."""
    from douglas_quaid.misp.service import answer

    said = answer(enrichment(known, attribute(COFFEE)) | {"timeout": timeout})
    assert "timeout" in said["error"] and said["results"] == {}


@pytest.mark.parametrize("timeout", ["0", "soon", "nan", "-1"])
def test_after_a_timeout_that_is_none_the_server_answers_the_next_question(timeout: str, host: Host, known: str) -> None:
    host.status_of(json.dumps(enrichment(known, attribute(COFFEE)) | {"timeout": timeout}).encode())
    assert len(objects(host.post(enrichment(known, attribute(COFFEE)) | {"timeout": "9"}))) == 1


def test_a_gif_is_a_picture(host: Host, known: str) -> None:
    made = io.BytesIO()
    opened("coffee.jpg").convert("P").save(made, "GIF")
    assert len(objects(host.post(enrichment(known, attribute(made.getvalue(), value="cup.gif"))))) == 1


def test_a_broken_picture_in_an_object_does_not_hide_the_good_one(host: Host, known: str) -> None:
    parts = [attribute(b"no picture", object_id="3"), attribute(COFFEE, object_id="3")]
    request = {"module": misp_host.MODULE, "event_id": "42", "config": {"store": known}, "object": {"name": "image", "Attribute": parts}}
    assert len(objects(host.post(request))) == 1


def test_a_body_that_is_no_json_is_misp_modules_to_refuse(host: Host) -> None:
    assert host.status_of(b"{") == 500 and host.is_up()


# -- hostile text --------------------------------------------------------------------------------------------------------------

HOSTILE = {
    "markup": "<img src=x onerror=alert(1)>\"'`.png",
    "json": '{"type": "attachment"}',
    "a list": "[1, 2, 3]",
    "10,000 characters": "A" * 10_000,
    "control characters": "a\x00b\x1b[31mred\r\nX-Injected: 1\x7f\u2028.png",
    "turned text": "invoice\u202egnp.exe\u2066\u200b",
    "a lone surrogate": "cup\ud800.png",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_reaches_misp_harmless(name: str, host: Host, store_url: str) -> None:
    """As an attribute's value, as the file name of a hit, as the label of a baseline, and in an error."""
    text = HOSTILE[name]
    stored = text.encode("utf-8", "replace").decode()
    with Engine.open(store_url) as engine:
        engine.create_collection("brands", "baseline")
        engine.add(COFFEE, occurrence=f"misp:attribute:{OTHER}", labels={"event": EVENT, "filename": stored[:3000]})
        engine.add(COFFEE, collection="brands", labels={"brand": stored[:3000], "domain": stored[:900]})
    asked = attribute(COFFEE, value=text, comment=text)
    body = json.dumps(enrichment(store_url, asked, disclose="full")).encode()
    if "\\ud800" in body.decode():  # misp-modules' own parser refuses these bytes; another host's may not
        from douglas_quaid.misp.service import answer as ask

        assert host.status_of(body) == 500
        answer = ask(json.loads(body))
    else:
        answer = json.loads(host.post_bytes(body))
    (found,) = objects(answer)
    said = [part["value"] for part in found["Attribute"]] + [found["comment"]]
    for value in said:
        assert len(value) <= 600 and value.isprintable() and not value.startswith(("{", "[")), value
        assert not set(value) & set("<>\"'`\\\u202e\u2066\u200b"), value
        value.encode("utf-8")
    assert answer["results"]["Attribute"] == [], "text that MISP's page would bring back changed is not echoed"
    broken = host.post(enrichment(store_url, attribute(b"no picture", value=text.encode("utf-8", "replace").decode())))
    assert not set(broken["error"]) & set("<>\u202e") and broken["error"].isprintable() and len(broken["error"]) <= 600


# -- time and load -------------------------------------------------------------------------------------------------------------


def test_the_list_of_modules_is_there_within_a_second_while_ten_queries_run(host: Host, known: str) -> None:
    """MISP asks for it while it draws a page and gives up after one second, which is the limit here too."""
    asked = [json.dumps(enrichment(known, attribute(png(pictures.page(seed, 1280, 1600))))).encode() for seed in range(10)]
    with ThreadPoolExecutor(10) as threads:
        running = [threads.submit(host.post_bytes, body) for body in asked]
        while not all(query.done() for query in running):
            host.get("/modules", timeout=1)
        assert all("results" in json.loads(query.result()) for query in running)


def test_a_stalled_store_holds_no_thread_longer_than_its_budget(tmp_path: Path, make_server: Callable[..., Any]) -> None:
    server = make_server()
    with Engine.open(server.url) as engine:
        engine.add(COFFEE, occurrence=f"misp:attribute:{OTHER}", labels={"event": EVENT})
    with misp_host.running(tmp_path) as host:
        assert len(objects(host.post(enrichment(server.url, attribute(COFFEE))))) == 1
        # Given a store that stops in the middle
        server.pause()
        try:
            # When more hovers and enrichments come than misp-modules has threads, with two seconds each
            requests = [hover(server.url, attribute(uuid=OTHER)) if n % 2 else enrichment(server.url, attribute(COFFEE)) for n in range(12)]
            started = time.monotonic()
            with ThreadPoolExecutor(12) as threads:
                waiting = [threads.submit(host.post, request | {"timeout": 2}, timeout=30) for request in requests]
                while not all(query.done() for query in waiting):
                    host.get("/modules", timeout=1)
                    time.sleep(0.05)
            answers = [query.result() for query in waiting]
        finally:
            server.resume()
        # Then each has a readable error of ours, not misp-modules' own "Timeout.", which would end the enrichment of the event; but for
        # those that waited for a thread of misp-modules themselves, who may have had no time left when they got one
        ours = [answer for answer in answers if answer.get("error") != "Timeout."]
        assert all(answer["error"] and "results" in answer for answer in ours), answers
        assert len(ours) >= min(12, 5 * (os.cpu_count() or 1)), answers
        assert time.monotonic() - started < 2 * 12, "the requests did not wait one after the other"
        # And the next question is answered
        assert len(objects(host.post(enrichment(server.url, attribute(COFFEE))))) == 1


def test_a_store_that_is_away_is_said_and_comes_back(tmp_path: Path, make_server: Callable[..., Any]) -> None:
    server = make_server()
    server.stop()
    with misp_host.running(tmp_path) as host:
        host.get("/modules", timeout=1)
        refused = host.post(enrichment(server.url, attribute(COFFEE)))
        assert "cannot be reached" in refused["error"] and refused["results"] == {}
        server.start()
        assert host.post(enrichment(server.url, attribute(COFFEE))) == {"results": {}}


def test_what_a_crash_left_unlinked_is_linked_behind_the_first_answer(tmp_path: Path, known: str) -> None:
    # Given a picture that was forgotten by somebody who was killed before those it had connected were linked again
    with Engine.open(known) as engine:
        bridge = engine.add(saved(opened("coffee.jpg").resize((400, 267))))
    with Store.open(Config(store=known)) as store:
        store.forget(bridge.image_id)
        assert store.waiting_for_link()
        # When the store is opened for a request, then the request does not wait for that
        with Engine.open(known, mend=False) as engine:
            assert store.waiting_for_link() and engine.count() == 1
        # And when the server has answered, it is made good
        with misp_host.running(tmp_path) as host:
            assert "results" in host.post(hover(known, attribute(uuid=OTHER)))
            deadline = time.monotonic() + 30
            while store.waiting_for_link():
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_32_questions_at_once_have_the_answers_of_one(host: Host, known: str) -> None:
    asked = attribute(saved(in_browser(opened("coffee.jpg"))))
    body = json.dumps(enrichment(known, asked) | {"timeout": 60} | {"config": {"store": known, "max_seconds": "60"}}).encode()
    alone = without_new_uuids(host.post_bytes(body).decode(), asked["uuid"])
    with ThreadPoolExecutor(32) as threads:
        together = {without_new_uuids(answer.decode(), asked["uuid"]) for answer in threads.map(lambda _: host.post_bytes(body), range(32))}
    assert together == {alone}


def test_base64_is_measured_before_it_is_decoded(host: Host, known: str) -> None:
    data = base64.b64encode(bytes(64_000_000)).decode()
    answer = host.post(enrichment(known, attribute() | {"data": data}))
    assert "limit is 20,000,000" in answer["error"] and host.is_up()
