"""An AIL checkout on this machine: that it is one, and its files as text that goes back byte for byte.

Takes the folder that AIL_HOME names, gives `Checkout`; nothing here writes. AIL itself is not imported: its
names on sys.path (`lib`, `core`, `modules`) belong to AIL's own processes.
"""

from __future__ import annotations

import subprocess
from configparser import ConfigParser
from configparser import Error as ParserError
from dataclasses import dataclass
from pathlib import Path

from douglas_quaid.errors import ConfigError

MODULES_CFG = "configs/modules.cfg"
CORE_CFG = "configs/core.cfg"
LAUNCHER = "bin/LAUNCH.sh"
#: Files that make a folder an AIL checkout. chosen: what our modules are built on.
TELLING = (
    "bin/lib/ail_queues.py",
    "bin/lib/correlations_engine.py",
    "bin/modules/abstract_module.py",
    MODULES_CFG,
)


@dataclass(frozen=True, slots=True)
class Checkout:
    home: Path

    @classmethod
    def of(cls, home: Path) -> Checkout:
        """Raises ConfigError when the folder is no AIL checkout."""
        home = Path(home).expanduser().absolute()
        if not home.is_dir():
            raise ConfigError(
                f"{home} is no folder; give the folder of the AIL checkout, the one that AIL_HOME names"
            )
        for name in TELLING:
            if not (home / name).is_file():
                raise ConfigError(
                    f"{home} is no AIL checkout: it has no {name}; give the folder that AIL_HOME names"
                )
        return cls(home)

    def read(self, name: str) -> Text | None:
        """A file by its path in the checkout; None when there is none. Raises ConfigError when it cannot be
        read.
        """
        path = self.home / name
        try:
            return Text((path).read_bytes().decode("utf-8", "surrogateescape"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(
                f"{path} cannot be read: {error.strerror}; run this as the user that AIL runs as"
            ) from None

    def parsed(self, name: str) -> ConfigParser:
        """A file of configs/ as AIL parses it, except that values are as written; empty when there is none.
        Raises ConfigError.
        """
        parser = ConfigParser(interpolation=None)
        text = self.read(name)
        try:
            parser.read_string(text.lines if text else "")
        except ParserError as error:
            raise ConfigError(
                f"{self.home / name} cannot be parsed, and AIL cannot either: {error.message}"
            ) from None
        return parser

    def modified(self) -> tuple[str, ...] | None:
        """Tracked files that differ from the last commit, as `git` tells; None when the folder is no git
        repository or there is no git.
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
    """What a file holds, with the line endings it has. Texts of ours are written with `\\n` and take on the
    file's ending.
    """

    raw: str

    @property
    def end(self) -> str:
        return "\r\n" if "\r\n" in self.raw else "\n"

    @property
    def lines(self) -> str:
        """With `\\n` at the end of each line, to be read, not written."""
        return self.raw.replace("\r\n", "\n")

    def own(self, text: str) -> str:
        """A text of ours with this file's line endings."""
        return text.replace("\n", self.end)

    def count(self, text: str) -> int:
        return self.raw.count(self.own(text))

    def replaced(self, old: str, new: str) -> Text:
        return Text(self.raw.replace(self.own(old), self.own(new), 1))

    @property
    def bytes(self) -> bytes:
        return self.raw.encode("utf-8", "surrogateescape")
