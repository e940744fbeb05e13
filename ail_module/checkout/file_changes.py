"""What is about to change in a checkout: shown as a unified diff first, then written as a whole or not at
all.

A file is replaced by renaming a finished copy, with the mode and the owner it had; where one file cannot be
written, those before it get their old bytes back. What changed on disk after it was shown is not overwritten.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid.config import shown
from douglas_quaid.errors import ConfigError

#: Mode of a new file. spec: the mode of AIL's own files in bin/modules.
EXECUTABLE = 0o755


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file, by its path in the checkout; None stands for: no such file."""

    name: str
    before: bytes | None
    after: bytes | None

    @property
    def diff(self) -> str:
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
    home: Path
    changes: tuple[FileChange, ...]
    #: What the operator should know or do, a sentence each.
    notes: tuple[str, ...] = ()

    @property
    def diff(self) -> str:
        """All changes as one unified diff, passwords of URLs left out; '' when there is nothing to do."""
        return "".join(_without_passwords(change.diff) for change in self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)


def apply(plan: Plan) -> None:
    """Writes a plan. Raises ConfigError, with the checkout as it was, when a file changed meanwhile or cannot
    be written.
    """
    for change in plan.changes:
        _can_write(plan.home / change.name, change)
    done: list[FileChange] = []
    try:
        for change in plan.changes:
            _put(plan.home / change.name, change.after)
            done.append(change)
    except OSError as error:
        _take_back(plan.home, reversed(done))
        raise ConfigError(
            f"{error.filename or plan.home} cannot be written: {error.strerror}; nothing was changed"
        ) from error


def _without_passwords(diff: str) -> str:
    return re.sub(r"(?m)^([^=:\n]*[=:] *)(\S*://.*)$", lambda line: line[1] + shown(line[2]), diff)


def _can_write(path: Path, change: FileChange) -> None:
    try:
        there: bytes | None = path.read_bytes()
    except FileNotFoundError:
        there = None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}; run this as the user that AIL runs as"
        ) from None
    if there != change.before:
        raise ConfigError(f"{path} has changed since the change was shown; nothing was written: start again")
    real = path.resolve()
    if not os.access(real.parent, os.W_OK) or (there is not None and not os.access(real, os.W_OK)):
        raise ConfigError(
            f"{path} cannot be written by this user; run this as the user that AIL runs as. Nothing was written"
        )


def _put(path: Path, content: bytes | None) -> None:
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


def _take_back(home: Path, changes: Iterable[FileChange]) -> None:
    for change in changes:
        _put(home / change.name, change.before)
