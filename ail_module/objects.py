"""AIL's names of pictures, and the bytes behind them.

AIL's id of an image and of a screenshot is the sha256 of its bytes, which is also our id of the image. The
two are different objects even if their bytes are the same, so an object is named by its global id
(`<type>:<subtype>:<id>`) everywhere.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid import DouglasQuaidError, ImageId, ImageTooLarge, Occurrence
from douglas_quaid.files import FileTooLarge, NotRegularFile, read_regular

#: First part of the occurrences of AIL's objects.
HOST = "ail"
#: spec: AIL's object types that are pictures and are queued on `Images`.
TYPES = ("image", "screenshot")
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Maximum length of a global id in the name of a bookmark; a longer one is hashed. chosen: names have at most
#: 256 characters.
_NAME_CHARACTERS = 200


class BadObject(DouglasQuaidError):
    """A queued message does not name a picture. Trying again does not help."""


class FileNotThere(DouglasQuaidError):
    """AIL knows the object, but its file is missing or incomplete. It may still be on its way."""

    #: Trying again may help.
    retryable = True


class NoScreenshot(FileNotThere):
    """A crawled item has no screenshot yet, or never will: the crawler queues the item first, and not every
    item has one.
    """


@dataclass(frozen=True, slots=True, order=True)
class AilObject:
    """One image or screenshot. Raises BadObject if it is neither, or its id is not a sha256."""

    #: One of TYPES.
    type: str
    #: The sha256 of its bytes.
    id: ImageId

    def __post_init__(self) -> None:
        if self.type not in TYPES:
            raise BadObject(
                f"{self.gid[:120]!r}: type {self.type[:40]!r} is not one of {' and '.join(TYPES)}"
            )
        if not _SHA256.fullmatch(self.id):
            raise BadObject(f"{self.gid[:120]!r}: expected {self.type}::<sha256>, 64 lower-case hex digits")

    @property
    def gid(self) -> str:
        """AIL's global id. The subtype of pictures is empty."""
        return f"{self.type}::{self.id}"

    @property
    def occurrence(self) -> Occurrence:
        """The occurrence of the image in AIL."""
        return Occurrence(HOST, self.type, self.id)

    @classmethod
    def parse(cls, gid: str) -> AilObject:
        """Return the object with a global id. Raises BadObject if the id is malformed or not of a picture."""
        kind, _, rest = gid.partition(":")
        subtype, colon, name = rest.partition(":")
        if not colon:
            raise BadObject(f"{gid[:120]!r}: expected a global id of three parts, <type>:<subtype>:<id>")
        if subtype:
            kinds = " or ".join(f"{each}::<sha256>" for each in TYPES)
            raise BadObject(f"{gid[:120]!r}: expected {kinds}, without a subtype")
        return cls(kind, name)

    @classmethod
    def of(cls, occurrence: Occurrence | str) -> AilObject | None:
        """Return the object that an occurrence names; None for a place outside of AIL."""
        host, _, rest = str(occurrence).partition(":")
        kind, _, name = rest.partition(":")
        return cls(kind, name) if host == HOST and kind in TYPES and _SHA256.fullmatch(name) else None


def in_bookmark(gid: str) -> str:
    """Return what names a global id, of any type and perhaps malformed, in the name of a bookmark."""
    if len(gid) <= _NAME_CHARACTERS:
        return gid
    return "sha256-" + hashlib.sha256(gid.encode("utf-8", "surrogatepass")).hexdigest()


def read_picture(obj: AilObject, path: str | Path, max_bytes: int) -> bytes:
    """Return the bytes of an object's file.

    Raises FileNotThere if there is none, or if it does not have the sha256 that its name says; ImageTooLarge;
    and OSError for faults of the disk.
    """
    try:
        data = read_regular(path, max_bytes=max_bytes)
    except FileTooLarge as error:
        raise ImageTooLarge(f"{path}: {error.strerror}; raise max_bytes to read it") from None
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotThere(f"{path}: there is no such file") from None
    except NotRegularFile as error:
        raise FileNotThere(f"{path}: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != obj.id:
        raise FileNotThere(
            f"{path}: its {len(data):,} bytes do not have the sha256 that its name says; it is being "
            "written, was truncated or changed"
        )
    return data
