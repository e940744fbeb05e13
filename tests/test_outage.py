"""Redis away, stopped, full or read-only: a clear error in time, nothing half-written, and work goes on
afterwards.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from support.columns import refresh
from support.images import is_stored, put_all, record_verdict
from support.judging import veto
from support.ports import free_port

from douglas_quaid.config import Config
from douglas_quaid.errors import StoreError, StoreFull, StoreTimeout, StoreUnavailable
from douglas_quaid.records import Decision, Evidence, Occurrence, Purpose, Relation, Verdict
from douglas_quaid.store import PutStatus, Store

#: Store timeout where a silent server is asked; too short for a busy machine otherwise.
SHORT = 0.3
#: Seconds within which an error must come on a machine that is busy with other things; without a limit it
#: would never come.
AT_MOST = 5.0
MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")


def operations(store: Store, make_image) -> list[Callable[[], object]]:
    """One of each kind, reads and writes."""
    a, b = make_image(1), make_image(2)
    return [
        lambda: is_stored(store, a.image_id),
        lambda: store.images.put(make_image(3)),
        lambda: store.images.note(a.image_id),
        lambda: store.images.records([a.image_id, b.image_id]),
        lambda: store.images.infos([a.image_id]),
        lambda: store.images.by_pixels(a.pixel_digest),
        lambda: store.verdicts.of(a.image_id),
        lambda: record_verdict(store, a.image_id, b.image_id, MATCH),
        lambda: veto(store, a.image_id, b.image_id),
        lambda: store.forgetting.forget(a.image_id),
        lambda: store.collections.all(),
        lambda: refresh(store.columns),
        lambda: store.stats(),
        lambda: store.forgetting.purge(),
    ]


@contextmanager
def in_time() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < AT_MOST


def test_a_server_that_is_away_is_unavailable_and_back_when_it_is_back(server, make_image):
    with Store.open(Config(store=server.url)) as store:
        put_all(store, [make_image(1), make_image(2)])
        server.stop()
        for operation in operations(store, make_image):
            with in_time(), pytest.raises(StoreUnavailable) as caught:
                operation()
            assert caught.value.retryable and server.url in str(caught.value)
        with pytest.raises(StoreUnavailable):
            Store.open(Config(store=server.url))
        # When it is back, the same object works on
        server.start()
        assert store.images.put(make_image(3)) is PutStatus.ADDED
        assert store.stats().images == 3


def test_a_server_that_is_silent_times_out_and_what_was_asked_is_whole_or_absent(server, make_image):
    with (
        Store.open(Config(store=server.url)) as store,
        Store.open(Config(store=server.url, store_timeout=SHORT)) as impatient,
    ):
        put_all(store, [make_image(1), make_image(2)])
        for operation in operations(impatient, make_image):
            server.pause()
            try:
                with in_time(), pytest.raises(StoreTimeout, match=r"did not answer within 0\.3 s"):
                    operation()
            finally:
                server.resume()
        # Then it goes on, and each image has record and row or neither (a command that was sent may have been
        # done)
        store.images.put(make_image(4))
        rows = {
            bytes(row["image_id"]).hex()
            for change in refresh(store.columns).shards
            for row in change.rows
            if any(row["image_id"])
        }
        images = [make_image(n) for n in range(1, 5)]
        assert rows == {
            image.image_id
            for image, record in zip(images, store.images.records([i.image_id for i in images]), strict=True)
            if record
        }


def test_a_connection_that_breaks_in_the_middle_of_work_is_made_anew(server, make_image):
    # Given threads that add and judge while all connections are cut again and again
    config, failures, stop = Config(store=server.url, store_timeout=5), [], threading.Event()
    with Store.open(config) as store:
        put_all(store, [make_image(n) for n in range(20)])

        def work(k: int) -> None:
            n = 0
            while not stop.is_set():
                n += 1
                try:
                    store.images.put(make_image(n, salt=f"thread {k}"))
                    record_verdict(
                        store, make_image(n % 20).image_id, make_image((n + 1 + k) % 20).image_id, MATCH
                    )
                except StoreUnavailable:
                    pass
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            time.sleep(0.02)
            server.redis.client_kill_filter(_type="normal")
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
    # Then what was interrupted is finished at the next open
    with Store.open(config) as store:
        assert server.redis.hlen("dq:{meta}:intents") == 0
        for n in range(20):
            for found in store.verdicts.of(make_image(n).image_id):
                assert store.verdicts.between(found.image_id, make_image(n).image_id) is not None


def test_a_full_server_refuses_to_add_but_not_to_answer_or_forget(make_server, make_image):
    server = make_server(maxmemory="0")
    with Store.open(Config(store=server.url)) as store:
        store.collections.create("known", Purpose.KNOWN)
        put_all(store, [make_image(1), make_image(2)])
        record_verdict(store, make_image(1).image_id, make_image(2).image_id, MATCH)
        server.redis.config_set("maxmemory", 1)
        for refused in (
            lambda: store.images.put(make_image(3)),
            lambda: store.images.put(make_image(1), collection="known"),
            lambda: store.collections.create("other", Purpose.KNOWN),
        ):
            with pytest.raises(StoreFull, match="refuses writes"):
                refused()
        assert store.images.records([make_image(3).image_id]) == [None] and refresh(store.columns).shards
        # Then forgetting works, since it is what makes room
        store.forgetting.forget(make_image(1).image_id)
        assert store.stats().images == 1 and store.verdicts.of(make_image(2).image_id) == []
        server.redis.config_set("maxmemory", 0)
        assert store.images.put(make_image(3)) is PutStatus.ADDED


def test_a_read_only_replica_answers_and_refuses_writes(server, make_server, make_image):
    port = free_port()
    with Store.open(Config(store=server.url)) as store:
        store.images.put(make_image(1))
    server.redis.config_set("port", port)
    server.redis.config_set("repl-diskless-sync-delay", 0)
    replica = make_server()
    replica.redis.replicaof("127.0.0.1", port)
    deadline = time.monotonic() + 20
    while replica.redis.info("replication")["master_link_status"] != "up":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with Store.open(Config(store=replica.url)) as store:
        assert store.images.records([make_image(1).image_id]) == [make_image(1).record]
        for refused in (
            lambda: store.images.put(make_image(2)),
            lambda: store.images.note(
                make_image(1).image_id, occurrence=Occurrence.parse("file:path:/tmp/a.png")
            ),
            lambda: store.forgetting.forget(make_image(1).image_id),
            lambda: record_verdict(store, make_image(1).image_id, make_image(2).image_id, MATCH),
        ):
            with pytest.raises(StoreFull, match="refuses writes"):
                refused()


def test_a_server_that_is_reading_its_files_is_unavailable(server, make_image):
    with Store.open(Config(store=server.url)) as store:
        store.images.put(make_image(1))
        server.redis.config_set("appendonly", "no")
        server.redis.save()
        answers_meanwhile = server.redis.config_get(
            "loading-process-events-interval-bytes"
        )  # not before Redis 7
    # Given a server that takes its time to read them
    server.stop()
    server.settings |= {"appendonly": "no", "key-load-delay": "20000"}
    server.settings |= {"loading-process-events-interval-bytes": "1024"} if answers_meanwhile else {}
    starting = threading.Thread(target=server.start)
    starting.start()
    kinds = set()
    while starting.is_alive():
        try:
            Store.open(Config(store=server.url, store_timeout=SHORT, volatile_store=True)).close()
        except StoreError as error:
            kinds.add(type(error))
    starting.join()
    assert kinds <= {StoreUnavailable, StoreTimeout} and kinds
    with Store.open(Config(store=server.url, volatile_store=True)) as store:
        assert is_stored(store, make_image(1).image_id)


def test_nobody_listening_is_unavailable():
    with in_time(), pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1"):
        Store.open(Config(store="redis://127.0.0.1:1"))
    # And a port that accepts and never answers times out
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with in_time(), pytest.raises(StoreTimeout):
            Store.open(Config(store=f"redis://127.0.0.1:{listener.getsockname()[1]}", store_timeout=SHORT))


# -- a Redis Cluster -----------------------------------------------------------------------------------------


def test_a_redis_cluster_spreads_the_data_and_does_all_that_one_server_does(cluster, make_image, everything):
    servers, url, _ = cluster
    with Store.open(Config(store=url)) as store:
        images = [make_image(n) for n in range(100)]
        store.collections.create("known", Purpose.KNOWN)
        put_all(store, images, collection="known")
        assert all(server.redis.dbsize() > 50 for server in servers)
        # Reading across all shards
        assert store.images.records([image.image_id for image in images]) == [
            image.record for image in images
        ]
        assert store.collections.members("known") == {image.image_id for image in images}
        assert sum(len(change.rows) for change in refresh(store.columns).shards) == 100
        assert store.images.by_pixels(images[7].pixel_digest) == [images[7].image_id]
        # Changes across shards
        store.verdicts.record(images[0].image_id, [(image.image_id, MATCH) for image in images[1:20]])
        assert len(store.clusters.of([images[5].image_id])[0].members) == 20
        veto(store, images[5].image_id, images[0].image_id)
        report = store.forgetting.forget(images[0].image_id)
        assert len(report.unlinked) == 18
        store.forgetting.purge()
        needle = images[0].image_id.encode()
        assert not any(needle in everything(server.redis) for server in servers)
        assert store.stats().images == 99


def test_a_slot_that_moves_is_followed(cluster, make_image):
    servers, url, ports = cluster
    with Store.open(Config(store=url)) as store:
        put_all(store, [make_image(n) for n in range(40)])
        # Given the slot of shard 7 moved to another server, keys and all
        slot = servers[0].redis.execute_command("CLUSTER", "KEYSLOT", "dq:{7}:head")
        old = next(
            n
            for n, server in enumerate(servers)
            if server.redis.execute_command("CLUSTER", "COUNTKEYSINSLOT", slot)
        )
        new = (old + 1) % 3
        identities = [server.redis.execute_command("CLUSTER", "MYID").decode() for server in servers]
        servers[new].redis.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", identities[old])
        servers[old].redis.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", identities[new])
        keys = servers[old].redis.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100_000)
        servers[old].redis.execute_command("MIGRATE", "127.0.0.1", ports[new], "", 0, 5000, "KEYS", *keys)
        for server in servers:
            server.redis.execute_command("CLUSTER", "SETSLOT", slot, "NODE", identities[new])
        # Then reading and adding go on
        assert all(is_stored(store, make_image(n).image_id) for n in range(40))
        put_all(store, [make_image(n) for n in range(40, 80)])
        assert store.stats().images == 80


def test_a_cluster_with_a_server_away_fails_in_time_and_works_again_after(cluster, make_image):
    servers, url, _ = cluster
    config = Config(store=url, store_timeout=1)
    with Store.open(config) as store:
        put_all(store, [make_image(n) for n in range(40)])
        for away, back, kinds in (
            (servers[1].pause, servers[1].resume, (StoreTimeout, StoreUnavailable)),
            (servers[1].kill, servers[1].start, (StoreUnavailable,)),
        ):
            away()
            with in_time(), pytest.raises(kinds):
                put_all(store, [make_image(n) for n in range(80)])
            back()
            deadline = time.monotonic() + 30
            while True:
                try:
                    put_all(store, [make_image(n) for n in range(80)])
                    break
                except StoreError:
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
        assert store.stats().images == 80
