"""A service among clients that are too many, too slow, cut off or wrong, and killed while it works: its
memory stays bounded, it goes on answering, nothing is half stored, and what it acknowledged is there.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from support.pictures import page, png
from support.server import Server
from support.service import Service
from support.service_load import (
    MIB,
    QUERIES,
    answered,
    cut,
    forget_peak,
    head,
    memory,
    trickle,
    upload,
    watched,
)
from support.waiting import slowness, until

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import sample
from douglas_quaid.errors import UnsupportedImage
from douglas_quaid.service.slots import Slots

pytest.importorskip("uvicorn", reason="the extra `service` is not installed")

CAT = sample("indexed/cat.jpg")
RAW = {"Content-Type": "application/octet-stream"}
IMAGES = "/api/v1/images"
#: Limit of a picture in these tests, and pictures in work.
LIMIT, SLOTS = 16 * MIB, 2


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service keeps uploads that are on their way."""
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def service(
    shared_server: Server, tmp_path_factory: pytest.TempPathFactory, uploads: Path
) -> Iterator[Service]:
    shared_server.redis.flushall()
    limits = {"DOUGLAS_QUAID_MAX_BYTES": str(LIMIT), "DOUGLAS_QUAID_WORKERS": str(SLOTS)}
    folder = tmp_path_factory.mktemp("faults")
    service = Service(folder, shared_server.url, "--rate", "0", TMPDIR=str(uploads), **limits).start()
    assert service.ask("POST", IMAGES, CAT, RAW).status == 201
    assert service.ask("POST", QUERIES, CAT, RAW).status == 200
    yield service
    service.stop()


def keys_of(server: Server) -> set[bytes]:
    """All keys of a store."""
    return set(server.redis.scan_iter(count=10_000))


def test_many_large_uploads_at_once_are_answered_within_bounded_memory(
    service: Service, shared_server: Server
) -> None:
    # Given twelve clients with the largest picture that is accepted, and twelve with a larger one
    slow, before = slowness(), keys_of(shared_server)
    forget_peak(service)
    began = memory(service, "VmRSS")
    # when all send at once
    with watched(service) as lives, ThreadPoolExecutor(24) as pool:
        sizes = [LIMIT] * 12 + [LIMIT + MIB] * 12
        sent = [pool.submit(upload, service, size, path=IMAGES, seed=n) for n, size in enumerate(sizes)]
        statuses = [each.result() for each in sent]
    # then each is answered: the bytes cannot be read, are too many, or no slot was free,
    assert set(statuses[:12]) <= {422, 503} and 422 in statuses[:12]
    assert set(statuses[12:]) <= {413, 503, 0}
    # the service says all the time that it lives,
    assert lives.statuses == {200} and lives.longest < 1.0 * slow
    # and its memory stayed within the slots and some room.
    assert memory(service) - began < SLOTS * LIMIT + 200 * MIB
    assert keys_of(shared_server) == before


class Large:
    """Stands for a picture."""


def test_a_picture_that_failed_does_not_stay_in_memory() -> None:
    # Given work on a picture that fails, as deep as a decoder does
    held = list[weakref.ref[Large]]()

    def work() -> None:
        picture = Large()
        held.append(weakref.ref(picture))
        try:
            raise ValueError("broken")
        except ValueError:
            raise UnsupportedImage("the bytes cannot be read") from None

    async def story() -> None:
        slots = Slots(1)
        with pytest.raises(UnsupportedImage):
            await slots.heavy(work)
        slots.close()

    # when its error has been told, then nothing holds the picture, before Python looks for circles.
    gc.disable()
    try:
        asyncio.run(story())
        assert held[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (head(-1) + b"x", {400}),
        (head("many") + b"x", {400}),
        (head("5\r\nContent-Length: 6") + b"xxxxxx", {400}),
        (head(10**20) + b"x", {413, 400}),
        (head(5, QUERIES, "Transfer-Encoding: chunked") + b"5\r\nxxxxx\r\n0\r\n\r\n", {400, 422}),
        (head(0, QUERIES, "Transfer-Encoding: chunked") + b"zz\r\nxxxxx\r\n", {400}),
        (b"POST /api/v1/queries HTTP/1.1\r\nHost: localhost\r\n\r\n", {422}),
        (b"POST /api/v1/queries HTTP/9.9\r\n\r\n", {400, 421, 505}),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400, 0}),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: 1234567890\r\n" * 10_000, {400, 431, 0}),
    ],
)
def test_a_request_of_a_wrong_length_or_shape_is_refused(
    service: Service, request_: bytes, statuses: set[int]
) -> None:
    assert answered(service, request_) in statuses
    assert service.ask("GET", "/livez").status == 200


