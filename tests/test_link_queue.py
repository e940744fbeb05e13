"""`quaid link --all`: what was added without being linked is linked once, by any number of processes,
whatever is killed; and `quaid add FOLDER` on several processes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.command_line import runner
from support.images import put_all
from support.pictures import photo, png
from support.server import Server
from support.steps import in_child
from support.waiting import until

from douglas_quaid import Engine
from douglas_quaid.bulk.linking import TRIES
from douglas_quaid.cli.main import main
from douglas_quaid.config import Config
from douglas_quaid.integrity.check import find_problems, mend_store
from douglas_quaid.store import Store
from douglas_quaid.store.owners import new_owner


def small(seed: int) -> bytes:
    """A picture that is done quickly, and that resembles none of the others."""
    return png(photo(seed, 160, 120))


def quaid(server: Server, *arguments: str) -> list[dict[str, object]]:
    """Lines of a command that succeeds."""
    done = runner().invoke(main, [*arguments, "--json", "--store", server.url], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def started(server: Server, *arguments: str) -> subprocess.Popen[bytes]:
    """A command that runs by itself, in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "douglas_quaid", *arguments, "--json", "--store", server.url],
        stdout=subprocess.PIPE,
        env=os.environ | {"DOUGLAS_QUAID_WORKERS": "2"},
        start_new_session=True,
    )


@pytest.fixture
def engine(server: Server) -> Engine:
    return Engine.open(config=Config(store=server.url, workers=2))


def test_what_was_added_without_a_link_is_linked_once_and_the_queue_is_empty(
    engine: Engine, server: Server
) -> None:
    # Given two copies of a picture and another one, added without a link, and one that was linked at once
    first = engine.add(small(1), link=False)
    again = engine.add(small(1) + b"\0", link=False)
    other = engine.add(small(2), link=False)
    engine.add(small(3))
    assert len(engine.link_queue) == 3
    # When they are linked
    lines = {line["image_id"]: line for line in quaid(server, "link", "--all")}
    # Then each was, once, the copies are one cluster, and nothing is left
    assert set(lines) == {first.image_id, again.image_id, other.image_id}
    assert lines[first.image_id]["cluster"] == lines[again.image_id]["cluster"]
    assert lines[other.image_id] == {
        "image_id": other.image_id,
        "status": "linked",
        "hits": 0,
        "cluster": engine.cluster_names([other.image_id])[0][0],
    }
    assert len(engine.link_queue) == 0
    assert quaid(server, "link", "--all") == []
    assert find_problems(engine._store) == []


def test_two_processes_share_the_queue_and_what_a_dead_one_had_goes_to_the_other(
    server: Server, make_image
) -> None:
    # Given images in the queue, and a process that ended while it had some in work
    with Store.open(Config(store=server.url)) as store:
        entries = [make_image(n) for n in range(40)]
        for entry in entries:
            store.images.put(entry, queue=True)
        ids = {entry.image_id for entry in entries}

        def die() -> None:
            Store.open(Config(store=server.url)).link_queue.claim(new_owner(), 1)
            os.kill(os.getpid(), signal.SIGKILL)

        os.waitpid(in_child(die), 0)
        # When two others take all they can get, then every image is given to one of them
        one, two = (f"elsewhere {n} x" for n in (1, 2))
        got_one = store.link_queue.claim(one, 2)
        got_two = store.link_queue.claim(two, 100)
        assert {found.image_id for found in (*got_one, *got_two)} == ids
        assert not {found.image_id for found in got_one} & {found.image_id for found in got_two}
        # and it is known which of them somebody had before
        assert {found.tries for found in (*got_one, *got_two)} == {1, 2}
        # and as long as they live nobody else gets any
        assert store.link_queue.claim(new_owner(), 100) == []
        # When one is linked and another is forgotten, then both leave the queue
        store.links.mark_linked(got_one[0].image_id)
        store.forgetting.forget(got_one[1].image_id)
        assert len(store.link_queue) == len(ids) - 2
        names = list(server.redis.scan_iter())
        assert not any(got_one[1].image_id.encode() in server.redis.dump(name) for name in names)


