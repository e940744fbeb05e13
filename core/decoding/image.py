"""A file's bytes to upright RGB pixels, or to exactly one ImageError: the only place that decodes pictures of
attackers.

The header is checked against the operator's limits before any pixel is allocated, and all threads of a
process share one pixel budget. Only the decoder of the format that the first bytes announce is run; the
file's name and extension are ignored. Embedded ICC profiles are ignored, too: hash lists are exchanged
between programs that ignore them, and a profile is one more thing that an attacker can manipulate. Of files
with several frames or pages, frames.py chooses the one that is judged; pixels.py makes RGB of it.
"""

import hashlib
import weakref

from PIL.Image import DecompressionBombError

from ..errors import CorruptImage, EmptyImage, ImageError, ImageTooLarge, UnsupportedImage
from ..records import DecodedImage
from .budget import BUDGET
from .frames import Chosen, choose_frame
from .headers import MAX_SIDE, Header, read_header
from .metadata import without_metadata
from .readers import open_picture


def decode_image(
    data: bytes, *, max_bytes: int, max_pixels: int, max_side: int = MAX_SIDE, name: str = "picture"
) -> DecodedImage:
    """Return the frame that is judged, upright and opaque. Error messages call the input `name`.

    Raises EmptyImage, UnsupportedImage, CorruptImage or ImageTooLarge, and no other error. Waits while other
    threads hold so many pixels that this picture does not fit under `max_pixels` together with theirs.
    """
    header = admit(data, max_bytes=max_bytes, max_pixels=max_pixels, max_side=max_side, name=name)
    held = reserve(header, max_pixels=max_pixels, name=name)
    image_id = hashlib.sha256(data).hexdigest()
    try:
        chosen = _decode_pixels(data, header, image_id, held=held, max_pixels=max_pixels, name=name)
        weakref.finalize(chosen.pixels.rgb, BUDGET.release, held)
    except BaseException:
        BUDGET.release(held)
        raise
    return DecodedImage(
        image_id=image_id,
        pixels=chosen.pixels.rgb,
        grey=chosen.pixels.grey,
        pixel_digest=chosen.digest,
        format=header.format,
        frames=header.frames,
        frame=chosen.frame,
        truncated=chosen.truncated,
        frame_samples=chosen.samples,
        frames_unseen=chosen.unseen,
        data=data,
    )


def admit(data: bytes, *, max_bytes: int, max_pixels: int, max_side: int, name: str) -> Header:
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
    if max(header.width, header.height) > max_side:
        raise ImageTooLarge(
            f"{name}: {header.width} x {header.height} pixels, the limit of a side is {max_side:,};"
            " cut the picture into parts or raise DOUGLAS_QUAID_MAX_SIDE"
        )
    return header


def reserve(header: Header, *, max_pixels: int, name: str) -> int:
    """Take a picture's share of BUDGET and return its pixels, which the caller releases: of a file of several
    frames those of two, where the limit allows it.

    Raises ImageTooLarge when they do not become free within BUDGET_SECONDS.
    """
    pixels = header.width * header.height
    if header.frames > 1:
        pixels = max(pixels, min(2 * max(pixels, header.largest), max_pixels))
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
    data: bytes, header: Header, image_id: str, *, held: int, max_pixels: int, name: str
) -> Chosen:
    """The frame that is judged. Every error of Pillow becomes an ImageError."""
    try:
        with open_picture(without_metadata(data, header.format), header.format) as opened:
            if opened.size not in ((header.width, header.height), (header.height, header.width)):
                # The limits were checked on our reading of the header; Pillow must not decode anything else.
                _check_size(*opened.size, max_pixels, name)
                raise CorruptImage(
                    f"{name}: the header says {header.width} x {header.height}, its decoder {opened.size};"
                    " save the picture again"
                )
            return choose_frame(opened, header, image_id, room=held)
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
