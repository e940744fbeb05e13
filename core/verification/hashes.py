"""Whole-picture evidence: bytes, pixels and perceptual hashes of two pictures."""

import numpy as np

from ..features.pdq import ORIENTATIONS
from ..features.perceptual import hamming, tlsh_distance
from ..records import HashEvidence, ImageFeatures
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
    )


def is_mirrored(hashes: HashEvidence) -> bool:
    """Return whether the query comes nearest when it is mirrored."""
    return hashes.orientation is not None and ORIENTATIONS[hashes.orientation].is_mirror
