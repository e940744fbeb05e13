"""What else agrees with the query: a copy stands alone, pages of one template agree as one.

Takes what a search has verified so far, gives for each the inliers of the best *rival*: another picture that
lies on the same part of the query. It is Lowe's ratio test (IJCV 2004) between pictures. A pair by itself
cannot say whether header, menu and frame are all that two pages share, with a window laid over the rest;
where other pages of the site share as much, they are. A rival is a different picture: of another cluster,
with another hash, and with other content where the query lays the two over each other, so that a page, a part
of it and a full-page capture mind each other as little as two captures do. Pictures side by side in a collage
are no rivals, as each is counted where the other lies. Nor is an exact copy: it says no more than the query
itself.

Measured (2026-11, fitting part, sites left out in two folds; of a third of the pages of a known site only one
other page was left in the index): where one in twelve pages of a known site goes to a person, 93 % of edited
screenshots are found, 91 % without; of those under a banner 85 %, 71 % without (one in ten). Agreeing blocks
in the place of inliers gain half of it. All pictures taken for different ones: nothing gained.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...features import hashes_alone
from ...features.picture import Picture
from ...records import ImageId
from ...verification.agreement import content_agreement
from ...verification.verify import Verification
from ..candidates import ClusterOf

#: PDQ bits within which two pictures are taken for captures of one. spec: PDQ's own radius; measured (as
#: above): 60 and 90 bits find 1 to 3 points less.
SAME_PICTURE = 31
#: Images that must have been searched before it says something that there is no rival: of most sites a small
#: store knows one page. chosen.
LEAST_IMAGES = 1_000
#: Share of the blocks where the query lays two pictures over each other that agree if they show the same.
#: measured: see content.py; of pages of one site fewer than one in a thousand agree in more.
SAME_CONTENT = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A candidate as it was verified."""

    image_id: ImageId
    #: With nothing but its hashes where it is an exact copy, of which there may be thousands.
    reference: Picture
    verification: Verification

    @classmethod
    def of(cls, image_id: ImageId, reference: Picture, verification: Verification) -> Found:
        same = verification.evidence.same_bytes or verification.evidence.same_pixels
        return cls(image_id, Picture(hashes_alone(reference.features)) if same else reference, verification)

    @property
    def inliers(self) -> int:
        """As far as it is known where they lie."""
        return (self.verification.evidence.inliers or 0) if len(self.verification.points_query) else 0


def rival_inliers(found: Sequence[Found], before: Sequence[Found], cluster_of: ClusterOf) -> list[int | None]:
    """For each of `found` the most inliers that a different picture, of these or of those found `before`, has
    within the box of its own; None for one that no inliers lay over the query.
    """
    measured = [one for one in found if one.inliers]
    everyone = sorted((*measured, *(one for one in before if one.inliers)), key=lambda one: -one.inliers)
    if not measured or len(everyone) < 2:
        return [0 if one.inliers else None for one in found]
    clusters = dict(
        zip((one.image_id for one in everyone), cluster_of([one.image_id for one in everyone]), strict=True)
    )

    def joined(one: Found, other: Found) -> bool:
        cluster = clusters[one.image_id]
        return one.image_id == other.image_id or (cluster is not None and cluster == clusters[other.image_id])

    return [
        _best_rival(one, (other for other in everyone if not joined(one, other))) if one.inliers else None
        for one in found
    ]


def _best_rival(one: Found, others: Iterable[Found]) -> int:
    """Of others, the strongest first."""
    own, most = one.verification.points_query, 0.0
    low, high = own.min(axis=0), own.max(axis=0)
    for other in others:
        if other.inliers <= most:
            break
        # Inliers are distinct places, of which there are fewer than points.
        points = other.verification.points_query
        inside = other.inliers * float(((points >= low) & (points <= high)).all(axis=1).mean())
        if inside > most and not _show_the_same(one, other):
            most = inside
    return round(most)


def _show_the_same(one: Found, other: Found) -> bool:
    a, b = one.reference.features, other.reference.features
    if a.versions.pdq == b.versions.pdq and _bits(a.hashes.pdq, b.hashes.pdq) <= SAME_PICTURE:
        return True
    maps = [side.verification.evidence.matrix for side in (one, other)]
    thumbnails = [side.reference.thumbnail for side in (one, other)]
    if (
        maps[0] is None
        or maps[1] is None
        or thumbnails[0] is None
        or thumbnails[1] is None
        or a.versions.thumbnail != b.versions.thumbnail
    ):
        return False
    to_one, to_other = (np.array(matrix, float).reshape(3, 3) for matrix in maps)
    exchanged = one.verification.evidence.inverted != other.verification.evidence.inverted
    between: NDArray[np.float64] = to_other @ np.linalg.inv(to_one)
    return (
        content_agreement(
            255 - thumbnails[0] if exchanged else thumbnails[0], thumbnails[1], between
        ).content_agreement
        >= SAME_CONTENT
    )


def _bits(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
