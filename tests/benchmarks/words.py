"""Which share of edited pictures stands among the first candidates by words, for 1, 2, 4 and 7 KiB a picture?
And among 100,000?

Takes the words of all pictures of a store (with --store one that `quaid evaluate` or retrieval.py has filled
and kept, which may hold more than PICTURES; else a temporary one is filled), asks for edited screenshots and
photographs, and looks at which place the first right picture stands by words alone: hashes find most edits of
a whole picture anyway. With --count the index is filled up to so many with *variations*: two fifths of the
descriptors of one stored picture, a tenth of each of six others, each bit flipped with a probability of 1/16;
pictures that are asked for are not varied. They are no pictures, and say so beside the number. At last the
time a process takes to have the index, and its own memory, by reading the store and by mapping what another
process has shared.

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
from douglas_quaid.features.picture import BETWEEN
from douglas_quaid.index import words
from douglas_quaid.index.options import DEFAULTS
from douglas_quaid.index.words import SAMPLED_BYTES, WordIndex, WordKeypoints
from douglas_quaid.search.candidates import RANKED_BETWEEN
from douglas_quaid.store import Store
from douglas_quaid.store.columns import ColumnState

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
#: Descriptors a picture, tables, bits: 1, 2, 4, 4, 3.5, 5.3 and 7 KiB of four bytes each; a store keeps 450
#: of a picture of one band.
SHAPES = ((85, 3, 18), (170, 3, 18), (256, 4, 18), (341, 3, 18), (450, 2, 18), (450, 3, 18), (450, 4, 18))
BATCH = 2_000
KEPT, OTHERS = 0.4, 6
CHILD = """
import sys, time
from pathlib import Path
from douglas_quaid.config import Config
from douglas_quaid.index.replica import IndexReplica
from douglas_quaid.index.snapshot import SnapshotFile
from douglas_quaid.index.words import WordKeypoints
from douglas_quaid.store import Store
from douglas_quaid.store.columns import ColumnState
store = Store.open(Config(store=sys.argv[1]))
replica = IndexReplica(store.column_reader(), SnapshotFile(Path(sys.argv[2]), store.identity) if sys.argv[2] else None)
began = time.perf_counter()
replica.refresh()
replica.sharing(WordKeypoints.stored(bytes(16)), 1)
seconds = time.perf_counter() - began
status = dict(line.split(":", 1) for line in open("/proc/self/smaps_rollup").read().splitlines()[1:])
print(seconds, int(status["Private_Dirty"].split()[0]) + int(status["Private_Clean"].split()[0]), replica.word_bytes)
"""


@dataclass(frozen=True, slots=True, eq=False)
class WordQuery:
    kind: str
    edit: str
    #: Of the usual levels and of those between, as candidates.py asks.
    views: tuple[WordKeypoints, ...]
    #: Rows of the pictures that are right.
    right: NDArray[np.int64]


def main() -> int:
    parser = report.arguments(__doc__)
    add_argument(parser)
    parser.add_argument("--count", type=int, default=100_000, help="images of the second index; 0 for none")
    parser.add_argument("--no-curve", action="store_true", help="only the chosen index")
    parser.add_argument(
        "--each",
        type=int,
        default=60,
        help="screenshots, and photographs, that are asked for after each edit",
    )
    options = parser.parse_args()
    corpus = Corpus.load(options.pictures)
    if options.sample:
        options.each, options.count = 5, min(options.count, 5_000)
    report.heading("Words: recall against memory", options)
    with nullcontext(options.store) if options.store else filled_store(corpus, corpus.items, None) as url:
        ids, real = stored(url)
        questions = asked(corpus, ids, options.each, options.seed)
        if not options.no_curve:
            curve(real, questions)
        many(real, questions, options.count, options.seed)
        processes(url)
    return 0


def stored(url: str) -> tuple[list[str], list[NDArray[np.uint8]]]:
    """Ids of all living images of the store, and their words (n, 16)."""
    with Store.open(Config(store=url)) as store:
        ids, found = [], []
        for change in store.column_reader().refresh(ColumnState()).shards:
            pieces = np.split(change.words, np.cumsum(change.rows["words"])[:-1].astype(np.int64))
            for row, piece in zip(change.rows, pieces, strict=True):
                if row["image_id"].any():
                    ids.append(row["image_id"].tobytes().hex())
                    found.append(piece)
    return ids, found


def asked(corpus: Corpus, ids: Sequence[str], each: int, seed: int) -> list[WordQuery]:
    place = {image_id: row for row, image_id in enumerate(ids)}
    row_of = {item.file: place.get(sha256(corpus.data(item)).hexdigest()) for item in corpus.items}
    questions = []
    for kind, items in (
        ("screenshot", spread_screenshots(corpus, each, seed)),
        ("photograph", random_photos(corpus, each, seed)),
    ):
        for item in items:
            right = np.array(
                [row for file in sorted(corpus.right_answers(item)) if (row := row_of[file]) is not None]
            )
            for name in EDITS if len(right) else ():
                questions += _question(corpus, item, kind, name, right)
    return questions


def _question(
    corpus: Corpus, item: Item, kind: str, name: str, right: NDArray[np.int64]
) -> Iterator[WordQuery]:
    picture = opened(corpus.folder / item.file)
    if name == "viewport" and picture.height < 1.3 * picture.width:  # shows all of it
        return
    grey = np.asarray(edit(name, picture, seed=item.file).convert("L"))
    yield WordQuery(
        kind,
        name,
        tuple(WordKeypoints.of(extract_local(grey, steps_below=steps)) for steps in (0.0, *BETWEEN)),
        right,
    )


def curve(real: Sequence[NDArray[np.uint8]], questions: Sequence[WordQuery]) -> None:
    print(f"{len(real):,} pictures, {len(questions)} questions: right one among the first 50 by words.\n")
    rows = []
    for descriptors, tables, bits in SHAPES:
        with shape(tables, bits):
            index = filled(iter([[found[:descriptors] for found in real]]))
            places, _ = answered(index, len(real), questions)
        size = f"{index.nbytes / len(real) / 1024:.1f} ({4 * descriptors * tables / 1024:.1f})"
        rows.append((f"{descriptors} x {tables} x {bits} bits", size, *recalls(questions, places, 50)))
    report.table(("descriptors, tables", "KiB a picture (postings alone)", *columns(questions)), rows)


def many(real: Sequence[NDArray[np.uint8]], questions: Sequence[WordQuery], count: int, seed: int) -> None:
    """The chosen index, with the real pictures alone and among variations."""
    spared = {int(row) for question in questions for row in question.right}
    rows = []
    for total in sorted({len(real), max(count, len(real))}):
        index = filled(batches(real, total, spared, seed))
        places, milliseconds = answered(index, total, questions)
        for first in (1, 8, 50):
            label = (
                f"{total:,} ({len(real):,} real)",
                f"{index.nbytes / total / 1024:.1f}",
                f"{milliseconds:.0f}",
                f"@{first}",
            )
            rows.append((*label, *recalls(questions, places, first)))
    report.table(("images", "KiB a picture", "ms a question", "among the first", *columns(questions)), rows)


def batches(
    real: Sequence[NDArray[np.uint8]], total: int, spared: set[int], seed: int
) -> Iterator[list[NDArray[np.uint8]]]:
    """The real pictures, then variations of those that are not in `spared`."""
    yield list(real)
    rng = np.random.default_rng(seed)
    pool = [found for row, found in enumerate(real) if row not in spared and len(found) >= 100]
    for start in range(len(real), total, BATCH):
        yield [varied(pool, rng) for _ in range(min(BATCH, total - start))]


def varied(pool: Sequence[NDArray[np.uint8]], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The words of a picture that there is not, mixed from those of `pool`."""
    base = pool[rng.integers(len(pool))]
    size = min(len(base), DEFAULTS.descriptors_per_image)
    kept = int(KEPT * size)
    parts = [base[rng.permutation(len(base))[:kept]]]
    for other in (pool[place] for place in rng.integers(len(pool), size=OTHERS)):
        parts.append(other[rng.permutation(len(other))[: (size - kept) // OTHERS]])
    mixed = np.concatenate(parts)
    noise: NDArray[np.uint8] = np.bitwise_and.reduce(rng.integers(0, 256, (4, *mixed.shape), dtype=np.uint8))
    noise[:, SAMPLED_BYTES:] = 0  # where a corner lies stays
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


def answered(index: WordIndex, count: int, questions: Sequence[WordQuery]) -> tuple[list[int], float]:
    """For each question the place of its first right picture, and milliseconds (the median): votes, and the
    first again by place, of each view.
    """
    places, seconds = [], []
    for question in questions:
        began = time.perf_counter()
        heard = np.zeros(count)
        for number, corners in enumerate(question.views):
            votes, again = index.vote(corners.sampled, count), RANKED_BETWEEN if number else DEFAULTS.arranged
            first = np.argpartition(-votes, min(again, count) - 1)[:again]
            heard[first] = np.maximum(heard[first], index.vote_by_arrangement(corners, first))
        seconds.append(time.perf_counter() - began)
        best = heard[question.right].max(initial=0.0)
        places.append(int((heard > best).sum()) if best > 0 else count)
    return places, 1000 * median(seconds)


def columns(questions: Sequence[WordQuery]) -> list[str]:
    return [f"{kind}: {name}" for kind, name in _kinds(questions)]


def recalls(questions: Sequence[WordQuery], places: Sequence[int], first: int) -> list[str]:
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for question, place in zip(questions, places, strict=True):
        found[question.kind, "mean"].append(place < first)
        found[question.kind, question.edit].append(place < first)
    return [f"{100 * np.mean(found[kind]):.1f}" for kind in _kinds(questions)]


def _kinds(questions: Sequence[WordQuery]) -> list[tuple[str, str]]:
    return [
        (kind, name)
        for kind in ("screenshot", "photograph")
        for name in ("mean", *dict.fromkeys(q.edit for q in questions if q.kind == kind))
    ]


class shape:
    """Inside, words have so many tables and bits."""

    def __init__(self, tables: int, bits: int) -> None:
        self._new = (tables, bits, tables << bits)

    def __enter__(self) -> None:
        self._old = (words.TABLES, words.BITS, words.KINDS)
        words.TABLES, words.BITS, words.KINDS = self._new

    def __exit__(self, *_: object) -> None:
        words.TABLES, words.BITS, words.KINDS = self._old


def processes(url: str) -> None:
    """Seconds until a new process has the index of the store, and its own memory."""
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
