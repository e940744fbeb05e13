"""Child processes that decode pictures for this one (isolation.py): as many as are needed at once, and no
more than `workers`.

A child that crashes, hangs longer than `decode_seconds` or sends what is no answer is ended and replaced, and
its picture gets an ImageError; one that dies before it has begun with a picture is replaced without a word.
Safe for threads; a process that was forked from this one starts children of its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import errors
from ..config import Config
from ..decoding.image import BUDGET, admit, reserve
from ..errors import ConfigError, CorruptImage, FormatError, ImageError
from ..features import codec
from ..records import ImageFeatures
from .worker import ANSWER, BEGUN, READY, REQUEST, SIZE, TEXT_BYTES, Kind, Wanted, arguments

#: Longest start of a child. chosen: a second is usual, and a machine may be busy.
START_SECONDS = 60.0
#: Time that children have to end by themselves when the engine is closed. chosen.
END_SECONDS = 2.0
#: Size of a pipe. spec: the most that Linux gives to an ordinary user; with the usual 64 KiB a picture takes
#: 30 turns.
PIPE_BYTES = 1 << 20
#: Beginnings of the environment variables that a child gets: none of them a secret. chosen.
ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_", "LD_", "PYTHON", "VIRTUAL_ENV")


T = TypeVar("T")


class _Died(Exception):
    """The child ended, or its pipe broke."""


class _Hung(Exception):
    """The time is up."""


class _Babble(Exception):
    """What came is no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Of a child, its sizes checked and nothing else; see isolation.py."""

    kind: Kind
    first: bytes
    second: bytes


class Decoders:
    """Decodes and extracts like image.py and features/, elsewhere."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._changed = threading.Condition()
        self._owner = os.getpid()
        self._idle: list[_Child] = []
        self._busy: set[_Child] = set()
        self._places = config.threads
        self._closed = False
        weakref.finalize(self, _end_all, self._idle, self._owner)

    def features(
        self, data: bytes, *, name: str, hash_only: bool, grey: bool
    ) -> tuple[ImageFeatures, NDArray[np.uint8] | None]:
        """Features of a picture, and its grey pixels u8[h, w] when they are asked for. Raises ImageError."""
        wanted = (Wanted.HASH_ONLY if hash_only else Wanted(0)) | (Wanted.GREY if grey else Wanted(0))
        image_id = hashlib.sha256(data).hexdigest()

        def read(answer: Answer) -> tuple[ImageFeatures, NDArray[np.uint8] | None]:
            features = codec.decode(_expected(answer, Kind.RECORD))
            if features.image_id != image_id:
                raise _Babble
            return features, _pixels(answer.second, features.height, features.width) if grey else None

        return self._ask(data, wanted, name, read)

    def pixels(self, data: bytes, *, name: str) -> NDArray[np.uint8]:
        """RGB pixels u8[h, w, 3]. Raises ImageError."""

        def read(answer: Answer) -> NDArray[np.uint8]:
            width, height = SIZE.unpack(_expected(answer, Kind.PIXELS))
            return _pixels(answer.second, height, width, 3)

        return self._ask(data, Wanted.RGB, name, read)

    def close(self) -> None:
        """End all children, those at work too, and wait for them."""
        with self._changed:
            self._closed = True
            self._forget_if_forked()
            idle = self._idle[:]
            self._idle.clear()
            for child in self._busy:
                child.kill()  # whoever uses it notices, and ends it
            self._changed.notify_all()
        _end_all(idle, os.getpid())
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, END_SECONDS)

    def _ask(self, data: bytes, wanted: Wanted, name: str, read: Callable[[Answer], T]) -> T:
        config = self._config
        header = admit(data, max_bytes=config.max_bytes, max_pixels=config.max_pixels, name=name)
        pixels = reserve(header, max_pixels=config.max_pixels, name=name)
        try:
            found = self._answer(data, wanted, name, read)
        finally:
            BUDGET.release(pixels)
        if isinstance(found, ImageError):
            raise found
        return found

    def _answer(self, data: bytes, wanted: Wanted, name: str, read: Callable[[Answer], T]) -> T | ImageError:
        seconds = self._config.decode_seconds
        while True:
            with self._child() as child:
                try:
                    answer = child.ask(data, wanted, name, most=3 * self._config.max_pixels, seconds=seconds)
                    return _image_error(answer) if answer.kind is Kind.ERROR else read(answer)
                except _Hung:
                    raise CorruptImage(
                        f"{name}: kept its decoder busy for more than {seconds:g} s; save the picture again, or raise decode_seconds"
                    ) from None
                except (_Babble, FormatError, struct.error):
                    raise CorruptImage(
                        f"{name}: its decoder sent what is no answer; fetch or save the picture again"
                    ) from None
                except _Died:
                    if self._closed:
                        raise ConfigError("the engine was closed while a picture was being decoded") from None
                    if child.begun or child.fresh:
                        raise CorruptImage(
                            f"{name}: {child.end()}; fetch or save the picture again"
                        ) from None
                    child.end()  # of something else, before it had begun with this picture

    @contextmanager
    def _child(self) -> Iterator[_Child]:
        """A child that is free, or a new one; waits while all are at work. One that fails, or whose question
        is given up, is ended.
        """
        child = self._take()
        try:
            child.start(self._config)
            yield child
        except BaseException:
            child.end()
            raise
        finally:
            self._give_back(child)

    def _take(self) -> _Child:
        with self._changed:
            self._forget_if_forked()
            while not self._closed and not self._idle and len(self._busy) >= self._places:
                self._changed.wait()
            if self._closed:
                raise ConfigError("the engine is closed; open it again")
            child = self._idle.pop() if self._idle else _Child()
            self._busy.add(child)
            return child

    def _forget_if_forked(self) -> None:
        if self._owner != os.getpid():  # the children belong to the other process
            self._owner = os.getpid()
            self._idle.clear()
            self._busy.clear()
            weakref.finalize(self, _end_all, self._idle, self._owner)

    def _give_back(self, child: _Child) -> None:
        with self._changed:
            self._busy.discard(child)
            if child.is_alive and not self._closed:
                self._idle.append(child)
            self._changed.notify_all()


