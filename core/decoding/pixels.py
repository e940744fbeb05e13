"""One opened picture of Pillow, of any mode, to the RGB and grey pixels that are judged, and to their digest.

Transparency is laid on the ground that keeps most of the picture: white, unless white hides it. Deep greys
are scaled to 8 bits. Where grey shows nothing and a colour channel does, the channel is judged instead: green
letters on a red of the same brightness. None of this changes an ordinary opaque picture of 8 bits.
"""

import hashlib
import struct
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .informative import DEFAULTS, cell_means, contrast, is_informative, showing

#: Grounds for transparent pictures: white, black and a middle grey, each in grey levels. chosen: pages are
#: white or dark; on the grey, both black and white drawings show.
WHITE, BLACK, MIDDLE = 255, 0, 128
#: White is kept while it shows this share of the cells that another ground shows. chosen: a logo with a white
#: rim stays on white, as most pages show it; a white drawing does not.
ENOUGH_ON_WHITE = 0.5
#: Black is kept while it shows this share of the cells that the middle grey shows. chosen: near all of them.
ENOUGH_ON_BLACK = 0.8
#: Minimum contrast of a cell of a colour channel, in grey levels. chosen: four times that of grey,
#: since compression and noise change colours more. Letters of equal brightness have 60 and more.
CHANNEL_CONTRAST = 32.0
#: The first channel that shows this share of what the best one shows is judged. chosen: so that copies with a
#: little less colour take the same one.
ENOUGH_OF_CHANNEL = 0.8
#: Value below which all of a picture of 16 bits must be to count as one of fewer bits. chosen: cameras and
#: scanners of 12 bits write up to 4095; ordinary pictures of 16 bits exceed it and keep their upper byte.
DEEPEST = 4096
#: Maximum of a float picture below which its values count as multiples of full brightness. chosen.
BRIGHTEST = 16.0


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """The pixels of one frame, all read-only."""

    #: RGB, u8[h, w, 3], as judged.
    rgb: NDArray[np.uint8]
    #: ITU-R 601-2 luma as Pillow's convert("L") computes it, u8[h, w].
    grey: NDArray[np.uint8]
    #: Opacity u8[h, w], 255 for opaque; None where all of it is.
    alpha: NDArray[np.uint8] | None = None

    def digest(self) -> bytes:
        """Return the sha256 over width and height (u32, little-endian), the RGB pixels and, where there is
        transparency, the opacity: the same for copies that were saved again without loss.
        """
        height, width = self.grey.shape
        digest = hashlib.sha256(struct.pack("<II", width, height))
        digest.update(np.ascontiguousarray(self.rgb).data)
        if self.alpha is not None:
            digest.update(np.ascontiguousarray(self.alpha).data)
        return digest.digest()


