"""Fetches the files that are needed, a few at a time, and indexes them on several threads meanwhile."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing

from douglas_quaid.batches import in_groups, in_parallel
from douglas_quaid.errors import FormatError, StoreError

from .attribute import Attribute, Filters, Outcome, Status
from .client import Client
from .failures import MispAway
from .index import Indexer

#: Files in one request. chosen: MISP builds the response in memory, a third larger than the files.
FILES_PER_REQUEST = 8
#: Attributes in a row that have to wait, after which MISP and the store are checked. chosen.
WAITING_BEFORE_CHECK = 3


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

    After several attributes in a row that have to wait, `check` is called; it raises when MISP or the store
    is away, which ends the pass with that error.
    """

    def index(item: Attribute | Outcome) -> Outcome:
        if isinstance(item, Outcome):
            return item
        try:
            return indexer.index(item)
        except (StoreError, FormatError) as error:
            return Outcome.of(item, Status.WAITING, reason=str(error))

    waiting = 0
    with closing(in_parallel(index, _files(client, filters, attributes), workers)) as outcomes:
        for outcome in outcomes:
            waiting = waiting + 1 if outcome.status is Status.WAITING else 0
            if waiting and waiting % WAITING_BEFORE_CHECK == 0:
                check()
            yield outcome


def _files(client: Client, filters: Filters, attributes: Iterable[str]) -> Iterator[Attribute | Outcome]:
    """Attributes with their files, and the outcomes of those that do not come."""
    for group in in_groups(attributes, FILES_PER_REQUEST):
        try:
            rows = {row.uuid: row for row in client.files(group)}
        except MispAway as error:
            if len(group) == 1:
                yield Outcome(attribute=group[0], status=Status.WAITING, reason=str(error))
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
