"""Many images linked by worker processes: those that were added without it, or those of a list.

Takes an engine, yields what became of each image. Any number of these may run on one store: the queue
(store/link_queue.py) gives each image to one of them. Whatever is killed, the image goes to another, and
linking it twice changes nothing.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from .. import errors
from ..config import Config
from ..engine import Engine
from ..errors import CorruptRecord, DouglasQuaidError, FormatError, NotFound
from ..parallel.pool import Lost, Pool
from ..records import ImageId
from ..store.owners import new_owner

#: Images of each of the 16 shards that one process takes from the queue at once. chosen: what a killed
#: machine had in work waits for minutes.
CLAIMED = 2
#: How often an image is given to somebody before it is given up: each time its process ended. chosen.
TRIES = 4
#: Seconds between two looks at an empty queue. chosen: sixteen small commands.
PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Linked:
    """What became of an image."""

    #: The image.
    image_id: ImageId
    #: Number of verdicts that are stored about it; None if it was forgotten meanwhile, or failed.
    hits: int | None = None
    #: Its cluster; None for a blank image.
    cluster: str | None = None
    #: Why it could not be linked.
    error: DouglasQuaidError | None = None


def link_image(engine: Engine, image_id: ImageId) -> Linked:
    """Link one image. Raises StoreError and ConfigError, which concern all others, too."""
    try:
        verdicts = engine.link(image_id)
    except NotFound:  # forgotten meanwhile
        return Linked(image_id)
    except FormatError as error:
        return Linked(image_id, error=error)
    (names,) = engine.cluster_names([image_id])
    return Linked(image_id, len(verdicts), names[0] if names else None)


class Linkers:
    """The processes that link; started with the first image."""

    def __init__(self, config: Config) -> None:
        self._pool = Pool(__name__, "", config)

    def link(self, ids: Iterable[ImageId]) -> Iterator[Linked]:
        """Yield what became of each image, in their order. Raises StoreError and ConfigError."""
        for found in self._pool.map(ids):
            if isinstance(found, Lost):
                error = CorruptRecord(
                    f"image {found.request}: two processes ended while they linked it ({found.reason});"
                    " it stays without links. Run quaid self-check, or add the picture again"
                )
                yield Linked(found.request, error=error)
            else:
                yield _read(found)

    def close(self) -> None:
        """End the processes."""
        self._pool.close()

    def __enter__(self) -> "Linkers":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def link_all(
    engine: Engine, *, follow: bool = False, tell: Callable[[int], None] = lambda waiting: None
) -> Iterator[Linked]:
    """Link all images that were added and not linked, and yield what became of each. With `follow` it waits
    for more, and ends only with an error or an interrupt; else when no image is left, those included that
    others have in work. `tell` hears how many wait. Raises StoreError and ConfigError.
    """
    queue, consumer = engine.link_queue, new_owner()
    engine.queue_unlinked()
    tell(len(queue))
    try:
        with Linkers(engine.config) as linkers:
            while True:
                claimed = queue.claim(consumer, CLAIMED)
                poisoned = {found.image_id for found in claimed if found.tries > TRIES}
                for image_id in poisoned:
                    queue.give_up(image_id)
                    yield Linked(image_id, error=_given_up(image_id))
                for done in linkers.link(i.image_id for i in claimed if i.image_id not in poisoned):
                    if done.hits is None:
                        queue.give_up(done.image_id)
                    yield done
                if claimed:
                    continue
                if not follow and not len(queue):
                    return
                time.sleep(PAUSE_SECONDS)
    finally:
        queue.leave(consumer)


def _given_up(image_id: ImageId) -> CorruptRecord:
    return CorruptRecord(
        f"image {image_id}: {TRIES} programs ended while they linked it; it stays without links."
        " Run quaid self-check, or add the picture again"
    )


def link_images(config: Config, ids: Sequence[ImageId]) -> Iterator[Linked]:
    """Link these images, whatever the queue says of them. Raises StoreError and ConfigError."""
    with Linkers(config) as linkers:
        yield from linkers.link(ids)


@contextmanager
def open_work(config: Config, _: str) -> Iterator[Callable[[str], str]]:
    """Open the store in a worker, and yield what links an image."""
    with Engine.open(config=config, mend=False) as engine:
        yield lambda image_id: _written(link_image(engine, image_id))


def _written(linked: Linked) -> str:
    error = linked.error and [type(linked.error).__name__, str(linked.error)]
    return json.dumps([linked.image_id, linked.hits, linked.cluster, error])


def _read(text: str) -> Linked:
    image_id, hits, cluster, error = json.loads(text)
    return Linked(image_id, hits, cluster, error and getattr(errors, error[0])(error[1]))
