"""Logos and icons of a baseline that stand in the query.

A small picture of a baseline is an *object*: a page that holds it shows the brand, whatever else it shows.
Takes the search and this process's objects, returns verdicts: each at most a `review`, `looks-like`, because
a page with a logo is not a picture of the logo. Every place in the page is looked up among all objects by one
product of matrices; the few that are alike are laid over the place. Of a stored query the finest pixels that
are kept are searched, in which small objects are lost.
"""

import threading
from collections.abc import Collection as Names, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..batches import in_groups
from ..boxes import area, intersection_over_union
from ..decision.decide import Context, decide, object_likeness
from ..features.objects import KnownObject, as_object, describe, find_places, log_aspects, plain_shapes
from ..features.picture import Picture
from ..records import Box, Configuration, Evidence, ImageId
from ..verification.objects import object_agreement
from .hits import Judged
from .references import References
from .search import Search

#: Work of finding places for each pixel of a page, in the unit of `Timer`. measured (2026-12): 17 ns.
PIXEL = 2
#: Work of describing a place. measured (2026-12): 0.05 ms.
PLACE = 6_000
#: Work of comparing a place with an object by their descriptors. measured (2026-12): 10 ns, and as much for
#: each plain shape.
LOOK_UP = 1
#: Work of laying an object over a place. measured (2026-12): 0.8 ms.
LAYING = 100_000
#: Records read in one round trip. chosen: as `EffortOptions.batch`, of pictures that are mostly small.
BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Objects side by side."""

    #: Their images.
    ids: tuple[ImageId, ...]
    #: The objects, in this order.
    known: tuple[KnownObject, ...]
    #: Their descriptors, f32[n, m].
    descriptors: NDArray[np.float32]
    #: Logarithms of width over height, f64[n].
    aspects: NDArray[np.float64]


class Objects:
    """The objects that this process has read from a store; safe for threads. What left the baselines is
    dropped at the next search.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: dict[ImageId, KnownObject | None] = {}

    def of(self, baseline: Names[ImageId], references: References, search: Search) -> _Table | None:
        """Return the objects among the pictures of a baseline; None without any."""
        with self._lock:
            for gone in self._read.keys() - baseline:
                del self._read[gone]
            for ids in in_groups(sorted(baseline - self._read.keys()), BATCH):
                if search.timer.is_up():
                    break
                for image_id, picture in zip(ids, references.read(ids), strict=True):
                    self._read[image_id] = None if picture is None else _as_object(picture)
            found = [(image_id, known) for image_id, known in sorted(self._read.items()) if known]
        allowed = [(image_id, known) for image_id, known in found if search.scope.allows(image_id)]
        if not allowed:
            return None
        objects = tuple(known for _, known in allowed)
        return _Table(
            ids=tuple(image_id for image_id, _ in allowed),
            known=objects,
            descriptors=np.array([known.descriptor for known in objects]),
            aspects=log_aspects(np.array([known.box for known in objects])),
        )


def _as_object(picture: Picture) -> KnownObject | None:
    """A stored picture as an object; None for one that is none, or of which all pixels are not kept."""
    features, grey = picture.features, picture.thumbnail
    if grey is None or not features.informative or grey.shape != (features.height, features.width):
        return None
    return as_object(grey, options=picture.options.objects)


def find_objects(search: Search, objects: Objects, besides: Names[ImageId]) -> list[Judged]:
    """Return the verdicts about the objects that stand in the query; `besides`: images that need none."""
    query, timer = search.query, search.timer
    baseline = search.scope.baseline - {query.features.image_id}
    page = query.grey if query.grey is not None else query.thumbnail
    if not baseline or page is None or not query.features.informative:
        return []
    table = objects.of(baseline, search.references, search)
    timer.spend(PIXEL * page.size if table else 0)
    if table is None or timer.is_up():
        return []
    places = find_places(page, options=query.options.objects)
    timer.spend(len(places) * (PLACE + LOOK_UP * (len(table.ids) + len(plain_shapes()))))
    if not len(places) or timer.is_up():
        return []
    scale = query.features.width / page.shape[1]
    evidence = [
        (image_id, found)
        for image_id, found in _measured(search, page, places, table, scale).items()
        if image_id not in besides
    ]
    context = Context(baseline=True)
    judged = [
        Judged(image_id, decide(found, context, search.calibration, options=search.verdict))
        for image_id, found in _best_of_each_place(search, evidence)
    ]
    return [found for found in judged if found.accepted]


def _measured(
    search: Search,
    page: NDArray[np.uint8],
    places: NDArray[np.int32],
    table: _Table,
    scale: float,
) -> dict[ImageId, Evidence]:
    """The evidence of each object at the place where it agrees best; `scale`: source pixels per pixel."""
    options = search.options.objects
    described = describe(page, places)
    alike = described @ table.descriptors.T
    # What a place has in common with every letter or disc says nothing.
    leads = alike - (described @ plain_shapes().T).max(axis=1, keepdims=True)
    shaped = np.abs(log_aspects(places)[:, None] - table.aspects[None]) <= options.aspect
    fits = shaped & (alike >= options.alike) & (leads >= options.lead)
    pairs = np.argwhere(fits)
    best = np.argsort(-(alike + leads)[fits], kind="stable")[: options.maximum_laid]
    found: dict[ImageId, Evidence] = {}
    for place, number in pairs[best].tolist():
        search.timer.spend(LAYING)
        if search.timer.is_up():
            break
        agreement = object_agreement(
            page, places[place], table.known[number], options=search.verification.objects
        )
        evidence = _evidence(page, places[place], agreement, float(leads[place, number]), scale)
        known = found.get(table.ids[number])
        if (evidence.covered_query or 0) <= options.largest_share and (
            known is None
            or object_likeness(evidence, search.verdict) > object_likeness(known, search.verdict)
        ):
            found[table.ids[number]] = evidence
    return found


def _evidence(
    page: NDArray[np.uint8], place: NDArray[np.int32], agreement: float, lead: float, scale: float
) -> Evidence:
    height, width = page.shape
    left, top, right, bottom = (float(end) for end in place.clip(0, [width, height] * 2))
    box: Box = (left / width, top / height, right / width, bottom / height)
    return Evidence(
        configuration=Configuration.OBJECT,
        covered_query=area(box),
        covered_reference=1.0,
        object_box=box,
        object_pixels=round(max(right - left, bottom - top) * scale),
        object_agreement=round(agreement, 4),
        object_lead=round(lead, 4),
    )


def _best_of_each_place(
    search: Search, evidence: Sequence[tuple[ImageId, Evidence]]
) -> list[tuple[ImageId, Evidence]]:
    """Of objects at one place those that agree best: two drawings of one logo, not a similar one, too."""
    options, verdict = search.options.objects, search.verdict
    kept = list[tuple[ImageId, Evidence]]()

    def likeness(evidence: Evidence) -> float:
        return object_likeness(evidence, verdict)

    def is_better(other: Evidence, one: Evidence) -> bool:
        same_place = _overlap(one, other) >= options.same_place
        return same_place and likeness(other) - likeness(one) > options.tie

    for image_id, one in sorted(evidence, key=lambda each: (-likeness(each[1]), each[0])):
        if not any(is_better(other, one) for _, other in kept):
            kept.append((image_id, one))
    return kept


def _overlap(one: Evidence, other: Evidence) -> float:
    if one.object_box is None or other.object_box is None:
        return 0.0
    return intersection_over_union(one.object_box, other.object_box)
