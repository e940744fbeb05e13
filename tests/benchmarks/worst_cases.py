"""What do the worst pictures cost: CPU and memory of a pair and of a query, and how late is a deadline?

For each kind of picture (worst_pictures.py) a process fills a store with pictures of that kind and ordinary
pages, and queries it with another picture of the kind. Pairs are compared as `quaid compare` does: a picture
with another of its kind, a part of it, its mirrored and its inverted copy, and an ordinary page. Views of the
query are extracted before a pair is timed. CPU is that of all threads; memory is the growth of the peak
(Linux). Of a query both are what it takes beyond decoding; the delay of a deadline is counted from when the
picture has been extracted, which is not interrupted.

    python -m benchmarks.worst_cases [--kinds NAME...] [--each 8] [--sample]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.extraction.extractor import Extractor
from douglas_quaid.features.picture import Picture
from douglas_quaid.store.embedded import stop_embedded
from douglas_quaid.verification.verify import verify

from . import report
from .worst_pictures import KINDS, Grey, encoded

#: Musts: seconds of CPU and MiB of a pair and of a query, seconds that a deadline may be late.
PAIR, QUERY, LATE = (1.0, 300.0), (5.0, 600.0), 0.5
#: Deadline in seconds.
DEADLINE = 2.0
#: Ordinary pages in the store.
PAGES = 4
CONFIG = Config(max_bytes=1 << 30)


@dataclass(frozen=True, slots=True)
class Cost:
    """What the pictures of one kind cost."""

    kind: str
    keypoints: int
    pair_seconds: float
    pair_mib: float
    query_seconds: float
    query_mib: float
    complete: bool
    late: float


def main() -> int:
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), metavar="NAME")
    parser.add_argument("--each", type=int, default=8, help="number of pictures of the kind in the store")
    parser.add_argument("--child", help="measure this kind and print it as JSON")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asdict(measured(options.child, options.each, options.seed))))
        return 0
    if options.sample:
        options.kinds, options.each = options.kinds[:2], 2
    report.heading("Worst cases", options)
    costs = [cost for kind in options.kinds for cost in in_process(kind, options.each, options.seed)]
    report.table(
        (
            "kind",
            "keypoints",
            "pair: s CPU",
            "MiB",
            "query: s CPU",
            "MiB",
            "complete",
            f"deadline of {DEADLINE:.0f} s: late by, s",
        ),
        [
            (
                cost.kind,
                cost.keypoints,
                f"{cost.pair_seconds:.2f}",
                f"{cost.pair_mib:.0f}",
                f"{cost.query_seconds:.2f}",
                f"{cost.query_mib:.0f}",
                "yes" if cost.complete else "no",
                f"{cost.late:.2f}",
            )
            for cost in costs
        ],
    )
    worst = {name: max(getattr(cost, name) for cost in costs) for name in Cost.__slots__[2:6]}
    late = max(cost.late for cost in costs)
    return report.verdict(
        [
            (f"a pair takes at most {worst['pair_seconds']:.2f} s", worst["pair_seconds"] <= PAIR[0]),
            (f"and {worst['pair_mib']:.0f} MiB", worst["pair_mib"] <= PAIR[1]),
            (f"a query takes at most {worst['query_seconds']:.2f} s", worst["query_seconds"] <= QUERY[0]),
            (f"and {worst['query_mib']:.0f} MiB", worst["query_mib"] <= QUERY[1]),
            (f"a deadline is at most {late:.2f} s late", late <= LATE),
        ]
    )


def in_process(kind: str, each: int, seed: int) -> Iterator[Cost]:
    """A kind measured in a process of its own; nothing, and a note, where that fails."""
    command = [sys.executable, "-m", "benchmarks.worst_cases", "--child", kind]
    done = subprocess.run(
        [*command, "--each", str(each), "--seed", str(seed)], capture_output=True, text=True
    )
    if done.returncode:
        print(f"{kind}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return
    print(done.stdout, end="", file=sys.stderr)
    yield Cost(**json.loads(done.stdout))


def measured(kind: str, each: int, seed: int) -> Cost:
    """The costs of one kind."""
    asked = KINDS[kind].picture(seed)
    data = encoded(asked)
    keypoints, seconds, mib = comparing(kind, asked, seed)
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        try:
            with Engine.open(f"embedded:{folder}", config=CONFIG) as engine:
                for number in range(each):
                    engine.add(encoded(KINDS[kind].picture(seed + 2 + number)), link=False)
                for number in range(PAGES):
                    engine.add(encoded(KINDS["pages"].picture(number)), link=False)
                engine.load()
                return Cost(kind, keypoints, seconds, mib, *asking(engine, data))
        finally:
            stop_embedded(folder)


def comparing(kind: str, asked: Grey, seed: int) -> tuple[int, float, float]:
    """Keypoints of a picture, and the most seconds of CPU and MiB of a pair with it."""
    extractor, pairs = Extractor(CONFIG), []
    query = extractor.extract(encoded(asked), name=kind)
    for view in ("thumbnail", "mirrored", "inverted", "insets"):
        getattr(query, view)
    for reference in references(kind, asked, seed):
        other = Picture(extractor.extract(encoded(reference), name=kind).features)
        pairs.append(cost_of(partial(verify, query, other, thorough=True))[:2])
    return len(query.features.local), max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)


def asking(engine: Engine, data: bytes) -> tuple[float, float, bool, float]:
    """CPU and MiB of a query beyond decoding, whether it was complete, and the delay of a deadline."""

    def decoded() -> object:
        return decode_image(data, max_bytes=CONFIG.max_bytes, max_pixels=CONFIG.max_pixels)

    decoding = cost_of(decoded)
    whole = cost_of(lambda: engine.query(data))
    started = time.monotonic()
    Extractor(CONFIG).extract(data, name="picture")
    extracted = time.monotonic() - started
    started = time.monotonic()
    engine.query(data, deadline=DEADLINE)
    late = time.monotonic() - started - max(DEADLINE, extracted)
    return whole[0] - decoding[0], whole[1] - decoding[1], whole[2].complete, max(0.0, late)


def references(kind: str, asked: Grey, seed: int) -> Iterator[Grey]:
    """What a picture is compared with."""
    height, width = asked.shape
    yield KINDS[kind].picture(seed + 1)
    yield np.ascontiguousarray(asked[height // 8 : height // 8 * 6, width // 8 : width // 8 * 7])
    yield np.ascontiguousarray(asked[:, ::-1])
    yield 255 - asked
    yield KINDS["pages"].picture(0)


def cost_of(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Seconds of CPU and MiB by which the peak of this process grows, and what the work returns."""
    Path("/proc/self/clear_refs").write_text("5")
    before, started = _memory("VmRSS"), time.process_time()
    result = work()
    return time.process_time() - started, (_memory("VmHWM") - before) / 1024, result


def _memory(key: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{key}:")).split()[1])


if __name__ == "__main__":
    sys.exit(main())
