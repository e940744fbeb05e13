"""A pair as it is shown: which picture is the frame, and how the other is laid over it.

The frame is the picture that holds more of the other, so that a crop is shown inside its page. All
coordinates are those of the frame, from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..answers import Hit
from ..description import Description
from ..engine import Engine
from ..errors import ConfigError
from ..records import Box, Cluster, Configuration, Evidence, ImageId
from ..transforms import as_matrix, flatten, inverse, transformed


@dataclass(frozen=True, slots=True)
class ShownPair:
    """What a page shows of a pair."""

    #: The picture whose frame is shown.
    frame: Description
    #: The picture that is laid over it.
    other: Description
    #: The verdict, with the frame as the query and the other picture as the hit.
    hit: Hit
    #: Row-major 3x3 transform from the other picture to the frame, both in coordinates from 0 to 1; None
    #: where nothing aligns them.
    matrix: tuple[float, ...] | None
    #: Corners of the other picture in the frame; empty where nothing aligns them.
    outline: tuple[tuple[float, float], ...]
    #: Members of the cluster of each of the two, the picture itself included.
    members: tuple[tuple[ImageId, ...], tuple[ImageId, ...]]


def shown_pair(engine: Engine, a: ImageId, b: ImageId) -> ShownPair:
    """Return a pair as it is shown: the stored verdict, or one that is measured now.

    Raises NotFound for an image that is not in the store or a pair that a person keeps apart without a
    verdict, StoreError, FormatError.
    """
    sides = [_image(engine, image_id) for image_id in (a, b)]
    clusters = engine.clusters_of([a, b])
    members = [
        cluster.members if cluster else (image_id,)
        for cluster, image_id in zip(clusters, (a, b), strict=True)
    ]
    hit = _hit(engine, sides[0], sides[1])
    if not _is_frame(sides[0], sides[1], hit.evidence):
        sides.reverse()
        members.reverse()
        hit = _hit(engine, sides[0], sides[1])
    matrix = overlaying(hit.evidence)
    return ShownPair(sides[0], sides[1], hit, matrix, outline(matrix), (members[0], members[1]))


def overlaying(evidence: Evidence) -> tuple[float, ...] | None:
    """Return the transform from the reference onto the query, both in coordinates from 0 to 1; None where
    nothing aligns the two. Of an object and a page, the page counts as the query.
    """
    if evidence.configuration is Configuration.OBJECT and evidence.object_box is not None:
        return _onto(evidence.object_box)
    if evidence.matrix is None:
        return None
    try:
        back = inverse(as_matrix(evidence.matrix))
    except np.linalg.LinAlgError:
        return None
    if not back[2, 2] or not np.isfinite(back).all():
        return None
    return flatten(back / back[2, 2])


def _onto(box: Box) -> tuple[float, ...]:
    left, top, right, bottom = box
    return (right - left, 0.0, left, 0.0, bottom - top, top, 0.0, 0.0, 1.0)


def outline(matrix: tuple[float, ...] | None) -> tuple[tuple[float, float], ...]:
    """Return the corners of the overlaid picture in the frame; none where nothing aligns the two."""
    if matrix is None:
        return ()
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    return tuple((float(x), float(y)) for x, y in transformed(corners, as_matrix(matrix)).round(5))


def _is_frame(first: Description, second: Description, evidence: Evidence) -> bool:
    """Whether the first picture holds more of the second than the reverse."""
    mine, theirs = evidence.covered_query, evidence.covered_reference
    if evidence.configuration is Configuration.OBJECT or mine is None or theirs is None or mine == theirs:
        area = [side.features.width * side.features.height for side in (first, second)]
        return area[0] >= area[1]
    return theirs > mine


def _image(engine: Engine, image_id: ImageId) -> Description:
    found = engine.show(image_id)
    if isinstance(found, Cluster):
        raise ConfigError(f"{image_id[:80]} is a cluster; name an image")
    return found


def _hit(engine: Engine, query: Description, reference: Description) -> Hit:
    a, b = query.info.image_id, reference.info.image_id
    stored = engine.scored_between(a, b)
    if stored is None:
        return engine.compare(a, b)
    contributions = engine.calibration.contributions(stored.verdict.evidence)
    return Hit.of(stored.verdict, b, reference.info, contributions)
