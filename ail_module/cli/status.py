"""How the modules are doing: what waits, since when, which processes run, how fast, what failed, and how much
the store holds.

AIL counts queue lengths and heartbeats, our processes count the rest (runtime/monitoring.py). Nothing is
written, and no index is loaded.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

from douglas_quaid import Engine

from ..backfill.run import BOOKMARK
from ..config import MODULES, Settings
from ..objects import TYPES
from ..runtime.monitoring import Activity, activities, dead_letters
from ..servers import AilServers, running

#: Approximate memory of one indexed picture in each process that searches, in bytes. measured:
#: CHANGELOG.md and tests/benchmarks/README.md: at most 7.8 KB of visual words; the hashes take 110 bytes.
INDEX_BYTES = 8_000


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a module that runs on this machine."""

    #: Process id.
    pid: int
    #: Seconds since it last looked for a message; None if it never did. A process that takes longer than a
    #: picture hangs.
    heartbeat: float | None
    #: What it reported; None if it has not reported yet, or is not ours any more.
    counters: Activity | None


@dataclass(frozen=True, slots=True)
class ModuleStatus:
    """How one module is doing."""

    #: Its name.
    module: str
    #: Number of messages that wait.
    waiting: int
    #: Seconds since the message at the head of the queue was queued; None if none waits or AIL does not know.
    lag: float | None
    #: The processes that run, by their ids.
    processes: tuple[Process, ...]
    #: Number of messages that were popped and not ended.
    in_work: int
    #: Number of those that are older than `grace_seconds`. The module looks for them between two messages,
    #: and takes them up once all attempts would be over.
    lost: int

    @property
    def rate(self) -> float:
        """Objects per second of all its processes, as they last reported."""
        return sum(process.counters.rate for process in self.processes if process.counters)


@dataclass(frozen=True, slots=True)
class Status:
    """How everything is doing."""

    #: The two modules.
    modules: tuple[ModuleStatus, ...]
    #: Number of dead letters.
    dead_letters: int
    #: Number of images in the store, including those of other adapters.
    images: int
    #: Approximate memory of the index in each process.
    index_bytes: int
    #: For each type whose back-fill did not end, the name behind which it goes on.
    backfill: dict[str, str]
    #: What is wrong, a sentence each.
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return asdict(self) | {"modules": [asdict(module) | {"rate": module.rate} for module in self.modules]}


def read_status(engine: Engine, ail: AilServers, settings: Settings) -> Status:
    """Return the status. Raises StoreUnavailable naming the server that does not answer."""
    modules = tuple(_module(engine, ail, settings, name) for name in MODULES)
    images = engine.count()
    return Status(
        modules=modules,
        dead_letters=sum(1 for _ in dead_letters(engine)),
        images=images,
        index_bytes=images * INDEX_BYTES,
        backfill={kind: mark for kind in TYPES if (mark := engine.bookmark(BOOKMARK + kind))},
        warnings=tuple(warning for module in modules for warning in _warnings(module, settings)),
    )


def _module(engine: Engine, ail: AilServers, settings: Settings, name: str) -> ModuleStatus:
    now = time.time()
    queue = ail.queue(name)
    in_work = {entry.gid: entry.since for entry in ail.ledger(name) if entry.popped}
    queued = (entry.since for entry in ail.ledger(name, [queue.head] if queue.head else []))
    oldest = min(queued, default=None)
    reported = {activity.pid: activity for activity in activities(engine, name)}
    beats = {pid: queue.heartbeats[pid] for pid in sorted(running(queue.starts)) if pid in queue.heartbeats}
    return ModuleStatus(
        module=name,
        waiting=queue.waiting,
        lag=None if oldest is None else max(0.0, now - oldest),
        processes=tuple(
            Process(pid, None if beat < 0 else max(0.0, now - beat), reported.get(pid))
            for pid, beat in beats.items()
        ),
        in_work=len(in_work),
        lost=sum(now - epoch > settings.grace_seconds for epoch in in_work.values()),
    )


def _warnings(module: ModuleStatus, settings: Settings) -> list[str]:
    found = []
    if module.waiting and not module.processes:
        found.append(
            f"{module.waiting:,} messages wait and no process of it runs; start it, AIL's lists grow "
            "without a limit"
        )
    if module.waiting >= settings.warn_queue:
        found.append(
            f"{module.waiting:,} messages wait; start a second process: both take messages of the same list"
        )
    if module.lost:
        found.append(
            f"{module.lost} messages were popped over {settings.grace_seconds} s ago and not ended; its next "
            "start recovers them"
        )
    for process in module.processes:
        if process.heartbeat is not None and process.heartbeat > max(60.0, 3 * settings.decode_seconds):
            found.append(f"process {process.pid} has not looked for a message for {process.heartbeat:.0f} s")
    return [f"{module.module}: {text}" for text in found]


def status_lines(status: Status) -> list[str]:
    """Return the status for people, a line for each subject."""
    lines = [line for module in status.modules for line in _module_lines(module)]
    hint = " (`quaid ail dead-letters` lists them)" if status.dead_letters else ""
    lines.append(f"dead letters: {status.dead_letters:,}{hint}")
    index = f"{status.index_bytes / 1e6:,.1f} MB"
    lines.append(f"store: {status.images:,} images; their index takes about {index} in each process")
    for kind, mark in status.backfill.items():
        lines.append(f"back-fill of {kind}s: not finished, goes on behind {mark[:12]}")
    return [*lines, *(f"WARNING {warning}" for warning in status.warnings)]


def _module_lines(module: ModuleStatus) -> list[str]:
    lag = "" if module.lag is None else f", the next since {_span(module.lag)}"
    work = f"{module.in_work} in work; {module.rate:.2f} objects/s"
    lines = [f"{module.module}: {module.waiting:,} waiting{lag}; {work}"]
    for process in module.processes:
        beat, counters = process.heartbeat, process.counters
        looked = "never looked for a message" if beat is None else f"looked for a message {_span(beat)} ago"
        did = "has not reported yet"
        if counters:
            did = f"{counters.done:,} done, {counters.errors:,} tries failed, {counters.dead:,} dead letters"
        lines.append(f"  process {process.pid}: {looked}; {did}")
    return lines if module.processes else [*lines, "  no process runs"]


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
