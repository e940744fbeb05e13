"""A backup holds all that a store keeps, whoever writes meanwhile; restored into any kind of store it gives
the same answers, and brings nothing back that was forgotten since.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support.command_line import runner
from support.pictures import page
from support.server import Server

from douglas_quaid import ConfigError, Decision, Engine, NotFound
from douglas_quaid.answers import Hit
from douglas_quaid.backup.entries import MAGIC, Writer, read_entries
from douglas_quaid.cli.main import main
from douglas_quaid.errors import CorruptRecord, UnknownVersion
from douglas_quaid.integrity.check import find_problems
from douglas_quaid.store.embedded import stop_embedded


def png(seed: int, size: tuple[int, int] = (480, 300), crop: int = 0) -> bytes:
    """A page of its own for each seed, small so that it is quick."""
    sheet, data = page(seed, *size), io.BytesIO()
    sheet.crop((crop, crop, sheet.width, sheet.height)).save(data, "PNG")
    return data.getvalue()


#: Pictures that are in the store before anybody writes.
FIRST = [png(seed) for seed in range(6)]


def id_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def fill(url: str) -> None:
    """A store that has something of everything."""
    with Engine.open(url) as engine:
        engine.create_collection("known", "known")
        for n, data in enumerate(FIRST):
            when = datetime(2026, 3, 1 + n, tzinfo=timezone.utc)
            engine.add(data, occurrence=f"misp:attribute:{n}", labels={"event": str(n)}, seen=when)
            engine.add(data, collection="known", labels={"brand": f"b{n}"})
        engine.add(png(0, crop=4), occurrence="file:path:/tmp/\udcff.png")  # matches the first as a whole
        engine.veto(id_of(FIRST[1]), id_of(FIRST[2]), who="ada", source="test")
        engine.confirm(id_of(FIRST[3]), id_of(FIRST[4]))
        engine.set_bookmark("misp:sync", "7")
        engine.create_key("a-service", ["read"])


def answers(url: str) -> dict[str, Any]:
    """What a store says to some questions, but for times that pass."""
    with Engine.open(url) as engine:
        found: dict[str, Any] = {}
        for n, data in enumerate([*FIRST, png(0, crop=4), png(3, crop=8)]):
            result = engine.query(data)
            found[f"query {n}"] = result.decision, [_told(hit) for hit in result.hits]
            if n <= len(FIRST):
                found[f"hits {n}"] = [_told(hit) for hit in engine.hits(id_of(data))]
                found[f"show {n}"] = engine.show(id_of(data)).to_json()
                found[f"judged {n}"] = engine.judgements(id_of(data))
        found["collections"] = [(one.name, one.purpose) for one in engine.collections()]
        found["bookmark"] = engine.bookmark("misp:sync")
        return found


def _told(hit: Hit) -> dict[str, Any]:
    return hit.to_json()


def is_whole(url: str) -> bool:
    with Engine.open(url) as engine:
        return find_problems(engine._store) == []


def test_a_backup_of_one_store_gives_the_same_answers_in_another_kind_of_store(
    server: Server, cluster: tuple[list[Server], str, list[int]], tmp_path: Path
) -> None:
    # Given a store with images, clusters, judgements, and an embedded store and a cluster that are empty
    fill(server.url)
    before = answers(server.url)
    folder, file = tmp_path / "store", tmp_path / "copy"
    with Engine.open(server.url) as engine:
        report = engine.backup(str(file))
    assert report.images == 7 and report.bytes == file.stat().st_size and not report.problems
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    try:
        for url in (f"embedded:{folder}", cluster[1]):
            # when the backup is restored there
            with Engine.open(url) as engine:
                restored = engine.restore(str(file))
            # then nothing is broken, and every answer is as it was, cluster ids and judgements included.
            assert (restored.restored, restored.known, restored.forgotten) == (7, 0, 0)
            assert restored.problems == () and restored.left == ()
            assert is_whole(url)
            assert answers(url) == before
    finally:
        stop_embedded(folder)
    # And no key of the service is in it
    assert b"a-service" not in file.read_bytes()


def test_a_backup_taken_while_four_writers_write_is_whole_where_it_is_restored(
    server: Server, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    # Given a store to which four writers add, link, judge and forget
    fill(server.url)
    ends, written = threading.Event(), list[int]()

    def write(writer: int) -> None:
        with Engine.open(server.url) as engine:
            n = 0
            while not ends.is_set():
                data = png(100 + 10 * writer + n % 10, (320, 200), crop=n % 3)
                engine.add(data, occurrence=f"ail:screenshot:{writer}-{n}")
                if n % 4 == 3:
                    engine.forget(id_of(data))
                elif n % 4 == 1:
                    engine.veto(id_of(data), id_of(FIRST[writer]))
                written.append(n)
                n += 1

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    try:
        while len(written) < 16 and all(writer.is_alive() for writer in writers):
            ends.wait(0.05)
        # when a backup is taken meanwhile, and restored elsewhere
        with Engine.open(server.url) as engine:
            report = engine.backup(str(tmp_path / "copy"))
    finally:
        ends.set()
        for writer in writers:
            writer.join()
    other = make_server()
    with Engine.open(other.url) as engine:
        restored = engine.restore(str(tmp_path / "copy"))
        # then the other store is whole,
        assert restored.left == () and restored.restored + restored.forgotten == report.images >= 13
        assert find_problems(engine._store) == []
        # it finds what was there before the writers came,
        for data in FIRST:
            result = engine.query(data)
            own = {*engine.show(id_of(data)).to_json()["clusters"]}
            assert result.decision is Decision.MATCH and result.complete
            assert own & {name for hit in result.hits for name in hit.clusters}
    # and says of these what the first store says of them.
    for image in FIRST:
        shown = []
        for url in (server.url, other.url):
            with Engine.open(url) as engine:
                shown.append(engine.show(id_of(image)).to_json())
        assert shown[0] == shown[1]


def test_a_restore_brings_back_what_is_lost_and_nothing_that_was_forgotten(
    server: Server, make_server: Callable[..., Server], tmp_path: Path
) -> None:
    fill(server.url)
    lost, forgotten, changed, again = (id_of(FIRST[n]) for n in range(4))
    file, later = str(tmp_path / "copy"), str(tmp_path / "later")
    with Engine.open(server.url) as engine:
        engine.backup(file)
        # Given that since the backup an image was forgotten, one was withdrawn from where it was seen, one
        # was forgotten and added again, and one is lost
        engine.forget(forgotten)
        engine.withdraw("misp:attribute:2")
        engine.forget(again)
        engine.add(FIRST[3])
        engine.backup(later)
        names = [name for name in server.redis.scan_iter() if lost.encode() in name]
        server.redis.delete(*names)
        mended = engine.restore(file)  # when the backup is restored into the store
        # then only the lost one comes back,
        assert (mended.restored, mended.forgotten, mended.left) == (1, 1, ())
        assert engine.hits(lost) and engine.show(lost).to_json()["occurrence_count"] == 1
        with pytest.raises(NotFound):
            engine.show(forgotten)
        # and the others are as they are now.
        assert (
            engine.show(changed).to_json()["occurrence_count"] == 0
            and engine.show(again).to_json()["occurrence_count"] == 0
        )
        assert find_problems(engine._store) == []
    # Neither does the older backup bring it back where the later one was restored before.
    other = make_server()
    with Engine.open(other.url) as engine:
        engine.restore(later)
        assert engine.restore(file).forgotten == 1
        with pytest.raises(NotFound):
            engine.show(forgotten)
        engine.add(FIRST[1])  # Who adds it again has it
        assert engine.show(forgotten).to_json()["occurrence_count"] == 0


def test_a_restore_that_is_interrupted_goes_on_when_it_is_run_again(
    server: Server, make_server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from douglas_quaid.backup import restore

    fill(server.url)
    before, other, file = answers(server.url), make_server(), str(tmp_path / "copy")
    with Engine.open(server.url) as engine:
        engine.backup(file)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with Engine.open(other.url) as engine, monkeypatch.context() as patch:
        patch.setattr(restore, "bring_relations", die)
        with pytest.raises(KeyboardInterrupt):
            engine.restore(file)
    with Engine.open(other.url) as engine:
        assert engine.restore(file).restored == 7
    assert answers(other.url) == before and is_whole(other.url)


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (lambda data: data[:-1], CorruptRecord, "entry"),
        (lambda data: data[: len(data) // 2], CorruptRecord, "byte"),
        (lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:], CorruptRecord, "digest|entry|header"),
        (lambda data: data + b"x", CorruptRecord, "follows its last entry"),
        (lambda data: b"PK\3\4" + data, CorruptRecord, "not a backup"),
        (lambda data: MAGIC[:-1] + b"\x09" + data[8:], UnknownVersion, "format 9, this program reads 1"),
        (lambda data: data[:8] + b"\xff\xff\xff\xff" + data[12:], CorruptRecord, "more than the limit"),
    ],
)
def test_a_damaged_backup_is_refused_before_anything_is_written(
    store_url: str, tmp_path: Path, damage: Callable[[bytes], bytes], error: type[Exception], words: str
) -> None:
    whole, damaged = tmp_path / "whole", tmp_path / "damaged"
    with Engine.open(store_url) as engine:
        engine.add(FIRST[0])
        engine.backup(str(whole))
        engine.forget(id_of(FIRST[0]))
        damaged.write_bytes(damage(whole.read_bytes()))
        with pytest.raises(error, match=words):
            engine.restore(str(damaged))
        assert engine.count() == 0


def test_a_backup_replaces_no_file_and_leaves_none_behind_when_it_fails(
    server: Server, tmp_path: Path
) -> None:
    taken = tmp_path / "copy"
    taken.write_text("mine")
    with Engine.open(server.url) as engine:
        with pytest.raises(ConfigError, match="exists; choose another name"):
            engine.backup(str(taken))
        server.kill()
        with pytest.raises(Exception, match="cannot be reached"):
            engine.backup(str(tmp_path / "other"))
    assert os.listdir(tmp_path) == ["copy"] and taken.read_text() == "mine"


def test_what_was_not_seen_for_long_leaves_a_collection_and_what_a_host_shows_stays(store_url: str) -> None:
    now = datetime.now(timezone.utc)
    old, year = now - timedelta(days=400), timedelta(days=365)
    with Engine.open(store_url) as engine:
        # Given a collection with an old picture, one of today, one that MISP shows, one in another, too
        for name in ("known", "other"):
            engine.create_collection(name, "known")
        engine.add(FIRST[0], collection="known", seen=old)
        engine.add(FIRST[1], collection="known")
        engine.add(FIRST[2], collection="known", seen=old)
        engine.add(FIRST[2], occurrence="misp:attribute:2", seen=old)
        engine.add(FIRST[3], collection="known", seen=old)
        engine.add(FIRST[3], collection="other", seen=old)
        engine.add(FIRST[4], collection="known", seen=old)
        engine.add(FIRST[4], occurrence="file:path:/a", seen=old)
        names = {FIRST[n]: id_of(FIRST[n]) for n in range(5)}
        # when those are asked for that were not seen for a year, then nothing is changed,
        expected = {(names[FIRST[0]], True), (names[FIRST[3]], False), (names[FIRST[4]], True)}
        found = engine.retain("known", before=now - year, dry_run=True)
        assert {(one.image_id, one.forgotten) for one in found} == expected
        assert engine.collection_size("known") == 5
        # and when they are removed, the others stay.
        found = engine.retain("known", before=now - year)
        assert {(one.image_id, one.forgotten) for one in found} == expected
        assert engine.collection_size("known") == 2 and engine.collection_size("other") == 1
        assert engine.count() == 3
        assert find_problems(engine._store) == []
        assert list(engine.retain("known", before=now - year)) == []


def test_the_commands_do_the_same(store_url: str, tmp_path: Path) -> None:
    with Engine.open(store_url) as engine:
        engine.create_collection("known", "known")
        for data in FIRST[:3]:
            engine.add(data, collection="known")

    def run(*words: str) -> tuple[int, list[dict[str, Any]]]:
        done = runner().invoke(main, [*words, "--store", store_url, "--json"])
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    file, listing = str(tmp_path / "copy"), tmp_path / "list"
    assert run("backup", file)[1][0]["images"] == 3
    assert run("collection", "retain", "known", "--keep", "365d") == (0, [])
    listing.write_text(f"# a list\n{id_of(FIRST[0])}\n\nnothing\n{id_of(FIRST[1])[:12]}\n")
    status, lines = run("forget", "--from", str(listing))
    assert status == 1
    assert [line.get("status") for line in lines] == ["forgotten", None, "forgotten"]
    assert "line 4: 'nothing'" in lines[1]["error"]["message"]
    assert run("restore", file)[1][0] | {"path": ""} == {
        "path": "",
        "restored": 0,
        "known": 1,
        "forgotten": 2,
        "problems": [],
    }
    assert (
        run("restore", str(listing))[0] == 1 and run("collection", "retain", "known", "--keep", "x")[0] == 2
    )


def test_the_documented_example_is_what_is_written() -> None:
    text = (Path(__file__).parent.parent / "core" / "backup" / "FORMAT.md").read_text("utf-8")
    example = bytes.fromhex(re.findall(r"```backup\n(.*?)```", text, re.DOTALL)[0])
    (found,) = read_entries(io.BytesIO(example), "example")
    assert found[0] == 8 and found[1].name == "backup"
    written = io.BytesIO()
    writer = Writer(written)
    writer.write(found[1].tag, found[1].name, found[1].items)
    writer.end()
    assert written.getvalue() == example
