"""All attributes that fit, page by page, from a server on which others work meanwhile.

Pages are asked for by time, not by number alone: the next page begins at the last timestamp seen, and is repeated with the next
number only while a page holds one and the same second. So a row that is edited or removed while we read moves no other row across
the edge of a page unseen: edited ones turn up again at the end, and a row comes once per timestamp. Servers too old to sort
are read by page number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from .attribute import Attribute
from .client import Since


def walk(ask: Callable[[Since, int], list[Attribute]], since: Since | None = None, *, size: int) -> Iterator[list[Attribute]]:
    """Pages of attributes that were not given before with this timestamp; ends at a page that is not full and says nothing new.

    `ask(since, page)` gives one page of at most `size` attributes, numbered from 1.
    """
    since, page, sorted_by_time = since or Since(), 1, True
    given: set[tuple[str, int]] = set()
    while True:
        rows = ask(since, page)
        fresh = [row for row in rows if (row.uuid, row.timestamp) not in given]
        given.update((row.uuid, row.timestamp) for row in fresh)
        if fresh:
            yield fresh
        elif len(rows) < size:
            return
        times = [row.timestamp for row in rows]
        sorted_by_time = sorted_by_time and times == sorted(times)
        if sorted_by_time and times[-1] > since.attribute:
            since, page = replace(since, attribute=times[-1]), 1
            given = {place for place in given if place[1] >= since.attribute}
        else:
            page += 1
