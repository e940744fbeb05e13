"""Pictures that AIL had before us: its folders of images and screenshots are stored first, then linked.

AIL need not run, and none of its code is loaded. The files lie in the order of their names, so a bookmark
with the last name before which everything is done makes the run resumable, and a name says how far it has
come. Everything is stored before anything is linked: each picture is then searched for once, among all.

    add    files behind the bookmark -> which are known? what does AIL know of the others? -> read, store,
           without a search -> bookmark
    link   occurrences in the store -> which are not linked? -> link
    write  occurrences in the store -> which match, and were not written about? -> the module's queue
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

from douglas_quaid import Correlator, Engine, FormatError, NotFound, Occurrence
from douglas_quaid.batches import in_groups, in_parallel
from douglas_quaid.bulk.adding import FEWEST
from douglas_quaid.bulk.linking import Linked, Linkers, link_image
from douglas_quaid.parallel.pool import Lost, Pool

from ..config import Locations, Settings
from ..objects import TYPES, AilObject
from ..publishing.store_view import stored_findings
from ..runtime.process import WRITTEN, WRITTEN_BY, occurrence_labels
from ..servers import UNKNOWN, About, AilServers
from . import adding
from .adding import Order, Rules, Stored, add_file
from .picture_files import Broken, File, picture_files

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a back-fill has come."""

    #: image, screenshot, link or write.
    stage: str
    #: Number of objects that this stage has passed in this run.
    done: int
    #: Share of the names, 0 to 1; None if the end is unknown.
    share: float | None
    #: Objects per second in this run.
    rate: float