def test_slow_and_cut_uploads_hold_no_slot_and_leave_nothing(
    service: Service, shared_server: Server, uploads: Path
) -> None:
    # Given twenty clients at a kilobyte a second, and twenty that hang up somewhere
    slow, before, stop = slowness(), keys_of(shared_server), threading.Event()
    trickling = [threading.Thread(target=trickle, args=(service, stop)) for _ in range(20)]
    for thread in trickling:
        thread.start()
    try:
        until(lambda: b"quaid_uploads 20.0" in service.ask("GET", "/metrics").body)
        with watched(service) as lives:
            for number in range(20):
                cut(service, 1_000_000, 1 + number * 49_999, path=IMAGES)
            # when others ask, then they are answered meanwhile;
            assert service.ask("POST", QUERIES, CAT, RAW).status == 200
        assert lives.statuses == {200} and lives.longest < 1.0 * slow
    finally:
        stop.set()
        for thread in trickling:
            thread.join()
    # and once these have gone, nothing of them is left, neither in the store nor on the disk.
    until(lambda: b"quaid_uploads 0.0" in service.ask("GET", "/metrics").body)
    assert keys_of(shared_server) == before
    assert list(uploads.iterdir()) == []


def test_what_was_answered_201_is_there_after_a_kill(server: Server, tmp_path: Path) -> None:
    # Given a service to which three clients add pictures one after the other
    service = Service(tmp_path, server.url, "--rate", "0").start()
    acknowledged, stop, enough = list[str](), threading.Event(), threading.Event()

    def add(first: int) -> None:
        for number in range(first, first + 10_000):
            with suppress(OSError, ValueError):
                answer = service.ask("POST", f"{IMAGES}?link=0", png(page(number, 120, 90)), RAW)
                if answer.status == 201:
                    acknowledged.append(answer.line["image_id"])
            if len(acknowledged) >= 12:
                enough.set()
            if stop.is_set():
                return

    clients = [threading.Thread(target=add, args=(10_000 * number,)) for number in range(3)]
    for client in clients:
        client.start()
    # when it is killed in the middle of that
    assert enough.wait(300)
    service.stop(signal.SIGKILL)
    stop.set()
    for client in clients:
        client.join()
    # then every picture that was answered 201 is there, each of them whole, and the service starts again.
    with Engine.open(server.url) as engine:
        for image_id in acknowledged:
            assert engine.show(image_id).to_json()["problems"] == []  # type: ignore[union-attr]
        assert engine.count() - len(acknowledged) <= len(clients)
    service.start()
    try:
        listed = service.ask("GET", "/api/v1/stats").line
        assert listed["images"] >= len(acknowledged)
    finally:
        service.stop()


def test_two_services_on_a_cluster_find_what_the_other_added(
    cluster: tuple[list[Server], str, list[int]], tmp_path: Path
) -> None:
    # Given two services on a store of three servers
    _, url, _ = cluster
    first, second = (Service(tmp_path, url, "--rate", "0").start() for _ in range(2))
    try:
        for adding, asking, data in ((first, second, CAT), (second, first, sample("indexed/coffee.jpg"))):
            # when a picture is added through one, then the next query of the other finds it.
            assert asking.ask("POST", QUERIES, data, RAW).line["decision"] == "no-match"
            assert adding.ask("POST", IMAGES, data, RAW).status == 201
            assert asking.ask("POST", QUERIES, data, RAW).line["decision"] == "match"
    finally:
        first.stop()
        second.stop()
