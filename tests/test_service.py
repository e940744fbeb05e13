"""`quaid serve` as its clients meet it: a real process on a real store, asked over HTTP."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import jsonschema
import pytest
from support.server import Server
from support.service import Service
from support.waiting import slowness, until

from douglas_quaid.client import Client
from douglas_quaid.demo.pictures import sample
from douglas_quaid.records import Decision, Relation
from douglas_quaid.service.openapi import ERRORS
from douglas_quaid.store.embedded import stop_embedded

pytest.importorskip("uvicorn", reason="the extra `service` is not installed")

CAT, COFFEE = sample("indexed/cat.jpg"), sample("indexed/coffee.jpg")
RAW = {"Content-Type": "application/octet-stream"}
IMAGES, QUERIES, JUDGEMENTS = "/api/v1/images", "/api/v1/queries", "/api/v1/judgements"
#: Limit of the service of these tests, in bytes.
LIMIT = 1_000_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on an embedded store that never had a key."""
    folder = tmp_path_factory.mktemp("service")
    limits = {"DOUGLAS_QUAID_MAX_BYTES": str(LIMIT)}
    service = Service(folder, f"embedded:{folder / 'store'}", "--rate", "0", **limits).start()
    yield service
    service.stop()
    stop_embedded(folder / "store")


@pytest.fixture
def own_service(server: Server, tmp_path: Path) -> Iterator[Service]:
    """A service on a server that this test may stop."""
    service = Service(tmp_path, server.url, DOUGLAS_QUAID_STORE_TIMEOUT="1").start()
    yield service
    service.stop()


def test_a_picture_that_was_added_is_found_by_the_next_query(service: Service) -> None:
    with Client(service.url) as client:
        # Given a picture that was added over HTTP
        added = client.add(CAT, occurrence="file:path:/cat.jpg", labels={"source": "feed"})
        assert (added.status, added.informative) == ("added", True)
        # when its bytes are asked for, then they are a match, with all that was said about them.
        (hit,) = client.query(CAT).hits
        assert (hit.image_id, hit.decision, hit.relation) == (
            added.image_id,
            Decision.MATCH,
            Relation.IDENTICAL,
        )
        assert hit.occurrences == ("file:path:/cat.jpg",) and hit.labels == ({"source": "feed"},)


def test_a_form_and_raw_bytes_give_the_line_of_the_command_line(service: Service) -> None:
    # Given the form that curl -F sends
    head = '--x\r\nContent-Disposition: form-data; name="image"; filename="cup of coffee.jpg"\r\n\r\n'
    form = head.encode() + COFFEE + b"\r\n--x--\r\n"
    added = service.ask("POST", IMAGES, form, {"Content-Type": "multipart/form-data; boundary=x"})
    # when it is sent twice, then it is new and known, and has the path as given
    assert (added.status, added.line["path"], added.line["status"]) == (201, "cup of coffee.jpg", "added")
    again = service.ask("POST", IMAGES, form, {"Content-Type": "multipart/form-data; boundary=x"})
    assert (again.status, again.line["status"]) == (200, "known")
    # and raw bytes are asked for as standard input, whatever type curl --data-binary gives them.
    for media in (RAW, {"Content-Type": "application/x-www-form-urlencoded"}):
        asked = service.ask("POST", f"{QUERIES}?limit=1", COFFEE, media)
        assert (asked.status, asked.line["path"], asked.line["decision"]) == (200, "-", "match")


def test_answers_are_as_the_document_says(service: Service) -> None:
    # Given the document of the service
    document = service.ask("GET", "/openapi.json").line
    assert document["openapi"].startswith("3.1")

    def check(name: str, line: object) -> None:
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(line)

    # when its operations are used, then each answer has the schema that it names.
    image_id = service.ask("POST", IMAGES, CAT, RAW).line["image_id"]
    check("Query", service.ask("POST", QUERIES, CAT, RAW).line)
    check("Description", service.ask("GET", f"{IMAGES}/{image_id[:12]}").line)
    check("Stats", service.ask("GET", "/api/v1/stats").line)
    pair = json.dumps({"a": image_id, "b": image_id}).encode()
    compared = service.ask("POST", "/api/v1/comparisons", pair, {"Content-Type": "application/json"})
    check("Comparison", compared.line)
    body = json.dumps({"name": "brands", "purpose": "baseline"}).encode()
    made = service.ask("POST", "/api/v1/collections", body, {"Content-Type": "application/json"})
    check("Collection", made.line)
    listed = service.ask("GET", "/api/v1/collections")
    assert listed.headers["content-type"] == "application/x-ndjson"
    assert json.loads(listed.body.splitlines()[0]) == made.line | {"images": 0}


