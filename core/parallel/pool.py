"""A pool of worker processes (worker.py), for work that holds the interpreter's lock most of the time.

Takes requests, gives their results in the same order, with a bounded number in work. Each worker opens what
it needs itself, such as the store. A worker that ends while it has a request is replaced, and the request is
given to another one once; a request that ends two workers is lost, and the rest goes on.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from queue import LifoQueue
from types import TracebackType

from .. import errors
from ..batches import in_parallel
from ..config import Config
from ..errors import ConfigError, DouglasQuaidError
from .protocol import MAX_LINE, Order, Response, packed, read_response

#: Workers that may end with one request before it is lost. chosen: one end may be chance, such as want of
#: memory that another program had.
ATTEMPTS = 2
#: Requests for each worker that are in work or wait to be returned. chosen: a request that takes 16 times as
#: long as others holds nobody up.
AHEAD = 16
#: Seconds that a worker has to end by itself. chosen: above most pictures; killed, it loses nothing either.
END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Lost:
    """A request without a result: two workers ended with it."""

    #: The request.
    request: str
    #: How the last one ended.
    reason: str


class _Died(Exception):
    """A worker ended."""


class Pool:
    """Worker processes for one kind of work."""

    def __init__(self, module: str, settings: str, config: Config) -> None:
        """`module` has the function `open_work(config, settings)`, a context manager whose value takes a
        request and returns its result, both texts. One worker for each of the processors of `config`.
        """
        self._number = config.threads
        self._turns = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._order = Order(
            module,
            settings,
            asdict(replace(config, workers=1)),
            self._turns.fileno(),
            max(1, config.max_pixels // self._number),
        )
        self._free: LifoQueue[_Worker] = LifoQueue()
        self._workers = [_Worker(self._order) for _ in range(self._number)]
        for worker in self._workers:
            self._free.put(worker)

    @property
    def size(self) -> int:
        """The number of workers."""
        return self._number

    def map(self, requests: Iterable[str]) -> Generator[str | Lost, None, None]:
        """Return the result of each request, in their order; they are taken on the thread of the caller.

        An error of this package that the work did not expect is raised when it is that request's turn.
        """
        return in_parallel(self._work, requests, self._number, ahead=AHEAD)

    def _work(self, request: str) -> str | Lost:
        worker = self._free.get()
        try:
            for _ in range(ATTEMPTS):
                try:
                    return worker.ask(request)
                except _Died:
                    reason = worker.end()
            return Lost(request, reason)
        finally:
            self._free.put(worker)

    def close(self) -> None:
        """End the workers: those that are at work when they are done, or after some seconds."""
        for worker in self._workers:
            worker.close_input()
        for worker in self._workers:
            worker.end(END_SECONDS)
        self._turns.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Worker:
    """One process, started with its first request. One thread at a time uses it."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: str) -> str:
        """Raises _Died, and the errors of the work."""
        if self._process is None:
            self._start()
        return self._exchange(packed(request)).text

    def _start(self) -> None:
        """Raises ConfigError if it ends before it can take a request, and what opening its work raises."""
        command = [sys.executable, *(["-P"] if sys.version_info >= (3, 11) else [])]
        try:
            self._process = subprocess.Popen(
                [*command, "-m", "douglas_quaid.parallel", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                pass_fds=[self._order.turns],
            )
        except OSError as error:
            raise ConfigError(f"a worker process cannot be started: {error}") from None
        try:
            self._exchange(packed(self._order))
        except _Died:
            raise ConfigError(
                f"a worker process does not start: {self.end()}; run quaid self-check"
            ) from None

    def _exchange(self, line: bytes) -> Response:
        assert self._process is not None
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
            answer = self._process.stdout.readline(MAX_LINE)
            response = read_response(answer)
        except (OSError, ValueError, TypeError, KeyError):  # (nothing, or the half of a line)
            raise _Died from None
        for one in response.logged:
            logging.getLogger(one.logger).log(one.level, "%s", one.text)
        if response.error:
            found = getattr(errors, response.error, None)
            if isinstance(found, type) and issubclass(found, DouglasQuaidError):
                raise found(response.message)
            raise DouglasQuaidError(response.message)
        return response

    def close_input(self) -> None:
        """Let it end by itself, because there will be no more requests."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def end(self, seconds: float = 0.0) -> str:
        """Kill it if it does not end by itself within `seconds`, and return in words how it ended."""
        process, self._process = self._process, None
        if process is None:
            return "it did not run"
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        with suppress(OSError), process:
            process.wait()
        status = process.returncode
        return f"exit status {status}" if status >= 0 else signal.Signals(-status).name
