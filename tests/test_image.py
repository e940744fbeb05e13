"""Bytes from an attacker become pixels, or exactly one ImageError with a message that says what to do."""

from __future__ import annotations

import struct
import threading
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image, ImageCms
from support.formats import FORMATS, HAS_AVIF, SMALL, png_file
from support.pictures import blank, photo, png, saved
from support.waiting import until

from douglas_quaid.decoding import image as image_module
from douglas_quaid.decoding.budget import BUDGET, PixelBudget
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.errors import CorruptImage, ImageError, ImageTooLarge, UnsupportedImage
from douglas_quaid.records import DecodedImage

MEGABYTE = 1 << 20


def decode(data: bytes, *, max_bytes: int = 64 * MEGABYTE, max_pixels: int = 120_000_000) -> DecodedImage:
    return decode_image(data, max_bytes=max_bytes, max_pixels=max_pixels, name="evil.png")


# --- What is read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_picture_back(name: str) -> None:
    decoded = decode(FORMATS[name])

    assert (decoded.width, decoded.height, decoded.frames) == (60, 40, 1)
    assert decoded.format == name.split()[-1]
    assert (
        decoded.pixels.dtype == np.uint8
        and decoded.pixels.flags.c_contiguous
        and not decoded.pixels.flags.writeable
    )
    difference = np.abs(decoded.pixels.astype(int) - np.asarray(SMALL)).mean()
    assert difference == 0 if name in ("PNG", "WEBP", "BMP", "TIFF", "compressed TIFF") else difference < 12


@pytest.mark.parametrize("name", FORMATS)
def test_grey_is_pillows_luma_of_the_rgb_picture(name: str) -> None:
    decoded = decode(FORMATS[name])

    assert np.array_equal(decoded.grey, np.asarray(Image.fromarray(decoded.pixels).convert("L")))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied(format: str, orientation: int) -> None:
    # Given a picture with a red top left corner, stored in each of the eight orientations
    upright = np.zeros((24, 40, 3), np.uint8)
    upright[:8, :8] = (255, 0, 0)
    undo = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 7}[orientation]
    stored = (
        upright,
        upright[:, ::-1],
        upright[::-1, ::-1],
        upright[::-1],
        upright.swapaxes(0, 1),
        np.rot90(upright),
        np.rot90(upright, 2).swapaxes(0, 1),
        np.rot90(upright, 3),
    )[undo]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95} if format == "JPEG" else {"lossless": True} if format == "WEBP" else {}
    # When it is decoded
    decoded = decode(
        saved(Image.fromarray(np.ascontiguousarray(stored)), format, exif=exif.tobytes(), **options)
    )
    # Then it stands upright
    assert (decoded.width, decoded.height) == (40, 24)
    assert np.abs(decoded.pixels.astype(int) - upright).mean() < 3


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_looks_like_its_rgb_picture(format: str) -> None:
    # In a JPEG the inks are stored inverted, as Photoshop does; in a TIFF straight.
    cmyk = saved(SMALL.convert("CMYK"), format, quality=95)
    assert (b"Adobe" in cmyk) == (format == "JPEG")

    assert np.abs(decode(cmyk).pixels.astype(int) - np.asarray(SMALL)).mean() < 12


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_and_not_clipped(format: str) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)

    decoded = decode(saved(Image.fromarray(ramp), format))

    assert np.array_equal(decoded.grey, (ramp >> 8).astype(np.uint8))


def test_sixteen_bit_colour_keeps_its_upper_bytes() -> None:
    rows = b"".join(b"\0" + struct.pack(">3H", 0xFF00, 0x8000, 0x0100) * 4 for _ in range(3))
    data = png_file(struct.pack(">IIBBBBB", 4, 3, 16, 2, 0, 0, 0), rows)

    assert decode(data).pixels[1, 2].tolist() == [0xFF, 0x80, 0x01]


def test_float_and_long_integer_pictures_are_stretched() -> None:
    ramp = np.linspace(-4.0, 12.0, 64, dtype=np.float32).reshape(8, 8)
    ramp_of_integers = (np.arange(64, dtype=np.int32) * 100_000).reshape(8, 8)

    for values in (ramp, ramp_of_integers):
        grey = decode(saved(Image.fromarray(values), "TIFF")).grey
        assert (grey.min(), grey.max()) == (0, 255) and (np.diff(grey.ravel().astype(int)) >= 0).all()


