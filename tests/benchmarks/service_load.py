"""What does a service add to the engine, and what do crowds and faults do to it?

1. Overhead: what a query through the service takes besides `Engine.query` in it, whose seconds the answer
tells. Must: at most 10 ms at the median; on a machine that is busy, look at the CPU of a request.
2. Slots: queries of eight clients, answered by a service with one slot and by one with two, by turns. Must:
two answer at least 1.7 times as many as one (on two free cores).
3. Crowds: 32 clients with 64 MiB at once, half of them over the limit; 32 clients at 1 kB/s; cut uploads;
wrong lengths; 10,000 headers. Must: memory within slots * limit + 200 MiB, /livez within 1 s, nothing half
stored. 4. Outage: the store stops and comes back. Must: 503 with a reason, and an answer within 2 s.

    python -m benchmarks.service_load --pictures DIR [--count 60] [--rounds 3] [--seed 1] [--sample]
"""

from __future__ import annotations

import io
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from statistics import median

from support.server import Server
from support.service import Service
from support.service_load import (
    MIB,
    QUERIES,
    answered,
    cut,
    forget_peak,
    head,
    memory,
    trickle,
    upload,
    watched,
)

from douglas_quaid import Engine
from douglas_quaid.client import Client
from douglas_quaid.errors import ImageError
from douglas_quaid.evaluation import edits

from . import report
from .corpus import Corpus

#: Limits of the issue.
OVERHEAD_SECONDS, TWO_SLOTS, ROOM_BYTES, LIVES_SECONDS, BACK_SECONDS = 0.010, 1.7, 200 * MIB, 1.0, 2.0
#: Size of the pictures of a crowd, which is the limit of the service, and clients.
LIMIT, CROWD = 64 * MIB, 32
RAW = {"Content-Type": "application/octet-stream"}


@contextmanager
def serving(server: Server, slots: int) -> Iterator[Service]:
    """A service with so many slots."""
    with tempfile.TemporaryDirectory() as folder:
        service = Service(
            Path(folder),
            server.url,
            "--rate",
            "0",
            DOUGLAS_QUAID_WORKERS=str(slots),
            DOUGLAS_QUAID_STORE_TIMEOUT="1",
        ).start()
        try:
            yield service
        finally:
            service.stop()


def overhead(service: Service, asked: Sequence[bytes]) -> list[float]:
    """Seconds of a query of each picture through a service that are not those of its own query, which its
    answer tells.
    """
    more = []
    with Client(service.url) as client:
        for data in asked[:3]:  # connections, index, caches
            client.query(data)
        for data in asked:
            began = time.perf_counter()
            found = client.query(data)
            more.append(time.perf_counter() - began - found.seconds)
    return more


def work_of(service: Service, asked: Sequence[bytes]) -> float:
    """Seconds of CPU that a service takes for all but the query, at the mean: for forms as large as those of
    the pictures, whose bytes are refused at the first look. What other programs do meanwhile does not count.
    """
    began = _cpu(service)
    with Client(service.url) as client:
        for data in asked:
            with suppress(ImageError):
                client.query(bytes(reversed(data)))
    return (_cpu(service) - began) / len(asked)


def _cpu(service: Service) -> float:
    """Seconds of CPU of a service so far. spec: proc(5), stat: utime and stime in ticks."""
    told = Path(f"/proc/{service.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")


def throughput(service: Service, asked: Sequence[bytes], seconds: float) -> float:
    """Queries a second of eight clients."""
    until, taken, lock, source = time.monotonic() + seconds, [0], threading.Lock(), cycle(asked)

    def run() -> None:
        with Client(service.url) as client:
            while time.monotonic() < until:
                with lock:
                    data = next(source)
                client.query(data)
                with lock:
                    taken[0] += 1

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(run) for _ in range(8)]:
            done.result()
    return taken[0] / seconds


