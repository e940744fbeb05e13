"""The columns: whatever is added, renewed, forgotten or compacted, a reader that follows them holds what a
new reader finds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from support.columns import refresh
from support.images import put_all

from douglas_quaid.config import Config
from douglas_quaid.store import ROW, ColumnReader, ColumnState, NewImage, Store, StoreOptions
from douglas_quaid.store.columns import INFORMATIVE, ShardState, pack_row
from douglas_quaid.store.forgetting import compact
from douglas_quaid.store.keys import SHARDS
from douglas_quaid.store.scripts import COMPACT, WORD_BYTES


class Follower:
    """A replica in its dumbest form: the rows and words of every shard by row number, and which of them are
    dead.
    """

    def __init__(self, reader: ColumnReader) -> None:
        self.reader, self.state = reader, ColumnState()
        self.rows: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def refresh(self) -> Follower:
        changes = refresh(self.reader, self.state)
        self.state = changes.state
        for change in changes.shards:
            if change.reload:
                self.rows = {key: value for key, value in self.rows.items() if key[0] != change.shard}
            at = 0
            for offset, row in enumerate(change.rows):
                self.rows[change.shard, change.first_row + offset] = (
                    row.tobytes(),
                    change.words[at : at + int(row["words"])].tobytes(),
                )
                at += int(row["words"])
            for number in change.dead:
                del self.rows[change.shard, int(number)]
        return self

    def images(self) -> dict[str, tuple[bytes, bytes]]:
        """Row and words of each live image."""
        found = {row[:32].hex(): (row, words) for row, words in self.rows.values()}
        assert len(found) == len(self.rows)
        return found


def expected(images: list[NewImage]) -> dict[str, tuple[bytes, bytes]]:
    return {
        i.image_id: (
            pack_row(
                i.image_id,
                i.pdq,
                quality=i.pdq_quality,
                informative=i.informative,
                words=len(i.words) // WORD_BYTES,
                pdq_version=1,
                local_version=1,
            ),
            i.words,
        )
        for i in images
    }


#: Four rows a chunk instead of 128, and two chunks a round trip, so that a few images cross many of them.
SMALL = StoreOptions(chunk_rows=4, read_chunks=2, compact_chunks=1)


@pytest.fixture
def small_chunks(store_url: str) -> Iterator[Store]:
    """An empty store with small chunks."""
    with Store.open(Config(store=store_url), SMALL) as store:
        yield store


def in_one_shard(
    make_image: Callable[..., NewImage], count: int, *, words: int | None = None
) -> list[NewImage]:
    """Images whose ids all begin with the same digit."""
    found = [
        image
        for n in range(count * 16 * 3)
        if (image := make_image(n, words=n % 4 if words is None else words)).image_id[0] == "7"
    ]
    assert len(found) >= count
    return found[:count]


STEPS = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 7)),
    st.tuples(st.just("put"), st.integers(1, 7)),
    st.tuples(st.just("forget"), st.integers(0, 50)),
    st.tuples(st.just("renew"), st.integers(0, 50)),
    st.tuples(st.just("compact"), st.just(0)),
    st.tuples(st.just("slice"), st.integers(1, 3)),
    st.tuples(st.just("slice"), st.integers(1, 3)),
    st.tuples(st.just("read"), st.just(0)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=25))
def test_a_follower_always_holds_what_was_acknowledged(small_chunks, shared_server, make_image, steps):
    store = small_chunks
    # Given an empty store, a reader that looks now and then, and one that looks at the end
    shared_server.redis.flushall()
    follower, unused, live = Follower(store.columns), in_one_shard(make_image, 60), []
    for kind, n in steps:
        if kind == "put":
            new, unused = unused[:n], unused[n:]
            put_all(store, new)
            live += new
        elif kind == "forget" and live:
            store.forgetting.forget(live.pop(n % len(live)).image_id)
        elif kind == "renew" and live:
            old = live.pop(n % len(live))
            live.append(replace(old, pdq=bytes([n]) * 32, words=bytes([n]) * WORD_BYTES * (n % 3)))
            store.images.put(live[-1], renew=True)
        elif kind == "compact":
            compact(store.connection, "7")
        elif kind == "slice":  # a compaction that is interrupted after it
            generation = shared_server.redis.hget("dq:{7}:head", "generation") or b"0"
            store.connection.ask(COMPACT("7", SMALL.chunk_rows, generation, n))
        elif kind == "read":
            assert follower.refresh().images() == expected(live)
    # Then both hold every live image with its own row and words, and nothing else
    assert follower.refresh().images() == expected(live) == Follower(store.columns).refresh().images()
    # And each image still knows its row
    for image in live:
        store.forgetting.forget(image.image_id)
    assert follower.refresh().images() == {}
    # And in no generation is anything left of any
    for key in shared_server.redis.keys("dq:{7}:rows:*"):
        assert not np.frombuffer(shared_server.redis.get(key), ROW)["image_id"].any()
    for key in shared_server.redis.keys("dq:{7}:words:*"):
        assert not any(shared_server.redis.get(key))


def test_a_row_says_what_was_put_in(store, make_image):
    image = make_image(42, words=5)
    store.images.put(image)
    (change,) = (change for change in refresh(store.columns).shards if len(change.rows))
    row = change.rows[0]
    assert change.rows.dtype == ROW and ROW.itemsize == 72 and SHARDS[change.shard] == image.image_id[0]
    assert bytes(row["image_id"]).hex() == image.image_id and bytes(row["pdq"]) == image.pdq
    assert (row["pdq_quality"], row["flags"], row["words"], row["pdq_version"], row["local_version"]) == (
        42,
        INFORMATIVE,
        5,
        1,
        1,
    )
    assert change.words.shape == (5, WORD_BYTES) and change.words.tobytes() == image.words


def test_words_may_be_left_out(store, make_image):
    put_all(store, [make_image(n) for n in range(50)])
    changes = refresh(store.columns, words=False)
    assert sum(len(change.rows) for change in changes.shards) == 50
    assert all(change.words.shape == (0, WORD_BYTES) for change in changes.shards)


def test_a_reader_gets_only_what_is_new(store, make_image):
    reader = store.columns
    put_all(store, [make_image(n) for n in range(100)])
    state = refresh(reader).state
    assert refresh(reader, state).shards == ()
    store.images.put(make_image(100))
    (change,) = refresh(reader, state).shards
    assert len(change.rows) == 1 and not change.reload and change.words.tobytes() == make_image(100).words


def test_a_forgotten_row_and_its_words_are_overwritten_where_they_lie(store, shared_server, make_image):
    first, second, third = in_one_shard(make_image, 3, words=3)
    put_all(store, [first, second, third])
    store.forgetting.forget(second.image_id)
    rows, words = (shared_server.redis.get(f"dq:{{7}}:{kind}:0:0") for kind in ("rows", "words"))
    assert not any(np.frombuffer(rows, ROW)[1]["image_id"]) and not any(np.frombuffer(rows, ROW)[1]["pdq"])
    assert words == first.words + bytes(3 * WORD_BYTES) + third.words


def test_a_shard_with_many_dead_rows_is_compacted(store_url, shared_server, make_image):
    images = in_one_shard(make_image, 20)
    with Store.open(Config(store=store_url), StoreOptions(compact_dead_rows=5)) as store:
        put_all(store, images)
        follower = Follower(store.columns).refresh()
        for image in images[:6]:
            store.forgetting.forget(image.image_id)
        # Then the sixth, which makes more than five and more than a quarter, has the shard rewritten
        assert store.stats().dead_rows == 0 and shared_server.redis.hget("dq:{7}:head", "generation") == b"1"
        assert not shared_server.redis.keys("dq:{7}:*:0:0")
        assert follower.refresh().images() == expected(images[6:])


def test_an_image_renewed_and_forgotten_while_its_shard_is_compacted_dies_once(
    small_chunks, shared_server, make_image
):
    store = small_chunks
    images = in_one_shard(make_image, 9)
    put_all(store, images)
    assert (
        store.connection.ask(COMPACT("7", SMALL.chunk_rows, "0", 1)) == 0
    )  # the first of three chunks is copied
    store.images.put(replace(images[1], pdq=bytes(32)), renew=True)
    store.forgetting.forget(images[1].image_id)
    store.forgetting.forget(images[2].image_id)
    compact(store.connection, "7")
    assert shared_server.redis.get("dq:{7}:tombs:1") == np.array([1, 2], "<u4").tobytes()
    assert Follower(store.columns).refresh().images() == expected([images[0], *images[3:]])


def test_readers_never_mix_generations_while_a_shard_is_compacted_and_written(
    small_chunks, store_url, make_image
):
    store = small_chunks
    # Given one thread that adds, forgets and compacts without end, and another that follows
    images, stop = in_one_shard(make_image, 400), threading.Event()

    def churn() -> None:
        with Store.open(Config(store=store_url), SMALL) as writer:
            for n, image in enumerate(images):
                writer.images.put(image)
                if n % 2:
                    writer.forgetting.forget(images[n - 1].image_id)
                if n % 10 == 0:
                    compact(writer.connection, "7")
        stop.set()

    thread = threading.Thread(target=churn)
    thread.start()
    follower, wanted, reads = Follower(store.columns), expected(images), 0
    while not stop.is_set():
        seen = follower.refresh().rows.values()
        reads += 1
        # Then each row it holds is one image's, with that image's words, or one that died in this moment
        for row, words in seen:
            assert not any(row[:32]) or wanted[row[:32].hex()] == (row, words)
    thread.join()
    assert reads > 20 and follower.refresh().images() == expected(images[1::2])


@pytest.mark.parametrize("since", [0, 1, 2, 3])
def test_a_reader_notices_a_server_that_lost_its_last_second(server, make_image, since):
    # Given a follower that has read three rows, and a server that crashed and came back with only the first
    images = in_one_shard(make_image, 6)
    with Store.open(Config(store=server.url)) as store:
        store.images.put(images[0])
        saved = {key: server.redis.dump(key) for key in server.redis.keys("*")}
        put_all(store, images[1:3])
        follower = Follower(store.columns).refresh()
        server.redis.flushall()
        for key, value in saved.items():
            server.redis.restore(key, 0, value)
        # When fewer other images came since, as many, or more
        put_all(store, images[3 : 3 + since])
        assert follower.refresh().images() == expected([images[0], *images[3 : 3 + since]])


def test_a_reader_notices_that_other_rows_died_than_it_knows(server, make_image):
    images = in_one_shard(make_image, 6)
    with Store.open(Config(store=server.url)) as store:
        put_all(store, images)
        saved = {key: server.redis.dump(key) for key in server.redis.keys("*")}
        store.forgetting.forget(images[0].image_id)
        follower = Follower(store.columns).refresh()
        server.redis.flushall()
        for key, value in saved.items():
            server.redis.restore(key, 0, value)
        for image in images[1:3]:
            store.forgetting.forget(image.image_id)
        assert follower.refresh().images() == expected([images[0], *images[3:]])


def test_columns_that_are_shorter_than_they_say_are_left_out_and_named(store, shared_server, make_image):
    put_all(store, [*in_one_shard(make_image, 3, words=2), other := make_image(1)])
    assert not other.image_id.startswith("7")
    for kind, cut in (("words", 10), ("rows", 71)):
        key = f"dq:{{7}}:{kind}:0:0"
        whole = shared_server.redis.get(key)
        shared_server.redis.set(key, whole[:cut])
        found = refresh(store.columns)
        (problem,) = found.state.problems
        assert "shard 7" in problem and "quaid self-check --repair" in problem
        assert sum(len(change.rows) for change in found.shards) == 1
        shared_server.redis.set(key, whole)


@pytest.mark.parametrize(
    "wrong",
    [
        {"pdq": b"short"},
        {"words": bytes(WORD_BYTES * 65536)},
        {"pdq_quality": 256},
        {"image_id": "12"},
        {"words": b"x"},
        {"pixel_digest": b""},
    ],
)
def test_what_does_not_fit_a_row_is_refused_before_anything_is_written(
    store, shared_server, make_image, wrong
):
    before = shared_server.redis.dbsize()
    with pytest.raises(ValueError, match="image"):
        store.images.put(replace(make_image(1), **wrong))
    assert shared_server.redis.dbsize() == before


def test_a_new_state_has_read_nothing():
    assert ColumnState().shards == (ShardState(),) * 16
