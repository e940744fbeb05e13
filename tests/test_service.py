"""`quaid serve` as its clients meet it: a real process on a real store, asked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.service import Service

from douglas_quaid.client import Client
from douglas_quaid.demo.pictures import sample
from douglas_quaid.records import Decision, Relation
from douglas_quaid.store.embedded import stop_embedded

CAT = sample("indexed/cat.jpg")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on an embedded store, which holds the picture of a cat from its first test on."""
    pytest.importorskip("uvicorn", reason="the extra `service` is not installed")
    folder = tmp_path_factory.mktemp("service")
    service = Service(folder, f"embedded:{folder / 'store'}").start()
    yield service
    service.stop()
    stop_embedded(folder / "store")


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
