"""What viewers show is read: files that are cut short, that have something behind their end, and that carry
broken or huge metadata.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from support.formats import FORMATS, interlaced_png, png_chunk
from support.pictures import jpeg, page, photo, png, saved

from douglas_quaid.decoding.image import decode_image
from douglas_quaid.decoding.metadata import without_metadata
from douglas_quaid.errors import CorruptImage
from douglas_quaid.records import DecodedImage

PHOTO = photo(3, 200, 160)
PAGE = page(5, 400, 300)
MEGABYTE = 1 << 20


def decode(data: bytes) -> DecodedImage:
    return decode_image(data, max_bytes=64 * MEGABYTE, max_pixels=10_000_000, name="found.jpg")


def segment(marker: int, body: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def with_segments(data: bytes, *segments: bytes) -> bytes:
    """The JPEG with further segments at its beginning."""
    return data[:2] + b"".join(segments) + data[2:]


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """The PNG with further chunks behind its header."""
    return data[:33] + b"".join(chunks) + data[33:]


def is_start_of(part: np.ndarray, whole: np.ndarray) -> bool:
    """Whether the pixels are the first rows, but for two that may be blurred and the block that was cut."""
    rows = len(part) - 2
    assert part.shape[1:] == whole.shape[1:]
    different = (part[:rows] != whole[:rows]).any(axis=2)
    return int(different.sum()) <= 16 * 16


# --- Behind the end -----------------------------------------------------------------------------------------


def archive() -> bytes:
    """A ZIP of eight progressive JPEGs, which have more scans together than one picture may have."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        for number in range(8):
            opened.writestr(f"{number}.jpg", jpeg(photo(number, 40, 40), progressive=True))
    return file.getvalue()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    "tail",
    [
        archive(),
        b"\0\0\0\x18ftypmp42" + np.random.default_rng(1).bytes(200_000),
        jpeg(photo(9, 400, 300), progressive=True) * 12,
        b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 1000,
        bytes(100_000),
    ],
    ids=["ZIP", "video", "further pictures", "scans", "zeros"],
)
def test_what_stands_behind_a_jpeg_does_not_matter(tail: bytes, progressive: bool) -> None:
    data = jpeg(PHOTO, progressive=progressive)

    decoded = decode(data + tail)

    assert np.array_equal(decoded.pixels, decode(data).pixels) and not decoded.truncated


@pytest.mark.parametrize("name", FORMATS)
def test_what_stands_behind_a_picture_does_not_matter(name: str) -> None:
    decoded = decode(FORMATS[name] + b"<?php echo 1;" * 100)

    assert np.array_equal(decoded.pixels, decode(FORMATS[name]).pixels) and not decoded.truncated


# --- Cut short ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_a_jpeg_without_its_end_mark_is_whole_but_said_to_be_cut(
    missing: int, options: dict[str, object]
) -> None:
    data = jpeg(PHOTO, **options)

    decoded = decode(data[:-missing])

    assert np.array_equal(decoded.pixels, decode(data).pixels) and decoded.truncated


@pytest.mark.parametrize("zeros", [0, 5000])
@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
def test_a_jpeg_is_read_as_far_as_it_goes_and_what_is_missing_is_cropped(
    share: float, options: dict[str, object], zeros: int
) -> None:
    data = jpeg(PHOTO, 92, **options)
    whole = decode(data).pixels

    part = decode(data[: int(share * len(data))] + bytes(zeros))

    assert part.truncated
    assert abs(part.height - share * 160) < 25 and is_start_of(part.pixels, whole)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_progressive_jpeg_that_is_cut_is_whole_and_coarser(share: float) -> None:
    data = jpeg(PHOTO, 92, progressive=True)
    whole = decode(data).grey.astype(int)

    part = decode(data[: int(share * len(data))])

    assert part.truncated and part.grey.shape == whole.shape and np.abs(part.grey - whole).mean() < 8


