"""Fetches the files that are needed, a few at a time, and indexes them on several threads meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from douglas_quaid.batches import in_groups, in_parallel
from douglas_quaid.errors import DouglasQuaidError, FormatError, StoreError

from .attribute import Attribute
from .client import Client
from .failures import MispAway
from .filters import Filters
from .index import Indexer
from .outcome import Outcome, Status

#: Files in one request. chosen: MISP builds the response in memory, a third larger than the files.
FILES_PER_REQUEST = 8
#: Failures in a row after which MISP and the store are checked. chosen.
FAILURES_BEFORE_CHECK = 3


@dataclass(frozen=True, slots=True)
class _Failure:
    attribute: str
    error: DouglasQuaidError


def fetch(
    client: Client,
    filters: Filters,
    indexer: Indexer,
    attributes: Iterable[str],
    *,
    workers: int,
    check: Callable[[], object],
) -> Iterator[Outcome]:
    """Return one outcome for each attribute (UUID), in their order.

    After several failures in a row, `check` is called; it raises when MISP or the store is away, which ends
    the pass with that error.
    """

    def index(item: Attribute | Outcome | _Failure) -> Outcome | _Failure:
        if not isinstance(item, Attribute):
            return item
        try:
            return indexer.index(item)
        except (StoreError, FormatError) as error:
            return _Failure(item.uuid, error)

    failures = 0
    files = _files(client, filters, attributes)
    with closing(in_parallel(index, files, workers)) as results:
        for result in results:
            if isinstance(result, Outcome):
                failures = 0
                yield result
                continue
            failures += 1
            if failures % FAILURES_BEFORE_CHECK == 0:
                check()
            yield Outcome(attribute=result.attribute, status=Status.WAITING, reason=str(result.error))


def _files(
    client: Client, filters: Filters, attributes: Iterable[str]
) -> Iterator[Attribute | Outcome | _Failure]:
    """Attributes with their files, and the outcomes of those that do not come."""
    for group in in_groups(attributes, FILES_PER_REQUEST):
        try:
            rows = {row.uuid: row for row in client.files(group)}
        except MispAway as error:
            if len(group) == 1:
                yield _Failure(group[0], error)
            else:
                for one in group:
                    yield from _files(client, filters, [one])
            continue
        for attribute in group:
            row = rows.get(attribute)
            if row is None or row.deleted:  # deleted after it was listed; the next pass removes it
                yield Outcome(attribute=attribute, status=Status.GONE)
            else:
                yield row if filters.passes(row) else Outcome.of(row, Status.FILTERED)
