"""What does adding a folder cost, and do two processes do twice the work of one?

Extracts PNG screenshots and compares the CPU time of each step with that of Pillow's decoding of the same
files. Then a folder is added, with links, by `quaid add` with one worker and with two, each into an empty
store: elapsed seconds, and CPU seconds of all its processes but the store's. On an idle machine the elapsed
seconds tell; on a busy one the CPU seconds, which would grow if the workers got in each other's way.

    python -m benchmarks.all_cores --pictures DIR [--count 60] [--sample]
"""

from __future__ import annotations

import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
from PIL import Image

from douglas_quaid.config import Config
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.features import extract_features
from douglas_quaid.features.codes import read_codes
from douglas_quaid.features.local import extract_local
from douglas_quaid.features.palette import extract_palette
from douglas_quaid.features.perceptual import whole_picture_hashes
from douglas_quaid.features.thumbnail import make_thumbnail
from douglas_quaid.index.new_image import new_image
from douglas_quaid.store.embedded import stop_embedded

from . import report
from .corpus import Corpus, spread_screenshots


def main() -> int:
    parser = report.arguments(__doc__)
    parser.add_argument("--count", type=int, default=60, help="number of screenshots")
    options = parser.parse_args()
    if options.sample:
        options.count = 20
    report.heading("Adding a folder", options)
    corpus = Corpus.load(options.pictures)
    items = spread_screenshots(corpus, options.count, options.seed)
    files = [corpus.folder / item.file for item in items]
    _steps([path.read_bytes() for path in files if path.suffix == ".png"])
    seconds = [_folder(files, workers) for workers in (1, 2)]
    print("\n| workers | elapsed | CPU |\n|---|---|---|")
    for workers, (elapsed, cpu) in zip((1, 2), seconds, strict=True):
        print(f"| {workers} | {elapsed:.1f} s | {cpu:.1f} s |")
    print(f"\nTwo workers: {seconds[0][0] / seconds[1][0]:.2f} times as fast as one.")
    return 0


def _steps(pictures: list[bytes]) -> None:
    spent, config = Counter[str](), Config()
    cv2.setNumThreads(1)

    def timed(name: str, work: Callable[[], object]) -> None:
        began = time.process_time()
        work()
        spent[name] += time.process_time() - began

    for number, data in enumerate([pictures[0], *pictures]):
        image = decode_image(
            data,
            max_bytes=config.max_bytes,
            max_pixels=config.max_pixels,
            max_side=config.max_side,
            name="picture",
        )
        features = extract_features(image)
        if not number:  # which loads the libraries
            continue
        timed("Pillow's decoding", lambda: Image.open(io.BytesIO(data)).convert("RGB"))  # noqa: B023
        limits = (config.max_bytes, config.max_pixels, config.max_side)
        timed("decoding", lambda: _decoded(data, *limits))  # noqa: B023
        timed("all features", lambda: extract_features(image))  # noqa: B023
        timed("record", lambda: new_image(features))  # noqa: B023
        timed("- keypoints", lambda: extract_local(image.grey))  # noqa: B023
        timed("- hashes", lambda: whole_picture_hashes(image.pixels, image.grey, whash=False))  # noqa: B023
        timed("- codes", lambda: read_codes(image.grey))  # noqa: B023
        timed("- thumbnail", lambda: make_thumbnail(image.grey))  # noqa: B023
        timed("- palette", lambda: extract_palette(image.pixels))  # noqa: B023
    unit = spent["Pillow's decoding"]
    print("| step | CPU a picture | times Pillow's decoding |\n|---|---|---|")
    for name, seconds in spent.items():
        print(f"| {name} | {1000 * seconds / len(pictures):.1f} ms | {seconds / unit:.2f} |")
    whole = sum(spent[name] for name in ("decoding", "all features", "record"))
    print(f"| **all** | {1000 * whole / len(pictures):.1f} ms | {whole / unit:.2f} |", flush=True)


def _decoded(data: bytes, max_bytes: int, max_pixels: int, max_side: int) -> object:
    return decode_image(data, max_bytes=max_bytes, max_pixels=max_pixels, max_side=max_side, name="picture")


def _folder(files: list[Path], workers: int) -> tuple[float, float]:
    """Elapsed seconds and CPU seconds of adding these files."""
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        pictures = Path(folder, "pictures")
        pictures.mkdir()
        for number, path in enumerate(files):
            shutil.copy(path, pictures / f"{number:04}{path.suffix}")
        environment = os.environ | {"DOUGLAS_QUAID_WORKERS": str(workers), "XDG_CACHE_HOME": folder}
        command = [
            sys.executable,
            "-m",
            "douglas_quaid",
            "add",
            "--json",
            "--store",
            f"embedded:{folder}/store",
        ]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        try:
            subprocess.run([*command, str(pictures)], env=environment, stdout=subprocess.DEVNULL, check=True)
        finally:
            stop_embedded(Path(folder, "store"))
        elapsed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
