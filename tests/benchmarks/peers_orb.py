"""Plain ORB with RANSAC, as anybody would write it with OpenCV: a peer that is not a product, and the
strongest one for given pairs.

Takes a decoded picture, returns keypoints at three sizes: 1,000 at 1,280 pixels of width, 600 at 640 and 300
at 320 (Rublee et al., ICCV 2011). Two pictures are compared size by size, nine times, with a ratio test (Lowe
2004); RANSAC fits one full affine transform to all correspondences, and the score is the number of distinct
inliers. The query is tried as it is and mirrored.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

#: Widths in pixels and numbers of features. A narrower picture is not enlarged, and duplicate sizes are
#: skipped.
LEVELS = ((1280, 1000), (640, 600), (320, 300))
#: Maximum ratio of the distances of the nearest and the second nearest descriptor. spec: Lowe 2004, section
#: 7.1.
RATIO = 0.8
#: Width of the frame of all coordinates, in pixels.
FRAME = 640
#: RANSAC's tolerance in frame pixels. chosen: our own value.
TOLERANCE = 4.0
#: Side of a cell in frame pixels: inliers in different cells are distinct. chosen: our own value.
CELL = 8.0
#: Maximum ratio of the transform's singular values; edits exceed it as little as they mirror. chosen: our own
#: value.
MAX_STRETCH = 2.5


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Keypoints at one size."""

    #: x, y in frame pixels, (n, 2).
    places: NDArray[np.float32]
    #: ORB descriptors, (n, 32).
    descriptors: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """Keypoints of a picture."""

    #: As it is.
    as_is: tuple[Level, ...]
    #: Mirrored.
    mirrored: tuple[Level, ...]


def describe(picture: Image.Image) -> Described:
    """Return the keypoints of a picture."""
    grey = picture.convert("L")
    return Described(_levels(np.asarray(grey)), _levels(np.asarray(ImageOps.mirror(grey))))


def distinct_inliers(query: Described, reference: Described) -> int:
    """Return the number of distinct inliers, the larger of the query as it is and mirrored."""
    return max(_explained(levels, reference.as_is) for levels in (query.as_is, query.mirrored))


def _levels(grey: NDArray[np.uint8]) -> tuple[Level, ...]:
    levels, widths = [], set()
    for wanted, features in LEVELS:
        width = min(wanted, grey.shape[1])
        if width in widths:
            continue
        widths.add(width)
        size = width, max(1, round(grey.shape[0] * width / grey.shape[1]))
        scaled = grey if size == grey.shape[::-1] else cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        points, descriptors = cv2.ORB.create(nfeatures=features).detectAndCompute(scaled, None)
        if points:
            levels.append(
                Level(np.array([point.pt for point in points], np.float32) * (FRAME / width), descriptors)
            )
    return tuple(levels)


def _explained(query: tuple[Level, ...], reference: tuple[Level, ...]) -> int:
    pairs = [_matched(one, other) for one in query for other in reference]
    if sum(len(pair) for pair in pairs) < 3:
        return 0
    source, target = (np.ascontiguousarray(side) for side in np.hsplit(np.concatenate(pairs), 2))
    found, inliers = cv2.estimateAffine2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=TOLERANCE)
    if found is None or not np.isfinite(found).all() or np.linalg.det(found[:, :2]) <= 0:
        return 0
    stretches = np.linalg.svd(found[:, :2], compute_uv=False)
    if stretches[0] > MAX_STRETCH * stretches[1]:
        return 0
    kept = inliers.ravel() == 1
    return min(_places(source[kept]), _places(target[kept]))


def _matched(query: Level, reference: Level) -> NDArray[np.float32]:
    """Return the correspondences, f32[n, 4]: x, y of the query and of the reference."""
    nearest = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(query.descriptors, reference.descriptors, k=2)
    kept = [pair[0] for pair in nearest if len(pair) == 2 and pair[0].distance < RATIO * pair[1].distance]
    rows = [(*query.places[match.queryIdx], *reference.places[match.trainIdx]) for match in kept]
    return np.array(rows, np.float32).reshape(-1, 4)


def _places(points: NDArray[np.float32]) -> int:
    return len(np.unique(np.floor(points / CELL), axis=0))
