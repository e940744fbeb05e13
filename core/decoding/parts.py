"""The parts of a PNG, JPEG or WebP file: chunks and segments, each with its place.

Takes the file's bytes and returns where each part begins and ends. Nothing is copied or unpacked, and a walk
takes at most MAX_STEPS steps. The header is read from the parts (headers.py), and the metadata is left out by
them (metadata.py). Sources: PNG 3rd edition, ITU-T T.81, RFC 9649 (WebP).
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from .directories import steps

#: Number of bytes before the first chunk of a PNG. spec: PNG 3rd edition, 5.2.
PNG_SIGNATURE = 8
#: Number of bytes before the first chunk of a WebP. spec: RFC 9649, 2.4.
WEBP_HEAD = 12
#: Marker of a JPEG's scan, with the coded pixels behind it. spec: ITU-T T.81, table B.1.
START_OF_SCAN = 0xDA
#: Marker of a JPEG's end. spec: ITU-T T.81, table B.1.
END_OF_JPEG = 0xD9
# What begins a segment: no stuffed zero, fill byte, TEM, restart marker or second start. Decoders skip what
# stands between segments.
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]", re.DOTALL)


class Part(NamedTuple):
    """A chunk or a segment with its frame: length, name and check sum."""

    #: The name of a chunk, 4 bytes; the marker of a segment, 1 byte.
    kind: bytes
    #: Offset of its first byte.
    start: int
    #: Offset behind its last byte; at most the size of the file, where the file is cut short.
    end: int


def png_chunks(data: bytes) -> Iterator[Part]:
    """Return the chunks of a PNG up to IEND. What follows it belongs to no picture."""
    position = PNG_SIGNATURE
    for _ in steps("PNG"):
        if position + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        yield Part(kind, position, min(end, len(data)))
        if kind == b"IEND":
            return
        position = end


def jpeg_segments(data: bytes) -> Iterator[Part]:
    """Return the segments of a JPEG's first picture up to its end. A scan includes its coded pixels.

    The last one is END_OF_JPEG unless the file is cut short. Pictures behind it, such as the video of a
    motion photo, belong to other readers.
    """
    position = 2
    for _ in steps("JPEG"):
        found = _MARKER.search(data, position)
        if found is None:
            return
        start, kind = found.start(), found.group()[1:]
        if kind[0] == END_OF_JPEG:
            yield Part(kind, start, start + 2)
            return
        position = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
        if kind[0] == START_OF_SCAN:
            found = _MARKER.search(data, position)
            position = found.start() if found else len(data)
        yield Part(kind, start, min(position, len(data)))


def webp_chunks(data: bytes) -> Iterator[Part]:
    """Return the chunks of a WebP, up to the size that its head says."""
    position = WEBP_HEAD
    last = min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    for _ in steps("WebP"):
        if position + 8 > last:
            return
        kind, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length + (length & 1)
        yield Part(kind, position, min(end, len(data)))
        position = end
