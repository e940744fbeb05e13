"""The care of a store: what leaves it, what is linked again, and the calibration that it is judged by."""

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterator

from .bookkeeping import as_occurrence
from .comparison import Comparison
from .config import Config
from .decision.calibration import Calibration
from .decision.calibration_file import write
from .decision.redecide import Redecided, redecide, relink
from .errors import FormatError, NotAllowed, NotFound, StoreFull
from .features.picture import Picture
from .options import Options
from .records import ImageId, Judgement, Occurrence, StoredVerdict, Withdrawn
from .renewal import ReadImage, Renewal, Renewed
from .search.hits import Found
from .store import ForgetReport, Store
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
