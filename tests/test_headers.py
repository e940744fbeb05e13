"""What a file says about itself: its format, its size and its structure, or the error that fits, before a
pixel is decoded.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image
from support.formats import FORMATS, SMALL, png_file
from support.pictures import saved

from douglas_quaid.decoding.headers import read_header
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.errors import CorruptImage, EmptyImage, ImageError, ImageTooLarge, UnsupportedImage
from douglas_quaid.records import DecodedImage


def decode(data: bytes, *, max_pixels: int = 120_000_000) -> DecodedImage:
    return decode_image(data, max_bytes=64 << 20, max_pixels=max_pixels, name="evil.png")


def png_of_size(width: int, height: int) -> bytes:
    return png_file(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), bytes(64))


def test_the_content_decides_and_not_the_name() -> None:
    decoded = decode_image(FORMATS["JPEG"], max_bytes=1 << 20, max_pixels=10_000, name="picture.png")

    assert decoded.format == "JPEG"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", EmptyImage),
        (b"Dear Sir or Madam,\nplease find attached", UnsupportedImage),
        (b"%PDF-1.7\n", UnsupportedImage),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedImage),
        (b"BM is also how this sentence begins, but it is text", UnsupportedImage),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", UnsupportedImage),
        (b"\x89PNG\r\n\x1a\n", CorruptImage),
        (b"\xff\xd8\xff\xe0", CorruptImage),
        (b"GIF89a", CorruptImage),
        (b"II*\0", CorruptImage),
        (b"RIFF\0\0\0\0WEBPVP8 ", CorruptImage),
        (b"II+\0\x08\0\0\0" + b"\xff" * 8, CorruptImage),
        (png_of_size(0, 10), EmptyImage),
        (png_of_size(10, 0), EmptyImage),
        (png_of_size(100_000, 100_000), ImageTooLarge),
        (png_of_size(2**31 - 1, 2**31 - 1), ImageTooLarge),
        (
            b"GIF89a"
            + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0)
            + b","
            + struct.pack("<HHHHB", 0, 0, 1, 1, 0)
            + b"\x02\x02\x4c\x01\0;",
            ImageTooLarge,
        ),
        (b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff\x3f\0" * 2, ImageTooLarge),
        (
            b"BM"
            + struct.pack("<IHHIIiiHHIIiiII", 70, 0, 0, 54, 40, 50_000, -50_000, 1, 24, 0, 0, 0, 0, 0, 0)
            + bytes(16),
            ImageTooLarge,
        ),
        (
            b"II*\0\x08\0\0\0"
            + struct.pack("<H", 2)
            + struct.pack("<HHII", 256, 4, 1, 90_000)
            + struct.pack("<HHII", 257, 4, 1, 90_000)
            + bytes(4),
            ImageTooLarge,
        ),
    ],
)
def test_what_is_no_picture_of_ours_gets_the_error_that_fits(data: bytes, kind: type[ImageError]) -> None:
    with pytest.raises(ImageError) as caught:
        decode(data)

    assert type(caught.value) is kind
    assert str(caught.value).startswith("evil.png: ") and len(str(caught.value)) > 30


def test_tiff_tables_that_overlap_are_refused() -> None:
    # Given 5,000 tags that all point to the same 60 KB, which a reader would copy 5,000 times
    tags = [struct.pack("<HHII", 256, 4, 1, 8), struct.pack("<HHII", 257, 4, 1, 8)]
    tags += [struct.pack("<HHII", tag, 1, 60_000, 8) for tag in range(1000, 6000)]
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4)

    with pytest.raises(CorruptImage, match="claim more"):
        decode(data)


def test_a_page_behind_the_first_that_is_not_sound_is_told_even_if_the_first_is_long() -> None:
    # Given a TIFF whose first page is longer than usual, which an operator may allow, and whose second is too
    long = Image.new("1", (8, 70_000))
    data = io.BytesIO()
    long.save(data, "TIFF", save_all=True, append_images=[Image.new("1", (8, 8)), long], compression="group4")
    assert read_header(data.getvalue()).unsound_from == 2


def test_a_tiff_whose_directories_form_a_circle_is_read_to_its_end() -> None:
    data = bytearray(saved(SMALL, "TIFF"))
    first = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)

    assert decode(bytes(data)).frames == 1


def test_a_side_has_a_limit_of_its_own() -> None:
    for size in ((1, 65_536), (65_536, 1)):
        with pytest.raises(
            ImageTooLarge, match=r"evil.png: \d+ x \d+ .*side is 65,535; .*DOUGLAS_QUAID_MAX_SIDE"
        ):
            decode(png_of_size(*size))
    assert decode(png_of_size(1, 65_535)).height == 65_535


@pytest.mark.parametrize("name", [name for name in ("AVIF", "HEIF") if name in FORMATS])
def test_a_file_that_stores_far_more_than_it_shows_is_refused_before_it_is_decoded(name: str) -> None:
    # Given a picture of 60 x 40, and the properties of one that is stored in 16,384 x 16,384
    properties = b"ispe" + struct.pack(">III", 0, 16_384, 16_384)
    data = (
        FORMATS[name] + struct.pack(">I4sI", 16 + len(properties), b"free", 4 + len(properties)) + properties
    )

    with pytest.raises(CorruptImage, match="of 2,400 pixels that stores 16384 x 16384"):
        decode(data)


def test_a_jpeg_of_a_thousand_scans_is_refused() -> None:
    with pytest.raises(CorruptImage, match="scans"):
        decode(FORMATS["JPEG"][:-2] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" * 1000 + b"\xff\xd9")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([data[:24] for data in FORMATS.values()]), st.binary(max_size=400))
def test_a_true_beginning_with_any_end_gives_a_picture_or_an_image_error(head: bytes, rest: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(ImageError):
            decode(head + rest, max_pixels=1_000_000)
