"""The folder of the embedded server, which is its user's alone, and the locks in it."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConfigError, StoreError


def private_folder(folder: Path) -> None:
    """Make a folder for this user alone, or check that it is one: in /tmp another user may have made it.

    Raises ConfigError for one that is not.
    """
    what, remedy = f"folder {folder} of the embedded store", "name another with --store embedded:PATH"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise ConfigError(f"{what} cannot be used: {error}; {remedy}") from None
    if stat.S_ISLNK(found.st_mode) and folder.parent.stat().st_mode & stat.S_IWOTH:
        raise ConfigError(f"{what} is a symbolic link in a folder that everybody may write; remove it")
    real = folder.stat()
    if not stat.S_ISDIR(real.st_mode) or real.st_uid != os.geteuid():
        raise ConfigError(f"{what} belongs to another user; {remedy}")
    if stat.S_IMODE(real.st_mode) & 0o077:
        if any(folder.iterdir()) and not (folder / "server.lock").exists():
            raise ConfigError(
                f"folder {folder} holds other files and is open to other users;"
                " name an empty one with --store embedded:PATH"
            )
        folder.chmod(0o700)


@contextmanager
def file_lock(path: Path) -> Iterator[int | None]:
    """Take the lock on a file, and yield its descriptor, or None when another process has it. A child that
    inherits the descriptor keeps the lock. Raises StoreError for a file that cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened: {error}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield descriptor
    finally:
        os.close(descriptor)
