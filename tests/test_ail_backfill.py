"""`quaid ail backfill`: what AIL has on disk, into the store and linked; resumable, sparing, and honest about
broken files.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.ail_host import AilHome
from support.command_line import runner
from support.pictures import page, photo, png, saved

from douglas_quaid.ail.backfill.picture_files import Broken, picture_files
from douglas_quaid.ail.backfill.run import BOOKMARK, Pace
from douglas_quaid.ail.config import Settings
from douglas_quaid.cli import main as cli
from douglas_quaid.description import Description
from douglas_quaid.engine import Engine

pytest_plugins = ["support.ail_fixtures"]


@dataclass(frozen=True)
class Done:
    status: int
    lines: list[dict[str, Any]]
    complaints: str

    @property
    def summary(self) -> dict[str, int]:
        return dict(self.lines[-1]["summary"])


def backfill(ail: AilHome, *options: str) -> Done:
    done = runner().invoke(
        cli.main, ["ail", "backfill", "--ail-home", str(ail.home), "--json", *options], catch_exceptions=False
    )
    return Done(done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr)


def picture(seed: int, *, width: int = 480, scale: float = 1.0) -> bytes:
    sheet = page(seed, width, width * 5 // 8)
    return png(sheet if scale == 1 else sheet.resize((int(sheet.width * scale), int(sheet.height * scale))))


def small(seed: int) -> bytes:
    """A picture that is done quickly, and that resembles none of the others."""
    return png(photo(seed, 160, 120))


def put(ail: AilHome, content: bytes, *, named: bytes | None = None, kind: str = "image") -> str:
    """A file where AIL keeps its images, without AIL; `named`: bytes whose sha256 is its name instead. Gives
    the id.
    """
    name = hashlib.sha256(content if named is None else named).hexdigest()
    parts = [name[place : place + 2] for place in range(0, 12, 2)]
    folder = ail.home.joinpath(
        *({"image": ["IMAGES"], "screenshot": ["CRAWLED_SCREENSHOT", "screenshot"]}[kind]), *parts
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / (name[12:] + (".png" if kind == "screenshot" else ""))).write_bytes(content)
    return name


def folders(ail: AilHome) -> None:
    for name in ("IMAGES", "CRAWLED_SCREENSHOT/screenshot"):
        (ail.home / name).mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def in_one_process(ail: AilHome) -> None:
    """Starting children takes longer than these pictures."""
    ail.configure(isolate=False)


@pytest.fixture
def engine(ail: AilHome) -> Iterator[Engine]:
    with Engine.open(config=Settings.read(ail.home).engine_config()) as engine:
        yield engine


def test_what_ail_made_is_stored_and_linked(ail: AilHome, engine: Engine) -> None:
    # Given a picture of a chat that AIL stored, the same page a little smaller as a screenshot, and one that
    # resembles nothing,
    image = ail.new_image(picture(1))
    screenshot = ail.new_screenshot(picture(1, scale=0.8), domain="a.onion")
    alone = ail.new_image(picture(2))
    # when AIL's folders are back-filled, as the modules do it, with decoders in processes of their own,
    ail.configure(isolate=True)
    done = backfill(ail)
    # then all three are in the store under AIL's names, and the first two have found one another, whichever
    # came first.
    assert done.status == 0 and done.complaints == ""
    assert done.summary == {
        "added": 3,
        "hash_only": 0,
        "known": 0,
        "skipped": 0,
        "broken": 0,
        "linked": 3,
        "matching": 2,
        "sent": 0,
        "complete": True,
        "dry_run": False,
    }
    (hit,) = engine.hits(occurrence(image))
    assert occurrence(screenshot) in hit.occurrences and hit.decision.value == "match"
    assert [occurrence(image) in hit.occurrences for hit in engine.hits(occurrence(screenshot))] == [True]
    assert engine.hits(occurrence(alone)) == ()


def test_a_picture_was_seen_when_ail_stored_it(ail: AilHome, engine: Engine) -> None:
    folders(ail)
    name = put(ail, picture(1))
    path = ail.home.joinpath("IMAGES", *(name[place : place + 2] for place in range(0, 12, 2)), name[12:])
    os.utime(path, (1_700_000_000, 1_700_000_000))
    backfill(ail)
    found = engine.show(name)
    assert isinstance(found, Description) and found.info.first_seen.timestamp() == 1_700_000_000


def test_broken_files_are_named_and_counted_and_all_others_done(ail: AilHome, engine: Engine) -> None:
    # Given 20 sound pictures, one cut short, one that is none, an empty one, one too large for the settings,
    # and a file that AIL did not make
    folders(ail)
    sound = [put(ail, small(seed)) for seed in range(20)]
    broken = [
        put(ail, small(50)[:2000], named=small(50)),
        put(ail, b"no picture at all"),
        put(ail, b""),
        put(ail, small(51) + bytes(400_000)),
    ]
    (ail.home / "IMAGES" / "Thumbs.db").write_bytes(b"what a desktop leaves")
    ail.configure(max_bytes=300_000)
    # when they are back-filled
    done = backfill(ail, "--no-link")
    # then each broken one has its line with path and reason, and the others are in the store.
    assert done.status == 1 and (done.summary["added"], done.summary["broken"]) == (20, 4)
    lines = {line["path"]: line["error"] for line in done.lines if "path" in line}
    assert {"".join(Path(path).parts[-7:]) for path in lines} == set(broken)
    assert all(reason for reason in lines.values())
    assert engine.count() == 20 and all(engine.show(name) for name in sound)


def test_what_is_known_is_not_read_again(ail: AilHome) -> None:
    # Given pictures that are stored, whose files have changed since
    folders(ail)
    for seed in range(4):
        put(ail, small(seed))
    assert backfill(ail).summary["added"] == 4
    for seed in range(4):
        put(ail, b"changed", named=small(seed))
    # when the whole folder is walked again, then nobody notices, because none is opened.
    again = backfill(ail)
    assert again.status == 0 and (
        again.summary["added"],
        again.summary["known"],
        again.summary["linked"],
    ) == (0, 4, 0)


def test_a_run_with_a_limit_goes_on_where_it_ended(ail: AilHome, engine: Engine) -> None:
    folders(ail)
    names = sorted(put(ail, small(seed)) for seed in range(5))
    shots = sorted(put(ail, small(seed), kind="screenshot") for seed in range(10, 13))
    # When three runs may take three files each, then the first two end early and do not link,
    first = backfill(ail, "--limit", "3")
    assert (first.summary["added"], first.summary["complete"]) == (3, False) and "linked" not in first.summary
    assert engine.bookmark(BOOKMARK + "image") == names[2]
    second = backfill(ail, "--limit", "3")
    assert (second.summary["added"], second.summary["known"], second.summary["complete"]) == (3, 0, False)
    assert (
        engine.bookmark(BOOKMARK + "image") is None and engine.bookmark(BOOKMARK + "screenshot") == shots[0]
    )
    # and the third ends the walk and links all.
    third = backfill(ail, "--limit", "3")
    assert (third.summary["added"], third.summary["linked"], third.summary["complete"]) == (2, 8, True)
    assert not list(engine.bookmarks(BOOKMARK))


IN_SMALL_BATCHES = """
import sys
from douglas_quaid.ail.backfill.run import Backfill, BackfillOptions
from douglas_quaid.ail.config import Locations, Settings
from douglas_quaid.engine import Engine
settings = Settings.read(sys.argv[1])
with Engine.open(config=settings.engine_config()) as engine:
    options = BackfillOptions(rate=20, batch=4)
    Backfill(engine, Locations.read(sys.argv[1]), settings, options, tell=print).add()
