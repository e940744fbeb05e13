"""What an evaluation asks of an engine: to index the pictures of a data set, and to judge its queries, in
worker processes with one engine each. A picture that cannot be used becomes a `Failure`, and the others are
done.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from typing import Any

import cv2

from ..batches import in_parallel
from ..config import Config
from ..decoding.image import decode_image
from ..engine import Engine
from ..errors import FormatError, ImageError, NotFound
from ..features.pdq import pdq_hash
from ..inputs import Input
from ..search.hits import Inquiry
from . import edits
from .dataset import Item
from .ground_truth import Fingerprint
from .low_texture import is_low_texture
from .queries import EvaluationQuery


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that could not be used, while the others were."""

    #: The file as the data set names it.
    file: str
    #: The reason.
    message: str


def index_pictures(
    engine: Engine,
    items: Sequence[Item],
    *,
    threads: int,
    progress: Callable[[Iterator[Any], int], Iterator[Any]],
) -> tuple[dict[str, Fingerprint], list[Failure]]:
    """Add the indexed ones of `items`, unlinked, and return the fingerprints of all by file, and the
    failures.

    `progress` passes the work through, as a progress bar does; its second argument is the number of steps.
    Raises StoreError; a missing or broken picture becomes a Failure.
    """

    def work(item: Item) -> Fingerprint | Failure:
        try:
            data = Input(str(item.path)).read(engine.config.max_bytes)
            return fingerprint(engine, data, name=item.file, add=item.indexed)
        except (ImageError, FormatError, NotFound) as error:
            return Failure(item.file, str(error))

    outcomes = list(progress(in_parallel(work, items, threads), len(items)))
    fingerprints = {
        item.file: outcome
        for item, outcome in zip(items, outcomes, strict=True)
        if isinstance(outcome, Fingerprint)
    }
    return fingerprints, [outcome for outcome in outcomes if isinstance(outcome, Failure)]


def fingerprint(engine: Engine, data: bytes, *, name: str, add: bool, link: bool = False) -> Fingerprint:
    """Return the fingerprint of a picture. `add`: add it to the store unless it is there; `link`: and link
    it.

    Raises ImageError for a broken picture, and StoreError.
    """
    image_id = hashlib.sha256(data).hexdigest()
    (known,) = engine.features([image_id])
    if known is None and add:
        engine.add(data, link=link, name=name)
        (known,) = engine.features([image_id])
    if known is not None:
        return Fingerprint(image_id, known.pixel_digest, known.hashes.pdq, known.width, known.height)
    config = engine.config
    image = decode_image(data, max_bytes=config.max_bytes, max_pixels=config.max_pixels, name=name)
    return Fingerprint(image_id, image.pixel_digest, pdq_hash(image.pixels)[0], image.width, image.height)


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


#: Asks an engine one query. Processes find it by its name, so it is a function of a module.
Ask = Callable[[Engine, EvaluationQuery], "QueryResponse | Failure"]


def run_queries(
    config: Config, queries: Iterable[EvaluationQuery], processes: int, ask: Ask = run_query
) -> Iterator[QueryResponse | Failure]:
    """Yield the responses of `ask` as they arrive, from a bounded number of queries at a time: a reader that
    is slower than the processes does not let responses pile up. With one process the work is done in this
    one. Raises StoreError and ConfigError.
    """
    waiting = iter(queries)
    if processes == 1:
        cv2.setNumThreads(1)
        with Engine.open(config=config) as engine:
            yield from (ask(engine, query) for query in waiting)
        return
    with ProcessPoolExecutor(processes, get_context("spawn"), _start_worker, (config,)) as pool:
        try:
            running = {pool.submit(_run_in_worker, ask, query) for query in islice(waiting, 4 * processes)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                running |= {pool.submit(_run_in_worker, ask, query) for query in islice(waiting, len(done))}
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(cancel_futures=True)


#: The engine of this worker process, opened once by _start_worker.
_engine: list[Engine] = []


def _start_worker(config: Config) -> None:
    cv2.setNumThreads(1)
    _engine.append(Engine.open(config=config))


def _run_in_worker(ask: Ask, query: EvaluationQuery) -> QueryResponse | Failure:
    return ask(_engine[0], query)
