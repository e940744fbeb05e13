"""The header of a picture file, read by our own bounded code before Pillow sees a byte of it.

Takes the file's bytes and returns format, size, frames and orientation. Nothing is allocated in proportion to
what a header claims, and no loop runs longer than the file or MAX_STEPS. Structures that make decoders work
or allocate out of proportion (overlapping TIFF tables, thousands of JPEG scans) are refused here. Sources:
PNG 3rd edition, ITU-T T.81, Exif 2.32, TIFF 6.0 and BigTIFF, GIF89a, RFC 9649 (WebP), ISO/IEC 23008-12
(AVIF, HEIF).
"""

import re
import struct
from dataclasses import dataclass

from ..errors import CorruptImage, ImageError, UnsupportedImage
from .directories import MAX_EXIF, ORIENTATION, directories, exif_orientation, steps
from .parts import END_OF_JPEG, START_OF_SCAN, jpeg_segments, png_chunks, webp_chunks
from .readers import open_picture

#: Maximum number of scans of a progressive JPEG; each is a pass over all coefficients. chosen: encoders write
#: about 10.
MAX_SCANS = 40

#: Maximum width and height in pixels unless another one is given. chosen: see `Config.max_side`.
MAX_SIDE = 65_535
#: Maximum number of stored pixels, such as those of a tile, for each pixel that is shown. chosen: tiles and
#: crops store up to four times what they show.
MAX_EXCESS = 4
#: Number of stored pixels that are always accepted. chosen: no harm at 44 bytes each.
SMALL = 1 << 22
#: Number of bytes at the beginning of an AVIF or HEIF file where its boxes are looked for. chosen: a grid of
#: 1,000 tiles takes some 40 KB.
BOXES = 1 << 20

#: The formats that are read, for error messages.
READ = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF and HEIF are read"


@dataclass(frozen=True, slots=True)
class Header:
    """What a picture file says about itself."""

    #: PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF or HEIF.
    format: str
    #: Width in pixels as stored, before `orientation` is applied.
    width: int
    #: Height in pixels as stored, before `orientation` is applied.
    height: int
    #: Number of frames; 1 for a still picture.
    frames: int
    #: EXIF orientation, 1 to 8; 1 is upright.
    orientation: int
    #: Whether every second row comes last (PNG, GIF), which matters where the file is cut short.
    is_interlaced: bool = False
    #: Whether the file goes on to the end of its picture, as far as its structure tells (JPEG).
    is_complete: bool = True
    #: Number of rows that are coded together: 8 to 32 in a JPEG.
    rows_at_once: int = 1
    #: Index of the first frame behind the first that must not be decoded, because it makes readers allocate
    #: out of proportion.
    unsound_from: int | None = None
    #: Number of pixels of the largest page, where pages may have other sizes than the first.
    largest: int = 0


def read_header(data: bytes) -> Header:
    """Return the header of a picture file.

    Raises UnsupportedImage when the first bytes announce none of the formats that are read, and CorruptImage
    when the structure is broken.
    """
    head = data[:16]
    try:
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            return _png(data)
        if head.startswith(b"\xff\xd8\xff"):
            return _jpeg(data)
        if head[:6] in (b"GIF87a", b"GIF89a"):
            return _gif(data)
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp(data)
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _tiff(data)
        if (brands := _brands(data)) & _AVIF:
            return _in_boxes(data, "AVIF")
        if brands & _HEIF:
            return _in_boxes(data, "HEIF")
        if (
            head[:2] == b"BM"
            and len(data) >= 26
            and struct.unpack_from("<I", data, 14)[0] in (12, 16, 40, 52, 56, 64, 108, 124)
        ):
            return _bmp(data)
    except (struct.error, IndexError, OverflowError):  # BigTIFF has offsets beyond what Python can index
        raise CorruptImage("cut short in the header; fetch or save the picture again") from None
    raise UnsupportedImage(f"not a picture, or a format that is not read; {READ}")


def _png(data: bytes) -> Header:
    if data[12:16] != b"IHDR":
        raise CorruptImage("PNG without a header chunk; save the picture again")
    width, height = struct.unpack_from(">II", data, 16)
    frames, orientation = 1, 1
    for kind, start, end in png_chunks(data):
        if kind == b"acTL" and end - start >= 16:
            frames = max(1, struct.unpack_from(">I", data, start + 8)[0])
        elif kind == b"eXIf":
            orientation = exif_orientation(data[start + 8 : min(end - 4, start + 8 + MAX_EXIF)])
    return Header("PNG", width, height, frames, orientation, is_interlaced=data[28] == 1)


def _jpeg(data: bytes) -> Header:
    size, rows, orientation = None, 8, None
    scans, is_complete = 0, False
    for (marker,), start, end in jpeg_segments(data):
        if marker == START_OF_SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise CorruptImage(
                    f"JPEG with more than {MAX_SCANS} scans, which only an attack has; save the picture again"
                )
        elif marker == END_OF_JPEG:
            is_complete = True
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, start + 5)
            if size not in (None, (width, height)):
                raise CorruptImage("JPEG with two different sizes; save the picture again")
            size = (width, height)
            rows = 8 * max([1, *(factors & 15 for factors in data[start + 11 : end : 3])])
        elif marker == 0xE1 and orientation is None and data[start + 4 : start + 10] == b"Exif\0\0":
            orientation = exif_orientation(data[start + 4 : end])
    if size is None:
        raise CorruptImage("JPEG without a frame header; fetch or save the picture again")
    return Header("JPEG", *size, 1, orientation or 1, is_complete=is_complete, rows_at_once=rows)


