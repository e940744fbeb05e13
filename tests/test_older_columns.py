"""A store whose columns an earlier program made: they are built anew from the records when it is opened."""

from concurrent.futures import ThreadPoolExecutor

from support.pictures import page, png
from support.server import Server

from douglas_quaid import Decision, Engine
from douglas_quaid.config import Config
from douglas_quaid.integrity.check import find_problems
from douglas_quaid.store import Store
from douglas_quaid.store.keys import SCHEMA_VERSION, SHARDS

#: A crop, which only visual words find.
CROPPED = png(page(2).crop((300, 150, 1100, 700)))


def as_of_schema_4(server: Server) -> None:
    """Give the store words of 16 bytes, and of more keypoints, as they were."""
    redis = server.redis
    for tag in SHARDS:
        for name in redis.keys(f"dq:{{{tag}}}:words:*"):
            redis.set(name, b"\7" * (redis.strlen(name) // 11 * 16))
    redis.hset("dq:{meta}:head", "schema", 4)


def test_older_columns_are_built_anew_once_and_find_what_they_found(
    store_url: str, shared_server: Server
) -> None:
    # Given a store of the schema before
    with Engine.open(store_url) as engine:
        ids = [engine.add(png(page(seed)), link=False).image_id for seed in range(6)]
    as_of_schema_4(shared_server)
    before = shared_server.redis.keys("dq:*:words:*")
    # When several processes open it at once
    with ThreadPoolExecutor(3) as threads:
        engines = list(threads.map(lambda _: Engine.open(store_url), range(3)))
    # Then each finds a part by its words, and the store is whole and of our schema
    for engine in engines:
        found = engine.query(CROPPED)
        assert found.decision is Decision.MATCH and found.hits[0].image_id == ids[2]
        engine.close()
    with Store.open(Config(store=store_url)) as store:
        assert find_problems(store) == [] and not store.has_older_columns()
    assert shared_server.redis.hget("dq:{meta}:head", "schema") == b"%d" % SCHEMA_VERSION
    # And nothing of the older columns is left
    assert not set(before) & set(shared_server.redis.keys("dq:*:words:*"))
