"""One child process that decodes pictures, as its parent sees it (worker.py is the other side).

Takes a picture and returns the child's response. Every wait has an end, and sizes are checked before anything
is allocated. Used by one thread at a time (pool.py).
"""

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from ..config import Config
from ..errors import ConfigError
from ..features import codec
from .worker import BEGUN, READY, REQUEST, RESPONSE, TEXT_BYTES, Kind, Wanted, arguments

#: Maximum seconds until a child is ready. chosen: one is usual, and a machine may be busy.
START_SECONDS = 60.0
#: Size of a pipe in bytes. spec: the maximum of an ordinary user on Linux; with the usual 64 KiB a picture
#: takes 30 turns.
PIPE_BYTES = 1 << 20
#: Prefixes of the environment variables that a child gets; none of them is a secret. Those of the numeric
#: libraries choose the code that computes, and other code rounds otherwise: hashes of a blank picture, which
#: rest on rounding alone, would differ from the parent's. chosen.
ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_", "LD_", "PYTHON", "VIRTUAL_ENV", "OPENBLAS_", "NPY_")


class Died(Exception):
    """The child ended, or its pipe broke."""


class Hung(Exception):
    """The time is up."""


class Invalid(Exception):
    """What a child sent does not follow the protocol."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a child sent (see worker.py); only its sizes are checked."""

    #: What the parts are.
    kind: Kind
    #: The record, the size of the pixels, or the name of the error.
    first: bytes
    #: The grey pixels, the RGB pixels, or the text of the error.
    second: bytes


class Child:
    """A process that is started when it is needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        # Whether this is its first picture, and whether it has begun with it.
        self.fresh = True
        self.begun = False

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, config: Config) -> None:
        """Start it if it does not run. Raises ConfigError when it does not become ready, which is not a
        picture's fault.
        """
        self.fresh = not self.is_alive
        if not self.fresh:
            return
        self.end()
        command = [
            sys.executable,
            *(["-P"] if sys.version_info >= (3, 11) else []),
            "-m",
            "douglas_quaid.isolation",
            *arguments(config),
        ]
        environment = {name: value for name, value in os.environ.items() if name.startswith(ENVIRONMENT)}
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            # A session of its own leaves Ctrl-C in a terminal to the parent; its folder is nobody's.
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd="/",
                env=environment,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            raise ConfigError(f"the process that decodes pictures cannot be started: {error}") from None
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            with suppress(OSError, AttributeError):  # beyond this user's limit: slower, and as correct
                fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        try:
            if self._read(1, time.monotonic() + START_SECONDS) != READY:
                raise Invalid
        except (Died, Hung, Invalid):
            assert self._process.stderr is not None
            self._process.kill()
            said = self._process.stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise ConfigError(
                f"the process that decodes pictures does not start: {said or self.end()};"
                " run quaid self-check"
            ) from None

    def ask(self, data: bytes, wanted: Wanted, name: str, *, most: int, seconds: float) -> Response:
        """Return the response to a picture within `seconds`; its second part has at most `most` bytes.

        Raises Died, Hung or Invalid, after which the child must be ended.
        """
        until = time.monotonic() + seconds
        self.begun = False
        given = name.encode("utf-8", "surrogatepass")
        for part in (REQUEST.pack(wanted, len(given), len(data)) + given, data):
            self._write(part, until)
        if self._read(1, until) != BEGUN:
            raise Invalid
        self.begun = True
        kind, first, second = RESPONSE.unpack(self._read(RESPONSE.size, until))
        if kind not in list(Kind) or first > codec.MAX_RECORD or second > max(most, TEXT_BYTES):
            raise Invalid
        return Response(Kind(kind), self._read(first, until), self._read(second, until))

    def kill(self) -> None:
        """Kill it, from any thread; the thread that uses it ends it."""
        if (process := self._process) is not None:
            process.kill()

    def close_input(self) -> None:
        """Let it end by itself, because there will be no more requests."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def end(self, until: float = 0.0) -> str:
        """Kill it if it does not end by itself `until` then (time.monotonic()), and return in words how it
        ended. No zombie is left.
        """
        process = self._process
        if process is None:
            return "its decoder did not run"
        self._process = None
        with process:  # which closes its pipes and waits for it
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        return _ending(process.returncode)

    def _write(self, data: bytes, until: float) -> None:
        assert self._process is not None and self._process.stdin is not None
        descriptor, view = self._process.stdin.fileno(), memoryview(data)
        while view:
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                _wait(descriptor, select.POLLOUT, until)
            except OSError:
                raise Died from None

    def _read(self, count: int, until: float) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        descriptor, found, at = self._process.stdout.fileno(), bytearray(count), 0
        view = memoryview(found)
        while at < count:
            try:
                read = os.readv(descriptor, [view[at:]])
            except BlockingIOError:
                _wait(descriptor, select.POLLIN, until)
                continue
            except OSError:
                raise Died from None
            if not read:
                raise Died
            at += read
        return bytes(found)


def _wait(descriptor: int, event: int, until: float) -> None:
    left = until - time.monotonic()
    poll = select.poll()
    poll.register(descriptor, event)
    if left <= 0 or not poll.poll(left * 1000):
        raise Hung


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended its decoder (exit status {status})"
    if -status == signal.SIGKILL:
        return "its decoder was killed (SIGKILL), perhaps for want of memory"
    return f"crashed its decoder ({signal.Signals(-status).name})"
