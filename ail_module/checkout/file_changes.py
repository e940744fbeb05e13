"""What is about to change in a checkout: shown as a unified diff first, then written completely or not at
all.

A file is replaced by renaming a finished copy, which has the mode and the owner of the file. If one file
cannot be written, those before it get their old bytes back. A file that changed since it was shown is not
overwritten.
"""

import difflib
import os
import re
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid.config import shown
from douglas_quaid.errors import ConfigError

#: Mode of a new file. spec: the mode of AIL's own files in bin/modules.
EXECUTABLE = 0o755


@dataclass(frozen=True, slots=True)
class FileChange:
    """The change of one file."""

    #: Path of the file in the checkout.
    name: str
    #: Its bytes now; None if it does not exist.
    before: bytes | None
    #: Its bytes to be; None if it is to be deleted.
    after: bytes | None

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = (
            [] if side is None else side.decode("utf-8", "replace").splitlines(keepends=True)
            for side in (self.before, self.after)
        )
        source = "/dev/null" if self.before is None else f"a/{self.name}"
        target = "/dev/null" if self.after is None else f"b/{self.name}"
        lines = difflib.unified_diff(old, new, source, target)
        return "".join(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes of a checkout that were not written yet."""

    #: Folder of the checkout.
    home: Path
    #: In the order in which they are written.
    changes: tuple[FileChange, ...]
    #: What the operator should know or do, a sentence each.
    notes: tuple[str, ...] = ()

    @property
    def diff(self) -> str:
        """All changes as one unified diff, without the passwords in URLs; empty if nothing changes."""
        return "".join(_without_passwords(change.diff) for change in self.changes)

    def write(self) -> None:
        """Write all changes.

        Raises ConfigError, and leaves the checkout as it was, if a file changed meanwhile or cannot be
        written.
        """
        for change in self.changes:
            _check(self.home / change.name, change)
        done: list[FileChange] = []
        try:
            for change in self.changes:
                _replace(self.home / change.name, change.after)
                done.append(change)
        except OSError as error:
            for change in reversed(done):
                _replace(self.home / change.name, change.before)
            raise ConfigError(
                f"{error.filename or self.home} cannot be written: {error.strerror}; nothing was changed"
            ) from error


def _without_passwords(diff: str) -> str:
    return re.sub(r"(?m)^([^=:\n]*[=:] *)(\S*://.*)$", lambda line: line[1] + shown(line[2]), diff)


def _check(path: Path, change: FileChange) -> None:
    """Raises ConfigError if a file is not as it was shown, or this user cannot write it."""
    remedy = "run this as the user that AIL runs as"
    try:
        there = path.read_bytes() if path.exists() else None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; {remedy}") from None
    if there != change.before:
        raise ConfigError(f"{path} was changed after the diff was shown; nothing was written. Start again")
    real = path.resolve()
    if not os.access(real.parent, os.W_OK) or (there is not None and not os.access(real, os.W_OK)):
        raise ConfigError(f"{path} cannot be written by this user; {remedy}. Nothing was written")


def _replace(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
        return
    path = path.resolve()  # a link stays a link
    like = path.stat() if path.exists() else path.parent.stat()
    mode = stat.S_IMODE(like.st_mode) if path.exists() else EXECUTABLE
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if os.geteuid() == 0:
            os.chown(name, like.st_uid, like.st_gid)
        os.chmod(name, mode)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
