"""Processes of a scratch AIL: modules as LAUNCH.sh starts them, and the console that runs pieces of code."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from support.ail_console import plain, revive


class CodeFailed(AssertionError):
    """Code in AIL's interpreter raised an error; the text holds the traceback and what it printed."""


class Module(subprocess.Popen[bytes]):
    """A module that was started as LAUNCH.sh starts it."""

    log: Path

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, true: Callable[[], object], what: str, *, seconds: float = 300) -> None:
        """Wait until something is true. Fails with the module's output if it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while not true():
            assert self.poll() is None, (
                f"the module ended ({self.returncode}) before {what}:\n{self.said()[-4000:]}"
            )
            assert time.monotonic() < deadline, (
                f"{what}: not within {seconds} s; the module says:\n{self.said()[-4000:]}"
            )
            time.sleep(0.05)


class Console:
    """Runs ail_console.py in AIL's interpreter."""

    def __init__(self, python: str, environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [python, str(Path(__file__).parent / "ail_console.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=dict(environment),
                start_new_session=True,
            )
        self._answer(300)

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def run(self, code: str, values: Mapping[str, Any], timeout: float) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(
            json.dumps({"code": code, "values": values}, default=plain).encode() + b"\n"
        )
        self._process.stdin.flush()
        reply = json.loads(self._answer(timeout), object_hook=revive)
        if "error" in reply or reply["status"]:
            raise CodeFailed(f"{reply.get('error', 'ended with ' + str(reply['status']))}\n{reply['output']}")
        return reply.get("value")

    def _answer(self, timeout: float) -> bytes:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], timeout)[0]:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            raise CodeFailed(f"no answer within {timeout} s")
        line = self._process.stdout.readline()
        assert line, self._log.read_text()
        return line

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        if self.runs:
            self._process.stdin.close()
            self._process.wait(120)
        self._process.stdout.close()
