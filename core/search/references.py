"""Stored pictures to compare with, read a few at a time."""

from collections.abc import Sequence

from ..errors import CorruptRecord, FormatError
from ..features import codec
from ..features.picture import Picture
from ..records import ImageFeatures, ImageId
from ..store import Store
from ..store.values import note


class References:
    """Reads the pictures of one search. A record that cannot be read is named in the log and counted, because
    it must not hide the others.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        #: Number of records that could not be read.
        self.unreadable = 0

    def read(self, ids: Sequence[ImageId]) -> list[Picture | None]:
        """Return the pictures in one round trip; None for one that was forgotten or cannot be read."""
        records = zip(ids, self._store.images.records(ids), strict=True)
        return [None if record is None else self._picture(image_id, record) for image_id, record in records]

    def _picture(self, image_id: ImageId, record: bytes) -> Picture | None:
        try:
            return Picture(read_record(image_id, record))
        except FormatError as error:
            note(error)
            self.unreadable += 1
            return None


def read_record(image_id: ImageId, record: bytes) -> ImageFeatures:
    """Return the features in a stored record. Raises CorruptRecord or UnknownVersion, naming the image."""
    try:
        features = codec.decode(record)
    except FormatError as error:
        raise type(error)(f"image {image_id}: {error}") from error
    if features.image_id != image_id:
        raise CorruptRecord(
            f"image {image_id}: its record belongs to image {features.image_id}; forget it and add the "
            "picture again"
        )
    return features
