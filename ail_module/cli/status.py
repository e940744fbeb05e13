"""How the modules are doing: what waits, since when, which processes run, how fast, what failed, and how much
the store holds.

AIL counts queue lengths and heartbeats, our processes count the rest (runtime/monitoring.py). Whatever does
not answer is named in a warning, and what it alone knows is None: the status is asked for when something is
down. Nothing is written but what the modules write before each message, to learn whether the store is full,
and no index is loaded.
"""

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from douglas_quaid import Correlator, DouglasQuaidError, FormatError

from ..backfill.run import BOOKMARK
from ..config import MODULES, Settings
from ..objects import TYPES
from ..publishing.passes import Pass, last_pass
from ..publishing.removed import waiting
from ..runtime.delivery import probe_store
from ..runtime.monitoring import Activity, activities, dead_letters
from ..servers import AilServers, Queue, running

Known = TypeVar("Known")


@dataclass(frozen=True, slots=True)
class Process:
    """A process of a module that runs on this machine."""

    #: Process id.
    pid: int
    #: Seconds since it last looked for a message; None if it never did, or AIL does not say. A process that
    #: takes longer than a picture hangs.
    heartbeat: float | None
    #: What it reported; None if it has not reported yet, is not ours any more, or the store does not answer.
    counters: Activity | None


@dataclass(frozen=True, slots=True)
class ModuleStatus:
    """How one module is doing; a field is None if the server that knows it does not answer."""

    #: Its name.
    module: str
    #: Number of messages that wait.
    waiting: int | None
    #: Seconds since the message at the head of the queue was queued; None if none waits or AIL does not know.
    lag: float | None
    #: The processes that run, by their ids; without AIL's queues those that reported to the store.
    processes: tuple[Process, ...] | None
    #: Number of messages that were popped and not ended.
    in_work: int | None
    #: Number of those that are older than `grace_seconds`. The module looks for them between two messages,
    #: and takes them up once all attempts would be over.
    lost: int | None

    @property
    def rate(self) -> float | None:
        """Objects per second of all its processes, as they last reported; None if that is not known."""
        if self.processes is None or (self.processes and not any(each.counters for each in self.processes)):
            return None
        return sum(each.counters.rate for each in self.processes if each.counters)


@dataclass(frozen=True, slots=True)
class Status:
    """How everything is doing; a field is None if the server that knows it does not answer."""

    #: The two modules.
    modules: tuple[ModuleStatus, ...]
    #: Number of dead letters.
    dead_letters: int | None
    #: Number of images in the store, including those of other adapters.
    images: int | None
    #: Memory of the index in the process that has the largest, in bytes, as reported; None if none runs.
    index_bytes: int | None
    #: For each type whose back-fill did not end, the name behind which it goes on.
    backfill: dict[str, str] | None
    #: Number of objects that lost tags of ours, and wait until somebody says what that was.
    removed_tags: int | None
    #: The last pass over the answers of analysts that ended; None if there was none, too.
    last_pass: Pass | None
    #: What is wrong, a sentence each.
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return asdict(self) | {"modules": [asdict(module) | {"rate": module.rate} for module in self.modules]}


class Reader:
    """Asks servers that may be away."""

    def __init__(self, ail: AilServers, settings: Settings) -> None:
        self.ail, self.settings = ail, settings
        #: None if the store does not answer.
        self.engine: Correlator | None = None
        #: What does not answer, a sentence each.
        self.away: list[str] = []

    def asked(self, question: Callable[[], Known]) -> Known | None:
        """Return the answer; None if the server does not answer, which is noted once."""
        try:
            return question()
        except FormatError as error:
            self.note(str(error))
        except DouglasQuaidError as error:
            self.note(str(error), waits=True)
        return None

    def of_store(self, question: Callable[[Correlator], Known]) -> Known | None:
        """Return the answer of the store, in the same way."""
        engine = self.engine
        return None if engine is None else self.asked(lambda: question(engine))

    def note(self, text: str, *, waits: bool = False) -> None:
        """Note what cannot be read; `waits`: because a server does not answer, for which the modules wait."""
        if waits:
            end = "" if text.endswith(("?", ".")) else "."
            text = f"{text}{end} The modules take no message until it works; messages wait in AIL's queues"
        if text not in self.away:
            self.away.append(text)

    def module(self, name: str) -> ModuleStatus:
        """Return how one module is doing."""
        now = time.time()
        queue = self.asked(lambda: self.ail.queue(name))
        popped = self.asked(lambda: {e.gid: e.since for e in self.ail.ledger(name) if e.popped})
        head = [queue.head] if queue and queue.head else []
        queued = self.asked(lambda: [entry.since for entry in self.ail.ledger(name, head)]) if head else None
        reported = self.of_store(lambda engine: list(activities(engine, name)))
        return ModuleStatus(
            module=name,
            waiting=None if queue is None else queue.waiting,
            lag=max(0.0, now - min(queued)) if queued else None,
            processes=_processes(queue, reported, now),
            in_work=None if popped is None else len(popped),
            lost=None
            if popped is None
            else sum(now - since > self.settings.grace_seconds for since in popped.values()),
        )


