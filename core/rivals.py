"""What else agrees with the query: a copy stands alone, pages of one template agree as one.

Takes all that one search has verified, gives for each the inliers of the best *rival*: another picture that lies on the same part of the query.
It is Lowe's ratio test (IJCV 2004) between pictures. A pair by itself cannot say whether header, menu and frame are all that two pages share, with a
window laid over the rest; where other pages of the site share as much, they are. A rival is a different picture: of another cluster, and further away
than two captures of one page are. Pictures that lie side by side in a collage are no rivals, as each is counted where the other lies.

Measured (2026-11, fitting part, sites left out in two folds; of a third of the pages of a known site only one other page was left in the index):
where one in twelve pages of a known site goes to a person, 91 % of edited screenshots are found, 88 % without; of those under a banner 84 %, 67 % without.
Agreeing blocks in the place of inliers: 88 %. All pictures taken for different ones, clusters too: nothing gained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .candidates import ClusterOf
from .records import ImageId
from .subject import Subject
from .verification import Verification

SAME_PICTURE = 31
"""PDQ bits within which two pictures are taken for captures of one. spec: PDQ's own radius; measured (as above): 60 and 90 bits find 1 to 3 points less."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A candidate as it was verified."""

    image_id: ImageId
    reference: Subject
    verification: Verification


def rival_inliers(found: Sequence[Found], cluster_of: ClusterOf) -> list[int | None]:
    """For each the most inliers that a different picture has within the box of its own; None for one that no inliers lay over the query."""
    points = [one.verification.points_query for one in found]
    inliers = [one.verification.evidence.inliers or 0 if len(own) else 0 for one, own in zip(found, points, strict=True)]
    if sum(map(bool, inliers)) < 2:
        return [0 if own else None for own in inliers]
    clusters = cluster_of([one.image_id for one in found])
    hashes = np.array([np.frombuffer(one.reference.features.hashes.pdq, np.uint64) for one in found])
    different = np.bitwise_count(hashes[:, None] ^ hashes[None]).sum(axis=2) > SAME_PICTURE
    strongest = sorted(range(len(found)), key=lambda place: -inliers[place])
    counts: list[int | None] = []
    for number, own in enumerate(points):
        if not inliers[number]:
            counts.append(None)
            continue
        low, high, most = own.min(axis=0), own.max(axis=0), 0.0
        for other in strongest:
            if inliers[other] <= most:
                break
            if different[number, other] and (clusters[number] is None or clusters[number] != clusters[other]):
                # Inliers are distinct places, of which there are fewer than points.
                within = ((points[other] >= low) & (points[other] <= high)).all(axis=1).mean()
                most = max(most, inliers[other] * float(within))
        counts.append(round(most))
    return counts
