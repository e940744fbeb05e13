"""What a command is to work on: files, folders (walked in order of names) and standard input, each read with
its limits.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .errors import ImageTooLarge, NotFound, UnsupportedImage
from .records import Occurrence


@dataclass(frozen=True, slots=True)
class Input:
    #: As given, or below the folder that was given; `-` is standard input.
    path: str

    def read(self, max_bytes: int) -> bytes:
        """The bytes. Raises ImageTooLarge before reading more than `max_bytes`, NotFound and UnsupportedImage
        for what is no readable file.
        """
        if self.path == "-":
            return _bounded(sys.stdin.buffer.read(max_bytes + 1), self.path, max_bytes)
        try:
            with open(self.path, "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise UnsupportedImage(f"{self.path}: not a regular file")
                if status.st_size > max_bytes:
                    raise ImageTooLarge(_too_large(self.path, status.st_size, max_bytes))
                return _bounded(file.read(max_bytes + 1), self.path, max_bytes)
        except FileNotFoundError:
            raise NotFound(f"{self.path}: no such file") from None
        except OSError as error:
            raise UnsupportedImage(f"{self.path}: cannot be read: {error.strerror}") from None

    @property
    def occurrence(self) -> Occurrence | None:
        """file:path:<absolute path>; none for standard input. Bytes of a name that are no UTF-8 are written
        as \\xNN.
        """
        if self.path == "-":
            return None
        absolute = os.fsencode(os.path.abspath(self.path)).decode("utf-8", "backslashreplace")
        return Occurrence("file", "path", absolute)


def _bounded(data: bytes, path: str, max_bytes: int) -> bytes:
    if len(data) > max_bytes:
        raise ImageTooLarge(_too_large(path, None, max_bytes))
    return data


def _too_large(path: str, size: int | None, max_bytes: int) -> str:
    has = "more bytes" if size is None else f"{size:,} bytes, more"
    return f"{path}: {has} than the limit of {max_bytes:,}; raise DOUGLAS_QUAID_MAX_BYTES to take it"


def find_inputs(paths: Iterable[str]) -> list[Input]:
    """Files as given, and every regular file below a folder; links to folders are not followed."""
    found: list[Input] = []
    for path in paths:
        if path != "-" and os.path.isdir(path):
            found.extend(Input(file) for file in _walk(path))
        else:
            found.append(Input(path))
    return found


def _walk(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(parent, name)
            if os.path.isfile(path):
                yield path
