"""Processes of an AIL that run older code than its files hold: whatever changed after a process started, by a
patch or an update, has no effect there.

The processes are found in /proc by the script of the checkout that they run, so Flask and the importers are
among them, which AIL notes nowhere. Of the files that a process loads, its script is known, those that our
patches change for it, and for our own modules our package and their options.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..config import CORE_CFG, MODULES
from ..servers import started
from .check import Check, Grade
from .patching import patches
from .working_tree import Checkout


@dataclass(frozen=True, slots=True)
class Script:
    """A process that runs a script of the checkout."""

    #: Process id.
    pid: int
    #: Path of the script in the checkout.
    path: str
    #: When it started, in seconds since 1970.
    started: float

    @property
    def name(self) -> str:
        """Name of the script without its ending, which is AIL's name of the module."""
        return Path(self.path).stem


def scripts(home: Path) -> Iterator[Script]:
    """Yield the processes of this machine that run a Python script of a checkout, as far as this user may
    know, in the order of their ids.
    """
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()):
        began, path = started(pid), _script(home.resolve(), pid)
        if began is not None and path is not None:
            yield Script(pid, path, began)


def _script(home: Path, pid: int) -> str | None:
    """Path in the checkout of the script that a process runs; None if it runs none, or is another user's."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        name = next((os.fsdecode(word) for word in words[1:] if word.endswith(b".py")), None)
        path = None if name is None else (Path(os.readlink(f"/proc/{pid}/cwd")) / name).resolve()
    except OSError:
        return None
    return str(path.relative_to(home)) if path and path.is_relative_to(home) else None


def running_code(checkout: Checkout, package_changed: float | None) -> Iterator[Check]:
    """Yield a check of the processes that run older code than their files hold.

    `package_changed`: when our package in AIL's interpreter was changed, in seconds since 1970; None if
    that is not known.
    """
    old: dict[str, str] = {}
    for script in scripts(checkout.home):
        newer = [name for name in _files(script) if _changed(checkout, name) > script.started]
        if script.name in MODULES and package_changed is not None and package_changed > script.started:
            newer.append("the package douglas-quaid")
        if newer:
            old[script.name] = f"{script.name} (process {script.pid}) started before {newer[0]} was changed"
    if old:
        yield Check(
            "running code",
            Grade.WARNING,
            "; ".join(old.values()),
            "They run what they loaded when they started: a patch or an update has no effect there.",
            f"Restart {', '.join(old)}",
        )
    else:
        yield Check(
            "running code", Grade.OK, "no process runs that is older than the files it is known to load"
        )


def _files(script: Script) -> list[str]:
    """Paths of the files that a process is known to load."""
    changed = [
        edit.name
        for each in patches()
        for restart in each.restart
        if script.name in (name := restart.partition(" ")[0], f"{name}_server")
        for edit in each.edits
    ]
    return list(dict.fromkeys([script.path, *changed, *([CORE_CFG] if script.name in MODULES else [])]))


def _changed(checkout: Checkout, name: str) -> float:
    path = checkout.home / name
    return path.stat().st_mtime if path.exists() else 0.0
