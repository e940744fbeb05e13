"""Inputs of commands: files, folders and standard input, each read within its limits."""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .errors import ImageTooLarge, NotFound, UnsupportedImage
from .records import Occurrence


@dataclass(frozen=True, slots=True)
class Input:
    """A file or standard input."""

    #: Path as given, or below the folder that was given; `-` is standard input.
    path: str

    def read(self, max_bytes: int) -> bytes:
        """Return the bytes.

        Raises ImageTooLarge before more than `max_bytes` are read, NotFound when there is no such file, and
        UnsupportedImage when it is not a regular file or cannot be read.
        """
        if self.path == "-":
            return self._within(sys.stdin.buffer.read(max_bytes + 1), max_bytes)
        try:
            with open(self.path, "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise UnsupportedImage(f"{self.path}: not a regular file")
                if status.st_size > max_bytes:
                    raise self._too_large(f"{status.st_size:,} bytes, more", max_bytes)
                return self._within(file.read(max_bytes + 1), max_bytes)
        except FileNotFoundError:
            raise NotFound(f"{self.path}: no such file") from None
        except OSError as error:
            raise UnsupportedImage(f"{self.path}: cannot be read: {error.strerror}") from None

    @property
    def occurrence(self) -> Occurrence | None:
        """`file:path:<absolute path>`; None for standard input.

        Bytes of a name that are not UTF-8 are written as \\xNN.
        """
        if self.path == "-":
            return None
        absolute = os.fsencode(os.path.abspath(self.path)).decode("utf-8", "backslashreplace")
        return Occurrence("file", "path", absolute)

    def _within(self, data: bytes, max_bytes: int) -> bytes:
        if len(data) > max_bytes:
            raise self._too_large("more bytes", max_bytes)
        return data

    def _too_large(self, has: str, max_bytes: int) -> ImageTooLarge:
        return ImageTooLarge(
            f"{self.path}: {has} than the limit of {max_bytes:,}; raise DOUGLAS_QUAID_MAX_BYTES to accept it"
        )


def find_inputs(paths: Iterable[str]) -> list[Input]:
    """Return the files, and for a folder all regular files below it, in the order of their names.

    Links to folders are not followed.
    """
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
