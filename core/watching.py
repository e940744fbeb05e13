"""A folder into which another program writes pictures: which files are new or changed, and complete.

Nothing is kept on the disk. That a file is done is known by its occurrence in the store, which was last seen
when the file was last changed; so a watcher that is started again goes on where the last one ended, and two
watchers of one folder do no harm. Files are found by looking, which works on network shares too, where nobody
tells of new files, and needs no package.
"""

from __future__ import annotations

import fnmatch
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from .batches import in_groups
from .correlator import Correlator
from .errors import ConfigError
from .inputs import Input, find_inputs

#: Names of files that are taken when none are given. chosen: the endings of what decoding/ reads.
PICTURES = ("*.png", "*.jpg", "*.jpeg", "*.webp", "*.gif", "*.bmp", "*.tif", "*.tiff", "*.heic", "*.heif")
#: Seconds without a change after which a file counts as written to the end. chosen: a browser writes a
#: screenshot at once, and a copy over a network pauses for less.
SETTLE_SECONDS = 2.0
#: Files that are looked up in the store together. chosen: some 50 KB.
FILES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that is new or was changed."""

    #: The file.
    input: Input
    #: When it was last changed (UTC).
    changed: datetime
    #: Size, and time of the last change, by which another change is seen.
    state: tuple[int, int]


class Watch:
    """Looks into one folder again and again."""

    def __init__(
        self,
        folder: str,
        patterns: Sequence[str] = PICTURES,
        *,
        settle: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`patterns`: of the path below the folder, or of the name alone. Raises ConfigError if there is no
        such folder.
        """
        if not os.path.isdir(folder):
            raise ConfigError(f"{folder}: not a folder; expected one in which pictures appear")
        self._folder, self._patterns, self._settle, self._clock = folder, patterns, settle, clock
        self._before: dict[str, tuple[int, int]] = {}
        self._done: dict[str, tuple[int, int]] = {}

    def arrived(self, engine: Correlator) -> Iterator[Arrived]:
        """Yield the files that are new or were changed, and are written to the end; each again with every
        look until `finish`. Raises StoreError.
        """
        for group in in_groups(self._settled(), FILES_AT_ONCE):
            places = [one.input.occurrence for one in group]
            found = engine.sightings([place for place in places if place is not None])
            for one, images in zip(group, found, strict=True):
                if any(image.sighting.last_seen >= one.changed for image in images):
                    self.finish(one)  # by an earlier watcher, or another one
                else:
                    yield one

    def finish(self, arrived: Arrived) -> None:
        """Note that a file is done, added or refused, until it is changed again."""
        self._done[arrived.input.path] = arrived.state

    def _settled(self) -> Iterator[Arrived]:
        now, seen = self._clock(), dict[str, tuple[int, int]]()
        for item in find_inputs([self._folder]):
            if item.fault is not None or not self._is_wanted(item.path):
                continue
            try:
                told = os.stat(item.path)
            except OSError:  # removed meanwhile
                continue
            state = seen[item.path] = told.st_size, told.st_mtime_ns
            if self._done.get(item.path) == state:
                continue
            still = self._before.get(item.path) == state
            if still or now - max(told.st_mtime, told.st_ctime) >= self._settle:
                moment = min(max(told.st_mtime, 0.0), now)
                yield Arrived(item, datetime.fromtimestamp(int(moment), timezone.utc), state)
        self._before = seen
        self._done = {path: state for path, state in self._done.items() if path in seen}

    def _is_wanted(self, path: str) -> bool:
        below = Path(path).relative_to(self._folder).as_posix()
        names = (below.lower(), os.path.basename(below).lower())
        return any(fnmatch.fnmatchcase(name, pattern.lower()) for name in names for pattern in self._patterns)
