"""Names under which processes hold something in the store: which of them have ended can be told."""

import os
import secrets
import socket


def new_owner() -> str:
    """Return a name for this process that nobody had before: host, process id and random digits."""
    return f"{socket.gethostname()} {os.getpid()} {secrets.token_hex(8)}"


def has_ended(owner: str) -> bool:
    """Return whether the owner is a process of this machine that is no longer there."""
    host, _, rest = owner.partition(" ")
    if host != socket.gethostname():
        return False
    try:
        os.kill(int(rest.partition(" ")[0]), 0)
    except (OSError, ValueError, OverflowError) as error:
        return isinstance(error, ProcessLookupError)  # else it is another user's, and alive
    return False