class _Child:
    """One process; used by one thread at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.fresh = True
        """Whether it was given no picture before this one."""
        self.begun = False
        """Whether it has begun with the picture."""

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, config: Config) -> None:
        """Start it if it does not run. Raises ConfigError when it does not come up, which is no picture's
        fault.
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
        pipe = subprocess.PIPE
        try:
            # In a session of its own, so that Ctrl-C in a terminal is the parent's affair; in no folder of
            # anybody's.
            self._process = subprocess.Popen(
                command,
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
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
            with suppress(OSError, AttributeError):  # beyond what this user may have: slower, no less right
                fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        try:
            if self._read(1, time.monotonic() + START_SECONDS) != READY:
                raise _Babble
        except (_Died, _Hung, _Babble):
            assert self._process.stderr is not None
            self._process.kill()
            said = self._process.stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise ConfigError(
                f"the process that decodes pictures does not start: {said or self.end()}; run quaid self-check"
            ) from None

    def ask(self, data: bytes, wanted: Wanted, name: str, *, most: int, seconds: float) -> Answer:
        """Raises _Died, _Hung or _Babble, after which it is to be ended."""
        until = time.monotonic() + seconds
        self.begun = False
        given = name.encode("utf-8", "surrogatepass")
        for part in (REQUEST.pack(wanted, len(given), len(data)) + given, data):
            self._write(part, until)
        if self._read(1, until) != BEGUN:
            raise _Babble
        self.begun = True
        kind, first, second = ANSWER.unpack(self._read(ANSWER.size, until))
        if kind not in list(Kind) or first > codec.MAX_RECORD or second > max(most, TEXT_BYTES):
            raise _Babble
        return Answer(Kind(kind), self._read(first, until), self._read(second, until))

    def kill(self) -> None:
        """From any thread; the one that uses it ends it."""
        if (process := self._process) is not None:
            process.kill()

    def close_input(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def end(self, until: float = 0.0) -> str:
        """Kill it if it does not end by itself until then (time.monotonic()), leave no zombie, and say in
        words how it ended.
        """
        process = self._process
        if process is None:
            return "its decoder did not run"
        self._process = None
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
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
                raise _Died from None

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
                raise _Died from None
            if not read:
                raise _Died
            at += read
        return bytes(found)


def _wait(descriptor: int, event: int, until: float) -> None:
    left = until - time.monotonic()
    poll = select.poll()
    poll.register(descriptor, event)
    if left <= 0 or not poll.poll(left * 1000):
        raise _Hung


def _pixels(data: bytes, *shape: int) -> NDArray[np.uint8]:
    if len(data) != int(np.prod(shape, dtype=object)):
        raise _Babble
    return np.frombuffer(data, np.uint8).reshape(shape)


def _expected(answer: Answer, kind: Kind) -> bytes:
    if answer.kind is not kind:
        raise _Babble
    return answer.first


def _image_error(answer: Answer) -> ImageError:
    """The child's error; of our tree only those that a picture may have."""
    found = getattr(errors, answer.first.decode("ascii", "replace"), None)
    if not (isinstance(found, type) and issubclass(found, ImageError)):
        raise _Babble
    return found(answer.second.decode("utf-8", "replace"))


def _end_all(idle: list[_Child], owner: int) -> None:
    """Give children a moment to end by themselves; nothing in a fork of their owner, which has other
    children.
    """
    if owner != os.getpid():
        return
    for child in idle:
        child.close_input()
    until = time.monotonic() + END_SECONDS
    for child in idle:
        child.end(until)


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended its decoder (exit status {status})"
    if -status == signal.SIGKILL:
        return "its decoder was killed (SIGKILL), perhaps for want of memory"
    return f"crashed its decoder ({signal.Signals(-status).name})"
