"""Images and verdicts that a test puts into a store."""

import hashlib
from collections.abc import Iterable
from typing import Any

from douglas_quaid.records import ImageId, Verdict
from douglas_quaid.store import NewImage, PutStatus, RecordOutcome, Store
from douglas_quaid.store.scripts import WORD_BYTES


def new_image(n: int, *, words: int = 3, salt: str = "", record_bytes: int = 0) -> NewImage:
    """The n-th image: an id spread over the shards, a record, a row and some words, all told apart by n."""
    seed = f"image {salt}{n}".encode()
    return NewImage(
        image_id=hashlib.sha256(seed).hexdigest(),
        record=(b"record of " + seed).ljust(record_bytes, b"."),
        pixel_digest=hashlib.sha256(b"pixels" + seed).digest(),
        pdq=hashlib.sha256(b"pdq" + seed).digest(),
        pdq_quality=n % 101,
        informative=True,
        pdq_version=1,
        local_version=1,
        words=b"".join(hashlib.md5(seed + bytes([w])).digest()[:WORD_BYTES] for w in range(words)),
    )


def put_all(store: Store, entries: Iterable[NewImage], **about: Any) -> list[PutStatus]:
    """Add images that share what is said about them, such as their occurrence."""
    return [store.images.put(entry, **about) for entry in entries]


def is_stored(store: Store, image_id: ImageId) -> bool:
    """Whether an image is in the store."""
    return store.images.records([image_id]) != [None]


def record_verdict(store: Store, query: ImageId, other: ImageId, verdict: Verdict) -> RecordOutcome:
    """Record the verdict about one pair."""
    (outcome,) = store.verdicts.record(query, [(other, verdict)])
    return outcome
