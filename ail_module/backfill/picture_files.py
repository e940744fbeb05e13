"""The files in AIL's folders of pictures, in the order of their names. No file is opened.

The layout is that of bin/lib/objects/{Images,Screenshots}.py: `aa/bb/cc/dd/ee/ff/<52 digits>`, the sha256 of
the bytes, and `.png` for a screenshot. There may be millions of files; at no time more than the names of one
folder on each level are held.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid import ConfigError

from ..config import Locations
from ..objects import AilObject

#: Number of folders above a file. spec: get_rel_path.
LEVELS = 6


def path_of(obj: AilObject, locations: Locations) -> Path:
    """Return the path of an object's file, which may be missing."""
    folder, end = (locations.screenshots, ".png") if obj.type == "screenshot" else (locations.images, "")
    parts = [obj.id[at : at + 2] for at in range(0, 2 * LEVELS, 2)]
    return Path(folder, *parts, obj.id[2 * LEVELS :] + end)


@dataclass(frozen=True, slots=True)
class File:
    """The file of an object."""

    #: The object; its id is the sha256 that the bytes should have.
    object: AilObject
    #: Path of the file.
    path: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A file or folder that cannot be used."""

    #: Its path.
    path: str
    #: What is wrong with it.
    reason: str


def picture_files(
    kind: str, folder: str, *, after: str = "", tell: Callable[[Broken], None]
) -> Iterator[File]:
    """Yield the files of one type below its folder, in the order of their ids, behind the id `after`.

    Files that are not AIL's are passed over, and a folder that cannot be read is told. Raises ConfigError if
    the folder does not exist.
    """
    end = ".png" if kind == "screenshot" else ""

    def below(path: str, name: str, depth: int) -> Iterator[File]:
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except FileNotFoundError:
            if depth:
                return  # removed meanwhile
            raise ConfigError(
                f"{path}: AIL's folder of {kind}s does not exist; [Directories] of core.cfg names it"
            ) from None
        except OSError as error:
            tell(Broken(path, f"cannot be read: {error.strerror}"))
            return
        for entry in entries:
            full = name + entry.name
            if depth < LEVELS:
                is_ahead = full >= after[: 2 * depth + 2]
                if is_ahead and len(entry.name) == 2 and entry.is_dir(follow_symlinks=False):
                    yield from below(entry.path, full, depth + 1)
            elif full.endswith(end) and entry.is_file():
                found = AilObject.of(f"ail:{kind}:{full.removesuffix(end)}")
                if found and found.id > after:
                    yield File(found, entry.path)

    return below(folder, "", 0)
