"""Finds what changed in MISP since the last pass, which files are needed for it, and what MISP no longer has.

MISP has three clocks, and all are read: attributes that were edited or deleted, events that were edited
(tags, distribution), and events that were published (or pulled from another MISP, with old timestamps).

`walk` lists all matching attributes, page by page, while others work on the server. A server that sorts is
read by time: each page begins at the latest timestamp so far, and the page size grows while a page holds only
one second. So no row is missed when another is edited or deleted meanwhile, and edited rows appear again at
the end. A server too old to sort is read by page number, repeatedly, until one reading finds nothing new.

`prune` removes occurrences from the store that this MISP no longer has, or that no longer pass the filters. A
normal pass learns of soft deletions only. It does not learn of attributes and events that were deleted for
good, nor of those that became less visible. So the occurrences in the store are compared with everything that
MISP lists, and MISP is asked again about each that is missing: an attribute that was added meanwhile, or that
moved between two pages, is kept.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from functools import partial

from douglas_quaid import Correlator
from douglas_quaid.batches import in_groups

from ..attributes import OCCURRENCE_PREFIX
from .attribute import Attribute, Filters, Outcome, Status
from .client import Client, MispAway, Since
from .index import Indexer, withdraw
from .unread import SetAside, state

#: Maximum number of rows with the same timestamp. chosen: far above what one import writes in a second.
LARGEST_PAGE = 1_000_000

#: `read_page(since, number, size)` returns one page of at most `size` rows; the first has the number 1.
ReadPage = Callable[[Since, int, int], list[Attribute]]


def walk(
    read_page: ReadPage, since: Since | None = None, *, size: int, sorts: bool
) -> Iterator[list[Attribute]]:
    """Return pages of attributes, each attribute once for each timestamp it has meanwhile.

    `sorts` says whether the server sorts. Raises MispAway when the listing of the server does not end, and
    whatever `read_page` raises.
    """
    return (
        _by_time(read_page, since or Since(), size)
        if sorts
        else _by_number(read_page, since or Since(), size)
    )


def _by_time(read_page: ReadPage, since: Since, size: int) -> Iterator[list[Attribute]]:
    """Ends at a page that is not full and has nothing new; MISP removes rows that it may not show from its
    pages.
    """
    given: set[tuple[str, int]] = set()
    limit = size
    while True:
        rows = read_page(since, 1, limit)
        fresh = _fresh(rows, given)
        if fresh:
            yield fresh
        elif len(rows) < limit:
            return
        latest = max(row.timestamp for row in rows)
        if latest > since.attribute:
            since, limit = replace(since, attribute=latest), size
            given = {state for state in given if state[1] >= latest}
        elif len(rows) >= limit:
            limit *= 2
            if limit > LARGEST_PAGE:
                raise MispAway(
                    f"MISP's listing has no end, or more than {LARGEST_PAGE:,} attributes of one second;"
                    " nothing is lost, the next pass begins where this one did"
                )


def _by_number(read_page: ReadPage, since: Since, size: int) -> Iterator[list[Attribute]]:
    given: set[tuple[str, int]] = set()
    found_something = True
    while found_something:
        found_something, number, stale = False, 1, 0
        while True:
            rows = read_page(since, number, size)
            fresh = _fresh(rows, given)
            if fresh:
                found_something, stale = True, 0
                yield fresh
            elif len(rows) < size or stale > len(given):  # the end, or a server that ignores the page number
                break
            number, stale = number + 1, stale + len(rows)


def _fresh(rows: list[Attribute], given: set[tuple[str, int]]) -> list[Attribute]:
    fresh = [row for row in rows if (row.uuid, row.timestamp) not in given]
    given.update((row.uuid, row.timestamp) for row in fresh)
    return fresh


#: UUIDs in one request. chosen: MISP puts them into one SQL condition.
UUIDS_PER_REQUEST = 100


class Reader:
    """One pass over what MISP lists. Its methods raise MispAway, MispRefused and StoreError."""

    def __init__(
        self,
        client: Client,
        filters: Filters,
        indexer: Indexer,
        set_aside: SetAside,
        report: Callable[[Outcome], None],
        *,
        page_size: int,
    ) -> None:
        """Read from `client`; `set_aside` are states of attributes (see `state`) whose file is not needed
        again.
        """
        self._client, self._filters, self._indexer = client, filters, indexer
        self._set_aside, self._report, self._page_size = set_aside, report, page_size
        self._done: set[tuple[str, int]] = set()
        #: UUIDs of all attributes that pass the filters, deleted ones too.
        self.listed: set[str] = set()
        #: UUIDs and timestamps of the attributes whose file is needed, in the order of the listing.
        self.needed: dict[str, int] = {}

    def read(self, after: int, waiting: Iterable[str]) -> None:
        """Read what changed since `after`, in seconds on MISP's clock (0: everything), and what waits from
        earlier passes. Waiting attributes that are gone or no longer pass the filters are dropped.
        """
        bounds = (
            [Since(attribute=after), Since(event=after), Since(publication=after)] if after else [Since()]
        )
        read_page = partial(self._client.page, self._filters)
        for since in bounds:
            for rows in walk(read_page, since, size=self._page_size, sorts=self._client.sorts()):
                self._page(rows)
        for group in in_groups(waiting, UUIDS_PER_REQUEST):
            self._page(self._client.present(self._filters, group))

    def _page(self, rows: list[Attribute]) -> None:
        passing = []
        for row in _fresh(rows, self._done):
            if self._filters.passes(row):
                passing.append(row)
            else:
                self._report(Outcome.of(row, Status.FILTERED))
        self.listed.update(row.uuid for row in passing)
        for row, outcome in zip(passing, self._indexer.known(passing), strict=True):
            if outcome is not None:
                self._report(outcome)
            elif state(row.uuid, row.timestamp) in self._set_aside:
                self._report(
                    Outcome.of(
                        row, Status.SKIPPED, reason="set aside by an earlier pass, and unchanged since"
                    )
                )
            else:
                self.needed[row.uuid] = row.timestamp


#: Occurrences that are read from the store in one go. chosen.
OCCURRENCES_PER_READ = 500


def prune(
    engine: Correlator,
    client: Client,
    filters: Filters,
    listed: Collection[str],
    report: Callable[[Outcome], None],
    *,
    dry_run: bool,
) -> None:
    """Remove what is missing in `listed`, the UUIDs of all attributes that MISP has and that pass the
    filters.

    Raises MispAway, MispRefused, StoreError.
    """
    for group in in_groups(_missing(engine, client, filters, listed), UUIDS_PER_REQUEST):
        there = {
            row.uuid for row in client.present(filters, group) if filters.passes(row) and not row.deleted
        }
        for attribute in [uuid for uuid in group if uuid not in there]:
            image_id = None if dry_run else withdraw(engine, OCCURRENCE_PREFIX + attribute)
            status = Status.WOULD_WITHDRAW if dry_run else Status.WITHDRAWN
            report(Outcome(attribute=attribute, image_id=image_id, status=status))


def _missing(engine: Correlator, client: Client, filters: Filters, listed: Collection[str]) -> Iterator[str]:
    """UUIDs of this MISP's attributes in the store that are not listed; with a filter for an event, of its
    own.
    """
    missing: set[str] = set()
    occurrences = map(str, engine.occurrences(OCCURRENCE_PREFIX))
    for places in in_groups(occurrences, OCCURRENCES_PER_READ):
        for place, seen in zip(places, engine.sightings(places), strict=True):
            attribute = place.removeprefix(OCCURRENCE_PREFIX)
            labels = seen[0].sighting.labels if seen else {}
            ours = labels.get("misp") == client.url and filters.event in (None, labels.get("event"))
            if ours and attribute not in listed and attribute not in missing:
                missing.add(attribute)
                yield attribute
