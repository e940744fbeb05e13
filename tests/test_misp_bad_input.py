"""Bad requests get a readable error with results, hostile text is made harmless, and the server stays up."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import misp_host
from support.misp_host import COFFEE, EVENT, OTHER, Host, attribute, enrichment, hover, locked, objects

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import opened

# -- bad input -----------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """A small PNG whose header declares 30,000 x 30,000 pixels, which must not be decoded."""
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
    """The same archive with an empty name for its only file."""
    entry = bytearray(data)
    at = entry.rindex(b"PK\x01\x02")
    entry[at + 28 : at + 30] = bytes(2)
    return bytes(entry)


def sampled(data: bytes) -> dict[str, Any]:
    return attribute(data, type="malware-sample", value="x.png|0cc175b9c0f1b6a831c399e269772661")


BAD: dict[str, tuple[Callable[[str], Any], str]] = {
    "no attribute": (
        lambda s: {"module": misp_host.MODULE, "event_id": "1", "config": {"store": s}},
        "no attribute",
    ),
    "an attribute that is text": (lambda s: enrichment(s, "x"), "no attribute"),  # type: ignore[arg-type]
    "another type": (lambda s: enrichment(s, attribute(COFFEE, type="url")), "of type url"),
    "no uuid": (lambda s: enrichment(s, attribute(COFFEE, uuid="../../etc")), "uuid"),
    "no data": (lambda s: enrichment(s, attribute()), "has no data"),
    "data that is a number": (lambda s: enrichment(s, attribute(data=None) | {"data": 7}), "base64"),
    "bad base64": (lambda s: enrichment(s, attribute() | {"data": "not base64!"}), "not base64"),
    "text": (lambda s: enrichment(s, attribute(b"Dear all, please find attached")), "phish.png"),
    "a PDF": (lambda s: enrichment(s, attribute(b"%PDF-1.7\n...")), "phish.png"),
    "a cut picture": (lambda s: enrichment(s, attribute(COFFEE[:1000])), "cut short"),
    "too many bytes": (lambda s: enrichment(s, attribute(COFFEE), max_image_mb="0.01"), "limit is 10,000"),
    "too many pixels": (lambda s: enrichment(s, attribute(COFFEE), max_megapixels="0.1"), "limit is 100,000"),
    "a picture bomb": (lambda s: enrichment(s, attribute(bomb())), "30000 x 30000"),
    "a sample without an archive": (lambda s: enrichment(s, sampled(COFFEE)), "cannot be read"),
    "a cut archive": (lambda s: enrichment(s, sampled(locked(COFFEE)[:-40])), "cannot be read"),
    "the wrong password": (lambda s: enrichment(s, sampled(locked(COFFEE, password=b"secret"))), "infected"),
    "an archive of several files": (
        lambda s: enrichment(s, sampled(archive({"a": COFFEE, "b": COFFEE}))),
        "holds 2 files",
    ),
    "an archive of nothing": (lambda s: enrichment(s, sampled(archive({}))), "holds 0 files"),
    "an archive of very many files": (
        lambda s: enrichment(s, sampled(archive({str(n): b"" for n in range(3000)}))),
        "holds 3000 files",
    ),
    "an archive of one file in many folders": (
        lambda s: enrichment(s, sampled(archive({"a": COFFEE} | {f"{n}/": b"" for n in range(16)}))),
        "holds 17 files",
    ),
    "an archive with another compression": (
        lambda s: enrichment(s, sampled(archive({"a": COFFEE}, zipfile.ZIP_LZMA))),
        "that MISP does not use",
    ),
    "an archive whose index is broken": (
        lambda s: enrichment(s, sampled(nameless(archive({"a": COFFEE})))),
        "cannot be read",
    ),
    "a zip bomb": (
        lambda s: enrichment(s, sampled(archive({"a": bytes(200_000_000)}))),
        "limit is 20,000,000",
    ),
    "an object without a picture": (
        lambda s: enrichment(s, attribute()) | {"object": {"Attribute": []}},
        "no attribute of type",
    ),
    "config that is text": (lambda s: enrichment(s, attribute(COFFEE)) | {"config": "store"}, "config"),
    "an unknown setting": (lambda s: enrichment(s, attribute(COFFEE), colour="red"), "colour"),
    "a number in words": (lambda s: enrichment(s, attribute(COFFEE), max_results="many"), "max_results"),
    "a boolean that is unclear": (
        lambda s: enrichment(s, attribute(COFFEE), include_review="perhaps"),
        "include_review",
    ),
    "an address of a script": (
        lambda s: enrichment(s, attribute(COFFEE), misp_url="javascript:alert(1)"),
        "misp_url",
    ),
    "a setting that is a list": (
        lambda s: enrichment(s, attribute(COFFEE), collections=["a"]),
        "collections",
    ),
    "a store that is not allowed": (
        lambda s: enrichment("redis://127.0.0.1:1", attribute(COFFEE)),
        "DOUGLAS_QUAID_REQUEST_STORES lists others",
    ),
    "a timeout below zero": (lambda s: enrichment(s, attribute(COFFEE)) | {"timeout": -1}, "Timeout"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_a_readable_error_and_the_server_stays_up(name: str, host: Host, known: str) -> None:
    request, expected = BAD[name]
    answer = host.post(request(known))
    assert expected in answer["error"], answer
    if expected != "Timeout":  # misp-modules' own error, without a call of the module
        assert answer["results"] == {} and "\n" not in answer["error"] and "Traceback" not in answer["error"]
    assert host.is_up()


@pytest.mark.parametrize(
    "config", [None, {}, {"store": None, "max_results": "", "disclose": None, "misp_url": ""}]
)
def test_without_a_store_there_is_an_error_and_no_new_store(config: Any, tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
    with misp_host.running(tmp_path, environment=home) as host:
        answer = host.post(enrichment("", attribute(COFFEE)) | {"config": config})
        assert "no feature store is named" in answer["error"] and answer["results"] == {}
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "config", [None, {}, {"store": None, "max_results": "", "disclose": None, "misp_url": ""}]
)
def test_settings_may_be_missing_null_or_empty(config: Any, tmp_path: Path, known: str) -> None:
    with misp_host.running(tmp_path, store=known) as host:
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
def test_no_error_contains_the_password_of_the_store(store: str) -> None:
    from douglas_quaid.misp.service import answer

    for request in (
        hover(store.format("S3CRET"), attribute()),
        enrichment("x", attribute(), misp_url=store.format("S3CRET").replace("redis", "https")),
    ):
        assert "S3CRET" not in json.dumps(said := answer(request | {"timeout": 2})) and said["error"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server of somebody else, which nobody may be made to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        yield listener


@pytest.mark.parametrize(
    "store", ["redis://127.0.0.1:{}", "redis+cluster://127.0.0.1:{}/0", "rediss://h@127.0.0.1:{}"]
)
def test_a_request_cannot_make_the_module_connect_to_a_host(
    store: str, known: str, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    from douglas_quaid.misp.service import answer

    # Given an operator who named one store, when a request names another
    monkeypatch.setenv("DOUGLAS_QUAID_STORE", known)
    answered = answer(hover(store.format(listener.getsockname()[1]), attribute()))
    # then it is told who may allow that, and nobody has connected
    assert "DOUGLAS_QUAID_STORE" in answered["error"]
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize(
    "store", ["embedded:{}", "embedded:{}/\r\nport 1", "EMBEDDED:{}", "unix://{}/s", "{}"]
)
def test_a_request_cannot_make_or_open_a_folder(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from douglas_quaid.misp.service import answer

    # Given an operator who named no store, when a request names a folder, one that there is or a new one
    monkeypatch.delenv("DOUGLAS_QUAID_STORE", raising=False)
    (tmp_path / "there").mkdir(mode=0o755)
    for folder in ("there", "new"):
        answered = answer(hover(store.format(tmp_path / folder), attribute()))
        assert answered["error"]
    # then nothing is made, started or closed to others
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]
    assert (tmp_path / "there").stat().st_mode & 0o777 == 0o755


def test_a_request_may_name_the_stores_that_the_operator_lists(
    known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from douglas_quaid.misp.service import answer

    monkeypatch.delenv("DOUGLAS_QUAID_STORE", raising=False)
    monkeypatch.setenv("DOUGLAS_QUAID_REQUEST_STORES", f"away=unix:///nobody known={known} unix:///listed")
    assert "not indexed yet" in str(answer(hover("known", attribute())))
    assert "not indexed yet" in str(answer(hover(known, attribute())))
    assert "cannot be reached" in str(answer(hover("away", attribute())))
    assert "cannot be reached" in str(answer(hover("unix:///listed", attribute())))
    assert "may not use the store" in str(answer(hover("unix:///other", attribute())))


def test_stores_that_are_away_do_not_use_up_the_limit(known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from douglas_quaid.misp.service import MAX_STORES, answer

    away = [f"unix:///nobody-{n}" for n in range(MAX_STORES + 1)]
    monkeypatch.setenv("DOUGLAS_QUAID_REQUEST_STORES", " ".join([known, *away]))
    for n in range(MAX_STORES + 1):
        assert "cannot be reached" in answer(hover(f"unix:///nobody-{n}", attribute()))["error"]
    assert "not indexed yet" in answer(hover(known, attribute()))["results"][0]["values"][0]


@pytest.mark.parametrize("timeout", [0, "0", "soon", -5, True, [], "nan", "inf", 10**400])
def test_an_invalid_timeout_is_refused_with_a_reason(timeout: Any, known: str) -> None:
    """The module is called directly, because misp-modules itself handles some of these. The timeout is read
    before a store is opened.
    """
    from douglas_quaid.misp.service import answer

    said = answer(enrichment(known, attribute(COFFEE)) | {"timeout": timeout})
    assert "timeout" in said["error"] and said["results"] == {}


@pytest.mark.parametrize("timeout", ["0", "soon", "nan", "-1"])
def test_after_an_invalid_timeout_the_server_answers_the_next_request(
    timeout: str, host: Host, known: str
) -> None:
    host.status_of(json.dumps(enrichment(known, attribute(COFFEE)) | {"timeout": timeout}).encode())
    assert len(objects(host.post(enrichment(known, attribute(COFFEE)) | {"timeout": "9"}))) == 1


def test_a_gif_is_a_picture(host: Host, known: str) -> None:
    made = io.BytesIO()
    opened("coffee.jpg").convert("P").save(made, "GIF")
    assert len(objects(host.post(enrichment(known, attribute(made.getvalue(), value="cup.gif"))))) == 1


def test_a_broken_picture_in_an_object_does_not_hide_the_good_one(host: Host, known: str) -> None:
    parts = [attribute(b"no picture", object_id="3"), attribute(COFFEE, object_id="3")]
    request = {
        "module": misp_host.MODULE,
        "event_id": "42",
        "config": {"store": known},
        "object": {"name": "image", "Attribute": parts},
    }
    answer = host.post(request)
    assert len(answer["results"]["Object"]) == 1
    assert answer["error"].startswith("1 of 2 pictures could not be compared: phish.png: not a picture")


def test_misp_modules_refuses_a_body_that_is_not_json(host: Host) -> None:
    assert host.status_of(b"{") == 500 and host.is_up()


# -- hostile text --------------------------------------------------------------------------------------------


HOSTILE = {
    "markup": "<img src=x onerror=alert(1)>\"'`.png",
    "json": '{"type": "attachment"}',
    "a list": "[1, 2, 3]",
    "10,000 characters": "A" * 10_000,
    "control characters": "a\x00b\x1b[31mred\r\nX-Injected: 1\x7f\u2028.png",
    "bidirectional overrides": "invoice\u202egnp.exe\u2066\u200b",
    "a lone surrogate": "cup\ud800.png",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_reaches_misp_harmless(
    name: str, host: Host, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOUGLAS_QUAID_STORE", store_url)
    """As the value of an attribute, the file name of a hit, the label of a baseline, and in an error."""
    text = HOSTILE[name]
    stored = text.encode("utf-8", "replace").decode()
    with Engine.open(store_url) as engine:
        engine.create_collection("brands", "baseline")
        engine.add(
            COFFEE, occurrence=f"misp:attribute:{OTHER}", labels={"event": EVENT, "filename": stored[:3000]}
        )
        engine.add(COFFEE, collection="brands", labels={"brand": stored[:3000], "domain": stored[:900]})
    asked = attribute(COFFEE, value=text, comment=text)
    body = json.dumps(enrichment(store_url, asked, disclose="full")).encode()
    if "\\ud800" in body.decode():  # misp-modules' parser refuses these bytes; that of another host may not
        from douglas_quaid.misp.service import answer as ask

        assert host.status_of(body) == 500
        answer = ask(json.loads(body))
    else:
        answer = json.loads(host.post_bytes(body))
    (found,) = objects(answer)
    # MISP's column of comments breaks lines at spaces, so those within a line are no-break spaces
    comment = found["comment"].replace("\N{NO-BREAK SPACE}", " ").split("\n")
    assert len(comment) <= 10
    for value in [part["value"] for part in found["Attribute"]] + comment:
        assert len(value) <= 600 and value.isprintable() and not value.startswith(("{", "[")), value
        assert not set(value) & set("<>\"'`\\\u202e\u2066\u200b"), value
        value.encode("utf-8")
    assert answer["results"]["Attribute"] == [], (
        "an attribute whose text MISP's page would change is not returned"
    )
    broken = host.post(
        enrichment(store_url, attribute(b"no picture", value=text.encode("utf-8", "replace").decode()))
    )
    assert (
        not set(broken["error"]) & set("<>\u202e")
        and broken["error"].isprintable()
        and len(broken["error"]) <= 600
    )
