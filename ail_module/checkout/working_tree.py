"""An AIL checkout on this machine, and its files as text that goes back byte for byte.

Nothing here writes. AIL itself is not imported: its names on sys.path (`lib`, `core`, `modules`) belong to
AIL's own processes.
"""

from __future__ import annotations

import subprocess
from configparser import RawConfigParser
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid.errors import ConfigError

from ..config import read_cfg

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
