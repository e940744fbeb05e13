"""Worker processes: results in order, a worker that ends with a request, errors, and pictures in turns."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from douglas_quaid.config import Config
from douglas_quaid.decoding.budget import PixelBudget
from douglas_quaid.errors import ConfigError, StoreFull
from douglas_quaid.parallel.pool import ATTEMPTS, Lost, Pool

#: Work of the tests: what a request says.
WORK = """
import logging, os, signal
from contextlib import contextmanager
from douglas_quaid.errors import ConfigError, StoreFull

@contextmanager
def open_work(config, settings):
    if settings == "refused":
        raise ConfigError("no such store")
    def work(request):
        if request == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if request.startswith("die once "):
            path = request.removeprefix("die once ")
            if not os.path.exists(path):
                open(path, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
        if request == "full":
            raise StoreFull("no room")
        if request == "warn":
            logging.getLogger("tests").warning("mind \\x1b[31m %s", "this")
        if request == "pid":
            return str(os.getpid())
        if request == "print":
            os.write(1, b"noise of a library\\n")
        return settings + request
    yield work
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with the work of these tests."""
    (tmp_path / "work_of_tests.py").write_text(WORK)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    return "work_of_tests"


def test_results_come_in_the_order_of_the_requests(module: str) -> None:
    # Given two workers, when they get many requests, one of which prints
    with Pool(module, "done ", Config(workers=2)) as pool:
        requests = [*map(str, range(60)), "print", "\ud800 \n line"]
        # Then every result stands where its request stood, whatever characters it has
        assert list(pool.map(requests)) == [f"done {request}" for request in requests]


def test_a_worker_that_is_killed_is_replaced_and_its_request_is_done(module: str, tmp_path: Path) -> None:
    # Given a request that kills the first worker which takes it
    requests = ["a", f"die once {tmp_path / 'died'}", "b", "c"]
    with Pool(module, "", Config(workers=2)) as pool:
        # Then another one does it
        assert list(pool.map(requests)) == requests


def test_a_request_that_ends_every_worker_is_lost_and_the_others_are_done(module: str) -> None:
    with Pool(module, "", Config(workers=2)) as pool:
        found = list(pool.map(["a", "die", "b"]))
    assert found == ["a", Lost("die", "SIGKILL"), "b"] and ATTEMPTS == 2


def test_an_error_about_the_store_ends_everything_with_its_class(module: str) -> None:
    with Pool(module, "", Config(workers=1)) as pool, pytest.raises(StoreFull, match="no room"):
        list(pool.map(["a", "full", "b"]))
    with Pool(module, "refused", Config(workers=1)) as pool, pytest.raises(ConfigError, match="no such"):
        list(pool.map(["a"]))


def test_what_a_worker_logs_is_logged_by_its_parent(module: str, caplog: pytest.LogCaptureFixture) -> None:
    with Pool(module, "", Config(workers=1)) as pool:
        list(pool.map(["warn"]))
    assert ("tests", 30, "mind \x1b[31m this") in caplog.record_tuples


def test_no_worker_outlives_its_pool(module: str) -> None:
    with Pool(module, "", Config(workers=1)) as pool:
        (pid,) = pool.map(["pid"])
    assert isinstance(pid, str)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_processes_take_turns_with_large_pictures(tmp_path: Path) -> None:
    # Given another process that holds a large picture
    with (tmp_path / "turns").open("w+b") as turns:
        start, held = os.pipe()
        child = os.fork()
        if not child:
            other = PixelBudget()
            other.share(turns.fileno(), large=100)
            other.acquire(101, limit=1000)
            os.write(held, b"x")
            signal.pause()
        os.read(start, 1)
        own, got = PixelBudget(), threading.Event()
        own.share(turns.fileno(), large=100)
        # When this one wants a small one, then it gets it at once
        assert own.acquire(100, limit=1000)
        own.release(100)
        # When it wants a large one, then it waits
        threading.Thread(target=lambda: (own.acquire(101, limit=1000), got.set()), daemon=True).start()
        assert not got.wait(0.2)
        # until the other is gone, even killed
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert got.wait(10) and own.held == 101
        own.release(101)
