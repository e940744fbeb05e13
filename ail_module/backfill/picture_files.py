"""AIL's folders of pictures, in the order of their names; takes a folder, gives objects and paths, and opens
no file.

The layout is that of bin/lib/objects/{Images,Screenshots}.py: `aa/bb/cc/dd/ee/ff/<52 digits>`, the sha256 of
the bytes, and `.png` for a screenshot. Millions of files: at no time more than a folder's names are held.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from douglas_quaid.errors import ConfigError

from ..objects import AilObject

#: Folders above a file. spec: get_rel_path.
LEVELS = 6


@dataclass(frozen=True, slots=True)
class File:
    #: Its id is the sha256 that the bytes ought to have.
    object: AilObject
    path: str


@dataclass(frozen=True, slots=True)
class Broken:
    """What cannot be used, and why."""

    path: str
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "error": self.reason}


def walk(kind: str, folder: str, *, after: str = "", tell: Callable[[Broken], None]) -> Iterator[File]:
    """Objects of this type below their folder, in order of their ids, those behind the id `after`.

    Other files are none of AIL's objects and are passed over. A folder that cannot be read is told of; one
    that is missing at the top is a ConfigError.
    """
    end = ".png" if kind == "screenshot" else ""

    def below(path: str, name: str, depth: int) -> Iterator[File]:
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except FileNotFoundError:
            if depth:
                return  # emptied meanwhile
            raise ConfigError(
                f"{path}: AIL's folder of {kind}s is not there; [Directories] of core.cfg names it"
            ) from None
        except OSError as error:
            tell(Broken(path, f"cannot be read: {error.strerror}"))
            return
        for entry in entries:
            if depth < LEVELS:
                if (
                    name + entry.name >= after[: 2 * depth + 2]
                    and len(entry.name) == 2
                    and entry.is_dir(follow_symlinks=False)
                ):
                    yield from below(entry.path, name + entry.name, depth + 1)
            elif (
                entry.name.endswith(end)
                and (found := AilObject.of(f"ail:{kind}:{name}{entry.name.removesuffix(end)}"))
                and found.id > after
                and entry.is_file()
            ):
                yield File(found, entry.path)

    return below(folder, "", 0)
