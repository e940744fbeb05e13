"""The care of a store: what leaves it, what is linked again, and the calibration that it is judged by."""

import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from .backup.dump import BackupReport, write_backup
from .backup.restore import RestoreReport, restore_backup
from .bookkeeping import as_occurrence
from .comparison import Comparison
from .config import Config
from .decision.calibration import Calibration
from .decision.calibration_file import write
from .decision.redecide import Redecided, redecide, relink
from .errors import ConfigError, FormatError, NotAllowed, NotFound, StoreFull
from .features.picture import Picture
from .lists.lines import Numbered
from .lists.transfer import (
    ExportReport,
    ImportReport,
    ListFormat,
    export_list,
    import_list,
    withdraw_entries,
)
from .options import Options
from .records import Expired, ImageId, Judgement, Occurrence, StoredVerdict, Withdrawn
from .renewal import ReadImage, Renewal, Renewed
from .search.hits import Found
from .store import ForgetReport, Store
from .store.hash_lists import EntryStatus, HashList
from .store.link_queue import LinkQueue
from .store.values import note, noting

_log = logging.getLogger(__name__)


class Upkeep(Comparison):
    """The part of an engine that keeps verdicts and clusters right when images or calibrations change."""

    def __init__(self, store: Store, config: Config, options: Options) -> None:
        super().__init__(store, config, options)
        self._renewal = Renewal(
            store=store,
            extractor=self._extractor,
            options=options,
            threads=config.threads,
            calibration=lambda: self.calibration,
            link=self._link,
            search=self._search_for,
            mend=self.mend,
        )

    @abstractmethod
    def _link(self, picture: Picture) -> str | None:
        """Search for a stored image, keep what is found, and return the image's cluster."""

    @abstractmethod
    def _search_for(self, picture: Picture) -> Found:
        """Search for a stored image among all others, both ways."""

    @abstractmethod
    def link(self, image_id: ImageId) -> tuple[StoredVerdict, ...]:
        """Search for a stored image and keep what is found; returns the verdicts."""

    def withdraw(
        self, occurrence: Occurrence | str, *, keep: ImageId | None = None, collection: str | None = None
    ) -> tuple[Withdrawn, ...]:
        """Say that an occurrence no longer shows the images it did, except `keep`; returns those it showed.

        An image that is then seen nowhere leaves `collection` too; if it is then in none, it is forgotten,
        and what was connected through it is linked again. Raises ConfigError, StoreError.
        """
        withdrawn = self._store.occurrences.withdraw(
            as_occurrence(occurrence), keep=keep, collection=collection
        )
        if any(image.forgotten for image in withdrawn):
            self.mend()
        return withdrawn

    def forget(self, name: str, *, purge: bool = False) -> ForgetReport:
        """Remove an image and everything that names it; `purge` also rewrites the server's append-only file
        and waits for that.

        Images that were connected through it are linked again among themselves. Raises NotFound, StoreError.
        """
        report = self._store.forgetting.forget(self._image(name))
        self.mend()
        if purge:
            self._store.forgetting.purge()
        return report

    def retain(self, collection: str, *, before: datetime, dry_run: bool = False) -> Iterator[Expired]:
        """Take images out of a collection that were last seen before a moment and that no host shows any
        more, and yield them; one that is then in no collection is forgotten.

        A host takes an occurrence back when it no longer shows the image, so one with an occurrence of
        another host than `file` stays, however old. `dry_run`: only say which. Raises NotFound for an unknown
        collection, ConfigError for a moment without time zone or to come, StoreError.
        """
        if before.tzinfo is None or before.timestamp() > time.time():
            raise ConfigError(
                f"retain before {before.isoformat()}: expected a time in the past, with its zone"
            )
        yield from self._store.occurrences.expire(collection, before, dry_run=dry_run)
        if not dry_run:
            self.mend()

    # -- hash lists ------------------------------------------------------------------------------------------

    def hash_lists(self) -> dict[str, HashList]:
        """Return the hash lists by name; a broken one is left out, which the log says."""
        with noting():
            return self._store.hash_lists.all()

    def import_list(
        self,
        path: str,
        *,
        collection: str,
        name: str | None = None,
        format: ListFormat | str | None = None,
        replace: bool = False,
        refuse: Callable[[Numbered], None] = lambda _: None,
    ) -> ImportReport:
        """Keep the entries of a hash list; from then on queries are compared with them. `refuse` hears of
        lines that cannot be used. See lists/transfer.py.
        """
        return import_list(
            self._store,
            path,
            collection=collection,
            name=name,
            format=format,
            replace=replace,
            refuse=refuse,
        )

    def export_list(
        self,
        path: str,
        *,
        collection: str,
        name: str | None = None,
        format: ListFormat | str | None = None,
        tlp: str = "",
        previous: str | None = None,
    ) -> ExportReport:
        """Write a collection to a new file as a hash list. See lists/transfer.py."""
        return export_list(
            self._store, path, collection=collection, name=name, format=format, tlp=tlp, previous=previous
        )

    def withdraw_entries(self, name: str, ids: Sequence[str]) -> list[EntryStatus]:
        """Withdraw entries of a hash list; the next answer does not have them. Raises NotFound for an unknown
        list.
        """
        return withdraw_entries(self._store, name, ids)

    def remove_list(self, name: str) -> None:
        """Remove a hash list with all its entries. Raises NotFound."""
        self._store.hash_lists.remove(name)

    # -- copies ----------------------------------------------------------------------------------------------

    def backup(self, path: str) -> BackupReport:
        """Write all that the store keeps, but for the keys of the service, to a new file that only its owner
        may read, while others go on working. Raises ConfigError if the file exists, StoreError, OSError.
        """
        return write_backup(self._store, path)

    def restore(self, path: str) -> RestoreReport:
        """Bring back from a backup the images that the store lacks and that were not forgotten since, with
        all that it says of them. May be interrupted and called again. Raises FormatError for a damaged file,
        ConfigError, StoreError, OSError.
        """
        report = restore_backup(self._store, path)
        self.mend()
        return report

    def undo(self, a: str, b: str) -> Judgement:
        """Take back what a person said of two images: hits and clusters are as the scores alone have them.

        A pair that was never scored, because searches leave judged pairs out, is searched for now. Returns
        what was taken back. Raises NotFound when nobody had said anything, ConfigError, StoreError.
        """
        pair = self._pair("undo", a, b)
        judgement = self._store.judgements.undo(*pair)
        if self._store.verdicts.between(*pair) is None:
            for image_id in filter(self._store.links.is_linked, pair):
                self._store.links.await_link(image_id)
            self.mend()
        return judgement

    def mend(self) -> None:
        """Link again what waits for it, such as images that lost their connection when another was forgotten;
        a crash may have come between the two. A store that cannot be written is mended another time.
        Raises StoreError.
        """
        with noting():
            waiting = self._store.links.waiting()
        for image_id in waiting:
            try:
                self.link(image_id)
            except NotFound:  # forgotten too, meanwhile
                continue
            except FormatError as error:  # it goes on waiting, and must not keep others from their work
                note(error)
            except (StoreFull, NotAllowed) as error:
                _log.warning("images wait to be linked again, until the store can be written: %s", error)
                return

    @property
    def link_queue(self) -> LinkQueue:
        """The images that were added without being linked."""
        return self._store.link_queue

    def queue_unlinked(self) -> int:
        """Queue all images that were never linked and are in no queue, such as those whose process was killed
        between storing and linking them; return how many.
        """
        return sum(self._store.link_queue.add(ids) for ids in self._store.images.ids_after())

    def choose_calibration(self, calibration: Calibration | None) -> None:
        """Judge with this calibration from now on, in every process of this store; None: the shipped one.

        Verdicts stored before stay until `redecide`. Raises ConfigError, StoreError.
        """
        if calibration is None:
            self._store.settings.drop_calibration()
        else:
            self._store.settings.keep_calibration(calibration.id, write(calibration))
        self._active.latest()

    def redecide(self, *, tell: Callable[[int], None] = lambda images: None) -> Redecided:
        """Decide all stored verdicts by the calibration in use, without pictures; clusters follow, a person's
        word stays. May be called again at any point. Raises ConfigError, StoreError.
        """
        return redecide(self._store, self._active.latest(), options=self._options.decision.verdict, tell=tell)

    def relink(self, *, tell: Callable[[int], None] = lambda images: None) -> int:
        """Search again for every linked image: finds what a lower threshold newly admits.

        Returns how many; may be interrupted and called again. Raises ConfigError, StoreError.
        """
        return relink(self._store, self._active.latest(), self.link, tell=tell)

    def reextract(
        self,
        read: ReadImage,
        *,
        limit: int | None = None,
        dry_run: bool = False,
        tell: Callable[[int], None] = lambda images: None,
    ) -> Iterator[Renewed]:
        """Extract all outdated images again, link them, and yield what became of each; `tell` hears how many
        images were looked at.

        `read` returns the bytes of an image from where it was seen, such as `Sources.read`. `limit`: the
        maximum number of images that get a new record; the next run goes on there. `dry_run`: only say which
        are outdated. It may be interrupted anywhere and called again. Raises ConfigError, StoreError.
        """
        return self._renewal.run(read, limit=limit, dry_run=dry_run, tell=tell)
