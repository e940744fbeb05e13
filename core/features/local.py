"""Keypoints with binary descriptors, by which parts of pictures are found and pairs are verified.

Takes grey pixels, gives LocalFeatures in a frame of width 640. First version; settings are being measured.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..records import LocalFeatures

LOCAL_VERSION = 1
FRAME_WIDTH = 640
BAND = 1000
MARGIN = 112
MAX_BANDS = 20
BUDGET = 900
CELL = 64


def extract_local(grey: NDArray[np.uint8]) -> LocalFeatures:
    """Spread ORB keypoints of u8[h, w]."""
    import cv2

    height, width = grey.shape
    scale = min(FRAME_WIDTH / width, 4.0)
    if height * scale > MAX_BANDS * BAND:
        scale = MAX_BANDS * BAND / height
    frame_w, frame_h = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    frame = cv2.resize(grey, (frame_w, frame_h), interpolation=interpolation)
    bands = max(1, round(frame_h / BAND))
    edges = [round(frame_h * i / bands) for i in range(bands + 1)]
    per_band = [_band(frame, edges[i], edges[i + 1]) for i in range(bands)]
    keypoints = np.concatenate([k for k, _ in per_band])
    descriptors = np.concatenate([d for _, d in per_band])
    rank = np.concatenate([np.arange(len(k)) for k, _ in per_band])
    order = np.argsort(rank, kind="stable")
    return LocalFeatures(
        frame_width=float(frame_w),
        frame_height=float(frame_h),
        keypoints=quantise(keypoints[order], frame_w, frame_h),
        descriptors=np.ascontiguousarray(descriptors[order]),
    )


def _band(frame: NDArray[np.uint8], top: int, bottom: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
    import cv2

    start = max(0, top - MARGIN)
    orb = cv2.ORB_create(nfeatures=4000, edgeThreshold=16, fastThreshold=12)
    points, descriptors = orb.detectAndCompute(frame[start : bottom + MARGIN], None)
    if not points:
        return np.zeros((0, 4)), np.zeros((0, 32), np.uint8)
    rows = np.array([(p.pt[0], p.pt[1] + start, p.size, p.angle, p.response) for p in points])
    inside = (rows[:, 1] >= top) & (rows[:, 1] < bottom)
    rows, descriptors = rows[inside], descriptors[inside]
    cells = (rows[:, 0] // CELL).astype(np.int64) * 100_000 + (rows[:, 1] // CELL).astype(np.int64)
    chosen = _round_robin(cells, rows[:, 4], BUDGET)
    return rows[chosen, :4], descriptors[chosen]


def _round_robin(cells: NDArray[np.int64], response: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Indices of the strongest of each cell, then the second strongest of each, and so on."""
    order = np.lexsort((-response, cells))
    sorted_cells = cells[order]
    first = np.r_[True, sorted_cells[1:] != sorted_cells[:-1]] if len(order) else np.zeros(0, bool)
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    turn = np.arange(len(order)) - start
    return order[np.lexsort((-response[order], turn))][:count]


def quantise(keypoints: NDArray[np.float64], frame_width: float, frame_height: float) -> NDArray[np.float32]:
    """Keypoints f64[n, 4] as a record keeps them, so that fresh and stored features are the same numbers."""
    return unpack(pack(keypoints, frame_width, frame_height), frame_width, frame_height)


def pack(keypoints: NDArray[np.floating], frame_width: float, frame_height: float) -> NDArray[np.uint16]:
    """u16[n, 4]: x and y as shares of the frame in 65,535ths, size in 16ths of a frame pixel, angle in 65,536ths of a turn."""
    steps = np.array([65535.0 / frame_width, 65535.0 / frame_height, 16.0, 65536.0 / 360.0])
    values = np.rint(keypoints.astype(np.float64) * steps)
    values[:, 3] %= 65536
    return np.clip(values, 0, 65535).astype("<u2")


def unpack(packed: NDArray[np.uint16], frame_width: float, frame_height: float) -> NDArray[np.float32]:
    """f32[n, 4] back from `pack`; packing them again gives the same bytes."""
    steps = np.array([frame_width / 65535.0, frame_height / 65535.0, 1 / 16.0, 360.0 / 65536.0])
    return (packed.astype(np.float64) * steps).astype(np.float32)
