"""Which brand of a baseline a page imitates: the design of the page against those of all pages of the
baseline.

An imitation with other parts and words shares no visual words with the page it imitates, so every page of the
baseline is compared, by its emblems and colours. Their designs are read once and kept for the process.
"""

import time
from collections.abc import Callable, Collection as Names, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from ..batches import in_groups
from ..deadline import Timer
from ..decision.calibration import Calibration
from ..features.picture import Picture
from ..records import Evidence, ImageId, Likeness
from ..store import Store
from ..verification.likeness import Baseline, Design
from ..verification.options import VerificationOptions
from .options import BrandOptions
from .references import References


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """A baseline that was read."""

    ids: tuple[ImageId, ...]
    baseline: Baseline
    #: Number of its emblems.
    emblems: int
    #: When its labels were read, in seconds of the monotonic clock.
    read: float


class BrandPages:
    """The designs of the pages of baselines, as this process has read them. Threads may share it."""

    def __init__(self, store: Store, options: BrandOptions) -> None:
        self._store = store
        self._options = options
        self._lock = Lock()
        self._designs: dict[ImageId, Design] = {}
        self._known: dict[frozenset[ImageId], _Known] = {}

    def of(self, ids: frozenset[ImageId], references: References) -> _Known:
        """Return the baseline of these images; those that cannot be compared are left out."""
        with self._lock:
            known = self._known.get(ids)
            if known is None or time.monotonic() > known.read + self._options.seconds:
                known = self._read(ids, references)
                while len(self._known) >= self._options.kept:
                    self._known.pop(next(iter(self._known)))
                self._known[ids] = known
            return known

    def _read(self, ids: frozenset[ImageId], references: References) -> _Known:
        wanted = sorted(ids)[: self._options.maximum_pages]
        missing = [image_id for image_id in wanted if image_id not in self._designs]
        if len(self._designs) + len(missing) > 2 * self._options.maximum_pages:
            self._designs.clear()
            missing = wanted
        for batch in in_groups(missing, self._options.batch):
            for image_id, picture in zip(batch, references.read(batch), strict=True):
                if picture is not None and (design := design_of(picture)) is not None:
                    self._designs[image_id] = design
        kept = [image_id for image_id in wanted if image_id in self._designs]
        designs = [self._designs[image_id] for image_id in kept]
        emblems = sum(len(design.emblems) for design in designs)
        return _Known(tuple(kept), Baseline(designs, self._brands(kept)), emblems, time.monotonic())

    def _brands(self, ids: Sequence[ImageId]) -> list[str]:
        """The brand of each page: its label `brand`, else `domain`, else the page is its own."""
        found = []
        for image_id, info in zip(ids, self._store.images.infos(ids), strict=True):
            memberships = info.memberships if info else ()
            labels = {name: text for each in memberships for name, text in each.labels.items()}
            found.append(labels.get("brand") or labels.get("domain") or image_id)
        return found


def design_of(picture: Picture) -> Design | None:
    """Return the design of a picture; None for one that is blank or of which too little was kept."""
    if not picture.features.informative or picture.emblems is None:
        return None
    return Design(picture.emblems, picture.features.palette)


class Brands:
    """The brands that one page may imitate, or, where the query is a page of the baseline, which pages
    imitate it.
    """

    def __init__(
        self,
        pages: BrandPages,
        query: Picture,
        *,
        baseline: frozenset[ImageId],
        excluded: Names[ImageId] = (),
        references: References,
        calibration: Calibration,
        timer: Timer,
        options: BrandOptions,
        verification: VerificationOptions,
    ) -> None:
        self._pages, self._query, self._references = pages, query, references
        self._baseline, self._excluded = baseline, frozenset(excluded)
        self._calibration, self._timer = calibration, timer
        self._options, self._verification = options, verification
        self._compared: dict[ImageId, Likeness] | None = None

    def candidates(self, allowed: Callable[[ImageId], bool]) -> list[ImageId]:
        """Return the pages of the baseline that the query imitates, by their designs alone, the likeliest
        first; a few of one brand.
        """
        likely = [
            (-self._calibration.likeness(Evidence(likeness=likeness)), image_id)
            for image_id, likeness in self._likenesses().items()
            if allowed(image_id)
        ]
        return [image_id for chance, image_id in sorted(likely) if -chance >= self._options.least][
            : self._options.of_brand
        ]

    def likeness(self, reference: Picture) -> Likeness | None:
        """Return what the query has in common with a page of the baseline, or the reference with the query
        where that is one; None where neither is, or too little was kept.
        """
        image_id, own = reference.features.image_id, self._query.features.image_id
        if image_id in self._baseline:
            return self._likenesses().get(image_id)
        found = self._compare(reference).get(own) if own in self._baseline else None
        if found is None:
            return None
        return replace(found, box_query=found.box_reference, box_reference=found.box_query)

    def _likenesses(self) -> dict[ImageId, Likeness]:
        """What the query has in common with each page of the baseline, compared on first use."""
        if self._compared is None:
            self._compared = self._compare(self._query) if self._baseline else {}
        return self._compared

    def _compare(self, page: Picture) -> dict[ImageId, Likeness]:
        design = design_of(page)
        own = self._query.features.image_id  # (left out of a search for itself, and what others may imitate)
        ids = self._baseline - (self._excluded - {own}) - {page.features.image_id}
        if design is None or not ids:
            return {}
        known = self._pages.of(ids, self._references)
        self._timer.spend(self._options.work * len(design.emblems) * known.emblems)
        found = known.baseline.compare(design, options=self._verification.likeness)
        scores = [self._calibration.looks_like.log_odds(Evidence(likeness=each)) for each in found]
        better = known.baseline.better_brands(scores)
        return {
            image_id: replace(likeness, better_brands=number)
            for image_id, likeness, number in zip(known.ids, found, better, strict=True)
        }
