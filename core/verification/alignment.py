"""Ways to align two pictures, each with the geometry and the content that speak for it.

`align_whole` lays the whole pictures over each other in the orientation that their hashes suggest.
`align_by_keypoints` tries transforms from the likely and cheap to the rare and expensive, and returns the
first one under which the content agrees, or the best of all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..deadline import Timer
from ..features.insets import Inset
from ..features.pdq import ORIENTATIONS
from ..features.picture import Picture
from ..records import Configuration, HashEvidence, LocalFeatures
from ..transforms import as_matrix, inverse
from .agreement import content_agreement, content_work
from .blocks import Agreement
from .geometry import (
    Geometry,
    confirm_geometry,
    estimate_geometry,
    estimate_homography,
    is_same_transform,
    vote_geometry,
)
from .hashes import is_mirrored
from .matching import Neighbours, find_neighbours, likely_rotation
from .options import VerificationOptions
from .overlap import covered_shares

#: Left to right in unit coordinates, shape (3, 3). spec: the mirrored orientation of features/pdq.py.
MIRROR = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], float)


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """One way to align a pair."""

    #: The transform, or why there is none.
    geometry: Geometry
    #: How far the content agrees under it; None where it was not compared.
    content: Agreement | None = None
    #: True when both hold for the query with light and dark exchanged.
    inverted: bool | None = None

    @property
    def agreement(self) -> float:
        """Return the content agreement, 0 to 1; 0 where it was not compared."""
        return 0.0 if self.content is None else self.content.content_agreement

    @property
    def blocks(self) -> int:
        """Return the number of textured blocks that were compared."""
        return 0 if self.content is None else self.content.blocks_compared

    def merit(self, few_blocks: int) -> tuple[float, int]:
        """Return how much the transform explains; agreement of `few_blocks` blocks counts half."""
        agreement = self.agreement * self.blocks / (self.blocks + few_blocks)
        return agreement + (self.geometry.explained or 0.0), self.geometry.inliers or 0


def align_whole(
    query: Picture, reference: Picture, hashes: HashEvidence, timer: Timer, options: VerificationOptions
) -> Alignment | None:
    """Return the whole pictures aligned, or None where their hashes are too far apart to try."""
    q, r, cascade = query.features, reference.features, options.cascade
    few = min(len(q.local), len(r.local)) < cascade.low_texture
    radius = cascade.whole_radius_low_texture if few else cascade.whole_radius
    if hashes.orientation is None or hashes.pdq_bits is None or hashes.pdq_bits > radius:
        return None
    matrix = as_matrix(ORIENTATIONS[hashes.orientation].matrix)
    geometry = Geometry(configuration=Configuration.LOW_TEXTURE if few else Configuration.WHOLE)
    timer.spend(content_work(query, reference))
    content = content_agreement(query, reference, matrix, inverted=hashes.inverted, options=options.agreement)
    timer.check()
    local = query.inverted if hashes.inverted else query.mirrored if is_mirrored(hashes) else q.local
    if (
        not few
        and local is not None
        and q.versions.local == r.versions.local
        # Keypoints of a picture that is both mirrored and inverted are not computed: it is too rare.
        and not (is_mirrored(hashes) and hashes.inverted)
    ):
        upright = matrix @ MIRROR if is_mirrored(hashes) else matrix
        found = confirm_geometry(local, r.local, upright, options=options.geometry)
        if is_mirrored(hashes):
            found = _seen_from_query(found, MIRROR)
        geometry = replace(found, configuration=geometry.configuration)
    geometry = replace(geometry, matrix=matrix, covered_query=1.0, covered_reference=1.0)
    return Alignment(geometry, content, hashes.inverted)


def align_by_keypoints(
    query: Picture,
    reference: Picture,
    *,
    mirrored: bool,
    inverted: bool,
    insets: Sequence[Inset],
    timer: Timer,
    options: VerificationOptions,
) -> Alignment:
    """Return the first transform under which the content agrees, or the best of all that keypoints offer.

    `mirrored`, `inverted`, `insets`: the views of the query that are tried besides the query as it is. No
    further transform is tried after `CascadeOptions.maximum_work`. Raises OutOfTime.
    """
    cascade, best, begun = options.cascade, None, timer.spent
    version = query.features.versions.local
    if not version or version != reference.features.versions.local:
        return Alignment(Geometry(configuration=Configuration.INCOMPARABLE))
    transforms = _transforms(query, reference.features.local, mirrored, inverted, insets, timer, options)
    for number, (geometry, of_inverted) in enumerate(transforms):
        timer.check()
        if geometry.matrix is not None:
            timer.spend(content_work(query, reference))
        found = _aligned(query, reference, geometry, inverted=of_inverted or None, options=options)
        if best is None or found.merit(cascade.few_blocks) > best.merit(cascade.few_blocks):
            best = found
        enough = cascade.convincing_agreement if number else cascade.sure_agreement
        if found.geometry.matrix is not None and (not found.blocks or found.agreement >= enough):
            break  # without content to compare, any transform has to do
        if timer.spent - begun >= cascade.maximum_work:
            break
    assert best is not None  # there is always an upright transform, or the reason why there is none
    return best


def _transforms(
    query: Picture,
    reference: LocalFeatures,
    mirrored: bool,
    inverted: bool,
    insets: Sequence[Inset],
    timer: Timer,
    options: VerificationOptions,
) -> Iterator[tuple[Geometry, bool]]:
    """Transforms, and whether each is of the inverted query. No transform comes twice."""
    cascade, of_geometry, of_matching = options.cascade, options.geometry, options.matching
    local = query.features.local

    def matched(view: LocalFeatures, rotation: float = 0.0) -> Neighbours:
        timer.check()
        near = find_neighbours(view, reference, rotation, options=of_matching)
        timer.spend(near.comparisons)
        return near

    near = matched(local)
    upright = estimate_geometry(near, options=of_geometry)
    yield upright, False
    inliers = upright.inliers or 0
    if inliers >= of_geometry.minimum_inliers:
        homography = estimate_homography(near, options=of_geometry)
        if (homography.inliers or 0) > cascade.homography_inlier_ratio * inliers:
            yield homography, False
    if (upright.explained or 0.0) < cascade.certain_explained:
        voted = vote_geometry(near, options=of_geometry)
        if not is_same_transform(voted, upright, options=of_geometry):
            yield voted, False
    if inliers < of_geometry.minimum_inliers:
        rotation = likely_rotation(local, reference, options=of_matching)
        if rotation is not None:
            near = matched(local, rotation)
            yield estimate_geometry(near, options=of_geometry), False
    if mirrored and query.mirrored is not None:
        near = matched(query.mirrored)
        yield _seen_from_query(estimate_geometry(near, options=of_geometry), MIRROR), False
    for inset in insets:
        near = matched(inset.local)
        for found in (estimate_geometry(near, options=of_geometry), vote_geometry(near, options=of_geometry)):
            if found.matrix is not None and covered_shares(found.matrix)[1] >= cascade.inset_coverage:
                yield _seen_from_query(found, inset.from_page), False
    if inverted and query.inverted is not None:
        near = matched(query.inverted)
        upright = estimate_geometry(near, options=of_geometry)
        yield upright, True
        voted = vote_geometry(near, options=of_geometry)
        if not is_same_transform(voted, upright, options=of_geometry):
            yield voted, True


def _aligned(
    query: Picture,
    reference: Picture,
    geometry: Geometry,
    *,
    inverted: bool | None,
    options: VerificationOptions,
) -> Alignment:
    if geometry.matrix is None:
        return Alignment(geometry, inverted=inverted)
    covered_query, covered_reference = covered_shares(geometry.matrix)
    measured = replace(geometry, covered_query=covered_query, covered_reference=covered_reference)
    content = content_agreement(
        query, reference, geometry.matrix, inverted=inverted, options=options.agreement
    )
    return Alignment(measured, content, inverted)


def _seen_from_query(found: Geometry, view: NDArray[np.float64]) -> Geometry:
    """The same transform for the query itself; `view` (3, 3) carries the query to what was matched: affine,
    in unit coordinates.
    """
    if found.matrix is None:
        return found
    back = inverse(view)
    points = (found.points_query @ back[:2, :2].T + back[:2, 2]).astype(np.float32)
    return replace(found, matrix=found.matrix @ view, points_query=points)
