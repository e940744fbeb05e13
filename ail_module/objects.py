"""AIL's names of pictures, and the bytes behind them.

Takes a global id (`<type>:<subtype>:<id>`) or a path, gives an `AilObject` or the file's bytes, or an error
that says what is wrong with it. AIL's id of an image and of a screenshot is the sha256 of its bytes, which is
also our id of the image; the two are different objects, though their bytes may be the same, so an object is
named by its global id everywhere.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid.errors import DouglasQuaidError, ImageTooLarge
from douglas_quaid.records import ImageId, Occurrence

#: First part of the occurrences of AIL's objects.
HOST = "ail"
#: spec: AIL's object types that are pictures and are queued on `Images`.
TYPES = ("image", "screenshot")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadObject(DouglasQuaidError):
    """What was queued names no picture; the same name will never do."""


class FileNotThere(DouglasQuaidError):
    """AIL knows the object, but its file is missing or not whole; it may be on its way."""

    retryable = True


class NoScreenshot(FileNotThere):
    """A crawled item has none yet, or never will: the crawler queues the item first, and not every item has
    one.
    """


@dataclass(frozen=True, slots=True, order=True)
class AilObject:
    """One image or screenshot."""

    type: str
    id: ImageId

    @property
    def gid(self) -> str:
        """AIL's global id; the subtype of pictures is empty."""
        return f"{self.type}::{self.id}"

    @property
    def occurrence(self) -> Occurrence:
        return Occurrence(HOST, self.type, self.id)

    @classmethod
    def parse(cls, gid: str) -> AilObject:
        """Raises BadObject naming what is wrong."""
        parts = gid.split(":", 2)
        if len(parts) != 3:
            raise BadObject(f"{gid[:120]!r}: expected a global id of three parts, <type>:<subtype>:<id>")
        kind, subtype, name = parts
        if kind not in TYPES:
            raise BadObject(
                f"{gid[:120]!r}: type {kind[:40]!r} is no picture; pictures are {' and '.join(TYPES)}"
            )
        if subtype or not _SHA256.fullmatch(name):
            raise BadObject(f"{gid[:120]!r}: expected {kind}::<sha256>, 64 lower-case hex digits")
        return cls(kind, name)

    @classmethod
    def of(cls, occurrence: Occurrence | str) -> AilObject | None:
        """The object that an occurrence names; None for a place outside of AIL."""
        host, _, rest = str(occurrence).partition(":")
        kind, _, name = rest.partition(":")
        return cls(kind, name) if host == HOST and kind in TYPES and _SHA256.fullmatch(name) else None


def read(path: str | Path, max_bytes: int) -> bytes:
    """The bytes of a regular file. Raises FileNotThere, ImageTooLarge, and OSError for what a disk does
    wrong.
    """
    try:
        with open(path, "rb", opener=_at_once) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise FileNotThere(f"{path}: is not a regular file")
            data = file.read(max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotThere(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise FileNotThere(f"{path}: is not a regular file") from None
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"{path}: {found.st_size:,} bytes, the limit is {max_bytes:,}; raise max_bytes to read it"
        )
    return data


def _at_once(path: str, flags: int) -> int:
    """A pipe in the place of a picture does not hold us up."""
    return os.open(path, flags | os.O_NONBLOCK)
