"""What is lost and what grows with ten thousand messages, five per cent of them broken, and with ten thousand
clones of one template?

1. Messages: 5 in 100 are a decompression bomb, truncated, not a picture, without a file, or of a type unknown
to AIL. Must: all others are in the store, and these are dead letters, each with a reason. 2. Clones:
screenshots of one page on as many domains, each slightly different. Must: one edge for each object except the
representative. Reported: seconds per object and memory of the process, for each thousand.

$AIL_HOME and $AIL_PYTHON name a real checkout and its interpreter; without them the tests' double is
measured.

    python -m benchmarks.ail_bulk [--messages 10000] [--clones 10000] [--seed 1] [--sample]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from support.ail_host import AilHome
from support.ail_mixture import Mixture
from support.pictures import page, png

from douglas_quaid import Engine

from . import report
from .ail import cpu

STEP = 1_000


def main() -> int:
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--clones", type=int, default=10_000)
    options = parser.parse_args()
    if options.sample:
        options.messages, options.clones = 400, 300
    form = "real" if os.environ.get("AIL_HOME") and os.environ.get("AIL_PYTHON") else "double"
    report.heading(
        f"AIL: {options.messages:,} messages, {options.clones:,} clones, "
        f"{'a real checkout' if form == 'real' else 'the double'}",
        options,
    )
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        home = AilHome(Path(folder), form).start()
        try:
            verdicts = messages(home, options.messages)
            home.reset()
            verdicts += clones(home, options.clones, options.seed)
        finally:
            home.close()
    return report.verdict(verdicts)


def messages(home: AilHome, count: int) -> list[tuple[str, bool]]:
    home.add_ours()
    home.configure(attempts=1, retry_seconds=0)
    mixture = Mixture(count)
    mixture.send(home)
    began = time.perf_counter()
    module = home.start_module()
    module.wait_for(
        lambda: home.queue_length() == 0 and not home.in_flight(), "all messages are done", seconds=7200
    )
    taken = time.perf_counter() - began
    home.kill()
    with Engine.open(home.store.url) as engine:
        seen = engine.sightings(["ail:" + gid.replace("::", ":") for gid in mixture.sound])
        letters = {
            name.removeprefix("ail:dead:"): json.loads(text) for name, text in engine.bookmarks("ail:dead:")
        }
    stored = sum(map(bool, seen))
    kinds = Counter(
        (kind, letters.get(gid, {}).get("error", "no letter")) for gid, kind in mixture.broken.items()
    )
    report.table(
        ("message", "dead letter", "number"),
        [(kind, error, number) for (kind, error), number in sorted(kinds.items())],
    )
    print(
        f"{stored:,} of {len(mixture.sound):,} intact ones stored; {count / taken:.1f} messages per second, "
        "start included.\n",
        flush=True,
    )
    return [
        (
            f"all intact pictures are in the store (must; {stored:,} of {len(mixture.sound):,})",
            stored == len(mixture.sound),
        ),
        (
            f"all others are dead letters, and no intact one is (must; {len(letters):,})",
            letters.keys() == mixture.broken.keys(),
        ),
        ("each with a reason (must)", all(letter.get("reason") for letter in letters.values())),
    ]


def clones(home: AilHome, count: int, seed: int) -> list[tuple[str, bool]]:
    home.add_ours()
    base, rng = page(seed, 640, 400), np.random.default_rng(seed)
    module = home.start_module()
    gids: list[str] = []
    rows = []
    for start in range(0, count, STEP):
        fresh = [
            home.new_screenshot(png(clone(base, rng)), domain=f"{start + n}.onion")
            for n in range(min(STEP, count - start))
        ]
        gids += fresh
        began, used = time.perf_counter(), cpu(module.pid)
        home.queue_all([(gid, "") for gid in fresh], publisher="Crawler")
        module.wait_for(
            lambda: home.queue_length() == 0 and not home.in_flight(), "all clones are done", seconds=7200
        )
        taken, used = time.perf_counter() - began, cpu(module.pid) - used
        rows.append(
            (
                f"{len(gids):,}",
                f"{1000 * taken / len(fresh):.0f}",
                f"{1000 * used / len(fresh):.0f}",
                resident(module.pid),
                edges(home, gids)[0],
            )
        )
    report.table(("clones", "ms per object", "ms of CPU", "MiB of the process", "edges"), rows)
    home.kill()
    total, most, second = edges(home, gids)
    tags = home.queue_length("Tags")
    print(
        f"Maximum number of edges at one object: {most:,}, at any other: {second}; {tags:,} tags.\n",
        flush=True,
    )
    return [
        (
            f"one edge for each object except the representative (must; {total:,} for {len(gids):,})",
            0.99 * len(gids) <= total <= len(gids),
        ),
        (f"an analyst is told of the cluster once, by two objects (must; {tags:,})", 1 <= tags <= 2),
    ]


def clone(base: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return the page with another small picture in its footer."""
    picture = base.copy()
    picture.paste(
        Image.fromarray(rng.integers(0, 256, (4, 12, 3), dtype=np.uint8)).resize((60, 20)), (40, 350)
    )
    return picture


def edges(home: AilHome, gids: list[str]) -> tuple[int, int, int]:
    """Return the number of correlations between pictures, the largest at one object, and the second
    largest.
    """
    correlations = home.redis("Kvrocks_Correlations").pipeline(transaction=False)
    for gid in gids:
        correlations.scard(f"correlation:obj:screenshot::screenshot:{gid.split(':')[2]}")
    found = sorted(correlations.execute())
    return sum(found) // 2, found[-1], found[-2]


def resident(pid: int) -> int:
    """Return the resident memory of a process in MiB."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


if __name__ == "__main__":
    sys.exit(main())
