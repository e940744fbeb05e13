"""The files that are needed, a few at a time, into the engine by several threads while the next ones are on
their way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from douglas_quaid.errors import DouglasQuaidError, FormatError, StoreError
from douglas_quaid.inputs import in_groups

from .attribute import Attribute
from .client import Client
from .failures import MispAway
from .filters import Filters
from .index import Indexer
from .outcome import Outcome, Status

#: Files in one question. chosen: MISP answers from memory, with a third more bytes than the files have.
AT_ONCE = 8
#: Failures without a success between them, after which MISP and the store are asked whether they are there at
#: all. chosen.
IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class _Trouble:
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
    """One outcome for each attribute (UUID). `check` raises when MISP or the store are away; then the pass
    ends with that error.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="quaid-misp")
    in_a_row = 0
    try:
        for answer in _indexed(pool, indexer, _files(client, filters, attributes), ahead=2 * workers):
            if isinstance(answer, Outcome):
                in_a_row = 0
                yield answer
                continue
            in_a_row += 1
            if in_a_row % IN_A_ROW == 0:
                check()
            yield Outcome(attribute=answer.attribute, status=Status.WAITING, reason=str(answer.error))
    finally:
        pool.shutdown(cancel_futures=True)


def _files(
    client: Client, filters: Filters, attributes: Iterable[str]
) -> Iterator[Attribute | Outcome | _Trouble]:
    """Attributes with their files, or what is to be said of those that do not come."""
    for group in in_groups(attributes, AT_ONCE):
        try:
            rows = {row.uuid: row for row in client.files(group)}
        except MispAway as error:
            if len(group) == 1:
                yield _Trouble(group[0], error)
            else:
                for one in group:
                    yield from _files(client, filters, [one])
            continue
        for attribute in group:
            row = rows.get(attribute)
            if row is None or row.deleted:  # since it was listed; a deletion comes with the next pass
                yield Outcome(attribute=attribute, status=Status.GONE)
            else:
                yield row if filters.passes(row) else Outcome.of(row, Status.FILTERED)


def _indexed(
    pool: ThreadPoolExecutor, indexer: Indexer, items: Iterable[Attribute | Outcome | _Trouble], *, ahead: int
) -> Iterator[Outcome | _Trouble]:
    """Outcomes in the order of the items, of which at most `ahead` are in work."""
    waiting: deque[Future[Outcome | _Trouble] | Outcome | _Trouble] = deque()
    for item in items:
        waiting.append(pool.submit(_index, indexer, item) if isinstance(item, Attribute) else item)
        if len(waiting) >= ahead:
            yield _result(waiting.popleft())
    while waiting:
        yield _result(waiting.popleft())


def _index(indexer: Indexer, attribute: Attribute) -> Outcome | _Trouble:
    try:
        return indexer.index(attribute)
    except (StoreError, FormatError) as error:
        return _Trouble(attribute.uuid, error)


def _result(done: Future[Outcome | _Trouble] | Outcome | _Trouble) -> Outcome | _Trouble:
    return done.result() if isinstance(done, Future) else done
