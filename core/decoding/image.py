"""A file's bytes to upright RGB pixels, or to exactly one ImageError: the only place that decodes pictures of
attackers.

The header is checked against the operator's limits before any pixel is allocated, and all threads of a
process share one pixel budget. Only the decoder of the format that the first bytes announce is run; the
file's name and extension are ignored. Embedded ICC profiles are ignored, too: hash lists are exchanged
between programs that ignore them, and a profile is one more thing that an attacker can manipulate. Of
animated files the first frame is decoded and the frames are counted.
"""

import hashlib
import weakref

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import DecompressionBombError, Transpose

from ..errors import CorruptImage, EmptyImage, ImageError, ImageTooLarge, UnsupportedImage
from ..records import DecodedImage
from .budget import BUDGET
from .cut_short import load_known
from .headers import Header, read_header
from .metadata import without_metadata
from .readers import open_picture


def decode_image(data: bytes, *, max_bytes: int, max_pixels: int, name: str = "picture") -> DecodedImage:
    """Return the first frame, upright and on white. Error messages call the input `name`.

    Raises EmptyImage, UnsupportedImage, CorruptImage or ImageTooLarge, and no other error. Waits while other
    threads hold so many pixels that this picture does not fit under `max_pixels` together with theirs.
    """
    header = admit(data, max_bytes=max_bytes, max_pixels=max_pixels, name=name)
    pixels = reserve(header, max_pixels=max_pixels, name=name)
    try:
        rgb, grey, truncated = _decode_pixels(data, header, max_pixels, name)
        weakref.finalize(rgb, BUDGET.release, pixels)
    except BaseException:
        BUDGET.release(pixels)
        raise
    return DecodedImage(
        image_id=hashlib.sha256(data).hexdigest(),
        pixels=rgb,
        grey=grey,
        format=header.format,
        frames=header.frames,
        frame=0,
        truncated=truncated,
        data=data,
    )


def admit(data: bytes, *, max_bytes: int, max_pixels: int, name: str) -> Header:
    """Return the header of a picture that is within the limits; no decoder runs and no pixel is allocated.

    Raises EmptyImage, ImageTooLarge, UnsupportedImage or CorruptImage.
    """
    if not data:
        raise EmptyImage(f"{name}: the file is empty; expected a picture")
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"{name}: {len(data):,} bytes, the limit is {max_bytes:,};"
            " make the file smaller or raise max_bytes"
        )
    try:
        header = read_header(data)
    except ImageError as error:
        raise type(error)(f"{name}: {error}") from None
    except Exception as error:  # no such error is known; a picture must never end its host's worker
        raise CorruptImage(
            f"{name}: the header cannot be read ({_words(error)}); fetch or save the picture again"
        ) from error
    _check_size(header.width, header.height, max_pixels, name)
    return header


def reserve(header: Header, *, max_pixels: int, name: str) -> int:
    """Take a picture's share of BUDGET and return its pixels, which the caller releases.

    Raises ImageTooLarge when they do not become free within BUDGET_SECONDS.
    """
    pixels = header.width * header.height
    if not BUDGET.acquire(pixels, limit=max_pixels):
        raise ImageTooLarge(
            f"{name}: {pixels:,} pixels do not fit beside the {BUDGET.held:,} that other threads hold,"
            f" the limit is {max_pixels:,} for all; decode fewer pictures at once or raise max_pixels"
        )
    return pixels


def _check_size(width: int, height: int, max_pixels: int, name: str) -> None:
    if width < 1 or height < 1:
        raise EmptyImage(f"{name}: {width} x {height} pixels; each side needs at least one pixel")
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"{name}: {width} x {height} = {width * height:,} pixels, the limit is {max_pixels:,};"
            " scale the picture down or raise max_pixels"
        )


def _decode_pixels(
    data: bytes, header: Header, max_pixels: int, name: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], bool]:
    """RGB u8[h, w, 3] and grey u8[h, w] of the first frame, and whether the file is cut short. Every error of
    Pillow becomes an ImageError.
    """
    try:
        with open_picture(without_metadata(data, header.format), header.format) as opened:
            if opened.size not in ((header.width, header.height), (header.height, header.width)):
                # The limits were checked on our reading of the header; Pillow must not decode anything else.
                _check_size(*opened.size, max_pixels, name)
                raise CorruptImage(
                    f"{name}: the header says {header.width} x {header.height}, its decoder {opened.size};"
                    " save the picture again"
                )
            known, truncated = load_known(opened, header)
            # Pillow's TIFF reader applies the orientation itself.
            upright = _upright(known, 1 if header.format == "TIFF" else header.orientation)
            return *_arrays(upright), truncated
    except ImageError:
        raise
    except MemoryError:
        raise ImageTooLarge(
            f"{name}: not enough memory for {header.width} x {header.height} pixels; lower max_pixels"
        ) from None
    except DecompressionBombError as error:
        raise ImageTooLarge(
            f"{name}: {header.width} x {header.height} pixels are too many for Pillow ({_words(error)});"
            " raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from error
    except NotImplementedError as error:
        raise UnsupportedImage(
            f"{name}: unsupported kind of {header.format} ({_words(error)}); save it as PNG"
        ) from error
    except Exception as error:
        raise CorruptImage(
            f"{name}: broken or cut short {header.format} ({_words(error)}); fetch or save the picture again"
        ) from error


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _arrays(image: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """RGB u8[h, w, 3] and grey u8[h, w], both read-only."""
    if image.mode == "RGBA":
        # Half of all screenshots are opaque RGBA; this saves them two copies.
        quads = np.asarray(image)
        if quads.view("<u4").min() >= 0xFF000000:
            rgb: NDArray[np.uint8] = cv2.cvtColor(quads, cv2.COLOR_RGBA2RGB)  # type: ignore[assignment]
            rgb.setflags(write=False)
            return rgb, np.asarray(image.convert("L"))
    image = _to_rgb(image)
    return np.asarray(image), np.asarray(image.convert("L"))


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode of Pillow to RGB: deep greys are scaled to 8 bits, transparency is put on white."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _deep_to_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image)
        return white
    if image.mode == "LAB":
        raise NotImplementedError("L*a*b* colours")
    return image.convert("RGB") if image.mode != "RGB" else image


def _deep_to_grey(image: Image.Image) -> Image.Image:
    """16-bit grey to its upper byte, as Pillow reads 16-bit colour; 32-bit and float, which have no fixed
    range, are stretched to 8 bits.
    """
    values = np.asarray(image)
    clear = image.info.get("transparency")
    if image.mode.startswith("I;16"):
        bits = int(getattr(image, "tag_v2", {}).get(258, (16,))[0])
        grey = (values.astype(np.uint16) >> (bits - 8)).astype(np.uint8)
    else:
        finite = np.nan_to_num(values.astype(np.float64))
        low, high = float(finite.min()), float(finite.max())
        if low >= 0 and high <= 255:
            low, high = 0.0, 255.0
        elif image.mode == "I" and low >= 0 and high <= 65535:
            low, high = 0.0, 65535.0
        grey = ((finite - low) * (255.0 / max(high - low, 1e-300))).round().astype(np.uint8)
    if isinstance(clear, int):
        grey[values == clear] = 255
    return Image.fromarray(grey)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """Apply an EXIF orientation, 1 to 8 (Exif 2.32, tag 0x0112)."""
    method = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }.get(orientation)
    return image if method is None else image.transpose(method)
