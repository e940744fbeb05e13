"""Ends the embedded server after an idle time. Run as a program of its own, with nothing but the standard library.

    python -I -S embedded_watcher.py SOCKET SERVER_LOCK OWN_LOCK_DESCRIPTOR IDLE_SECONDS

Idle means: no client was connected at any look, and none came between two looks. Who connects in the very moment of the end
finds the connection closed and starts the server again (EmbeddedRoute.recover). The watcher ends with the server, and holds
the server's lock while it lets go of its own, so that a server started right after it gets a watcher of its own.
"""

import fcntl
import os
import re
import socket
import sys
import time

LOOKS = 4
"""Looks per idle time, at most one in 5 s. chosen."""
ANSWER_SECONDS = 30.0


def ask(path: str, line: bytes) -> bytes:
    """The answer to one command; empty when the server ended instead of answering."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        connection.connect(path)
        connection.sendall(line + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n") or len(answer) < _announced(answer):
            part = connection.recv(65536)
            if not part:
                break
            answer += part
        return answer


def _announced(answer: bytes) -> int:
    head = re.match(rb"\$(\d+)\r\n", answer)
    return len(head.group(0)) + int(head.group(1)) + 2 if head else 0


def number(answer: bytes, name: bytes) -> int:
    found = re.search(name + rb":(\d+)", answer)
    if found is None:
        raise OSError("not ready")
    return int(found.group(1))


def watch(path: str, server_lock: str, own_lock: int, idle_seconds: float) -> None:
    pause = min(5.0, idle_seconds / LOOKS)
    busy_at, received_before = time.monotonic(), -1
    while True:
        time.sleep(pause)
        try:
            clients, stats = ask(path, b"INFO clients"), ask(path, b"INFO stats")
            others, received = number(clients, b"connected_clients") - 1, number(stats, b"total_connections_received")
        except OSError:
            descriptor = os.open(server_lock, os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                busy_at = time.monotonic()
                continue  # the server lives; it is slow, or reading its files
            os.close(own_lock)  # before the server's
            return
        if others > 0 or received != received_before + 2:
            busy_at = time.monotonic()
        elif time.monotonic() - busy_at >= idle_seconds:
            try:
                ask(path, b"SHUTDOWN NOSAVE")
            except OSError:
                busy_at = time.monotonic()
        received_before = received


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    watch(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
