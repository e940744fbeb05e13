"""Writers killed at any moment: the store opens, every acknowledged image is whole, and what was begun is
finished.

The number of kills can be raised: `python -m benchmarks.crash` sets QUAID_TEST_KILLS and
QUAID_TEST_SEED.
"""

from __future__ import annotations

import os
import random
import signal
import time

from support.images import is_stored, put_all, record_verdict
from support.judging import veto
from support.steps import in_child, run_and_die
from support.waiting import until
from support.whole import assert_whole

from douglas_quaid.config import Config
from douglas_quaid.errors import StoreError
from douglas_quaid.records import Decision, Evidence, Occurrence, Relation, Verdict
from douglas_quaid.store import NewImage, Store

KILLS = int(os.environ.get("QUAID_TEST_KILLS", "60"))
SEED = int(os.environ.get("QUAID_TEST_SEED", "20261122"))
MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")


def test_writers_killed_at_random_moments_leave_whole_images(server, make_image, tmp_path):
    # Given a process that adds images and writes down each one that was acknowledged
    store = Store.open(Config(store=server.url))
    store.images.put(make_image(0), occurrence=Occurrence("file", "path", "/0"))
    acknowledged_file = tmp_path / "acknowledged"
    acknowledged, begun, moments = {0}, 0, random.Random(SEED)

    def add_for_ever() -> None:
        writer, n = Store.open(Config(store=server.url)), begun
        with acknowledged_file.open("ab", buffering=0) as log:
            while True:
                n += 1
                writer.images.put(make_image(n, words=n % 7), occurrence=Occurrence("file", "path", f"/{n}"))
                log.write(n.to_bytes(4, "big"))

    def made(n: int) -> NewImage:
        return make_image(n, words=n % 7 if n else 3)

    # When it is killed again and again
    for _ in range(KILLS):
        acknowledged_file.write_bytes(b"")
        child = in_child(add_for_ever)
        until(lambda: acknowledged_file.stat().st_size)
        time.sleep(moments.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        data = acknowledged_file.read_bytes()
        new = {int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data) // 4 * 4, 4)}
        acknowledged |= new
        begun = max([begun, *new]) + 1  # the one under way may be there or not
    # Then a newly opened store has each of them, whole
    assert len(acknowledged) > KILLS
    with Store.open(Config(store=server.url)) as opened:
        assert_whole(opened, made, acknowledged, range(begun + 1))
        count = len(acknowledged)
        print(f"\ncrash|{KILLS}|{count}|{count}|{opened.stats().images - count}")  # for the benchmark
    store.close()


def test_a_server_killed_under_its_writers_comes_back_with_whole_images(server, make_image):
    # Given writers at work when the server itself is killed, three times
    config, n = Config(store=server.url, store_timeout=2), 0
    for _ in range(3):
        child = in_child(lambda n=n: _add_until_refused(config, make_image, n + 1))
        with Store.open(config) as store:
            until(lambda: is_stored(store, make_image(n + 20).image_id))  # noqa: B023
        server.kill()
        os.waitpid(child, 0)
        server.start()
        with Store.open(config) as store:
            n = max(k for k in range(n, n + 5000) if k == n or is_stored(store, make_image(k).image_id))
    # Then what is there is whole (its last second may be lost with the machine, not with the process)
    with Store.open(config) as store:
        assert_whole(store, make_image, set(), range(n + 1))
        assert n > 0


def _add_until_refused(config: Config, make_image, n: int) -> None:
    with Store.open(config) as store:
        while True:
            try:
                store.images.put(make_image(n), occurrence=Occurrence("file", "path", f"/{n}"))
            except StoreError:
                return
            n += 1


# -- killed between the steps of what spans shards -----------------------------------------------------------


def test_a_verdict_killed_at_any_step_is_on_both_sides_or_on_none(server, make_image, monkeypatch):
    step, died, completed = 0, True, 0
    while died:
        # Given two images of different shards, and a writer that dies a step later each time
        a, b = (make_image(2 * step + n, salt="verdict") for n in range(2))
        with Store.open(Config(store=server.url)) as store:
            put_all(store, [a, b])
        died = run_and_die(
            monkeypatch,
            server.url,
            lambda store, a=a, b=b: record_verdict(store, a.image_id, b.image_id, MATCH),
            step,
        )
        # Then the next open finishes it if it had begun
        with Store.open(Config(store=server.url)) as store:
            ours, theirs, clusters = (
                store.verdicts.of(a.image_id),
                store.verdicts.of(b.image_id),
                store.clusters.of([a.image_id, b.image_id]),
            )
            assert len(ours) == len(theirs) == len([c for c in clusters if c]) / 2
            completed += len(ours)
        assert server.redis.hlen("dq:{meta}:intents") == 0
        step += 1
    assert completed >= 4 and step >= 7


def test_a_veto_killed_at_any_step_holds_wholly_or_not_at_all(server, make_image, monkeypatch):
    step, died, held = 0, True, 0
    while died:
        a, b, c = (make_image(3 * step + n, salt="veto") for n in range(3))
        with Store.open(Config(store=server.url)) as store:
            put_all(store, [a, b, c])
            store.verdicts.record(a.image_id, [(b.image_id, MATCH), (c.image_id, MATCH)])
        died = run_and_die(
            monkeypatch, server.url, lambda store, a=a, b=b: veto(store, a.image_id, b.image_id), step
        )
        with Store.open(Config(store=server.url)) as store:
            vetoed = store.judgements.vetoed(a.image_id) == {b.image_id}
            assert (store.judgements.vetoed(b.image_id) == {a.image_id}) == vetoed
            held += vetoed
            in_one = store.clusters.of([a.image_id])[0] == store.clusters.of([b.image_id])[0] is not None
            shown = [store.verdicts.between(x.image_id, y.image_id) is not None for x, y in ((a, b), (b, a))]
            assert in_one == (not vetoed) and shown == [not vetoed] * 2
        assert server.redis.hlen("dq:{meta}:intents") == 0
        step += 1
    assert held >= 1 and step >= 4
