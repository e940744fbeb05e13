"""The module in the real misp-modules server: its description, and the results of enrichments."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from pymisp import MISPEvent, MISPObject
from support import misp_host
from support.misp_host import (
    COFFEE,
    EVENT,
    OTHER,
    Host,
    attribute,
    comment_lines,
    enrichment,
    hover,
    locked,
    nothing,
    objects,
    values,
    without_new_uuids,
)

from douglas_quaid import Engine
from douglas_quaid.answers import QueryResult
from douglas_quaid.demo.pictures import opened, sample
from douglas_quaid.errors import StoreTimeout
from douglas_quaid.evaluation.edits import edit, encoded
from douglas_quaid.misp.expand import expand
from douglas_quaid.misp.mapping import template_definition
from douglas_quaid.misp.messages import ModuleRequest
from douglas_quaid.misp.settings import Settings

#: The file that misp-modules loads.
MODULE_FILE = misp_host.ROOT / "misp_module/expansion/image_correlation.py"

# -- the module in the server ---------------------------------------------------------------------


def test_the_server_lists_the_module(host: Host) -> None:
    (listed,) = [module for module in host.get("/modules") if module["name"] == misp_host.MODULE]
    assert listed["type"] == "expansion" and listed["mispattributes"]["format"] == "misp_standard"
    assert set(listed["meta"]["module-type"]) == {"expansion", "hover"}
    assert {"attachment", "malware-sample", "image"} == set(listed["mispattributes"]["input"])
    assert all(isinstance(name, str) for name in listed["meta"]["config"])
    assert "CUSTOM MISP module image_correlation (type=expansion) imported" in host.log.read_text()


def test_nothing_heavy_is_loaded_and_nobody_is_called_until_the_first_request(tmp_path: Path) -> None:
    loading = f"""
