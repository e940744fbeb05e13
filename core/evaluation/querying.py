"""Runs the queries of an evaluation: makes the edited picture, lets the engine judge, and returns the
response. Runs in worker processes with one engine each.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context

import cv2

from ..config import Config
from ..engine import Engine
from ..errors import FormatError, ImageError, NotFound
from ..inputs import Input
from ..search.hits import Inquiry
from . import edits
from .dataset import Item
from .indexing import Failure
from .low_texture import is_low_texture
from .queries import EvaluationQuery


@dataclass(frozen=True, slots=True)
class QueryResponse:
    """What the engine answered to a query."""

    #: The query.
    query: EvaluationQuery
    #: Everything that was judged.
    inquiry: Inquiry
    #: Whether the picture, or what the edit left of it, shows almost nothing.
    low_texture: bool


def run_query(engine: Engine, query: EvaluationQuery) -> QueryResponse | Failure:
    """Return the engine's response, or the failure of a broken picture. Raises StoreError and ConfigError."""
    try:
        data, low_texture = query_bytes(query.item, query.edit, engine.config.max_bytes)
        inquiry = engine.inquire(data, exclude=query.exclude, besides=query.besides, name=query.item.file)
        return QueryResponse(query, inquiry, low_texture)
    except (ImageError, FormatError, NotFound, OSError, ValueError) as error:
        return Failure(query.item.file, str(error))


def query_bytes(item: Item, edit: str, max_bytes: int) -> tuple[bytes, bool]:
    """Return the bytes of a query, and whether the picture or what the edit left of it shows almost nothing.

    The bytes are the file itself for the edit "", else a PNG. The edit is seeded by the file's name. Raises
    ImageError, NotFound and OSError.
    """
    data = Input(str(item.path)).read(max_bytes)
    picture = edits.opened(data)
    low_texture = is_low_texture(picture)
    if not edit:
        return data, low_texture
    edited = edits.edit(edit, picture, item.file)
    return edits.png(edited), low_texture or is_low_texture(edited)


def run_queries(
    config: Config, queries: Iterable[EvaluationQuery], processes: int
) -> Iterator[QueryResponse | Failure]:
    """Yield the responses as they arrive, from a bounded number of queries at a time. With one process the
    work is done in this one. Raises StoreError and ConfigError.
    """
    waiting = iter(queries)
    if processes == 1:
        cv2.setNumThreads(1)
        with Engine.open(config=config) as engine:
            yield from (run_query(engine, query) for query in waiting)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _start_worker, (config,)) as pool:
        try:
            running = {pool.submit(_run_in_worker, query) for query in islice(waiting, 4 * processes)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {pool.submit(_run_in_worker, query) for query in islice(waiting, len(done))}
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(cancel_futures=True)


#: The engine of this worker process, opened once by _start_worker.
_engine: list[Engine] = []


def _start_worker(config: Config) -> None:
    cv2.setNumThreads(1)
    _engine.append(Engine.open(config=config))


def _run_in_worker(query: EvaluationQuery) -> QueryResponse | Failure:
    return run_query(_engine[0], query)
