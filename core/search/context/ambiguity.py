"""Ambiguous queries: if many different pictures match about equally well, none is a confident match.

Takes the accepted candidates of one view, returns for each that is one of too many how many others are. Pages
that a program wrote from one template differ in a word; each looks like a copy of every other, and what gives
them away is their number. One of so many is as likely as the next, so a calibration divides by their number
(`Calibration.contributions`). A candidate that stands out from the others, and one whose evidence leaves no
doubt, keep their confidence; copies in one cluster count as one picture.

Measured (2026-11, reporting part, 8,505 queries among 13,473 images): of pages of one site that geometry
accepts 0.12 % are a match, 1.6 % without this rule; of the queries with an answer none loses it as a match, 1
in 500 as a review. Among 4 and 5 pictures, one in 90 and one in 140 lost a match.
"""

from collections.abc import Sequence
from dataclasses import replace

from ...decision.calibration import Calibration, logit
from ...records import Evidence, ImageId
from ..options import DEFAULTS, AmbiguityOptions
from ..search import ClusterOf, pictures_of


def ambiguous_with(
    accepted: Sequence[tuple[ImageId, Evidence]],
    calibration: Calibration,
    cluster_of: ClusterOf,
    *,
    options: AmbiguityOptions = DEFAULTS.context.ambiguity,
) -> dict[ImageId, int]:
    """Return, for each image that is one of too many, how many other pictures agree as well."""
    floor, sure = logit(options.minimum_probability), logit(options.sure_probability)
    odds: dict[ImageId, float] = {}
    for image_id, evidence in accepted:
        if evidence.matrix is not None and not evidence.same:
            # Without rivals: pages that differ in a word count as captures of one picture, so they are no
            # rivals, and each would seem to stand alone.
            alone = calibration.log_odds(replace(evidence, rival_inliers=None))
            odds[image_id] = max(odds.get(image_id, floor), alone)
    likely = [image_id for image_id, value in odds.items() if value > floor]
    if len(likely) < options.pictures:
        return {}
    best: dict[str, float] = {}
    for image_id, picture in zip(likely, pictures_of(cluster_of, likely), strict=True):
        best[picture] = max(best.get(picture, floor), odds[image_id])
    if len(best) < options.pictures:
        return {}
    last = sorted(best.values(), reverse=True)[options.pictures - 1]
    limit = min(last + options.lead, sure)
    return {image_id: len(best) - 1 for image_id in likely if odds[image_id] < limit}
