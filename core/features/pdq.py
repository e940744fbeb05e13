"""PDQ as Meta's reference path computes it, of a picture and of its seven rotated and mirrored copies.

Takes RGB pixels at full resolution and returns 32 bytes for each of ORIENTATIONS and one quality. After a
resize of our own, PDQ changes by 17 bits on average, half the radius.

PDQ (Meta, "hashing.pdf" in facebook/ThreatExchange; called there by
threatexchange/signal_type/pdq/pdq_hasher.py) takes the picture's luma, blurs it with two box filters along
both axes, picks 64 x 64 samples, takes 16 x 16 coefficients of their cosine transform, and sets the bits of
the upper half of these. Everything up to the last step is linear, so two small matrices, applied from the
left and from the right, produce the samples at once. The reference computes running sums in 32-bit floats,
and their rounding errors are part of its result. So where the gap between the two halves is not clearly
larger than those errors, or the quality is close to the edge of a whole number, the same sums are taken in
the same order and precision (one picture in seven). Measured (2026-11, 1,640 pictures): no bit and no quality
differs from pdqhash 0.2.8, in a third of its time with all orientations.

The other orientations are hashed as if the picture had been rotated, by mirrored matrices. PDQ's own
shortcut, changing signs in the cosine transform, is wrong by up to 32 bits, because the 64 samples do not lie
in the middle of their windows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..transforms import as_matrix
from . import _boxes

#: Extractor version of this family.
PDQ_VERSION = 1

#: Samples per side. spec: PDQ.
SAMPLES = 64
#: Coefficients per side. spec: PDQ.
COEFFICIENTS = 16
#: Side in pixels below which the hash is all zeros and the quality 0. spec: PDQ, MIN_HASHABLE_DIM.
LEAST_SIDE = 5
#: Weights of red, green and blue. spec: PDQ.
LUMA = np.array([0.299, 0.587, 0.114])
#: Gap between the smallest coefficient of the upper half and the largest of the lower half below which the
#: reference's sums are taken. measured: its errors stay below 0.007.
LEAST_GAP = 0.02
#: Maximum error of the reference's samples, in grey levels. measured: below 0.001.
SAMPLE_ERROR = 0.002
#: Longer side, in pixels, above which both grow in proportion. measured: 0.019 at 20,000.
LARGE = 4000
#: Samples computed at a time, to stay in the cache and to need little memory. chosen.
BLOCK = 4
#: Pixels of a strip that is filtered at a time. chosen: some 40 MB.
STRIP = 1 << 21
#: Multiplications up to which OpenBLAS uses one thread. measured: its threads spin, and cost ten times the
#: work when others use the processors.
ONE_THREAD = 1 << 18


@dataclass(frozen=True, slots=True)
class Orientation:
    """One of the eight ways to rotate or mirror a picture."""

    #: What was done to the query, in words.
    name: str
    #: Row-major 3x3 transform from a point of the picture to the same point of the rotated picture, both in
    #: unit coordinates (x right, y down).
    matrix: tuple[float, ...]

    @property
    def is_mirror(self) -> bool:
        """Whether the picture is mirrored, besides any rotation."""
        return bool(np.linalg.det(as_matrix(self.matrix)) < 0)


#: All orientations, in the order of `pdq_orientations` and of `HashEvidence.orientation`.
ORIENTATIONS = (
    Orientation("upright", (1, 0, 0, 0, 1, 0, 0, 0, 1)),
    Orientation("left 90", (0, 1, 0, -1, 0, 1, 0, 0, 1)),
    Orientation("180", (-1, 0, 1, 0, -1, 1, 0, 0, 1)),
    Orientation("right 90", (0, -1, 1, 1, 0, 0, 0, 0, 1)),
    Orientation("upside-down mirror", (1, 0, 0, 0, -1, 1, 0, 0, 1)),
    Orientation("mirror", (-1, 0, 1, 0, 1, 0, 0, 0, 1)),
    Orientation("transpose", (0, 1, 0, 1, 0, 0, 0, 0, 1)),
    Orientation("transverse", (0, -1, 1, -1, 0, 1, 0, 0, 1)),
)


def pdq_hash(pixels: NDArray[np.uint8]) -> tuple[bytes, int]:
    """Return PDQ of RGB pixels u8[h, w, 3], 32 bytes in the order of the hex form, and the quality, 0 to
    100.
    """
    hashes, quality = pdq_orientations(pixels)
    return hashes[0], quality


def pdq_of_samples(samples: NDArray[np.uint8]) -> bytes:
    """Return PDQ of grey samples u8[64, 64], 32 bytes in the order of the hex form.

    It is near PDQ of a picture that was reduced to them (measured: 6 to 32 bits, 20 pictures).
    """
    return _bits(_coefficients(samples.astype(np.float64)))


def pdq_orientations(pixels: NDArray[np.uint8]) -> tuple[tuple[bytes, ...], int]:
    """Return PDQ of RGB pixels u8[h, w, 3] in each of ORIENTATIONS, 32 bytes each in the order of the hex
    form, and the quality, 0 to 100.

    The first hash and the quality are the reference's. The others are those of the rotated pictures, except
    for bits that depend on rounding.
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return (bytes(32),) * len(ORIENTATIONS), 0
    flips = _samples(pixels)
    upright, mirror, upside_down, rotated = flips[0, :, 0], flips[0, :, 1], flips[1, :, 0], flips[1, :, 1]
    orders = (upright, mirror.T, rotated, upside_down.T, upside_down, mirror, upright.T, rotated.T)
    hashes = [_bits(_coefficients(samples)) for samples in orders]
    large = max(1.0, max(pixels.shape) / LARGE)
    quality = _quality(upright, SAMPLE_ERROR * large)
    if quality is None or _gap(_coefficients(upright)) < LEAST_GAP * large:
        rounded = _samples_as_rounded(pixels)
        hashes[0], quality = _bits(_coefficients_as_rounded(rounded)), _quality(rounded, 0.0)
    assert quality is not None
    return tuple(hashes), quality


