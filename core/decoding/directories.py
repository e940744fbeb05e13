"""TIFF directories, the orientation in an EXIF block, and the limit of every walk through a file.

Takes bytes and returns the numbers in their directories. TIFF directories that overlap, so that a reader
would copy them many times, are refused. Sources: TIFF 6.0, BigTIFF, Exif 2.32.
"""

import struct
from collections.abc import Iterator

from ..errors import CorruptImage

#: Maximum number of blocks, chunks or table entries in one file, and of numbers in one TIFF tag. chosen: a
#: GIF of 64 MiB with the usual blocks of 255 bytes has 263,000. Pillow takes up to 10 microseconds for each.
MAX_STEPS = 300_000

#: Maximum bytes of an EXIF block that are looked at. chosen: cameras write at most some 100 KiB.
MAX_EXIF = 16 * 1024 * 1024

#: Tag of the orientation. spec: Exif 2.32, 0x0112.
ORIENTATION = 274
_NUMBERS = {3: "H", 4: "I", 16: "Q"}
# Bytes per value of each TIFF field type. spec: TIFF 6.0 section 2, BigTIFF.
_TIFF_SIZES = {
    kind: size
    for size, kinds in {1: (1, 2, 6, 7), 2: (3, 8), 4: (4, 9, 11, 13), 8: (5, 10, 12, 16, 17, 18)}.items()
    for kind in kinds
}


def directories(data: bytes, most: int) -> Iterator[dict[int, int]]:
    """Return the single numbers (tag: value) of each image file directory of a TIFF, in their order.

    Raises CorruptImage when the values of the directories add up to more than `most` bytes: they overlap, and
    readers copy every one.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    count_format, entry_format, offset_format = (
        order + part for part in (("Q", "HHQ8s", "Q") if big else ("H", "HHI4s", "I"))
    )
    entry = struct.Struct(entry_format)
    (offset,) = struct.unpack_from(offset_format, data, 8 if big else 4)
    walk, seen, total = steps("TIFF"), set(), 0
    while offset and offset not in seen:
        seen.add(offset)
        (entries,) = struct.unpack_from(count_format, data, offset)
        position = offset + struct.calcsize(count_format)
        numbers: dict[int, int] = {}
        for _ in range(entries):
            next(walk)
            tag, kind, count, value = entry.unpack_from(data, position)
            position += entry.size
            size = count * _TIFF_SIZES.get(kind, 0)
            if size > len(value):
                total += size
                if total > most or (count > MAX_STEPS and kind in _NUMBERS):
                    raise CorruptImage(
                        "TIFF tables claim more than a picture has; save the picture without metadata"
                    )
            elif count == 1 and kind in _NUMBERS:
                numbers.setdefault(tag, struct.unpack_from(order + _NUMBERS[kind], value)[0])
        yield numbers
        (offset,) = struct.unpack_from(offset_format, data, position)


def exif_orientation(exif: bytes) -> int:
    """Return the orientation tag of an EXIF block, with or without its `Exif` mark, 1 to 8; 1 when it has
    none or is broken. What its other tags claim does not matter.
    """
    exif = exif.removeprefix(b"Exif\0\0")
    if exif[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    order = "<" if exif[:1] == b"I" else ">"
    try:
        (offset,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, offset)
        for position in range(offset + 2, offset + 2 + 12 * entries, 12):
            tag, kind, count, orientation = struct.unpack_from(order + "HHIH", exif, position)
            if (tag, kind, count) == (ORIENTATION, 3, 1):
                return orientation if 1 <= orientation <= 8 else 1
    except struct.error:
        return 1
    return 1


def steps(format: str) -> Iterator[int]:
    """Return the steps of a walk through a file of this format. Raises CorruptImage after MAX_STEPS."""
    yield from range(MAX_STEPS)
    raise CorruptImage(
        f"{format} with more than {MAX_STEPS:,} parts, which only an attack has; save the picture again"
    )
