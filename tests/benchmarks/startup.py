"""How long does a new process take to answer when the store contains a million images, and how many bytes per
image do its arrays take?

Fills an embedded store through its own interface with images of random hashes and without visual words
(records are a few bytes, because a start does not read them), then starts new processes one after the other.
Each opens the store, reads the columns, and queries a small picture. Aims: ready within 3 s, at most 160
bytes per image. A second, smaller store also has words, and shows what they add.

    python -m benchmarks.startup [--count 1000000] [--with-words 20000] [--starts 5] [--seed 1] [--sample]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np
from support.images import put_all

from douglas_quaid.config import Config
from douglas_quaid.features.local import LOCAL_VERSION
from douglas_quaid.features.pdq import PDQ_VERSION
from douglas_quaid.index.options import DEFAULTS
from douglas_quaid.index.words import BYTES_PER_DESCRIPTOR
from douglas_quaid.store import NewImage, Store
from douglas_quaid.store.embedded import stop_embedded

from . import report

AIM_SECONDS = 3.0
AIM_BYTES = 160
STATED_FOR = 1_000_000
BATCH = 2_000

NEW_PROCESS = """
import io, json, sys, time
began = time.perf_counter()
from PIL import Image
from douglas_quaid import Engine
with Engine.open(sys.argv[1]) as engine:
    opened = time.perf_counter()
    picture = io.BytesIO()
    Image.effect_noise((320, 240), 90).resize((640, 480)).save(picture, "PNG")
    answer = engine.query(picture.getvalue())
    first = time.perf_counter()
    assert answer.informative  # otherwise no search was made
    engine.query(picture.getvalue())
    second = time.perf_counter()
    replica = engine._replica
    seconds = {"opened": opened - began, "first": first - opened, "second": second - first}
    sizes = {"hash_bytes": replica.nbytes, "word_bytes": replica.word_bytes}
    print(json.dumps(seconds | sizes | {"images": answer.images_searched}))
"""


@dataclass(frozen=True, slots=True)
class Start:
    """The start of a process."""

    #: Seconds from the start of the process to its end, the interpreter's start included.
    total: float
    #: Seconds until the engine is open.
    opened: float
    #: Seconds of the first query: reading the columns, building the index, answering.
    first: float
    #: Seconds of the second query.
    second: float
    #: Number of images searched.
    images: int
    #: Bytes of the index of hashes.
    hash_bytes: int
    #: Bytes of the index of visual words.
    word_bytes: int


def main() -> int:
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--count", type=int, default=STATED_FOR)
    parser.add_argument(
        "--with-words", type=int, default=20_000, help="number of images of the second store; 0 for none"
    )
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    if options.sample:
        options.count, options.with_words, options.starts = 50_000, 1_000, 2
    report.heading(f"Start of a new process at {options.count:,} images", options)
    rows, all_starts = [], []
    stores = [(options.count, 0)] + [(options.with_words, DEFAULTS.descriptors_per_image)] * (
        options.with_words > 0
    )
    for count, words in stores:
        filled, starts = measure(count, words, options.starts, options.seed)
        all_starts.append(starts)
        ready = [start.opened + start.first for start in starts]
        total = [start.total for start in starts]
        one = starts[0]
        rows.append(
            (
                f"{one.images:,}",
                words,
                f"{count / filled:,.0f}",
                f"{median(ready):.2f} ({min(ready):.2f} - {max(ready):.2f})",
                f"{median(total):.2f}",
                f"{1000 * median(start.second for start in starts):.0f}",
                f"{one.hash_bytes / one.images:.1f}",
                f"{one.word_bytes / one.images:,.0f}",
            )
        )
    columns = (
        "images",
        "words each",
        "stored per second",
        "first answer, s",
        "whole process, s",
        "next answer, ms",
        "hash bytes per image",
        "word bytes",
    )
    report.table(columns, rows)
    if options.count < STATED_FOR:
        return 0
    starts = all_starts[0]
    slow = median(start.opened + start.first for start in starts)
    size = starts[0].hash_bytes / starts[0].images
    return report.verdict(
        [
            (f"first answer within 3 s at {options.count:,} images (aim; {slow:.2f})", slow <= AIM_SECONDS),
            (f"arrays of the hash replica at most 160 bytes per image (aim; {size:.1f})", size <= AIM_BYTES),
        ]
    )


def measure(count: int, words: int, starts: int, seed: int) -> tuple[float, list[Start]]:
    """Return the seconds that filling took, and the starts."""
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        url = f"embedded:{folder}"
        try:
            began = time.perf_counter()
            store = Store.open(Config.from_environment(store=url))
            for batch in random_images(count, words, seed):
                put_all(store, batch)
            filled = time.perf_counter() - began
            store.close()
            return filled, [start(url) for _ in range(starts)]
        finally:
            stop_embedded(folder)


def random_images(count: int, words: int, seed: int) -> Iterator[list[NewImage]]:
    """Yield images of random hashes with this many visual words each, BATCH at a time."""
    rng = np.random.default_rng(seed)
    for first in range(0, count, BATCH):
        size = min(BATCH, count - first)
        ids, pdq = rng.bytes(32 * size), rng.bytes(32 * size)
        yield [
            NewImage(
                image_id=ids[32 * place : 32 * place + 32].hex(),
                record=b"benchmark",
                pixel_digest=ids[32 * place : 32 * place + 32],
                pdq=pdq[32 * place : 32 * place + 32],
                pdq_quality=100,
                informative=True,
                pdq_version=PDQ_VERSION,
                local_version=LOCAL_VERSION,
                words=rng.bytes(words * BYTES_PER_DESCRIPTOR),
            )
            for place in range(size)
        ]


def start(url: str) -> Start:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-c", NEW_PROCESS, url], check=True, capture_output=True, text=True
    )
    return Start(total=time.perf_counter() - began, **json.loads(done.stdout))


if __name__ == "__main__":
    sys.exit(main())
