"""Stores in which pairs wait for a person, made without searching for each of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import sample
from douglas_quaid.features.thumbnail import make_thumbnail
from douglas_quaid.index.new_image import new_image
from douglas_quaid.records import (
    Configuration,
    Decision,
    Evidence,
    ImageFeatures,
    ImageId,
    Occurrence,
    Reason,
    Relation,
    Verdict,
)
from douglas_quaid.store import Store

#: What the scores say of a pair that waits.
WAITING = Verdict(
    Decision.REVIEW,
    Relation.NEAR_DUPLICATE,
    0.5,
    Evidence(
        pdq_bits=40,
        inliers=30,
        covered_query=0.9,
        covered_reference=0.9,
        content_agreement=0.6,
        blocks_compared=80,
        configuration=Configuration.AFFINE,
        matrix=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    ),
    "test-calibration",
    "PDQ 40/256; 30 inliers cover 90 % of the query and 90 % of the reference",
    (Reason.WEAK_EVIDENCE,),
)


def features_of_a_sample(engine: Engine) -> ImageFeatures:
    """What is extracted of one picture, from which others are made."""
    data = sample("indexed/coffee.jpg")
    image_id = engine.add(data, link=False).image_id
    (features,) = engine.features([image_id])
    assert features is not None
    engine.forget(image_id)
    return features


def add_drawn(
    engine: Engine,
    store: Store,
    count: int,
    *,
    salt: str = "",
    occurrence: str = "file:path:/pictures/{n}.png",
    labels: Mapping[str, str] | None = None,
) -> list[ImageId]:
    """Add pictures that differ in their thumbnails: each has a pattern. They are not linked."""
    like, made = features_of_a_sample(engine), list[ImageId]()
    for n in range(count):
        seed = int.from_bytes(hashlib.sha256(f"{salt} {n}".encode()).digest()[:4], "big")
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (6, 8), np.uint8)
        grey = np.kron(coarse, np.ones((40, 40), np.uint8))
        image_id = hashlib.sha256(f"{salt} {n}".encode()).hexdigest()
        features = replace(like, image_id=image_id, width=640, height=480, thumbnail=make_thumbnail(grey))
        store.images.put(
            new_image(features), occurrence=Occurrence.parse(occurrence.format(n=n)), labels=labels
        )
        store.clusters.give([image_id])
        made.append(image_id)
    return made


def let_wait(
    store: Store, a: ImageId, b: ImageId, *, confidence: float = 0.5, verdict: Verdict = WAITING
) -> None:
    """Record that a pair waits for a person."""
    store.verdicts.record(a, [(b, replace(verdict, confidence=confidence))])


def let_pairs_wait(engine: Engine, store: Store, count: int, **options: Any) -> list[tuple[ImageId, ImageId]]:
    """Add twice as many pictures, and let each two of them wait: pairs of which none settles another."""
    ids = add_drawn(engine, store, 2 * count, **options)
    pairs = list(zip(ids[::2], ids[1::2], strict=True))
    for n, (a, b) in enumerate(pairs):
        let_wait(store, a, b, confidence=0.3 + 0.4 * n / max(1, count))
    return pairs