def _gif(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _gif_colours(flags)
    frames, is_interlaced, unsound = 0, False, None
    walk = steps("GIF")
    for _ in walk:
        kind = data[position] if position < len(data) else _END_OF_GIF
        if kind == 0x21:
            position += 2
        elif kind == 0x2C and position + 10 <= len(data):
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, position + 1)
            if not frames:
                is_interlaced = bool(flags & 0x40)
                # the first picture may reach beyond the screen, which readers then enlarge
                width, height = max(width, left + wide), max(height, top + high)
            elif unsound is None and (left + wide > width or top + high > height):
                unsound = frames
            frames += 1
            position += 11 + _gif_colours(flags)
        else:
            break
        for _ in walk:
            length = data[position] if position < len(data) else 0
            position += 1 + length
            if not length:
                break
    if not frames:
        raise CorruptImage("GIF without a picture; fetch or save the picture again")
    return Header("GIF", width, height, frames, 1, is_interlaced=is_interlaced, unsound_from=unsound)


_END_OF_GIF = 0x3B


def _gif_colours(flags: int) -> int:
    """Number of bytes of the colour table that these flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    frames, orientation = 0, 1
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
        for chunk, start, end in webp_chunks(data):
            frames += chunk == b"ANMF"
            if chunk == b"EXIF":
                orientation = exif_orientation(data[start + 8 : min(end, start + 8 + MAX_EXIF)])
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise CorruptImage("WebP without picture data; fetch or save the picture again")
    return Header("WEBP", width, height, max(frames, 1), orientation)


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if size == 12 else "<ii", data, 18)
    return Header("BMP", width, abs(height), 1, 1)


def _tiff(data: bytes) -> Header:
    found = directories(data, max(2 * len(data), 1 << 20))
    tags = next(found, {})
    width, height = tags.get(_WIDTH, 0), tags.get(_HEIGHT, 0)
    if _WIDTH not in tags or _HEIGHT not in tags:
        raise CorruptImage("TIFF without a size; save the picture again")
    if not _has_sound_tiles(tags):
        raise CorruptImage("TIFF whose tiles are far larger than the picture; save the picture again")
    orientation = tags.get(ORIENTATION, 1)
    pages = [tags, *found]
    return Header(
        "TIFF",
        width,
        height,
        len(pages),
        orientation if 1 <= orientation <= 8 else 1,
        unsound_from=next((n for n, page in enumerate(pages) if n and not _is_sound(page)), None),
        largest=max(page.get(_WIDTH, 0) * page.get(_HEIGHT, 0) for page in pages),
    )


def _has_sound_tiles(page: dict[int, int]) -> bool:
    tile = page.get(_TILE_WIDTH, 0) * page.get(_TILE_HEIGHT, 0)
    return tile <= max(MAX_EXCESS * page.get(_WIDTH, 0) * page.get(_HEIGHT, 0), SMALL)


def _is_sound(page: dict[int, int]) -> bool:
    return _has_sound_tiles(page) and max(page.get(_WIDTH, 0), page.get(_HEIGHT, 0)) <= MAX_SIDE


_WIDTH, _HEIGHT, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 322, 323


# Brands of a file whose pictures are coded as AV1, and as HEVC or in another way that HEIF allows. spec: AVIF
# 1.1, section 6; ISO/IEC 23008-12, annex B.
_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def _brands(data: bytes) -> set[bytes]:
    """The brands of a file of ISO media boxes; none for another file."""
    length = min(int.from_bytes(data[:4], "big"), 4096)
    return {data[i : i + 4] for i in (8, *range(16, length, 4))} if data[4:8] == b"ftyp" else set()


def _in_boxes(data: bytes, format: str) -> Header:
    """AVIF and HEIF have their size deep in nested boxes; their decoders read them without decoding a pixel,
    and turn a HEIF picture themselves. Of the pictures in a HEIF file viewers show the primary one alone.
    """
    try:
        with open_picture(data, format) as opened:
            _check_stored(data, format, opened.width * opened.height)
            if format == "HEIF":
                return Header(format, *opened.size, 1, 1)
            exif = opened.info.get("exif", b"")
            return Header(format, *opened.size, int(getattr(opened, "n_frames", 1)), exif_orientation(exif))
    except ImageError:
        raise
    except Exception as error:
        raise CorruptImage(
            f"broken or cut short {format} ({str(error)[:200]}); fetch or save the picture again"
        ) from error


def _check_stored(data: bytes, format: str, shown: int) -> None:
    """Raise CorruptImage if a picture stored in the file is far larger than the one that is shown, of which a
    decoder would unpack all.
    """
    for found in _STORED_SIZE.finditer(data, 0, BOXES):
        width, height = struct.unpack(">II", found.group(1))
        if width * height > max(MAX_EXCESS * shown, SMALL):
            raise CorruptImage(
                f"{format} of {shown:,} pixels that stores {width} x {height}; save the picture again"
            )


_STORED_SIZE = re.compile(rb"ispe\0\0\0\0(.{8})", re.DOTALL)