def read_status(open_store: Callable[[], Correlator], ail: AilServers, settings: Settings) -> Status:
    """Return the status. Never raises an error of ours: a server that does not answer is a warning."""
    reader = Reader(ail, settings)
    reader.engine = reader.asked(open_store)
    try:
        reader.of_store(probe_store)
        for text in ail.probe():
            reader.note(text, waits=True)
        modules = tuple(reader.module(name) for name in MODULES)
        warnings = [text for module in modules for text in _warnings(module, settings)]
        sizes = [
            each.counters.index_bytes or 0
            for module in modules
            for each in module.processes or ()
            if each.counters
        ]
        status = Status(
            modules=modules,
            dead_letters=reader.of_store(lambda engine: sum(1 for _ in dead_letters(engine))),
            images=reader.of_store(lambda engine: engine.count()),
            index_bytes=max(sizes, default=0) or None,
            backfill=reader.of_store(
                lambda engine: {kind: mark for kind in TYPES if (mark := engine.bookmark(BOOKMARK + kind))}
            ),
            removed_tags=reader.of_store(lambda engine: sum(1 for _ in waiting(engine))),
            last_pass=reader.of_store(last_pass),
            warnings=(),
        )
    finally:
        if reader.engine is not None:
            reader.engine.close()
    if status.removed_tags:
        warnings.append(
            f"{status.removed_tags:,} objects lost tags of ours at once, and nothing is judged by that; "
            "`quaid ail feedback` lists them: --accept if an analyst removed them, --restore if AIL lost them"
        )
    return replace(status, warnings=(*reader.away, *warnings))


def _processes(
    queue: Queue | None, reported: Sequence[Activity] | None, now: float
) -> tuple[Process, ...] | None:
    """The processes that AIL noted, or, if its queues do not answer, those that reported to the store."""
    here = {each.pid: each for each in reported or () if each.host == socket.gethostname()}
    if queue is not None:
        beats = {
            pid: queue.heartbeats[pid] for pid in sorted(running(queue.starts)) if pid in queue.heartbeats
        }
        return tuple(
            Process(pid, None if beat < 0 else max(0.0, now - beat), here.get(pid))
            for pid, beat in beats.items()
        )
    if reported is None:
        return None
    alive = running({pid: int(each.started) for pid, each in here.items()})
    return tuple(Process(pid, None, here[pid]) for pid in sorted(alive))


def _warnings(module: ModuleStatus, settings: Settings) -> list[str]:
    found, messages = [], module.waiting or 0
    if messages and not module.processes:
        found.append(
            f"{messages:,} messages wait and no process of it runs; start it, AIL's lists grow without a "
            "limit"
        )
    if messages >= settings.warn_queue:
        found.append(
            f"{messages:,} messages wait; start a second process: both take messages of the same list"
        )
    if module.lost:
        first, last = settings.lost_seconds, 1.5 * settings.lost_seconds
        recovery = (
            f"a process that runs puts them back when they are {first:.0f} to {last:.0f} s old, unless "
            "another one works on them"
            if module.processes
            else f"the first process that starts puts them back, once they are {first:.0f} s old"
        )
        found.append(
            f"{module.lost} messages were taken over {settings.grace_seconds} s ago and not ended; {recovery}"
        )
    for process in module.processes or ():
        if process.heartbeat is not None and process.heartbeat > max(60.0, 3 * settings.decode_seconds):
            found.append(f"process {process.pid} has not looked for a message for {process.heartbeat:.0f} s")
    return [f"{module.module}: {text}" for text in found]


def status_lines(status: Status) -> list[str]:
    """Return the status for people, a line for each subject."""
    nothing = "has not reported yet" if status.images is not None else "its report is in the store"
    lines = [line for module in status.modules for line in _module_lines(module, nothing)]
    hint = " (`quaid ail dead-letters` lists them)" if status.dead_letters else ""
    lines.append(f"dead letters: {_number(status.dead_letters)}{hint}")
    index = status.index_bytes
    size = "" if index is None else f"; the index takes {index / 1e6:,.1f} MB in each process"
    lines.append(f"store: {_number(status.images)} images{size}")
    if done := status.last_pass:
        took, ago = _span(done.ended - done.began), _span(max(0.0, time.time() - done.ended))
        lines.append(
            f"answers of analysts: last read {ago} ago; that took {took} for {done.objects:,} objects"
        )
    for kind, mark in (status.backfill or {}).items():
        lines.append(f"back-fill of {kind}s: not finished, goes on behind {mark[:12]}")
    return [*lines, *(f"WARNING {warning}" for warning in status.warnings)]


def _module_lines(module: ModuleStatus, nothing: str) -> list[str]:
    """`nothing`: what is said of a process whose report is missing."""
    lag = "" if module.lag is None else f", the next since {_span(module.lag)}"
    rate = "unknown" if module.rate is None else f"{module.rate:.2f}"
    work = f"{_number(module.in_work)} in work; {rate} objects/s"
    lines = [f"{module.module}: {_number(module.waiting)} waiting{lag}; {work}"]
    if module.processes is None:
        return [*lines, "  processes: unknown"]
    for process in module.processes:
        beat, counters = process.heartbeat, process.counters
        looked = (
            f"looked for a message {_span(beat)} ago" if beat is not None else "never looked for a message"
        )
        if beat is None and module.waiting is None and counters:
            looked = f"reported {_span(max(0.0, time.time() - counters.written))} ago"
        did = nothing
        if counters:
            did = f"{counters.done:,} done, {counters.errors:,} tries failed, {counters.dead:,} dead letters"
        lines.append(f"  process {process.pid}: {looked}; {did}")
    return lines if module.processes else [*lines, "  no process runs"]


def _number(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
