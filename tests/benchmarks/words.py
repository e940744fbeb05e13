"""What share of edited pictures is among the first candidates by visual words, for 1, 2, 4 and 7 KiB per
picture? And among 100,000?

Takes the visual words of all pictures of a store (--store: one that `quaid evaluate` or retrieval.py filled
and kept, which may contain more than PICTURES; otherwise a temporary one is filled), queries with edited
screenshots and photographs, and determines the rank of the first correct picture by words alone: hashes find
most edits of a whole picture anyway. With --count the index is filled with *variations*: two fifths of the
descriptors of one stored picture, a tenth of those of each of six others, each bit flipped with a probability
of 1/16; pictures of queries are not varied. Variations do not correspond to pictures, so the table shows how
many images are real. Finally, the time until a process has the index, and its own memory, when it reads the
store and when it maps what another process has shared.

    python -m benchmarks.words --pictures DIR [--store URL] [--count 100000] [--each 60] [--no-curve]
    [--sample]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from statistics import median

import numpy as np
from numpy.typing import NDArray

from douglas_quaid.config import Config
from douglas_quaid.evaluation.edits import edit, opened
from douglas_quaid.features.local import extract_local
from douglas_quaid.features.options import LocalOptions
from douglas_quaid.index import words
from douglas_quaid.index.options import DEFAULTS
from douglas_quaid.index.words import SAMPLED_BYTES, WordIndex, WordKeypoints
from douglas_quaid.search.options import CandidateOptions
from douglas_quaid.store import ColumnState, Store

from . import report
from .corpus import Corpus, Item, random_photos, spread_screenshots
from .filled_store import add_argument, filled_store

EDITS = (
    "browser_bar",
    "border_10",
    "banner",
    "crop_75",
    "crop_50",
    "rotate_5",
    "rotate_90",
    "window",
    "embed_40",
    "viewport",
)
#: Descriptors per picture, tables, bits: 1, 2, 4, 4, 3.5, 5.3 and 7 KiB of four bytes each. A store keeps 450
#: descriptors of a picture of one band.
SHAPES = ((85, 3, 18), (170, 3, 18), (256, 4, 18), (341, 3, 18), (450, 2, 18), (450, 3, 18), (450, 4, 18))
BATCH = 2_000
KEPT, OTHERS = 0.4, 6
CHILD = """
import sys, time
from pathlib import Path
import numpy as np
from douglas_quaid.config import Config
from douglas_quaid.index.replica import IndexReplica
from douglas_quaid.index.snapshot import SnapshotFile
from douglas_quaid.index.words import SAMPLED_BYTES, WordKeypoints
from douglas_quaid.store import Store
from douglas_quaid.store.columns import ColumnState
store = Store.open(Config(store=sys.argv[1]))
snapshot = SnapshotFile(Path(sys.argv[2]), store.identity) if sys.argv[2] else None
replica = IndexReplica(store.columns, snapshot)
began = time.perf_counter()
replica.refresh()
replica.sharing(WordKeypoints(np.zeros((1, SAMPLED_BYTES), np.uint8), np.zeros((1, 4), np.float32)), 1)
seconds = time.perf_counter() - began
status = dict(line.split(":", 1) for line in open("/proc/self/smaps_rollup").read().splitlines()[1:])
private = sum(int(status[name].split()[0]) for name in ("Private_Dirty", "Private_Clean"))
print(seconds, private, replica.word_bytes)
"""


@dataclass(frozen=True, slots=True, eq=False)
class WordQuery:
    """A query by visual words."""

    #: "screenshot" or "photograph".
    kind: str
    #: Name of the edit.
    edit: str
    #: Keypoints at the usual levels and at those between, as candidates.py uses them.
    views: tuple[WordKeypoints, ...]
    #: Rows of the correct pictures.
    right: NDArray[np.int64]


def main() -> int:
    parser = report.arguments(__doc__)
    add_argument(parser)
    parser.add_argument(
        "--count", type=int, default=100_000, help="number of images of the second index; 0 for none"
    )
    parser.add_argument("--no-curve", action="store_true", help="measure only the index in use")
    parser.add_argument(
        "--each",
        type=int,
        default=60,
        help="number of screenshots, and of photographs, queried after each edit",
    )
    options = parser.parse_args()
    corpus = Corpus.load(options.pictures)
    if options.sample:
        options.each, options.count = 5, min(options.count, 5_000)
    report.heading("Visual words: recall and memory", options)
    with nullcontext(options.store) if options.store else filled_store(corpus, corpus.items, None) as url:
        ids, real = stored(url)
        queries = asked(corpus, ids, options.each, options.seed)
        if not options.no_curve:
            curve(real, queries)
        many(real, queries, options.count, options.seed)
        processes(url)
    return 0


def stored(url: str) -> tuple[list[str], list[NDArray[np.uint8]]]:
    """Return the ids of all images of the store that are not forgotten, and their words (n, 16)."""
    with Store.open(Config(store=url)) as store:
        ids, found = [], []
        for change, _ in store.columns.changes(ColumnState()):
            pieces = np.split(change.words, np.cumsum(change.rows["words"])[:-1].astype(np.int64))
            for row, piece in zip(change.rows, pieces, strict=True):
                if row["image_id"].any():
                    ids.append(row["image_id"].tobytes().hex())
                    found.append(piece)
    return ids, found


def asked(corpus: Corpus, ids: Sequence[str], each: int, seed: int) -> list[WordQuery]:
    place = {image_id: row for row, image_id in enumerate(ids)}
    row_of = {item.file: place.get(sha256(corpus.data(item)).hexdigest()) for item in corpus.items}
    queries = []
    for kind, items in (
        ("screenshot", spread_screenshots(corpus, each, seed)),
        ("photograph", random_photos(corpus, each, seed)),
    ):
        for item in items:
            right = np.array(
                [row for file in sorted(corpus.right_answers(item)) if (row := row_of[file]) is not None]
            )
            for name in EDITS if len(right) else ():
                queries += _query(corpus, item, kind, name, right)
    return queries


def _query(corpus: Corpus, item: Item, kind: str, name: str, right: NDArray[np.int64]) -> Iterator[WordQuery]:
    picture = opened(corpus.folder / item.file)
    if name == "viewport" and picture.height < 1.3 * picture.width:  # the viewport shows all of it
        return
    grey = np.asarray(edit(name, picture, seed=item.file).convert("L"))
    yield WordQuery(
        kind,
        name,
        tuple(
            WordKeypoints.of(extract_local(grey, steps_below=steps))
            for steps in (0.0, *LocalOptions().between)
        ),
        right,
    )


def curve(real: Sequence[NDArray[np.uint8]], queries: Sequence[WordQuery]) -> None:
    print(
        f"{len(real):,} pictures, {len(queries)} queries: correct picture among the first 50 by visual "
        "words.\n"
    )
    rows = []
    for descriptors, tables, bits in SHAPES:
        with shape(tables, bits):
            index = filled(iter([[found[:descriptors] for found in real]]))
            places, _ = answered(index, len(real), queries)
        size = f"{index.nbytes / len(real) / 1024:.1f} ({4 * descriptors * tables / 1024:.1f})"
        rows.append((f"{descriptors} x {tables} x {bits} bits", size, *recalls(queries, places, 50)))
    report.table(("descriptors, tables", "KiB per picture (postings alone)", *columns(queries)), rows)


def many(real: Sequence[NDArray[np.uint8]], queries: Sequence[WordQuery], count: int, seed: int) -> None:
    """Measure the index in use, with the real pictures alone and among variations."""
    spared = {int(row) for query in queries for row in query.right}
    rows = []
    for total in sorted({len(real), max(count, len(real))}):
        index = filled(batches(real, total, spared, seed))
        places, milliseconds = answered(index, total, queries)
        for first in (1, 8, 50):
            label = (
                f"{total:,} ({len(real):,} real)",
                f"{index.nbytes / total / 1024:.1f}",
                f"{milliseconds:.0f}",
                f"@{first}",
            )
            rows.append((*label, *recalls(queries, places, first)))
    report.table(("images", "KiB per picture", "ms per query", "among the first", *columns(queries)), rows)


def batches(
    real: Sequence[NDArray[np.uint8]], total: int, spared: set[int], seed: int
) -> Iterator[list[NDArray[np.uint8]]]:
    """Yield the real pictures, then variations of those that are not in `spared`."""
    yield list(real)
    rng = np.random.default_rng(seed)
    pool = [found for row, found in enumerate(real) if row not in spared and len(found) >= 100]
    for start in range(len(real), total, BATCH):
        yield [varied(pool, rng) for _ in range(min(BATCH, total - start))]


def varied(pool: Sequence[NDArray[np.uint8]], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the words of an imaginary picture, mixed from those of `pool`."""
    base = pool[rng.integers(len(pool))]
    size = min(len(base), DEFAULTS.descriptors_per_image)
    kept = int(KEPT * size)
    parts = [base[rng.permutation(len(base))[:kept]]]
    for other in (pool[place] for place in rng.integers(len(pool), size=OTHERS)):
        parts.append(other[rng.permutation(len(other))[: (size - kept) // OTHERS]])
    mixed = np.concatenate(parts)
    noise: NDArray[np.uint8] = np.bitwise_and.reduce(rng.integers(0, 256, (4, *mixed.shape), dtype=np.uint8))
    noise[:, SAMPLED_BYTES:] = 0  # keypoints keep their positions
    changed: NDArray[np.uint8] = mixed ^ noise
    return changed


def filled(pieces: Iterator[list[NDArray[np.uint8]]]) -> WordIndex:
    index, first = WordIndex(), 0
    for piece in pieces:
        rows = np.repeat(
            np.arange(first, first + len(piece), dtype=np.uint32), [len(found) for found in piece]
        )
        index.extend(rows, np.concatenate(piece))
        first += len(piece)
    return index


def answered(index: WordIndex, count: int, queries: Sequence[WordQuery]) -> tuple[list[int], float]:
    """Return for each query the rank of its first correct picture, and the median time in milliseconds:
    votes, and a second vote by arrangement for the first, in each view.
    """
    places, seconds = [], []
    for query in queries:
        began = time.perf_counter()
        scores = np.zeros(count)
        for number, keypoints in enumerate(query.views):
            votes, again = (
                index.vote(keypoints.sampled, count),
                CandidateOptions().arranged_between if number else DEFAULTS.arranged,
            )
            first = np.argpartition(-votes, min(again, count) - 1)[:again]
            scores[first] = np.maximum(scores[first], index.vote_by_arrangement(keypoints, first))
        seconds.append(time.perf_counter() - began)
        best = scores[query.right].max(initial=0.0)
        places.append(int((scores > best).sum()) if best > 0 else count)
    return places, 1000 * median(seconds)


def columns(queries: Sequence[WordQuery]) -> list[str]:
    return [f"{kind}: {name}" for kind, name in _kinds(queries)]


def recalls(queries: Sequence[WordQuery], places: Sequence[int], first: int) -> list[str]:
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for query, place in zip(queries, places, strict=True):
        found[query.kind, "mean"].append(place < first)
        found[query.kind, query.edit].append(place < first)
    return [f"{100 * np.mean(found[kind]):.1f}" for kind in _kinds(queries)]


def _kinds(queries: Sequence[WordQuery]) -> list[tuple[str, str]]:
    return [
        (kind, name)
        for kind in ("screenshot", "photograph")
        for name in ("mean", *dict.fromkeys(q.edit for q in queries if q.kind == kind))
    ]


class shape:
    """A context in which visual words have this many tables and bits."""

    def __init__(self, tables: int, bits: int) -> None:
        self._new = (tables, bits, tables << bits)

    def __enter__(self) -> None:
        self._old = (words.TABLES, words.BITS, words.KINDS)
        words.TABLES, words.BITS, words.KINDS = self._new

    def __exit__(self, *_: object) -> None:
        words.TABLES, words.BITS, words.KINDS = self._old


def processes(url: str) -> None:
    """Print the seconds until a new process has the index of the store, and its own memory."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-") as folder:
        for name, cache in (
            ("reads the store", ""),
            ("reads the store and shares", folder),
            ("maps", folder),
            ("maps", folder),
        ):
            done = subprocess.run(
                [sys.executable, "-P", "-c", CHILD, url, cache],
                check=True,
                capture_output=True,
                text=True,
                env=os.environ,
            )
            seconds, private, held = done.stdout.split()
            rows.append(
                (name, f"{float(seconds):.2f}", f"{int(private) / 1024:.0f}", f"{int(held) / 1e6:.0f}")
            )
    report.table(("a process that", "has the index after, s", "own memory, MB", "word index, MB"), rows)


if __name__ == "__main__":
    sys.exit(main())
