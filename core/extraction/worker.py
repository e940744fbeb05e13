"""The program of a child process that decodes pictures and extracts their features: `python -m
douglas_quaid.isolation`.

Takes pictures on standard input, one after the other, and returns for each the encoded record or an error on
standard output. If a picture makes a decoder crash, hang or use up memory, it does so here and not in the
process of a host; pool.py starts this program, ends it and starts another. Nothing is pickled: the protocol
has sizes and bytes, which the reader checks before it allocates. This limits accidents and denial of service;
it does not confine code that a decoder's bug lets an attacker run.

    ready        1 byte, once
    request      what is wanted u8, bytes of the name u32, bytes of the picture u64; name; picture
    begun        1 byte, when all of it was read: from here on a failure is this picture's fault
    response     kind u8, bytes of the first part u32, bytes of the second u64; both parts
                 record: the record, and the grey pixels unless only hashes are wanted; pixels: width and
                 height, u32, and RGB; error: the name of its class, and its text

The child ends with its parent: at the end of its input, when the parent is gone, and, while a picture keeps
it busy, by an alarm.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import struct
import sys
from contextlib import suppress
from enum import IntEnum
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from ..config import Config

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Byte that a child sends when it is ready for requests.
READY = b"\x06"
#: Byte that a child sends when it has read a request.
BEGUN = b"\x05"
#: Head of a request.
REQUEST = struct.Struct("<BIQ")
#: Head of a response.
RESPONSE = struct.Struct("<BIQ")
#: Width and height, before pixels.
SIZE = struct.Struct("<II")

#: Address space in bytes of a child with its libraries loaded, without a picture. chosen: twice what was
#: measured, 421 MiB (2026-11).
BASE_BYTES = 1 << 30
#: Address space in bytes that a picture may take per pixel. chosen: a quarter above the worst of 27 kinds of
#: files, animated and transparent WebP with 35. measured: tests/benchmarks/decoding_memory.py.
BYTES_PER_PIXEL = 44
#: Seconds after `decode_seconds` at which a child ends itself if its parent has not ended it. chosen.
GRACE = 5.0
#: Maximum length of the text of an error in bytes. chosen.
TEXT_BYTES = 4096
#: Settings that a child needs. None of them is a secret: other users can read a command line.
SETTINGS = ("max_bytes", "max_pixels", "max_side", "whash", "thumbnails", "decode_seconds")
#: OpenCV's error code for want of memory. spec: cv::Error::StsNoMem.
OPENCV_NO_MEMORY = -4


class Wanted(IntEnum):
    """What is wanted of a picture."""

    #: All features, and the grey pixels u8[h, w].
    FEATURES = 0
    #: Hashes alone, without keypoints and thumbnail.
    HASH_ONLY = 1
    #: The RGB pixels u8[h, w, 3] instead of features.
    RGB = 2


class Kind(IntEnum):
    """Kinds of a response."""

    #: An encoded record, and the grey pixels unless only hashes are wanted.
    RECORD = 0
    #: The size and RGB pixels.
    PIXELS = 1
    #: The class and text of an ImageError.
    ERROR = 2


def arguments(config: Config) -> list[str]:
    """Return the settings as the arguments of `main`."""
    return [str(os.getpid()), json.dumps({name: getattr(config, name) for name in SETTINGS})]


def main(given: list[str]) -> None:
    """Serve requests until the parent closes the pipe or is gone; `given` comes from `arguments`."""
    parent, config = int(given[0]), Config(**json.loads(given[1]))
    responses = os.fdopen(os.dup(1), "wb")
    _limit_memory(config)

    import cv2

    from ..features import codec
    from .extractor import Extractor

    cv2.setNumThreads(1)  # the parent has one child for each processor to be used
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # what a library prints is not a response
    os.dup2(nothing, 2)
    extractor = Extractor(config)

    def work(wanted: Wanted, name: str, data: bytes) -> tuple[Kind, bytes, bytes | memoryview]:
        if wanted is Wanted.RGB:
            pixels = extractor.pixels(data, name=name)
            height, width, _ = pixels.shape
            return Kind.PIXELS, SIZE.pack(width, height), _bytes(pixels)
        picture = extractor.extract(data, name=name, hash_only=wanted is Wanted.HASH_ONLY)
        return Kind.RECORD, codec.encode(picture.features), _bytes(picture.grey)

    watched = [0]
    with suppress(AttributeError, OSError):  # a system without it: Linux before 5.3
        watched.append(os.pidfd_open(parent))
    _write(responses, READY)
    while _parent_speaks(parent, watched):
        wanted, name_bytes, data_bytes = REQUEST.unpack(_read(REQUEST.size))
        name, data = _read(name_bytes).decode("utf-8", "surrogatepass"), _read(data_bytes)
        _write(responses, BEGUN)
        signal.setitimer(signal.ITIMER_REAL, config.decode_seconds + GRACE)
        try:
            kind, first, second = work(Wanted(wanted), name, data)
        except Exception as error:
            kind, first, second = (Kind.ERROR, *_described(error, name))
        signal.setitimer(signal.ITIMER_REAL, 0)
        del data
        _write(responses, RESPONSE.pack(kind, len(first), len(second)), first, second)
        del second


def _described(error: Exception, name: str) -> tuple[bytes, bytes]:
    """The name of an ImageError's class, and its text. Every other error becomes one: the picture caused
    it.
    """
    from ..errors import ImageError

    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ImageError):
        kind, text = type(error).__name__, str(error)
    elif isinstance(error, MemoryError) or getattr(error, "code", None) == OPENCV_NO_MEMORY:
        kind, text = (
            "ImageTooLarge",
            f"{name}: needs more memory than a picture may take ({words});"
            " scale the picture down or raise max_pixels",
        )
    else:
        kind, text = (
            "CorruptImage",
            f"{name}: its features cannot be computed ({type(error).__name__}: {words});"
            " fetch or save the picture again",
        )
    return kind.encode(), text.encode("utf-8", "replace")[:TEXT_BYTES]


def _limit_memory(config: Config) -> None:
    limit = BASE_BYTES + BYTES_PER_PIXEL * config.max_pixels + 3 * config.max_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no copy of a picture on a disk
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def _parent_speaks(parent: int, watched: list[int]) -> bool:
    """Wait until there is a request on standard input. False when the parent has closed the pipe or is gone,
    even if others hold its end of the pipe. `watched`: standard input and, where possible, a descriptor that
    becomes readable when the parent ends.
    """
    ready, _, _ = select.select(watched, [], [])
    return ready == [0] and os.getppid() == parent


def _read(count: int) -> bytes:
    """Exactly `count` bytes of standard input."""
    found = sys.stdin.buffer.read(count)
    if len(found) < count:
        raise SystemExit  # the parent has closed the pipe, or is gone
    return found


def _write(responses: BinaryIO, *parts: bytes | memoryview) -> None:
    responses.writelines(parts)
    responses.flush()


def _bytes(pixels: NDArray[np.uint8] | None) -> bytes | memoryview:
    return b"" if pixels is None else np.ascontiguousarray(pixels).reshape(-1).data
