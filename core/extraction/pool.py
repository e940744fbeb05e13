"""Child processes that decode pictures for this process (worker.py): as many as are needed at once, and at
most `workers`.

A child that crashes, hangs longer than `decode_seconds` or returns an invalid response is ended and replaced,
and its picture gets an ImageError. One that has worked before and dies between two pictures is
replaced silently. Safe for threads; a process that was forked from this one starts its own children.
"""

import hashlib
import os
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import errors
from ..config import Config
from ..decoding.budget import BUDGET
from ..decoding.image import admit, reserve
from ..errors import ConfigError, CorruptImage, FormatError, ImageError
from ..features import codec
from ..features.picture import Picture
from .child import Child, Died, Hung, Invalid, Response
from .extractor import Extractor
from .worker import SIZE, Kind, Wanted

#: Seconds that children have to end by themselves when the engine is closed. chosen.
END_SECONDS = 2.0

T = TypeVar("T")


class Decoders(Extractor):
    """An `Extractor` that works in child processes."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._changed = threading.Condition()
        self._owner = os.getpid()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._closed = False
        weakref.finalize(self, _end_all, self._idle, self._owner)

    def extract(self, data: bytes, *, name: str, hash_only: bool = False) -> Picture:
        """Return the picture with its features, and with `hash_only` without pixels.

        Raises ImageError named `name` for what is wrong with the picture, and ConfigError when no child can
        be started or the engine was closed.
        """
        image_id = hashlib.sha256(data).hexdigest()

        def read(response: Response) -> Picture:
            features = codec.decode(_expected(response, Kind.RECORD))
            if features.image_id != image_id:
                raise Invalid
            if hash_only:
                return Picture(features)
            return Picture(features, _pixels(response.second, features.height, features.width))

        return self._ask(data, Wanted.HASH_ONLY if hash_only else Wanted.FEATURES, name, read)

    def pixels(self, data: bytes, *, name: str) -> NDArray[np.uint8]:
        """Return RGB pixels u8[h, w, 3]. Raises ImageError and ConfigError as `extract` does."""

        def read(response: Response) -> NDArray[np.uint8]:
            width, height = SIZE.unpack(_expected(response, Kind.PIXELS))
            return _pixels(response.second, height, width, 3)

        return self._ask(data, Wanted.RGB, name, read)

    def close(self) -> None:
        """End all children, also those at work, and wait for them."""
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

    def _ask(self, data: bytes, wanted: Wanted, name: str, read: Callable[[Response], T]) -> T:
        config = self._config
        header = admit(
            data,
            max_bytes=config.max_bytes,
            max_pixels=config.max_pixels,
            max_side=config.max_side,
            name=name,
        )
        pixels = reserve(header, max_pixels=config.max_pixels, name=name)
        try:
            found = self._answer(data, wanted, name, read)
        finally:
            BUDGET.release(pixels)
        if isinstance(found, ImageError):
            raise found
        return found

    def _answer(
        self, data: bytes, wanted: Wanted, name: str, read: Callable[[Response], T]
    ) -> T | ImageError:
        seconds = self._config.decode_seconds
        while True:
            with self._child() as child:
                try:
                    response = child.ask(
                        data, wanted, name, most=3 * self._config.max_pixels, seconds=seconds
                    )
                    return _image_error(response) if response.kind is Kind.ERROR else read(response)
                except Hung:
                    raise CorruptImage(
                        f"{name}: kept its decoder busy for more than {seconds:g} s;"
                        " save the picture again, or raise decode_seconds"
                    ) from None
                except (Invalid, FormatError, struct.error):
                    raise CorruptImage(
                        f"{name}: the decoder process returned an invalid response;"
                        " fetch or save the picture again"
                    ) from None
                except Died:
                    if self._closed:
                        raise ConfigError("the engine was closed while a picture was being decoded") from None
                    if child.begun or child.fresh:
                        raise CorruptImage(
                            f"{name}: {child.end()}; fetch or save the picture again"
                        ) from None
                    child.end()  # it died of something else, before it had begun with this picture

    @contextmanager
    def _child(self) -> Iterator[Child]:
        """A child that is free, or a new one; waits while all are at work. One that fails, or whose request
        is given up, is ended.
        """
        with self._changed:
            self._forget_if_forked()
            self._changed.wait_for(
                lambda: self._closed or self._idle or len(self._busy) < self._config.threads
            )
            if self._closed:
                raise ConfigError("the engine is closed; open it again")
            child = self._idle.pop() if self._idle else Child()
            self._busy.add(child)
        try:
            child.start(self._config)
            yield child
        except BaseException:
            child.end()
            raise
        finally:
            with self._changed:
                self._busy.discard(child)
                if child.is_alive and not self._closed:
                    self._idle.append(child)
                self._changed.notify_all()

    def _forget_if_forked(self) -> None:
        if self._owner != os.getpid():  # the children belong to the other process
            self._owner = os.getpid()
            self._idle.clear()
            self._busy.clear()
            weakref.finalize(self, _end_all, self._idle, self._owner)


def extractor_of(config: Config) -> Extractor:
    """Return what decodes pictures, in child processes if the configuration asks for it."""
    return Decoders(config) if config.isolate else Extractor(config)


def _pixels(data: bytes, *shape: int) -> NDArray[np.uint8]:
    if len(data) != int(np.prod(shape, dtype=object)):
        raise Invalid
    return np.frombuffer(data, np.uint8).reshape(shape)


def _expected(response: Response, kind: Kind) -> bytes:
    if response.kind is not kind:
        raise Invalid
    return response.first


def _image_error(response: Response) -> ImageError:
    """The child's error; only an ImageError is accepted."""
    found = getattr(errors, response.first.decode("ascii", "replace"), None)
    if not (isinstance(found, type) and issubclass(found, ImageError)):
        raise Invalid
    return found(response.second.decode("utf-8", "replace"))


def _end_all(idle: list[Child], owner: int) -> None:
    """Give children a moment to end by themselves. Does nothing in a fork of their owner, which has other
    children.
    """
    if owner != os.getpid():
        return
    for child in idle:
        child.close_input()
    until = time.monotonic() + END_SECONDS
    for child in idle:
        child.end(until)
