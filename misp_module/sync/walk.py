"""All attributes that fit, page by page, from a server on which others work meanwhile.

A server that sorts is asked by time: each page begins at the last timestamp seen, and grows while it holds
one and the same second alone. So no row that is edited or removed while we read moves another across the edge
of a page unseen, and edited ones turn up again at the end. A server too old to sort is read by page number,
again and again until one reading finds nothing new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .attribute import Attribute
from .client import Since
from .failures import MispAway

#: Rows that one second may have. chosen: far above what one import writes in a second.
LARGEST_PAGE = 1_000_000

#: `ask(since, page, size)` gives one page of at most `size` rows; the first has the number 1.
Ask = Callable[[Since, int, int], list[Attribute]]


def walk(ask: Ask, since: Since | None = None, *, size: int, sorts: bool) -> Iterator[list[Attribute]]:
    """Pages of attributes that were not given before with this timestamp. Raises MispAway for a server that
    gives no end.
    """
    return _by_time(ask, since or Since(), size) if sorts else _by_number(ask, since or Since(), size)


def _by_time(ask: Ask, since: Since, size: int) -> Iterator[list[Attribute]]:
    """Ends at a page that is not full and says nothing new: MISP takes rows that it may not show out of its
    pages.
    """
    given: set[tuple[str, int]] = set()
    limit = size
    while True:
        rows = ask(since, 1, limit)
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
                    "MISP's listing has no end; nothing is lost, the next pass begins where this one did"
                )


def _by_number(ask: Ask, since: Since, size: int) -> Iterator[list[Attribute]]:
    given: set[tuple[str, int]] = set()
    found_something = True
    while found_something:
        found_something, page, stale = False, 1, 0
        while True:
            rows = ask(since, page, size)
            fresh = _fresh(rows, given)
            if fresh:
                found_something, stale = True, 0
                yield fresh
            elif len(rows) < size or stale > len(given):  # or a server that ignores the number
                break
            page, stale = page + 1, stale + len(rows)


def _fresh(rows: list[Attribute], given: set[tuple[str, int]]) -> list[Attribute]:
    fresh = [row for row in rows if (row.uuid, row.timestamp) not in given]
    given.update((row.uuid, row.timestamp) for row in fresh)
    return fresh
