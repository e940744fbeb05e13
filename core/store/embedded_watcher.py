"""Ends the embedded server after an idle time. Run as a program of its own, with nothing but the standard
library.

    python -I -S embedded_watcher.py SOCKET SERVER_LOCK OWN_LOCK_DESCRIPTOR IDLE_SECONDS

Idle means: at no look anybody else was connected, and nobody came between two looks. Who connects in the very
moment of the end finds the connection closed and starts the server again (EmbeddedRoute.recover). A server
whose folder was deleted cannot be reached any more and ends as soon as nobody is connected. The watcher ends
with the server, and holds the server's lock while it lets go of its own, so that a server started right after
it gets a watcher of its own.
"""

import fcntl
import os
import re
import socket
import sys
import time

#: Looks per idle time, at least one in 5 s. chosen.
LOOKS = 4


def ask(connection: socket.socket, line: bytes) -> dict[bytes, int]:
    """The numbers in the answer to one INFO command. OSError when the server ends instead of answering; a
    silent one is waited for.
    """
    connection.sendall(line + b"\r\n")
    answer, length = b"", 1
    while len(answer) < length:
        part = connection.recv(65536)
        if not part:
            raise OSError("the server has gone")
        answer += part
        head = re.match(rb"\$(\d+)\r\n", answer)
        length = len(head.group(0)) + int(head.group(1)) + 2 if head else len(answer)
    found = {name: int(value) for name, value in re.findall(rb"(\w+):(\d+)\r\n", answer)}
    if not found:
        raise OSError("the server is reading its files")
    return found


def end_with_server(server_lock: str, own_lock: int) -> bool:
    """Whether the server has gone; the watcher's lock is then released, while the server's is held."""
    try:
        descriptor = os.open(server_lock, os.O_RDWR)
    except OSError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    os.close(own_lock)
    return True


def watch(path: str, server_lock: str, own_lock: int, idle_seconds: float) -> None:
    pause = min(5.0, idle_seconds / LOOKS)
    connection, busy_at, received_before = None, time.monotonic(), -1
    while True:
        try:
            if connection is None:
                connection = socket.socket(socket.AF_UNIX)
                connection.connect(path)
            others = ask(connection, b"INFO clients")[b"connected_clients"] - 1
            received = ask(connection, b"INFO stats")[b"total_connections_received"]
            if others > 0 or received != received_before:
                busy_at = time.monotonic()
            received_before = received
            if others <= 0 and (
                time.monotonic() - busy_at >= idle_seconds or not os.path.exists(server_lock)
            ):
                ask(connection, b"SHUTDOWN NOSAVE")
        except OSError:
            if connection is not None:
                connection.close()
            connection, busy_at, received_before = None, time.monotonic(), -1
            if end_with_server(server_lock, own_lock):
                return
        time.sleep(pause)


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    watch(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
