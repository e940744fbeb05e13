"""How many objects per second does one process of the AIL module handle, and what takes the time?

The store has 100,000 images: random hashes, so that an index of that size is searched, and pictures of a
corpus, so that there is something to verify. Then screenshots 1,920 pixels wide, half of them stored at
another width, are processed, each time from the same snapshot of the store:

1. by an engine alone, decoding in its own process, and in a child process as the module does; 2. by one
process of the module, from AIL's queue, with results written to AIL. Aims: 5 objects per second; 0.8 of the
engine alone by CPU time. Each process is bound to one core with everything it starts; the servers (the
store's and AIL's) use all cores; 3. by two processes. Aim: 1.8 times as fast as one; 4. by the module once
more, with a stopwatch at every boundary: AIL's code, the engine, the adapter.

$AIL_HOME and $AIL_PYTHON name a real checkout and its interpreter; without them the tests' double is
measured, and the heading says so.

    python -m benchmarks.ail --pictures DIR [--count 100000] [--known 300] [--objects 120] [--height 1080]
"""

from __future__ import annotations

import inspect
import io
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from support.ail_host import AilHome
from support.images import put_all

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.store import Store

from . import report
from .corpus import Corpus
from .startup import random_images

WIDTH = 1920
#: Objects before the clock starts, to load libraries and the index.
WARM = 4
AIM_RATE, AIM_SHARE, AIM_TWO = 5.0, 0.8, 1.8

ENGINE = """
import time
from douglas_quaid.config import Config
from douglas_quaid.engine import Engine
os.sched_setaffinity(0, {0})
with Engine.open(config=Config.from_environment(store=url, isolate=isolate)) as engine:
    engine.load()
    def add(gids):
        for gid, path in gids:
            with open(path, 'rb') as file:
                engine.add(file.read(), occurrence='ail:' + gid.replace('::', ':'), name=gid)
    add(warm)
    began, used = time.perf_counter(), cpu(os.getpid())
    add(objects)
    return time.perf_counter() - began, cpu(os.getpid()) - used
"""

WATCHED = """
import functools, importlib, os, time
from collections import Counter
os.sched_setaffinity(0, {0})
spent, layers, since = Counter(), ['AIL: loop'], [time.perf_counter()]

def turn(layer=None):
    now = time.perf_counter()
    spent[layers[-1]] += now - since[0]
    since[0] = now
    if layer:
        layers.append(layer)
    else:
        layers.pop()

def watch(owner, name, layer):
    plain = getattr(owner, name)
    @functools.wraps(plain)
    def watched(*args, **options):
        turn(layer)
        try:
            return plain(*args, **options)
        finally:
            turn()
    setattr(owner, name, watched)

ours = importlib.import_module('douglas_quaid.ail.VisualCorrelation')
from douglas_quaid.engine import Engine
from lib.ail_queues import AILQueue
borders = (
    (Engine, 'engine: {}'),
    (AILQueue, 'AIL: queue'),
    (ours.AilHost, 'AIL: requests'),
    (ours.AilSink, 'AIL: writing'),
)
for owner, layer in borders:
    for name, found in list(vars(owner).items()):
        if callable(found) and not name.startswith('_'):
            watch(owner, name, layer.format(name))
watch(ours.VisualCorrelation, 'compute', 'adapter: one object')
watch(ours.VisualCorrelation, 'can_process_next_message', 'adapter: gate and orphans')
module = importlib.import_module('modules.VisualCorrelation').VisualCorrelation()
module.pending_seconds = 0
done = [0]
compute = module.compute
def counted(message):
    compute(message)
    done[0] += 1
    if done[0] == warm:
        spent.clear()
module.compute = counted
def stop():
    module.proceed = False
module.computeNone = stop
module.run()
turn('')
return dict(spent)
"""


