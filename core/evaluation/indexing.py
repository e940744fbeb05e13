"""Adds the pictures of a data set to a store, and takes the fingerprint of each for the ground truth.
Pictures that the store knows are not extracted again.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..batches import in_groups, in_parallel
from ..decoding.image import decode_image
from ..engine import Engine
from ..errors import ConfigError, DouglasQuaidError, StoreError
from ..features import pixel_digest
from ..features.pdq import pdq_hash
from ..inputs import Input
from ..records import ImageFeatures
from .dataset import Item
from .ground_truth import Fingerprint

#: Number of pictures whose features are fetched in one round trip. chosen: about 2.5 MB.
FETCHED_AT_ONCE = 64


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

    def work(group: list[Item]) -> list[tuple[Item, Fingerprint | Failure]]:
        return [*zip(group, _fingerprints(engine, group), strict=True)]

    fingerprints: dict[str, Fingerprint] = {}
    failures: list[Failure] = []
    groups = list(in_groups(items, FETCHED_AT_ONCE))
    for done in progress(in_parallel(work, groups, threads), len(groups)):
        for item, outcome in done:
            if isinstance(outcome, Failure):
                failures.append(outcome)
            else:
                fingerprints[item.file] = outcome
    return fingerprints, failures


def _fingerprints(engine: Engine, items: list[Item]) -> list[Fingerprint | Failure]:
    contents = [_read(engine, item) for item in items]
    ids = [hashlib.sha256(data).hexdigest() for data in contents if isinstance(data, bytes)]
    known = iter(zip(ids, engine.features(ids), strict=True))
    return [
        data if isinstance(data, Failure) else _fingerprint(engine, item, data, *next(known))
        for item, data in zip(items, contents, strict=True)
    ]


def _read(engine: Engine, item: Item) -> bytes | Failure:
    try:
        return Input(str(item.path)).read(engine.config.max_bytes)
    except DouglasQuaidError as error:
        return Failure(item.file, str(error))


def _fingerprint(
    engine: Engine, item: Item, data: bytes, image_id: str, known: ImageFeatures | None
) -> Fingerprint | Failure:
    try:
        if known is None and item.indexed:
            engine.add(data, link=False, name=item.file)
            (known,) = engine.features([image_id])
        if known is not None:
            return Fingerprint(image_id, known.pixel_digest, known.hashes.pdq, known.width, known.height)
        image = decode_image(
            data, max_bytes=engine.config.max_bytes, max_pixels=engine.config.max_pixels, name=item.file
        )
        pdq, _quality = pdq_hash(image.pixels)
        return Fingerprint(image_id, pixel_digest(image), pdq, image.width, image.height)
    except (StoreError, ConfigError):
        raise
    except DouglasQuaidError as error:
        return Failure(item.file, str(error))