import sys, importlib.util
calls = ('socket.connect', 'subprocess.Popen')
sys.addaudithook(lambda event, _: sys.exit('called somebody') if event in calls else None)
spec = importlib.util.spec_from_file_location('image_correlation', {str(MODULE_FILE)!r})
module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)
module.introspection(); module.version()
print(sorted({{'cv2', 'numpy', 'redis', 'PIL', 'pymisp', 'imagehash'}} & set(sys.modules)))
"""
    import subprocess
    import sys

    ran = subprocess.run(
        [sys.executable, "-P", "-c", loading], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.stdout.strip(), ran.returncode) == ("[]", 0), ran.stderr


def test_without_our_package_the_server_goes_on_and_says_what_to_install(tmp_path: Path) -> None:
    # Given a module folder whose Python has no douglas-quaid
    folder = tmp_path / "custom" / "expansion"
    folder.mkdir(parents=True)
    text = MODULE_FILE.read_text()
    (folder / "image_correlation.py").write_text(
        text.replace("from douglas_quaid.misp.settings", "from douglas_quaid_absent.misp.settings")
    )
    # When the server starts, then it runs without the module, and its log contains the remedy
    with misp_host.running(tmp_path, custom=folder.parent) as host:
        assert misp_host.MODULE not in {module["name"] for module in host.get("/modules")}
        assert "pip install 'douglas-quaid[misp]'" in host.log.read_text()


def test_the_module_path_of_an_installation_holds_the_module() -> None:
    from click.testing import CliRunner

    from douglas_quaid.misp.commands import misp

    printed = Path(CliRunner().invoke(misp, ["module-path"]).output.strip())
    assert (printed / "expansion" / "image_correlation.py").is_file()


# -- enrichment ----------------------------------------------------------------------------------------------


def test_an_enrichment_finds_the_picture_inside_another_and_says_where_it_was_seen(
    host: Host, known: str
) -> None:
    asked = attribute(encoded(edit("browser_bar", opened("coffee.jpg"))))
    answer = host.post(enrichment(known, asked, misp_url="https://misp.example.org/"))
    (found,) = objects(answer)
    said = values(found)
    assert said["verdict"] == ["match"] and said["attribute-uuid"] == [OTHER]
    assert said["link"] == [f"https://misp.example.org/events/view/{EVENT}"]
    assert said["evidence"] == ["the whole pictures agree"]
    verdict, measured, seen = comment_lines(found)
    assert (
        verdict.startswith(("match (0.9", "match (1.000)"))
        and "inliers" in measured
        and seen.startswith("seen once in 1 event")
    )
    assert {tag["name"] for tag in found["Attribute"][0]["Tag"]} == {
        'misp:automation-level="unsupervised"',
        'estimative-language:likelihood-probability="almost-certain"',
    }
    (reference,) = found["ObjectReference"]
    assert (reference["referenced_uuid"], reference["relationship_type"]) == (asked["uuid"], "similar")


def test_a_response_is_what_misp_accepts(host: Host, known: str) -> None:
    """It fits the template, does not refer to other events, marks nothing for detection, and returns no
    picture.
    """
    asked = attribute(encoded(edit("browser_bar", opened("coffee.jpg"))))
    answer = host.post(enrichment(known, asked, disclose="full", misp_url="https://misp.example.org"))
    assert asked["data"][:200] not in json.dumps(answer)
    event = MISPEvent()
    event.from_dict(info="test", **answer["results"])
    assert (
        len(event.objects) == 1 and len(event.attributes) == 1 and event.attributes[0].uuid == asked["uuid"]
    )
    for found in answer["results"]["Object"]:
        strict = MISPObject(
            "image-similarity", strict=True, misp_objects_template_custom=template_definition()
        )
        strict.from_dict(**found)
        assert strict.to_json() and found["template_uuid"] == template_definition()["uuid"]
        assert not any(part["to_ids"] for part in found["Attribute"])
        assert {
            part["object_relation"] for part in found["Attribute"] if not part["disable_correlation"]
        } <= {"sha256", "cluster"}
        assert [reference["referenced_uuid"] for reference in found["ObjectReference"]] == [asked["uuid"]]
    made = [found["uuid"] for found in answer["results"]["Object"]] + [
        part["uuid"] for found in answer["results"]["Object"] for part in found["Attribute"]
    ]
    assert len(set(made)) == len(made) and not {EVENT, OTHER, asked["uuid"]} & set(made)


def test_the_same_request_has_the_same_response_but_for_uuids(host: Host, known: str) -> None:
    request = json.dumps(
        enrichment(
            known, asked := attribute(encoded(edit("browser_bar", opened("coffee.jpg")))), disclose="full"
        )
    ).encode()
    first, second = (without_new_uuids(host.post_bytes(request).decode(), asked["uuid"]) for _ in range(2))
    assert first == second and "image-similarity" in first


def test_a_malware_sample_has_the_hits_of_its_picture(host: Host, known: str) -> None:
    picture = encoded(edit("browser_bar", opened("coffee.jpg")))
    plain = host.post(enrichment(known, attribute(picture)))
    zipped = host.post(
        enrichment(
            known,
            attribute(
                locked(picture), type="malware-sample", value="phish.png|0cc175b9c0f1b6a831c399e269772661"
            ),
        )
    )
    said = [[values(found) for found in objects(answer)] for answer in (plain, zipped)]
    assert [one.pop("queried-uuid") for one in (*said[0], *said[1])] and said[0] == said[1] != []


def test_an_image_object_is_asked_for_its_attachment(host: Host, known: str) -> None:
    inner = attribute(COFFEE, object_id="12", object_relation="attachment")
    name = {"type": "filename", "object_relation": "filename", "value": "x.jpg", "uuid": str(uuid.uuid4())}
    asked = {"name": "image", "uuid": str(uuid.uuid4()), "Attribute": [name, inner]}
    answer = host.post(
        {"module": misp_host.MODULE, "event_id": "42", "config": {"store": known}, "object": asked}
    )
    (found,) = objects(answer)
    # Then the reference goes to the object, which MISP's event graph draws, and the attachment is not
    # returned, because MISP would not recognise it
    assert (
        found["ObjectReference"][0]["referenced_uuid"] == asked["uuid"]
        and answer["results"]["Attribute"] == []
        and values(found)["queried-uuid"] == [inner["uuid"]]
    )
    assert (
        values(found)["relation"] == ["identical"]
        and found["ObjectReference"][0]["relationship_type"] == "same-as"
    )


def test_the_queried_attribute_is_not_its_own_hit(host: Host, known: str) -> None:
    said = nothing(host.post(enrichment(known, attribute(COFFEE, uuid=OTHER))))
    assert said == "No similar image among 1 indexed image."


def test_a_review_does_not_correlate_and_asks_for_a_person(host: Host, store_url: str) -> None:
    # Given a legitimate page in a baseline
    with Engine.open(store_url) as engine:
        engine.create_collection("brands", "baseline")
        engine.add(
            sample("indexed/bank-login.png"),
            collection="brands",
            labels={"brand": "Example Bank", "domain": "bank.example", "page": "sign-in page"},
        )
    # When a page that imitates it is enriched
    imitation = attribute(sample("asked/bank-imitation.png"))
    (found,) = objects(host.post(enrichment(store_url, imitation, disclose="brands")))
    # Then the sentence names the page, nothing correlates, and a local tag asks for a review
    said = values(found)
    assert (
        said["verdict"] == ["review"]
        and said["relation"] == ["looks-like"]
        and said["brand"] == ["Example Bank"]
    )
    assert said["evidence"] == [
        "looks like the sign-in page of Example Bank (bank.example), but is not a picture of it"
    ]
    assert all(part["disable_correlation"] for part in found["Attribute"])
    assert {"name": 'workflow:todo="review"', "local": True} in found["Attribute"][0]["Tag"]
    assert found["ObjectReference"][0]["relationship_type"] == "related-to"
    # And without reviews it is left out, and without disclosure its names are
    assert nothing(host.post(enrichment(store_url, imitation, include_review="false")))
    (untold,) = objects(host.post(enrichment(store_url, imitation)))
    assert "Example Bank" not in json.dumps(untold) and "bank.example" not in json.dumps(untold)


def test_a_domain_that_is_an_address_is_in_the_evidence_only(host: Host, store_url: str) -> None:
    """MISP refuses to save it as a domain."""
    with Engine.open(store_url) as engine:
        engine.create_collection("brands", "baseline")
        engine.add(
            COFFEE,
            collection="brands",
            labels={"brand": "Example Cups", "domain": "https://cups.example/shop"},
        )
    (found,) = objects(host.post(enrichment(store_url, attribute(COFFEE), disclose="full")))
    assert "domain" not in values(found) and "(https://cups.example/shop)" in values(found)["evidence"][0]


def test_only_uuids_are_disclosed_unless_the_operator_allows_more(host: Host, known: str) -> None:
    asked = attribute(COFFEE)
    (by_default,) = objects(host.post(enrichment(known, asked)))
    assert "sha256" not in values(by_default) and "cup.jpg" not in json.dumps(by_default)
    (full,) = objects(host.post(enrichment(known, asked, disclose="full")))
    assert "file name: cup.jpg" in comment_lines(full) and len(values(full)["sha256"][0]) == 64
    correlating = {part["object_relation"] for part in full["Attribute"] if not part["disable_correlation"]}
    assert correlating == {"sha256", "cluster"}


def test_disclosure_of_one_picture_of_a_cluster_does_not_extend_to_the_others(host: Host, known: str) -> None:
    # Given a picture in a disclosed collection, and in the same cluster another that is in none
    smaller = encoded(opened("coffee.jpg").resize((400, 267)))
    with Engine.open(known) as engine:
        engine.create_collection("brands", "known")
        engine.add(smaller, collection="brands", labels={"filename": "logo.jpg"})
        engine.add(
            smaller,
            occurrence=f"misp:attribute:{uuid.uuid4()}",
            labels={"event": str(uuid.uuid4()), "filename": "brand.jpg"},
        )
    # When the other one is the hit, then its name and its hash are not disclosed, and neither is the first's
    # name as its own
    (found,) = objects(host.post(enrichment(known, attribute(COFFEE), disclose="brands")))
    assert "sha256" not in values(found) and comment_lines(found)[3:] == ["in brands"]
    # When the first is the hit, then its hash and its name in the collection are, but not its name in an
    # event
    (found,) = objects(host.post(enrichment(known, attribute(smaller), disclose="brands")))
    assert "file name: logo.jpg" in comment_lines(found) and len(values(found)["sha256"]) == 1


def test_a_match_in_a_cluster_correlates_on_every_name_of_it(host: Host, known: str) -> None:
    with Engine.open(known) as engine:
        second = engine.add(
            encoded(opened("coffee.jpg").resize((400, 267))),
            occurrence=f"misp:attribute:{uuid.uuid4()}",
            labels={"event": str(uuid.uuid4())},
        )
    (found,) = objects(host.post(enrichment(known, attribute(COFFEE))))
    assert values(found)["cluster"] == [second.cluster]
    assert comment_lines(found)[2].startswith("seen 2 times in 2 events since ")
    assert {part["object_relation"] for part in found["Attribute"] if not part["disable_correlation"]} == {
        "cluster"
    }


def test_pictures_of_the_own_event_are_left_out_on_request(host: Host, known: str) -> None:
    mine = attribute(COFFEE, event_id="7")
    assert len(objects(host.post(enrichment(known, mine)))) == 1
    assert nothing(host.post(enrichment(known, mine, include_same_event="false")))


def test_an_enriched_picture_is_stored_only_on_request(host: Host, known: str) -> None:
    asked = attribute(sample("asked/weather.png"))
    host.post(enrichment(known, asked))
    assert (
        "not indexed yet" in host.post(hover(known, attribute(uuid=asked["uuid"])))["results"][0]["values"][0]
    )
    host.post(enrichment(known, asked, index_query_image="true"))
    assert host.post(hover(known, attribute(uuid=asked["uuid"])))["results"][0]["values"] == [
        "No similar image among 2 indexed images."
    ]


def test_a_picture_that_cannot_be_stored_has_its_response(host: Host, known: str) -> None:
    asked = attribute(COFFEE, event_id="9" * 5000)  # longer than the labels of an occurrence may be
    assert len(objects(host.post(enrichment(known, asked, index_query_image="true")))) == 1


def test_hits_of_one_picture_are_returned_though_the_time_is_up_for_the_next(known: str) -> None:
    class Hurried(Engine):
        """An engine that has time for one picture only."""

        def query(self, data: bytes, **options: Any) -> QueryResult:
            return super().query(data, **options if data == COFFEE else options | {"deadline": 0.0})

    cup, next_one = (
        attribute(COFFEE, object_id="3"),
        attribute(encoded(opened("coffee.jpg").resize((400, 267))), object_id="3"),
    )
    with Hurried.open(known) as engine:

        def asked(*parts: Any) -> Any:
            return expand(
                engine,
                ModuleRequest.parse({"event_id": "1", "object": {"Attribute": list(parts)}}, max_seconds=20),
                Settings(),
            )

        answer = asked(cup, next_one)
        assert len(answer["results"]["Object"]) == 1
        assert answer["error"].startswith("1 of 2 pictures could not be compared: not all candidates")
        with pytest.raises(StoreTimeout, match="not all candidates were compared"):
            asked(next_one)


def test_an_enrichment_that_stores_its_picture_has_the_same_response_the_next_time(
    host: Host, known: str
) -> None:
    asked = attribute(encoded(opened("coffee.jpg").resize((400, 267))))
    body = json.dumps(enrichment(known, asked, index_query_image="true", disclose="full")).encode()
    first, second = (without_new_uuids(host.post_bytes(body).decode(), asked["uuid"]) for _ in range(2))
    assert first == second and '"cluster"' in first


def test_collections_narrow_the_search(host: Host, known: str) -> None:
    with Engine.open(known) as engine:
        engine.create_collection("kits", "known")
    said = nothing(host.post(enrichment(known, attribute(COFFEE), collections="kits")))
    assert said == "No similar image that the settings of this module show among 1 indexed image."