def test_every_process_is_killed_and_the_next_run_links_what_is_left(engine: Engine, server: Server) -> None:
    # Given pictures without links
    ids = {engine.add(small(n), link=False).image_id for n in range(12)}
    # When a run is killed with its workers after its first line
    running = started(server, "link", "--all", "--follow")
    assert running.stdout is not None
    first = json.loads(running.stdout.readline())
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    # Then some were linked, none is lost, and the next run does the others at once
    assert first["image_id"] in ids
    quaid(server, "link", "--all")
    assert all(engine.cluster_names([image_id])[0] for image_id in ids)
    assert len(engine.link_queue) == 0 and find_problems(engine._store) == []
    # and linking once more changes nothing
    before = {image_id: engine.hits(image_id) for image_id in ids}
    for image_id in ids:
        engine.link(image_id)
    assert {image_id: engine.hits(image_id) for image_id in ids} == before


def test_followers_link_what_is_added_later(engine: Engine, server: Server) -> None:
    running = started(server, "link", "--all", "--follow")
    try:
        added = engine.add(small(5), link=False)
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["image_id"] == added.image_id
    finally:
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0


def test_what_an_older_program_or_a_killed_add_left_is_queued_too(
    engine: Engine, server: Server, make_image
) -> None:
    # Given an image that nobody queued, one whose entry is lost, and one that was linked meanwhile
    lost, linked = engine.add(small(1), link=False).image_id, engine.add(small(2), link=False).image_id
    server.redis.delete(f"dq:{{{lost[0]}}}:unlinked")
    server.redis.hset(f"dq:{{{linked[0]}}}:img:{linked}", "linked", 1)
    alone = make_image(7)
    put_all(engine._store, [alone])
    # When the store is looked through, then the first two are queued, once
    assert engine.queue_unlinked() >= 2
    assert engine.queue_unlinked() == 0
    claimed = [found.image_id for found in engine.link_queue.claim(new_owner(), 10)]
    assert sorted(claimed) == sorted([lost, alone.image_id])


def test_an_image_that_ends_whoever_links_it_is_given_up_and_told(engine: Engine, server: Server) -> None:
    # Given an image that was given to processes again and again, each of which ended
    image_id = engine.add(small(1), link=False).image_id
    for n in range(TRIES):
        assert engine.link_queue.claim(f"{new_owner().split()[0]} {2**22 + n} x", 1)
    # When it comes up once more, then it is told and left
    done = runner().invoke(main, ["link", "--all", "--json", "--store", server.url])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"]["message"].startswith(f"image {image_id}: {TRIES} programs ended")
    assert len(engine.link_queue) == 0


def test_self_check_takes_out_what_is_not_an_image_to_be_linked(engine: Engine, server: Server) -> None:
    image_id = engine.add(small(1), link=False).image_id
    name = f"dq:{{{image_id[0]}}}:unlinked"
    for wrong in ("0" * 64, "nonsense"):
        server.redis.xadd(name, {"id": wrong})
    server.redis.xadd(name, {"other": image_id})
    # When the store is mended, then the strange entries are gone and the image's own stays
    assert mend_store(engine._store, lambda finding: None, alone=True) == []
    assert [fields for _, fields in server.redis.xrange(name)] == [{b"id": image_id.encode()}]


def test_a_folder_is_added_by_processes_and_a_killed_run_is_finished_by_the_next(
    server: Server, tmp_path: Path
) -> None:
    # Given a folder of pictures, one of them broken, and a run that is killed in the midst of it
    for n in range(20):
        (tmp_path / f"{n:02}.png").write_bytes(small(n))
    (tmp_path / "broken.png").write_bytes(small(0)[:40])
    running = started(server, "add", str(tmp_path))
    assert running.stdout is not None
    first = json.loads(running.stdout.readline())
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert first["path"].endswith("00.png") and first["status"] == "added"
    # When it is run again, then every picture has its line, in order, and the broken one its error
    done = started(server, "add", str(tmp_path))
    lines = [json.loads(line) for line in done.communicate()[0].splitlines()]
    assert done.returncode == 1
    assert [Path(str(line["path"])).name for line in lines] == sorted(os.listdir(tmp_path))
    assert "error" in lines[-1] and not any("error" in line for line in lines[:-1])
    # and all are whole and linked
    with Engine.open(server.url) as engine:
        assert engine.count() == 20
        until(lambda: engine.queue_unlinked() == 0)
        assert find_problems(engine._store) == []