def half_transparent(mode: str) -> Image.Image:
    """Left half black, right half fully transparent (with hidden content below)."""
    picture = Image.new("RGBA", (20, 10), (0, 0, 0, 255))
    picture.paste((200, 10, 10, 0), (10, 0, 20, 10))
    if mode != "P":
        return picture.convert(mode)
    palette = Image.new("P", (20, 10), 0)
    palette.putpalette([0, 0, 0, 200, 10, 10])
    palette.paste(1, (10, 0, 20, 10))
    return palette


@pytest.mark.parametrize(
    "data",
    [
        png(half_transparent("RGBA")),
        png(half_transparent("LA")),
        png(half_transparent("P"), transparency=1),
        png(half_transparent("P"), transparency=b"\xff\x00"),
        saved(half_transparent("P"), "GIF", transparency=1),
        saved(half_transparent("RGBA"), "WEBP", lossless=True),
        saved(half_transparent("RGBA"), "TIFF"),
        png(half_transparent("P").convert("RGB"), transparency=(200, 10, 10)),
        png(
            half_transparent("P").convert("L"),
            transparency=Image.new("RGB", (1, 1), (200, 10, 10)).convert("L").getpixel((0, 0)),
        ),
        png(
            Image.fromarray(np.full((10, 20), 40_000, np.uint16) * np.repeat([0, 1], 10).astype(np.uint16)),
            transparency=40_000,
        ),
    ],
    ids=[
        "RGBA",
        "LA",
        "palette index",
        "palette alpha",
        "GIF",
        "WebP",
        "TIFF",
        "RGB key",
        "L key",
        "16-bit key",
    ],
)
def test_transparency_is_laid_on_white(data: bytes) -> None:
    grey = decode(data).grey

    assert (grey[:, :10] == 0).all() and (grey[:, 10:] == 255).all()


def test_half_alpha_mixes_with_white() -> None:
    assert decode(png(Image.new("RGBA", (4, 4), (0, 0, 0, 128)))).pixels[0, 0].tolist() == [127, 127, 127]


def test_of_an_animation_the_first_frame_is_judged_unless_a_later_one_shows_clearly_more() -> None:
    frames = [photo(seed, 80, 60) for seed in range(5)]
    for format in ("GIF", "WEBP", "PNG", "TIFF", *(["AVIF"] if HAS_AVIF else [])):
        options = {"lossless": True} if format == "WEBP" else {}
        decoded = decode(saved(frames[0], format, save_all=True, append_images=frames[1:], **options))
        assert decoded.frames == 5, format
        assert decoded.frame == 0 and not decoded.truncated and decoded.frames_unseen == 0
        assert np.abs(decoded.pixels.astype(int) - np.asarray(frames[0])).mean() < 14, format
        decoded = decode(saved(blank(80, 60), format, save_all=True, append_images=frames, **options))
        assert decoded.frame == 1, format
        assert np.abs(decoded.pixels.astype(int) - np.asarray(frames[0])).mean() < 14, format


def test_an_embedded_colour_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()

    assert np.array_equal(decode(png(SMALL, icc_profile=profile)).pixels, np.asarray(SMALL))


# --- What is refused ----------------------------------------------------------------------------------------


def test_messages_name_the_limit_and_the_remedy() -> None:
    with pytest.raises(ImageTooLarge, match=r"60 x 40 = 2,400 pixels, the limit is 2,399; .*max_pixels"):
        decode(FORMATS["PNG"], max_pixels=2_399)
    with pytest.raises(ImageTooLarge, match=r"bytes, the limit is 100; .*max_bytes"):
        decode(FORMATS["PNG"], max_bytes=100)
    with pytest.raises(UnsupportedImage, match="PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF and HEIF"):
        decode(b"hello world, hello")


@pytest.mark.parametrize(
    "name", [name for name in FORMATS if "TIFF" not in name]
)  # Pillow checks a TIFF's pixels while decoding, and warns
def test_pillows_own_limit_neither_warns_nor_forbids(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a picture of the size at which Pillow warns
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 40 - 1)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert decode(FORMATS[name]).width == 60


