"""Ports for the servers that tests start, each given out once, so that what else runs meanwhile does not take
one before its server does.

They lie below those that Linux gives to outgoing connections (32768 and up), and every process begins
somewhere else.
"""

from __future__ import annotations

import secrets
import socket
from contextlib import ExitStack
from itertools import count

FIRST, PORTS = 10_000, 10_000
#: How far above its port a server of a Redis Cluster talks with the others (spec).
BUS = 10_000

_numbers = count(secrets.randbelow(PORTS))


def free_port(*, bus: bool = False) -> int:
    """A port of this machine that nothing uses; with `bus` the one of a cluster's bus is free too."""
    for _ in range(PORTS):
        port = FIRST + next(_numbers) % PORTS
        with ExitStack() as probes:
            try:
                for needed in (port, port + BUS)[: 1 + bus]:
                    probes.enter_context(socket.socket()).bind(("127.0.0.1", needed))
                return port
            except OSError:
                continue
    raise AssertionError(f"no port between {FIRST} and {FIRST + PORTS} is free")
