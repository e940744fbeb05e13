"""Lists all matching attributes, page by page, while others work on the server.

A server that sorts is read by time: each page begins at the latest timestamp so far, and the page size grows
while a page holds only one second. So no row is missed when another is edited or deleted meanwhile, and
edited rows appear again at the end. A server too old to sort is read by page number, repeatedly, until one
reading finds nothing new.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from .attribute import Attribute
from .client import Since
from .failures import MispAway

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
