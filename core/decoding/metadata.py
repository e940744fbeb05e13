"""A picture file without its metadata, so that no decoder reads, unpacks or refuses what is not shown.

Takes the bytes of a file whose header was read, and returns a file with the same pixels. Text, colour
profiles, EXIF and comments are left out, however long, compressed or broken they are, and so is what stands
behind the picture's end: a viewer shows the picture without them. One pass, linear in the size of the file.
"""

import struct
import zlib
from itertools import pairwise

from .parts import (
    END_OF_JPEG,
    PNG_SIGNATURE,
    START_OF_SCAN,
    WEBP_HEAD,
    Part,
    jpeg_segments,
    png_chunks,
    webp_chunks,
)

# Chunks of a PNG that make its pixels, critical ones first. spec: PNG 3rd edition, 5.6.
_PNG_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
_PNG_SHOWN = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
# Segments of a JPEG without pixels: APP0 to APP15 and comments. APP0 (JFIF) and APP14 (Adobe) say which
# colours the numbers are. spec: ITU-T T.81, table B.1; JFIF 1.02; Adobe technical note 5116.
_JPEG_METADATA = {*range(0xE1, 0xF0), 0xFE} - {0xEE}
# Chunks of a WebP that make its pixels, and the flags of VP8X that announce others: ICC profile, EXIF, XMP.
# spec: RFC 9649, 2.7.
_WEBP_SHOWN = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF")
_WEBP_METADATA_FLAGS = 0x20 | 0x08 | 0x04


def without_metadata(data: bytes, format: str) -> bytes:
    """Return the file without metadata, or `data` itself if it has none or its format keeps it apart.

    A JPEG that is cut short gets an end, because its decoder gives no pixel of a progressive one otherwise.
    """
    if format == "PNG":
        return _joined(data, PNG_SIGNATURE, [part for part in png_chunks(data) if _png_shows(data, part)])
    if format == "JPEG":
        return _jpeg(data)
    if format == "WEBP" and data[12:16] == b"VP8X":
        return _webp(data)
    return data


def _png_shows(data: bytes, part: Part) -> bool:
    """Whether a chunk is needed. One that is not critical must have the right check sum, as in browsers."""
    if part.kind not in _PNG_SHOWN:
        return part.kind in _PNG_CRITICAL
    body = memoryview(data)[part.start + 4 : part.end - 4]
    return zlib.crc32(body) == int.from_bytes(data[part.end - 4 : part.end], "big")


def _jpeg(data: bytes) -> bytes:
    parts = list(jpeg_segments(data))
    kept = [part for part in parts if part.kind[0] not in _JPEG_METADATA]
    if kept and kept[-1].kind[0] == END_OF_JPEG:
        return _joined(data, 2, kept)
    # Zeros at the end of an incomplete download are not part of the picture.
    end = len(data.rstrip(b"\0")) if kept and kept[-1].kind[0] == START_OF_SCAN else len(data)
    return _joined(data[:end], 2, kept) + bytes((0xFF, END_OF_JPEG))


def _webp(data: bytes) -> bytes:
    body = bytearray(_joined(data, WEBP_HEAD, [p for p in webp_chunks(data) if p.kind in _WEBP_SHOWN]))
    if len(body) < len(data):
        struct.pack_into("<I", body, 4, len(body) - 8)
        body[20] &= ~_WEBP_METADATA_FLAGS
    return bytes(body)


def _joined(data: bytes, head: int, parts: list[Part]) -> bytes:
    """The head and the parts, one behind the other; `data` itself if that is all of it."""
    is_whole = parts and parts[0].start == head and parts[-1].end == len(data)
    if is_whole and all(before.end == after.start for before, after in pairwise(parts)):
        return data
    return b"".join([data[:head], *(data[part.start : part.end] for part in parts)])
