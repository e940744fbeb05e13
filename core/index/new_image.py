"""What is stored of a picture: its encoded features, and what the columns and the word index need of them."""

from __future__ import annotations

from ..features import codec
from ..records import ImageFeatures
from ..store import NewImage
from .words import corners_for_index


def new_image(features: ImageFeatures) -> NewImage:
    """Return the entry of these features; a picture that is not informative has no visual words."""
    return NewImage(
        image_id=features.image_id,
        record=codec.encode(features),
        pixel_digest=features.pixel_digest,
        pdq=features.hashes.pdq,
        pdq_quality=features.hashes.pdq_quality,
        informative=features.informative,
        pdq_version=features.versions.pdq,
        local_version=features.versions.local,
        words=corners_for_index(features.local).column() if features.informative else b"",
    )