@pytest.mark.parametrize(
    ("status", "error", "method", "path", "body", "headers"),
    [
        (400, "ConfigError", "POST", f"{QUERIES}?limit=0", b"x", RAW),
        (400, "ConfigError", "POST", f"{QUERIES}?limt=1", b"x", RAW),
        (400, "ConfigError", "POST", f"{QUERIES}?limit=1&limit=2", b"x", RAW),
        (400, "ConfigError", "POST", f"{IMAGES}?occurrence=nowhere", CAT, RAW),
        (400, "ConfigError", "POST", IMAGES, b"--x", {"Content-Type": "multipart/form-data; boundary=y"}),
        (400, "ConfigError", "POST", IMAGES, b"--x", {"Content-Type": "multipart/form-data"}),
        (400, "ConfigError", "POST", JUDGEMENTS, b"[]", {"Content-Type": "application/json"}),
        (400, "ConfigError", "POST", JUDGEMENTS, b"{", {"Content-Type": "application/json"}),
        (401, "KeyRefused", "GET", "/api/v1/stats", None, {"Authorization": "Bearer quaid_unknown"}),
        (401, "KeyRefused", "DELETE", f"{IMAGES}/00000000", None, {}),
        (404, "NotFound", "GET", f"{IMAGES}/00000000", None, {}),
        (404, "NotFound", "POST", f"{QUERIES}?collection=none", CAT, RAW),
        (404, "NotFound", "GET", "/api/v2/stats", None, {}),
        (405, "ConfigError", "DELETE", QUERIES, None, {}),
        (405, "ConfigError", "POST", "/livez", b"", {}),
        (413, "ImageTooLarge", "POST", QUERIES, b"x" * (LIMIT + 1), RAW),
        (413, "ImageTooLarge", "POST", QUERIES, b"x" * (LIMIT + 500_000), RAW),
        (415, "ConfigError", "POST", JUDGEMENTS, b"<a/>", {"Content-Type": "text/xml"}),
        (421, "ConfigError", "GET", "/livez", None, {"Host": "stranger.example"}),
        (422, "UnsupportedImage", "POST", QUERIES, b"just text", RAW),
        (422, "EmptyImage", "POST", QUERIES, b"", RAW),
        (403, "NotAllowed", "POST", QUERIES, CAT, RAW | {"Sec-Fetch-Site": "cross-site"}),
        (403, "NotAllowed", "POST", QUERIES, CAT, RAW | {"Origin": "http://stranger.example"}),
        (403, "NotAllowed", "POST", QUERIES, CAT, RAW | {"Origin": "null"}),
    ],
)
def test_every_error_has_one_shape_and_its_status(
    service: Service,
    status: int,
    error: str,
    method: str,
    path: str,
    body: bytes | None,
    headers: dict[str, str],
) -> None:
    answer = service.ask(method, path, body, headers)
    assert (answer.status, answer.error) == (status, error), answer.body
    assert str(status) in ERRORS
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert ("allow" in answer.headers) is (status == 405)