def test_a_jpeg_that_is_cut_is_cropped_before_it_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = jpeg(PHOTO, 92, exif=exif.tobytes())
    assert decode(data).width == 160

    part = decode(data[: len(data) // 2])

    assert part.height == 200 and part.width < 120


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
@pytest.mark.parametrize(("format", "options"), [("PNG", {}), ("GIF", {"interlace": 0})], ids=["PNG", "GIF"])
def test_a_png_or_gif_is_read_as_far_as_it_goes(
    format: str, options: dict[str, object], share: float
) -> None:
    data = saved(PHOTO, format, **options)
    whole = decode(data).pixels

    part = decode(data[: int(share * len(data))])

    assert part.truncated and abs(part.height - share * 160) < 25
    assert is_start_of(part.pixels, whole)


def test_a_png_that_is_damaged_in_the_middle_is_read_up_to_there() -> None:
    data = bytearray(png(PHOTO))
    data[len(data) // 2 : len(data) // 2 + 200] = b"\xff" * 200

    part = decode(bytes(data))

    assert part.truncated and 40 < part.height < 120


@pytest.mark.parametrize(
    "data",
    [interlaced_png(np.asarray(PHOTO.convert("L"))), saved(PHOTO, "GIF", interlace=1)],
    ids=["PNG", "GIF"],
)
def test_an_interlaced_picture_repeats_the_rows_that_are_missing(data: bytes) -> None:
    whole = decode(data).pixels

    part = decode(data[: int(0.75 * len(data))])

    assert part.truncated and part.pixels.shape == whole.shape
    assert np.array_equal(part.pixels[::2], whole[::2]) and np.array_equal(part.pixels[:60], whole[:60])
    assert np.array_equal(part.pixels[141::2], whole[140::2])


@pytest.mark.parametrize("share", [0.05, 0.1])
@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF"])
def test_a_file_that_holds_next_to_nothing_is_corrupt(name: str, share: float) -> None:
    data = saved(PHOTO, name, **({"quality": 95} if name == "JPEG" else {}))

    with pytest.raises(CorruptImage, match=r"found.jpg: .*(rows are there|Truncated|without a picture)"):
        decode(data[: int(share * len(data))])


@pytest.mark.parametrize("name", ["WEBP", "lossy WEBP", "BMP", "TIFF", "compressed TIFF"])
def test_other_formats_that_are_cut_are_corrupt(name: str) -> None:
    with pytest.raises(CorruptImage, match="cut short"):
        decode(FORMATS[name][: len(FORMATS[name]) // 2])


# --- Metadata -----------------------------------------------------------------------------------------------


def broken(chunk: bytes) -> bytes:
    """The chunk with a wrong check sum."""
    return chunk[:-1] + bytes((chunk[-1] ^ 1,))


BOMB = zlib.compress(bytes(80 * MEGABYTE), 9)
PNG_METADATA = {
    "wrong check sum": [broken(png_chunk(b"tEXt", b"Title\0x"))],
    "text without a keyword": [png_chunk(b"tEXt", b"")],
    "text of 2 MB": [png_chunk(b"tEXt", b"note\0" + b"a" * 2 * MEGABYTE)],
    "compressed text of 80 MB": [png_chunk(b"zTXt", b"note\0\0" + BOMB)],
    "200 compressed texts": [png_chunk(b"zTXt", b"n\0\0" + zlib.compress(bytes(MEGABYTE - 1), 9))] * 200,
    "international text of 80 MB": [png_chunk(b"iTXt", b"note\0\1\0\0\0" + BOMB)],
    "international text that ends early": [png_chunk(b"iTXt", b"note\0\1")],
    "profile of 80 MB": [png_chunk(b"iCCP", b"icc\0\0" + BOMB)],
    "profile that does not unpack": [png_chunk(b"iCCP", b"icc\0\0not zlib")],
    "profile of an unknown method": [png_chunk(b"iCCP", b"icc\0\7" + zlib.compress(b"x"))],
    "EXIF without sense": [png_chunk(b"eXIf", b"II*\0\xff\xff\xff\xff" + b"x" * 100)],
    "size without an end": [png_chunk(b"pHYs", b"\0")],
    "gamma without an end": [png_chunk(b"gAMA", b""), png_chunk(b"cHRM", b"\0\1"), png_chunk(b"sRGB", b"")],
    "unknown chunk": [png_chunk(b"prVt", b"\0" * MEGABYTE)],
    "transparency with a wrong check sum": [broken(png_chunk(b"tRNS", bytes(6)))],
}


@pytest.mark.parametrize("chunks", PNG_METADATA.values(), ids=PNG_METADATA)
def test_metadata_of_a_png_does_not_matter(chunks: list[bytes]) -> None:
    data = png(PHOTO)

    for changed in (with_chunks(data, *chunks), data[:-12] + b"".join(chunks) + data[-12:]):
        decoded = decode(changed)
        assert np.array_equal(decoded.pixels, np.asarray(PHOTO)) and not decoded.truncated


def test_transparency_and_orientation_of_a_png_count() -> None:
    clear = with_chunks(png(PHOTO), png_chunk(b"tRNS", struct.pack(">3H", *PHOTO.getpixel((0, 0)))))
    turned = with_chunks(png(PHOTO), png_chunk(b"eXIf", turned_by_6()))

    assert without_metadata(clear, "PNG") == clear
    assert decode(turned).width == 160


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_a_png_whose_header_or_colours_have_a_wrong_check_sum_is_corrupt(kind: bytes) -> None:
    data = bytearray(png(PHOTO.quantize(16)))
    place = data.index(kind)
    data[place + 4 + int.from_bytes(data[place - 4 : place], "big")] ^= 1

    with pytest.raises(CorruptImage, match="checksum"):
        decode(bytes(data))


def turned_by_6() -> bytes:
    """An EXIF block whose orientation is 6, between tags that claim gigabytes."""
    huge = struct.pack("<HHII", 0x0100, 4, 0x40000000, 0)
    tags = [huge, struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0), huge]
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4)


JPEG_METADATA = {
    "profile of 16 MB": [
        segment(0xE2, b"ICC_PROFILE\0" + bytes((n, 255)) + bytes(65_000)) for n in range(1, 255)
    ],
    "profile in disorder": [segment(0xE2, b"ICC_PROFILE\0\7\3" + b"x" * 100)],
    "hundred EXIF blocks": [segment(0xE1, b"Exif\0\0II*\0" + b"\xff" * 60_000)] * 100,
    "EXIF that is cut": [segment(0xE1, b"Exif\0\0II*\0\x08")],
    "XMP": [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta" + b"<" * 60_000)],
    "Photoshop": [segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\xff\xff\xff\xff\xff")],
    "index of pictures": [segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff")],
    "comments": [segment(0xFE, b"\xff\xd9\xff\xda" * 10_000)] * 20,
    "thumbnail": [segment(0xE1, b"Exif\0\0" + jpeg(photo(1, 80, 60)))],
}


@pytest.mark.parametrize("segments", JPEG_METADATA.values(), ids=JPEG_METADATA)
def test_metadata_of_a_jpeg_does_not_matter(segments: list[bytes]) -> None:
    data = jpeg(PHOTO)

    decoded = decode(with_segments(data, *segments))

    assert np.array_equal(decoded.pixels, decode(data).pixels) and not decoded.truncated


def test_the_orientation_of_a_jpeg_counts_whatever_its_other_tags_claim() -> None:
    assert decode(with_segments(jpeg(PHOTO), segment(0xE1, b"Exif\0\0" + turned_by_6()))).width == 160


def test_four_colours_of_a_jpeg_are_read_as_before() -> None:
    data = jpeg(PHOTO.convert("CMYK"))

    assert b"Adobe" in without_metadata(data, "JPEG")
    assert np.abs(decode(data).pixels.astype(int) - np.asarray(PHOTO)).mean() < 12


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"ICCP", b"junk"),
        lambda data: data.replace(b"EXIF\x10\0\0\0", b"EXIF\x00\0\0\0", 1),
        lambda data: data,
    ],
)
@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 90}])
def test_metadata_of_a_webp_does_not_matter(
    change: Callable[[bytes], bytes], options: dict[str, object]
) -> None:
    data = saved(
        PHOTO, "WEBP", icc_profile=b"\xff" * 1001, exif=b"Exif\0\0II*\0\xff\xff", xmp=b"<x", **options
    )

    decoded = decode(change(data))

    assert np.array_equal(decoded.pixels, decode(saved(PHOTO, "WEBP", **options)).pixels)


def test_comments_of_a_gif_and_odd_tags_of_a_tiff_do_not_matter() -> None:
    gif = saved(PHOTO, "GIF", comment=b"x" * 300_000)
    tiff = saved(
        PHOTO, "TIFF", tiffinfo={315: "someone" * 1000, 34675: b"profile", 700: b"<x", 65000: "private"}
    )

    assert np.array_equal(decode(gif).pixels, decode(saved(PHOTO, "GIF")).pixels)
    assert np.array_equal(decode(tiff).pixels, np.asarray(PHOTO))


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_without_metadata_stays_as_it_is(name: str) -> None:
    format = "WEBP" if "WEBP" in name else name.split()[-1]

    assert without_metadata(FORMATS[name], format) is FORMATS[name]