"""


def test_a_run_that_is_killed_loses_nothing_and_repeats_little(ail: AilHome, engine: Engine) -> None:
    # Given a run over 18 pictures that is killed in the middle
    folders(ail)
    names = {put(ail, small(seed)) for seed in range(18)}
    run = subprocess.Popen([sys.executable, "-P", "-c", IN_SMALL_BATCHES, str(ail.home)])
    deadline = time.monotonic() + 300
    while engine.count() < 6:
        assert time.monotonic() < deadline and run.poll() is None, "the run stores nothing"
        time.sleep(0.02)
    run.kill()
    run.wait(30)
    there, mark = engine.count(), engine.bookmark(BOOKMARK + "image")
    assert 6 <= there < 18 and mark is not None
    # when it is run again
    again = backfill(ail)
    # then it goes on at the bookmark, repeats at most what was under way, and all pictures are in the store
    # and linked.
    assert again.summary["added"] == 18 - there and again.summary["known"] <= 4
    assert {name for name in names if engine.show(name)} == names
    assert again.summary["linked"] == 18


def test_of_what_ail_marks_unsafe_only_hashes_are_kept(ail: AilHome, engine: Engine) -> None:
    # Given an image with an unsafe tag, a screenshot of a domain with one, and a sound image
    tagged, safe = ail.new_image(picture(1)), ail.new_image(picture(2))
    shot = ail.new_screenshot(picture(3), domain="bad.onion")
    ail.run(
        """
        from lib import Tag
        Tag.add_object_tag('dark-web:topic="violence"', 'image', name)
        Tag.add_object_tag('dark-web:topic="pornography-child-exploitation"', 'domain', 'bad.onion')
        """,
        name=tagged.removeprefix("image::"),
    )
    # when they are back-filled, then of the first two nothing is kept that shows them.
    assert backfill(ail).summary["hash_only"] == 2
    kept = {gid: engine.show(occurrence(gid)) for gid in (tagged, safe, shot)}
    assert [kept[gid].features.thumbnail is None for gid in (tagged, safe, shot)] == [True, False, True]  # type: ignore[union-attr]


def test_domains_and_chats_come_along_so_that_a_new_crawl_of_a_site_is_no_news(
    ail: AilHome, engine: Engine
) -> None:
    # Given a site that was crawled before us, and a picture of a chat
    old = ail.new_screenshot(picture(1), domain="a.onion")
    image = ail.new_image(picture(2))
    ail.run(
        "from lib.objects.Images import Image\nImage(name).add_correlation('chat', 'some-instance', '4711')",
        name=image.partition("::")[2],
    )
    assert backfill(ail).summary["added"] == 2
    (shot,), (posted,) = engine.sightings([occurrence(old), occurrence(image)])
    assert shot.sighting.labels == {"domain": "a.onion"} and posted.sighting.labels == {
        "chat": "some-instance:4711"
    }
    # when our module sees the site's next crawl, then AIL is not told of a match; one of another domain is.
    ail.add_ours()
    again, elsewhere = (
        ail.new_screenshot(picture(1, scale=0.8), domain="a.onion"),
        ail.new_screenshot(picture(1, scale=0.9), domain="b.onion"),
    )
    ail.queue(again)
    ail.drain("VisualCorrelation", "Tags")
    assert ail.tags(again) == set() and ail.correlations(again, "screenshot") == set()
    ail.queue(elsewhere)
    ail.drain("VisualCorrelation", "Tags")
    assert ail.tags(elsewhere) and ail.correlations(elsewhere, "screenshot") <= {old, again} != set()


def test_what_matches_is_handed_to_the_module_on_request(ail: AilHome) -> None:
    # Given two pictures of one page and one of another
    ail.add_ours()
    image, shot, _ = (
        ail.new_image(picture(1)),
        ail.new_screenshot(picture(1, scale=0.8), domain="a.onion"),
        ail.new_image(picture(2)),
    )
    # when it is asked for, then the two are in the module's queue, as AIL would have queued them.
    assert backfill(ail, "--write").summary["sent"] == 2
    assert set(ail.messages()) == {f"{image};", f"{shot};"}


def test_what_matches_only_outside_of_ail_is_not_handed_over(ail: AilHome, engine: Engine) -> None:
    # Given a picture that another adapter stored, and one of AIL that matches it
    ail.add_ours()
    folders(ail)
    engine.add(picture(1, scale=0.8), occurrence="misp:attribute:1")
    image = ail.new_image(picture(1))
    # when it is asked for, then there is nothing to write to AIL.
    assert backfill(ail, "--write").summary["sent"] == 0
    assert ail.messages() == [] and len(engine.hits(image.removeprefix("image::"))) == 1


def test_a_dry_run_counts_and_stores_nothing(ail: AilHome, engine: Engine) -> None:
    folders(ail)
    put(ail, small(1))
    backfill(ail)
    put(ail, small(2))
    done = backfill(ail, "--dry-run")
    assert done.summary == {"added": 1, "known": 1, "broken": 0, "complete": True, "dry_run": True}
    assert engine.count() == 1


def test_without_ails_servers_it_says_which_one_is_away_and_what_helps(ail: AilHome, engine: Engine) -> None:
    folders(ail)
    put(ail, small(1))
    ail.configure("Kvrocks_Correlations", port=1)
    done = backfill(ail)
    assert done.status == 1 and "[Kvrocks_Correlations]" in done.complaints and engine.count() == 0
    assert backfill(ail, "--without-ail").summary["added"] == 1


def test_gifs_are_left_alone_when_the_settings_say_so(ail: AilHome, engine: Engine) -> None:
    folders(ail)
    put(ail, saved(page(1, 240, 150), "GIF"))
    ail.configure(skip_gif=True)
    assert backfill(ail).summary["skipped"] == 1 and engine.count() == 0


@pytest.mark.parametrize("kind", ["image", "screenshot"])
def test_the_walk_gives_objects_in_order_from_any_place_and_nothing_else(kind: str, tmp_path: Path) -> None:
    # Given objects among files that look like some: in the wrong depth, with an odd name, with the other
    # type's ending, a folder in the place of a file
    end = ".png" if kind == "screenshot" else ""
    names = sorted(hashlib.sha256(bytes([number])).hexdigest() for number in range(40))
    for name in names:
        folder = tmp_path.joinpath(*(name[place : place + 2] for place in range(0, 12, 2)))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name[12:]}{end}").touch()
    (folder / "notes.txt").touch()
    (folder / f"{'e' * 52}{'' if end else '.png'}").touch()
    (folder / f"{'f' * 52}{end}").mkdir()
    (tmp_path / f"{names[0]}{end}").touch()
    told: list[Broken] = []
    # when they are walked from the beginning, or behind any of them, then exactly the rest comes, in order.
    assert [file.object.id for file in picture_files(kind, str(tmp_path), tell=told.append)] == names
    for place in range(0, 40, 7):
        found = list(picture_files(kind, str(tmp_path), after=names[place], tell=told.append))
        assert [file.object.id for file in found] == names[place + 1 :]
        assert all(Path(file.path).is_file() and file.object.type == kind for file in found)
    assert told == []


def test_a_pace_lets_so_many_a_second_through(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a clock that only sleeping moves
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    # when 21 pass at 10 a second, then 2 seconds pass; and a long pause is not made up for.
    assert list(Pace(10).each(range(21))) == list(range(21)) and now[0] == pytest.approx(102)
    pace = Pace(10)
    list(pace.each(range(2)))
    now[0] += 60
    before = now[0]
    list(pace.each(range(11)))
    assert now[0] - before == pytest.approx(1.0)


def occurrence(gid: str) -> str:
    kind, _, name = gid.split(":", 2)
    return f"ail:{kind}:{name}"
