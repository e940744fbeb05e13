"""Whoever pastes a page into many others makes all of it common: the page stays a hit for a person to see."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PIL import Image
from support.command_line import runner
from support.pictures import jpeg, page, photo, png
from support.server import Server

from douglas_quaid import Decision, Engine
from douglas_quaid.answers import Hit
from douglas_quaid.cli.main import main

WIDTH, HEIGHT = 800, 520
VICTIM = "test:page:victim"


def victim() -> Image.Image:
    sheet = page(500, WIDTH, HEIGHT)
    sheet.paste(photo(77, 300, 200), (420, 200))
    return sheet


def crop() -> bytes:
    """The middle of the victim's page, 80 % of each side."""
    box = (WIDTH // 10, HEIGHT // 10, WIDTH * 9 // 10, HEIGHT * 9 // 10)
    return jpeg(victim().crop(box), 60)


def pasted(seed: int) -> bytes:
    """Another, larger page into which the victim's page was pasted."""
    sheet = page(seed, 1400, 1300)
    sheet.paste(victim(), (20 + 13 * (seed % 20), 60 + 23 * (seed % 25)))
    return png(sheet)


def found(engine: Engine, data: bytes, minimum: str = "review") -> dict[str, Hit]:
    """The hits by the first of their places."""
    return {hit.occurrences[0]: hit for hit in engine.query(data, min_decision=minimum, limit=50).hits}


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        engine.add(png(victim()), occurrence=VICTIM)
        for seed in range(12):
            engine.add(png(page(seed, WIDTH, HEIGHT)), occurrence=f"test:page:{seed}", link=False)
        yield engine


def test_a_page_that_was_pasted_into_many_others_stays_listed(engine: Engine) -> None:
    # Given a page of which a crop is listed
    assert found(engine, crop())[VICTIM].decision in (Decision.MATCH, Decision.REVIEW)
    # When it is pasted into many other pages, then it is listed however many there are
    before = 0
    for count in (7, 21, 26):
        for seed in range(1_000 + before, 1_000 + count):
            engine.add(pasted(seed), occurrence=f"test:pasted:{seed}", link=False)
        before, hits = count, found(engine, crop())
        assert hits[VICTIM].decision in (Decision.MATCH, Decision.REVIEW), count


def test_a_part_that_larger_pages_share_stays_no_match_with_its_reason(
    engine: Engine, shared_server: Server, everything: Callable[[Any], bytes]
) -> None:
    # Given pages with a banner that is a small part of each
    banner = photo(9, 700, 130)

    def with_banner(seed: int) -> bytes:
        sheet = photo(seed, WIDTH, HEIGHT)
        sheet.paste(banner, (50, HEIGHT - 140))
        return png(sheet)

    for seed in range(2_000, 2_030):
        engine.add(with_banner(seed), occurrence=f"test:banner:{seed}", link=False)
    # When another such page is asked for, then nothing is listed, and on request each with its reason
    assert found(engine, with_banner(3_000)) == {}
    hits = found(engine, with_banner(3_000), "no-match")
    assert hits and {hit.decision for hit in hits.values()} == {Decision.NO_MATCH}
    # When the part itself is linked, then it is noted since when it is common, and by which images
    engine.add(png(banner), occurrence="test:part:banner")
    (hub,) = [hub for hub in engine.hubs() if hub.kind == "common-region"]
    assert hub.since and hub.shown_by and hub.first_shown <= hub.last_shown
    assert engine.stats().store.common_regions == 1
    noted, nothing = engine.common_regions([hub.shown_by[-1], "0" * 64])
    assert noted and noted.since == hub.since and nothing is None
    # And the operator is told
    text = runner().invoke(main, ["self-check", "--store", engine.config.store]).stdout
    assert "common regions: 1 part" in text and hub.shown_by[0][:12] in text
    listed = runner().invoke(main, ["hubs", "--json", "--store", engine.config.store]).stdout.splitlines()
    assert [json.loads(line)["shown_by"] for line in listed] == [list(hub.shown_by)]
    # And forgetting one of these images forgets it there
    gone = next(image_id for image_id in hub.shown_by if image_id != hub.id)
    engine.forget(gone)
    assert gone.encode() not in everything(shared_server.redis)
    assert gone not in engine.hubs()[0].shown_by
