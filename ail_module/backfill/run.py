"""Pictures that AIL had before us: its folders of images and screenshots into the store, then one pass that
links them.

Takes the two folders (no AIL needs to run, none of its code is loaded), gives counts and one `Broken` for
each file that cannot be used. The files lie in the order of their names, which are sha256 of their bytes, so
the walk is resumable from a bookmark that holds the last name of which all before are done, and a name says
how far the walk has come. All are added before any is linked: each is then searched for once, among all of
them.

    walk (after the bookmark) -> 200 at a time: which are known? what does AIL know of the others? -> read,
    add without a search -> bookmark
    places in the store       -> 200 at a time: which are not linked?              -> link
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import TypeVar

from douglas_quaid.batches import in_parallel
from douglas_quaid.engine import Engine
from douglas_quaid.errors import ConfigError, CorruptImage, DouglasQuaidError, NotFound, StoreError
from douglas_quaid.records import Decision, Occurrence

from ..config import Places, Settings
from ..objects import TYPES, AilObject, read
from ..runtime.process import WRITTEN, WRITTEN_BY, place_labels
from ..servers import NOTHING, About, AilServers
from .picture_files import Broken, File, walk

#: And the kind: the last name of which all before are in the store or broken.
BOOKMARK = "ail:backfill:"
#: Files that are asked about in one round trip. chosen: a crash repeats at most so many.
BATCH = 200
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is, now and then."""

    #: image, screenshot, link, write.
    stage: str
    done: int
    #: Of the names, 0 to 1; None where the end is not known.
    share: float | None
    #: A second, in this run.
    rate: float


@dataclass(slots=True)
class Counts:
    added: int = 0
    known: int = 0
    #: GIFs, when the settings leave them alone.
    skipped: int = 0
    #: Of the added.
    hash_only: int = 0
    broken: int = 0
    linked: int = 0
    #: Objects for which there is something to write to AIL.
    matching: int = 0
    #: Of these, handed to the module's queue.
    sent: int = 0
    #: False: `limit` ended the walk; the next run goes on there.
    complete: bool = True


