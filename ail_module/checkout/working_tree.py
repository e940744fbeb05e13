"""An AIL checkout on this machine: its files as text that goes back byte for byte, and changes of them.

Changes are shown as a unified diff first, then written completely or not at all. A file is replaced by
renaming a finished copy, which has the mode and the owner of the file. If one file cannot be written, those
before it get their old bytes back. A file that changed since it was shown is not overwritten. AIL itself is
not imported: its names on sys.path (`lib`, `core`, `modules`) belong to AIL's own processes.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
import subprocess
import tempfile
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid import ConfigError
from douglas_quaid.store_url import shown

from ..cfg_file import read_cfg

#: Path of AIL's list of modules and their queues in a checkout.
MODULES_CFG = "configs/modules.cfg"
#: Path of the script that starts AIL's modules.
LAUNCHER = "bin/LAUNCH.sh"
#: Files that tell an AIL checkout from another folder. chosen: what our modules are built on.
TELLING = (
    "bin/lib/ail_queues.py",
    "bin/lib/correlations_engine.py",
    "bin/modules/abstract_module.py",
    MODULES_CFG,
)


@dataclass(frozen=True, slots=True)
class Checkout:
    """The folder of an AIL checkout."""

    #: The folder that AIL_HOME names, absolute.
    home: Path

    @classmethod
    def of(cls, home: Path) -> Checkout:
        """Return the checkout in a folder. Raises ConfigError if the folder is not an AIL checkout."""
        home = Path(home).expanduser().absolute()
        if not home.is_dir():
            raise ConfigError(
                f"{home} is not a folder; give the folder of the AIL checkout, as AIL_HOME does"
            )
        for name in TELLING:
            if not (home / name).is_file():
                raise ConfigError(
                    f"{home} is not an AIL checkout: it has no {name}; give the folder that AIL_HOME names"
                )
        return cls(home)

    def read(self, name: str) -> Text | None:
        """Return a file by its path in the checkout; None if it does not exist.

        Raises ConfigError if it cannot be read.
        """
        path = self.home / name
        try:
            return Text.of(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read: {error.strerror}; run this as the user that AIL runs as"
            ) from None

    def parsed(self, name: str) -> RawConfigParser:
        """Return a file of configs/ as AIL parses it, but with values as written.

        Raises ConfigError if it is missing, or cannot be read or parsed.
        """
        return read_cfg(self.home / name)

    def modified(self) -> tuple[str, ...] | None:
        """Return the tracked files that differ from the last commit; None if the folder is not a git
        repository, or git is not installed.
        """
        try:
            done = subprocess.run(
                ["git", "ls-files", "-m"], cwd=self.home, capture_output=True, text=True, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return tuple(done.stdout.splitlines()) if done.returncode == 0 else None


@dataclass(frozen=True, slots=True)
class Text:
    """The content of a file, with its own line endings. Texts of ours are written with `\\n`, and take on the
    file's line endings.
    """

    #: As in the file; bytes that are not UTF-8 are kept as surrogates.
    raw: str

    @classmethod
    def of(cls, content: bytes) -> Text:
        """Return the bytes of a file as a text."""
        return cls(content.decode("utf-8", "surrogateescape"))

    @property
    def end(self) -> str:
        """The line ending."""
        return "\r\n" if "\r\n" in self.raw else "\n"

    @property
    def lines(self) -> str:
        """The text with `\\n` at the end of each line, for reading."""
        return self.raw.replace("\r\n", "\n")

    @property
    def bytes(self) -> bytes:
        """The bytes of the file."""
        return self.raw.encode("utf-8", "surrogateescape")

    def own(self, text: str) -> str:
        """Return a text of ours with this file's line endings."""
        return text.replace("\n", self.end)

    def count(self, text: str) -> int:
        """Return how often a text of ours occurs."""
        return self.raw.count(self.own(text))

    def replaced(self, old: str, new: str) -> Text:
        """Return this text with the first occurrence of one text of ours replaced by another."""
        return Text(self.raw.replace(self.own(old), self.own(new), 1))


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
        lines = difflib.unified_diff(
            old,
            new,
            "/dev/null" if self.before is None else f"a/{self.name}",
            "/dev/null" if self.after is None else f"b/{self.name}",
        )
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
        """All changes as one unified diff, without the passwords in `*.cfg`; empty if nothing changes."""
        return "".join(
            _without_passwords(change.diff) if change.name.endswith(".cfg") else change.diff
            for change in self.changes
        )

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
    """The diff of a configuration, where URLs, stores and passwords are shown without what is secret."""
    value = r"(?mi)^([ +-]?[^#;=:\n]*(?:store|pass)[^=:\n]*[=:][ \t]*|[^=:\n]*[=:][ \t]*(?=\S*://))(\S.*)$"
    return re.sub(value, lambda line: line[1] + shown(line[2]), diff)


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
