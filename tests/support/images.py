"""Images that a test puts into a store."""

from collections.abc import Iterable
from typing import Any

from douglas_quaid.store import NewImage, PutStatus, Store


def put_all(store: Store, entries: Iterable[NewImage], **about: Any) -> list[PutStatus]:
    """Add images that share what is said about them, such as their occurrence."""
    return [store.images.put(entry, **about) for entry in entries]
