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

import os
import resource
import select
import signal
import struct
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..config import Config

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
#: Address space in bytes that a picture may take per pixel. chosen: a quarter above the worst of 19 kinds of
#: files of 30 million pixels, WebP with transparency, 25.5; TIFF of floats takes 24, WebP and RGBA 18, all
#: others less than 15 (2026-11).
BYTES_PER_PIXEL = 32
#: Seconds after `decode_seconds` at which a child ends itself if its parent has not ended it. chosen.
GRACE = 5.0
#: Maximum length of the text of an error in bytes. chosen.
TEXT_BYTES = 4096
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
    switches = int(config.whash), int(config.thumbnails)
    numbers = os.getpid(), config.max_bytes, config.max_pixels, *switches, config.decode_seconds
    return [str(number) for number in numbers]


def main(given: list[str]) -> None:
    """Serve requests until the parent closes the pipe or is gone; `given` comes from `arguments`."""
    parent, max_bytes, max_pixels, whash, thumbnails = map(int, given[:5])
    seconds = float(given[5])
    responses = os.dup(1)
    _limit_memory(max_bytes, max_pixels)

    import cv2

    from ..decoding.image import decode_image
    from ..features import codec, extract_features

    cv2.setNumThreads(1)  # the parent has one child for each processor to be used
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # what a library prints is not a response
    os.dup2(nothing, 2)

    def work(wanted: Wanted, name: str, data: bytes) -> tuple[Kind, bytes, bytes | memoryview]:
        image = decode_image(data, max_bytes=max_bytes, max_pixels=max_pixels, name=name)
        if wanted is Wanted.RGB:
            return Kind.PIXELS, SIZE.pack(image.width, image.height), _bytes(image.pixels)
        hash_only = wanted is Wanted.HASH_ONLY
        features = extract_features(
            image, whash=bool(whash), thumbnails=bool(thumbnails), hash_only=hash_only
        )
        return Kind.RECORD, codec.encode(features), b"" if hash_only else _bytes(image.grey)

    _write(responses, READY)
    while _parent_speaks(parent):
        wanted, name_bytes, data_bytes = REQUEST.unpack(_read(REQUEST.size))
        name, data = _read(name_bytes).decode("utf-8", "surrogatepass"), _read(data_bytes)
        _write(responses, BEGUN)
        signal.setitimer(signal.ITIMER_REAL, seconds + GRACE)
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


def _limit_memory(max_bytes: int, max_pixels: int) -> None:
    limit = BASE_BYTES + BYTES_PER_PIXEL * max_pixels + 3 * max_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no copy of a picture on a disk
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def _parent_speaks(parent: int) -> bool:
    """Wait until there is a request. False when the parent has closed the pipe or is gone, even if others
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
    """A descriptor that becomes readable when a process ends; None on a system without it (Linux before
    5.3).
    """
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def _read(count: int) -> bytes:
    """Exactly `count` bytes of standard input."""
    found = bytearray(count)
    view, at = memoryview(found), 0
    while at < count:
        read = os.readv(0, [view[at:]])
        if not read:
            raise SystemExit  # the parent has closed the pipe, or is gone
        at += read
    return bytes(found)


def _write(descriptor: int, *parts: bytes | memoryview) -> None:
    for part in parts:
        view = memoryview(part)
        while view:
            view = view[os.write(descriptor, view) :]


def _bytes(pixels: NDArray[np.uint8]) -> memoryview:
    return np.ascontiguousarray(pixels).reshape(-1).data