def test_a_page_of_the_service_itself_may_use_it(service: Service) -> None:
    origin = {"Origin": service.url.rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    assert service.ask("POST", QUERIES, CAT, RAW | origin).status == 200


def test_a_name_may_hold_any_character(service: Service) -> None:
    # Given a picture that was seen in a file whose name ends like a path of the service
    place = "file:path:/srv/a ü?b#c%2F/hits"
    with Client(service.url) as client:
        client.add(COFFEE, occurrence=place)
        # then it is found by that name, and the path /hits is another question.
        assert place in str(client.show(place).to_json())  # type: ignore[union-attr]
        assert client.hits(place) == ()
    assert service.ask("GET", f"{IMAGES}/{quote(place, safe='')}").status == 200


def test_the_documentation_needs_no_network(service: Service) -> None:
    page = service.ask("GET", "/doc/")
    text = page.body.decode()
    assert page.status == 200 and "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in text and re.findall(r'(?:src|href)="(?![/#])', text) == []
    assert service.ask("GET", "/doc/style.css").status == 200
    assert service.ask("GET", "/doc").headers["location"] == "/doc/"
    for path in service.ask("GET", "/openapi.json").line["paths"]:
        assert path in text or path in ("/livez", "/readyz")


def test_metrics_tell_decisions_slots_and_the_store(service: Service) -> None:
    service.ask("POST", QUERIES, CAT, RAW)
    text = service.ask("GET", "/metrics").body.decode()
    assert re.search(r'quaid_decisions_total\{decision="(match|no-match)"\} [1-9]', text)
    assert "quaid_store_up 1.0" in text and re.search(r"^quaid_slots [1-9]", text, re.MULTILINE)
    assert 'quaid_requests_total{operation="query",status="200"}' in text
    assert 'quaid_stage_seconds_count{operation="query",stage="work"}' in text


def send_slowly(service: Service, stop: threading.Event) -> None:
    """A client that says it sends a picture, and sends a byte now and then."""
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60) as link:
        head = f"POST {QUERIES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n"
        link.sendall(head.encode())
        while not stop.wait(0.05):
            link.sendall(b"x")


def test_slow_clients_hold_no_slot_and_a_cut_upload_leaves_nothing(service: Service) -> None:
    # Given more slow uploads than slots
    stop, before = threading.Event(), service.ask("GET", "/api/v1/stats").line["images"]
    slow = [threading.Thread(target=send_slowly, args=(service, stop)) for _ in range(12)]
    for thread in slow:
        thread.start()
    try:
        until(lambda: b"quaid_uploads 12.0" in service.ask("GET", "/metrics").body)
        # when a picture is asked for, then it is answered meanwhile, and so is /livez at once;
        assert service.ask("POST", QUERIES, CAT, RAW).status == 200
        assert service.ask("GET", "/livez").status == 200
    finally:
        stop.set()
        for thread in slow:
            thread.join()
    # and once the slow ones have gone, nothing of them is left.
    until(lambda: b"quaid_uploads 0.0" in service.ask("GET", "/metrics").body)
    assert service.ask("GET", "/api/v1/stats").line["images"] == before


def test_ten_thousand_headers_are_refused_and_the_service_goes_on(service: Service) -> None:
    parts = urlsplit(service.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60) as link:
        try:
            link.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: 1234567890\r\n" * 10_000)
            said = link.recv(100)
        except ConnectionError:
            said = b""
    assert said[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 431")
    assert service.ask("GET", "/livez").status == 200


def test_the_store_is_away_and_comes_back(own_service: Service, server: Server) -> None:
    # Given a service whose store stops
    assert own_service.ask("POST", IMAGES, CAT, RAW).status == 201
    server.stop()
    # when it is asked, then it says why it cannot answer, and that one may come again;
    for path in ("/api/v1/stats", "/readyz"):
        away = own_service.ask("GET", path)
        assert (away.status, away.error) == (503, "StoreUnavailable") and "retry-after" in away.headers
    assert own_service.ask("GET", "/livez").status == 200
    # and two seconds after the store is back it answers again.
    slow = slowness()
    server.start()
    began = time.monotonic()
    until(lambda: own_service.ask("GET", "/readyz").status == 200)
    assert time.monotonic() - began < 2 * slow
    assert own_service.ask("POST", QUERIES, CAT, RAW).line["decision"] == "match"


def test_what_was_acknowledged_survives_a_kill(own_service: Service) -> None:
    # Given a picture that was answered 201
    added = own_service.ask("POST", IMAGES, CAT, RAW)
    assert added.status == 201
    # when the service is killed at that moment and started again, then the picture is there.
    own_service.stop(signal.SIGKILL)
    own_service.start()
    assert own_service.ask("POST", QUERIES, CAT, RAW).line["decision"] == "match"


def test_two_services_on_one_store_find_what_the_other_added(own_service: Service, tmp_path: Path) -> None:
    other = Service(tmp_path, own_service.store).start()
    try:
        assert other.ask("POST", QUERIES, COFFEE, RAW).line["decision"] == "no-match"
        own_service.ask("POST", IMAGES, COFFEE, RAW)
        assert other.ask("POST", QUERIES, COFFEE, RAW).line["decision"] == "match"
    finally:
        other.stop()


def test_the_log_has_no_names_of_pictures(service: Service) -> None:
    place = "file:path:/secret-folder/secret-name.jpg"
    with Client(service.url) as client:
        client.add(CAT, occurrence=place, name="secret-name.jpg")
        client.show(place)
    service.ask("POST", f"{IMAGES}?occurrence={place}", CAT, RAW)
    log = service.log.read_text()
    assert "POST /api/v1/images 20" in log and "GET /api/v1/images/{name} 200" in log
    assert "secret" not in log


def test_https_with_a_certificate_of_its_own(store_url: str, tmp_path: Path) -> None:
    # Given a certificate for localhost
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run(["openssl", "req", *kind, *names, *files], check=True, capture_output=True)
    service = Service(
        tmp_path, store_url, "--host", "localhost", "--tls-cert", str(cert), "--tls-key", str(key)
    )
    try:
        # when the service uses it, then a client that trusts it is served, and one that does not is told.
        url = service.start().url
        assert url.startswith("https://localhost:")
        with Client(url, ca_file=str(cert)) as client:
            assert client.add(CAT).status == "added"
        with Client(url) as stranger, pytest.raises(Exception, match="certificate"):
            stranger.stats()
    finally:
        service.stop()
