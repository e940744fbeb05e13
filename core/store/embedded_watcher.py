"""Ends the embedded server after an idle time, and syncs its append-only file to the disk every second. Run
as a separate program that needs only the standard library.

    python -I -S embedded_watcher.py SOCKET FOLDER OWN_LOCK_DESCRIPTOR IDLE_SECONDS

The server writes every change before it answers, and leaves the syncing to us: a sync of its own (appendfsync
everysec) would hold its writes back while it runs, and a killed server would lose them.

Idle means: at no look any other client was connected, and none came between two looks. A client that connects
at the moment of the end finds the connection closed and starts the server again (EmbeddedRoute.recover). A
server whose folder was deleted cannot be reached any more and ends as soon as no client is connected. The
watcher ends with the server, and holds the server's lock while it releases its own, so that a server that is
started next gets its own watcher.
"""

import fcntl
import os
import re
import socket
import sys
import threading
import time

#: Looks in an idle time; there is at least one every 5 s. chosen.
LOOKS = 4
#: Pause in seconds between two syncs. chosen: what a power cut may cost, as with appendfsync everysec.
SYNC_SECONDS = 1.0


def connected(path: str) -> socket.socket | None:
    """Return a connection to the server's socket; None when no server listens."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(path)
    except OSError:
        connection.close()
        return None
    return connection


def ask(connection: socket.socket, line: bytes) -> dict[bytes, int]:
    """Return the numbers in the answer to one INFO command; wait as long as it takes.

    Raises OSError when the server ends instead of answering, or is reading its files.
    """
    connection.sendall(line + b"\r\n")
    answer, length = b"", 1
    while len(answer) < length:
        part = connection.recv(65536)
        if not part:
            raise OSError("the server has ended")
        answer += part
        head = re.match(rb"\$(\d+)\r\n", answer)
        length = len(head.group(0)) + int(head.group(1)) + 2 if head else len(answer)
    found = {name: int(value) for name, value in re.findall(rb"(\w+):(\d+)\r\n", answer)}
    if not found:
        raise OSError("the server is reading its files")
    return found


def end_with_server(server_lock: str, own_lock: int) -> bool:
    """Return whether the server has ended; if so, release the watcher's lock while holding the server's."""
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


def sync_changed(folder: str, synced: dict[str, tuple[int, int]]) -> None:
    """Sync the files in a folder that have changed; `synced` has the size and time of each as last synced."""
    try:
        for entry in os.scandir(folder):
            found = entry.stat()
            state = (found.st_size, found.st_mtime_ns)
            if synced.get(entry.path) != state:
                descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    os.fdatasync(descriptor)
                finally:
                    os.close(descriptor)
                synced[entry.path] = state
    except OSError:
        return  # a file was removed meanwhile, or the disk fails: the server says so when it writes


def sync_for_ever(folder: str) -> None:
    """Sync the files in a folder whenever they have changed."""
    synced: dict[str, tuple[int, int]] = {}
    while True:
        sync_changed(folder, synced)
        time.sleep(SYNC_SECONDS)


def watch(
    connection: socket.socket | None, path: str, server_lock: str, own_lock: int, idle_seconds: float
) -> None:
    """Watch the server at `path` until it has ended."""
    pause = min(5.0, idle_seconds / LOOKS)
    busy_at, received_before = time.monotonic(), -1
    while True:
        try:
            connection = connection or connected(path)
            if connection is None:
                raise OSError("no server listens")
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
    # Connected before the starter goes on: afterwards the folder may be deleted, and the server with it.
    first = connected(sys.argv[1])
    if os.fork():
        os._exit(0)
    data = os.path.join(sys.argv[2], "appendonlydir")
    threading.Thread(target=sync_for_ever, args=(data,), daemon=True).start()
    server_lock = os.path.join(sys.argv[2], "server.lock")
    watch(first, sys.argv[1], server_lock, int(sys.argv[3]), float(sys.argv[4]))
    sync_changed(data, {})
