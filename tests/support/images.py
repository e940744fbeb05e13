"""Images and verdicts that a test puts into a store."""

from collections.abc import Iterable
from typing import Any

from douglas_quaid.records import ImageId, Verdict
from douglas_quaid.store import NewImage, PutStatus, RecordOutcome, Store


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
