"""Many messages, of which five in a hundred cannot be processed, each kind for its own reason."""

from __future__ import annotations

import struct
from hashlib import sha256

import numpy as np
from PIL import Image

from support.ail_host import AilHome
from support.formats import png_file
from support.pictures import jpeg, png

BATCH = 500
#: Of each hundred messages the first five.
KINDS = ("bomb", "truncated", "missing", "unknown", "text")


def soft(seed: int) -> Image.Image:
    """Return a new picture that is cheap to draw and to search for: a colour gradient without keypoints."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)).resize(
        (200, 150), Image.Resampling.BICUBIC
    )


def small(seed: int) -> Image.Image:
    """Return a new picture with keypoints."""
    picture, rng = soft(seed), np.random.default_rng([seed, 1])
    for _ in range(8):
        x, y, width, height = (int(value) for value in rng.integers((0, 0, 8, 8), (180, 130, 70, 50)))
        picture.paste(tuple(int(value) for value in rng.integers(0, 256, 3)), (x, y, x + width, y + height))
    return picture


def variant(picture: Image.Image, quality: int = 60) -> bytes:
    """Return the same picture in other bytes."""
    return jpeg(picture.convert("RGB"), quality=quality)


def bomb(number: int) -> bytes:
    """Return a small PNG file that claims a picture of 4 gigapixels."""
    return png_file(
        struct.pack(">IIBBBBB", 65_000, 65_000 - number % 1000, 8, 2, 0, 0, 0), number.to_bytes(8, "big")
    )


class Mixture:
    """`sound` are global ids, `broken` are global ids with their kind. Every tenth sound picture is a variant
    of the one before it.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.sound: list[str] = []
        self.broken: dict[str, str] = {}

    def send(self, ail: AilHome) -> None:
        for start in range(0, self.count, BATCH):
            self._send(ail, range(start, min(start + BATCH, self.count)))

    def _send(self, ail: AilHome, numbers: range) -> None:
        kinds = {n: KINDS[n % 100] if n % 100 < len(KINDS) else "sound" for n in numbers}
        contents = [self._content(n, kind) for n, kind in kinds.items() if kind not in ("missing", "unknown")]
        made = iter(ail.new_images(contents))
        messages = []
        for n, kind in kinds.items():
            if kind == "missing":
                gid = f"image::{sha256(b'missing %d' % n).hexdigest()}"
            elif kind == "unknown":
                gid = f"nosuchtype::{n}"
            else:
                gid = next(made)
            if kind == "sound":
                self.sound.append(gid)
            else:
                self.broken[gid] = kind
            messages.append((gid, "20260701"))
        ail.queue_all(messages)

    @staticmethod
    def _content(n: int, kind: str) -> bytes:
        if kind == "bomb":
            return bomb(n)
        if kind == "text":
            return b"<html>no picture %d</html>" % n
        if kind == "truncated":
            return png(soft(n))[:200]
        return variant(soft(n - 1)) if n % 10 == 9 else png(soft(n))
