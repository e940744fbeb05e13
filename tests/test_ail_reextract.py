"""`quaid reextract` reads pictures that were seen in an AIL from its folders again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.ail_host import AilHome
from support.command_line import runner
from support.old_records import make_old
from support.pictures import page, photo, png

from douglas_quaid import Engine
from douglas_quaid.ail.backfill.picture_files import path_of
from douglas_quaid.ail.config import Locations
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.cli.main import main

pytest_plugins = ["support.ail_fixtures"]


def test_images_and_screenshots_are_read_from_ails_folders(
    ail: AilHome, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given two images and a screenshot of AIL, which an earlier version took for the same, and a place that
    # leads out of AIL's folders
    data = [png(page(seed, 480, 320)) for seed in range(3)]
    gids = [ail.new_image(data[0]), ail.new_screenshot(data[1]), ail.new_image(data[2])]
    with Engine.open(store_url) as engine:
        objects = [AilObject.parse(gid) for gid in gids]
        ids = [
            engine.add(one, occurrence=obj.occurrence).image_id
            for one, obj in zip(data, objects, strict=True)
        ]
        for image_id in ids:
            make_old(engine, image_id, photo(9, 320, 240))
        outside = engine.add(png(page(3, 480, 320)), occurrence="ail:image:../../etc/passwd").image_id
        make_old(engine, outside, photo(8, 320, 240))
        # When one file is gone, and the rest is extracted again
        Path(path_of(objects[2], Locations.read(ail.home))).unlink()
        monkeypatch.setenv("AIL_HOME", str(ail.home))
        done = runner().invoke(main, ["reextract", "--store", store_url, "--json"], catch_exceptions=False)
        # Then the two that are there are renewed and part
        lines = {line["image_id"]: line["status"] for line in map(json.loads, done.stdout.splitlines())}
        assert done.exit_code == 1 and lines == {
            ids[0]: "renewed",
            ids[1]: "renewed",
            ids[2]: "unreachable",
            outside: "unreachable",
        }
        assert engine.cluster_ids(ids) == [None, None, None]
