"""Writers killed at any moment: the store opens, every acknowledged image is whole, and what was begun is finished.

The number of kills can be raised: `python -P tests/benchmarks/crash.py` sets QUAID_TEST_KILLS and QUAID_TEST_SEED.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import ANY

import pytest

from douglas_quaid.config import Config
from douglas_quaid.errors import NotFound, StoreError
from douglas_quaid.records import Decision, Evidence, Occurrence, Purpose, Relation, Verdict
from douglas_quaid.store import ColumnState, NewImage, PutStatus, Store
from douglas_quaid.store.connection import Connection

KILLS = int(os.environ.get("QUAID_TEST_KILLS", "60"))
SEED = int(os.environ.get("QUAID_TEST_SEED", "20261122"))
MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")
HERE = Occurrence.parse("file:path:/tmp/a.png")


def in_child(work: Callable[[], None]) -> int:
    """Run something in a forked child that ends without any clean-up; gives its process id."""
    child = os.fork()
    if child:
        return child
    try:
        gc.disable()
        work()
        os._exit(0)
    finally:
        os._exit(1)


def check_whole(store: Store, make_image, acknowledged: set[int], begun: int) -> None:
    """Every acknowledged image is found by its row, and no image is half there: record, row and words agree for every one."""
    changes = store.column_reader().refresh(ColumnState())
    rows: dict[str, tuple[bytes, bytes]] = {}
    for change in changes.shards:
        at = 0
        for row in change.rows:
            image_id, words = bytes(row["image_id"]).hex(), change.words[at : at + int(row["words"])].tobytes()
            at += int(row["words"])
            if any(row["image_id"]):
                assert image_id not in rows, "two rows of one image"
                rows[image_id] = (bytes(row["pdq"]), words)
        assert at == len(change.words)
    made = [make_image(n) for n in range(begun + 1)]
    images = {image.image_id: image for image in made}
    assert set(rows) <= set(images)
    assert {made[n].image_id for n in acknowledged} <= set(rows)
    records = store.records(list(images))
    infos = store.infos(list(images))
    for image, record, info in zip(images.values(), records, infos, strict=True):
        assert (record is not None) == (info is not None) == (image.image_id in rows)
        if record is not None:
            assert record == image.record and rows[image.image_id] == (image.pdq, image.words)
            assert info.occurrence_count == 1
    for image in random.Random(SEED).sample([image for image in images.values() if image.image_id in rows], min(300, len(rows))):
        assert store.by_pixels(image.pixel_digest) == [image.image_id]
        assert store.images_of(store.infos([image.image_id])[0].sightings[0].occurrence) == [image.image_id]
    assert store.stats().images == len(rows) == store.stats().occurrences


def test_writers_killed_at_random_moments_leave_whole_images(server, make_image, tmp_path):
    # Given a process that adds images and writes down each one that was acknowledged
    store = Store.open(Config(store=server.url))
    store.put(make_image(0), occurrence=Occurrence("file", "path", "/0"))
    acknowledged_file = tmp_path / "acknowledged"
    acknowledged, begun, moments = {0}, 0, random.Random(SEED)

    def add_for_ever() -> None:
        writer, n = Store.open(Config(store=server.url)), begun
        with acknowledged_file.open("ab", buffering=0) as log:
            while True:
                n += 1
                writer.put(make_image(n, words=n % 7), occurrence=Occurrence("file", "path", f"/{n}"))
                log.write(n.to_bytes(4, "big"))

    def made(n: int) -> NewImage:
        return make_image(n, words=n % 7 if n else 3)

    # When it is killed again and again
    for _ in range(KILLS):
        acknowledged_file.write_bytes(b"")
        child = in_child(add_for_ever)
        time.sleep(moments.uniform(0.02, 0.15))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        data = acknowledged_file.read_bytes()
        new = {int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data) // 4 * 4, 4)}
        acknowledged |= new
        begun = max([begun, *new]) + 1  # the one under way may be there or not
    # Then a newly opened store has each of them, whole
    assert len(acknowledged) > KILLS
    with Store.open(Config(store=server.url)) as opened:
        check_whole(opened, made, acknowledged, begun)
        print(f"\ncrash|{KILLS}|{len(acknowledged)}|{len(acknowledged)}|{opened.stats().images - len(acknowledged)}")  # for the benchmark
    store.close()


def test_a_server_killed_under_its_writers_comes_back_with_whole_images(server, make_image):
    # Given writers at work when the server itself is killed, three times
    config, n = Config(store=server.url, store_timeout=2), 0
    for _ in range(3):
        child = in_child(lambda n=n: _add_until_refused(config, make_image, n + 1))
        time.sleep(0.15)
        server.kill()
        os.waitpid(child, 0)
        server.start()
        with Store.open(config) as store:
            n = max(k for k in range(n, n + 5000) if k == n or store.exists(make_image(k).image_id))
    # Then what is there is whole (its last second may be lost with the machine, not with the process)
    with Store.open(config) as store:
        check_whole(store, make_image, set(), n)
        assert n > 0


def _add_until_refused(config: Config, make_image, n: int) -> None:
    with Store.open(config) as store:
        while True:
            try:
                store.put(make_image(n), occurrence=Occurrence("file", "path", f"/{n}"))
            except StoreError:
                return
            n += 1


# -- killed between the steps of what spans shards -------------------------------------------------------------------------------


def run_and_die(monkeypatch: pytest.MonkeyPatch, url: str, work: Callable[[Store], object], step: int) -> bool:
    """Do something in a child that dies before its step-th command; every command of a pipeline is a step. True if it died."""

    def child() -> None:
        store, count, run = Store.open(Config(store=url)), 0, Connection.run

        def one_by_one(self: Connection, commands):
            nonlocal count
            answers = []
            for command in commands:
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                answers += run(self, [command])
            return answers

        monkeypatch.setattr(Connection, "run", one_by_one)
        work(store)

    _, status = os.waitpid(in_child(child), 0)
    assert status in (0, signal.SIGKILL), "the child failed by itself"
    return bool(status)


def test_a_verdict_killed_at_any_step_is_on_both_sides_or_on_none(server, make_image, monkeypatch):
    step, died, completed = 0, True, 0
    while died:
        # Given two images of different shards, and a writer that dies a step later each time
        a, b = (make_image(2 * step + n, salt="verdict") for n in range(2))
        with Store.open(Config(store=server.url)) as store:
            store.put_many([a, b])
        died = run_and_die(monkeypatch, server.url, lambda store, a=a, b=b: store.record_verdict(a.image_id, b.image_id, MATCH), step)
        # Then the next open finishes it if it had begun
        with Store.open(Config(store=server.url)) as store:
            ours, theirs, clusters = store.verdicts(a.image_id), store.verdicts(b.image_id), store.clusters_of([a.image_id, b.image_id])
            assert len(ours) == len(theirs) == len([c for c in clusters if c]) / 2
            completed += len(ours)
        assert server.redis.hlen("dq:{meta}:intents") == 0
        step += 1
    assert completed >= 5 and step >= 8


def test_a_veto_killed_at_any_step_holds_wholly_or_not_at_all(server, make_image, monkeypatch):
    step, died, held = 0, True, 0
    while died:
        a, b, c = (make_image(3 * step + n, salt="veto") for n in range(3))
        with Store.open(Config(store=server.url)) as store:
            store.put_many([a, b, c])
            store.record_verdicts(a.image_id, [(b.image_id, MATCH), (c.image_id, MATCH)])
        died = run_and_die(monkeypatch, server.url, lambda store, a=a, b=b: store.veto(a.image_id, b.image_id), step)
        with Store.open(Config(store=server.url)) as store:
            vetoed = store.vetoed(a.image_id) == {b.image_id}
            assert (store.vetoed(b.image_id) == {a.image_id}) == vetoed
            held += vetoed
            in_one = store.clusters_of([a.image_id])[0] == store.clusters_of([b.image_id])[0] is not None
            kept = [server.redis.hexists(f"dq:{{{x.image_id[0]}}}:ver:{x.image_id}", y.image_id) for x, y in ((a, b), (b, a))]
            assert in_one == (not vetoed) and kept == [not vetoed] * 2
        assert server.redis.hlen("dq:{meta}:intents") == 0
        step += 1
    assert held >= 2 and step >= 7


def rich_store(url: str, make_image, salt: str) -> tuple[NewImage, list[NewImage]]:
    """An image that is everywhere it can be: seen, in a collection, judged, clustered, vetoed; and its partners."""
    forgotten, *partners = (make_image(n, salt=salt) for n in range(6))
    with Store.open(Config(store=url)) as store:
        store.create_collection("known", Purpose.KNOWN)
        store.put_many([forgotten, *partners])
        store.note(forgotten.image_id, occurrence=HERE, labels={"event": "1"})
        store.note(forgotten.image_id, collection="known", labels={"brand": "Acme"})
        store.record_verdicts(forgotten.image_id, [(partner.image_id, MATCH) for partner in partners[:3]])
        store.record_verdict(partners[3].image_id, forgotten.image_id, Verdict(Decision.REVIEW, None, 0.5, Evidence(), "c", "s"))
        store.veto(partners[4].image_id, forgotten.image_id)
    return forgotten, partners


def traces(image: NewImage, data: bytes) -> list[str]:
    """What of an image can be found in some bytes."""
    needles = {
        "id": bytes.fromhex(image.image_id),
        "id in hex": image.image_id.encode(),
        "half of the id in hex": image.image_id[:32].encode(),
        "PDQ": image.pdq,
        "pixel digest": image.pixel_digest,
        "record": image.record,
        "words": image.words[:16],
    }
    return [name for name, needle in needles.items() if needle in data]


def test_forget_leaves_nothing_in_redis(server, make_image, everything):
    forgotten, partners = rich_store(server.url, make_image, "x")
    assert set(traces(forgotten, everything(server.redis))) == {"id", "id in hex", "half of the id in hex", "PDQ", "pixel digest", "record", "words"}
    with Store.open(Config(store=server.url)) as store:
        report = store.forget(forgotten.image_id)
        assert traces(forgotten, everything(server.redis)) == []
        assert str(HERE).encode() not in everything(server.redis)
        # And the rest is as it was, without it
        assert report.occurrences == 1 and report.verdicts == 4 and set(report.unlinked) == {p.image_id for p in partners[:3]}
        assert not store.exists(forgotten.image_id) and store.stats().images == 5 and store.stats().occurrences == 0
        assert store.collection_members("known") == set() and store.images_of(HERE) == []
        with pytest.raises(NotFound):
            store.forget(forgotten.image_id)
        # And it can be added again, as if never seen
        assert store.put(forgotten) is PutStatus.ADDED
        assert store.verdicts(forgotten.image_id) == [] and store.vetoed(forgotten.image_id) == set()


def test_forget_killed_at_any_step_is_finished_at_the_next_open(server, make_image, everything, monkeypatch):
    step, died, gone = 0, True, 0
    while died:
        forgotten, partners = rich_store(server.url, make_image, f"step {step} ")
        died = run_and_die(monkeypatch, server.url, lambda store, i=forgotten.image_id: store.forget(i), step)
        with Store.open(Config(store=server.url)) as store:
            if store.exists(forgotten.image_id):  # not begun: then nothing is missing either
                assert store.infos([forgotten.image_id])[0].occurrence_count == 1 and len(store.verdicts(forgotten.image_id)) == 4
            else:
                gone += 1
                assert traces(forgotten, everything(server.redis)) == [], f"killed before step {step}"
                assert store.stats().images == 5 and all(store.exists(partner.image_id) for partner in partners)
        server.redis.flushall()
        step += 1
    assert gone > 20 and step > 40


def test_an_image_being_forgotten_is_added_again_only_after_that(server, make_image, monkeypatch):
    # Given a forget that was killed in its middle, and another process that has had the store open all along
    with Store.open(Config(store=server.url)) as store:
        forgotten, partners = rich_store(server.url, make_image, "y")
        assert run_and_die(monkeypatch, server.url, lambda other: other.forget(forgotten.image_id), 25)
        assert server.redis.hlen("dq:{meta}:intents") == 1
        # When it adds the image, the forget is finished first; opening later takes nothing away
        assert store.put(forgotten, occurrence=HERE) is PutStatus.ADDED
        store.record_verdict(forgotten.image_id, partners[0].image_id, MATCH)
        assert server.redis.hlen("dq:{meta}:intents") == 0
        with Store.open(Config(store=server.url)) as again:
            assert again.exists(forgotten.image_id) and len(again.verdicts(partners[0].image_id)) == 1


def interleave(monkeypatch: pytest.MonkeyPatch, store: Store, step: int, *, work: Callable[[], object], between: Callable[[], object]) -> bool:
    """Do `work` with a store, and `between` before the step-th command of it; every command of a pipeline is a step. True if it came to that."""
    run, count, reached = Connection.run, 0, False

    def interleaved(self: Connection, commands):
        nonlocal count, reached
        answers = []
        for command in commands:
            if self is store.connection and not reached:
                if count == step:
                    reached = True
                    between()
                count += 1
            answers += run(self, [command])
        return answers

    with monkeypatch.context() as patched:
        patched.setattr(Connection, "run", interleaved)
        work()
    return reached


@pytest.mark.parametrize("victim", [0, 1])
def test_a_slow_writer_cannot_bring_a_forgotten_image_back(server, make_image, everything, monkeypatch, victim):
    # Given a writer of two verdicts, and somebody who forgets one of the images between any two of its steps
    step, reached = 0, True
    with Store.open(Config(store=server.url)) as writer, Store.open(Config(store=server.url)) as other:
        while reached:
            images = [make_image(3 * step + n, salt=f"slow {victim}") for n in range(3)]
            a, b, c = (image.image_id for image in images)
            writer.put_many(images)
            reached = interleave(
                monkeypatch, writer, step,
                work=lambda a=a, b=b, c=c: writer.record_verdicts(a, [(b, MATCH), (c, MATCH)]),
                between=lambda i=images[victim].image_id: other.forget(i),
            )  # fmt: skip
            # Then nothing of it is left, and the pair that is not concerned is whole
            assert traces(images[victim], everything(server.redis)) == ([] if reached else ANY), f"forgotten before step {step}"
            assert [len(writer.verdicts(i)) for i in (a, c)] == ([2, 1] if not reached else [1, 1] if victim else [0, 0])
            step += 1
    assert step > 7


def test_a_verdict_in_the_middle_of_a_forget_leaves_nothing_behind(server, make_image, everything, monkeypatch):
    step, reached = 0, True
    with Store.open(Config(store=server.url)) as forgetter, Store.open(Config(store=server.url)) as writer:
        while reached:
            images = [make_image(3 * step + n, salt="middle") for n in range(3)]
            a, b, c = (image.image_id for image in images)
            writer.put_many(images)
            writer.record_verdict(b, a, MATCH)
            reached = interleave(
                monkeypatch, forgetter, step,
                work=lambda a=a: forgetter.forget(a),
                between=lambda a=a, b=b, c=c: writer.record_verdicts(c, [(a, MATCH), (b, MATCH)]),
            )  # fmt: skip
            assert traces(images[0], everything(server.redis)) == [], f"judged before step {step}"
            assert writer.clusters_of([b, c])[0] == writer.clusters_of([b, c])[1]
            assert [found.image_id for found in writer.verdicts(b)] == ([c] if reached else [])
            step += 1
    assert step > 40


def test_an_image_added_in_the_middle_of_its_forgetting_is_whole_or_gone(server, make_image, everything, monkeypatch):
    step, reached, readded = 0, True, 0
    with Store.open(Config(store=server.url)) as forgetter, Store.open(Config(store=server.url)) as writer:
        while reached:
            images = [make_image(2 * step + n, salt="again") for n in range(2)]
            a, b = (image.image_id for image in images)
            writer.put_many(images)
            writer.record_verdict(b, a, MATCH)

            def add_again(image=images[0], b=b) -> None:
                if writer.put(image, occurrence=HERE) is PutStatus.ADDED:
                    writer.record_verdict(image.image_id, b, MATCH)

            reached = interleave(monkeypatch, forgetter, step, work=lambda a=a: forgetter.forget(a), between=add_again)
            if writer.exists(a):
                readded += 1
                assert len(writer.verdicts(a)) == len(writer.verdicts(b)) == 1 and writer.clusters_of([a])[0].members == tuple(sorted([a, b]))
                writer.forget(a)
            assert traces(images[0], everything(server.redis)) == []
            step += 1
    assert readded > 20


def test_two_forgets_at_once_both_end(server, make_image, everything):
    with Store.open(Config(store=server.url)) as store:
        images = [make_image(n) for n in range(40)]
        store.put_many(images)
        store.record_verdicts(images[0].image_id, [(image.image_id, MATCH) for image in images[1:]])

    def forget_all(chosen: list[NewImage]) -> None:
        with Store.open(Config(store=server.url)) as store:
            for image in chosen:
                store.forget(image.image_id)

    children = [in_child(lambda k=k: forget_all(images[k::3])) for k in range(3)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    data = everything(server.redis)
    assert [image for image in images if traces(image, data)] == []


# -- on disk ---------------------------------------------------------------------------------------------------------------------


def on_disk(folder: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("appendonly*")) if path.is_file())


def test_purge_takes_a_forgotten_image_off_the_disk_too(server, make_image):
    forgotten, partners = rich_store(server.url, make_image, "z")
    with Store.open(Config(store=server.url)) as store:
        store.forget(forgotten.image_id)
        assert "id in hex" in traces(forgotten, on_disk(server.folder))  # the append-only file still tells
        store.purge()
        assert traces(forgotten, on_disk(server.folder)) == []
        assert traces(partners[0], on_disk(server.folder)) != []
    # And a server that reads its file again has what it should have
    server.stop()
    server.start()
    with Store.open(Config(store=server.url)) as store:
        assert store.stats().images == 5 and store.records([partners[0].image_id]) == [partners[0].record]