def test_a_host_that_set_pillows_limit_far_lower_gets_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)

    with pytest.raises(ImageTooLarge, match="MAX_IMAGE_PIXELS"):
        decode(FORMATS["WEBP"])


def test_errors_of_any_class_from_the_decoder_become_an_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for error, kind in (
        (SyntaxError("x"), CorruptImage),
        (struct.error("x"), CorruptImage),
        (OverflowError("x"), CorruptImage),
        (RecursionError("x"), CorruptImage),
        (EOFError("x"), CorruptImage),
        (MemoryError(), ImageTooLarge),
    ):

        def fail(*_: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr(image_module, "open_picture", fail)
        with pytest.raises(ImageError) as caught:
            decode(FORMATS["PNG"])
        assert type(caught.value) is kind


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("name", FORMATS)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12),
    keep=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_flipped_and_missing_bytes_give_a_picture_or_an_image_error(
    name: str, changes: list[tuple[float, int]], keep: float
) -> None:
    data = bytearray(FORMATS[name])
    for place, value in changes:
        data[min(int(place * len(data)), len(data) - 1)] = value
    held = BUDGET.held

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            decoded = decode(bytes(data[: int(keep * len(data))]), max_pixels=1_000_000)
            assert decoded.pixels.shape == (*decoded.grey.shape, 3)
            del decoded
        except ImageError as error:
            assert str(error).startswith("evil.png: ")

    assert BUDGET.held == held


# --- The budget ---------------------------------------------------------------------------------------------


def test_a_pictures_share_of_the_budget_is_held_as_long_as_its_pixels() -> None:
    before = BUDGET.held
    decoded = decode(png(blank(100, 50)))
    assert BUDGET.held == before + 5000

    row = decoded.pixels[0]
    del decoded
    assert BUDGET.held == before + 5000, "a view keeps the pixels alive"

    del row
    assert BUDGET.held == before


def test_a_picture_waits_until_others_have_given_their_pixels_back() -> None:
    # Given most of the budget is held
    held = decode(png(blank(100, 90)), max_pixels=BUDGET.held + 10_000)
    limit = BUDGET.held + 1000
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(decode(png(blank(100, 20)), max_pixels=limit).width))
    # When another thread wants more than is left
    thread.start()
    until(lambda: len(BUDGET._queue) == 1)
    # Then it waits
    assert not done
    # And goes on when the first is garbage
    del held
    thread.join(10)
    assert done == [100]


def test_a_large_picture_is_not_overtaken_for_ever_by_small_ones() -> None:
    budget = PixelBudget()
    order: list[str] = []

    def want(name: str, pixels: int) -> None:
        assert budget.acquire(pixels, limit=100)
        order.append(name)
        budget.release(pixels)

    assert budget.acquire(60, limit=100)
    large = threading.Thread(target=want, args=("large", 90))
    large.start()
    until(lambda: len(budget._queue) == 1)
    small = threading.Thread(target=want, args=("small", 10))  # would fit now, but came later
    small.start()
    until(lambda: len(budget._queue) == 2)
    assert order == []
    budget.release(60)
    large.join(5)
    small.join(5)
    assert order == ["large", "small"]


def test_waiting_ends() -> None:
    budget = PixelBudget()
    assert budget.acquire(80, limit=100)

    assert not budget.acquire(50, limit=100, timeout=0.05)
    assert not budget.acquire(101, limit=100)
    assert budget.acquire(20, limit=100) and budget.held == 100


def test_ten_threads_on_a_budget_for_two() -> None:
    data = png(photo(3, 200, 100))
    peak: list[int] = []
    limit = BUDGET.held + 45_000

    def work() -> None:
        for _ in range(5):
            decoded = decode(data, max_pixels=limit)
            peak.append(BUDGET.held)
            del decoded

    threads = [threading.Thread(target=work) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(peak) == 50 and max(peak) <= limit


def test_full_page_captures_of_normal_size_are_normal_input() -> None:
    decoded = decode(saved(blank(1920, 20_000, "#f0f4f5").quantize(16), "PNG", compress_level=1))

    assert (decoded.width, decoded.height) == (1920, 20_000)