def read_pixels(image: Image.Image, *, format: str, deep: bool = False) -> Pixels:
    """Return the pixels of an upright picture that a file of `format` holds; `deep`: in 16 bits a channel.

    Raises Pillow's errors, and NotImplementedError for L*a*b*.
    """
    if image.mode.startswith("I") or image.mode == "F":
        image = _deep_to_grey(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        if image.mode != "RGBA":  # a copy takes 4 bytes per pixel
            image = image.convert("RGBA")
        return _laid(_shifted(image, deep), shown_opaque=format == "BMP")
    if image.mode == "LAB":
        raise NotImplementedError("L*a*b* colours")
    image = _shifted(image.convert("RGB") if image.mode != "RGB" else image, deep)
    return Pixels(np.asarray(image), np.asarray(image.convert("L")))


def _shifted(image: Image.Image, deep: bool) -> Image.Image:
    """An RGB or RGBA picture, of whose deep colours Pillow keeps the upper byte, with the bits they use."""
    if not deep:
        return image
    values = np.asarray(image)
    if values[..., :3].max() >= DEEPEST >> 8:
        return image
    return Image.fromarray(np.concatenate([values[..., :3] << 4, values[..., 3:]], axis=2))


def showing_most(pixels: Pixels) -> Pixels:
    """Return the pixels, or where their grey shows nothing, those of the colour channel that shows most."""
    rgb = pixels.rgb
    if is_informative(pixels.grey) or min(pixels.grey.shape) < DEFAULTS.minimum_side:
        return pixels
    channels = [np.ascontiguousarray(rgb[..., n]) for n in range(3)]
    contrasts = [contrast(cell_means(channel)) for channel in channels]
    sums = [
        float(found.sum()) if int((found > CHANNEL_CONTRAST).sum()) >= DEFAULTS.minimum_cells else 0.0
        for found in contrasts
    ]
    if not any(sums):
        return pixels
    best = next(n for n, total in enumerate(sums) if total >= ENOUGH_OF_CHANNEL * max(sums))
    return Pixels(_read_only(cv2.merge([channels[best]] * 3)), _read_only(channels[best]), pixels.alpha)


def _laid(image: Image.Image, *, shown_opaque: bool) -> Pixels:
    """An RGBA picture on the ground that keeps most of it. `shown_opaque`: viewers ignore an opacity of 0
    everywhere, as in the BMP that the clipboard of Windows gives.
    """
    quads = np.asarray(image)
    words = quads.view("<u4")
    if words.min() >= 0xFF000000 or (shown_opaque and words.max() <= 0x00FFFFFF):
        # Half of all screenshots are opaque RGBA; OpenCV saves them two copies.
        rgb = _read_only(cv2.cvtColor(quads, cv2.COLOR_RGBA2RGB))
        return Pixels(rgb, np.asarray(image.convert("L")))
    alpha = _read_only(quads[..., 3].copy())
    del quads, words  # 4 bytes per pixel
    on_white = _on(image, WHITE, alpha)
    ground = _ground(cell_means(on_white.grey), cell_means(alpha))
    return on_white if ground == WHITE else _on(image, ground, alpha)


def _on(image: Image.Image, ground: int, alpha: NDArray[np.uint8]) -> Pixels:
    sheet = Image.new("RGB", image.size, (ground,) * 3)
    sheet.paste(image, mask=image)
    return Pixels(np.asarray(sheet), np.asarray(sheet.convert("L")), alpha)


def _ground(on_white: NDArray[np.float32], alpha: NDArray[np.float32]) -> int:
    """The ground for a picture with these means of grey on white and of opacity. What a cell shows on another
    ground follows from both.
    """
    shown = {
        ground: showing(contrast(on_white - (255 - alpha) * np.float32((WHITE - ground) / 255)))
        for ground in (WHITE, BLACK, MIDDLE)
    }
    most = max(shown.values())
    if shown[WHITE] >= max(ENOUGH_ON_WHITE * most, min(DEFAULTS.minimum_cells, most)):
        return WHITE
    return BLACK if shown[BLACK] >= ENOUGH_ON_BLACK * shown[MIDDLE] else MIDDLE


def _deep_to_grey(image: Image.Image) -> Image.Image:
    """Grey of 16 bits to its upper byte, or that of the bits it uses; 32-bit and float, which have no fixed
    range, by `_range`. A transparent value becomes opacity.
    """
    values = np.asarray(image)
    clear = image.info.get("transparency")
    visible = values != clear if isinstance(clear, int) else np.True_
    if image.mode.startswith("I;16"):
        bits = int(getattr(image, "tag_v2", {}).get(258, (16,))[0])
        most = int(values.max(where=visible, initial=0))
        used = max(8, most.bit_length()) if bits == 16 and most < DEEPEST else bits
        grey = np.minimum(values.astype(np.uint16) >> (used - 8), 255).astype(np.uint8)
    else:
        finite = np.where(np.isfinite(values), values, 0).astype(np.float64)
        low, high = _range(finite, whole=image.mode == "I")
        grey = ((finite - low) * (255.0 / max(high - low, 1e-300))).round().astype(np.uint8)
    found = Image.fromarray(grey)
    if isinstance(clear, int):
        found.putalpha(Image.fromarray(np.where(visible, 255, 0).astype(np.uint8)))
    return found


def _range(values: NDArray[np.float64], *, whole: bool) -> tuple[float, float]:
    """The values that become black and white: those of a usual range where it fits, else the extremes."""
    low, high = float(values.min()), float(values.max())
    if low < 0:
        return low, high
    if whole:
        usual = [255.0, *(2.0**bits - 1 for bits in range(9, 13)), 65535.0]
    else:
        usual = [1.0, *([high] if high < BRIGHTEST else []), 255.0]
    return next(((0.0, top) for top in usual if high <= top), (low, high))


def _read_only(pixels: NDArray[np.integer | np.floating]) -> NDArray[np.uint8]:
    found = np.ascontiguousarray(pixels, np.uint8)
    found.setflags(write=False)
    return found