def cpu(pid: int) -> float:
    """Return the CPU seconds used by a process and the processes it started."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    used = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/children") as file:
            used += sum(cpu(int(child)) for child in file.read().split())
    return used


@dataclass(frozen=True, slots=True)
class Rate:
    """Objects per second."""

    #: By elapsed time, which everything that runs on the machine slows down.
    clock: float
    #: By CPU time, with that of the decoding children.
    cpu: float


def main() -> int:
    parser = report.arguments(__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--known", type=int, default=300)
    parser.add_argument("--objects", type=int, default=120)
    parser.add_argument(
        "--height",
        type=int,
        default=1080,
        help="height in pixels to which screenshots are cropped (default: a window of 1,920 x 1,080)",
    )
    options = parser.parse_args()
    if options.sample:
        options.count, options.known, options.objects = 5_000, 20, 12
    form = "real" if os.environ.get("AIL_HOME") and os.environ.get("AIL_PYTHON") else "double"
    report.heading(
        f"AIL: objects per second at {options.count:,} indexed, "
        f"{'a real checkout' if form == 'real' else 'the double'}",
        options,
    )
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        home = AilHome(Path(folder), form).start()
        try:
            bench = Bench(
                home,
                Corpus.load(options.pictures),
                objects=options.objects,
                height=options.height,
                seed=options.seed,
            )
            bench.fill(options.count, options.known)
            return judge(bench, sample=options.sample)
        finally:
            home.close()


def judge(bench: Bench, *, sample: bool) -> int:
    alone, isolated = bench.engine(isolate=False), bench.engine(isolate=True)
    one, two = bench.module(cores=(0,)), bench.module(cores=(0, 1))
    rates = {
        "the engine alone, in one process": alone,
        "the engine alone, decoding in a child process": isolated,
        "one process of the module": one,
        "two processes of the module, a core each": two,
    }
    rows = [
        (
            who,
            f"{rate.clock:.2f}",
            f"{rate.clock / alone.clock:.2f}",
            f"{rate.cpu:.2f}",
            f"{rate.cpu / alone.cpu:.2f}",
        )
        for who, rate in rates.items()
    ]
    report.table(
        (
            "who",
            "objects per second",
            "of the engine alone",
            "objects per second of CPU",
            "of the engine alone",
        ),
        rows,
    )
    spent = bench.watched()
    total = sum(spent.values())
    for who in ("engine", "adapter", "AIL"):
        spent[f"**{who}**"] = sum(time for name, time in spent.items() if name.startswith(f"{who}:"))
    shares = sorted(
        ((who, time) for who, time in spent.items() if time > total / 1000), key=lambda part: -part[1]
    )
    report.table(
        ("where the time goes", "ms per object", "share"),
        [(who, f"{1000 * time / bench.count:.1f}", f"{100 * time / total:.1f} %") for who, time in shares],
    )
    if sample:
        return 0
    return report.verdict(
        [
            (
                f"at least {AIM_RATE:.0f} objects per second with one process on one core (aim; "
                f"{one.clock:.2f}, of CPU {one.cpu:.2f})",
                one.clock >= AIM_RATE,
            ),
            (
                f"at least {AIM_SHARE} of the engine alone, of CPU (aim; {one.cpu / alone.cpu:.2f})",
                one.cpu >= AIM_SHARE * alone.cpu,
            ),
            (
                f"two processes at least {AIM_TWO} times as fast as one (aim; {two.clock / one.clock:.2f})",
                two.clock >= AIM_TWO * one.clock,
            ),
        ]
    )


class Bench:
    """One AIL. Each run starts with the same store, empty queues and the same objects."""

    def __init__(self, home: AilHome, corpus: Corpus, *, objects: int, height: int, seed: int) -> None:
        self._home, self._corpus, self._seed = home, corpus, seed
        rng = random.Random(seed)
        wide = [item for item in corpus.screenshots if Image.open(corpus.folder / item.file).width >= 1000]
        shown = rng.sample(wide, objects + 2 * WARM)
        #: In the store with the bytes of the corpus; the objects are wider.
        self._known = shown[::2]
        self._others = [item for item in corpus.items if item not in shown]
        rng.shuffle(self._others)
        self._contents = [wide_png(corpus.data(item), height) for item in shown]
        self._snapshot = home.folder / "snapshot"

    @property
    def count(self) -> int:
        return len(self._contents) - 2 * WARM

    def fill(self, count: int, known: int) -> None:
        began = time.perf_counter()
        store = self._home.store
        config = Config.from_environment(store=store.url)
        with Store.open(config) as filled:
            for batch in random_images(count, 0, self._seed):
                put_all(filled, batch)
        with Engine.open(config=config) as engine:
            for item in self._known + self._others[:known]:
                engine.add(self._corpus.data(item), link=False, name=item.file)
            held = engine.count()
        store.client().bgrewriteaof()
        while store.client().info("persistence")["aof_rewrite_in_progress"]:
            time.sleep(0.1)
        store.stop()
        shutil.copytree(store.folder, self._snapshot)
        size = sum(map(len, self._contents)) / len(self._contents) / 1024
        print(
            f"{held:,} images stored in {time.perf_counter() - began:.0f} s; objects of {size:.0f} KiB on "
            "average.\n",
            flush=True,
        )

    def _begin(self) -> list[tuple[str, str]]:
        """Reset store and queues; return the global id and the file of every object."""
        store = self._home.store
        store.stop()
        shutil.rmtree(store.folder)
        shutil.copytree(self._snapshot, store.folder)
        store.start()
        self._home.reset(store=False)
        self._home.add_ours()
        gids = [
            self._home.new_screenshot(content, domain=f"{n}.onion")
            for n, content in enumerate(self._contents)
        ]
        return [(gid, str(self._home.path(gid))) for gid in gids]

    def engine(self, *, isolate: bool) -> Rate:
        objects = self._begin()
        warm, rest, code = (
            objects[: 2 * WARM],
            objects[2 * WARM :],
            f"import os\n{inspect.getsource(cpu)}{ENGINE}",
        )
        taken, used = self._home.run(
            code, url=self._home.store.url, isolate=isolate, warm=warm, objects=rest, timeout=3600
        )
        return Rate(self.count / taken, self.count / used)

    def module(self, *, cores: Sequence[int]) -> Rate:
        """Measure one process for each core."""
        objects, home = self._begin(), self._home
        modules = [home.start_module() for _ in cores]
        for module, core in zip(modules, cores, strict=True):
            os.sched_setaffinity(module.pid, {core})
        for module in modules:
            module.wait_for(
                lambda pid=module.pid: home.heartbeats().get(pid, -1) > 0,
                "the module requests messages",
                seconds=600,
            )
        for part in (objects[: 2 * WARM], objects[2 * WARM :]):
            home.queue_all([(gid, "") for gid, _ in part])
            began, used = time.perf_counter(), sum(cpu(module.pid) for module in modules)
            modules[0].wait_for(
                lambda: home.queue_length() == 0 and not home.in_flight(),
                "all objects are done",
                seconds=3600,
            )
        taken, used = time.perf_counter() - began, sum(cpu(module.pid) for module in modules) - used
        home.kill()
        return Rate(self.count / taken, self.count / used)

    def watched(self) -> dict[str, float]:
        """Return the seconds of each layer, without those of the layers that it calls."""
        objects = self._begin()
        self._home.queue_all([(gid, "") for gid, _ in objects])
        return dict(self._home.run(WATCHED, warm=2 * WARM, timeout=3600))


def wide_png(content: bytes, height: int) -> bytes:
    """Return the picture 1,920 pixels wide, and at most `height` pixels high."""
    with Image.open(io.BytesIO(content)) as picture:
        sheet = picture.convert("RGB")
    sheet = sheet.resize((WIDTH, round(sheet.height * WIDTH / sheet.width)), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    sheet.crop((0, 0, WIDTH, min(sheet.height, height))).save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
