"""What is stored of a picture: its encoded features, and what the columns and the word index need of them."""

from ..features import as_stored, codec
from ..records import ImageFeatures
from ..store import NewImage
from .words import WordKeypoints


def new_image(extracted: ImageFeatures) -> NewImage:
    """Return what is stored of these features; a picture that is not informative has no visual words."""
    features = as_stored(extracted)
    words = WordKeypoints.of(features.local).column() if features.informative else b""
    return NewImage(
        image_id=features.image_id,
        record=codec.encode(features),
        pixel_digest=features.pixel_digest,
        pdq=features.hashes.pdq,
        pdq_quality=features.hashes.pdq_quality,
        informative=features.informative,
        pdq_version=features.versions.pdq,
        local_version=features.versions.local,
        words=words,
    )
