"""How the modules are doing: what waits, since when, who works, how fast, what failed, and how much the store
holds.

Takes the store and AIL's own servers, gives frozen values; reads only, and loads no index. AIL counts queue
lengths and heartbeats, our processes the rest (counters.py).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from douglas_quaid.engine import Engine

from ..backfill.run import BOOKMARK
from ..config import MODULES, Settings
from ..objects import TYPES
from ..processes import running
from ..runtime.activity import Activity, activities
from ..runtime.dead_letters import dead_letters
from ..servers import AilServers

#: Memory of one indexed picture in every process that searches, bytes. measured: tests/benchmarks/README.md,
#: screenshots.
INDEX_BYTES = 18_600


@dataclass(frozen=True, slots=True)
class Process:
    """One that runs on this machine."""

    pid: int
    #: Seconds since it last looked for a message; longer than a picture takes: it hangs. None: it never did.
    heartbeat: float | None
    #: None: it has not reported yet, or is no process of ours any more.
    counters: Activity | None


@dataclass(frozen=True, slots=True)
class ModuleStatus:
    module: str
    waiting: int
    #: Seconds since the message at the head of the queue was queued; None when nothing waits or AIL does not
    #: know.
    lag: float | None
    #: Those that run, by their numbers.
    processes: tuple[Process, ...]
    #: Messages that were popped and not ended.
    in_work: int
    #: Of these, older than `grace_seconds`: the module takes them up again when it starts or is idle.
    lost: int

    @property
    def rate(self) -> float:
        """Objects a second of all its processes, as they last reported."""
        return sum(process.counters.rate for process in self.processes if process.counters)


@dataclass(frozen=True, slots=True)
class Status:
    modules: tuple[ModuleStatus, ...]
    dead_letters: int
    #: In the store, those of other adapters included.
    images: int
    #: Memory that the index takes in each process, about.
    index_bytes: int
    #: Kind to the name behind which a back-fill that did not end goes on.
    backfill: dict[str, str]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"modules": [asdict(module) | {"rate": module.rate} for module in self.modules]}


def read_status(engine: Engine, ail: AilServers, settings: Settings) -> Status:
    """Raises StoreUnavailable naming the server that does not answer."""
    modules = tuple(_module(engine, ail, settings, name) for name in MODULES)
    dead = sum(1 for _ in dead_letters(engine))
    images = engine.count()
    marks = {kind: mark for kind in TYPES if (mark := engine.bookmark(BOOKMARK + kind))}
    return Status(modules, dead, images, images * INDEX_BYTES, marks, tuple(_warnings(modules, settings)))


def _module(engine: Engine, ail: AilServers, settings: Settings, name: str) -> ModuleStatus:
    now = time.time()
    queue, in_work = ail.queue(name), ail.in_work(name)
    reported = {counters.pid: counters for counters in activities(engine, name)}
    beats = {pid: queue.heartbeats[pid] for pid in sorted(running(queue.starts)) if pid in queue.heartbeats}
    processes = tuple(
        Process(pid, None if beat < 0 else max(0.0, now - beat), reported.get(pid))
        for pid, beat in beats.items()
    )
    lost = sum(now - epoch > settings.grace_seconds for epoch in in_work.values())
    lag = None if queue.oldest is None else max(0.0, now - queue.oldest)
    return ModuleStatus(name, queue.waiting, lag, processes, len(in_work), lost)


def _warnings(modules: tuple[ModuleStatus, ...], settings: Settings) -> list[str]:
    found = []
    for module in modules:
        if module.waiting and not module.processes:
            found.append(
                f"{module.module}: {module.waiting:,} messages wait and no process of it runs; start it, AIL's lists grow without a limit"
            )
        if module.waiting >= settings.warn_queue:
            found.append(
                f"{module.module}: {module.waiting:,} messages wait; start a second process, each takes messages of the same list"
            )
        if module.lost:
            found.append(
                f"{module.module}: {module.lost} messages were popped over {settings.grace_seconds} s ago and not ended; its next start recovers them"
            )
        for process in module.processes:
            if process.heartbeat is not None and process.heartbeat > max(60.0, 3 * settings.decode_seconds):
                found.append(
                    f"{module.module}: process {process.pid} has not looked for a message for {process.heartbeat:.0f} s"
                )
    return found


def status_text(status: Status) -> str:
    """For people, a line for each subject."""
    lines = []
    for module in status.modules:
        lag = "" if module.lag is None else f", the next since {_span(module.lag)}"
        lines.append(
            f"{module.module}: {module.waiting:,} waiting{lag}; {module.in_work} in work; {module.rate:.2f} objects/s"
        )
        for process in module.processes:
            beat = (
                "never looked for a message"
                if process.heartbeat is None
                else f"looked for a message {_span(process.heartbeat)} ago"
            )
            counters = process.counters
            did = (
                f"; {counters.done:,} done, {counters.errors:,} tries failed, {counters.dead:,} dead letters"
                if counters
                else "; has not reported yet"
            )
            lines.append(f"  process {process.pid}: {beat}{did}")
        if not module.processes:
            lines.append("  no process runs")
    lines.append(
        f"dead letters: {status.dead_letters:,}"
        + (" (`quaid ail dead-letters` lists them)" if status.dead_letters else "")
    )
    lines.append(
        f"store: {status.images:,} images; their index takes about {status.index_bytes / 1e6:,.1f} MB in each process"
    )
    lines += [
        f"back-fill of {kind}s: not finished, goes on behind {mark[:12]}"
        for kind, mark in status.backfill.items()
    ]
    return "\n".join([*lines, *(f"WARNING {warning}" for warning in status.warnings)])


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
