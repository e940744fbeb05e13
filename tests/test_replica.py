"""A replica sees every add acknowledged before the query, whichever process made it, and nothing that was
forgotten.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from hypothesis import HealthCheck, given, settings, strategies as st
from support.images import is_stored
from support.stored_words import stored_words

from douglas_quaid.config import Config
from douglas_quaid.index.options import UpkeepOptions
from douglas_quaid.index.replica import IndexReplica
from douglas_quaid.store import NewImage, Store

MakeImage = Callable[..., NewImage]


def found(replica: IndexReplica, image: NewImage) -> bool:
    """Whether the image is found by its hash and by its words."""
    replica.refresh()
    by_hash = image.image_id in dict(replica.near(image.pdq, 0))
    by_words = image.image_id in dict(replica.sharing(stored_words(image.words), 10))
    assert by_hash == by_words
    return by_hash


def test_an_add_of_another_process_is_found_by_the_next_query(
    store: Store, store_url: str, make_image: MakeImage
) -> None:
    # Given a replica that has read all there is
    store.images.put(make_image(0))
    replica = IndexReplica(store.columns)
    assert found(replica, make_image(0))
    for n in range(1, 6):
        assert not found(replica, make_image(n))
        # When another process adds an image and ends
        child = os.fork()
        if child == 0:
            with Store.open(Config(store=store_url)) as other:
                other.images.put(make_image(n))
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        # Then the very next question finds it
        assert found(replica, make_image(n))


def test_a_forgotten_image_is_gone_at_the_next_query_and_its_bytes_too(
    store: Store, make_image: MakeImage
) -> None:
    for n in range(20):
        store.images.put(make_image(n))
    replica = IndexReplica(store.columns)
    assert all(found(replica, make_image(n)) for n in range(20))
    store.forgetting.forget(make_image(7).image_id)
    assert [n for n in range(20) if not found(replica, make_image(n))] == [7]
    assert len(replica) == 19
    held = replica._ids.view.tobytes() + replica._hashes._hashes.view.tobytes()
    assert bytes.fromhex(make_image(7).image_id) not in held and make_image(7).pdq not in held


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["add", "forget", "compact", "ask"]), st.integers(0, 14)), max_size=25
    )
)
def test_a_replica_that_follows_equals_one_that_reads_again(
    store: Store,
    make_image: MakeImage,
    steps: list[tuple[str, int]],
) -> None:
    # Given a replica that follows adds, forgets and compactions, refreshed at any moment
    from douglas_quaid.store.forgetting import compact
    from douglas_quaid.store.keys import SHARDS

    for n in range(15):
        if is_stored(store, make_image(n).image_id):
            store.forgetting.forget(make_image(n).image_id)
    follower = IndexReplica(store.columns, upkeep=UpkeepOptions(rebuild_minimum=4))
    present = set()
    for step, n in steps:
        if step == "add":
            store.images.put(make_image(n))
            present.add(n)
        elif step == "forget" and n in present:
            store.forgetting.forget(make_image(n).image_id)
            present.remove(n)
        elif step == "compact":
            compact(store.connection, SHARDS[n])
        else:
            follower.refresh()
    # Then it holds what is there, like one that has just read everything
    fresh = IndexReplica(store.columns)
    for n in range(15):
        assert found(follower, make_image(n)) == found(fresh, make_image(n)) == (n in present)
    assert len(follower) == len(fresh) == len(present)


def test_an_uninformative_image_is_held_but_never_found_by_hash(store: Store, make_image: MakeImage) -> None:
    image = make_image(1, words=0)
    blank = replace(image, informative=False)
    store.images.put(blank)
    replica = IndexReplica(store.columns)
    replica.refresh()
    assert len(replica) == 1 and replica.near(blank.pdq, 47) == []
