"""Put a data set's pictures into a store, and note of each what the truth needs. Pictures that are known are
not extracted again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
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

#: Pictures whose features are looked up in one round trip. chosen: about 2.5 MB.
AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Failure:
    """A picture that could not be used; the rest was done."""

    file: str
    message: str


def fill(
    engine: Engine,
    items: Sequence[Item],
    *,
    threads: int,
    progress: Callable[[Iterator[Any], int], Iterator[Any]],
) -> tuple[dict[str, Fingerprint], list[Failure]]:
    """Add the indexed ones of `items`, unlinked, and sketch all of them. `progress` passes the work through,
    as a progress bar does.

    Raises StoreError; a picture that is missing or broken becomes a Failure.
    """

    def one(group: list[Item]) -> list[tuple[Item, Fingerprint | Failure]]:
        return list(zip(group, _sketches(engine, group), strict=True))

    sketches: dict[str, Fingerprint] = {}
    failures: list[Failure] = []
    groups = list(in_groups(items, AT_ONCE))
    for done in progress(in_parallel(one, groups, threads), len(groups)):
        for item, outcome in done:
            if isinstance(outcome, Failure):
                failures.append(outcome)
            else:
                sketches[item.file] = outcome
    return sketches, failures


def _sketches(engine: Engine, group: Iterable[Item]) -> list[Fingerprint | Failure]:
    items = list(group)
    data = [_read(engine, item) for item in items]
    ids = [hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else "" for content in data]
    known = engine.features([image_id for image_id in ids if image_id])
    features = dict(zip((image_id for image_id in ids if image_id), known, strict=True))
    return [
        content
        if isinstance(content, Failure)
        else _sketch(engine, item, content, image_id, features[image_id])
        for item, content, image_id in zip(items, data, ids, strict=True)
    ]


def _read(engine: Engine, item: Item) -> bytes | Failure:
    try:
        return Input(str(item.path)).read(engine.config.max_bytes)
    except DouglasQuaidError as error:
        return Failure(item.file, str(error))


def _sketch(
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
        return Fingerprint(
            image_id, pixel_digest(image), pdq_hash(image.pixels)[0], image.width, image.height
        )
    except (StoreError, ConfigError):
        raise
    except DouglasQuaidError as error:
        return Failure(item.file, str(error))
