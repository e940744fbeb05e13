"""From a picture's bytes to what is compared and stored, in this process. pool.py does the same in child
processes, with the same bits.

Takes bytes, gives a `Picture`, or pixels to draw on.
"""

import numpy as np
from numpy.typing import NDArray

from ..config import Config
from ..decoding.image import decode_image
from ..features import extract_features
from ..features.picture import Picture
from ..records import DecodedImage


class Extractor:
    """Decodes pictures and extracts their features."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def extract(self, data: bytes, *, name: str, hash_only: bool = False) -> Picture:
        """Return the picture with its features. Raises ImageError, which names `name`.

        `hash_only`: a picture of which only hashes may be kept is not compared by more either.
        """
        image = self._decoded(data, name)
        features = extract_features(
            image, whash=self._config.whash, thumbnails=self._config.thumbnails, hash_only=hash_only
        )
        return Picture(features, None if hash_only else image.grey)

    def pixels(self, data: bytes, *, name: str) -> NDArray[np.uint8]:
        """RGB u8[h, w, 3]. Raises ImageError."""
        return self._decoded(data, name).pixels

    def close(self) -> None:
        """Do nothing: no process was started."""

    def _decoded(self, data: bytes, name: str) -> DecodedImage:
        config = self._config
        return decode_image(
            data,
            max_bytes=config.max_bytes,
            max_pixels=config.max_pixels,
            max_side=config.max_side,
            name=name,
        )
