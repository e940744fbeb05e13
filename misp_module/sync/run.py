"""One pass of `quaid misp sync` from top to bottom, and passes for ever with `--watch`. Start reading here.

    bookmark -> what changed -> whose file is needed -> fetch and index -> prune -> feedback -> relationships
    -> bookmark

The bookmark moves at the end of a pass that came through; one that was interrupted is repeated, and what it
did is found done.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from douglas_quaid.cli.terminal import with_progress
from douglas_quaid.engine import Engine
from douglas_quaid.records import Purpose

from .bookmark import MOST_WAITING, Bookmark, Noted, digest
from .client import Client
from .feedback import feedback
from .fetch import fetch
from .filters import Filters
from .index import Indexer, Manner
from .outcome import Outcome, Status
from .prune import prune
from .read import Reader, mark
from .relationships import relate

#: Seconds that are read again in the next pass. chosen: transactions that end late, and clocks of proxies
#: that are not quite right.
OVERLAP = 300
#: Files after which the notes about those that are no pictures are saved. chosen.
SAVED_EVERY = 500
#: Passes after which an attribute whose file never comes, while others do, is set aside like a broken one.
#: chosen.
PASSES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    filters: Filters
    manner: Manner
    #: Read from this moment (seconds) instead of from the bookmark.
    since: int | None = None
    prune: bool = False
    feedback: bool = True
    relationships: bool = False
    page_size: int = 500


@dataclass(slots=True)
class Summary:
    """What one pass did."""

    statuses: Counter[Status] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.statuses[Status.FAILED] or self.statuses[Status.WAITING])


def synchronise(
    engine: Engine, client: Client, options: Options, tell: Callable[[Outcome], None], *, workers: int
) -> Summary:
    """One pass; `tell` hears of each attribute. Raises MispAway, MispRefused, StoreError; then the next pass
    begins where this one did.
    """
    started = time.monotonic()
    this = _Pass(engine, client, options, tell)
    after = client.now - OVERLAP
    this.read()
    this.fetch(workers)
    if options.prune:
        prune(engine, client, options.filters, this.reader.listed, this.hear, dry_run=this.dry_run)
    if options.feedback:
        this.feedback()
    if options.relationships:
        this.relate()
    this.remember(after)
    this.summary.seconds = time.monotonic() - started
    return this.summary


class _Pass:
    def __init__(
        self, engine: Engine, client: Client, options: Options, tell: Callable[[Outcome], None]
    ) -> None:
        self._engine, self._client, self._options, self._tell = engine, client, options, tell
        self.summary = Summary()
        self.dry_run = options.manner.dry_run
        manner, filters, limits = options.manner, options.filters, engine.config
        self._name = f"misp:sync:{digest(manner.misp, filters.digest(), manner.into)}"
        self._aside = Noted(engine, f"misp:aside:{digest(manner.misp, limits.max_bytes, limits.max_pixels)}")
        self._bookmark = Bookmark.read(engine, self._name)
        self._waiting: dict[str, int] = {}
        self._images: dict[str, str] = {}
        self._indexer = Indexer(engine, manner)
        self.reader = Reader(
            client, filters, self._indexer, self._aside, self.hear, page_size=options.page_size
        )

    def hear(self, outcome: Outcome) -> None:
        """Every outcome comes by here: counted, kept for the next pass where that is needed, and told."""
        if outcome.status is Status.WAITING:
            outcome = self._still_waiting(outcome)
        elif (
            outcome.status in (Status.ADDED, Status.UPDATED, Status.KNOWN)
            and outcome.image_id
            and self._options.relationships
        ):
            self._images[outcome.attribute] = outcome.image_id
        if outcome.status in (Status.SKIPPED, Status.FAILED):
            self._aside.add(mark(outcome.attribute, outcome.timestamp))
        self.summary.statuses[outcome.status] += 1
        self._tell(outcome)

    def _still_waiting(self, outcome: Outcome) -> Outcome:
        """What waited through many passes is given up, like a broken picture."""
        passes = self._bookmark.waiting.get(outcome.attribute, 0) + 1
        if passes >= PASSES:
            timestamp = self.reader.wanted.get(outcome.attribute, outcome.timestamp)
            return replace(
                outcome,
                timestamp=timestamp,
                status=Status.FAILED,
                reason=f"{outcome.reason}; given up after {PASSES} passes",
            )
        self._waiting[outcome.attribute] = passes
        return outcome

    def read(self) -> None:
        since = self._bookmark.after if self._options.since is None else self._options.since
        if self._options.prune or not since:
            self.reader.everything()
        else:
            self.reader.changes(since)
        self.reader.waiting(self._bookmark.waiting)

    def fetch(self, workers: int) -> None:
        wanted = self.reader.wanted
        if self.dry_run:
            for attribute in wanted:
                self.hear(Outcome(attribute=attribute, status=Status.WOULD_FETCH))
            return
        into = self._options.manner.into
        if into is not None and into not in [collection.name for collection in self._engine.collections()]:
            self._engine.create_collection(into, Purpose.BASELINE)
        outcomes = fetch(
            self._client, self._options.filters, self._indexer, wanted, workers=workers, check=self._check
        )
        for number, outcome in enumerate(with_progress(outcomes, len(wanted), "indexing"), 1):
            self.hear(outcome)
            if number % SAVED_EVERY == 0:
                self._aside.save()

    def _check(self) -> None:
        """Raises when MISP or the store are away."""
        self._client.present(self._options.filters, list(self.reader.wanted)[:1])
        self._engine.count()

    def feedback(self) -> None:
        done = Noted(self._engine, f"misp:feedback:{digest(self._client.url)}")
        feedback(
            self._engine,
            self._client,
            done,
            self.hear,
            page_size=self._options.page_size,
            dry_run=self.dry_run,
        )
        done.save()

    def relate(self) -> None:
        done = Noted(self._engine, f"misp:relationships:{digest(self._client.url)}")
        try:
            relate(self._engine, self._client, self._images.items(), done, self.hear, dry_run=self.dry_run)
        finally:
            done.save()

    def remember(self, after: int) -> None:
        """The pass came through: the next one goes on from `after`."""
        if self.dry_run:
            return
        self._aside.save()
        if len(self._waiting) <= MOST_WAITING:
            Bookmark(after=after, waiting=self._waiting).write(self._engine, self._name)
