"""Is any broken value in a store told, and is nothing but what was told different afterwards?

Builds a store of eight pictures of 200 pixels with a value of every kind, mutates one value or key at a time
(each kind of key equally often), asks everything, runs self-check, writes in every fifth case, mends with
--repair and asks again. Musts: no crash, no hang, no error outside our classes, no silent difference but
another well-formed label, time or name, and nothing that can be mended left after --repair. Pairs of pictures
are measured once, because records have checksums; what is byte for byte the store before the mutation is not
asked again after --repair. A run continues with `--first`.

    python -m benchmarks.mutated_store [--mutations 20000] [--first 0] [--minutes M] [--seed 1] [--sample]
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from support.mutated import (
    FAULTS,
    KEYS,
    VALUES,
    Outcome,
    Small,
    answers,
    kind_of,
    mutate,
    outcome,
    pairs_measured_once,
    small_store,
)
from support.server import Server

from . import report

#: Share of the mutations after which something is added and forgotten too.
WRITING = 0.2
#: Mutations between two lines of progress.
TOLD_EACH = 500


def one(small: Small, expected: dict[str, object], seed: str) -> tuple[str, str, Outcome]:
    """Do the mutation of this seed; returns the kind of the key, what was done, and what became of it."""
    draw = random.Random(seed)
    while True:
        kind = draw.choice(sorted({kind_of(name) for name in small.saved}))
        name = draw.choice(sorted(name for name in small.saved if kind_of(name) == kind))
        small.restore()
        done = mutate(small.server.redis, name, draw.choice((*VALUES, *KEYS)), draw)
        if done is not None:
            break
    return kind, f"{name.decode()} {done}", outcome(small, expected, writing=draw.random() < WRITING)


def _total(found: dict[str, Counter[str]]) -> Counter[str]:
    return sum(found.values(), Counter[str]())


def main() -> int:
    """Run the benchmark, and return its exit status."""
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--mutations", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--minutes", type=float, default=1e6, help="end after so long")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # each broken value is named there, too
    count = 100 if options.sample else options.mutations
    end = time.monotonic() + 60 * options.minutes
    report.heading("Mutations of a small store", options)
    with tempfile.TemporaryDirectory() as folder, pairs_measured_once():
        server = Server(Path(folder), appendonly="no").start()
        try:
            small = small_store(server)
            small.restore()
            expected = answers(small)
            found: dict[str, Counter[str]] = {}
            for number in range(options.first, options.first + count):
                if time.monotonic() > end:
                    break
                kind, done, result = one(small, expected, f"{options.seed} {number}")
                found.setdefault(kind, Counter())[result.what] += 1
                if not (number + 1) % TOLD_EACH:
                    print(f"{number + 1 - options.first:,}", *sorted(_total(found).items()), file=sys.stderr)
                if result.what in FAULTS:
                    print(f"- {number}: {done}: {result.what}: {result.detail}", flush=True)
        finally:
            server.kill()
    total = _total(found)
    columns = [what for what, _ in total.most_common()]
    rows = [[kind, *(found[kind][what] for what in columns)] for kind in sorted(found)]
    print(f"{total.total():,} of {count:,}, from number {options.first} on\n")
    report.table(["key", *columns], [*rows, ["all", *(total[what] for what in columns)]])
    return report.verdict((f"{fault}: none (must; {total[fault]})", total[fault] == 0) for fault in FAULTS)


if __name__ == "__main__":
    sys.exit(main())
