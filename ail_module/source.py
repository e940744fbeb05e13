"""Pictures that were seen in AIL, read from its folders again for `quaid reextract`. AIL need not run."""

from __future__ import annotations

import os

from douglas_quaid import NotFound, Sighting

from .backfill.picture_files import path_of
from .config import Locations
from .objects import AilObject, read_picture


class AilSource:
    """The images and screenshots of one AIL."""

    def __init__(self, locations: Locations) -> None:
        """Read from these folders."""
        self._locations = locations

    def read(self, sighting: Sighting, *, max_bytes: int) -> bytes:
        """Return the bytes of an object's file. Raises NotFound, FileNotThere, ImageTooLarge."""
        found = AilObject.of(sighting.occurrence)
        if found is None:
            raise NotFound("not an image or screenshot of AIL")
        try:
            return read_picture(found, path_of(found, self._locations), max_bytes)
        except OSError as error:
            raise NotFound(f"its file cannot be read: {error.strerror}") from None


def open_source() -> AilSource | None:
    """Return the source of the AIL in $AIL_HOME; None if that is not set. Raises ConfigError."""
    home = os.environ.get("AIL_HOME")
    return AilSource(Locations.read(home)) if home else None
