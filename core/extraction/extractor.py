"""From a picture's bytes to what is compared and stored: decoded and extracted in this process, or in a child
(`Config.isolate`).

Takes bytes, gives a `Picture`, or pixels to draw on. Both ways give the same bits.
"""

import numpy as np
from numpy.typing import NDArray

from ..config import Config
from ..decoding.image import decode_image
from ..features import extract_features
from ..features.picture import Picture


class Extractor:
    """Decodes pictures and extracts their features, in child processes if the configuration asks for it."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._decoders = None
        if config.isolate:
            from .pool import Decoders

            self._decoders = Decoders(config)

    def extract(self, data: bytes, *, name: str, hash_only: bool = False) -> Picture:
        """Return the picture with its features. Raises ImageError, which names `name`.

        `hash_only`: a picture of which only hashes may be kept is not compared by more either.
        """
        if self._decoders is not None:
            return Picture(*self._decoders.features(data, name=name, hash_only=hash_only))
        image = decode_image(
            data, max_bytes=self._config.max_bytes, max_pixels=self._config.max_pixels, name=name
        )
        features = extract_features(
            image, whash=self._config.whash, thumbnails=self._config.thumbnails, hash_only=hash_only
        )
        return Picture(features, None if hash_only else image.grey)

    def pixels(self, data: bytes, *, name: str) -> NDArray[np.uint8]:
        """RGB u8[h, w, 3]. Raises ImageError."""
        if self._decoders is not None:
            return self._decoders.pixels(data, name=name)
        return decode_image(
            data, max_bytes=self._config.max_bytes, max_pixels=self._config.max_pixels, name=name
        ).pixels

    def close(self) -> None:
        """End the child processes, if there are any."""
        if self._decoders is not None:
            self._decoders.close()
