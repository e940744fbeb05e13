"""Evidence for one pair: a cascade from cheap and certain to expensive, which stops when it is sure.

1. Equal bytes, equal pixels, distances of the whole-picture hashes (hashes.py). Nothing more is measured of a
   blank picture.
2. The whole pictures aligned, in the orientation in which their PDQ hashes come nearest (alignment.py).
3. Keypoints: mutual matches, then an affine transform or a homography by RANSAC; the content in the overlap
   decides which transform is best.
4. The same with the query mirrored, inverted, or with one of its insets, where something suggests it.
5. Of pairs that could be a match, whether codes say the same (`with_codes`, codes.py), and the regions that
   differ (`with_differences`, differences.py).

Pictures with few keypoints (logos, gradients, smooth wallpapers) rest on step 2, within a wider radius. Only
pairs that hashes and thumbnails cannot settle reach the keypoints, which take some milliseconds. The first
three parts of the evidence, hashes, geometry and content, are joined once, at the end.

The work of a pair is bounded (matching.py, geometry.py, registration.py), and so is the number of transforms
that are tried. Between two steps, each of some 0.1 s at most, a search may be cut short: then the pair has no
evidence at all.
"""

from dataclasses import asdict, dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from ..boxes import share_inside
from ..deadline import Timer
from ..features.picture import Picture
from ..records import Configuration, Difference, Evidence, HashEvidence, ImageFeatures, Likeness
from ..transforms import as_matrix, flatten
from .alignment import Alignment, align_by_keypoints, align_whole
from .blocks import Agreement
from .codes import compare_codes
from .differences import Differences, differences_work, find_differences
from .geometry import Geometry
from .hashes import compare_hashes, is_mirrored
from .options import DEFAULTS, CascadeOptions, VerificationOptions

#: Share of a region that lies in a code which says something else, from which the region is a part of that
#: difference, 0 to 1. chosen: most of it.
OF_CODE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """Evidence of a pair, with what is needed to draw it."""

    #: What was measured.
    evidence: Evidence
    #: Inliers in unit coordinates of the query, shape (n, 2); empty when no keypoints were matched.
    points_query: NDArray[np.float32]
    #: The same inliers in unit coordinates of the reference, shape (n, 2).
    points_reference: NDArray[np.float32]


def verify(
    query: Picture,
    reference: Picture,
    *,
    mirrored: bool = False,
    inverted: bool = False,
    inset: int | None = None,
    thorough: bool = False,
    timer: Timer | None = None,
    options: VerificationOptions = DEFAULTS,
) -> Verification:
    """Measure how `query` and `reference` relate, and return the evidence.

    `mirrored`, `inverted`, `inset`: the candidate was found by the mirrored or the inverted query, or by this
    inset, so step 4 is due. `thorough`: measure equal pictures, too, and try all views. `timer` counts the
    work. Raises OutOfTime when it is up before the pair is measured.
    """
    timer = timer or Timer(None)
    q, r, cascade = query.features, reference.features, options.cascade
    hashes = compare_hashes(q, r, options=cascade)
    if not (q.informative and r.informative):
        return _join(
            hashes, Alignment(Geometry(configuration=Configuration.UNINFORMATIVE), None, hashes.inverted)
        )
    if hashes.equal and not thorough:
        return _join(hashes, Alignment(Geometry(configuration=Configuration.SAME_PIXELS)))
    comparable = hashes.equal or _same_versions(q, r)
    timer.check()
    whole = align_whole(query, reference, hashes, timer, options)
    if whole is not None and comparable and _settles(whole, cascade):
        return _join(hashes, whole)
    near_mirrored = is_mirrored(hashes) and (hashes.pdq_bits or 0) <= cascade.whole_radius_low_texture
    insets = query.insets if thorough else () if inset is None else query.insets[inset : inset + 1]
    best = align_by_keypoints(
        query,
        reference,
        mirrored=mirrored or thorough or near_mirrored,
        inverted=inverted or thorough or hashes.inverted is True,
        insets=insets,
        timer=timer,
        options=options,
    )
    if whole is not None and not _explains_more(best, whole, cascade):
        best = whole
    if not comparable:
        best = replace(best, geometry=replace(best.geometry, configuration=Configuration.INCOMPARABLE))
    return _join(hashes, best)


def with_likeness(found: Verification, likeness: Likeness | None) -> Verification:
    """Return what was measured with what the two have in common as a page and a page of a baseline."""
    if likeness is None or found.evidence.same:
        return found
    return replace(found, evidence=replace(found.evidence, likeness=likeness))