class Backfill:
    """One run. `tell` gets what is broken, `progress` a report every few seconds; both from one thread."""

    def __init__(
        self,
        engine: Engine,
        places: Places,
        settings: Settings,
        *,
        kinds: Sequence[str] = TYPES,
        rate: float | None = None,
        limit: int | None = None,
        ail: AilServers | None = None,
        tell: Callable[[Broken], None],
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """`rate`: most files a second. `limit`: most new files in this run. `ail`: whom to ask what AIL knows
        of them; None: nobody.
        """
        self._engine, self._settings, self._kinds = engine, settings, kinds
        self._folders = {"image": os.fspath(places.images), "screenshot": os.fspath(places.screenshots)}
        self._pace, self._limit, self._ail = Pace(rate), limit, ail
        self._tell, self._progress = tell, progress
        self.counts = Counts()

    # -- the files -------------------------------------------------------------------------------------------

    def add(self) -> Counts:
        """Everything on disk into the store, after the bookmark of a run that did not end. Raises StoreError,
        and can then be run again.
        """
        left = self._limit
        for kind in self._kinds:
            clock = Clock(kind, self._progress)
            for batch in batches(
                walk(
                    kind,
                    self._folders[kind],
                    after=self._engine.bookmark(BOOKMARK + kind) or "",
                    tell=self._broken,
                )
            ):
                new = self._unknown(batch)
                if left is not None and len(new) > left:
                    batch, new = batch[: batch.index(new[left])], new[:left]
                    self.counts.complete = False
                self._add_batch(batch, new)
                if batch:
                    self._engine.set_bookmark(BOOKMARK + kind, batch[-1].object.id)
                    clock.tick(len(batch), share=int(batch[-1].object.id[:8], 16) / 2**32)
                if not self.counts.complete:
                    return self.counts
                left = None if left is None else left - len(new)
            self._engine.set_bookmark(BOOKMARK + kind, None)
        return self.counts

    def survey(self) -> Counts:
        """What `add` would find; reads names only and writes nothing."""
        for kind in self._kinds:
            for batch in batches(
                walk(
                    kind,
                    self._folders[kind],
                    after=self._engine.bookmark(BOOKMARK + kind) or "",
                    tell=self._broken,
                )
            ):
                known = len(batch) - len(self._unknown(batch))
                self.counts.known += known
                self.counts.added += len(batch) - known
        return self.counts

    def _add_batch(self, batch: Sequence[File], new: Sequence[File]) -> None:
        self.counts.known += len(batch) - len(new)
        objects = [file.object for file in new]
        about = dict(
            zip(objects, self._ail.about(objects) if self._ail and new else [NOTHING] * len(new), strict=True)
        )

        def work(file: File) -> str | Broken:
            try:
                return self._add_one(file, about[file.object])
            except (StoreError, ConfigError):
                raise
            except DouglasQuaidError as error:
                return Broken(file.path, str(error))
            except OSError as error:
                return Broken(file.path, f"{file.path}: cannot be read: {error.strerror}")

        for outcome in in_parallel(work, self._pace.each(new), self._engine.config.threads):
            if isinstance(outcome, Broken):
                self._broken(outcome)
            else:
                for count in outcome.split():
                    setattr(self.counts, count, getattr(self.counts, count) + 1)

    def _unknown(self, batch: Sequence[File]) -> list[File]:
        places = self._engine.sightings([file.object.occurrence for file in batch])
        return [file for file, seen in zip(batch, places, strict=True) if not seen]

    def _add_one(self, file: File, about: About) -> str:
        """Names of the counts it counts for. Raises ImageError, FileNotThere, OSError, StoreError."""
        data = read(file.path, self._settings.max_bytes)
        if hashlib.sha256(data).hexdigest() != file.object.id:
            raise CorruptImage(
                f"{file.path}: its {len(data):,} bytes do not have the sha256 that its name says; it was cut short or changed"
            )
        if self._settings.skip_gif and data[:4] == b"GIF8":
            return "skipped"
        stored = datetime.fromtimestamp(os.stat(file.path).st_mtime, timezone.utc)
        labels = place_labels(domains=about.domains, chats=about.chats)
        hash_only = about.unsafe and self._settings.unsafe_hash_only
        result = self._engine.add(
            data,
            occurrence=file.object.occurrence,
            labels=labels,
            seen=stored,
            link=False,
            hash_only=hash_only,
            name=file.path,
        )
        return "known" if result.status != "added" else "added hash_only" if hash_only else "added"

    def _broken(self, broken: Broken) -> None:
        self.counts.broken += 1
        self._tell(broken)

    # -- what they have in common ----------------------------------------------------------------------------

    def link(self) -> Counts:
        """Search for each picture of AIL that was not searched for yet. Ends and goes on where it likes: the
        store knows which are linked.
        """
        clock = Clock("link", self._progress)
        for batch in batches(self._places()):
            waiting = {
                seen.image_id for place in self._engine.sightings(batch) for seen in place if not seen.linked
            }

            def work(image_id: str) -> int:
                try:
                    self._engine.link(image_id)
                except NotFound:  # forgotten meanwhile
                    return 0
                return 1

            self.counts.linked += sum(
                in_parallel(work, self._pace.each(sorted(waiting)), self._engine.config.threads)
            )
            clock.tick(len(waiting))
        return self.counts

    def write(self, ail: AilServers | None, module: str) -> Counts:
        """Hand what matches another, or may, and was not written about yet to the module's queue: the module
        writes AIL's tags and correlations.

        `ail` None: count only.
        """
        clock = Clock("write", self._progress)
        for batch in batches(self._places()):
            gids = [obj.gid for obj in self._pace.each(self._unwritten(batch)) if self._matches(obj)]
            self.counts.matching += len(gids)
            if ail and gids:
                ail.push(module, [f"{gid};" for gid in gids])
                self.counts.sent += len(gids)
            clock.tick(len(batch))
        return self.counts

    def _unwritten(self, batch: Sequence[Occurrence]) -> Iterator[AilObject]:
        for place, seen in zip(batch, self._engine.sightings(batch), strict=True):
            obj = AilObject.of(place)
            if obj and seen and not any(each.sighting.labels.get(WRITTEN) == WRITTEN_BY for each in seen):
                yield obj

    def _places(self) -> Iterator[Occurrence]:
        for kind in self._kinds:
            yield from self._engine.occurrences(f"ail:{kind}:")

    def _matches(self, obj: AilObject) -> bool:
        try:
            return any(
                hit.decision is not Decision.NO_MATCH
                for hit in self._engine.hits(str(obj.occurrence), limit=1, elsewhere=True)
            )
        except NotFound:
            return False


def batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


class Pace:
    """Lets so many a second through; what was late is not made up for at once."""

    def __init__(self, rate: float | None) -> None:
        self._pause = 1 / rate if rate else 0.0
        self._next = 0.0

    def each(self, items: Iterable[T]) -> Iterator[T]:
        for item in items:
            if self._pause:
                now = time.monotonic()
                self._next = max(self._next, now) + self._pause
                time.sleep(max(0.0, self._next - self._pause - now))
            yield item


class Clock:
    """Counts, and reports every `seconds`. chosen: readable in a log, too."""

    def __init__(self, stage: str, report: Callable[[Progress], None], *, seconds: float = 10.0) -> None:
        self._stage, self._report, self._seconds = stage, report, seconds
        self._began = self._said = time.monotonic()
        self._done = 0

    def tick(self, count: int, *, share: float | None = None) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._said >= self._seconds:
            self._said = now
            self._report(Progress(self._stage, self._done, share, self._done / (now - self._began)))
