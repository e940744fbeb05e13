"""How much memory does a picture take per pixel, by format and shape, and how much CPU?

Makes a small and a large picture of each kind, and decodes and extracts each in a process of its own. The
memory per pixel is the difference of their peaks divided by that of their pixels, so that what every picture
takes does not count. Must: at most the bytes per pixel that a child process may take
(`BYTES_PER_PIXEL` of core/extraction/worker.py).

    python -m benchmarks.decoding_memory [--pixels 16] [--kind KIND]...
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from support.formats import HAS_AVIF, HAS_HEIF, interlaced_png, png_file
from support.pictures import page, png, saved

from douglas_quaid.config import Config
from douglas_quaid.extraction.extractor import Extractor
from douglas_quaid.extraction.worker import BYTES_PER_PIXEL

#: The small picture of a kind has this share of the pixels of the large one.
SMALL = 0.25


def _picture(width: int, height: int) -> Image.Image:
    """Tiles of a page, which compress like a capture."""
    tile = np.asarray(page(1, 512, 512))
    tiles = np.tile(tile, (-(-height // 512), -(-width // 512), 1))[:height, :width]
    return Image.fromarray(np.ascontiguousarray(tiles))


def _square(make: Callable[[Image.Image], bytes]) -> Callable[[int], bytes]:
    return lambda pixels: make(_picture(round(pixels**0.5), round(pixels**0.5)))


def _as(format: str, mode: str = "RGB", **options: object) -> Callable[[int], bytes]:
    def make(image: Image.Image) -> bytes:
        if mode == "RGBA":
            image.putalpha(image.convert("L"))
        return saved(image if mode == "RGBA" else image.convert(mode), format, **options)

    return _square(make)


def _deep_png(image: Image.Image) -> bytes:
    """RGBA of 16 bits."""
    values = np.asarray(image.convert("RGBA")).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    return png_file(struct.pack(">IIBBBBB", *image.size, 16, 6, 0, 0, 0), rows)


def _interlaced_png(image: Image.Image) -> bytes:
    return interlaced_png(np.asarray(image))


def _float_tiff(image: Image.Image) -> bytes:
    return saved(Image.fromarray(np.asarray(image.convert("L")).astype(np.float32)), "TIFF")


def _animated(format: str) -> Callable[[int], bytes]:
    def make(image: Image.Image) -> bytes:
        others = [image.rotate(180), image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
        return saved(image, format, save_all=True, append_images=others)

    return _square(make)


KINDS: dict[str, Callable[[int], bytes]] = {
    "PNG": _as("PNG", compress_level=1),
    "PNG, 65,535 high": lambda pixels: png(_picture(pixels // 65_535, 65_535), compress_level=1),
    "PNG, 65,535 wide": lambda pixels: png(_picture(65_535, pixels // 65_535), compress_level=1),
    "PNG, transparent": _as("PNG", "RGBA", compress_level=1),
    "PNG, palette": _as("PNG", "P", compress_level=1),
    "PNG, 1 bit": _as("PNG", "1"),
    "PNG, 16 bits, transparent": _square(_deep_png),
    "PNG, interlaced": _square(_interlaced_png),
    "PNG, animated": _animated("PNG"),
    "JPEG": _as("JPEG"),
    "JPEG, progressive, 4:4:4": _as("JPEG", progressive=True, subsampling=0),
    "JPEG, CMYK": _as("JPEG", "CMYK"),
    "JPEG, CMYK, progressive": _as("JPEG", "CMYK", progressive=True),
    "WebP": _as("WEBP", method=0),
    "WebP, lossless, transparent": _as("WEBP", "RGBA", lossless=True, method=0, quality=0),
    "WebP, animated": _animated("WEBP"),
    "GIF": _as("GIF", "P"),
    "GIF, animated": _animated("GIF"),
    "BMP": _as("BMP"),
    "TIFF, LZW in one strip": _as("TIFF", compression="tiff_lzw", strip_size=1 << 30),
    "TIFF, float": _square(_float_tiff),
    "TIFF, CMYK": _as("TIFF", "CMYK"),
    "TIFF, two pages": _animated("TIFF"),
}
if HAS_AVIF:
    KINDS["AVIF, 4:4:4"] = _as("AVIF", subsampling="4:4:4", speed=10)
    KINDS["AVIF, transparent"] = _as("AVIF", "RGBA", speed=10)
    KINDS["AVIF, tiles"] = _as("AVIF", speed=10, tile_rows=2, tile_cols=2)
if HAS_HEIF:
    KINDS["HEIF"] = _as("HEIF", quality=40, enc_params={"preset": "ultrafast"})


def measure(path: Path) -> tuple[int, int, float]:
    """Return pixels, bytes at the peak beyond what the process had before, and CPU seconds of a file."""
    extractor = Extractor(Config(max_bytes=1 << 30))
    extractor.extract(png(page(1, 64, 64)), name="warm-up")
    data = path.read_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, began = _status("VmRSS"), time.process_time()
    features = extractor.extract(data, name=path.name).features
    return features.width * features.height, _status("VmHWM") - before, time.process_time() - began


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) * 1024


def main() -> int:
    """Print the table; 1 if a kind takes more than a child process may."""
    parser = argparse.ArgumentParser(description=__doc__, prog="decoding_memory.py")
    parser.add_argument("--pixels", type=float, default=16, help="million pixels of the large picture")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only these kinds")
    parser.add_argument("--file", type=Path, help="measure this file, and print the numbers as JSON")
    options = parser.parse_args()
    if options.file:
        print(json.dumps(measure(options.file)))
        return 0
    print("| kind | bytes per pixel | CPU, s per million pixels |\n|---|---|---|")
    most = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kind or KINDS:
            found = []
            for share in (SMALL, 1):
                file = Path(folder, "picture")
                file.write_bytes(KINDS[kind](round(options.pixels * 1e6 * share)))
                command = [sys.executable, "-m", "benchmarks.decoding_memory", "--file", str(file)]
                found.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
            (few, little, _), (many, much, seconds) = found
            per_pixel = (much - little) / (many - few)
            most = max(most, per_pixel)
            print(f"| {kind} | {per_pixel:.1f} | {seconds / many * 1e6:.2f} |", flush=True)
    print(f"at most {most:.1f} bytes per pixel; a child process may take {BYTES_PER_PIXEL}")
    return 0 if most <= BYTES_PER_PIXEL else 1


if __name__ == "__main__":
    sys.exit(main())
