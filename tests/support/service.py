"""A real `quaid serve` as a process of its own, which a test may ask, kill and start again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from douglas_quaid.config import PREFIX


class Service:
    """`quaid serve` on a store, on a free port of this machine."""

    def __init__(self, folder: Path, store: str, *arguments: str, **environment: str) -> None:
        self.store, self.log = store, folder / f"service-{len(list(folder.glob('service-*')))}.log"
        self._arguments, self._environment = arguments, environment
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> Service:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        port = str(urlsplit(self.url).port or 0)
        command = [sys.executable, "-P", "-m", "douglas_quaid", "serve", "--json", "--store", self.store]
        with self.log.open("a") as log:
            self._process = subprocess.Popen(
                [*command, "--port", port, *self._arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd="/",
                env=environment | {"DOUGLAS_QUAID_CACHE": "off"} | self._environment,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self.log.read_text()
        self.url = json.loads(line)["url"]
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.communicate(timeout=60)
        self._process = None

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request, sent as given."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        answer = Answer(response.status, dict(response.getheaders()), response.read())
        connection.close()
        return answer


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers.items()}

    @property
    def line(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def error(self) -> str:
        """Class of the error, which must have its shape."""
        told = self.line
        assert set(told) == {"error"} and set(told["error"]) == {"type", "message"}, told
        return str(told["error"]["type"])
