"""One pass of `quaid misp sync` from top to bottom, and passes for ever with `--watch`. Start reading here.

    bookmark -> what changed -> whose file is needed -> fetch and index -> prune -> feedback -> relationships -> bookmark

The bookmark moves at the end of a pass that came through; one that was interrupted is repeated, and what it did is found done.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from douglas_quaid.engine import Engine
from douglas_quaid.records import Purpose
from douglas_quaid.terminal import with_progress

from .bookmark import MOST_WAITING, Bookmark, Noted, digest
from .client import Client
from .fetch import fetch
from .filters import Filters
from .index import Indexer, Manner
from .outcome import Outcome, Status
from .prune import prune
from .read import Reader, mark

OVERLAP = 300
"""Seconds that are read again in the next pass. chosen: transactions that end late, and clocks of proxies that are not quite right."""
PASSES = 10
"""Passes after which an attribute whose file never comes, while others do, is set aside like a broken one. chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    filters: Filters
    manner: Manner
    since: int | None = None
    """Read from this moment (seconds) instead of from the bookmark."""
    prune: bool = False
    feedback: bool = True
    relationships: bool = False
    page_size: int = 500


@dataclass(slots=True)
class Summary:
    """What one pass did."""

    statuses: Counter[Status] = field(default_factory=Counter)
    vetoes: int = 0
    relationships: int = 0
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return bool(self.statuses[Status.FAILED] or self.statuses[Status.WAITING])


def synchronise(engine: Engine, client: Client, options: Options, tell: Callable[[Outcome], None], *, workers: int) -> Summary:
    """One pass; `tell` hears of each attribute. Raises MispAway, MispRefused, StoreError; then the next pass begins where this one did."""
    started = time.monotonic()
    summary, manner, filters = Summary(), options.manner, options.filters
    name = f"misp:sync:{digest(manner.misp, filters.digest(), manner.into)}"
    config = engine.config
    aside = Noted(engine, f"misp:aside:{digest(manner.misp, config.max_bytes, config.max_pixels)}")
    if manner.into is not None and not manner.dry_run:
        _ensure_collection(engine, manner.into)
    bookmark = Bookmark.read(engine, name)
    waiting: dict[str, int] = {}

    def hear(outcome: Outcome) -> None:
        outcome = _judged(outcome, bookmark.waiting.get(outcome.attribute, 0), reader.wanted.get(outcome.attribute, 0))
        summary.statuses[outcome.status] += 1
        if outcome.status is Status.WAITING:
            waiting[outcome.attribute] = bookmark.waiting.get(outcome.attribute, 0) + 1
        elif outcome.status in (Status.SKIPPED, Status.FAILED) and outcome.timestamp:
            aside.add(mark(outcome.attribute, outcome.timestamp))
        tell(outcome)

    indexer = Indexer(engine, manner)
    reader = Reader(client, filters, indexer, aside, hear, page_size=options.page_size)
    after = client.now - OVERLAP
    since = bookmark.after if options.since is None else options.since
    if options.prune or not since:
        reader.everything()
    else:
        reader.changes(since)
    reader.waiting(bookmark.waiting)
    if manner.dry_run:
        for attribute in reader.wanted:
            hear(Outcome(attribute=attribute, status=Status.WOULD_FETCH))
    else:
        check = lambda: (client.present(filters, list(reader.wanted)[:1]), engine.count())  # noqa: E731
        outcomes = fetch(client, filters, indexer, reader.wanted, workers=workers, check=check)
        for number, outcome in enumerate(with_progress(outcomes, len(reader.wanted), "indexing"), 1):
            hear(outcome)
            if number % 500 == 0:
                aside.save()
    if options.prune:
        prune(engine, client, filters, reader.listed, hear, dry_run=manner.dry_run)
    if not manner.dry_run:
        aside.save()
        if len(waiting) <= MOST_WAITING:
            Bookmark(after=after, waiting=waiting).write(engine, name)
    summary.seconds = time.monotonic() - started
    return summary


def _judged(outcome: Outcome, passes: int, timestamp: int) -> Outcome:
    """An attribute that waited through many passes is given up."""
    if outcome.status is not Status.WAITING or passes + 1 < PASSES:
        return outcome
    return replace(outcome, timestamp=timestamp, status=Status.FAILED, reason=f"{outcome.reason}; given up after {PASSES} passes")


def _ensure_collection(engine: Engine, name: str) -> None:
    """The collection to fill; made as a baseline when there is none."""
    if name not in [collection.name for collection in engine.collections()]:
        engine.create_collection(name, Purpose.BASELINE)