def with_codes(
    found: Verification,
    query: Picture,
    reference: Picture,
    *,
    options: VerificationOptions = DEFAULTS,
) -> Verification:
    """Return what was measured with what the codes in the same places say (codes.py)."""
    evidence = found.evidence
    if evidence.same or evidence.matrix is None:
        return found
    matrix = as_matrix(evidence.matrix)
    codes = compare_codes(query.features, reference.features, matrix, options=options.codes)
    if codes is None:
        return found
    said = replace(
        evidence,
        codes_same=codes.same,
        codes_differing=len(codes.differing),
        code_share=round(codes.share, 4),
        differences=tuple(Difference(box, 0.0) for box in codes.differing) or None,
    )
    return replace(found, evidence=said)


def with_differences(
    found: Verification,
    query: Picture,
    reference: Picture,
    *,
    timer: Timer | None = None,
    options: VerificationOptions = DEFAULTS,
) -> Verification:
    """Return what was measured with the regions that differ (differences.py): for pairs that could be a
    match, because it takes as long as all else. Raises OutOfTime.
    """
    evidence, of_differences = found.evidence, options.differences
    if evidence.same or evidence.matrix is None:
        return found
    timer = timer or Timer(None)
    timer.spend(differences_work(query, reference, of_differences))
    timer.check()
    differences = find_differences(
        query,
        reference,
        as_matrix(evidence.matrix),
        inverted=bool(evidence.inverted),
        options=of_differences,
    )
    if differences is None:
        return found
    measured = {field.name: getattr(differences, field.name) for field in fields(Differences)}
    codes = evidence.differences or ()
    # (modules of a code that says something else are that difference)
    beside = [
        each
        for each in differences.differences
        if all(share_inside(each.box, code.box) < OF_CODE for code in codes)
    ]
    measured["differences"] = (*codes, *beside)[: of_differences.maximum_listed]
    return replace(found, evidence=replace(evidence, **measured))


def verify_closely(
    query: Picture, reference: Picture, *, thorough: bool = False, options: VerificationOptions = DEFAULTS
) -> Verification:
    """Return all that two pictures say by themselves: `verify`, with what codes say and the regions that
    differ. A search measures these two for promising pairs alone.
    """
    found = verify(query, reference, thorough=thorough, options=options)
    found = with_codes(found, query, reference, options=options)
    return with_differences(found, query, reference, options=options)


def _settles(whole: Alignment, options: CascadeOptions) -> bool:
    """Whether the whole pictures agree so well that no other transform could explain more."""
    enough = whole.agreement >= options.sure_agreement and whole.blocks >= options.sure_blocks
    return enough and whole.content is not None and whole.content.edges_contained >= options.sure_edges


def _explains_more(by_keypoints: Alignment, whole: Alignment, options: CascadeOptions) -> bool:
    """Whether the transform found by keypoints explains more of the content than aligning whole pictures."""
    if by_keypoints.geometry.matrix is None:
        return False
    least = whole.merit(options.few_blocks)[0] + options.minimum_gain
    return by_keypoints.merit(options.few_blocks)[0] > least


def _same_versions(q: ImageFeatures, r: ImageFeatures) -> bool:
    """Whether everything that could confirm or refute a match was computed by the same extractors."""
    families = ("pdq", "local", "thumbnail")
    pairs = [(getattr(q.versions, family), getattr(r.versions, family)) for family in families]
    return all(one == other or 0 in (one, other) for one, other in pairs)


def _join(hashes: HashEvidence, alignment: Alignment) -> Verification:
    """Hashes, geometry and content in one. Equal pictures are aligned as they are, whatever was found."""
    geometry, inverted = alignment.geometry, alignment.inverted
    if hashes.equal and geometry.configuration is not Configuration.UNINFORMATIVE:
        configuration = Configuration.SAME_BYTES if hashes.same_bytes else Configuration.SAME_PIXELS
        geometry = replace(
            geometry, configuration=configuration, matrix=np.eye(3), covered_query=1.0, covered_reference=1.0
        )
        inverted = hashes.inverted
    evidence = Evidence(
        **asdict(hashes) | {"inverted": inverted} | _measured(alignment.content),
        configuration=geometry.configuration,
        matrix=None if geometry.matrix is None else flatten(geometry.matrix),
        covered_query=geometry.covered_query,
        covered_reference=geometry.covered_reference,
        inliers=geometry.inliers,
        explained=geometry.explained,
    )
    return Verification(evidence, geometry.points_query, geometry.points_reference)


def _measured(content: Agreement | None) -> dict[str, float | int]:
    """The fields of the evidence that content fills; without a textured block there is nothing to compare."""
    if content is None:
        return {}
    fields = asdict(content)
    del fields["blocks_of_emptier"]
    return fields if content.blocks_compared else {"blocks_compared": 0}