class Pace:
    """Lets a limited number of items through per second. Lost time is not made up for."""

    def __init__(self, rate: float | None) -> None:
        """`rate`: maximum number per second; None: no limit."""
        self._pause = 1 / rate if rate else 0.0
        self._next = 0.0

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, each when it is time for it."""
        for item in items:
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + self._pause
            yield item


class Clock:
    """Counts what a stage has done, and reports it every `seconds`. chosen: readable in a log, too."""

    def __init__(self, stage: str, report: Callable[[Progress], None], *, seconds: float = 10.0) -> None:
        self._stage, self._report, self._seconds = stage, report, seconds
        self._began = self._reported = time.monotonic()
        self._done = 0

    def tick(self, count: int, *, share: float | None = None) -> None:
        """Add to the count, and report if it is time."""
        self._done += count
        now = time.monotonic()
        if now - self._reported >= self._seconds:
            self._reported = now
            self._report(Progress(self._stage, self._done, share, self._done / (now - self._began)))


#: Start of the names of bookmarks; the type of objects follows. Each holds the last name before which all
#: files are stored or broken.
BOOKMARK = "ail:backfill:"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillOptions:
    """What one run does."""

    #: Types of objects.
    kinds: Sequence[str] = TYPES
    #: Maximum number of files per second; None: no limit.
    rate: float | None = None
    #: Maximum number of new files in this run; None: no limit.
    limit: int | None = None
    #: Number of files in one round trip. chosen: a crash repeats at most so many.
    batch: int = 200


@dataclass(slots=True)
class Counts:
    """What a run has done so far."""

    #: Files that are new to the store.
    added: int = 0
    #: Files that were in the store.
    known: int = 0
    #: GIFs that the settings exclude.
    skipped: int = 0
    #: Added files of which only hashes are kept.
    hash_only: int = 0
    #: Files and folders that cannot be used.
    broken: int = 0
    #: Pictures that were searched for.
    linked: int = 0
    #: Objects for which there is something to write to AIL.
    matching: int = 0
    #: Those of them that were put into the module's queue.
    sent: int = 0
    #: False if the limit ended the run; the next run goes on there.
    complete: bool = True


class Backfill:
    """One run. `tell` gets what is broken, `progress` a report every few seconds; both on the caller's
    thread.

    Its methods may raise StoreError, and can then be called again in another run.
    """

    def __init__(
        self,
        engine: Correlator,
        locations: Locations,
        settings: Settings,
        options: BackfillOptions,
        *,
        ail: AilServers | None = None,
        tell: Callable[[Broken], None],
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """`ail`: asked what AIL knows of the pictures; None: nobody is asked."""
        self._engine, self._settings, self._options = engine, settings, options
        self._folders = {"image": os.fspath(locations.images), "screenshot": os.fspath(locations.screenshots)}
        self._ail, self._tell, self._progress = ail, tell, progress
        self._pace = Pace(options.rate)
        self._rules = Rules(settings.max_bytes, settings.skip_gif)
        self._adders: Pool | None = None
        self._linkers: Linkers | None = None
        #: What was done so far.
        self.counts = Counts()

    def survey(self) -> Counts:
        """Return what `add` would find. Reads names only, and writes nothing."""
        for kind in self._options.kinds:
            for batch in self._batches(kind):
                new = self._unknown(batch)
                self.counts.added += len(new)
                self.counts.known += len(batch) - len(new)
        return self.counts

    def add(self) -> Counts:
        """Store all files behind the bookmarks of a run that did not end, and return the counts."""
        left = self._options.limit
        for kind in self._options.kinds:
            clock = Clock(kind, self._progress)
            for batch in self._batches(kind):
                new = self._unknown(batch)
                if left is not None and len(new) > left:
                    batch, new = batch[: batch.index(new[left])], new[:left]
                    self.counts.complete = False
                self._add_batch(batch, new)
                if batch:
                    last = batch[-1].object.id
                    self._engine.set_bookmark(BOOKMARK + kind, last)
                    clock.tick(len(batch), share=int(last[:8], 16) / 2**32)
                if not self.counts.complete:
                    return self.counts
                left = None if left is None else left - len(new)
            self._engine.set_bookmark(BOOKMARK + kind, None)
        return self.counts

    def link(self) -> Counts:
        """Search for each picture of AIL that was not searched for yet, and return the counts.

        It may end anywhere: the store knows which pictures are linked.
        """
        clock = Clock("link", self._progress)
        for batch in in_groups(self._occurrences(), self._options.batch):
            seen_at = self._engine.sightings(batch)
            waiting = sorted({seen.image_id for images in seen_at for seen in images if not seen.linked})
            for done in self._linked(waiting):
                if done.error is None:
                    self.counts.linked += done.hits is not None
                else:
                    self._broken(Broken(done.image_id, str(done.error)))
            clock.tick(len(waiting))
        return self.counts

    def close(self) -> None:
        """End the worker processes."""
        for pool in (self._adders, self._linkers):
            if pool is not None:
                pool.close()

    def write(self, ail: AilServers | None, module: str) -> Counts:
        """Put objects that match another, or may match it, and were not written about into the queue of a
        module, which writes AIL's tags and correlations. Return the counts. `ail` None: count only.
        """
        clock = Clock("write", self._progress)
        for batch in in_groups(self._occurrences(), self._options.batch):
            gids = [
                obj.gid
                for obj in self._pace.each(self._unwritten(batch))
                if stored_findings(self._engine, obj)
            ]
            self.counts.matching += len(gids)
            if ail and gids:
                ail.push(module, [f"{gid};" for gid in gids])
                self.counts.sent += len(gids)
            clock.tick(len(batch))
        return self.counts

    # -- files -----------------------------------------------------------------------------------------------

    def _batches(self, kind: str) -> Iterator[list[File]]:
        after = self._engine.bookmark(BOOKMARK + kind) or ""
        files = picture_files(kind, self._folders[kind], after=after, tell=self._broken)
        return in_groups(files, self._options.batch)

    def _unknown(self, batch: Sequence[File]) -> list[File]:
        seen_at = self._engine.sightings([file.object.occurrence for file in batch])
        return [file for file, seen in zip(batch, seen_at, strict=True) if not seen]

    def _add_batch(self, batch: Sequence[File], new: Sequence[File]) -> None:
        self.counts.known += len(batch) - len(new)
        known = self._ail.about([file.object for file in new]) if self._ail and new else [UNKNOWN] * len(new)
        orders = [self._order(file, about) for file, about in zip(new, known, strict=True)]
        for order, stored in zip(orders, self._stored(orders), strict=True):
            if stored.status == "broken":
                self._broken(Broken(order.path, stored.reason))
            else:
                setattr(self.counts, stored.status, getattr(self.counts, stored.status) + 1)
                self.counts.hash_only += stored.status == "added" and order.hash_only

    def _order(self, file: File, about: About) -> Order:
        hash_only = about.unsafe and self._settings.unsafe_hash_only
        return Order(str(file.object.occurrence), file.path, occurrence_labels(about), hash_only)

    def _stored(self, orders: Sequence[Order]) -> Iterator[Stored]:
        """Store files by worker processes; a few are quicker without."""
        paced, config = self._pace.each(orders), self._engine.config
        if not self._worth_processes(len(orders)):
            yield from in_parallel(
                lambda order: add_file(self._engine, order, self._rules), paced, config.threads
            )
            return
        if self._adders is None:
            self._adders = Pool(adding.__name__, json.dumps(asdict(self._rules)), config)
        for order, found in zip(orders, self._adders.map(o.to_text() for o in paced), strict=True):
            if isinstance(found, Lost):
                reason = f"two processes ended while they worked on it ({found.reason})"
                yield Stored("broken", f"{order.path}: {reason}; the next run leaves it out")
            else:
                yield Stored(**json.loads(found))

    def _broken(self, broken: Broken) -> None:
        self.counts.broken += 1
        self._tell(broken)

    def _linked(self, ids: Sequence[str]) -> Iterator[Linked]:
        """Link images by worker processes; a few are quicker without."""
        paced, config = self._pace.each(ids), self._engine.config
        if not self._worth_processes(len(ids)):
            yield from in_parallel(self._link_one, paced, config.threads)
            return
        if self._linkers is None:
            self._linkers = Linkers(config)
        yield from self._linkers.link(paced)

    def _link_one(self, image_id: str) -> Linked:
        if isinstance(self._engine, Engine):
            return link_image(self._engine, image_id)
        try:
            self._engine.link(image_id)
        except NotFound:  # forgotten meanwhile
            return Linked(image_id)
        except FormatError as error:
            return Linked(image_id, error=error)
        return Linked(image_id, 0)  # (nobody asks how many hits)

    def _worth_processes(self, count: int) -> bool:
        """Whether there is enough to do, and it is done on this machine and not by a service."""
        return count >= FEWEST and self._engine.config.threads > 1 and isinstance(self._engine, Engine)

    # -- occurrences -----------------------------------------------------------------------------------------

    def _occurrences(self) -> Iterator[Occurrence]:
        for kind in self._options.kinds:
            yield from self._engine.occurrences(f"ail:{kind}:")

    def _unwritten(self, batch: Sequence[Occurrence]) -> Iterator[AilObject]:
        for occurrence, seen in zip(batch, self._engine.sightings(batch), strict=True):
            obj = AilObject.of(occurrence)
            if obj and seen and not any(each.sighting.labels.get(WRITTEN) == WRITTEN_BY for each in seen):
                yield obj
