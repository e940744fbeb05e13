"""Ignored pictures: a pair that shares only an ignored picture does not match.

A picture in a collection of purpose `ignore` is never a hit itself. A copy of it, such as the next capture of
a placeholder, matches nothing either; and where it is a part of the query, such as a banner that somebody cut
out, other pictures with that part do not match. The query is searched for ignored pictures only once a
candidate is accepted, so most queries pay nothing.
"""

from functools import cached_property

import numpy as np

from ...boxes import box_of, share_inside
from ...deadline import OutOfTime
from ...decision.decide import Context, decide
from ...features.picture import Picture
from ...records import Box, Decision, ImageId
from ...transforms import as_matrix, inverse
from ...verification.overlap import shared_region
from ...verification.verify import verify
from ..candidates import View, find_candidates
from ..search import Search
from ..verified import Pair

#: The whole of a picture.
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class IgnoredRegions:
    """The ignored pictures that one query shows."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._options = search.options.context.ignored_regions
        #: Whether the timer cut the search for them, so that the query may show more of them.
        self.cut = False

    def covering(self, pair: Pair) -> ImageId | None:
        """Return the ignored picture that is all that an accepted pair shares; None where there is more."""
        points = pair.verification.points_query
        enough = len(points) >= self._search.verification.geometry.minimum_inliers
        part = box_of(points) if enough else WHOLE
        minimum = self._options.minimum_share
        return next((image_id for image_id, box in self._shown if share_inside(part, box) >= minimum), None)

    @cached_property
    def _shown(self) -> list[tuple[ImageId, Box]]:
        """Ignored pictures that the query is a copy of, or holds, and where it shows them."""
        search = self._search
        if not search.scope.ignored:
            return []
        cuts = search.timer.cuts
        found = find_candidates(search, View.WHOLE, allowed=search.scope.ignored.__contains__)
        ids = [candidate.image_id for candidate in found[: self._options.maximum_pictures]]
        pictures = zip(ids, search.references.read(ids), strict=True)
        shown = []
        for image_id, picture in pictures:
            try:
                if picture is not None and (box := self._where(picture)) is not None:
                    shown.append((image_id, box))
            except OutOfTime:
                break
        self.cut = search.timer.cuts > cuts
        return shown

    def _where(self, ignored: Picture) -> Box | None:
        """Where the query shows this picture; None where it does not."""
        search = self._search
        found = verify(search.query, ignored, timer=search.timer, options=search.verification)
        verdict = decide(found.evidence, Context(), search.calibration, options=search.verdict)
        if verdict.decision is not Decision.MATCH:
            return None
        if found.evidence.matrix is None or not len(found.points_query):
            return WHOLE
        corners = shared_region(inverse(as_matrix(found.evidence.matrix)))
        return box_of(corners.astype(np.float32)) if len(corners) else None
