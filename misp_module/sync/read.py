"""What changed in MISP since the last pass, and of that, whose file is needed.

MISP has three clocks, and each is asked: attributes that were edited or deleted, events that were edited
(other tags, another distribution), and events that were published (or pulled from another MISP, whose
attributes bring timestamps of long ago).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from douglas_quaid.inputs import in_groups

from .attribute import Attribute
from .bookmark import Noted
from .client import Client, Since
from .filters import Filters
from .index import Indexer
from .outcome import Outcome, Status
from .walk import walk

#: UUIDs in one question. chosen: MISP puts them into one SQL condition.
ASKED_BY_UUID = 100


class Reader:
    """One pass over what MISP lists. `listed` fills with every attribute that passes, deleted ones too,
    `wanted` with those whose file is needed.
    """

    def __init__(
        self,
        client: Client,
        filters: Filters,
        indexer: Indexer,
        aside: Noted,
        tell: Callable[[Outcome], None],
        *,
        page_size: int,
    ) -> None:
        self._client, self._filters, self._indexer, self._aside, self._tell = (
            client,
            filters,
            indexer,
            aside,
            tell,
        )
        self._page_size = page_size
        self._done: set[tuple[str, int]] = set()
        self.listed: set[str] = set()
        self.wanted: dict[str, int] = {}
        """UUIDs and timestamps, in the order in which they came."""

    def everything(self) -> None:
        self._window(Since())

    def changes(self, after: int) -> None:
        for since in (Since(attribute=after), Since(event=after), Since(publication=after)):
            self._window(since)

    def waiting(self, attributes: Iterable[str]) -> None:
        """Attributes of earlier passes; those that MISP no longer has, or the filters no longer want, are
        dropped.
        """
        for some in in_groups(attributes, ASKED_BY_UUID):
            self._page(self._client.present(self._filters, some))

    def _window(self, since: Since) -> None:
        for rows in walk(
            partial(self._client.page, self._filters), since, size=self._page_size, sorts=self._client.sorts()
        ):
            self._page(rows)

    def _page(self, rows: Sequence[Attribute]) -> None:
        fresh = [row for row in rows if (row.uuid, row.timestamp) not in self._done]
        self._done.update((row.uuid, row.timestamp) for row in fresh)
        passing = []
        for row in fresh:
            if self._filters.passes(row):
                passing.append(row)
            else:
                self._tell(Outcome.of(row, Status.FILTERED))
        self.listed.update(row.uuid for row in passing)
        for row, outcome in zip(passing, self._indexer.known(passing), strict=True):
            if outcome is not None:
                self._tell(outcome)
            elif mark(row.uuid, row.timestamp) in self._aside:
                self._tell(
                    Outcome.of(
                        row, Status.SKIPPED, reason="set aside by an earlier pass, and not changed since"
                    )
                )
            else:
                self.wanted[row.uuid] = row.timestamp


def mark(attribute: str, timestamp: int) -> str:
    """Names one state of an attribute."""
    return f"{attribute}@{timestamp}"
