"""Evidence for one pair: a cascade from cheap and certain to expensive, which stops when it is sure.

1. Same bytes, same pixels. 2. Whole-picture hashes. A picture that is blank says nothing beyond this point.
3. The whole pictures laid over each other, in the orientation in which their PDQ hashes come nearest. 4.
Keypoints: mutual matches, then an affine map or a homography by RANSAC; the content inside the overlap has
the last word. 5. The same with the query mirrored, with its brightness inverted, or with a picture that
stands in it, where something speaks for it.

Pictures with few keypoints (logos, gradients, smooth wallpapers) rest on step 3, within a wider radius.
Outcomes are named kinds (`records.Configuration`). Only pairs that hashes and thumbnails cannot settle reach
the keypoints, which take some milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ..features.insets import Inset
from ..features.pdq import ORIENTATIONS
from ..features.perceptual import hamming, tlsh_distance
from ..features.picture import Picture
from ..records import Configuration, Evidence, ImageFeatures, LocalFeatures
from .agreement import content_agreement
from .geometry import (
    Geometry,
    confirm_geometry,
    estimate_geometry,
    estimate_homography,
    is_same_transform,
    vote_geometry,
)
from .matching import find_neighbours, likely_rotation
from .options import DEFAULTS
from .overlap import covered_shares

#: PDQ bits within which the whole pictures are laid over each other. measured: edits of whole screenshots
#: reach 47 and a few 60; laying over costs 1 ms, so the radius is wide.
WHOLE_RADIUS = 64
#: The same for pictures that have nothing else to go by. chosen: strangers are 128 bits apart, give or take
#: 16.
WHOLE_RADIUS_LOW_TEXTURE = 84
#: Content agreement of the whole pictures at which no keypoints are asked. chosen: two pages of one template
#: stay below 0.8.
SURE_AGREEMENT = 0.9
#: ... and blocks that must have been compared. chosen.
SURE_BLOCKS = 12
#: Share of the keypoints explained by laying the whole pictures over each other at which no other map is
#: asked for, if the content agrees too. chosen: twice what maps by chance explain.
SURE_EXPLAINED = 0.25
#: Keypoints below which a picture rests on the whole. measured (2026-11): one photograph in ten has fewer
#: than 50.
LOW_TEXTURE = 40
#: What keypoints must explain beyond the whole pictures to be preferred. chosen: half a block in ten is
#: noise.
BETTER_BY = 0.05
#: Share of the keypoints explained by an upright map at which no vote of ambiguous ones is held. measured
#: (2026-11): maps by chance explain less.
CERTAIN_MAP = 0.15
#: Times the inliers of an affine map that a homography must have to be looked at. measured (2026-11, 40 pages
#: seen at an angle): content agrees in 91, 97 and 100 % of blocks (tenth, quarter, median) at 0.95 and at
#: 0.8; in 64, 84 and 92 % at 1.15, as guided matching gives an affine map as many.
BETTER_TILTED = 0.95
#: Blocks at which agreement counts half when two maps are compared. chosen.
FEW_BLOCKS = 6
#: Content agreement at which no other map is looked for after the first, for which it is SURE_AGREEMENT: an
#: affine map of a picture seen at an angle agrees in a part of it. chosen: what the decision calls an
#: agreement.
CONVINCING = 0.6
#: spec: length of the hash.
PDQ_BITS = 256
#: Share of the reference that a picture standing in the query must show. chosen: it is there to find the
#: reference itself, not what both show.
SHOWN_IN_INSET = 0.5
#: Left to right in unit coordinates.
MIRROR = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], float)


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """Evidence, with what is needed to draw it."""

    evidence: Evidence
    #: Inliers in unit coordinates, shape (n, 2); empty when no keypoints were matched. So is the next.
    points_query: NDArray[np.float32]
    points_reference: NDArray[np.float32]


_NO_POINTS = np.empty((0, 2), np.float32)


def verify(
    query: Picture,
    reference: Picture,
    *,
    mirrored: bool = False,
    inverted: bool = False,
    inset: int | None = None,
    thorough: bool = False,
) -> Verification:
    """Measure how `query` and `reference` relate.

    `mirrored`, `inverted`, `inset`: the candidate was found by the mirrored or inverted query, or by this one
    of its insets, so step 5 is due. `thorough`: measure everything, even when an early step is sure.
    """
    q, r = query.features, reference.features
    hashes = _compare_hashes(q, r)
    same = hashes.same_bytes or hashes.same_pixels
    if same:
        kind = Configuration.SAME_BYTES if hashes.same_bytes else Configuration.SAME_PIXELS
        hashes = replace(
            hashes, configuration=kind, covered_query=1.0, covered_reference=1.0, matrix=_flat(np.eye(3))
        )
    if not (q.informative and r.informative):
        return _without_points(hashes if same else replace(hashes, configuration=Configuration.UNINFORMATIVE))
    if same and not thorough:
        return _without_points(hashes)
    whole = _lay_whole(query, reference, hashes)
    if not thorough and whole is not None and _settles(whole.evidence) and _same_versions(q, r):
        return whole
    invert = inverted or thorough or hashes.inverted is True
    insets = query.insets if thorough else () if inset is None else query.insets[inset : inset + 1]
    parts = _match_parts(
        query,
        reference,
        hashes,
        mirror=mirrored or thorough or _looks_mirrored(hashes),
        invert=invert,
        insets=insets,
    )
    best = whole if whole is not None and not _tells_more(parts.evidence, whole.evidence) else parts
    if same:
        measured = [
            field.name
            for field in fields(Evidence)
            if field.name in ("inliers", "explained") or field.name.startswith("content_")
        ]
        best = replace(
            best, evidence=replace(hashes, **{name: getattr(best.evidence, name) for name in measured})
        )
    if not (same or _same_versions(q, r)):
        best = replace(best, evidence=replace(best.evidence, configuration=Configuration.INCOMPARABLE))
    return best


def _compare_hashes(q: ImageFeatures, r: ImageFeatures) -> Evidence:
    """Bytes, pixels and whole-picture hashes; families of different versions are not compared."""
    orientation = bits = inverted = None
    if q.versions.pdq == r.versions.pdq:
        turned = [hamming(hash_, r.hashes.pdq) for hash_ in q.hashes.orientations]
        orientation = int(np.argmin(turned))
        # The hash of a picture with light and dark exchanged has all bits exchanged: signs of the same
        # coefficients.
        inverted = (
            min(turned[orientation], PDQ_BITS - max(turned)) < turned[orientation]
            and PDQ_BITS - max(turned) <= WHOLE_RADIUS_LOW_TEXTURE
        )
        if inverted:
            orientation = int(np.argmax(turned))
        bits = PDQ_BITS - turned[orientation] if inverted else turned[orientation]
    alike = q.versions.imagehash == r.versions.imagehash
    both_whash = alike and q.hashes.whash is not None and r.hashes.whash is not None
    return Evidence(
        same_bytes=q.image_id == r.image_id,
        same_pixels=q.pixel_digest == r.pixel_digest if q.versions.pixels == r.versions.pixels else None,
        pdq_bits=bits,
        orientation=orientation,
        inverted=inverted or None,
        phash_bits=hamming(q.hashes.phash, r.hashes.phash) if alike else None,
        dhash_bits=hamming(q.hashes.dhash, r.hashes.dhash) if alike else None,
        ahash_bits=hamming(q.hashes.ahash, r.hashes.ahash) if alike else None,
        whash_bits=hamming(q.hashes.whash or b"", r.hashes.whash or b"") if both_whash else None,
        tlsh_distance=tlsh_distance(q.tlsh, r.tlsh)
        if q.tlsh and r.tlsh and q.versions.tlsh == r.versions.tlsh
        else None,
    )


def _lay_whole(query: Picture, reference: Picture, hashes: Evidence) -> Verification | None:
    """The whole pictures over each other; None where the hashes say that it is not worth it."""
    q, r = query.features, reference.features
    few = min(len(q.local), len(r.local)) < LOW_TEXTURE
    radius = WHOLE_RADIUS_LOW_TEXTURE if few else WHOLE_RADIUS
    if hashes.orientation is None or hashes.pdq_bits is None or hashes.pdq_bits > radius:
        return None
    matrix = np.array(ORIENTATIONS[hashes.orientation].matrix, float).reshape(3, 3)
    laid = replace(hashes, covered_query=1.0, covered_reference=1.0, matrix=_flat(matrix))
    laid = replace(laid, configuration=Configuration.LOW_TEXTURE if few else Configuration.WHOLE)
    laid = _with_agreement(laid, query, reference, matrix)
    mirrored = ORIENTATIONS[hashes.orientation].is_mirror
    # Where light and dark are exchanged in a mirrored picture its keypoints are neither's; that is rare
    # enough to go without.
    own = query.inverted if hashes.inverted else query.mirrored if mirrored else q.local
    if few or own is None or (mirrored and hashes.inverted) or q.versions.local != r.versions.local:
        return _without_points(laid)
    found = confirm_geometry(own, r.local, matrix @ MIRROR if mirrored else matrix)
    if mirrored:
        found = _of_the_query(found, MIRROR)
    return Verification(
        replace(laid, inliers=found.inliers, explained=found.explained),
        found.points_query,
        found.points_reference,
    )


def _match_parts(
    query: Picture,
    reference: Picture,
    hashes: Evidence,
    *,
    mirror: bool,
    invert: bool,
    insets: tuple[Inset, ...],
) -> Verification:
    """The first map under which the content agrees, or the best of all that keypoints offer."""
    q, r = query.features, reference.features
    plain = replace(hashes, inverted=None)
    if q.versions.local != r.versions.local or not q.versions.local:  # 0: not kept
        return _without_points(replace(plain, configuration=Configuration.INCOMPARABLE))
    best: Verification | None = None
    for number, (geometry, inverted) in enumerate(
        _maps(query, r.local, mirror=mirror, invert=invert, insets=insets)
    ):
        found = _laid(query, reference, replace(plain, inverted=True) if inverted else plain, geometry)
        if best is None or _merit(found.evidence) > _merit(best.evidence):
            best = found
        if _convinces(found.evidence, CONVINCING if number else SURE_AGREEMENT):
            break
    return best or _without_points(plain)


def _maps(
    query: Picture, reference: LocalFeatures, *, mirror: bool, invert: bool, insets: tuple[Inset, ...]
) -> Iterator[tuple[Geometry, bool]]:
    """Maps from the likely and cheap to the rare and dear, each with whether it is one of the inverted query.
    No map is given twice.
    """
    own = query.features.local
    near = find_neighbours(own, reference)
    upright = estimate_geometry(near)
    yield upright, False
    if upright.inliers >= DEFAULTS.geometry.minimum_inliers:
        tilted = estimate_homography(near)
        if tilted.inliers > BETTER_TILTED * upright.inliers:
            yield tilted, False
    if upright.explained < CERTAIN_MAP:
        voted = vote_geometry(near)
        if not is_same_transform(voted, upright):
            yield voted, False
    if (
        upright.inliers < DEFAULTS.geometry.minimum_inliers
        and (turn := likely_rotation(own, reference)) is not None
    ):
        yield estimate_geometry(find_neighbours(own, reference, turn)), False
    if mirror and query.mirrored is not None:
        yield _of_the_query(estimate_geometry(find_neighbours(query.mirrored, reference)), MIRROR), False
    for inset in insets:
        near = find_neighbours(inset.local, reference)
        for found in (estimate_geometry(near), vote_geometry(near)):
            if found.matrix is not None and covered_shares(found.matrix)[1] >= SHOWN_IN_INSET:
                yield _of_the_query(found, inset.from_page), False
    if invert and query.inverted is not None:
        near = find_neighbours(query.inverted, reference)
        upright = estimate_geometry(near)
        yield upright, True
        voted = vote_geometry(near)
        if not is_same_transform(voted, upright):
            yield voted, True


def _merit(evidence: Evidence) -> tuple[float, int]:
    """What a map explains: agreement of a few blocks counts less."""
    blocks = evidence.blocks_compared or 0
    return (evidence.content_agreement or 0.0) * blocks / (blocks + FEW_BLOCKS) + (
        evidence.explained or 0.0
    ), evidence.inliers or 0


def _convinces(evidence: Evidence, enough: float) -> bool:
    """Whether another map is not worth looking for; without thumbnails any map has to do."""
    return evidence.matrix is not None and (
        evidence.content_agreement is None or evidence.content_agreement >= enough
    )


def _of_the_query(found: Geometry, view: NDArray[np.float64]) -> Geometry:
    """The same map for the query, of which `view` (3, 3) gives places as they are in what was matched:
    affine, in unit coordinates.
    """
    if found.matrix is None:
        return found
    back = np.linalg.inv(view)
    return replace(
        found,
        matrix=found.matrix @ view,
        points_query=(found.points_query @ back[:2, :2].T + back[:2, 2]).astype(np.float32),
    )


def _laid(query: Picture, reference: Picture, hashes: Evidence, geometry: Geometry) -> Verification:
    """Evidence of the map that keypoints gave: what it covers, and whether the content agrees under it."""
    if geometry.matrix is None:
        return _without_points(
            replace(hashes, configuration=geometry.configuration, inliers=geometry.inliers)
        )
    covered_query, covered_reference = covered_shares(geometry.matrix)
    found = replace(
        hashes,
        configuration=geometry.configuration,
        inliers=geometry.inliers,
        explained=geometry.explained,
        matrix=_flat(geometry.matrix),
    )
    found = replace(found, covered_query=covered_query, covered_reference=covered_reference)
    return Verification(
        _with_agreement(found, query, reference, geometry.matrix),
        geometry.points_query,
        geometry.points_reference,
    )


def _with_agreement(
    evidence: Evidence, query: Picture, reference: Picture, matrix: NDArray[np.float64]
) -> Evidence:
    same_family = query.features.versions.thumbnail == reference.features.versions.thumbnail
    if query.thumbnail is None or reference.thumbnail is None or not same_family:
        return evidence
    agreement = content_agreement(
        255 - query.thumbnail if evidence.inverted else query.thumbnail, reference.thumbnail, matrix
    )
    if not agreement.blocks_compared:  # nothing there that could agree or disagree
        return replace(evidence, blocks_compared=0)
    return replace(
        evidence,
        content_agreement=agreement.content_agreement,
        agreement_of_emptier=agreement.agreement_of_emptier,
        agreement_both_textured=agreement.agreement_both_textured,
        agreement_outside_rectangle=agreement.agreement_outside_rectangle,
        differing_rectangle=agreement.differing_rectangle,
        edges_contained=agreement.edges_contained,
        block_correlation=agreement.block_correlation,
        blocks_compared=agreement.blocks_compared,
    )


def _same_versions(q: ImageFeatures, r: ImageFeatures) -> bool:
    """Whether all that could confirm or refute was computed by the same extractors."""
    pairs = (
        (q.versions.pdq, r.versions.pdq),
        (q.versions.local, r.versions.local),
        (q.versions.thumbnail, r.versions.thumbnail),
    )
    return all(one == other or 0 in (one, other) for one, other in pairs)


def _looks_mirrored(hashes: Evidence) -> bool:
    """Whether the hashes come nearer with the query mirrored than strangers do."""
    return (
        hashes.orientation is not None
        and ORIENTATIONS[hashes.orientation].is_mirror
        and (hashes.pdq_bits or 0) <= WHOLE_RADIUS_LOW_TEXTURE
    )


def _settles(whole: Evidence) -> bool:
    """Whether the whole pictures agree so well, or keypoints confirm it, that no other map is asked for."""
    agreement, explained = whole.content_agreement or 0.0, whole.explained
    sure = agreement >= SURE_AGREEMENT and (whole.blocks_compared or 0) >= SURE_BLOCKS
    return sure or (explained is not None and agreement >= CONVINCING and explained >= SURE_EXPLAINED)


def _tells_more(parts: Evidence, whole: Evidence) -> bool:
    """Does the map found by keypoints explain more of the content than laying the whole pictures over each
    other?
    """
    if parts.matrix is None:
        return False
    return _merit(parts)[0] > _merit(whole)[0] + BETTER_BY


def _without_points(evidence: Evidence) -> Verification:
    return Verification(evidence, _NO_POINTS, _NO_POINTS)


def _flat(matrix: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(value) for value in matrix.ravel())
