"""Writers and the embedded server, killed again and again while other programs keep the disk busy."""

from __future__ import annotations

import os
import random
import signal
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from douglas_quaid.config import Config
from douglas_quaid.errors import StoreError
from douglas_quaid.records import Occurrence
from douglas_quaid.store import NewImage, Store
from support.images import new_image
from support.steps import in_child
from support.waiting import until
from support.whole import assert_whole

#: Writers at a time.
WRITERS = 2
#: Images that a writer may add in one round.
MOST = 100_000
#: Bytes that a program which keeps the disk busy writes between two syncs.
LOAD_BYTES = 32 << 20
#: An acknowledged image: its number, and the microseconds that it took.
_NOTE = struct.Struct(">II")


@dataclass
class Kills:
    """What came of it."""

    #: Images that were acknowledged.
    acknowledged: set[int] = field(default_factory=set)
    #: Those of them that were not found after a kill.
    lost: set[int] = field(default_factory=set)
    #: Those, and each writer's last one, which may be there or not.
    begun: set[int] = field(default_factory=set)
    #: Milliseconds of each add.
    milliseconds: list[float] = field(default_factory=list)
    #: Seconds during which the writers worked.
    seconds: float = 0.0


def image(n: int) -> NewImage:
    """The n-th image, of some bytes more than a small picture's."""
    return new_image(n, words=n % 7, record_bytes=8192)


def kill_again_and_again(
    folder: Path, *, kills: int, seed: int, busy: int, longest: float, notes: Path
) -> Kills:
    """Add images to the store on a folder, and kill a writer and the server by turns, each after at most
    `longest` seconds; `busy` programs write to the same disk. Every image is checked after the last kill.
    """
    found, moments = Kills(), random.Random(seed)
    config = Config(store=f"embedded:{folder}", idle_seconds=600, store_timeout=60)
    Store.open(config).close()
    with _busy_disk(notes.parent, busy):
        for turn in range(kills):
            _one_kill(
                config,
                turn * WRITERS * MOST,
                found,
                server=turn % 2 == 1,
                wait=moments.uniform(0, longest),
                notes=notes,
            )
    with Store.open(config) as store:
        if not found.lost:
            assert_whole(store, image, found.acknowledged, found.begun)
    return found


def _one_kill(config: Config, first: int, found: Kills, *, server: bool, wait: float, notes: Path) -> None:
    notes.write_bytes(b"")
    began = time.monotonic()
    writers = [in_child(partial(_add_for_ever, config, first + k * MOST, notes)) for k in range(WRITERS)]
    until(lambda: notes.stat().st_size)
    with Store.open(config) as store:
        pid = store.connection.everywhere("INFO", "server")[0]["process_id"]
    time.sleep(wait)
    os.kill(pid if server else writers[0], signal.SIGKILL)
    for writer in writers:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
    found.seconds += time.monotonic() - began
    data = notes.read_bytes()
    noted = list(_NOTE.iter_unpack(data[: len(data) // _NOTE.size * _NOTE.size]))
    found.acknowledged |= {n for n, _ in noted}
    found.begun |= {n + more for n, _ in noted for more in (0, 1)} | {first, first + MOST}
    found.milliseconds += [microseconds / 1000 for _, microseconds in noted]
    with Store.open(config) as store:
        records = store.images.records([image(n).image_id for n, _ in noted])
        found.lost |= {n for (n, _), record in zip(noted, records, strict=True) if record != image(n).record}


def _add_for_ever(config: Config, n: int, notes: Path) -> None:
    with Store.open(config) as store, notes.open("ab", buffering=0) as log:
        while True:
            began = time.monotonic()
            try:
                store.images.put(image(n), occurrence=Occurrence("file", "path", f"/{n}"))
            except StoreError:
                return
            log.write(_NOTE.pack(n, round((time.monotonic() - began) * 1e6)))
            n += 1


@contextmanager
def _busy_disk(folder: Path, programs: int) -> Iterator[None]:
    """Programs that write to the disk of a folder and sync it, while the block runs."""
    children = [in_child(partial(_write_for_ever, folder / f"load-{k}")) for k in range(programs)]
    try:
        yield
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for k in range(programs):
            (folder / f"load-{k}").unlink(missing_ok=True)


def _write_for_ever(path: Path) -> None:
    data = random.Random(1).randbytes(1 << 20)
    while True:
        with path.open("wb", buffering=0) as file:
            for _ in range(LOAD_BYTES >> 20):
                file.write(data)
            os.fsync(file.fileno())
