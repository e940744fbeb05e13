"""Where the bytes of a stored image can be had again: files, and what installed adapters can read.

An adapter names a function in the entry-point group `douglas_quaid.sources`, under the host of its
occurrences. It returns the adapter's `Source`, or None if the environment does not say where its system is.

Occurrences come from whoever may add to the store. So what is read is used only if it has the sha256 of the
image, and nothing is opened but regular files and what the operator has configured.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from threading import Lock
from typing import Protocol

from .errors import DouglasQuaidError, NotFound
from .inputs import Input
from .records import ImageId, Sighting
from .store.occurrences import ENTRY_POINTS

#: Maximum number of places that an error names. chosen.
PROBLEMS_TOLD = 3


class Source(Protocol):
    """Reads pictures of one host again. Several threads may call it."""

    def read(self, sighting: Sighting, *, max_bytes: int) -> bytes:
        """Return the bytes at an occurrence, at most `max_bytes`.

        Raises NotFound, or another error of this package, when they cannot be had.
        """


class Files:
    """Pictures that were added from files."""

    def read(self, sighting: Sighting, *, max_bytes: int) -> bytes:
        """Return the bytes of a regular file. Raises NotFound, UnsupportedImage, ImageTooLarge."""
        found = Input.at(sighting.occurrence)
        if found is None:
            raise NotFound(f"{sighting.occurrence}: not the absolute path of a file")
        return found.read(max_bytes)


class NotInstalled:
    """Stands for an adapter that lacks a package."""

    def __init__(self, package: str) -> None:
        """`package`: what could not be imported."""
        self._package = package

    def read(self, sighting: Sighting, *, max_bytes: int) -> bytes:
        """Read nothing. Raises NotFound."""
        raise NotFound(f"reading it needs the Python package {self._package}, which is not installed")


class Sources:
    """All sources of this installation; an adapter's is opened when it is first needed."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes`: maximum size of a picture file."""
        self._max_bytes = max_bytes
        self._opened: dict[str, Source | None] = {"file": Files()}
        self._lock = Lock()

    def open(self, host: str) -> Source | None:
        """Return the source of a host; None if there is none.

        Raises ConfigError for a wrong configuration, and what else the adapter raises.
        """
        with self._lock:
            if host not in self._opened:
                points = entry_points(group=ENTRY_POINTS, name=host)
                try:
                    factory: Callable[[], Source | None] | None = (
                        next(iter(points)).load() if points else None
                    )
                    self._opened[host] = factory() if factory else None
                except ImportError as error:
                    self._opened[host] = NotInstalled(error.name or str(error))
            return self._opened[host]

    def read(self, image_id: ImageId, sightings: Sequence[Sighting]) -> bytes:
        """Return the bytes of an image from the first place where they are still to be had, files first.

        Raises NotFound, which says why no place has them any more, and what `open` raises.
        """
        problems = []
        for sighting in sorted(sightings, key=lambda seen: seen.occurrence.host != "file"):
            source = self.open(sighting.occurrence.host)
            if source is None:
                problems.append(f"{sighting.occurrence}: nothing is configured that could read it")
                continue
            try:
                data = source.read(sighting, max_bytes=self._max_bytes)
            except DouglasQuaidError as error:
                problems.append(f"{sighting.occurrence}: {error}")
                continue
            if hashlib.sha256(data).hexdigest() == image_id:
                return data
            problems.append(f"{sighting.occurrence}: holds other bytes now")
        more = len(problems) - PROBLEMS_TOLD
        told = "; ".join(problems[:PROBLEMS_TOLD]) + (f"; and {more} more" if more > 0 else "")
        raise NotFound(
            f"its bytes are nowhere to be had ({told or 'it was seen nowhere'});"
            " add the picture from where it is now"
        )
