"""What does one more copy of a picture cost, when its cluster has thousands?

Fills a store with one image and copies of it, each of which matches the first, and measures what adding
another copy with verdicts about the first and two others takes: time, and commands that the server runs for
it, those of scripts included. Must: a tenth more commands for 10,000 copies than for 100, at most.

    python -m benchmarks.clone_joins [--sample] [--seed N]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from support.images import new_image
from support.server import Server

from douglas_quaid import Config
from douglas_quaid.batches import in_groups
from douglas_quaid.records import Decision, Evidence, Relation, Verdict
from douglas_quaid.store import Store
from douglas_quaid.store.keys import key

from . import report

#: Numbers of copies at which a join is measured; of the sample the first two.
COPIES = (100, 1_000, 10_000)
#: Joins that are measured at each.
JOINS = 20

MATCH = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")


def commands(client: Any) -> int:
    """Return how many commands the server has run, those of scripts included."""
    return sum(found["calls"] for found in client.info("commandstats").values())


def main() -> int:
    """Run the benchmark, and return its exit status."""
    options = report.arguments(__doc__, pictures=False).parse_args()
    report.heading("One more copy of a picture", options)
    server = Server(Path(tempfile.mkdtemp()), appendonly="no").start()
    rows, counts = [], []
    try:
        with Store.open(Config(store=server.url, volatile_store=True)) as store:
            ids = [new_image(0).image_id]
            store.images.put(new_image(0))

            def join() -> None:
                image = new_image(len(ids))
                store.images.put(image)
                store.verdicts.record(image.image_id, [(other, MATCH) for other in {ids[0], *ids[-2:]}])
                ids.append(image.image_id)

            def fill(count: int) -> None:
                """Let the first image match so many others, of which the store knows only that they exist."""
                more = [new_image(number).image_id for number in range(len(ids), count)]
                pipeline = server.redis.pipeline(transaction=False)
                for image_id in more:
                    pipeline.hset(key(image_id[0], f"img:{image_id}"), "first", 1)
                pipeline.execute()
                for some in in_groups(more, 500):
                    store.verdicts.record(ids[0], [(other, MATCH) for other in some])
                ids.extend(more)

            for copies in COPIES[:2] if options.sample else COPIES:
                fill(copies)
                times, before = [], commands(server.redis)
                for _ in range(JOINS):
                    start = time.perf_counter()
                    join()
                    times.append(1000 * (time.perf_counter() - start))
                counts.append((commands(server.redis) - before) / JOINS)
                (cluster,) = store.clusters.of([ids[0]])
                assert cluster is not None
                median = f"{statistics.median(times):.1f}"
                rows.append([f"{copies:,}", f"{len(cluster.members):,}", median, f"{counts[-1]:.0f}"])
    finally:
        server.kill()
    report.table(["copies", "images of the cluster", "ms, median", "commands of the server"], rows)
    return report.verdict(
        [
            (
                f"at most a tenth more commands (must; {max(counts) / counts[0]:.2f} times)",
                max(counts) <= 1.1 * counts[0],
            )
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