def _samples(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Blurred luma at the 64 x 64 places, of the four flips: f64[2, 64, 2, 64], where 1 means rows or columns
    in reverse order.
    """
    height, width, _ = pixels.shape
    columns = _shrink(pixels.reshape(height, 3 * width)).reshape(2 * SAMPLES, width, 3) @ LUMA
    return _shrink(np.ascontiguousarray(columns.T)).T.reshape(2, SAMPLES, 2, SAMPLES)


def _coefficients(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine transform f64[16, 16] of samples f64[64, 64], without its constant row and column."""
    return (2 / SAMPLES) * (_cosines() @ samples @ _cosines().T)


def _bits(coefficients: NDArray[np.floating]) -> bytes:
    """1 for the upper half; the last coefficient comes first."""
    median = np.partition(coefficients.ravel(), 127)[127]
    return np.packbits((coefficients > median).ravel()[::-1]).tobytes()


def _gap(coefficients: NDArray[np.float64]) -> float:
    """The gap between the two halves of the coefficients."""
    ordered = np.partition(coefficients.ravel(), (127, 128))
    return float(ordered[128] - ordered[127])


def _quality(samples: NDArray[np.floating], error: float) -> int | None:
    """PDQ's quality by the gradients of the samples; None when an `error` in grey levels could change it."""
    steps = (
        np.abs(np.concatenate([np.diff(samples, axis=0).ravel(), np.diff(samples, axis=1).ravel()]))
        * 100
        / 255
    )
    low, high = (
        min(100, int(np.trunc(np.maximum(steps + shift, 0)).sum()) // 90) for shift in (-error, error)
    )
    return low if low == high else None


def _samples_as_rounded(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The samples f32[64, 64] by running sums in the reference's order and precision: slower, and the same to
    the last bit.

    The reference filters along the rows, along the columns, and both again. A strip of rows at a time goes
    through the first three, so that no second copy of the picture is held.
    """
    height, width, _ = pixels.shape
    if (height, width) == (SAMPLES, SAMPLES):
        return _luma(pixels)
    rows = max(1, STRIP // width)
    strips = (_boxes_along(_luma(pixels[top : top + rows])) for top in range(0, height, rows))
    samples = [_boxes_along(strip, _picks(width)) for strip in _boxes_down(strips, height)]
    return _boxes_along(np.concatenate(samples).T, _picks(height)).T


def _luma(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    luma = pixels[..., 0] * np.float32(299)
    luma += pixels[..., 1] * np.float32(587)
    luma += pixels[..., 2] * np.float32(114)
    # Whole numbers up to here, so this rounds as the reference's sum of doubles does.
    luma /= np.float32(1000)
    return luma


def _boxes_along(rows: NDArray[np.float32], picks: Sequence[int] | None = None) -> NDArray[np.float32]:
    """A box filter along the rows of f32[n, m], by running sums that pixels enter and leave; all means, or
    those of some columns.
    """
    count = rows.shape[1]
    begins, ends = _ends(count)
    chosen = np.arange(count) if picks is None else np.array(picks, np.int64)
    means = np.empty((len(rows), len(chosen)), np.float32)
    _boxes.boxes(np.ascontiguousarray(rows), begins, ends, chosen, means)
    return means


def _boxes_down(strips: Iterable[NDArray[np.float32]], count: int) -> Iterator[NDArray[np.float32]]:
    """The same along the columns of `count` rows, which come and go in strips."""
    begins, ends = (part.tolist() for part in _ends(count))
    begin = end = first = done = 0
    held = total = np.zeros(0, np.float32)
    for strip in strips:
        if not len(held):
            held, total = strip, np.zeros(strip.shape[1], np.float32)
        else:
            held = np.concatenate([held, strip])
        stop = done
        while stop < count and ends[stop] <= first + len(held):
            stop += 1
        means = np.empty((stop - done, len(total)), np.float32)
        for centre, mean in enumerate(means, start=done):
            for row in held[end - first : ends[centre] - first]:
                total += row
            for row in held[begin - first : begins[centre] - first]:
                total -= row
            begin, end = begins[centre], ends[centre]
            np.divide(total, np.float32(end - begin), out=mean)
        yield means
        held, first, done = held[begin - first :], begin, stop


def _coefficients_as_rounded(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine transform f32[16, 16], added up term by term as the reference does."""
    cosines = (float(np.float32(np.sqrt(2 / SAMPLES))) * _cosines()).astype(np.float32)
    half, whole = (
        np.zeros((COEFFICIENTS, SAMPLES), np.float32),
        np.zeros((COEFFICIENTS, COEFFICIENTS), np.float32),
    )
    for k in range(SAMPLES):
        half += cosines[:, k, None] * samples[k]
    for k in range(SAMPLES):
        whole += half[:, k, None] * cosines[:, k]
    return whole


def _ends(count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each of `count` rows the first row of its box, and the row behind it."""
    behind, ahead = _window(count)
    rows = np.arange(count)
    return np.maximum(rows - behind, 0), np.minimum(rows + ahead, count)


def _window(count: int) -> tuple[int, int]:
    """The box around row r of `count` is [r - behind, r + ahead), cut at both ends."""
    window = (count + 2 * SAMPLES - 1) // (2 * SAMPLES)
    ahead = (window + 2) // 2
    return window - ahead, ahead


def _picks(count: int) -> list[int]:
    """The 64 rows of `count` that are sampled."""
    return [int((sample + 0.5) * count / SAMPLES) for sample in range(SAMPLES)]


def _shrink(rows: NDArray[np.uint8] | NDArray[np.float64]) -> NDArray[np.float64]:
    """64 samples of two box filters along the first axis of [n, m]: f64[128, m]; the second 64 are those of
    the rows in reverse order.
    """
    count = len(rows)
    result = np.empty((2, SAMPLES, rows.shape[1]))
    for first in range(0, SAMPLES, BLOCK):
        start, weights = _weights(count, first)
        part = rows[start : start + weights.shape[1]].astype(np.float32)
        step = max(1, ONE_THREAD // weights.size)
        for left in range(0, part.shape[1], step):
            block = weights @ part[:, left : left + step]
            result[0, first : first + BLOCK, left : left + step] = block[:BLOCK]
            result[1, SAMPLES - first - BLOCK : SAMPLES - first, left : left + step] = block[BLOCK:][::-1]
    return result.reshape(2 * SAMPLES, -1)


@lru_cache(maxsize=64)
def _weights(count: int, first: int) -> tuple[int, NDArray[np.float32]]:
    """The weights of `count` rows in the samples `first` to `first` + BLOCK: the number of the first row with
    a weight, and f32[2 * BLOCK, n].

    The second BLOCK rows are for the reversed picture, in the order in which their samples lie here, which is
    descending.
    """
    behind, ahead = _window(count)
    picks = np.array(_picks(count))
    forward, backward = picks[first : first + BLOCK], picks[SAMPLES - first - BLOCK : SAMPLES - first][::-1]
    centres = np.concatenate([forward, backward])[:, None] + np.arange(-behind, ahead)
    inside = (centres >= 0) & (centres < count)
    begins, ends = np.maximum(centres - behind, 0), np.minimum(centres + ahead, count)
    share = inside / np.maximum(ends - begins, 1) / inside.sum(axis=1, keepdims=True)
    # Boxes of the reversed picture, read from the other end.
    begins[BLOCK:], ends[BLOCK:] = count - ends[BLOCK:], count - begins[BLOCK:]
    start, stop = int(begins[inside].min()), int(ends[inside].max())
    steps = np.zeros((2 * BLOCK, stop - start + 1))
    row = np.broadcast_to(np.arange(2 * BLOCK)[:, None], centres.shape)
    np.add.at(steps, (row[inside], begins[inside] - start), share[inside])
    np.subtract.at(steps, (row[inside], ends[inside] - start), share[inside])
    return start, np.cumsum(steps, axis=1)[:, :-1].astype(np.float32)


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.float64]:
    row, column = np.mgrid[1 : COEFFICIENTS + 1, 0:SAMPLES]
    return np.asarray(np.cos(np.pi / (2 * SAMPLES) * row * (2 * column + 1)), np.float64)
