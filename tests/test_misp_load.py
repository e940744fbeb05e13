"""Time and load in the real misp-modules server: stalled stores, many requests at once, large bodies."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from support import misp_host, pictures
from support.misp_host import (
    COFFEE,
    EVENT,
    OTHER,
    Host,
    attribute,
    enrichment,
    hover,
    objects,
    without_new_uuids,
)
from support.waiting import slowness, until

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.demo.pictures import opened
from douglas_quaid.evaluation.edits import edit, encoded, png
from douglas_quaid.store import Store


def test_the_list_of_modules_is_there_within_a_second_while_ten_queries_run(host: Host, known: str) -> None:
    """MISP requests it while it renders a page, and gives up after one second, here of an idle machine."""
    second = slowness()
    pages = [attribute(png(pictures.page(seed, 1280, 1600))) for seed in range(10)]
    with ThreadPoolExecutor(10) as threads:
        running = [threads.submit(host.post, enrichment(known, one)) for one in pages]
        while not all(query.done() for query in running):
            host.get("/modules", timeout=second)
        assert all("results" in query.result() for query in running)


def test_a_stalled_store_holds_no_thread_longer_than_its_budget(
    tmp_path: Path, make_server: Callable[..., Any]
) -> None:
    server, second = make_server(), slowness()
    with Engine.open(server.url) as engine:
        engine.add(COFFEE, occurrence=f"misp:attribute:{OTHER}", labels={"event": EVENT})
    with misp_host.running(tmp_path, store=server.url) as host:
        assert len(objects(host.post(enrichment(server.url, attribute(COFFEE))))) == 1
        # Given a store that stops in the middle
        server.pause()
        try:
            # When more hovers and enrichments come than misp-modules has threads, with two seconds each
            requests = [
                hover(server.url, attribute(uuid=OTHER))
                if n % 2
                else enrichment(server.url, attribute(COFFEE))
                for n in range(12)
            ]
            started = time.monotonic()
            with ThreadPoolExecutor(12) as threads:
                waiting = [
                    threads.submit(host.post, request | {"timeout": round(2 * second)}, timeout=30 * second)
                    for request in requests
                ]
                while not all(query.done() for query in waiting):
                    host.get("/modules", timeout=second)
                    time.sleep(0.05)
            answers = [query.result() for query in waiting]
        finally:
            server.resume()
        # Then each has a readable error of ours, not misp-modules' own "Timeout.", which would end the
        # enrichment of the event. Only requests that waited for a thread of misp-modules may have had no time
        # left
        ours = [answer for answer in answers if answer.get("error") != "Timeout."]
        assert all(answer["error"] and "results" in answer for answer in ours), answers
        assert len(ours) >= min(12, 5 * (os.cpu_count() or 1)), answers
        assert time.monotonic() - started < 2 * 12 * second, "the requests did not wait one after the other"
        # And the next question is answered
        assert len(objects(host.post(enrichment(server.url, attribute(COFFEE))))) == 1


def test_a_store_that_is_away_is_an_error_until_it_is_back(
    tmp_path: Path, make_server: Callable[..., Any]
) -> None:
    server = make_server()
    server.stop()
    with misp_host.running(tmp_path, store=server.url) as host:
        refused = host.post(enrichment(server.url, attribute(COFFEE)))
        assert "cannot be reached" in refused["error"] and refused["results"] == {}
        server.start()
        assert misp_host.nothing(host.post(enrichment(server.url, attribute(COFFEE)))).startswith("No image")


def test_what_a_crash_left_unlinked_is_linked_behind_the_first_answer(tmp_path: Path, known: str) -> None:
    # Given a process that was killed after it forgot a picture, and before it linked again those that the
    # picture had connected
    with Engine.open(known) as engine:
        bridge = engine.add(encoded(opened("coffee.jpg").resize((400, 267))))
    with Store.open(Config(store=known)) as store:
        store.forgetting.forget(bridge.image_id)
        assert store.links.waiting()
        # When the store is opened for a request, then the request does not wait for the links
        with Engine.open(known, mend=False) as engine:
            assert store.links.waiting() and engine.count() == 1
        # And after the first response the server links them
        with misp_host.running(tmp_path, store=known) as host:
            assert "results" in host.post(hover(known, attribute(uuid=OTHER)))
            until(lambda: not store.links.waiting())


def test_32_requests_at_once_have_the_results_of_one(host: Host, known: str) -> None:
    asked = attribute(encoded(edit("browser_bar", opened("coffee.jpg"))))
    body = json.dumps(enrichment(known, asked)).encode()
    alone = without_new_uuids(host.post_bytes(body).decode(), asked["uuid"])
    with ThreadPoolExecutor(32) as threads:
        together = {
            without_new_uuids(answer.decode(), asked["uuid"])
            for answer in threads.map(lambda _: host.post_bytes(body), range(32))
        }
    assert together == {alone}


def test_base64_is_measured_before_it_is_decoded(host: Host, known: str) -> None:
    data = base64.b64encode(bytes(64_000_000)).decode()
    answer = host.post(enrichment(known, attribute() | {"data": data}))
    assert "limit is 20,000,000" in answer["error"] and host.is_up()
