"""HEIC and other HEIF pictures, which telephones write: read with the extra `heif`, and named without it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image
from support.formats import FORMATS, HAS_HEIF
from support.pictures import photo, saved

from douglas_quaid.config import Config
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.errors import CorruptImage, ImageTooLarge, UnsupportedImage
from douglas_quaid.extraction.pool import Decoders
from douglas_quaid.records import DecodedImage

with_heif = pytest.mark.skipif(not HAS_HEIF, reason="the extra heif is not installed")
PHOTO = photo(2, 320, 200)


def decode(data: bytes, *, max_pixels: int = 1_000_000) -> DecodedImage:
    return decode_image(data, max_bytes=1 << 20, max_pixels=max_pixels, name="IMG_0001.HEIC")


@with_heif
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_heic_is_read_upright(orientation: int) -> None:
    # Given a photograph that is stored turned, and says so
    exif = Image.Exif()
    exif[0x0112] = orientation
    jpeg_of_it = decode(saved(PHOTO, "JPEG", quality=95, exif=exif.tobytes()))

    decoded = decode(saved(PHOTO, "HEIF", quality=95, exif=exif.tobytes()))

    assert (decoded.format, decoded.frames, decoded.truncated) == ("HEIF", 1, False)
    assert np.abs(decoded.grey.astype(int) - jpeg_of_it.grey).mean() < 4


@with_heif
def test_a_heic_has_the_limits_of_other_pictures() -> None:
    data = saved(PHOTO, "HEIF")

    with pytest.raises(ImageTooLarge, match="320 x 200 = 64,000 pixels, the limit is 63,999"):
        decode(data, max_pixels=63_999)
    with pytest.raises(CorruptImage, match=r"IMG_0001.HEIC: broken or cut short HEIF"):
        decode(data[: len(data) // 2])


@with_heif
def test_of_several_pictures_in_a_heic_the_primary_one_is_read() -> None:
    data = saved(photo(3, 96, 64), "HEIF", save_all=True, append_images=[PHOTO], primary_index=1)

    assert (decode(data).width, decode(data).frames) == (320, 1)


@with_heif
def test_a_heic_is_decoded_in_a_child_process_too() -> None:
    decoders = Decoders(Config(isolate=True, workers=1))
    try:
        features = decoders.extract(FORMATS["HEIF"], name="IMG_0001.HEIC").features
    finally:
        decoders.close()

    assert (features.format, features.width, features.height) == ("HEIF", 60, 40)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)

    with pytest.raises(UnsupportedImage, match=r"IMG_0001.HEIC: HEIF, .*pip install 'douglas-quaid\[heif\]'"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1")
