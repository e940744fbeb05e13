"""One pass of `quaid misp sync`, from top to bottom. Start reading here.

    bookmark -> what changed -> which files are needed -> fetch and index -> prune -> feedback
    -> relationships -> bookmark

The bookmark moves at the end of a complete pass. An interrupted pass is repeated, which finds
what is done already.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from douglas_quaid import Correlator, Purpose
from douglas_quaid.cli.terminal import with_progress

from .analyst_data import relate
from .attribute import Filters, Outcome, Status
from .bookmark import MAX_WAITING, Bookmark, digest
from .client import Client
from .feedback import FeedbackOptions, feedback
from .index import Indexer, IndexOptions, fetch
from .read import Reader, prune
from .unread import SetAside

#: Seconds that the next pass reads again. chosen: for transactions that end late, and inexact clocks of
#: proxies.
OVERLAP = 300
#: Files after which the set of those that are not pictures is saved. chosen.
SAVE_INTERVAL = 500
#: Passes after which an attribute whose file never comes is set aside like a broken one. chosen.
MAX_PASSES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What a pass does."""

    #: Which attributes it reads.
    filters: Filters
    #: How it stores them.
    index: IndexOptions
    #: Read changes since this moment (seconds since 1970) instead of since the bookmark.
    since: int | None = None
    #: Whether everything is read, and occurrences that are missing in MISP are removed.
    prune: bool = False
    #: Whether analysts' rejections become vetoes.
    feedback: bool = True
    #: Whether rejections are taken back even if many tags were removed since the last pass.
    accept: bool = False
    #: Whether matches are written to MISP.
    relationships: bool = False
    #: Attributes in one listing.
    page_size: int = 500


def synchronise(
    engine: Correlator, client: Client, options: SyncOptions, report: Callable[[Outcome], None]
) -> Counter[Status]:
    """Do one pass and return how many attributes have which status; `report` is called for each attribute.

    Raises MispAway, MispRefused and StoreError; the next pass then begins where this one did.
    """
    this = _Pass(engine, client, options, report)
    after = client.now - OVERLAP
    this.read()
    this.fetch()
    if options.prune:
        prune(engine, client, options.filters, this.reader.listed, this.record, dry_run=this.dry_run)
    if options.feedback:
        how = FeedbackOptions(page_size=options.page_size, dry_run=this.dry_run, accept=options.accept)
        feedback(engine, client, this.record, how)
    if options.relationships:
        relate(engine, client, this.images.items(), this.record, dry_run=this.dry_run)
    this.remember(after)
    return this.statuses


class _Pass:
    """The state of one pass."""

    def __init__(
        self, engine: Correlator, client: Client, options: SyncOptions, report: Callable[[Outcome], None]
    ) -> None:
        self._engine, self._client, self._options, self._report = engine, client, options, report
        self.statuses: Counter[Status] = Counter()
        self.dry_run = options.index.dry_run
        into, misp, filters = options.index.into, options.index.misp, options.filters
        self._name = f"misp:sync:{digest(misp, filters.digest(), into)}"
        self._set_aside = SetAside(engine, misp)
        self._bookmark = Bookmark.read(engine, self._name)
        self._waiting: dict[str, int] = {}
        #: UUIDs of attributes with their image ids, whose matches are to be written to MISP.
        self.images: dict[str, str] = {}
        self._indexer = Indexer(engine, options.index)
        self.reader = Reader(
            client, filters, self._indexer, self._set_aside, self.record, page_size=options.page_size
        )

    def record(self, outcome: Outcome) -> None:
        """Count an outcome, keep what the next steps and passes need of it, and report it."""
        if outcome.status is Status.WAITING:
            outcome = self._still_waiting(outcome)
        elif (
            self._options.relationships
            and outcome.image_id
            and outcome.status in (Status.ADDED, Status.UPDATED, Status.KNOWN)
        ):
            self.images[outcome.attribute] = outcome.image_id
        if outcome.status in (Status.SKIPPED, Status.FAILED):
            self._set_aside.add(outcome)
        self.statuses[outcome.status] += 1
        self._report(outcome)

    def _still_waiting(self, outcome: Outcome) -> Outcome:
        """An attribute that has waited through many passes is set aside like a broken picture."""
        passes = self._bookmark.waiting.get(outcome.attribute, 0) + 1
        if passes >= MAX_PASSES:
            return replace(
                outcome,
                timestamp=self.reader.needed.get(outcome.attribute, outcome.timestamp),
                status=Status.FAILED,
                reason=f"{outcome.reason}; set aside after {MAX_PASSES} passes",
            )
        self._waiting[outcome.attribute] = passes
        return outcome

    def read(self) -> None:
        since = self._bookmark.after if self._options.since is None else self._options.since
        self.reader.read(0 if self._options.prune else since, self._bookmark.waiting)

    def fetch(self) -> None:
        needed = self.reader.needed
        if self.dry_run:
            for attribute in needed:
                self.record(Outcome(attribute=attribute, status=Status.WOULD_FETCH))
            return
        into = self._options.index.into
        if into is not None and into not in [collection.name for collection in self._engine.collections()]:
            self._engine.create_collection(into, Purpose.BASELINE)
        outcomes = fetch(
            self._client,
            self._options.filters,
            self._indexer,
            needed,
            workers=self._engine.config.threads,
            check=self._check,
        )
        for number, outcome in enumerate(with_progress(outcomes, len(needed), "indexing"), 1):
            self.record(outcome)
            if number % SAVE_INTERVAL == 0:
                self._set_aside.save()

    def _check(self) -> None:
        """Raises MispAway or StoreError when MISP or the store is away."""
        self._client.present(self._options.filters, list(self.reader.needed)[:1])
        self._engine.count()

    def remember(self, after: int) -> None:
        """Move the bookmark, so that the next pass reads what changed since `after`."""
        if self.dry_run:
            return
        self._set_aside.save()
        if len(self._waiting) <= MAX_WAITING:
            Bookmark(after=after, waiting=self._waiting).write(self._engine, self._name)
