"""Finds what changed in MISP since the last pass, and which files are needed for it.

MISP has three clocks, and all are read: attributes that were edited or deleted, events that were edited
(tags, distribution), and events that were published (or pulled from another MISP, with old timestamps).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from douglas_quaid.batches import in_groups

from .attribute import Attribute
from .bookmark import PersistentSet
from .client import Client, Since
from .filters import Filters
from .index import Indexer
from .outcome import Outcome, Status
from .walk import walk

#: UUIDs in one request. chosen: MISP puts them into one SQL condition.
UUIDS_PER_REQUEST = 100


class Reader:
    """One pass over what MISP lists. Its methods raise MispAway, MispRefused and StoreError."""

    def __init__(
        self,
        client: Client,
        filters: Filters,
        indexer: Indexer,
        set_aside: PersistentSet,
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

    def everything(self) -> None:
        """Read all attributes."""
        self._window(Since())

    def changes(self, after: int) -> None:
        """Read what changed since `after`, in seconds on MISP's clock."""
        for since in (Since(attribute=after), Since(event=after), Since(publication=after)):
            self._window(since)

    def waiting(self, attributes: Iterable[str]) -> None:
        """Read attributes of earlier passes; those that are gone or no longer pass the filters
        are dropped.
        """
        for group in in_groups(attributes, UUIDS_PER_REQUEST):
            self._page(self._client.present(self._filters, group))

    def _window(self, since: Since) -> None:
        read_page = partial(self._client.page, self._filters)
        for rows in walk(read_page, since, size=self._page_size, sorts=self._client.sorts()):
            self._page(rows)

    def _page(self, rows: Sequence[Attribute]) -> None:
        fresh = [row for row in rows if (row.uuid, row.timestamp) not in self._done]
        self._done.update((row.uuid, row.timestamp) for row in fresh)
        passing = []
        for row in fresh:
            if self._filters.passes(row):
                passing.append(row)
            else:
                self._report(Outcome.of(row, Status.FILTERED))
        self.listed.update(row.uuid for row in passing)
        for row, outcome in zip(passing, self._indexer.known(passing), strict=True):
            if outcome is not None:
                self._report(outcome)
            elif state(row.uuid, row.timestamp) in self._set_aside:
                reason = "set aside by an earlier pass, and unchanged since"
                self._report(Outcome.of(row, Status.SKIPPED, reason=reason))
            else:
                self.needed[row.uuid] = row.timestamp


def state(attribute: str, timestamp: int) -> str:
    """Return a name for one state of an attribute (UUID)."""
    return f"{attribute}@{timestamp}"
