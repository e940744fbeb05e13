"""Locks of the store: one at a time, whoever is killed and however long somebody takes."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from support.steps import in_child, interleave

from douglas_quaid.config import Config
from douglas_quaid.errors import ConfigError, StoreTimeout
from douglas_quaid.store import Store
from douglas_quaid.store.keys import META, key

#: Seconds that nobody waits for in these tests.
LONG = 600.0


def holders(store: Store, name: str) -> int:
    return int(store.connection._route.client(META).exists(key(META, f"lock:{name}")))


def test_of_many_one_holds_a_lock_at_a_time(store):
    inside, most, done = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, done
        for _ in range(10):
            with store.locks.hold("x", LONG, wait=LONG):
                inside += 1
                most = max(most, inside)
                inside -= 1
                done += 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, done, holders(store, "x")) == (1, 80, 0)


def test_a_lock_that_is_held_is_given_up_after_a_while_and_another_name_is_free(store):
    with store.locks.hold("x", LONG, wait=0):
        started = time.monotonic()
        with pytest.raises(StoreTimeout, match=r"'x'.* 0\.05 s"), store.locks.hold("x", LONG, wait=0.05):
            raise AssertionError("both hold it")
        assert time.monotonic() - started >= 0.05
        with store.locks.hold("y", LONG, wait=0):
            pass
    with store.locks.hold("x", LONG, wait=0):
        pass


def test_a_lock_is_released_when_the_block_fails(store):
    with pytest.raises(RuntimeError), store.locks.hold("x", LONG, wait=0):
        raise RuntimeError
    assert holders(store, "x") == 0


def test_who_took_too_long_does_not_release_the_lock_of_the_next(store):
    first, second = store.locks.hold("x", 0.05, wait=0), store.locks.hold("x", LONG, wait=LONG)
    first.__enter__()
    second.__enter__()  # waits until the time of the first is over
    first.__exit__(None, None, None)
    assert holders(store, "x") == 1
    second.__exit__(None, None, None)
    assert holders(store, "x") == 0


def test_the_lock_of_a_process_that_was_killed_is_taken_over_at_once(server):
    read, write = os.pipe()

    def hold() -> None:
        with Store.open(Config(store=server.url)) as store, store.locks.hold("x", LONG, wait=0):
            os.write(write, b"held")
            signal.pause()

    child = in_child(hold)
    assert os.read(read, 4) == b"held"
    with Store.open(Config(store=server.url)) as store:
        with pytest.raises(StoreTimeout), store.locks.hold("x", LONG, wait=0):
            pass
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with store.locks.hold("x", LONG, wait=0):
            pass


def test_a_lock_of_another_machine_lasts_as_long_as_it_was_taken_for(store, shared_server):
    shared_server.redis.set(key(META, "lock:x"), "elsewhere 1 token", px=50)
    with store.locks.hold("x", LONG, wait=LONG):
        assert holders(store, "x") == 1


def test_an_owner_that_others_break_at_the_same_time_is_followed_by_one(store, store_url, monkeypatch):
    # Given a lock whose owner has ended, and two who find it
    child = in_child(lambda: None)
    os.waitpid(child, 0)
    step, reached = 0, True
    while reached:
        store.connection._route.client(META).set(key(META, "lock:x"), f"{os.uname().nodename} {child} token")
        with Store.open(Config(store=store_url)) as other:
            second = other.locks.hold("x", LONG, wait=0)

            def work() -> None:
                try:
                    with store.locks.hold("x", LONG, wait=0):
                        assert not held, step  # noqa: B023
                except StoreTimeout:
                    assert held  # noqa: B023

            held: list[bool] = []

            def between() -> None:
                try:
                    second.__enter__()  # noqa: B023
                    held.append(True)  # noqa: B023
                except StoreTimeout:
                    pass

            reached = interleave(monkeypatch, store, step, work=work, between=between)
            if held:
                second.__exit__(None, None, None)
        step += 1
    assert step >= 4


def test_names_and_times_that_do_not_fit_are_refused(store):
    for name, seconds in (("", 1.0), ("x" * 257, 1.0), ("x", 0.0)):
        with pytest.raises(ConfigError, match="expected a name"), store.locks.hold(name, seconds, wait=0):
            pass
