"""An extractor for one store: what codes say is kept as digests with the key of that store alone."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import NotAllowed
from ..features import without
from ..features.codes import keyed
from ..features.picture import Picture
from .extractor import Extractor


class KeyedExtractor(Extractor):
    """Extracts as another extractor does, and keys the digests of codes."""

    def __init__(self, extractor: Extractor, identity: Callable[[], str]) -> None:
        """`identity` returns the random name of the store, from which the key is made; it is called for the
        first picture with a code.
        """
        self._extractor, self._identity = extractor, identity

    def extract(self, data: bytes, *, name: str, hash_only: bool = False) -> Picture:
        """As `Extractor.extract`; raises also StoreError. For a user who may not give a store its name, a
        picture has no codes.
        """
        picture = self._extractor.extract(data, name=name, hash_only=hash_only)
        if picture.features.codes is None:
            return picture
        try:
            features = keyed(picture.features, self._key)
        except NotAllowed:
            features = without(picture.features, "codes")
        return replace(picture, features=features)

    def pixels(self, data: bytes, *, name: str) -> NDArray[np.uint8]:
        """As `Extractor.pixels`."""
        return self._extractor.pixels(data, name=name)

    def close(self) -> None:
        """As `Extractor.close`."""
        self._extractor.close()

    @cached_property
    def _key(self) -> bytes:
        return hashlib.sha256(b"codes\0" + self._identity().encode()).digest()
