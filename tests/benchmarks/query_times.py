"""How long does a query take, from the bytes of a file to the verdict, among 100,000 images on one core?

Fills a throwaway store with the pictures of another store (--store: one that `quaid evaluate` filled and
kept; otherwise PICTURES alone) and with *variations* of them up to --count: whole records under other ids,
with visual words varied as words.py does, and PDQ hashes with some bits flipped. Variations do not correspond
to pictures, so the table shows how many images are real; pictures of queries are not varied. The queries are
screenshots of at most 1920 x 1080, each after an edit drawn by the seed, and as it is with everything correct
left out of the search.

    python -m benchmarks.query_times --pictures DIR [--store URL] [--count 100000] [--each 100] [--sample]
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
from support.images import put_all

from douglas_quaid import Engine
from douglas_quaid.evaluation import edits
from douglas_quaid.index.new_image import new_image
from douglas_quaid.records import ImageFeatures
from douglas_quaid.store import NewImage, Store
from douglas_quaid.store.embedded import stop_embedded

from . import report
from .corpus import Corpus, Item, spread_screenshots
from .filled_store import add_argument, filled_store
from .words import stored, varied

LARGEST = (1920, 1080)
#: Pictures queried before the clock starts, to load the index.
WARM = 5
#: Maximum number of bits of a PDQ hash flipped in a variation. chosen: from a copy to a stranger.
MOST_BITS = 80
BATCH = 200
#: Aims in milliseconds.
AIMS = {"median": 150.0, "p99": 400.0}


def main() -> int:
    parser = report.arguments(__doc__)
    add_argument(parser)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument(
        "--each", type=int, default=100, help="number of screenshots, each of which is queried twice"
    )
    options = parser.parse_args()
    corpus = Corpus.load(options.pictures)
    if options.sample:
        options.each, options.count = 6, min(options.count, 3_000)
    report.heading("Whole queries", options)
    small = [
        item for item in spread_screenshots(corpus, 3 * options.each, options.seed) if _fits(corpus, item)
    ][: options.each]
    with (
        tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder,
        nullcontext(options.store) if options.store else filled_store(corpus, corpus.items, None) as source,
    ):
        url = f"embedded:{folder}"
        try:
            real = fill(source, url, corpus, small, options.count, options.seed)
            met = measure(url, corpus, small, options.seed, real)
        finally:
            stop_embedded(folder)
    return report.verdict(met)


def _fits(corpus: Corpus, item: Item) -> bool:
    width, height = edits.opened(corpus.folder / item.file).size
    return width <= LARGEST[0] and height <= LARGEST[1]


def fill(source: str, url: str, corpus: Corpus, asked: Sequence[Item], count: int, seed: int) -> int:
    """Store real pictures, then variations of all that are not correct answers; return the number of real
    ones.
    """
    began = time.perf_counter()
    ids, words = stored(source)
    spared = {
        corpus.image_id(other)
        for item in asked
        for other in corpus.items
        if other.file in corpus.right_answers(item)
    }
    with Engine.open(source, mend=False) as engine, Store.open(replace(engine.config, store=url)) as store:
        for start in range(0, len(ids), BATCH):
            put_all(
                store,
                [
                    new_image(features)
                    for features in engine.features(ids[start : start + BATCH])
                    if features is not None
                ],
            )
        pool = [
            place for place, image_id in enumerate(ids) if image_id not in spared and len(words[place]) >= 100
        ]
        lent = [words[place] for place in pool]
        rng = np.random.default_rng(seed)
        for start in range(len(ids), count, BATCH):
            chosen = [pool[place] for place in rng.integers(len(pool), size=min(BATCH, count - start))]
            bases = engine.features([ids[place] for place in chosen])
            put_all(store, [_variation(base, varied(lent, rng), rng) for base in bases if base is not None])
    print(
        f"{max(count, len(ids)):,} images stored, {len(ids):,} of them real, in "
        f"{time.perf_counter() - began:.0f} s.\n",
        flush=True,
    )
    return len(ids)


def _variation(base: ImageFeatures, words: np.ndarray, rng: np.random.Generator) -> NewImage:
    bits = np.zeros(256, np.uint8)
    bits[rng.permutation(256)[: rng.integers(MOST_BITS + 1)]] = 1
    pdq = (np.frombuffer(base.hashes.pdq, np.uint8) ^ np.packbits(bits)).tobytes()
    changed = replace(
        base, image_id=rng.bytes(32).hex(), pixel_digest=rng.bytes(32), hashes=replace(base.hashes, pdq=pdq)
    )
    return replace(new_image(changed), words=words.tobytes())


def questions(
    corpus: Corpus, asked: Sequence[Item], seed: int
) -> Iterator[tuple[str, bytes, frozenset[str]]]:
    """Yield kind, bytes, and ids that are left out."""
    rng = random.Random(seed)
    for item in asked:
        picture, right = edits.opened(corpus.folder / item.file), corpus.right_answers(item)
        yield (
            "with an answer",
            edits.png(edits.edit(rng.choice(edits.SUITE), picture, seed=item.file)),
            frozenset(),
        )
        yield (
            "without an answer",
            corpus.data(item),
            frozenset(corpus.image_id(other) for other in corpus.items if other.file in right),
        )


def measure(url: str, corpus: Corpus, asked: Sequence[Item], seed: int, real: int) -> list[tuple[str, bool]]:
    import cv2

    cv2.setNumThreads(1)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    taken: dict[str, list[float]] = {}
    with Engine.open(url, mend=False) as engine:
        for number, (kind, data, left_out) in enumerate(questions(corpus, [*asked[:WARM], *asked], seed)):
            began = time.perf_counter()
            result = engine.query(data, exclude=left_out)
            if number >= 2 * WARM:
                taken.setdefault(kind, []).append(1000 * (time.perf_counter() - began))
        images = result.images_searched
    everything = [time for times in taken.values() for time in times]
    rows = [
        (kind, len(times), *(f"{np.percentile(times, share):.0f}" for share in (50, 90, 99)))
        for kind, times in {**taken, "all": everything}.items()
    ]
    report.table((f"among {images:,} images ({real:,} real)", "queries", "median ms", "90 %", "99 %"), rows)
    median, p99 = np.percentile(everything, (50, 99))
    return [
        (f"aim: median of at most {AIMS['median']:.0f} ms: {median:.0f} ms", bool(median <= AIMS["median"])),
        (f"aim: 99 % within {AIMS['p99']:.0f} ms: {p99:.0f} ms", bool(p99 <= AIMS["p99"])),
    ]


if __name__ == "__main__":
    sys.exit(main())
