"""Answers of which there are too many: a query that shows many different pictures alike shows none of them
surely.

Takes the accepted candidates of one search, gives for those that stand in a crowd how many others do (`crowd`
in the evidence). Pages that a program wrote from one template differ in a word; each looks like a copy of
each other, and what tells them apart is that there are so many of them. One of so many is as likely as the
next, so a calibration divides by their number (Calibration.log_odds). A candidate that stands out from the
crowd, and one whose evidence leaves no doubt, are as they were; copies that were joined to one cluster are
one picture.

Measured (2026-11, reporting part, 8,505 questions among 13,473 images): of pages of one site that geometry
accepts 0.12 % are a match, 1.6 % without; of the questions with an answer none loses it for a match, 1 in 500
for a review. In crowds of 4 and 5, one in 90 and one in 140 lost a match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...decision.calibration import Calibration, logit
from ...records import Evidence, ImageId
from ..candidates import ClusterOf

#: Different pictures that make a crowd. measured: see above; 6 and 8 take the same from pages of one site.
CROWD = 8
#: Log odds from which a candidate belongs to a crowd, and from which it leaves no doubt. chosen: one in ten;
#: above the second lie copies that differ in a number, such as that of a session.
FROM, SURE = logit(0.1), logit(0.97)
#: Log odds by which one that stands out is ahead of the last that a crowd needs. measured: 1 and 3 are alike.
AHEAD = 2.0


def crowd_of(
    found: Sequence[tuple[ImageId, Evidence]], calibration: Calibration, cluster_of: ClusterOf
) -> dict[ImageId, int]:
    """For each image that stands in a crowd how many other pictures do."""
    odds: dict[ImageId, float] = {}
    for image_id, evidence in found:
        if evidence.matrix is not None and not (evidence.same_bytes or evidence.same_pixels):
            # As pairs by themselves: pages that differ in a word count as captures of one picture, so that
            # they are no rivals and seem to stand alone.
            odds[image_id] = max(
                odds.get(image_id, FROM), calibration.log_odds(replace(evidence, rival_inliers=None))
            )
    likely = [image_id for image_id, value in odds.items() if value > FROM]
    if len(likely) < CROWD:
        return {}
    best: dict[str, float] = {}
    for image_id, cluster in zip(likely, cluster_of(likely), strict=True):
        name = cluster if cluster is not None else image_id
        best[name] = max(best.get(name, FROM), odds[image_id])
    if len(best) < CROWD:
        return {}
    last = sorted(best.values(), reverse=True)[CROWD - 1]
    return {image_id: len(best) - 1 for image_id in likely if odds[image_id] < min(last + AHEAD, SURE)}
