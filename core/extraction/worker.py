"""The program of a child process that decodes pictures and extracts their features: `python -m
douglas_quaid.isolation`.

Takes pictures on standard input, one after the other, and gives for each the encoded record or an error on
standard output. What a picture does to a decoder, a crash, a hang or memory without end, it does here and not
in the process of a host; decoders.py starts this program, ends it and starts another. No pickle: sizes and
bytes, which the reader checks before it allocates. This bounds accidents and denial of service; it is no
sandbox against code that a decoder's bug lets an attacker run.

    ready        1 byte, once
    request      options u8, bytes of the name u32, bytes of the picture u64; name; picture
    begun        1 byte, when all of it was read: what happens from here on is this picture's doing
    answer       kind u8, bytes of the first part u32, bytes of the second u64; both parts
                 record: the record, and the grey pixels that were asked for; pixels: width and height, u32,
                 and RGB; error: the name of its class, and its text

The child ends with its parent: at the end of its input, when the parent is gone, and, while a picture keeps
it busy, by an alarm.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import struct
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..config import Config

READY, BEGUN = b"\x06", b"\x05"
REQUEST = struct.Struct("<BIQ")
ANSWER = struct.Struct("<BIQ")
#: Width and height, before pixels.
SIZE = struct.Struct("<II")

#: Address space of a child with its libraries loaded and no picture. chosen: twice what was measured, 421 MiB
#: (2026-11).
BASE_BYTES = 1 << 30
#: Address space that a picture may take. chosen: a quarter above the worst of 19 kinds of file of 30 million
#: pixels, WebP with transparency, 25.5; TIFF of floats takes 24, WebP and RGBA 18, all others less than 15
#: (2026-11).
BYTES_PER_PIXEL = 32
#: Seconds after `decode_seconds` at which a child ends itself, if its parent has not ended it. chosen.
GRACE = 5.0
#: Longest text of an error. chosen.
TEXT_BYTES = 4096
#: spec: cv::Error::StsNoMem.
OPENCV_NO_MEMORY = -4


class Wanted(IntFlag):
    """Options of a request."""

    HASH_ONLY = 1
    #: Grey pixels too, u8[h, w].
    GREY = 2
    #: RGB pixels u8[h, w, 3] too, and no features.
    RGB = 4


class Kind(IntEnum):
    RECORD = 0
    PIXELS = 1
    ERROR = 2


def arguments(config: Config) -> list[str]:
    """What `main` is told of the settings."""
    numbers = (
        os.getpid(),
        config.max_bytes,
        config.max_pixels,
        int(config.whash),
        int(config.thumbnails),
        config.decode_seconds,
    )
    return [str(number) for number in numbers]


def main(given: list[str]) -> None:
    """Serve until the parent closes the pipe or is gone. `given`: see `arguments`."""
    parent, max_bytes, max_pixels, whash, thumbnails = map(int, given[:5])
    seconds = float(given[5])
    answers = os.dup(1)
    _limit_memory(max_bytes, max_pixels)

    import cv2

    from ..decoding.image import decode_image
    from ..features import codec, extract_features

    cv2.setNumThreads(1)  # the parent has as many children as it wants processors used
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # what a library prints is no answer
    os.dup2(nothing, 2)

    def work(wanted: Wanted, name: str, data: bytes) -> tuple[Kind, bytes, bytes | memoryview]:
        image = decode_image(data, max_bytes=max_bytes, max_pixels=max_pixels, name=name)
        if Wanted.RGB in wanted:
            return Kind.PIXELS, SIZE.pack(image.width, image.height), _bytes(image.pixels)
        features = extract_features(
            image, whash=bool(whash), thumbnails=bool(thumbnails), hash_only=Wanted.HASH_ONLY in wanted
        )
        return Kind.RECORD, codec.encode(features), _bytes(image.grey) if Wanted.GREY in wanted else b""

    _write(answers, READY)
    while _parent_speaks(parent):
        options, name_bytes, data_bytes = REQUEST.unpack(_read(REQUEST.size))
        name, data = _read(name_bytes).decode("utf-8", "surrogatepass"), _read(data_bytes)
        _write(answers, BEGUN)
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
        try:
            kind, first, second = work(Wanted(options), name, data)
        except Exception as error:
            kind, first, second = (Kind.ERROR, *_described(error, name))
        signal.setitimer(signal.ITIMER_REAL, 0)
        del data
        _write(answers, ANSWER.pack(kind, len(first), len(second)), first, second)
        del second


def _described(error: Exception, name: str) -> tuple[bytes, bytes]:
    """Name of an ImageError's class, and its text. Whatever else is raised becomes one: the picture is what
    differs from the last one.
    """
    from ..errors import ImageError

    words = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ImageError):
        kind, text = type(error).__name__, str(error)
    elif isinstance(error, MemoryError) or getattr(error, "code", None) == OPENCV_NO_MEMORY:
        kind, text = (
            "ImageTooLarge",
            f"{name}: takes more memory than a picture may ({words}); scale the picture down or raise max_pixels",
        )
    else:
        kind, text = (
            "CorruptImage",
            f"{name}: its features cannot be computed ({type(error).__name__}: {words}); fetch or save the picture again",
        )
    return kind.encode(), text.encode("utf-8", "replace")[:TEXT_BYTES]


def _limit_memory(max_bytes: int, max_pixels: int) -> None:
    limit = BASE_BYTES + BYTES_PER_PIXEL * max_pixels + 3 * max_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no copy of a picture is left behind on a disk
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def _parent_speaks(parent: int) -> bool:
    """Wait until there is a request; False when the parent has closed the pipe or is gone, though others may
    hold its end of the pipe.
    """
    poll = select.poll()
    poll.register(0, select.POLLIN)
    watched = _watched(parent)
    if watched is not None:
        poll.register(watched, select.POLLIN)
    ready = [descriptor for descriptor, _ in poll.poll()]
    if watched is not None:
        os.close(watched)
    return ready == [0] and os.getppid() == parent


def _watched(process: int) -> int | None:
    """A descriptor that becomes readable when a process ends; None where the system has none (Linux before
    5.3).
    """
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def _read(count: int) -> bytes:
    """Exactly so many bytes of standard input."""
    found = bytearray(count)
    view, at = memoryview(found), 0
    while at < count:
        read = os.readv(0, [view[at:]])
        if not read:
            raise SystemExit  # the parent has changed its mind, or is gone
        at += read
    return bytes(found)


def _write(descriptor: int, *parts: bytes | memoryview) -> None:
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[os.write(descriptor, view) :]


def _bytes(pixels: NDArray[np.uint8]) -> memoryview:
    return np.ascontiguousarray(pixels).reshape(-1).data
