"""What does `add` cost compared with decoding the picture, and what share of it does each feature take?

1. On one core, to which this process and its store are bound: the same PNG screenshots are decoded by Pillow
and added (decode, features, store; without linking), alternately for each picture, so that the load of the
machine affects both. Aim: at most 4 times the decode. 2. Each step of `add` by itself, on the same pictures.
3. `quaid add FOLDER --no-link` on all cores: pictures per second, start of the program included.

    python -m benchmarks.throughput --pictures DIR [--count 200] [--seed 1] [--sample]
"""

from __future__ import annotations

import io
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any, TypeVar

import cv2
from PIL import Image

from douglas_quaid import Engine
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.decoding.informative import is_informative
from douglas_quaid.decoding.pixels import Pixels
from douglas_quaid.features import codec, extract_features
from douglas_quaid.features.local import extract_local
from douglas_quaid.features.pdq import pdq_orientations
from douglas_quaid.features.perceptual import tlsh_of, whole_picture_hashes
from douglas_quaid.features.thumbnail import make_thumbnail
from douglas_quaid.store.embedded import stop_embedded

from . import report
from .corpus import Corpus

AIM = 4.0
ROUNDS = 5
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Spent:
    """The cost of a call."""

    #: Elapsed seconds.
    wall: float
    #: CPU seconds of this process, without the work of the store and of other processes.
    cpu: float


def main() -> int:
    parser = report.arguments(__doc__)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    if options.sample:
        options.count = 40
    corpus = Corpus.load(options.pictures)
    shots = [item for item in corpus.screenshots if item.file.endswith(".png")]
    files = [corpus.data(item) for item in random.Random(options.seed).sample(shots, options.count)]
    report.heading(
        f"Throughput: {len(files)} PNG screenshots, {sum(map(len, files)) / len(files) / 1024:.0f} KiB on "
        "average",
        options,
    )
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        try:
            ratio = compare_with_decode(files, folder)
        finally:
            stop_embedded(folder)
    print_shares(files)
    os.sched_setaffinity(0, cores)
    add_folder(files, len(cores))
    return report.verdict(
        [(f"add at most {AIM:.0f} times the decode on one core (aim; {ratio:.2f})", ratio <= AIM)]
    )


def compare_with_decode(files: Sequence[bytes], folder: str) -> float:
    """Return the ratio of the totals, and print it with its range over ROUNDS parts of the pictures."""
    warm, files = files[: len(files) // 10], files[len(files) // 10 :]
    parts = [files[start::ROUNDS] for start in range(ROUNDS)]
    ratios: list[float] = []
    decoded: list[Spent] = []
    added: list[Spent] = []
    with Engine.open(f"embedded:{folder}") as engine:
        for data in warm:
            decode(data)
            engine.add(data, link=False)
        for part in parts:
            for data in part:
                decoded.append(timed(decode, data)[0])
                added.append(timed(engine.add, data, link=False)[0])
            ratios.append(
                sum(took.wall for took in added[-len(part) :])
                / sum(took.wall for took in decoded[-len(part) :])
            )
    rows = []
    for name, times in (("Pillow decode", decoded), ("add", added)):
        wall, cpu = [1000 * took.wall for took in times], [1000 * took.cpu for took in times]
        rows.append((name, *(f"{value:.1f}" for value in (mean(wall), median(wall), mean(cpu), median(cpu)))))
    report.table(("one core", "ms, mean", "ms, median", "ms of this process's CPU, mean", "median"), rows)
    total = sum(took.wall for took in added) / sum(took.wall for took in decoded)
    own = sum(took.cpu for took in added) / sum(took.cpu for took in decoded)
    typical = median(one.wall / other.wall for one, other in zip(added, decoded, strict=True))
    print(
        f"add / decode: **{total:.2f}** (totals); {min(ratios):.2f} - {max(ratios):.2f} over {ROUNDS} "
        f"parts; median over the pictures {typical:.2f}."
    )
    print(f"By CPU time of this process alone, without the store: {own:.2f}.\n")
    return total


def print_shares(files: Sequence[bytes]) -> None:
    spent: dict[str, list[float]] = defaultdict(list)

    def step(name: str, work: Callable[..., Result], *given: Any, **options: Any) -> Result:
        took, result = timed(work, *given, **options)
        spent[name].append(took.cpu)
        return result

    for data in files:
        step("(Pillow decode)", decode, data)
        image = step(
            "decode to RGB and grey, checks, sha256 of file and pixels",
            decode_image,
            data,
            max_bytes=1 << 26,
            max_pixels=120_000_000,
        )
        step("(digest of the pixels, part of decode)", Pixels(image.pixels, image.grey).digest)
        step("PDQ in 8 orientations", pdq_orientations, image.pixels)
        step("PDQ, aHash, pHash, dHash", whole_picture_hashes, image.pixels, image.grey, whash=False)
        step("(with wHash)", whole_picture_hashes, image.pixels, image.grey, whash=True)
        step("TLSH of the file", tlsh_of, data)
        step("ORB keypoints", extract_local, image.grey)
        step("thumbnail", make_thumbnail, image.grey)
        step("informative or not", is_informative, image.grey)
        features = extract_features(image)
        step("record", codec.encode, features)
    ms = {name: 1000 * mean(times) for name, times in spent.items()}
    ms["aHash, pHash, dHash"] = ms.pop("PDQ, aHash, pHash, dHash") - ms["PDQ in 8 orientations"]
    ms["(wHash, off by default)"] = (
        ms.pop("(with wHash)") - ms["PDQ in 8 orientations"] - ms["aHash, pHash, dHash"]
    )
    counted = sum(value for name, value in ms.items() if not name.startswith("("))
    rows = [
        (name, f"{value:.2f}", "-" if name.startswith("(") else f"{100 * value / counted:.0f} %")
        for name, value in ms.items()
    ]
    report.table(
        ("step", "ms of CPU, mean", "share of the total"),
        [*rows, ("**total**", f"{counted:.2f}", "100 %")],
    )


def add_folder(files: Sequence[bytes], cores: int) -> None:
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        pictures, store = Path(folder, "pictures"), Path(folder, "store")
        pictures.mkdir()
        for number, data in enumerate(files):
            (pictures / f"{number:04d}.png").write_bytes(data)
        quaid = shutil.which("quaid") or str(Path(sys.executable).with_name("quaid"))
        try:
            command = [quaid, "add", str(pictures), "--no-link", "--json", "--store", f"embedded:{store}"]
            took, _ = timed(subprocess.run, command, check=True, capture_output=True)
        finally:
            stop_embedded(store)
    print(
        f"`quaid add FOLDER --no-link` with {cores} cores: {len(files) / took.wall:.1f} pictures per second "
        f"({len(files)} in {took.wall:.1f} s).\n"
    )


def decode(data: bytes) -> None:
    with Image.open(io.BytesIO(data)) as picture:
        picture.load()


def timed(work: Callable[..., Result], *given: Any, **options: Any) -> tuple[Spent, Result]:
    """Return the cost of a call, and its result."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*given, **options)
    return Spent(time.perf_counter() - wall, time.process_time() - cpu), result


if __name__ == "__main__":
    sys.exit(main())
