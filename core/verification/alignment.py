"""Ways to align two pictures, each with the geometry and the content that speak for it.

`align_whole` lays the whole pictures over each other in the orientation that their hashes suggest.
`align_by_keypoints` tries transforms from the likely and cheap to the rare and expensive, and returns the
first one under which the content agrees, or the best of all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..features.insets import Inset
from ..features.pdq import ORIENTATIONS
from ..features.picture import Picture
from ..records import Configuration, ImageFeatures, LocalFeatures
from ..transforms import as_matrix
from .agreement import content_agreement
from .blocks import Agreement
from .geometry import (
    Geometry,
    confirm_geometry,
    estimate_geometry,
    estimate_homography,
    is_same_transform,
    vote_geometry,
)
from .hashes import HashEvidence
from .matching import find_neighbours, likely_rotation
from .options import VerificationOptions
from .overlap import covered_shares

#: Left to right in unit coordinates, shape (3, 3). spec: the mirrored orientation of features/pdq.py.
MIRROR = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], float)


def _no_points() -> NDArray[np.float32]:
    return np.empty((0, 2), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class GeometryEvidence:
    """A transform from query to reference, and what keypoints say about it; None: not measured."""

    #: Kind of the transform, or why there is none.
    configuration: Configuration
    #: Query to reference in unit coordinates, shape (3, 3); None without a transform.
    matrix: NDArray[np.float64] | None = None
    #: Share of the query's area inside the reference, 0 to 1.
    covered_query: float | None = None
    #: Share of the reference's area inside the query, 0 to 1.
    covered_reference: float | None = None
    #: Number of inliers at distinct places.
    inliers: int | None = None
    #: Share of the keypoints in the overlap that have a counterpart, 0 to 1.
    explained: float | None = None
    #: Inliers in unit coordinates of the query, shape (n, 2); empty where keypoints were not matched.
    points_query: NDArray[np.float32] = field(default_factory=_no_points)
    #: The same inliers in unit coordinates of the reference, shape (n, 2).
    points_reference: NDArray[np.float32] = field(default_factory=_no_points)


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """One way to align a pair."""

    #: The transform, or why there is none.
    geometry: GeometryEvidence
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
    query: Picture, reference: Picture, hashes: HashEvidence, options: VerificationOptions
) -> Alignment | None:
    """Return the whole pictures aligned, or None where their hashes are too far apart to try."""
    q, r, cascade = query.features, reference.features, options.cascade
    few = min(len(q.local), len(r.local)) < cascade.low_texture
    radius = cascade.whole_radius_low_texture if few else cascade.whole_radius
    if hashes.orientation is None or hashes.pdq_bits is None or hashes.pdq_bits > radius:
        return None
    matrix = as_matrix(ORIENTATIONS[hashes.orientation].matrix)
    configuration = Configuration.LOW_TEXTURE if few else Configuration.WHOLE
    geometry = GeometryEvidence(configuration, matrix, 1.0, 1.0)
    content = _compare_content(query, reference, matrix, inverted=hashes.inverted, options=options)
    mirrored = hashes.mirrored
    # Keypoints of a picture that is both mirrored and inverted are not computed: it is too rare.
    local = query.inverted if hashes.inverted else query.mirrored if mirrored else q.local
    if not few and local is not None and not (mirrored and hashes.inverted) and _same_local(q, r):
        upright = matrix @ MIRROR if mirrored else matrix
        found = confirm_geometry(local, r.local, upright, options=options.geometry)
        if mirrored:
            found = _seen_from_query(found, MIRROR)
        geometry = replace(
            geometry,
            inliers=found.inliers,
            explained=found.explained,
            points_query=found.points_query,
            points_reference=found.points_reference,
        )
    return Alignment(geometry, content, hashes.inverted)


def align_by_keypoints(
    query: Picture,
    reference: Picture,
    *,
    mirrored: bool,
    inverted: bool,
    insets: Sequence[Inset],
    options: VerificationOptions,
) -> Alignment:
    """Return the first transform under which the content agrees, or the best of all that keypoints offer.

    `mirrored`, `inverted`, `insets`: the views of the query that are tried besides the query as it is.
    """
    cascade, best = options.cascade, None
    if not (_same_local(query.features, reference.features) and query.features.versions.local):
        return Alignment(GeometryEvidence(Configuration.INCOMPARABLE))
    transforms = _transforms(query, reference.features.local, mirrored, inverted, insets, options)
    for number, (geometry, of_inverted) in enumerate(transforms):
        found = _aligned(query, reference, geometry, inverted=of_inverted or None, options=options)
        if best is None or found.merit(cascade.few_blocks) > best.merit(cascade.few_blocks):
            best = found
        enough = cascade.convincing_agreement if number else cascade.sure_agreement
        if found.geometry.matrix is not None and (not found.blocks or found.agreement >= enough):
            break  # without content to compare, any transform has to do
    return best or Alignment(GeometryEvidence(Configuration.NO_GEOMETRY))


def _transforms(
    query: Picture,
    reference: LocalFeatures,
    mirrored: bool,
    inverted: bool,
    insets: Sequence[Inset],
    options: VerificationOptions,
) -> Iterator[tuple[Geometry, bool]]:
    """Transforms, and whether each is of the inverted query. No transform comes twice."""
    cascade, of_geometry, of_matching = options.cascade, options.geometry, options.matching
    local = query.features.local
    near = find_neighbours(local, reference, options=of_matching)
    upright = estimate_geometry(near, options=of_geometry)
    yield upright, False
    if upright.inliers >= of_geometry.minimum_inliers:
        homography = estimate_homography(near, options=of_geometry)
        if homography.inliers > cascade.homography_inlier_ratio * upright.inliers:
            yield homography, False
    if upright.explained < cascade.certain_explained:
        voted = vote_geometry(near, options=of_geometry)
        if not is_same_transform(voted, upright, options=of_geometry):
            yield voted, False
    rotation = None
    if upright.inliers < of_geometry.minimum_inliers:
        rotation = likely_rotation(local, reference, options=of_matching)
    if rotation is not None:
        near = find_neighbours(local, reference, rotation, options=of_matching)
        yield estimate_geometry(near, options=of_geometry), False
    if mirrored and query.mirrored is not None:
        near = find_neighbours(query.mirrored, reference, options=of_matching)
        yield _seen_from_query(estimate_geometry(near, options=of_geometry), MIRROR), False
    for inset in insets:
        near = find_neighbours(inset.local, reference, options=of_matching)
        for found in (estimate_geometry(near, options=of_geometry), vote_geometry(near, options=of_geometry)):
            if found.matrix is not None and covered_shares(found.matrix)[1] >= cascade.inset_coverage:
                yield _seen_from_query(found, inset.from_page), False
    if inverted and query.inverted is not None:
        near = find_neighbours(query.inverted, reference, options=of_matching)
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
        missing = GeometryEvidence(geometry.configuration, inliers=geometry.inliers)
        return Alignment(missing, inverted=inverted)
    measured = GeometryEvidence(
        geometry.configuration,
        geometry.matrix,
        *covered_shares(geometry.matrix),
        geometry.inliers,
        geometry.explained,
        geometry.points_query,
        geometry.points_reference,
    )
    content = _compare_content(query, reference, geometry.matrix, inverted=inverted, options=options)
    return Alignment(measured, content, inverted)


def _compare_content(
    query: Picture,
    reference: Picture,
    matrix: NDArray[np.float64],
    *,
    inverted: bool | None,
    options: VerificationOptions,
) -> Agreement | None:
    """None where a thumbnail is missing, or comes from another version."""
    same_family = query.features.versions.thumbnail == reference.features.versions.thumbnail
    if query.thumbnail is None or reference.thumbnail is None or not same_family:
        return None
    seen = 255 - query.thumbnail if inverted else query.thumbnail
    return content_agreement(seen, reference.thumbnail, matrix, options=options.agreement)


def _seen_from_query(found: Geometry, view: NDArray[np.float64]) -> Geometry:
    """The same transform for the query itself; `view` (3, 3) carries the query to what was matched: affine,
    in unit coordinates.
    """
    if found.matrix is None:
        return found
    back = np.linalg.inv(view)
    points = (found.points_query @ back[:2, :2].T + back[:2, 2]).astype(np.float32)
    return replace(found, matrix=found.matrix @ view, points_query=points)


def _same_local(q: ImageFeatures, r: ImageFeatures) -> bool:
    return q.versions.local == r.versions.local
