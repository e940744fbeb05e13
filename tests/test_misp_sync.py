"""`quaid misp sync` with a MISP over HTTP and a real store: the store follows what is in MISP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest
from support.misp_host import locked
from support.misp_runs import PICTURES, Sync, places
from support.misp_server import Attribute, Misp
from support.server import Server
from support.waiting import until

from douglas_quaid.engine import Engine

pytest_plugins = ["support.misp_fixtures"]

PDF = b"%PDF-1.7 no picture"
#: Time for a subprocess, which only a broken one needs.
SECONDS = 300


def test_images_of_a_misp_are_indexed_once(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given an event with pictures and a document
    event = misp.event("Phishing against Example Bank")
    pictures = [misp.attach(event, data, f"{n}.png") for n, data in enumerate(PICTURES)]
    misp.attach(event, PDF, "report.pdf")
    # When it is read in small pages
    first = sync("--page-size", "5")
    # Then every picture is in the store with its occurrence, and the document is counted
    assert (first.status, first.statuses()) == (0, {"added": 12, "skipped": 1})
    assert places(engine) == {
        picture.uuid: sha256(data).hexdigest() for picture, data in zip(pictures, PICTURES, strict=True)
    }
    (seen,) = engine.sightings([f"misp:attribute:{pictures[3].uuid}"])[0]
    assert seen.linked and seen.sighting.labels == {
        "event": event.uuid,
        "timestamp": str(pictures[3].timestamp),
        "misp": misp.url,
        "filename": "3.png",
        "info": "Phishing against Example Bank",
    }
    assert int(seen.sighting.last_seen.timestamp()) == pictures[3].timestamp
    # And a second run requests no file, and adds nothing
    second = sync()
    assert second.status == 0 and not misp.fetched()
    assert engine.count() == 12
    # And much later nothing is listed, and of a new picture only that one is read
    misp.later()
    sync()
    assert sync().lines == []
    new = misp.attach(misp.event(), PICTURES[0], first_seen="2026-02-03T04:05:06.000000+00:00")
    third = sync()
    assert (third.lines[0]["attribute"], third.statuses(), misp.fetched()) == (
        new.uuid,
        {"updated": 1},
        [new.uuid],
    )
    assert (
        engine.sightings([f"misp:attribute:{new.uuid}"])[0][0].sighting.first_seen.isoformat()
        == "2026-02-03T04:05:06+00:00"
    )


def test_malware_samples_and_attributes_of_objects(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given a picture and a program as malware samples, and a picture in an object
    event = misp.event()
    picture = misp.attach(
        event,
        locked(PICTURES[0]),
        f"invoice.png|{md5(PICTURES[0]).hexdigest()}",
        type="malware-sample",
    )
    program = misp.attach(event, locked(b"MZ" + bytes(100_000)), "a.exe|0", type="malware-sample")
    inside = misp.attach(event, PICTURES[1], object=misp.object(event), relation="attachment")
    # When they are read
    done = sync()
    # Then both pictures are stored, with the name that precedes the digest
    assert (done.of(picture), done.of(program), done.of(inside)) == (["added"], ["skipped"], ["added"])
    assert places(engine)[picture.uuid] == sha256(PICTURES[0]).hexdigest()
    assert (
        engine.sightings([f"misp:attribute:{picture.uuid}"])[0][0].sighting.labels["filename"]
        == "invoice.png"
    )


def test_what_changes_is_followed(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given three pictures in the store
    event = misp.event()
    changed, replaced, deleted = (misp.attach(event, data) for data in PICTURES[:3])
    sync()
    misp.later()
    # When one gets other bytes, one becomes a document, and one is deleted
    misp.edit(changed, data=PICTURES[3])
    misp.edit(replaced, data=PDF)
    misp.delete(deleted)
    done = sync()
    # Then the store has only the new picture
    assert (done.status, done.of(changed), done.of(replaced), done.of(deleted)) == (
        0,
        ["added"],
        ["skipped"],
        ["withdrawn"],
    )
    assert places(engine) == {changed.uuid: sha256(PICTURES[3]).hexdigest()} and engine.count() == 1
    # And the same run does nothing; an attribute that is restored is added again
    assert sync().statuses() == {"known": 1, "skipped": 1, "gone": 1} and not misp.fetched()
    misp.later()
    misp.edit(deleted, deleted=False)
    assert sync().of(deleted) == ["added"]
    # And an edit of other fields keeps the image, with the new timestamp
    misp.later()
    misp.edit(changed, comment="seen again")
    assert sync().of(changed) == ["updated"]
    assert engine.sightings([f"misp:attribute:{changed.uuid}"])[0][0].sighting.labels["timestamp"] == str(
        changed.timestamp
    )


def test_prune_withdraws_what_was_deleted_for_good(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given pictures of two events, and one of another MISP
    kept, removed = (misp.attach(misp.event(), data) for data in PICTURES[:2])
    lost = [misp.attach(event, data) for event in [misp.event()] for data in PICTURES[2:4]]
    engine.add(
        PICTURES[5],
        occurrence="misp:attribute:4c1a7d4e-6a64-4f35-8f0c-0a8f3c5d2b11",
        labels={"misp": "https://other.example.org"},
    )
    sync()
    misp.later()
    sync()
    # When an attribute and a whole event are deleted for good, a normal pass does not notice
    misp.delete_for_good(removed, *lost)
    assert sync().lines == [] and len(places(engine)) == 5
    # Then --prune withdraws them, after a dry run that only tells; the occurrence of the other MISP stays
    assert (
        sync("--prune", "--dry-run").statuses() == {"known": 1, "would-withdraw": 3}
        and len(places(engine)) == 5
    )
    done = sync("--prune")
    assert (done.statuses(), not misp.fetched()) == ({"known": 1, "withdrawn": 3}, True)
    assert set(places(engine)) == {kept.uuid, "4c1a7d4e-6a64-4f35-8f0c-0a8f3c5d2b11"}
    assert sync("--prune").statuses() == {"known": 1}


def test_prune_of_one_event_affects_no_other(misp: Misp, engine: Engine, sync: Sync) -> None:
    here, elsewhere = misp.event(), misp.event()
    gone, other = misp.attach(here, PICTURES[0]), misp.attach(elsewhere, PICTURES[1])
    sync()
    misp.delete_for_good(gone)
    assert sync("--prune", "--event", here.uuid).statuses() == {"withdrawn": 1}
    assert set(places(engine)) == {other.uuid}


def test_a_picture_added_while_prune_reads_is_kept(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given a second reader that stores a new picture just after the first has listed all
    event = misp.event()
    misp.attach(event, PICTURES[0])
    late: list[Attribute] = []

    def add_late(path: str, request: dict[str, Any]) -> None:
        if request.get("withAttachments") and not late:
            late.append(misp.attach(event, PICTURES[1], timestamp=5))
            engine.add(
                PICTURES[1],
                occurrence=f"misp:attribute:{late[0].uuid}",
                labels={"misp": misp.url, "event": event.uuid},
            )

    misp.before_answer = add_late
    # Then prune asks about it again before it withdraws it
    assert "withdrawn" not in sync("--prune").statuses() and late and late[0].uuid in places(engine)


def test_a_broken_picture_is_named_once(misp: Misp, engine: Engine, sync: Sync) -> None:
    event = misp.event()
    broken = misp.attach(event, PICTURES[0][: len(PICTURES[0]) // 20], "cut.png")
    odd = misp.attach(event, "not base64 at all!", "odd.png")
    misp.attach(event, PICTURES[1])
    # Given two broken pictures among others, then they are named, and the others are indexed
    first = sync(json_lines=False)
    assert first.status == 1 and broken.uuid in first.errors and odd.uuid in first.errors
    assert "1 added" in first.output and "2 failed" in first.output
    # And they are not requested again, even when everything is read
    for arguments in ((), ("--prune",)):
        again = sync(*arguments)
        assert (again.status, again.statuses(), misp.fetched()) == (0, {"known": 1, "skipped": 2}, [])
    # Unless they change
    misp.edit(broken, data=PICTURES[0], timestamp=misp.now + 1)
    broken.timestamp += 1
    assert sync().of(broken) == ["added"]


def test_events_that_appear_late_are_not_missed(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given a draft, which --published leaves out
    draft = misp.event(published=False)
    picture = misp.attach(draft, PICTURES[0])
    assert sync("--published").lines == []
    misp.later()
    sync("--published")
    # When it is published long after its attribute was made, and an old event is pulled from elsewhere
    misp.publish(draft)
    old = misp.event("pulled")
    pulled = misp.attach(old, PICTURES[1], timestamp=1_600_000_000)
    old.timestamp = 1_600_000_000
    # Then both are indexed
    done = sync("--published")
    assert (done.of(picture), done.of(pulled)) == (["added"], ["added"])
    # And so are an attribute that was edited without its event, and one of which only the event was edited
    misp.later()
    sync("--published", "--tag", "rsit:fraud")
    misp.later()
    sync("--published", "--tag", "rsit:fraud")
    picture.tags.append("rsit:fraud")
    picture.timestamp = misp.now
    old.tags.append("rsit:fraud")
    old.timestamp = misp.now
    done = sync("--published", "--tag", "rsit:fraud")
    assert (done.of(picture), done.of(pulled)) == (["updated"], ["known"])


@pytest.mark.parametrize("sorts", [True, False], ids=["server sorts", "server too old to sort"])
def test_nothing_is_lost_while_others_work(misp: Misp, engine: Engine, sync: Sync, sorts: bool) -> None:
    # Given many attributes, half of them with the same timestamp, on a server where rows change between two
    # pages
    event = misp.event()
    same = misp.now - 500
    pictures = [
        misp.attach(event, PICTURES[n % 12], f"{n}", timestamp=same if n % 2 else same - n) for n in range(24)
    ]
    misp.sorts = sorts
    listings = 0

    def change(path: str, request: dict[str, Any]) -> None:
        nonlocal listings
        listings += "limit" in request
        if sorts and request.get("limit") and listings == 2:
            misp.delete_for_good(pictures[22], pictures[20])  # rows before the next page
            misp.edit(pictures[0], comment="edited")

    misp.before_answer = change
    done = sync("--page-size", "4")
    # Then every remaining one is indexed, and only the one that was edited meanwhile is reported twice
    assert done.status == 0 and set(places(engine)) == {picture.uuid for picture in misp.attributes}
    assert all(len(done.of(picture)) == 1 for picture in misp.attributes if picture is not pictures[0])


def test_a_killed_pass_is_repeated_without_duplicates(
    misp: Misp, engine: Engine, sync: Sync, store_url: str, key: str
) -> None:
    # Given a pass that is killed when it requests the second batch of files
    event = misp.event()
    pictures = [misp.attach(event, data) for data in PICTURES]
    running: list[subprocess.Popen[bytes]] = []

    def kill(path: str, request: dict[str, Any]) -> None:
        if len(misp.asked(files=True)) == 2 and running[0].poll() is None:
            until(lambda: engine.count() >= 4, "the first batch was not indexed")
            os.kill(running[0].pid, signal.SIGKILL)

    misp.before_answer = kill
    command = [sys.executable, "-m", "douglas_quaid", "misp", "sync", "--url", misp.url, "--store", store_url]
    with misp.lock:
        running.append(subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    output = running[0].communicate(timeout=SECONDS)
    assert running[0].returncode == -signal.SIGKILL, output
    stored = engine.count()
    assert 4 <= stored < 12
    # When the command is run again
    misp.before_answer = lambda path, request: None
    done = sync()
    # Then it continues where the other one stopped
    assert done.status == 0 and done.statuses()["known"] >= stored - 1 and sum(done.statuses().values()) == 12
    assert set(places(engine)) == {picture.uuid for picture in pictures} and engine.count() == 12


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watch_follows_and_ends_when_told(
    misp: Misp, engine: Engine, store_url: str, key: str, number: int
) -> None:
    # Given a watcher, a picture in MISP, and another that is attached later
    event = misp.event()
    misp.attach(event, PICTURES[0])
    command = [
        sys.executable,
        "-m",
        "douglas_quaid",
        "misp",
        "sync",
        "--url",
        misp.url,
        "--store",
        store_url,
        "--watch",
        "1",
        "--since",
        "2020-01-01",
    ]
    # Shells start background processes with SIGINT ignored, and the tests may run in one.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    watcher = subprocess.Popen(command, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    signal.signal(signal.SIGINT, heard)
    try:
        for expected in (1, 2):
            until(lambda expected=expected: engine.count() >= expected, "the picture was not indexed")
            assert engine.count() == expected
            misp.attach(event, PICTURES[1])
        # When it gets the signal, it ends with status 0
        watcher.send_signal(number)
        output, errors = watcher.communicate(timeout=SECONDS)
        assert watcher.returncode == 0 and b"1 added" in output and b"Traceback" not in errors
        # And only its first pass began at --since
        assert [request.get("timestamp") for request in misp.asked(files=False)].count(1_577_836_800) == 1
    finally:
        watcher.kill()


def test_a_pass_that_ended_between_adding_and_withdrawing_is_completed(
    misp: Misp, engine: Engine, sync: Sync
) -> None:
    # Given an attribute with its new image and still its old one, as a pass that is killed leaves it
    picture = misp.attach(misp.event(), PICTURES[0])
    sync()
    engine.add(
        PICTURES[1], occurrence=f"misp:attribute:{picture.uuid}", labels={"timestamp": "1", "misp": misp.url}
    )
    # Then the next pass withdraws the old one, without a request for the file
    assert sync().of(picture) == ["known"] and not misp.fetched()
    assert places(engine) == {picture.uuid: sha256(PICTURES[0]).hexdigest()}


def test_a_dry_run_writes_nothing(
    misp: Misp, engine: Engine, sync: Sync, shared_server: Server, everything: Callable[[Any], bytes]
) -> None:
    # Given a store that knows one of two pictures, and one that MISP has deleted
    event = misp.event()
    known, gone = misp.attach(event, PICTURES[0]), misp.attach(event, PICTURES[1])
    sync()
    misp.later()
    misp.delete(gone)
    new = misp.attach(event, PICTURES[2])
    before = everything(shared_server.redis)
    # When a dry run with all options is made
    done = sync("--dry-run", "--prune", "--relationships", "--into", "banks", "--event", event.uuid)
    # Then it tells what would be done, and the store is byte for byte the same
    assert (done.of(new), done.of(gone)) == (["would-fetch"], ["would-withdraw"]) and done.summary["dry_run"]
    assert everything(shared_server.redis) == before and not misp.fetched() and not misp.relationships
    assert known.uuid in places(engine)


def test_untrusted_names_are_harmless_or_left_out(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given a long file name and title with control characters and bidirectional overrides
    event = misp.event("\x1b[31mred\x00\n" + "\U0001f600" * 1000)
    picture = misp.attach(event, PICTURES[0], "\u202egnp.exe " + "x" * 10_000)
    assert sync().of(picture) == ["added"]
    labels = engine.sightings([f"misp:attribute:{picture.uuid}"])[0][0].sighting.labels
    assert (
        labels["info"].startswith("[31mred \U0001f600")
        and labels["filename"].startswith("gnp.exe x")
        and len(labels["filename"]) == 255
    )
    # Then --no-names removes them, and keeps them out
    assert sync("--no-names").of(picture) == ["updated"]
    assert set(engine.sightings([f"misp:attribute:{picture.uuid}"])[0][0].sighting.labels) == {
        "event",
        "timestamp",
        "misp",
    }
    assert sync("--no-names").of(picture) == ["known"]


def test_a_later_pass_links_what_was_only_stored(misp: Misp, engine: Engine, sync: Sync) -> None:
    picture = misp.attach(misp.event(), PICTURES[0])
    sync("--no-link")
    place = f"misp:attribute:{picture.uuid}"
    assert not engine.sightings([place])[0][0].linked
    assert sync().of(picture) == ["known"] and not misp.fetched()
    assert engine.sightings([place])[0][0].linked


def test_the_help_loads_nothing_heavy(tmp_path: Path) -> None:
    program = """
import sys
from douglas_quaid.cli.main import main
try:
    main(['misp', 'sync', '--help'])
except SystemExit:
    pass
print('loaded:', *{'pymisp', 'requests', 'cv2', 'numpy', 'redis'} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "loaded:"
