"""What an engine does when the store fails it or holds broken bytes: a clear error in time, nothing misread,
work goes on.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from support.server import Server
from support.waiting import until

from douglas_quaid import Config, Decision, Engine, FormatError, NotFound, StoreError
from douglas_quaid.demo.pictures import sample
from douglas_quaid.errors import CorruptRecord, StoreTimeout, UnknownVersion
from douglas_quaid.evaluation import edits
from douglas_quaid.features import codec

CAT, ROCKET, MARKET = (sample(f"indexed/{name}") for name in ("cat.jpg", "rocket.jpg", "market.png"))


def smaller(data: bytes) -> bytes:
    return edits.png(edits.edit("resize_50", edits.opened(data)))


@pytest.fixture
def engine(server: Server) -> Iterator[Engine]:
    """An engine on a server of its own, which is given 1 second to answer."""
    with Engine.open(config=Config(store=server.url, store_timeout=1.0)) as engine:
        yield engine


def record_key(image_id: str) -> str:
    return f"dq:{{{image_id[0]}}}:img:{image_id}"


def test_a_silent_store_ends_add_and_query_in_time_and_both_work_afterwards(
    engine: Engine, server: Server
) -> None:
    engine.add(CAT)
    server.pause()
    for work in (
        lambda: engine.add(ROCKET),
        lambda: engine.query(smaller(CAT)),
        lambda: engine.hits("0" * 64),
    ):
        started = time.monotonic()
        with pytest.raises(StoreTimeout):
            work()
        # One silence is waited for once; the rest is decoding on a busy machine
        assert time.monotonic() - started < 10
    server.resume()
    assert engine.add(ROCKET).status in (
        "added",
        "known",
    )  # what was sent before the silence may have been done
    assert engine.query(smaller(CAT)).decision is Decision.MATCH
    assert engine.query(smaller(ROCKET)).decision is Decision.MATCH


def test_a_store_that_goes_and_comes_back_in_the_middle_of_work(engine: Engine, server: Server) -> None:
    # Given adds and questions in threads, while the server is killed and started again
    stop, outcomes, wrong = threading.Event(), {"done": 0, "failed": 0}, []

    def work(number: int) -> None:
        step = 0
        while not stop.is_set():
            step += 1
            try:
                engine.add(
                    edits.png(edits.opened(CAT).resize((200 + step, 150 + number))),
                    occurrence=f"test:{number}:{step}",
                )
                engine.query(smaller(CAT))
                outcomes["done"] += 1
            except StoreError:
                outcomes["failed"] += 1
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()

    def until_more(outcome: str) -> None:
        before = outcomes[outcome]
        until(lambda: outcomes[outcome] > before or wrong)

    for _ in range(3):
        until_more("done")
        server.kill()
        until_more("failed")
        server.start()
    until_more("done")
    stop.set()
    for thread in threads:
        thread.join()
    # Then nothing but StoreErrors came up, work went on, and what is there is whole
    assert wrong == []
    stats = engine.stats()
    assert stats.store.images == stats.images_searchable
    assert engine.query(smaller(CAT)).decision is Decision.MATCH


@pytest.mark.parametrize(("at", "error"), [(40, CorruptRecord), (-1, CorruptRecord), (0, CorruptRecord)])
def test_a_record_with_flipped_bytes_is_refused_by_name_and_silences_nothing_else(
    engine: Engine, server: Server, at: int, error: type[FormatError], caplog: pytest.LogCaptureFixture
) -> None:
    broken, sound = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    record = bytearray(server.redis.hget(record_key(broken), "record"))
    record[at] ^= 0x40
    server.redis.hset(record_key(broken), "record", bytes(record))
    for work in (
        lambda: engine.show(broken),
        lambda: engine.compare(smaller(CAT), broken),
        lambda: engine.link(broken),
    ):
        with pytest.raises(error, match=broken):
            work()
    # A question about it is answered with what could be read, says that it is not complete, and the log has
    # the name
    answer = engine.query(smaller(CAT))
    assert (
        not answer.complete and broken not in {hit.image_id for hit in answer.hits} and broken in caplog.text
    )
    assert engine.query(smaller(ROCKET)).hits[0].image_id == sound
    # And it can still be forgotten, and added again
    engine.forget(broken)
    assert engine.add(CAT).status == "added" and engine.query(smaller(CAT)).complete


def test_a_record_of_a_newer_program_is_refused_by_its_version(engine: Engine, server: Server) -> None:
    image_id = engine.add(CAT).image_id
    record = bytearray(server.redis.hget(record_key(image_id), "record"))
    record[4] += 1
    body = bytes(record[: -codec.CHECKSUM])
    server.redis.hset(record_key(image_id), "record", body + hashlib.sha256(body).digest()[: codec.CHECKSUM])
    with pytest.raises(UnknownVersion, match=image_id):
        engine.show(image_id)


def test_a_record_in_another_images_place_is_refused(engine: Engine, server: Server) -> None:
    a, b = engine.add(CAT).image_id, engine.add(ROCKET).image_id
    server.redis.hset(record_key(a), "record", server.redis.hget(record_key(b), "record"))
    with pytest.raises(CorruptRecord, match=a):
        engine.show(a)


def test_forget_leaves_no_byte_of_a_picture_in_redis(
    engine: Engine, server: Server, everything: Callable[[Any], bytes]
) -> None:
    # Given a picture with places, labels, a collection, a cluster, a partial match and a veto
    engine.create_collection("brands", "baseline")
    victim = engine.add(CAT, occurrence="misp:attribute:the-victim", labels={"note": "remember me"}).image_id
    engine.add(CAT, collection="brands", labels={"brand": "Feline"})
    engine.add(smaller(CAT))
    vetoed = engine.add(edits.png(edits.edit("jpeg_30", edits.opened(CAT)))).image_id
    engine.add(edits.png(edits.edit("crop_75", edits.opened(CAT))))
    engine.veto(victim, vetoed)
    features = codec.decode(server.redis.hget(record_key(victim), "record"))
    traces = [
        victim.encode(),
        bytes.fromhex(victim),
        features.hashes.pdq,
        features.pixel_digest,
        features.thumbnail,
        (features.tlsh or "").encode(),
        b"the-victim",
        b"remember me",
        b"Feline",
        *(
            features.local.descriptors[at : at + 4].tobytes() for at in range(0, 200, 4)
        ),  # one alone, a near copy may have too
    ]
    held = everything(server.redis)
    assert all(trace in held for trace in traces)
    # When it is forgotten
    engine.forget(victim, purge=True)
    # Then none of these is anywhere in Redis, nor in the files on disk, nor in this process's copy
    held = everything(server.redis)
    assert [trace for trace in traces if trace in held] == []
    files = b"".join(
        path.read_bytes() for path in server.folder.rglob("*") if path.is_file() and path.name != "log"
    )
    assert len(files) > 1000 and [trace for trace in traces if trace in files] == []
    with pytest.raises(NotFound):
        engine.show(victim)
    assert victim not in {hit.image_id for hit in engine.query(smaller(CAT)).hits}
