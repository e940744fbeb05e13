"""One decoded picture in, everything that is stored about it out: calls the files of this folder, nothing
else.

All families share one decode and one grey picture. Each has its own extractor version; families of different
versions are never compared. Bump a version whenever the same picture gives other bits, for a new library
release too.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

from ..records import DecodedImage, FamilyVersions, ImageFeatures
from .informative import is_informative
from .local import LOCAL_VERSION, extract_local, no_local
from .pdq import PDQ_VERSION
from .perceptual import IMAGEHASH_VERSION, TLSH_VERSION, tlsh_of, whole_picture_hashes
from .thumbnail import THUMBNAIL_VERSION, make_thumbnail

PIXELS_VERSION = 1


def extract_features(
    image: DecodedImage, *, whash: bool = False, thumbnails: bool = True, hash_only: bool = False
) -> ImageFeatures:
    """All features of one picture, already rounded as a record keeps them: what is fresh compares like what
    is stored.

    `hash_only`: hashes alone; no thumbnail and no keypoints, whose families then have version 0, absent.
    """
    thumbnails = thumbnails and not hash_only
    return ImageFeatures(
        image_id=image.image_id,
        width=image.width,
        height=image.height,
        format=image.format,
        frames=image.frames,
        versions=FamilyVersions(
            pixels=PIXELS_VERSION,
            pdq=PDQ_VERSION,
            imagehash=IMAGEHASH_VERSION,
            tlsh=TLSH_VERSION,
            local=0 if hash_only else LOCAL_VERSION,
            thumbnail=THUMBNAIL_VERSION if thumbnails else 0,
        ),
        pixel_digest=pixel_digest(image),
        hashes=whole_picture_hashes(image.pixels, image.grey, whash=whash),
        tlsh=tlsh_of(image.data),
        local=no_local(image.width, image.height) if hash_only else extract_local(image.grey),
        thumbnail=make_thumbnail(image.grey) if thumbnails else None,
        informative=is_informative(image.grey),
    )


def hashes_alone(features: ImageFeatures) -> ImageFeatures:
    """The same as `hash_only` would have extracted."""
    return replace(
        features,
        local=no_local(features.width, features.height),
        thumbnail=None,
        versions=replace(features.versions, local=0, thumbnail=0),
    )


def is_hash_only(features: ImageFeatures) -> bool:
    """Whether there are no keypoints because none were asked for."""
    return features.versions.local == 0


def pixel_digest(image: DecodedImage) -> bytes:
    """sha256 over width and height (u32, little-endian) and the RGB pixels: the same for re-saved and
    metadata-stripped copies.
    """
    digest = hashlib.sha256(struct.pack("<II", image.width, image.height))
    digest.update(image.pixels.data)
    return digest.digest()
