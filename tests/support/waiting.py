"""Waiting for what can be seen, instead of sleeping.

A test that shows that nothing happens waits until there were occasions for it, and counts those.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


def until(
    condition: Callable[[], object], what: str = "it did not come to that", *, seconds: float = 120
) -> None:
    """Return when the condition is true; fail after `seconds`, which only something broken takes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def slowness() -> float:
    """How many times longer work takes now than it would on a machine with nothing else to do; at least 1.

    For limits that are seconds of an idle machine: a test multiplies them by what it measured before.
    """
    began, used = time.monotonic(), time.process_time()
    while (work := time.process_time() - used) < 0.1:
        pass
    return max(1.0, (time.monotonic() - began) / work)


def calls(client: Any, command: str) -> int:
    """Number of times that a server ran a command since it started."""
    return int(client.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


def refusals(client: Any, error: str = "OOM") -> int:
    """Number of times that a server answered with an error of this kind since it started."""
    return int(client.info("errorstats").get(f"errorstat_{error}", {}).get("count", 0))


@contextmanager
def hanging_up(port: int) -> Iterator[Callable[[], int]]:
    """In the place of a server that is away: within this block connections to its port end at once.

    Yields a function that returns how many there were.
    """
    count = 0

    def hang_up() -> None:
        nonlocal count
        with suppress(OSError):
            while True:
                listener.accept()[0].close()
                count += 1

    with socket.create_server(("127.0.0.1", port)) as listener:
        thread = threading.Thread(target=hang_up)
        thread.start()
        try:
            yield lambda: count
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
