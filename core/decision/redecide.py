"""Stored verdicts decided again with another calibration, from the evidence they keep: no picture is read.

Walks through all images, some at a time, and renews each verdict of another calibration, on both sides and
with its cluster, as `link` does (store/verdicts.py). A person's word stays. A verdict that falls to
`no-match` is no longer listed, but keeps its evidence for the next calibration. What is decided already is
skipped, so the walk may be interrupted anywhere and started again, and several may walk at once; the store
keeps how far the last one came.

Only pairs that were once `review` or better are stored. `relink` finds what a lower threshold newly admits:
it searches for each image again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..batches import in_groups
from ..errors import ConfigError, NotFound
from ..records import PERSON, Decision, ImageId, Purpose, StoredVerdict
from ..store import RecordOutcome, Store, joins
from .calibration import Calibration
from .calibration_file import shipped
from .decide import decide_stored
from .options import DEFAULTS, VerdictOptions

#: Verdicts of one image that are recorded together. chosen: an intent of 200 KB.
PAIRS_AT_ONCE = 100

#: Decision before and after.
Change = tuple[Decision, Decision]


@dataclass(frozen=True, slots=True)
class Redecided:
    """What became of the stored verdicts."""

    #: Number of images examined.
    images: int = 0
    #: Number of pairs decided again.
    renewed: int = 0
    #: Decision before and after, where they differ, and the number of pairs.
    changes: tuple[tuple[Change, int], ...] = ()
    #: Number of pairs that join a cluster now and did not before.
    joined: int = 0
    #: Number of pairs that joined a cluster before and do not now.
    parted: int = 0

    def __add__(self, other: Redecided) -> Redecided:
        changes = Counter(dict(self.changes)) + Counter(dict(other.changes))
        return Redecided(
            self.images + other.images,
            self.renewed + other.renewed,
            tuple(sorted(changes.items(), key=lambda change: tuple(one.value for one in change[0]))),
            self.joined + other.joined,
            self.parted + other.parted,
        )


def redecide(
    store: Store,
    calibration: Calibration,
    *,
    options: VerdictOptions = DEFAULTS.verdict,
    tell: Callable[[int], None] = lambda images: None,
) -> Redecided:
    """Decide all stored verdicts by `calibration`, which is the one in use; `tell` hears of each batch.

    Returns what became of them. Raises ConfigError when another calibration is chosen meanwhile, StoreError;
    call it again then.
    """
    total = Redecided()
    for ids in _walk(store, "redecide", calibration):
        total += redecide_images(store, ids, calibration, options=options)
        tell(len(ids))
    return total


def relink(
    store: Store,
    calibration: Calibration,
    link: Callable[[ImageId], object],
    *,
    tell: Callable[[int], None] = lambda images: None,
) -> int:
    """Search again for every image that was linked before. Returns how many; raises as `redecide`."""
    count = 0
    for ids in _walk(store, "relink", calibration):
        for image_id in ids:
            if store.links.is_linked(image_id):
                with suppress(NotFound):  # forgotten meanwhile
                    link(image_id)
                    count += 1
        tell(len(ids))
    return count


def redecide_images(
    store: Store, ids: Sequence[ImageId], calibration: Calibration, *, options: VerdictOptions
) -> Redecided:
    """Decide the verdicts on the side of these images by `calibration`; returns what became of them."""
    (baseline,) = store.collections.members_by_purpose(Purpose.BASELINE)
    total = Redecided(images=len(ids))
    for image_id, verdicts in zip(ids, store.verdicts.scored(ids), strict=True):
        stale = [found for found in verdicts if found.verdict.calibration_id not in (PERSON, calibration.id)]
        for some in in_groups(stale, PAIRS_AT_ONCE):
            total += _renewed(store, image_id, some, calibration, baseline, options)
    return total


def _renewed(
    store: Store,
    image_id: ImageId,
    stale: Sequence[StoredVerdict],
    calibration: Calibration,
    baseline: frozenset[ImageId],
    options: VerdictOptions,
) -> Redecided:
    before = [found.verdict for found in stale]
    after = [
        decide_stored(
            found.verdict.evidence,
            calibration,
            baseline=bool(baseline & {image_id, found.image_id}),
            options=options,
        )
        for found in stale
    ]
    outcomes = store.verdicts.record(
        image_id, [(found.image_id, new) for found, new in zip(stale, after, strict=True)]
    )
    pairs = list(zip(before, after, outcomes, strict=True))
    changes = Counter((old.decision, new.decision) for old, new, _ in pairs if old.decision != new.decision)
    joined = sum(outcome is RecordOutcome.JOINED and not joins(old) for old, _, outcome in pairs)
    parted = sum(joins(old) and not joins(new) for old, new, _ in pairs)
    return Redecided(0, len(stale), tuple(changes.items()), joined, parted)


def _walk(store: Store, name: str, calibration: Calibration) -> Iterator[list[ImageId]]:
    """All image ids, some at a time, from where the last walk with this calibration was interrupted."""
    for ids in store.walk(name, calibration.id):
        yield ids
        if (chosen := store.settings.calibration_id() or shipped().id) != calibration.id:
            raise ConfigError(
                f"calibration {chosen} was chosen for this store while verdicts were decided by "
                f"{calibration.id}; start again"
            )
