"""Inputs of commands: files, folders and standard input, each read within its limits."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .errors import ImageTooLarge, NotFound, UnsupportedImage
from .files import FileTooLarge, read_regular
from .records import Occurrence


@dataclass(frozen=True, slots=True)
class Input:
    """A file or standard input."""

    #: Path as given, or below the folder that was given; `-` is standard input.
    path: str
    #: Why nothing can be read here, for a folder that cannot be listed; None for what can be tried.
    fault: str | None = None

    def read(self, max_bytes: int) -> bytes:
        """Return the bytes. No pipe, socket or device other than standard input is waited for.

        Raises ImageTooLarge before more than `max_bytes` are read, NotFound when there is no such file, and
        UnsupportedImage when it is not a regular file or cannot be read.
        """
        if self.fault is not None:
            raise UnsupportedImage(f"{self.path}: {self.fault}")
        try:
            if self.path != "-":
                return read_regular(self.path, max_bytes=max_bytes)
            data = sys.stdin.buffer.read(max_bytes + 1)
            if len(data) > max_bytes:
                raise self._too_large(f"more bytes than the limit of {max_bytes:,}")
            return data
        except FileTooLarge as error:
            raise self._too_large(str(error.strerror)) from None
        except FileNotFoundError:
            raise NotFound(f"{self.path}: no such file") from None
        except OSError as error:
            raise UnsupportedImage(f"{self.path}: {_words(error)}") from None

    @property
    def occurrence(self) -> Occurrence | None:
        """`file:path:<absolute path>`; None for standard input.

        Bytes of a name that are not UTF-8 are written as \\xNN.
        """
        if self.path == "-":
            return None
        absolute = os.fsencode(os.path.abspath(self.path)).decode("utf-8", "backslashreplace")
        return Occurrence("file", "path", absolute)

    @classmethod
    def at(cls, occurrence: Occurrence) -> Input | None:
        """Return the file that an occurrence names, as `occurrence` of it does; None where it names none.

        Anyone who may add to a store can write such a name, so it is only ever one that begins at the root.
        """
        is_file = (occurrence.host, occurrence.kind) == ("file", "path")
        if not is_file or not occurrence.id.startswith("/"):
            return None
        escaped = os.fsencode(occurrence.id)
        name = re.sub(rb"\\x([89a-f][0-9a-f])", lambda found: bytes.fromhex(found[1].decode()), escaped)
        return cls(occurrence.id if os.path.exists(escaped) else os.fsdecode(name))

    def _too_large(self, has: str) -> ImageTooLarge:
        return ImageTooLarge(f"{self.path}: {has}; raise DOUGLAS_QUAID_MAX_BYTES to accept it")


def find_inputs(paths: Iterable[str]) -> list[Input]:
    """Return the files, and for a folder all regular files below it, in the order of their names.

    Links to folders are not followed. A folder or file that cannot be examined is an input with an error.
    """
    found: list[Input] = []
    for path in paths:
        found.extend(_walk(path) if path != "-" and os.path.isdir(path) else [Input(path)])
    return found


def named_lines(path: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file of text that are neither empty nor begin with #, with their numbers. Raises
    OSError for what is not a regular file, or is larger than files.MAX_TEXT.
    """
    for number, line in enumerate(read_regular(path).split(b"\n"), 1):
        text = line.decode("utf-8", "surrogateescape").strip()
        if text and not text.startswith("#"):
            yield number, text


def _walk(folder: str) -> Iterator[Input]:
    failed: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=failed.append):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(parent, name)
            if _may_be_read(path):
                yield Input(path)
    for error in failed:
        yield Input(str(error.filename), _words(error))


def _may_be_read(path: str) -> bool:
    """Whether this is a regular file, as far as can be told; why it cannot, reading it tells."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:  # a link to nothing, or removed meanwhile
        return False
    except OSError:
        return True


def _words(error: OSError) -> str:
    return f"cannot be read: {error.strerror}"
