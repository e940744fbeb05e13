"""A store command by command: a process that dies before one of them, and others' work done between two of
them.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from douglas_quaid.config import Config
from douglas_quaid.store import Store
from douglas_quaid.store.connection import Connection


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


def run_and_die(
    monkeypatch: pytest.MonkeyPatch, url: str, work: Callable[[Store], object], step: int
) -> bool:
    """Do something in a child that dies before its step-th command; every command of a pipeline is a step.
    True if it died.
    """

    def child() -> None:
        store, count, run = Store.open(Config(store=url)), 0, Connection.run

        def one_by_one(self: Connection, commands: Sequence[Any]) -> list[Any]:
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


def interleave(
    monkeypatch: pytest.MonkeyPatch,
    store: Store,
    step: int,
    *,
    work: Callable[[], object],
    between: Callable[[], object],
) -> bool:
    """Do `work` with a store, and `between` before the step-th command of it; every command of a pipeline is
    a step. True if it came to that.
    """
    run, count, reached = Connection.run, 0, False

    def interleaved(self: Connection, commands: Sequence[Any]) -> list[Any]:
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
