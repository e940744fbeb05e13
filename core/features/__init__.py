"""From one decoded picture to all that is stored about it, by the files of this folder.

All families share one decode and one grey picture. Each has its own extractor version, and families of
different versions are never compared. A family gets a new version whenever the same picture has other bits,
with a new release of a library too.
"""

from dataclasses import replace
from typing import Any, Literal

from ..decoding.informative import is_informative
from ..decoding.revision import DECODING_REVISION
from ..records import DecodedImage, FamilyVersions, FrameHashes, ImageFeatures
from .codes import CODES_VERSION, read_codes
from .local import LOCAL_VERSION, bands_of, extract_local, without_keypoints
from .options import DEFAULTS, FeatureOptions
from .palette import PALETTE_VERSION, extract_palette
from .pdq import PDQ_VERSION, pdq_of_samples
from .perceptual import IMAGEHASH_VERSION, TLSH_VERSION, tlsh_of, whole_picture_hashes
from .thumbnail import THUMBNAIL_VERSION, make_thumbnail

#: Version of the pixel digest.
PIXELS_VERSION = 1
#: Version of the hashes of all frames.
FRAMES_VERSION = 1
#: Versions of all extractors.
CURRENT = FamilyVersions(
    pixels=PIXELS_VERSION,
    pdq=PDQ_VERSION,
    imagehash=IMAGEHASH_VERSION,
    tlsh=TLSH_VERSION,
    local=LOCAL_VERSION,
    thumbnail=THUMBNAIL_VERSION,
    frames=FRAMES_VERSION,
    codes=CODES_VERSION,
    palette=PALETTE_VERSION,
)
#: Work of the extraction for each pixel, in the unit of `Timer`. chosen: a third of what it takes, so that a
#: search for 120 million pixels has a quarter of its usual work left, and an ordinary one all of it.
PIXEL = 1.25
#: Maximum of that work. chosen: that of 120 million pixels, the usual limit: where an operator raises it, a
#: search for a larger picture has the same work left.
MAXIMUM_WORK = 150_000_000


def extract_features(
    image: DecodedImage,
    *,
    whash: bool = False,
    thumbnails: bool = True,
    hash_only: bool = False,
    options: FeatureOptions = DEFAULTS,
) -> ImageFeatures:
    """Return all features of one picture, rounded as a record keeps them, so that fresh features compare like
    stored ones.

    `whash` adds ImageHash's wavelet hash. Without `thumbnails`, and with `hash_only`, there is no thumbnail
    and no palette; with `hash_only` there are no keypoints and no codes either. A family that is left out has
    version 0.
    """
    grey, thumbnails = image.grey, thumbnails and not hash_only
    thumbnail = make_thumbnail(grey, options=options.thumbnail) if thumbnails else None
    codes = None if hash_only else read_codes(grey, options=options.codes)
    if hash_only:
        local = without_keypoints(image.width, image.height, options=options.local)
    else:
        local = extract_local(grey, options=options.local)
    return ImageFeatures(
        image_id=image.image_id,
        width=image.width,
        height=image.height,
        format=image.format,
        frames=image.frames,
        frame=image.frame,
        truncated=image.truncated,
        decoding=DECODING_REVISION,
        versions=replace(
            CURRENT,
            local=0 if hash_only else CURRENT.local,
            thumbnail=CURRENT.thumbnail if thumbnails else 0,
            frames=0 if image.frame_samples is None else CURRENT.frames,
            codes=0 if codes is None else CURRENT.codes,
            palette=CURRENT.palette if thumbnails else 0,
        ),
        pixel_digest=image.pixel_digest,
        hashes=whole_picture_hashes(image.pixels, grey, whash=whash),
        tlsh=tlsh_of(image.data),
        local=local,
        thumbnail=thumbnail,
        frame_hashes=_frame_hashes(image),
        codes=codes,
        palette=extract_palette(image.pixels, options=options.palette) if thumbnails else None,
        informative=is_informative(grey, options=options.informative),
    )


def work_of_extraction(features: ImageFeatures) -> int:
    """Return the work that counts for the extraction of a picture, in the unit of `Timer`."""
    return min(MAXIMUM_WORK, round(PIXEL * features.width * features.height))


def hashes_alone(features: ImageFeatures) -> ImageFeatures:
    """Return the features that `hash_only` would have extracted."""
    bare = without(features, "thumbnail", "codes", "palette")
    local = without_keypoints(features.width, features.height)
    return replace(bare, local=local, versions=replace(bare.versions, local=0))


def without(features: ImageFeatures, *families: Literal["thumbnail", "codes", "palette"]) -> ImageFeatures:
    """Return the features as if these families had been left out."""
    left_out: dict[str, Any] = dict.fromkeys(families)
    versions: dict[str, Any] = dict.fromkeys(families, 0)
    return replace(features, **left_out, versions=replace(features.versions, **versions))


def as_stored(features: ImageFeatures, *, options: FeatureOptions = DEFAULTS) -> ImageFeatures:
    """Return the features as they are stored: with the first of the keypoints. A query has all of them."""
    local, bands = features.local, bands_of(features.width, features.height, options=options.local)
    most = options.local.stored * bands
    if len(local) <= most:
        return features
    first = replace(local, keypoints=local.keypoints[:most], descriptors=local.descriptors[:most])
    return replace(features, local=first)


def is_hash_only(features: ImageFeatures) -> bool:
    """Return whether the keypoints were left out (`hash_only`)."""
    return features.versions.local == 0


def _frame_hashes(image: DecodedImage) -> FrameHashes | None:
    if image.frame_samples is None:
        return None
    return FrameHashes(tuple(map(pdq_of_samples, image.frame_samples)), image.frames_unseen)
