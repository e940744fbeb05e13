"""The reserve for a full disk: a file beside the data of the embedded server that holds nothing. It is given
up so that images can be forgotten where nothing else can be written, and made again afterwards.
"""

import logging
import os
from pathlib import Path

#: Size in bytes of the file that is given up when images must be forgotten on a full disk. chosen: a forget
#: writes 10 to 50 KB, so some hundreds of them.
RESERVE_BYTES = 16 << 20

_log = logging.getLogger(__name__)


def fill_reserve(folder: Path) -> None:
    """Make the reserve as large as it should be, or as the disk allows: a file that holds no data."""
    path = folder / "reserve"
    held = path.stat().st_size if path.exists() else 0
    size = min(RESERVE_BYTES, held + free_bytes(folder))
    if size <= held:
        return
    try:
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        _log.info("the reserve for a full disk, %s, has %s bytes only: %s", path, f"{held:,}", error)


def give_up_reserve(folder: Path) -> None:
    """Remove the reserve, so that the server can write again."""
    (folder / "reserve").unlink(missing_ok=True)


def free_bytes(folder: Path) -> int:
    """Return the bytes that are free on the disk of a folder."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
