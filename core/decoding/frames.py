"""Of a file with several frames or pages: the one that is judged, and what tells whether two files share
them all.

Takes an opened picture of Pillow. The frames are read in order, up to a limit, and one is judged: the first,
or a later one that shows clearly more. A file that cannot be read to its end keeps what came before. The
digest of the pixels covers all frames; that of a file of which some were not read is its own, and equals no
other.
"""

import hashlib
from dataclasses import dataclass
from itertools import groupby

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.Image import Transpose
from PIL.ImageFile import ImageFile

from .cut_short import load_known
from .headers import Header
from .informative import InformativeOptions, cell_means, contrast, is_informative, showing
from .pixels import Pixels, read_pixels, showing_most

#: Maximum number of frames that are read. chosen: the record grows by 32 bytes for each.
MAX_FRAMES = 256
#: Maximum number of pixels of all frames that are read. measured (tests/benchmarks/frames.py): 0.5 to 1.6 s
#: of CPU.
MAX_FRAME_PIXELS = 64_000_000
#: A later frame is judged if it shows this many times as much as the one before it that was to be judged.
#: chosen: frames of one kind differ by less, so copies in other sizes and formats are judged by the same
#: frame.
CLEARLY_MORE = 2.0
#: Cells in which frames are compared: the same number in a large and in a small copy.
CELLS = InformativeOptions(minimum_cell=1)
#: Side in pixels to which frames are reduced for their hashes. spec: PDQ's samples.
SAMPLE_SIDE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """The frame that is judged, and what is known of the others."""

    #: The pixels that are judged.
    pixels: Pixels
    #: See `DecodedImage.pixel_digest`.
    digest: bytes
    #: Index of the frame.
    frame: int = 0
    #: Whether a frame could not be read.
    truncated: bool = False
    #: See `DecodedImage.frame_samples`.
    samples: NDArray[np.uint8] | None = None
    #: Number of frames that were not read.
    unseen: int = 0


def choose_frame(opened: ImageFile, header: Header, image_id: str, *, room: int) -> Chosen:
    """Return the frame to judge of an opened file whose header was checked. `room`: number of pixels that may
    be held.

    Raises Pillow's errors if the first frame cannot be read.
    """
    # The still picture of an animated PNG may be none of its frames, and no viewer shows it.
    first = 1 if getattr(opened, "default_image", False) else 0
    if first + header.frames == 1:
        pixels, truncated = _pixels(opened, header)
        return Chosen(showing_most(pixels), pixels.digest(), truncated=truncated)
    best, most, at, truncated, left = None, 0, 0, False, MAX_FRAME_PIXELS
    digests, samples = [], []
    for number in range(min(header.frames, header.unsound_from or header.frames, MAX_FRAMES)):
        try:
            opened.seek(first + number)
            size = opened.width * opened.height
            if best is not None and (left < size or room < size + best.grey.size):
                if header.format == "TIFF":
                    continue
                break
            pixels, truncated = _pixels(opened, header)
        except Exception:
            truncated = True
            if best is not None:
                break
            if not first:
                raise
            opened.seek(0)  # an animation that no viewer can play is a still picture
            pixels, _ = _pixels(opened, header)
        left -= opened.width * opened.height
        if truncated and best is not None:
            break
        shown = _shown(pixels.grey)
        digests.append(pixels.digest())
        if shown:
            samples.append(cv2.resize(pixels.grey, (SAMPLE_SIDE, SAMPLE_SIDE), interpolation=cv2.INTER_AREA))
        if best is None or shown > CLEARLY_MORE * most:
            best, most, at = pixels, shown, number
        if truncated:
            break
    assert best is not None
    unseen = header.frames - len(digests)
    return Chosen(
        pixels=showing_most(best),
        digest=_digest_of_all(digests, image_id if unseen or truncated else ""),
        frame=at,
        truncated=truncated,
        samples=np.array(samples, np.uint8).reshape(-1, SAMPLE_SIDE, SAMPLE_SIDE),
        unseen=unseen,
    )


def _shown(grey: NDArray[np.uint8]) -> int:
    """How many cells of a frame show something; none of a blank one."""
    return showing(contrast(cell_means(grey, options=CELLS))) if is_informative(grey) else 0


def _digest_of_all(digests: list[bytes], image_id: str) -> bytes:
    """One digest of those of all frames, where repeated ones count once: that of the still picture where all
    are the same. With an id it is that file's own.
    """
    different = [digest for digest, _ in groupby(digests)]
    if len(different) == 1 and not image_id:
        return different[0]
    return hashlib.sha256(image_id.encode() + b"".join(different)).digest()


def _pixels(opened: ImageFile, header: Header) -> tuple[Pixels, bool]:
    """The pixels of the frame at which the file stands, and whether it is cut short there."""
    deep = any(";16" in str(tile.args) for tile in opened.tile)
    known, truncated = load_known(opened, header)
    # Pillow's TIFF reader applies the orientation itself.
    upright = _upright(known, 1 if header.format == "TIFF" else header.orientation)
    return read_pixels(upright, format=header.format, deep=deep), truncated


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
