"""Ask one question: make the edited picture, let the engine judge, say what came. Runs in worker processes,
one engine in each.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from ..config import Config
from ..engine import Engine
from ..errors import ConfigError, DouglasQuaidError, StoreError
from ..inputs import Input
from ..records import ImageId
from ..search.search import Inquiry
from . import edits
from .indexing import Failure
from .low_texture import is_low_texture


@dataclass(frozen=True, slots=True)
class QueryTask:
    """A question as a worker needs it."""

    #: Of the question in the run.
    place: int
    file: str
    path: Path
    edit: str
    exclude: frozenset[ImageId]
    besides: tuple[ImageId, ...]


@dataclass(frozen=True, slots=True)
class QueryResponse:
    place: int
    inquiry: Inquiry | None
    low_texture: bool
    failure: Failure | None


def ask(engine: Engine, task: QueryTask) -> QueryResponse:
    """Raises StoreError; a broken picture is a failure of its own."""
    try:
        data, low = query_bytes(task.path, task.file, task.edit, engine.config.max_bytes)
        return QueryResponse(
            task.place,
            engine.inquire(data, exclude=task.exclude, besides=task.besides, name=task.file),
            low,
            None,
        )
    except (StoreError, ConfigError):
        raise
    except (DouglasQuaidError, OSError, ValueError) as error:
        return QueryResponse(task.place, None, False, Failure(task.file, str(error)))


def query_bytes(path: Path, file: str, name: str, max_bytes: int) -> tuple[bytes, bool]:
    """The bytes that are asked for, and whether the picture or what the edit left of it shows next to
    nothing.

    The file itself for "", else a PNG; the edit is seeded by the file's name.
    """
    data = Input(str(path)).read(max_bytes)
    picture = edits.opened(data)
    low = is_low_texture(picture)
    if not name:
        return data, low
    edited = edits.edit(name, picture, file)
    return edits.png(edited), low or is_low_texture(edited)


def ask_all(config: Config, tasks: Iterable[QueryTask], processes: int) -> Iterator[QueryResponse]:
    """Answers as they come, a bounded number of tasks under way. One process: this one."""
    waiting = iter(tasks)
    if processes == 1:
        with Engine.open(config=config) as engine:
            _one_thread_each()
            yield from (ask(engine, task) for task in waiting)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _start, (config,)) as pool:
        try:
            running = {pool.submit(_ask, task) for task in islice(waiting, 4 * processes)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {pool.submit(_ask, task) for task in islice(waiting, len(done))}
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(cancel_futures=True)


#: This worker's engine, opened once by _start.
_engine: list[Engine] = []


def _start(config: Config) -> None:
    _one_thread_each()
    _engine.append(Engine.open(config=config))


def _ask(task: QueryTask) -> QueryResponse:
    return ask(_engine[0], task)


def _one_thread_each() -> None:
    import cv2

    cv2.setNumThreads(1)