def crowds(server: Server, service: Service, slots: int, limit: int) -> tuple[list[list[object]], list[bool]]:
    """Rows about each kind of crowd, and whether each must was met."""
    before, rows, met = set(server.redis.scan_iter(count=10_000)), list[list[object]](), list[bool]()
    stop = threading.Event()

    def note(name: str, work: object) -> None:
        forget_peak(service)
        began = memory(service, "VmRSS")
        with watched(service) as lives:
            said = work()  # type: ignore[operator]
        grown = memory(service) - began
        rows.append([name, said, f"{grown / MIB:.0f}", f"{lives.longest:.2f}"])
        met.append(lives.statuses == {200} and lives.longest < LIVES_SECONDS)
        met.append(grown < slots * limit + ROOM_BYTES)

    def large() -> str:
        sizes = [limit + (number % 2) * MIB for number in range(CROWD)]
        with ThreadPoolExecutor(CROWD) as pool:
            sent = [
                pool.submit(upload, service, size, path="/api/v1/images", seed=n)
                for n, size in enumerate(sizes)
            ]
            return _counted(each.result() for each in sent)

    def slow() -> str:
        threads = [threading.Thread(target=trickle, args=(service, stop)) for _ in range(CROWD)]
        for thread in threads:
            thread.start()
        time.sleep(5)
        stop.set()
        for thread in threads:
            thread.join()
        return "hung up"

    def cuts() -> str:
        rng = random.Random(1)
        for _ in range(200):
            cut(service, 1_000_000, rng.randrange(1_000_000), path="/api/v1/images")
        return "hung up"

    def wrong() -> str:
        requests = [
            head(-1) + b"x",
            head("many") + b"x",
            head(10**20) + b"x",
            head(5, QUERIES, "Transfer-Encoding: chunked") + b"zz\r\n",
            b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: 1234567890\r\n" * 10_000,
        ]
        return _counted(answered(service, request) for request in requests * 10)

    note(f"{CROWD} uploads of {limit // MIB} MiB at once, half of them 1 MiB too large", large)
    note(f"{CROWD} clients at 1 kB/s for 5 s", slow)
    note("200 uploads cut off", cuts)
    note("50 wrong lengths and 10,000 headers", wrong)
    met.append(set(server.redis.scan_iter(count=10_000)) == before)
    return rows, met


def outage(server: Server, service: Service) -> tuple[int, float]:
    """Status while the store is away, and seconds from its return to an answer."""
    server.stop()
    away = service.ask("GET", "/api/v1/stats").status
    server.start()
    began = time.monotonic()
    while service.ask("GET", "/readyz").status != 200:
        time.sleep(0.02)
    return away, time.monotonic() - began


def _counted(statuses: Iterator[int]) -> str:
    found = list(statuses)
    return ", ".join(f"{found.count(one)} x {one or 'closed'}" for one in sorted(set(found)))


def main() -> int:
    parser = report.arguments(__doc__)
    parser.add_argument("--count", type=int, default=60, help="pictures that are stored and asked for")
    parser.add_argument("--rounds", type=int, default=3, help="times that each number of slots is measured")
    options = parser.parse_args()
    if options.sample:
        options.count, options.rounds = 12, 1
    report.heading("A service under load, and among faults", options)
    corpus = Corpus.load(options.pictures)
    stored = [
        corpus.data(item) for item in random.Random(options.seed).sample(corpus.screenshots, options.count)
    ]
    asked = [edits.encoded(edits.edit("resize_50", edits.opened(io.BytesIO(data)))) for data in stored]
    seconds = 5.0 if options.sample else 20.0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start()
        try:
            return _measured(server, stored, asked, options.rounds, seconds)
        finally:
            server.kill()


def _measured(
    server: Server, stored: Sequence[bytes], asked: Sequence[bytes], rounds: int, seconds: float
) -> int:
    with Engine.open(server.url) as engine:
        for data in stored:
            engine.add(data)
    rates: dict[int, list[float]] = {1: [], 2: []}
    with serving(server, 1) as one, serving(server, 2) as two:
        more = overhead(two, asked)
        work = work_of(two, [*asked, *asked, *asked])
        for _ in range(rounds):
            for slots, service in ((1, one), (2, two)):
                rates[slots].append(throughput(service, asked, seconds))
        rows, met = crowds(server, two, 2, LIMIT)
        away, back = outage(server, two)
    ratio = median(two_slots / one_slot for one_slot, two_slots in zip(rates[1], rates[2], strict=True))
    report.table(
        ["", "value"],
        [
            ["a service takes longer than the engine, median of pictures", f"{1000 * median(more):.1f} ms"],
            ["CPU of a request without its query, mean", f"{1000 * work:.1f} ms"],
            ["queries a second with one slot, median", f"{median(rates[1]):.2f}"],
            ["queries a second with two slots, median", f"{median(rates[2]):.2f}"],
            ["two slots over one, median of ratios", f"{ratio:.2f}"],
            ["status while the store is away", away],
            ["seconds from its return to an answer", f"{back:.2f}"],
        ],
    )
    report.table(["crowd", "answers", "memory grew at most, MiB", "/livez took at most, s"], rows)
    return report.verdict(
        [
            ("a service takes at most 10 ms longer at the median", median(more) <= OVERHEAD_SECONDS),
            ("a request takes at most 10 ms of CPU besides its query", work <= OVERHEAD_SECONDS),
            ("two slots answer at least 1.7 times as many as one", ratio >= TWO_SLOTS),
            ("memory, /livez and the store stay as they should", all(met)),
            ("503 while the store is away, an answer within 2 s", away == 503 and back <= BACK_SECONDS),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
