"""Whole-picture evidence: bytes, pixels and perceptual hashes of two pictures."""

import numpy as np

from ..features.pdq import ORIENTATIONS
from ..features.perceptual import hamming, tlsh_distance
from ..records import FrameHashes, HashEvidence, ImageFeatures
from .options import DEFAULTS, CascadeOptions

#: Length of a PDQ hash. spec: PDQ.
PDQ_BITS = 256


def compare_hashes(
    query: ImageFeatures, reference: ImageFeatures, *, options: CascadeOptions = DEFAULTS.cascade
) -> HashEvidence:
    """Return the distances of two pictures; families of different extractor versions are not compared."""
    q, r = query.hashes, reference.hashes
    orientation = bits = inverted = None
    if query.versions.pdq == reference.versions.pdq:
        distances = [hamming(turned, r.pdq) for turned in q.orientations]
        orientation = int(np.argmin(distances))
        # Inverting a picture flips the sign of every coefficient, and so every bit of its hash.
        nearest_inverted = PDQ_BITS - max(distances)
        inverted = (
            nearest_inverted < distances[orientation] and nearest_inverted <= options.whole_radius_low_texture
        )
        if inverted:
            orientation = int(np.argmax(distances))
        bits = nearest_inverted if inverted else distances[orientation]
    comparable = query.versions.imagehash == reference.versions.imagehash
    both_whash = comparable and q.whash is not None and r.whash is not None
    both_tlsh = query.tlsh and reference.tlsh and query.versions.tlsh == reference.versions.tlsh
    same_pixels = query.pixel_digest == reference.pixel_digest
    frames_query, frames_reference = _shared_frames(query, reference, bits, options)
    return HashEvidence(
        same_bytes=query.image_id == reference.image_id,
        same_pixels=same_pixels if query.versions.pixels == reference.versions.pixels else None,
        pdq_bits=bits,
        orientation=orientation,
        inverted=inverted or None,
        phash_bits=hamming(q.phash, r.phash) if comparable else None,
        dhash_bits=hamming(q.dhash, r.dhash) if comparable else None,
        ahash_bits=hamming(q.ahash, r.ahash) if comparable else None,
        whash_bits=hamming(q.whash or b"", r.whash or b"") if both_whash else None,
        tlsh_distance=tlsh_distance(query.tlsh or "", reference.tlsh or "") if both_tlsh else None,
        frames_query=frames_query,
        frames_reference=frames_reference,
    )


def _shared_frames(
    query: ImageFeatures, reference: ImageFeatures, bits: int | None, options: CascadeOptions
) -> tuple[float, float] | tuple[None, None]:
    """The share of each side's frames that the other has, too, where one has several; `bits`: the distance of
    those that were judged. Frames of which nothing is known count as missing.
    """
    if query.frames == reference.frames == 1:
        return None, None
    if query.pixel_digest == reference.pixel_digest:
        return 1.0, 1.0
    sides = _frames_of(query), _frames_of(reference)
    radius = max(options.frame_radius, (bits or 0) + options.frame_slack)
    ones, others = (
        2.0 * np.unpackbits(np.frombuffer(b"".join(side.hashes), np.uint8).reshape(-1, 32), axis=1) - 1
        for side in sides
    )
    apart = (PDQ_BITS - ones @ others.T) / 2
    near = apart <= min(radius, options.whole_radius_low_texture)
    if 1 in (query.frames, reference.frames) and bits is not None and bits <= options.frame_radius:
        # A picture is hashed in full and frames by their samples, which differ where lines are fine.
        near |= apart <= apart.min(initial=PDQ_BITS) + options.frame_slack
    one, other = sides
    return _share(int(near.any(axis=1).sum()), one), _share(int(near.any(axis=0).sum()), other)


def _share(found: int, frames: FrameHashes) -> float:
    """The share of the frames that were found; all of them where there are only blank ones."""
    number = len(frames.hashes) + frames.unseen
    return found / number if number else 1.0


def _frames_of(features: ImageFeatures) -> FrameHashes:
    """The hashes of all frames: of a still picture its own; none where an older record has none."""
    if features.frame_hashes is not None:
        return features.frame_hashes
    return FrameHashes((features.hashes.pdq,) if features.frames == 1 else (), features.frames - 1)


def is_mirrored(hashes: HashEvidence) -> bool:
    """Return whether the query comes nearest when it is mirrored."""
    return hashes.orientation is not None and ORIENTATIONS[hashes.orientation].is_mirror
