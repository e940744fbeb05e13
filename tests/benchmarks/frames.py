"""How far apart are the hashes of one frame in two copies of an animation, and those of different frames? And
what does it cost to read as many frames as are read at most?

Draws animations of photographs and of pages, saves each again in other sizes and formats, and compares each
frame's hash with those of all frames of the copies. Must: the radius within which two frames are the same
(`CascadeOptions.frame_radius`) lies between.

    python -m benchmarks.frames [--films 9] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from support.pictures import page, photo, saved

from douglas_quaid.config import Config
from douglas_quaid.decoding.frames import MAX_FRAME_PIXELS
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.features import extract_features
from douglas_quaid.verification.options import DEFAULTS

#: Number of frames of an animation, and width and height in pixels.
FRAMES, SIDES = 6, (320, 240)
#: Copies of an animation: format, scale and options of the writer.
COPIES: dict[str, tuple[str, float, dict[str, object]]] = {
    "GIF, half": ("GIF", 0.5, {}),
    "GIF, 1.5 times": ("GIF", 1.5, {}),
    "WebP, quality 50": ("WEBP", 1.0, {"quality": 50}),
    "WebP, half, quality 80": ("WEBP", 0.5, {"quality": 80}),
    "PNG, 0.75": ("PNG", 0.75, {}),
    "TIFF, JPEG": ("TIFF", 1.0, {"compression": "jpeg"}),
}
#: Number of frames, and their side in pixels, of which the cost is measured.
COSTLY, SIDE = 8, 1000


def film(frames: list[Image.Image], format: str, scale: float, **options: object) -> bytes:
    """Return the frames as an animation of this format, scaled."""
    size = (round(frames[0].width * scale), round(frames[0].height * scale))
    first, *others = [frame.resize(size, Image.Resampling.LANCZOS) for frame in frames]
    return saved(first, format, save_all=True, append_images=others, **options)


def hashes(data: bytes) -> NDArray[np.uint8]:
    """Return the bits of each frame's hash, u8[frames, 256]."""
    limits = Config()
    image = decode_image(data, max_bytes=limits.max_bytes, max_pixels=limits.max_pixels)
    found = extract_features(image).frame_hashes
    assert found is not None and len(found.hashes) == FRAMES
    return np.unpackbits(np.frombuffer(b"".join(found.hashes), np.uint8).reshape(FRAMES, -1), axis=1)


def distances(films: int, seed: int) -> dict[str, tuple[int, int]]:
    """Return for each kind of copy the largest distance of one frame, and the smallest of different ones."""
    found: dict[str, tuple[int, int]] = dict.fromkeys(COPIES, (0, 256))
    for number in range(films):
        draw = page if number % 3 == 0 else photo
        first = 10_000 * seed + FRAMES * number
        frames = [draw(first + n, *SIDES) for n in range(FRAMES)]
        known = hashes(film(frames, "PNG", 1.0))
        for name, (format, scale, options) in COPIES.items():
            apart = (known[:, None] != hashes(film(frames, format, scale, **options))[None]).sum(axis=2)
            others = apart[~np.eye(FRAMES, dtype=bool)]
            most, least = found[name]
            found[name] = max(most, int(apart.diagonal().max())), min(least, int(others.min()))
    return found


def cost(format: str) -> float:
    """Return the CPU seconds of reading as many pixels of frames as are read at most."""
    data = film([photo(n, SIDE // 8, SIDE // 8) for n in range(COSTLY)], format, 8.0)
    began = time.process_time()
    decode_image(data, max_bytes=1 << 30, max_pixels=2 * SIDE**2)
    return (time.process_time() - began) * MAX_FRAME_PIXELS / (COSTLY * SIDE**2)


def main() -> int:
    """Print both tables; 1 if the radius does not tell the frames apart."""
    parser = argparse.ArgumentParser(description=__doc__, prog="frames.py")
    parser.add_argument("--films", type=int, default=9, help="number of animations")
    parser.add_argument("--seed", type=int, default=1, help="other animations for another seed")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    found = distances(options.films, options.seed)
    print("| copy | one frame, bits at most | different frames, bits at least |\n|---|---|---|")
    for name, (most, least) in found.items():
        print(f"| {name} | {most} | {least} |")
    print(f"\n| {MAX_FRAME_PIXELS:,} pixels of frames | CPU, s |\n|---|---|")
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        print(f"| {format} | {cost(format):.2f} |", flush=True)
    radius = DEFAULTS.cascade.frame_radius
    return 0 if all(most <= radius < least for most, least in found.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
