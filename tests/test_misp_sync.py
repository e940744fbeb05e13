"""`quaid misp sync` against a MISP over HTTP and a real store: what is in MISP is in the store, once, and follows it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from command_line import runner
from misp_server import KEY, Attribute, Misp, misp_server
from pictures import photo, png

from douglas_quaid.cli import main
from douglas_quaid.engine import Engine

PICTURES = [png(photo(seed, 96, 72)) for seed in range(12)]
"""Small, no two alike."""


@pytest.fixture
def misp() -> Iterator[Misp]:
    with misp_server() as server:
        yield server


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


class Done:
    """What a run said."""

    def __init__(self, status: int, output: str, errors: str) -> None:
        self.status, self.output, self.errors = status, output, errors
        lines = [json.loads(line) for line in output.splitlines()]
        self.lines = [line for line in lines if "attribute" in line]
        self.summary: dict[str, Any] = next((line["summary"] for line in lines if "summary" in line), {})

    def statuses(self) -> Counter[str]:
        return Counter(line["status"] for line in self.lines)

    def of(self, attribute: Attribute) -> list[str]:
        return [line["status"] for line in self.lines if line["attribute"] == attribute.uuid]


@pytest.fixture
def sync(misp: Misp, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """One pass with JSON lines."""
    monkeypatch.setenv("MISP_KEY", KEY)

    def run(*arguments: str) -> Done:
        misp.requests.clear()
        result = runner().invoke(main, ["misp", "sync", "--url", misp.url, "--json", "--store", store_url, *arguments], catch_exceptions=False)
        return Done(result.exit_code, result.stdout, result.stderr)

    return run


def places(engine: Engine) -> dict[str, str]:
    """Image id of each attribute in the store."""
    found = sorted(map(str, engine.occurrences("misp:attribute:")))
    return {place.removeprefix("misp:attribute:"): seen[0].image_id for place, seen in zip(found, engine.sightings(found), strict=True)}


def test_images_of_a_misp_are_indexed_once(misp: Misp, engine: Engine, sync: Callable[..., Done]) -> None:
    # Given an event with pictures and a document
    event = misp.event("Phishing against Example Bank")
    pictures = [misp.attach(event, data, f"{n}.png") for n, data in enumerate(PICTURES)]
    misp.attach(event, b"%PDF-1.7 no picture", "report.pdf")
    # When it is read in small pages
    first = sync("--page-size", "5")
    # Then every picture is there with where it was seen, and the document is counted
    assert (first.status, first.statuses()) == (0, {"added": 12, "skipped": 1})
    assert set(places(engine)) == {picture.uuid for picture in pictures}
    (seen,) = engine.sightings([f"misp:attribute:{pictures[3].uuid}"])[0]
    assert seen.linked and seen.sighting.labels == {
        "event": event.uuid, "timestamp": str(pictures[3].timestamp), "misp": misp.url, "filename": "3.png", "info": "Phishing against Example Bank",
    }  # fmt: skip
    # And a second run asks for no file again
    second = sync()
    assert second.status == 0 and not misp.asked(files=True)
    assert engine.count() == 12
