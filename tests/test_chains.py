"""A row of pictures, each nearly the next, joins no two unrelated pictures; the operator is told of it."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from support.command_line import runner
from support.pictures import jpeg, page, photo, png

from douglas_quaid import Cluster, Engine
from douglas_quaid.cli.main import main

STEPS = 8


def members(engine: Engine, image_id: str) -> set[str]:
    """The images in one cluster with this one, itself included."""
    (name,) = engine.cluster_ids([image_id])
    found = engine.show(name) if name else None
    return set(found.members) if isinstance(found, Cluster) else {image_id}


def cross_fade(first: Image.Image, last: Image.Image) -> list[bytes]:
    return [png(Image.blend(first, last, n / (STEPS - 1))) for n in range(STEPS)]


@pytest.mark.parametrize("order", [range(STEPS), range(STEPS)[::-1], (3, 4, 2, 5, 1, 6, 0, 7)], ids=str)
def test_cross_fades_join_no_two_pictures(store_url: str, order: range) -> None:
    # Given two unrelated pictures, and six steps from one to the other
    first, last = photo(1, 640, 400), photo(2, 640, 400)
    steps = cross_fade(first, last)
    with Engine.open(store_url) as engine:
        added = {n: engine.add(steps[n], occurrence=f"test:step:{n}").image_id for n in order}
        # Then the steps are hits of their neighbours, and each cluster is a few of them
        assert all(engine.hits(image_id) for n, image_id in added.items() if 1 < n < STEPS - 2)
        assert added[STEPS - 1] not in members(engine, added[0])
        # And who asks for the second picture gets no place of the first one
        hits = engine.query(jpeg(last, 80)).hits
        assert hits and added[0] not in members(engine, hits[0].image_id)
        places = {
            str(seen.occurrence) for history in engine.histories(hits[:1]) for seen in history.sightings
        }
        assert "test:step:0" not in places
        # And the operator is told
        assert engine.stats().store.chains > 0
    done = runner().invoke(main, ["chains", "--json", "--store", store_url], catch_exceptions=False)
    listed = [json.loads(line) for line in done.stdout.splitlines()]
    assert listed and {name for line in listed for name in (line["a"], line["b"])} <= {*added.values()}
    checked = runner().invoke(main, ["self-check", "--store", store_url], catch_exceptions=False)
    assert "quaid chains" in checked.stdout


def test_copies_and_recompressions_of_them_still_join(store_url: str) -> None:
    # Given a page, and copies of copies of it in any order
    original = page(3, 800, 500)
    copies, picture = [png(original)], original
    for quality, size in ((60, 760), (40, 700), (75, 800), (35, 640), (50, 600)):
        picture = picture.resize((size, size * 5 // 8))
        copies.append(jpeg(picture, quality))
    with Engine.open(store_url) as engine:
        added = [engine.add(copies[n]).image_id for n in (4, 1, 5, 0, 3, 2)]
        # Then they are one cluster
        assert members(engine, added[0]) == set(added) and engine.stats().store.chains == 0


def test_a_person_joins_what_only_a_chain_connects(store_url: str) -> None:
    first, last = photo(1, 640, 400), photo(2, 640, 400)
    with Engine.open(store_url) as engine:
        added = [engine.add(step).image_id for step in cross_fade(first, last)]
        line = engine.chains()[0]
        assert line.a not in members(engine, line.b)
        engine.confirm(line.a, line.b)
        assert line.a in members(engine, line.b)
        engine.undo(line.a, line.b)
        assert added[0] not in members(engine, added[-1])
