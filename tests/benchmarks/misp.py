"""How long does an analyst wait? Hovers and enrichments through the real misp-modules server, over HTTP.

1. Hover: a store of 100,000 images (random hashes; a hover reads neither records nor the index), some of them
with stored verdicts: none, a few, a cluster of 2,000 copies, 1,000 verdicts. Aim: 99 of 100 within 0.1 s for
each kind, one after the other; four analysts at a time are reported, too. For comparison, on the same server
in the same minute, the time of misp-modules itself for a module that only parses its text. 2. Enrichment:
pictures of a corpus are added to an embedded store. Edited ones are enriched over HTTP and queried by an
engine in this process, alternately. Aim: at most 1.3 times the engine's own query, in totals.

    python -m benchmarks.misp --pictures DIR [--count 100000] [--hovers 4000] [--known 300] [--asked 60]
    [--seed 1] [--sample]
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from support import misp_host
from support.misp_host import Host, attribute, enrichment, hover

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.evaluation import edits
from douglas_quaid.records import Configuration, Decision, Evidence, Occurrence, Relation, Verdict
from douglas_quaid.store import Store
from douglas_quaid.store.embedded import stop_embedded

from . import report
from .corpus import Corpus, Item
from .filled_store import filled_store
from .startup import random_images

AIM_HOVER = 0.1
AIM_RATIO = 1.3
CLIENTS = 4
COPIES = 2_000
VERDICTS = 1_000
EACH_KIND = 50
EDITS = ("resize_50", "jpeg_30", "recolour", "browser_bar", "crop_75")
EVENTS = [str(uuid.UUID(int=n)) for n in range(500)]


def main() -> int:
    parser = report.arguments(__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--hovers", type=int, default=4_000)
    parser.add_argument("--known", type=int, default=300)
    parser.add_argument("--asked", type=int, default=60)
    options = parser.parse_args()
    if options.sample:
        options.count, options.hovers, options.known, options.asked = 10_000, 400, 40, 10
    report.heading(f"Hover at {options.count:,} images, and enrichment, over HTTP", options)
    slowest = measure_hovers(options.count, options.hovers, options.seed)
    ratio = measure_enrichment(Corpus.load(options.pictures), options.known, options.asked, options.seed)
    if options.sample:
        return 0
    return report.verdict(
        [
            (
                f"99 of 100 hovers within {AIM_HOVER} s at {options.count:,} images, each kind (aim; "
                f"{slowest:.3f} s)",
                slowest <= AIM_HOVER,
            ),
            (
                f"enrichment over HTTP at most {AIM_RATIO} times the engine's own query (aim; {ratio:.2f})",
                ratio <= AIM_RATIO,
            ),
        ]
    )


# -- hover ---------------------------------------------------------------------------------------------------


@contextmanager
def serving(url: str) -> Iterator[Host]:
    """The server, with this store."""
    with (
        tempfile.TemporaryDirectory(prefix="quaid-benchmark-") as folder,
        misp_host.running(Path(folder), store=url) as host,
    ):
        yield host


def measure_hovers(count: int, hovers: int, seed: int) -> float:
    """Return the 99th percentile in seconds of the slowest kind."""
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        url = f"embedded:{folder}"
        try:
            kinds = fill(url, count, seed)
            rng = random.Random(seed)
            rows, slowest = [], 0.0
            parsing = {
                "module": "extract_url_components",
                "timeout": 5,
                "attribute": {"type": "url", "value": "https://a.example/b?c=d", "uuid": EVENTS[0]},
            }
            questions: dict[str, list[object]] = {"(misp-modules alone: splitting a URL)": [parsing]}
            questions |= {
                kind: [hover(url, attribute(uuid=name)) for name in names] for kind, names in kinds.items()
            }
            with serving(url) as host:
                for body in questions.values():  # the store is opened, the threads are there
                    host.post(body[0])
                for kind, bodies in questions.items():
                    cells: list[object] = [kind, hovers // len(kinds)]
                    for clients in (1, CLIENTS):
                        asked = [rng.choice(bodies) for _ in range(hovers // len(kinds))]
                        times = sorted(timed(host.post, asked, clients))
                        p99 = times[int(len(times) * 0.99)]
                        cells += [f"{1000 * median(times):.1f}", f"{1000 * p99:.1f}"]
                        if clients == 1 and not kind.startswith("("):
                            slowest = max(slowest, p99)
                    rows.append(cells)
            columns = (
                "hover over an image with",
                "hovers",
                "median, ms",
                "99 %, ms",
                f"{CLIENTS} at a time: median, ms",
                "99 %, ms",
            )
            report.table(columns, rows)
            return slowest
        finally:
            stop_embedded(folder)


def fill(url: str, count: int, seed: int) -> dict[str, list[str]]:
    """Attribute UUIDs of the images of each kind."""
    began = time.perf_counter()
    rng = random.Random(seed)
    with Store.open(Config.from_environment(store=url)) as store:
        ids, names = [], []
        for batch in random_images(count, 0, seed):
            for image in batch:
                name = str(uuid.UUID(int=rng.getrandbits(128)))
                store.images.put(
                    image,
                    occurrence=Occurrence("misp", "attribute", name),
                    labels={"event": rng.choice(EVENTS), "filename": "shot.png"},
                )
                store.links.mark_linked(image.image_id)
                ids.append(image.image_id)
                names.append(name)
        kinds = {"no verdict": names[-EACH_KIND:], "five verdicts": names[:EACH_KIND]}
        for n in range(EACH_KIND):
            store.verdicts.record(
                ids[n], [(other, conclusion(rng)) for other in rng.sample(ids[EACH_KIND : count // 2], 5)]
            )
        copies = ids[count // 2 : count // 2 + min(COPIES, count // 10)]
        for start in range(1, len(copies), 200):
            store.verdicts.record(
                copies[0], [(other, conclusion(rng, joins=True)) for other in copies[start : start + 200]]
            )
        kinds[f"a cluster of {len(copies):,} copies"] = names[count // 2 : count // 2 + EACH_KIND]
        hub = count - count // 4
        partners = ids[hub + 1 : hub + 1 + min(VERDICTS, count // 10)]
        for start in range(0, len(partners), 200):
            store.verdicts.record(
                ids[hub], [(other, conclusion(rng)) for other in partners[start : start + 200]]
            )
        kinds[f"{len(partners):,} verdicts"] = [names[hub]]
    print(f"{count:,} images stored in {time.perf_counter() - began:.0f} s.\n", flush=True)
    return kinds


def conclusion(rng: random.Random, *, joins: bool = False) -> Verdict:
    inliers = rng.randrange(8, 300)
    evidence = Evidence(
        pdq_bits=rng.randrange(120),
        inliers=inliers,
        covered_query=1.0,
        covered_reference=0.5,
        configuration=Configuration.AFFINE,
    )
    relation = Relation.NEAR_DUPLICATE if joins else Relation.PARTIAL
    decision = Decision.MATCH if joins or rng.random() < 0.8 else Decision.REVIEW
    return Verdict(
        decision,
        relation,
        rng.uniform(0.5, 1),
        evidence,
        "benchmark",
        "PDQ 61/256; 24 inliers cover 100 % of the query and 50 % of the reference",
    )


def timed(work: Callable[[object], object], items: Sequence[object], clients: int) -> list[float]:
    """Return the seconds of each item, with this many clients at a time."""

    def one(item: object) -> float:
        began = time.perf_counter()
        work(item)
        return time.perf_counter() - began

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(one, items))


# -- enrichment ----------------------------------------------------------------------------------------------


def measure_enrichment(corpus: Corpus, known: int, asked: int, seed: int) -> float:
    """Return the total time over HTTP divided by that of the engine in this process."""
    rng = random.Random(seed)
    items: list[Item] = rng.sample(list(corpus.screenshots), known)
    with filled_store(corpus, items, None) as url, Engine.open(url) as engine, serving(url) as host:
        over_http, direct, found = [], [], 0
        for n, item in enumerate([items[0], *rng.sample(items, asked)]):
            picture = edits.png(edits.edit(EDITS[n % len(EDITS)], edits.opened(corpus.data(item)), seed))
            body = enrichment(url, attribute(picture))
            for turn in (0, 1) if n % 2 else (1, 0):
                began = time.perf_counter()
                if turn:
                    answer = host.post(body)
                    over_http.append(time.perf_counter() - began)
                    found += bool(answer["results"])
                else:
                    engine.query(picture, limit=5)
                    direct.append(time.perf_counter() - began)
        over_http, direct = over_http[1:], direct[1:]  # both loaded their index for the first
    ratio = sum(over_http) / sum(direct)
    rows = [
        ("the engine's own query", f"{median(direct):.3f}", "1"),
        ("enrichment over HTTP", f"{median(over_http):.3f}", f"{ratio:.2f}"),
    ]
    report.table((f"{asked} edited screenshots among {known}", "median, s", "ratio of totals"), rows)
    print(f"{found} of {asked + 1} had a hit.\n")
    return ratio


if __name__ == "__main__":
    sys.exit(main())
