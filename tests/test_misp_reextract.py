"""`quaid reextract` reads pictures that were seen in a MISP from that MISP again, and from no other."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from support.command_line import runner
from support.misp_runs import Sync, places
from support.misp_server import KEY, Misp
from support.old_records import make_old
from support.pictures import page, photo, png

from douglas_quaid import Engine, NotFound, Occurrence
from douglas_quaid.cli.main import main
from douglas_quaid.features.outdated import outdated
from douglas_quaid.misp.sync.client import MispAway, Patience
from douglas_quaid.misp.sync.source import MispSource, open_source
from douglas_quaid.records import Sighting

pytest_plugins = ["support.misp_fixtures"]

PICTURES = [png(page(seed, 480, 320)) for seed in range(3)]


def reextract(store_url: str) -> tuple[int, list[dict[str, Any]]]:
    done = runner().invoke(main, ["reextract", "--store", store_url, "--json"], catch_exceptions=False)
    assert KEY not in done.stdout + done.stderr
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]


def test_attachments_are_fetched_again_from_the_misp_of_the_environment(
    misp: Misp, engine: Engine, sync: Sync, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given pictures of a MISP whose records an earlier version took for the same, one deleted since
    event = misp.event()
    attributes = [misp.attach(event, data) for data in PICTURES]
    assert sync().status == 0
    ids = [places(engine)[attribute.uuid] for attribute in attributes]
    for image_id in ids:
        make_old(engine, image_id, photo(9, 320, 240))
    assert len(set(engine.cluster_ids(ids))) == 1
    misp.delete_for_good(attributes[2])
    misp.requests.clear()
    # When nobody says which MISP to ask, nothing is asked
    status, lines = reextract(store_url)
    assert status == 1 and {line["status"] for line in lines} == {"unreachable"} and not misp.requests
    # When another is named, neither
    monkeypatch.setenv("MISP_URL", "https://another.example")
    status, lines = reextract(store_url)
    assert {line["status"] for line in lines} == {"unreachable"}
    assert "another MISP" in lines[0]["error"]["message"]
    # When it is named, the two that it has are renewed
    monkeypatch.setenv("MISP_URL", misp.url)
    status, lines = reextract(store_url)
    assert status == 1 and {line["image_id"]: line["status"] for line in lines} == {
        ids[0]: "renewed",
        ids[1]: "renewed",
        ids[2]: "unreachable",
    }
    assert [outdated(features) for features in engine.features(ids) if features] == [(), (), ("decoding",)]
    assert engine.cluster_ids(ids) == [None, None, None]
    # And what the sync knows of them stays
    assert sync().statuses()["known"] == 2


def test_a_misp_that_is_away_is_asked_once(misp: Misp) -> None:
    source = MispSource("http://localhost:9", KEY, patience=Patience(tries=2, first_wait=0.01))
    seen = _sighting("misp:attribute:5f0c0000-0000-4000-8000-000000000001")
    with pytest.raises(MispAway, match="tried 2 times") as first:
        source.read(seen, max_bytes=1000)
    with pytest.raises(MispAway) as second:
        source.read(seen, max_bytes=1000)
    assert second.value is first.value


@pytest.mark.parametrize("name", ["misp:attribute:%", "misp:event:5f0c0000-0000-4000-8000-000000000001"])
def test_a_misp_is_asked_for_attributes_by_their_uuid_only(misp: Misp, name: str) -> None:
    with pytest.raises(NotFound, match="not an attribute"):
        MispSource(misp.url, KEY).read(_sighting(name), max_bytes=1000)
    assert not misp.requests


def test_without_url_or_key_there_is_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MISP_URL", raising=False)
    monkeypatch.setenv("MISP_KEY", KEY)
    assert open_source() is None


def _sighting(name: str) -> Sighting:
    now = datetime.now(timezone.utc)
    return Sighting(Occurrence.parse(name), {}, now, now)
