"""One contract, two implementations: an engine on a store, and a client through a service on a store like it.
And the command line says the same with both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support.command_line import runner
from support.server import Server
from support.service import Service

from douglas_quaid import Engine
from douglas_quaid.cli.main import main
from douglas_quaid.client import Client
from douglas_quaid.correlator import Correlator
from douglas_quaid.demo.pictures import sample
from douglas_quaid.errors import (
    ConfigError,
    EmptyImage,
    NotFound,
    ServiceBusy,
    StoreTimeout,
    StoreUnavailable,
    UnsupportedImage,
)
from douglas_quaid.evaluation import edits
from douglas_quaid.records import Decision, JudgementWord, Purpose, RecordOutcome

CAT, COFFEE = sample("indexed/cat.jpg"), sample("indexed/coffee.jpg")
PLACE = "file:path:/srv/pictures/cat.jpg"


@pytest.fixture(scope="module")
def smaller() -> bytes:
    """A smaller copy of the cat."""
    import io

    return edits.png(edits.edit("resize_50", edits.opened(io.BytesIO(CAT))))


@pytest.fixture(scope="module")
def service(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    pytest.importorskip("uvicorn", reason="the extra `service` is not installed")
    shared_server.redis.flushall()
    service = Service(tmp_path_factory.mktemp("service"), shared_server.url, "--rate", "0").start()
    yield service
    service.stop()


@pytest.fixture(params=["engine", "client"])
def correlator(request: pytest.FixtureRequest, store_url: str) -> Iterator[Correlator]:
    """An engine, or a client, on an empty store."""
    if request.param == "engine":
        with Engine.open(store_url) as engine:
            yield engine
        return
    service: Service = request.getfixturevalue("service")
    with Engine.open(store_url) as engine:  # which begins the store, after it was emptied below the service
        secret = engine.create_key("tests", ["read", "write", "review", "admin"], sees=["all"])
    with Client(service.url, secret) as client:
        yield client


def test_add_query_hits_show_forget(correlator: Correlator, smaller: bytes) -> None:
    # Given a picture of a collection, with an occurrence
    correlator.create_collection("pets", "known")
    added = correlator.add(CAT, occurrence=PLACE, labels={"source": "feed"})
    correlator.add(CAT, collection="pets", labels={"kind": "cat"})
    assert (added.status, added.informative) == ("added", True)
    # when a smaller copy is asked for
    result = correlator.query(smaller, limit=3)
    # then it is found, with everything that is known,
    (hit,) = result.hits
    assert (result.decision, hit.image_id) == (Decision.MATCH, added.image_id)
    assert hit.occurrences == (PLACE,) and hit.labels == ({"source": "feed"},)
    assert [(one.name, one.labels) for one in hit.collections] == [("pets", {"kind": "cat"})]
    assert hit.evidence.inliers and hit.first_seen and hit.clusters[0] == added.cluster
    # and only where it is asked for.
    assert correlator.query(smaller, collection=["pets"]).hits
    assert not correlator.query(smaller, exclude=[added.image_id]).hits
    # A second add stores the verdict,
    again = correlator.add(smaller)
    (stored,) = correlator.hits(PLACE)
    assert (stored.image_id, stored.decision) == (again.image_id, Decision.MATCH)
    # the image is described by each of its names, and so is its cluster,
    lines = [correlator.show(name).to_json() for name in (PLACE, added.image_id[:8])]  # type: ignore[union-attr]
    assert lines[0] == lines[1] and lines[0]["image_id"] == added.image_id
    cluster = correlator.show(again.cluster or "")
    assert sorted(cluster.members) == sorted([added.image_id, again.image_id])  # type: ignore[union-attr]
    # and what is forgotten is gone.
    assert correlator.forget(PLACE).image_id == added.image_id
    with pytest.raises(NotFound):
        correlator.show(added.image_id)


def test_compare_and_overlay(correlator: Correlator, smaller: bytes) -> None:
    correlator.add(CAT, occurrence=PLACE)
    hit = correlator.compare(smaller, PLACE)
    assert hit.decision is Decision.MATCH and hit.contributions and hit.evidence.matrix
    assert correlator.compare(CAT, COFFEE).decision is Decision.NO_MATCH
    assert correlator.overlay(smaller, CAT).startswith(b"\x89PNG")


def test_judgements(correlator: Correlator) -> None:
    cat, coffee = correlator.add(CAT).image_id, correlator.add(COFFEE).image_id
    correlator.veto(cat, coffee, who="ana", source="test")
    (said,) = correlator.judgements(cat)
    assert (said.image_id, said.word, said.who, said.source) == (
        coffee,
        JudgementWord.DIFFERENT,
        "ana",
        "test",
    )
    assert correlator.undo(cat, coffee).word is JudgementWord.DIFFERENT
    assert correlator.confirm(cat, coffee) in (RecordOutcome.JOINED, RecordOutcome.STORED)
    correlator.undo(cat, coffee)
    assert correlator.judge(cat, coffee, "unsure") is not RecordOutcome.VETOED
    with pytest.raises(NotFound):
        correlator.undo(cat, "0" * 64)


def test_collections_hubs_chains_stats(correlator: Correlator) -> None:
    made = correlator.create_collection("brands", "baseline")
    assert made.purpose is Purpose.BASELINE
    correlator.add(CAT, collection="brands")
    assert correlator.collection_size("brands") == 1
    image_id = correlator.add(COFFEE).image_id
    assert correlator.ignore(image_id) == (image_id,)
    assert [one.name for one in correlator.collections()] == ["brands", "ignored"]
    assert correlator.hubs() == () and correlator.chains() == ()
    stats = correlator.stats()
    assert (stats.store.images, stats.images_searchable) == (2, 2)
    with pytest.raises(ConfigError):
        correlator.create_collection("brands", "known")


def test_books_of_an_adapter(correlator: Correlator, smaller: bytes) -> None:
    # Given a picture of an adapter
    seen = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
    added = correlator.add(CAT, occurrence=PLACE, labels={"source": "feed"}, seen=seen, link=False)
    # then it is known where it was seen, and whether it was linked.
    ((found,), nothing) = correlator.sightings([PLACE, "file:path:/nobody"])
    assert (found.image_id, found.linked, nothing) == (added.image_id, False, ())
    assert found.sighting.labels == {"source": "feed"} and found.sighting.first_seen == seen
    assert list(map(str, correlator.occurrences("file:path:"))) == [PLACE]
    correlator.link(added.image_id)
    again = correlator.add(smaller)
    assert correlator.cluster_ids([added.image_id, "0" * 64]) == [added.cluster or again.cluster, None]
    assert correlator.cluster_names([again.image_id])[0][0] == again.cluster
    # A known picture is noted at another occurrence, which is withdrawn again.
    other = "file:path:/srv/other.jpg"
    assert correlator.note(added.image_id, occurrence=other, labels={"a": "b"}) == "updated"
    (history,) = correlator.histories(correlator.hits(again.image_id), besides=PLACE)
    assert [str(one.occurrence) for one in history.sightings] == [other] and history.complete
    assert [one.forgotten for one in correlator.withdraw(other)] == [False]
    assert [one.forgotten for one in correlator.withdraw(PLACE)] == [True]
    assert correlator.common_regions([again.image_id]) == [None]
    assert correlator.vetoed(again.image_id) == frozenset()
    assert correlator.count() == correlator.load() == 1


def test_bookmarks_and_locks_of_an_adapter(correlator: Correlator) -> None:
    text = "lines\nof é text\t" + "x" * 500_000
    assert correlator.bookmark("file:mark") is None
    assert correlator.set_bookmark("file:mark", text)
    assert correlator.bookmark("file:mark") == text
    assert not correlator.set_bookmark("file:mark", "other", unless_there=True)
    assert list(correlator.bookmarks("file:")) == [("file:mark", text)]
    assert correlator.set_bookmark("file:mark", None) and not correlator.set_bookmark("file:mark", None)
    with pytest.raises(ConfigError, match="256 characters"):
        correlator.set_bookmark("file:" + "x" * 300, "text")
    held, again = (correlator.lock("file:lock", 30, wait=wait) for wait in (1, 0.1))
    with held, pytest.raises(StoreTimeout, match="held by others"), again:
        pass
    with correlator.lock("file:lock", 30, wait=1):
        pass


def test_errors(correlator: Correlator) -> None:
    with pytest.raises(UnsupportedImage, match=r"page\.txt"):
        correlator.query(b"just text", name="page.txt")
    with pytest.raises(EmptyImage):
        correlator.add(b"")
    with pytest.raises(ConfigError, match="HOST:KIND:ID"):
        correlator.add(CAT, occurrence="nowhere")
    with pytest.raises(NotFound, match="collection"):
        correlator.query(CAT, collection="none")
    with pytest.raises(NotFound):
        correlator.show("00000000")


# -- the command line ----------------------------------------------------------------------------------------

Quaid = Callable[..., Result]


def timeless(text: str) -> str:
    """Output without what differs from run to run."""
    import re

    text = re.sub(r'"seconds": [0-9.]+|\d\.\d{3} s', "SECONDS", text)
    text = re.sub(r'"used_memory": \d+|"(hash|word)_index_bytes": \d+', "BYTES", text)
    return re.sub(r"c-[0-9a-f]+|\d{4}-\d\d-\d\dT[\d:]+Z", "X", text)


def test_the_command_line_says_the_same_through_a_service(
    service: Service, shared_server: Server, tmp_path: Path
) -> None:
    # Given pictures, one of them broken
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "cat.jpg").write_bytes(CAT)
    (folder / "broken.png").write_bytes(b"just text")
    cat = str(folder / "cat.jpg")
    commands = [
        ("add", str(folder), "--label", "source=feed"),
        ("query", cat),
        ("query", "/nobody.png"),
        ("query", cat, "--collection", "none"),
        ("compare", cat, f"file:path:{cat}"),
        ("show", f"file:path:{cat}"),
        ("hits", f"file:path:{cat}"),
        ("collection", "create", "brands", "--purpose", "known"),
        ("collection", "list"),
        ("veto", cat, cat),
        ("show", "nothing"),
        ("hubs",),
        ("chains",),
        ("stats",),
        ("forget", f"file:path:{cat}"),
    ]
    # when the same commands run on a store and through a service on an empty store
    said: list[list[tuple[int, str]]] = []
    for through in (False, True):
        shared_server.redis.flushall()
        with Engine.open(shared_server.url) as engine:
            secret = engine.create_key("cli", ["read", "write", "review", "admin"], sees=["all"])
        (tmp_path / "key").write_text(secret + "\n")
        where = ["--store", service.url, "--key-file", str(tmp_path / "key")] if through else []
        where = where or ["--store", shared_server.url]
        done = [runner().invoke(main, [*command, "--json", *where]) for command in commands]
        said.append([(one.exit_code, timeless(one.stdout)) for one in done])
    # then they print the same lines and end with the same status.
    for command, direct, over_http in zip(commands, *said, strict=True):
        assert over_http == direct, command


def test_commands_that_need_the_store_itself_say_so(service: Service) -> None:
    done = runner().invoke(main, ["self-check", "--store", service.url])
    assert "needs the store itself" in done.stdout + done.stderr
    done = runner().invoke(main, ["key", "list", "--store", service.url])
    assert done.exit_code == 2 and "needs the store itself" in done.stderr


def test_the_key_comes_from_the_environment(
    service: Service, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Engine.open(store_url) as engine:
        secret = engine.create_key("environment", ["read"])
    monkeypatch.setenv("DOUGLAS_QUAID_STORE", service.url)
    assert runner().invoke(main, ["stats"]).exit_code == 2
    monkeypatch.setenv("DOUGLAS_QUAID_KEY", secret)
    done = runner().invoke(main, ["stats", "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["images"] == 0


# -- the client alone ----------------------------------------------------------------------------------------


def test_the_client_loads_neither_opencv_nor_numpy(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom douglas_quaid.client import Client\nClient('http://localhost:1/')\n"
        "print([name for name in ('cv2', 'numpy', 'redis', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_service_that_is_away_and_wrong_urls() -> None:
    with Client("http://127.0.0.1:9/") as client, pytest.raises(StoreUnavailable, match="cannot be reached"):
        client.stats()
    for url in (
        "http://user:pass@localhost/",
        "ftp://localhost/",
        "http://localhost/path",
        "redis://localhost",
    ):
        with pytest.raises(ConfigError) as refused:
            Client(url)
        assert "pass@" not in str(refused.value)
    with pytest.raises(ConfigError, match="the key holds"):
        Client("http://localhost/", "two words")


def serve_answers(answers: list[bytes]) -> tuple[str, Any]:
    """A server that gives these answers, one to each connection."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        for answer in answers:
            link, _ = listener.accept()
            link.recv(65536)
            link.sendall(answer)
            link.close()

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/", listener


def test_a_busy_service_is_asked_again_until_patience_ends() -> None:
    body = b'{"error": {"type": "ServiceBusy", "message": "come again"}}'
    head = b"HTTP/1.1 503 X\r\nRetry-After: 0\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    busy, chains = head % len(body) + body, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    url, listener = serve_answers([busy, busy, chains])
    with listener, Client(url) as client:
        assert client.chains() == ()
    url, listener = serve_answers([busy])
    with listener, Client(url, patience=0) as client, pytest.raises(ServiceBusy, match="come again"):
        client.chains()


def test_what_is_no_answer_of_ours_is_told() -> None:
    url, listener = serve_answers([b"HTTP/1.1 502 Bad\r\nContent-Length: 5\r\n\r\n<htm>"])
    with listener, Client(url) as client, pytest.raises(StoreUnavailable, match="no error of ours"):
        client.stats()
    url, listener = serve_answers([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"])
    with listener, Client(url) as client, pytest.raises(Exception, match="cannot be read"):
        client.stats()
