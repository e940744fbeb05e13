"""Adds the pictures of a data set to a store, and takes the fingerprint of each for the ground truth.
Pictures that the store knows are not extracted again.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..batches import in_parallel
from ..decoding.image import decode_image
from ..engine import Engine
from ..errors import FormatError, ImageError, NotFound
from ..features import pixel_digest
from ..features.pdq import pdq_hash
from ..inputs import Input
from .dataset import Item
from .ground_truth import Fingerprint


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
    return Fingerprint(image_id, pixel_digest(image), pdq_hash(image.pixels)[0], image.width, image.height)
