"""What a picture shows of those that are to be ignored: nothing that rests on it alone is an answer.

Takes the verdicts of one search as hubs.py does. A picture in a collection of purpose `ignore` is never a hit
itself; a copy of it, such as the next capture of a placeholder, matches nothing either, and where it is a
part of the query, such as a banner that somebody cut out, other pictures with that part are no answer. It is
looked for only once something is answered, so most questions pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...decision.calibration import Calibration
from ...decision.decide import decide
from ...features.picture import Picture
from ...records import Box, Decision, ImageId, Verdict
from ...verification.options import DEFAULTS as VERIFICATION
from ...verification.overlap import shared_region
from ...verification.verify import Verification, verify
from .common_regions import area, box_of

#: Pictures to be ignored that are verified for one query. chosen: 5-10 ms each, and only where something was
#: answered.
MOST_SHOWN = 8
#: Share of what two pictures have in common that must lie on a picture to be ignored. chosen: maps are some
#: pixels off.
COVERED = 0.9
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)

#: Pictures to be ignored that the query may show, the most promising first.
Look = Callable[[], Sequence[tuple[ImageId, Picture]]]


class Ignored:
    """The pictures to be ignored that one query shows."""

    def __init__(self, query: Picture, calibration: Calibration, look: Look) -> None:
        self._query = query
        self._calibration = calibration
        self._look: Look | None = look
        self._shown: list[tuple[ImageId, Box]] = []

    def weigh(self, found: Verification, verdict: Verdict) -> Verdict:
        """The verdict about a candidate; a `no-match` when all they share is a picture to be ignored."""
        if verdict.decision is Decision.NO_MATCH:
            return verdict
        if self._look is not None:
            look, self._look = self._look, None
            self._shown = [
                (image_id, box) for image_id, subject in look() if (box := self._where(subject)) is not None
            ]
        points = found.points_query
        part = box_of(points) if len(points) >= VERIFICATION.geometry.minimum_inliers else WHOLE
        for image_id, box in self._shown:
            if _share_inside(part, box) >= COVERED:
                words = f"{verdict.sentence}; but what they share is the picture {image_id[:12]}, which is to be ignored"
                return replace(verdict, decision=Decision.NO_MATCH, sentence=words)
        return verdict

    def _where(self, ignored: Picture) -> Box | None:
        """Where the query shows this picture; None where it does not."""
        found = verify(self._query, ignored)
        if decide(found.evidence, self._calibration).decision is not Decision.MATCH:
            return None
        if found.evidence.matrix is None or not len(found.points_query):
            return WHOLE
        corners = shared_region(
            np.asarray(np.linalg.inv(np.array(found.evidence.matrix).reshape(3, 3)), np.float64)
        )
        return box_of(corners.astype(np.float32)) if len(corners) else None


def _share_inside(part: Box, box: Box) -> float:
    """Share of a part's area that lies in a box, 0 to 1."""
    inside = area((max(part[0], box[0]), max(part[1], box[1]), min(part[2], box[2]), min(part[3], box[3])))
    return inside / max(area(part), 1e-9)
