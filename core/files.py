"""Files that a user named, opened without waiting for anything.

A named pipe, a socket or a device in place of a file must not keep a program waiting, and reading must end:
only regular files are read, and no more of them than a limit.
"""

import errno
import os
import stat
from typing import BinaryIO

#: Maximum size in bytes of a file of text, such as a key, a list or settings. chosen: a list of a million
#: pictures.
MAX_TEXT = 256 * 1024 * 1024

#: Bytes that are read at a time. chosen: memory is taken as bytes arrive, not as a limit allows.
STEP = 1 << 20

# What a file may be instead of a regular one.
_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotRegularFile(OSError):
    """Raised when a name does not stand for a regular file."""


class FileTooLarge(OSError):
    """Raised when a file has more bytes than may be read."""


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file for reading, without waiting. Links are followed.

    Raises NotRegularFile for anything else, and OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:  # what Linux says of a socket, and of a device without a driver
            raise NotRegularFile(errno.EINVAL, "not a regular file but a socket or a device") from None
        raise
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        kind = _KINDS.get(stat.S_IFMT(mode), "something else")
        raise NotRegularFile(errno.EINVAL, f"not a regular file but {kind}")
    return open(descriptor, "rb")


def read_regular(path: str | os.PathLike[str], *, max_bytes: int = MAX_TEXT) -> bytes:
    """Return the bytes of a regular file.

    Raises FileTooLarge before more than `max_bytes` are returned, NotRegularFile, and OSError.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise FileTooLarge(errno.EFBIG, f"{size:,} bytes, more than the limit of {max_bytes:,}")
        data = bytearray()
        while part := file.read(min(STEP, max_bytes + 1 - len(data))):
            data += part
    if part is None:  # a file of the kernel that has nothing to say yet
        raise NotRegularFile(errno.EINVAL, "not a regular file but one that waits for the kernel")
    if len(data) > max_bytes:
        raise FileTooLarge(errno.EFBIG, f"more bytes than the limit of {max_bytes:,}")
    return bytes(data)
