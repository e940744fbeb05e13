"""Whether every image of a store is whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Set

from douglas_quaid.store import NewImage, Store
from support.columns import refresh

#: Seed of the images whose places are looked up.
SEED = 20261122
#: Number of those images.
LOOKED_UP = 300


def assert_whole(
    store: Store, make_image: Callable[[int], NewImage], acknowledged: Set[int], begun: Iterable[int]
) -> None:
    """Every acknowledged image is found by its row, and no image is half there: record, row and words agree
    for every one. `begun`: the numbers of all images that were to be added, each seen at one occurrence.
    """
    changes = refresh(store.columns)
    rows: dict[str, tuple[bytes, bytes]] = {}
    for change in changes.shards:
        at = 0
        for row in change.rows:
            image_id, words = (
                bytes(row["image_id"]).hex(),
                change.words[at : at + int(row["words"])].tobytes(),
            )
            at += int(row["words"])
            if any(row["image_id"]):
                assert image_id not in rows, "two rows of one image"
                rows[image_id] = (bytes(row["pdq"]), words)
        assert at == len(change.words)
    made = {n: make_image(n) for n in begun}
    images = {image.image_id: image for image in made.values()}
    assert set(rows) <= set(images)
    assert {made[n].image_id for n in acknowledged} <= set(rows)
    records = store.images.records(list(images))
    infos = store.images.infos(list(images))
    for image, record, info in zip(images.values(), records, infos, strict=True):
        assert (record is not None) == (info is not None) == (image.image_id in rows)
        if record is not None:
            assert record == image.record and rows[image.image_id] == (image.pdq, image.words)
            assert info is not None and info.occurrence_count == 1
    for image in random.Random(SEED).sample(
        [image for image in images.values() if image.image_id in rows], min(LOOKED_UP, len(rows))
    ):
        assert store.images.by_pixels(image.pixel_digest) == [image.image_id]
        (info,) = store.images.infos([image.image_id])
        assert info is not None
        assert store.occurrences.images_at(info.sightings[0].occurrence) == [image.image_id]
    assert store.stats().images == len(rows) == store.stats().occurrences
