"""`quaid watch`: pictures are added as they appear, in folders as real programs leave them, and a watcher
that ends is continued by the next one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command_line import runner
from support.server import Server
from support.waiting import until

from douglas_quaid import Engine
from douglas_quaid.cli.main import main
from douglas_quaid.demo.pictures import sample
from douglas_quaid.errors import ConfigError
from douglas_quaid.watching import Watch

CAT, COFFEE = sample("indexed/cat.jpg"), sample("indexed/coffee.jpg")

#: Files of programs, below the folder that is watched, and the option --match of the recipe. Those with True
#: are pictures that should be added.
LAYOUTS = {
    "gowitness": ([], {"https---example.org.jpeg": True, "http---shop.example-8080.jpeg": True}),
    "httpx": (
        ["--match", "*.png"],
        {
            "example.org/0a1b2c3d4e5f60718293a4b5c6d7e8f901234567.png": True,
            "index_screenshot.txt": False,
        },
    ),
    "lookyloo": (
        ["--match", "*/0.png"],
        {
            "2026/11/30/2026-11-30T12:00:00.123456/0.png": True,
            "2026/11/30/2026-11-30T12:00:00.123456/0.har.gz": False,
            "2026/11/30/2026-11-30T12:00:00.123456/0.html": False,
            "2026/11/30/2026-11-30T12:00:00.123456/uuid": False,
        },
    ),
    "sandbox": (
        ["--match", "*/shots/[0-9][0-9][0-9][0-9].jpg"],
        {
            "17/shots/0001.jpg": True,
            "17/shots/0001_small.jpg": False,
            "17/files/5f0c": False,
            "17/reports/report.json": False,
            "18/shots/0001.jpg": True,
        },
    ),
}


def put(path: Path, data: bytes, *, age: float = 60) -> Path:
    """A file that was changed some seconds ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def watch(*arguments: str, store: str) -> list[dict[str, object]]:
    """One look into a folder with the command line."""
    done = runner().invoke(main, ["watch", *arguments, "--once", "--json", "--store", store])
    assert done.exit_code in (0, 1), done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def settle() -> None:
    """Wait until files that were written now count as written to the end."""
    time.sleep(2.1)


@pytest.mark.parametrize("program", LAYOUTS)
def test_the_recipe_of_each_program_takes_its_pictures_and_nothing_else(
    store_url: str, tmp_path: Path, program: str
) -> None:
    # Given the folder that a program leaves
    options, files = LAYOUTS[program]
    for number, (name, is_picture) in enumerate(files.items()):
        put(tmp_path / name, [CAT, COFFEE][number % 2] if is_picture else b"no picture")
    settle()
    # when it is watched as the recipe says, then its pictures are in the store, and nothing is refused.
    lines = watch(str(tmp_path), *options, store=store_url)
    wanted = {str(tmp_path / name) for name, is_picture in files.items() if is_picture}
    assert {line["path"] for line in lines} == wanted and not any("error" in line for line in lines)


def test_a_watcher_that_is_started_again_goes_on(store_url: str, tmp_path: Path) -> None:
    # Given a folder of which a watcher added a picture
    cat = put(tmp_path / "cat.jpg", CAT)
    settle()
    (first,) = watch(str(tmp_path), "--label", "source=scan", store=store_url)
    assert first["status"] == "added"
    with Engine.open(store_url) as engine:
        ((seen,),) = engine.sightings([f"file:path:{cat}"])
        assert seen.sighting.labels == {"source": "scan"}
        assert abs(seen.sighting.last_seen.timestamp() - cat.stat().st_mtime) <= 1
    # when another one looks, then it does nothing; a new and a changed file are added.
    assert watch(str(tmp_path), store=store_url) == []
    put(tmp_path / "below" / "coffee.jpg", COFFEE)
    put(cat, sample("indexed/market.png"), age=30)
    settle()
    assert {str(line["path"]) for line in watch(str(tmp_path), store=store_url)} == {
        str(cat),
        str(tmp_path / "below" / "coffee.jpg"),
    }
    # A file that cannot be read is told with each start.
    put(tmp_path / "broken.png", b"just text")
    settle()
    for _ in range(2):
        (line,) = watch(str(tmp_path), store=store_url)
        assert "error" in line


def test_a_file_that_is_still_written_is_left_alone(store_url: str, tmp_path: Path) -> None:
    now = [time.time()]
    with Engine.open(store_url) as engine:
        watching = Watch(str(tmp_path), clock=lambda: now[0])
        # Given a file that grows from look to look
        path = tmp_path / "cat.jpg"
        for share in (3, 2):
            path.write_bytes(CAT[: len(CAT) // share])
            now[0] = path.stat().st_ctime + 0.5
            assert list(watching.arrived(engine)) == []
        path.write_bytes(CAT)
        now[0] = path.stat().st_ctime + 0.5
        assert list(watching.arrived(engine)) == []
        # when it has not changed since the last look, then it is taken, until it is done.
        (arrived,) = watching.arrived(engine)
        assert arrived.input.path == str(path)
        watching.finish(arrived)
        assert list(watching.arrived(engine)) == []


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a folder"):
        Watch(str(tmp_path / "nothing"))


@pytest.fixture
def watcher(server: Server, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that watches the folder `in`."""
    (tmp_path / "in").mkdir()
    command = [sys.executable, "-P", "-m", "douglas_quaid", "watch", str(tmp_path / "in"), "--json"]
    process = subprocess.Popen(
        [*command, "--store", server.url, "--interval", "0.2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"DOUGLAS_QUAID_CACHE": "off", "DOUGLAS_QUAID_STORE_TIMEOUT": "1"},
    )
    yield process
    process.kill()
    process.wait()


def test_pictures_are_added_as_they_appear_over_an_outage_and_until_it_is_told_to_end(
    watcher: subprocess.Popen[str], server: Server, tmp_path: Path
) -> None:
    assert watcher.stdout is not None and watcher.stderr is not None
    # Given a picture that appears in a folder
    shutil.copy(put(tmp_path / "cat.jpg", CAT), tmp_path / "in" / "cat.jpg")
    assert json.loads(watcher.stdout.readline())["status"] == "added"
    # when the store is away while the next one appears, then it is added once the store is back,
    server.stop()
    put(tmp_path / "in" / "coffee.jpg", COFFEE)
    assert "going on" in watcher.stderr.readline()
    server.start()
    assert json.loads(watcher.stdout.readline())["path"].endswith("coffee.jpg")
    # and the watcher ends well when it is told to.
    watcher.send_signal(signal.SIGTERM)
    until(lambda: watcher.poll() is not None)
    assert watcher.returncode == 0
