"""Images in a store as an earlier version extracted them: their bytes show one picture now, and their record
tells of another.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from PIL import Image

from douglas_quaid import Engine
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.features import extract_features
from douglas_quaid.index.new_image import new_image
from douglas_quaid.records import ImageFeatures, ImageId, Occurrence
from douglas_quaid.store import Store
from support.pictures import png


def old_features(
    data: bytes, showed: Image.Image, *, hash_only: bool = False, thumbnails: bool = True
) -> ImageFeatures:
    """Features that decoding revision 1 gave these bytes, if it took them for the picture `showed`."""
    image = decode_image(png(showed), max_bytes=1 << 26, max_pixels=120_000_000)
    features = extract_features(image, hash_only=hash_only, thumbnails=thumbnails)
    return replace(features, image_id=hashlib.sha256(data).hexdigest(), decoding=1)


def put_old(store: Store, features: ImageFeatures, seen_at: Path | Occurrence | None) -> ImageId:
    """Store features, and where the image was seen."""
    place = Occurrence("file", "path", str(seen_at)) if isinstance(seen_at, Path) else seen_at
    store.images.put(new_image(features), occurrence=place)
    return features.image_id


def make_old(engine: Engine, image_id: ImageId, showed: Image.Image) -> None:
    """Let an image of a store be as if an earlier version had taken it for the picture `showed`."""
    image = decode_image(png(showed), max_bytes=1 << 26, max_pixels=120_000_000)
    features = replace(extract_features(image), image_id=image_id, decoding=1)
    engine._store.images.put(new_image(features), renew=True)
    engine.link(image_id)
