"""Clients that load a service, well-behaved or not, and what is measured meanwhile: its memory and how soon
it answers that it lives. For tests and benchmarks.
"""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from support.service import Service

MIB = 1024 * 1024
QUERIES = "/api/v1/queries"


def connect(service: Service, *, timeout: float = 300) -> socket.socket:
    """A connection to a service."""
    parts = urlsplit(service.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=timeout)


def head(length: int | str, path: str = QUERIES, *more: str) -> bytes:
    """The head of an upload that says it has so many bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {length}", *more]
    return "\r\n".join([*lines, "", ""]).encode()


def status_of(link: socket.socket) -> int:
    """Status of the answer on a connection; 0 if it was closed instead."""
    with suppress(OSError):
        said = link.recv(64)
        if said.startswith(b"HTTP/1.1 "):
            return int(said[9:12])
    return 0


def upload(service: Service, size: int, *, path: str = QUERIES, seed: int = 0) -> int:
    """Send bytes that are no picture, as fast as they go, and return the status of the answer."""
    block = hashlib.sha512(str(seed).encode()).digest() * 1024
    with connect(service) as link:
        link.sendall(head(size, path))
        left = size
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before
            while left > 0:
                link.sendall(block[: min(left, len(block))])
                left -= len(block)
        return status_of(link)


def trickle(service: Service, stop: threading.Event, *, size: int = 900_000, a_second: int = 1024) -> None:
    """Send an upload at so many bytes a second until told to stop."""
    with suppress(OSError), connect(service) as link:
        link.sendall(head(size))
        while not stop.wait(0.1):
            link.sendall(b"x" * (a_second // 10))


def cut(service: Service, size: int, sent: int, *, path: str = QUERIES) -> None:
    """Begin an upload, and hang up after so many bytes."""
    with suppress(OSError), connect(service) as link:
        link.sendall(head(size, path))
        link.sendall(b"x" * sent)


def answered(service: Service, request: bytes, *, timeout: float = 60) -> int:
    """Status of the answer to a request that is sent as it is; 0 if the connection was closed instead."""
    with connect(service, timeout=timeout) as link:
        with suppress(BrokenPipeError, ConnectionResetError):
            link.sendall(request)
        return status_of(link)


def memory(service: Service, which: str = "VmHWM") -> int:
    """Bytes of the service's memory: the most it ever had, or those it has (VmRSS)."""
    for line in Path(f"/proc/{service.pid}/status").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"no {which}")


def forget_peak(service: Service) -> None:
    """Let the most memory that a service ever had be that of now. spec: proc(5), clear_refs."""
    Path(f"/proc/{service.pid}/clear_refs").write_text("5")


@dataclass
class Lives:
    """How long a service took to say that it lives."""

    seconds: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    @property
    def longest(self) -> float:
        return max(self.seconds)


@contextmanager
def watched(service: Service, *, pause: float = 0.05) -> Iterator[Lives]:
    """Ask a service again and again whether it lives, while the block runs."""
    lives, stop = Lives(), threading.Event()

    def run() -> None:
        while not stop.is_set():
            began = time.monotonic()
            lives.statuses.add(service.ask("GET", "/livez").status)
            lives.seconds.append(time.monotonic() - began)
            stop.wait(pause)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield lives
    finally:
        stop.set()
        thread.join()
