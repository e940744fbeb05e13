"""`quaid misp sync` when MISP or the store is slow, broken or away: it retries, it gives the reason, nothing
is lost.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from support.command_line import runner
from support.misp_runs import PICTURES, Done, Sync, places
from support.misp_server import Misp, Request, misp_server
from support.server import Server

from douglas_quaid.cli.main import main
from douglas_quaid.engine import Engine
from douglas_quaid.misp.sync.client import Client, MispRefused

pytest_plugins = ["support.misp_fixtures"]


def asks_for_files(path: str, request: Request) -> bool:
    return bool(request.get("withAttachments"))


def lists(path: str, request: Request) -> bool:
    return path == "/attributes/restSearch" and "limit" in request


FAULTS: dict[str, dict[str, Any]] = {
    "an error of the server": {"status": 500},
    "a gateway in between": {
        "status": 502,
        "body": b"<html>Bad Gateway</html>",
        "headers": {"Content-Type": "text/html"},
    },
    "too many questions, in seconds": {"status": 429, "headers": {"Retry-After": "0"}},
    "too many questions, as a date": {"status": 429, "headers": {"Retry-After": formatdate(0, usegmt=True)}},
    "too many questions, in MISP's own way": {"status": 429, "headers": {"X-Rate-Limit-Reset": "0"}},
    "an answer that breaks off": {"status": 200, "cut": True},
    "JSON that breaks off": {"status": 200, "body": b'{"response": {"Attribute": [{"uuid": "'},
}


@pytest.mark.parametrize("when", [lists, asks_for_files], ids=["listing", "files"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_passing_fault_loses_nothing(
    misp: Misp, engine: Engine, sync: Sync, fault: dict[str, Any], when: Callable[..., bool]
) -> None:
    # Given a MISP that fails once
    pictures = [misp.attach(misp.event(), data) for data in PICTURES[:3]]
    misp.fault(when=when, **fault)
    # When it is read, then everything is indexed by this one run
    done = sync("--no-link")
    assert (done.status, done.statuses()) == (0, {"added": 3})
    assert set(places(engine)) == {picture.uuid for picture in pictures} and misp.faults[0].times == 0
    assert sync("--no-link").statuses() == {"known": 3}


def test_it_waits_as_long_as_the_server_states(misp: Misp, sync: Sync) -> None:
    # Given a MISP that asks to wait a second
    misp.attach(misp.event(), PICTURES[0])
    misp.fault(status=429, headers={"Retry-After": "1"}, when=lists)
    asked: list[float] = []
    misp.before_answer = lambda path, request: (
        asked.append(time.monotonic()) if lists(path, request) else None
    )
    assert sync("--no-link").statuses() == {"added": 1}
    # Then the request is repeated after that second, not before
    assert asked[1] - asked[0] >= 1


def test_a_very_long_wait_is_an_error(misp: Misp, sync: Sync) -> None:
    misp.fault(status=429, headers={"Retry-After": "86400"}, when=lists)
    done = sync(json_lines=False)
    assert done.status == 1 and "86400 s" in done.errors and "MispAway" in done.errors


def test_one_file_that_breaks_the_server_does_not_stop_the_others(
    misp: Misp, engine: Engine, sync: Sync
) -> None:
    # Given an attribute whose file MISP cannot deliver
    event = misp.event()
    pictures = [misp.attach(event, data) for data in PICTURES[:5]]
    poison = pictures[2]
    misp.fault(
        when=lambda path, request: asks_for_files(path, request) and poison.uuid in request["uuid"],
        times=10_000,
    )
    # When all are read, then the others are indexed, it is named, and the exit status is 1
    first = sync("--no-link")
    assert (first.status, first.statuses(), first.of(poison)) == (1, {"added": 4, "waiting": 1}, ["waiting"])
    # And every later pass requests it again, until the server is well
    misp.later()
    assert sync("--no-link").of(poison) == ["waiting"] and misp.fetched() == [poison.uuid] * 5
    misp.faults.clear()
    misp.later()
    done = sync("--no-link")
    assert (done.status, done.of(poison)) == (0, ["added"]) and len(places(engine)) == 5
    misp.later()
    sync()
    assert sync().lines == []


def test_a_file_that_never_comes_is_set_aside(misp: Misp, sync: Sync) -> None:
    # Given an attribute whose file the server has lost
    lost = misp.attach(misp.event(), "")
    for _ in range(9):
        assert sync().of(lost) == ["waiting"]
    # Then the tenth pass is the last that requests it
    assert sync().of(lost) == ["failed"]
    done = sync()
    assert (done.status, misp.fetched()) == (0, [])


def test_misp_goes_away_in_the_middle(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given a MISP that fails after the first files
    pictures = [misp.attach(misp.event(), data) for data in PICTURES]
    misp.before_answer = lambda path, request: (
        misp.fault(times=10_000) if len(misp.asked(files=True)) == 2 else None
    )
    done = sync("--no-link", "--no-feedback")
    assert done.status == 1 and "MispAway" in done.errors and not done.summary
    # Then the next run indexes all
    misp.before_answer = lambda path, request: None
    misp.faults.clear()
    assert sync("--no-link").status == 0
    assert set(places(engine)) == {picture.uuid for picture in pictures}


def test_the_store_goes_away_in_the_middle(
    misp: Misp, server: Server, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a store that is killed while files are on their way
    monkeypatch.setenv("DOUGLAS_QUAID_STORE_TIMEOUT", "1")
    pictures = [misp.attach(misp.event(), data) for data in PICTURES]
    misp.before_answer = lambda path, request: server.kill() if len(misp.asked(files=True)) == 2 else None

    def run() -> Done:
        result = runner().invoke(
            main,
            ["misp", "sync", "--url", misp.url, "--store", server.url, "--no-link", "--json"],
            catch_exceptions=False,
        )
        return Done(result.exit_code, result.stdout, result.stderr)

    # When it is read, then the run ends with the store's error
    done = run()
    assert done.status == 1 and "Store" in done.errors
    # And when the store is back, the next run indexes all
    misp.before_answer = lambda path, request: None
    server.start()
    assert run().status == 0
    with Engine.open(server.url) as engine:
        assert set(places(engine)) == {picture.uuid for picture in pictures}


WRONG = {
    "wrong key": ({"status": 403}, "check the key"),
    "expired key": ({"status": 401}, "check the key"),
    "login page": (
        {
            "status": 200,
            "body": b"<!DOCTYPE html><html>login</html>",
            "headers": {"Content-Type": "text/html"},
        },
        "a web page",
    ),
    "other JSON": ({"status": 200, "body": b'{"hello": "world"}', "when": lists}, "an object with hello"),
    "other rows": (
        {"status": 200, "body": b'{"response": {"Attribute": [{"id": 1}]}}', "when": lists},
        "cannot be read",
    ),
    "no such page": ({"status": 404, "when": lists}, "404"),
    "no right to search": ({"status": 405, "when": lists}, "405"),
    "not even a user": (
        {"status": 200, "body": b'{"hello": "world"}', "when": lambda path, request: "users" in path},
        "not respond like a MISP",
    ),
}


@pytest.mark.parametrize(("fault", "words"), WRONG.values(), ids=WRONG)
def test_a_permanent_error_ends_at_once(misp: Misp, sync: Sync, fault: dict[str, Any], words: str) -> None:
    misp.attach(misp.event(), PICTURES[0])
    misp.fault(times=100, **fault)
    done = sync(json_lines=False)
    assert done.status == 2 and words in done.errors and misp.url in done.errors, done.errors
    assert len(misp.requests) <= 6 and not misp.fetched()


def test_a_wrong_key_is_refused_and_never_shown(
    misp: Misp, store_url: str, tmp_path: Path, everything: Callable[[Any], bytes], shared_server: Server
) -> None:
    # Given a key that MISP does not know, in a file
    wrong = "wrongKey" * 5
    (tmp_path / "key").write_text(wrong + "\n")
    misp.attach(misp.event(), PICTURES[0])
    misp.fault(status=403, body=f'{{"message": "no such key {wrong}"}}'.encode(), times=100)
    done = runner().invoke(
        main, ["misp", "sync", "--url", misp.url, "--store", store_url, "--key-file", str(tmp_path / "key")]
    )
    assert done.exit_code == 2 and "no such key ***" in done.stderr
    assert wrong not in done.stdout + done.stderr and wrong.encode() not in everything(shared_server.redis)
    # And a text that cannot be a key is not sent at all
    (tmp_path / "key").write_text("not a key")
    misp.requests.clear()
    done = runner().invoke(
        main, ["misp", "sync", "--url", misp.url, "--store", store_url, "--key-file", str(tmp_path / "key")]
    )
    assert (
        done.exit_code == 2
        and "9 characters" in done.stderr
        and "not a key" not in done.stderr
        and not misp.requests
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--url", "http://misp.example.org"], "https"),
        (["--url", "misp.example.org"], "base URL"),
        (["--url", "http://["], "base URL"),
        (["--url", "https://user:pass@misp.example.org"], "base URL"),
        (["--since", "yesterday"], "--since 'yesterday'"),
        (["--into", "banks"], "--event"),
        (["--into", "banks", "--tag", "brand", "--prune"], "all other pictures would be withdrawn"),
        (["--prune", "--since", "7d"], "--prune"),
        (["--prune", "--event", "12"], "UUID"),
        (["--key-file", "/no/such/file"], "/no/such/file"),
        (["--ca-bundle", "/no/such/file"], "/no/such/file"),
    ],
)
def test_options_that_do_not_fit_are_named(store_url: str, key: str, options: list[str], words: str) -> None:
    done = runner().invoke(
        main, ["misp", "sync", "--url", "https://127.0.0.1:1", "--store", store_url, *options]
    )
    assert done.exit_code == 2 and words in done.stderr and key not in done.stderr


def test_the_key_is_in_no_repr(misp: Misp, key: str) -> None:
    client = Client(misp.url, key)
    assert misp.url in repr(vars(client)) and key not in repr(client) + repr(vars(client))


def test_without_a_key_the_error_tells_where_to_put_one(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MISP_KEY", raising=False)
    done = runner().invoke(main, ["misp", "sync", "--url", "https://127.0.0.1:1", "--store", store_url])
    assert done.exit_code == 2 and "--key-file" in done.stderr


def test_an_address_without_a_server_is_an_error(store_url: str, key: str) -> None:
    done = runner().invoke(main, ["misp", "sync", "--url", "http://127.0.0.1:1", "--store", store_url])
    assert done.exit_code == 1 and "cannot be reached" in done.stderr


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_certificates_are_verified(
    store_url: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a MISP with a self-signed certificate
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    certificate, private = str(tmp_path / "certificate.pem"), str(tmp_path / "key.pem")
    making = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=misp",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
    ]
    subprocess.run([*making, "-keyout", private, "-out", certificate], check=True, capture_output=True)
    with misp_server(certificate=(certificate, private)) as misp:
        misp.attach(misp.event(), PICTURES[0])
        asking = ["misp", "sync", "--url", misp.url, "--store", store_url]
        # When it is read, then it is refused before the key is sent
        done = runner().invoke(main, asking)
        assert done.exit_code == 2 and "--ca-bundle" in done.stderr and not misp.requests
        # And a file without certificates is named
        done = runner().invoke(main, [*asking, "--ca-bundle", private])
        assert done.exit_code == 2 and "does not contain certificates" in done.stderr and not misp.requests
        # And with --ca-bundle it is read
        done = runner().invoke(main, [*asking, "--ca-bundle", certificate])
        assert done.exit_code == 0 and "1 added" in done.stdout
        # And one that vanishes between two requests is named
        client = Client(misp.url, key, ca_bundle=certificate)
        Path(certificate).unlink()
        with pytest.raises(MispRefused, match="--ca-bundle"):
            client.sorts()


def test_more_bytes_than_allowed(misp: Misp, sync: Sync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOUGLAS_QUAID_MAX_BYTES", "10000")
    large = misp.attach(misp.event(), base64.b64encode(PICTURES[0] + bytes(20_000)).decode())
    done = sync()
    assert done.of(large) == ["failed"] and "10,000 bytes" in done.lines[0]["reason"]
    # When the operator allows more, then it is indexed once everything is read
    monkeypatch.setenv("DOUGLAS_QUAID_MAX_BYTES", "100000")
    assert sync("--prune").of(large) == ["added"]
