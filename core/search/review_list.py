"""The stored pairs that a person should look at, some at a time, for a page or a program that asks people.

Walks all images in the order of their ids and yields the reviews on the side of the first image of a pair. A
pair is left out if a person judged it, also with `unsure`, or if its images are in one cluster by now. A
cursor names the last pair, so that the next question goes on behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..batches import in_groups
from ..errors import ConfigError
from ..records import Decision, ImageId, StoredVerdict
from ..store import Store
from ..store.values import left_out_if_broken

#: Images whose verdicts are read in one round trip. chosen: some hundred KB at most.
IMAGES_AT_ONCE = 100
#: Images that one question looks at. chosen: a second or two.
IMAGES_A_QUESTION = 20_000
_CURSOR = re.compile("([0-9a-f]{64})-([0-9a-f]{64})?")

#: An image, and a verdict about another one.
Pair = tuple[ImageId, StoredVerdict]


def cursor_of(first: ImageId, other: ImageId = "") -> str:
    """Return the cursor that names a pair; without `other`, all pairs of an image."""
    return f"{first}-{other}"


def list_reviews(store: Store, *, limit: int, after: str) -> tuple[list[Pair], str | None]:
    """Return at most `limit` reviews behind a cursor (empty: from the beginning), and the cursor for the next
    ones; None if there are no more. Fewer than `limit` do not mean that these are all. Raises ConfigError for
    a malformed cursor.
    """
    found, looked_at = list[Pair](), 0
    first, passed = _read(after)
    for ids in _walk(store, first, passed):
        for image_id, verdicts in zip(ids, store.verdicts.scored(ids), strict=True):
            behind = passed if image_id == first else ""
            for pair in _open(store, image_id, verdicts, behind):
                found.append(pair)
                if len(found) == limit:
                    return found, cursor_of(image_id, pair[1].image_id)
        looked_at += len(ids)
        if looked_at >= IMAGES_A_QUESTION:
            return found, cursor_of(ids[-1])
    return found, None


def _walk(store: Store, first: ImageId, passed: ImageId) -> Iterator[list[ImageId]]:
    """Image ids from a cursor on: an image of which not all pairs were given comes again."""
    if passed:
        yield [first]
    for ids in store.images.ids_after(first or None):
        yield from in_groups(ids, IMAGES_AT_ONCE)


def _open(store: Store, image_id: ImageId, verdicts: list[StoredVerdict], behind: ImageId) -> Iterator[Pair]:
    asked = [
        one
        for one in verdicts
        if one.verdict.decision is Decision.REVIEW and one.image_id > max(image_id, behind)
    ]
    if not asked:
        return
    judged = set[ImageId]()
    with left_out_if_broken():
        judged = {said.image_id for said in store.judgements.of(image_id)}
    mine, *theirs = store.clusters.ids([image_id, *(one.image_id for one in asked)])
    for one, cluster in zip(asked, theirs, strict=True):
        if one.image_id not in judged and (mine is None or cluster != mine):
            yield image_id, one


def _read(cursor: str) -> tuple[ImageId, ImageId]:
    if not cursor:
        return "", ""
    read = _CURSOR.fullmatch(cursor)
    if read is None:
        raise ConfigError(f"after={cursor[:80]!r}: expected the value of next of an answer before")
    return read[1], read[2] or ""
