"""Inputs of commands: whatever a name stands for, a command ends, and says what it could not read."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.pictures import page, png

from douglas_quaid.errors import ImageTooLarge, NotFound, UnsupportedImage
from douglas_quaid.files import MAX_TEXT, FileTooLarge, NotRegularFile, read_regular
from douglas_quaid.inputs import Input, find_inputs

PICTURE = png(page(1, 320, 240))


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Names that stand for something else than a regular file."""
    names = {name: tmp_path / f"{name}.jpg" for name in ("pipe", "socket", "folder", "loop", "nowhere")}
    os.mkfifo(names["pipe"])
    names["folder"].mkdir()
    names["loop"].symlink_to(names["loop"])
    names["nowhere"].symlink_to(tmp_path / "missing")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(names["socket"]))
        yield names | {"device": Path("/dev/zero"), "terminal": Path("/dev/tty")}


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("pipe", UnsupportedImage, "not a regular file but a named pipe"),
        ("socket", UnsupportedImage, "not a regular file but a socket"),
        ("folder", UnsupportedImage, "not a regular file but a folder"),
        ("device", UnsupportedImage, "not a regular file but a device"),
        ("terminal", UnsupportedImage, "a device"),
        ("loop", UnsupportedImage, "symbolic links"),
        ("nowhere", NotFound, "no such file"),
    ],
)
def test_what_is_not_a_file_is_an_error_at_once(
    odd: dict[str, Path], name: str, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words) as caught:
        Input(str(odd[name])).read(1 << 20)

    assert str(caught.value).startswith(f"{odd[name]}: ")


def test_no_more_is_read_than_the_limit(tmp_path: Path) -> None:
    # Given a file, and one whose size the kernel does not tell
    (tmp_path / "file").write_bytes(bytes(1000))

    for path, size in (tmp_path / "file", 1000), (Path("/proc/self/maps"), 0):
        assert path.stat().st_size == size
        with pytest.raises(FileTooLarge, match="999"):
            read_regular(path, max_bytes=999)
    with pytest.raises(ImageTooLarge, match="limit of 999; raise DOUGLAS_QUAID_MAX_BYTES"):
        Input(str(tmp_path / "file")).read(999)
    assert read_regular(tmp_path / "file", max_bytes=1000) == bytes(1000)
    assert read_regular("/proc/self/status", max_bytes=MAX_TEXT).startswith(b"Name:")


def test_a_pipe_is_not_waited_for_when_a_writer_comes_later(odd: dict[str, Path]) -> None:
    with pytest.raises(NotRegularFile):
        read_regular(odd["pipe"])


def test_a_folder_gives_its_regular_files_and_an_error_for_each_folder_that_cannot_be_listed(
    odd: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a folder with a picture, odd names, a link out of it, and a sub-folder that cannot be listed
    (tmp_path / "a.png").write_bytes(PICTURE)
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "closed").mkdir()
    listed = os.scandir

    def scandir(path: str) -> Any:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)

    found = find_inputs([str(tmp_path)])

    assert [(Path(item.path).name, item.fault) for item in found] == [
        ("a.png", None),
        ("link.png", None),
        ("loop.jpg", None),
        ("closed", "cannot be read: Permission denied"),
    ]
    with pytest.raises(UnsupportedImage, match="closed: cannot be read: Permission denied"):
        found[-1].read(1)


def quaid(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, which a pipe could keep waiting for ever."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "douglas_quaid", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def test_commands_name_what_is_not_a_file_and_do_the_rest(
    odd: dict[str, Path], tmp_path: Path, store_url: str
) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(PICTURE)
    store = ("--store", store_url)

    for command in ("query", "add"):
        asked = quaid(command, odd["pipe"], odd["socket"], picture, "--json", *store)
        lines = [json.loads(line) for line in asked.stdout.splitlines()]
        assert asked.returncode == 1
        assert [line.get("error", {}).get("type") for line in lines] == ["UnsupportedImage"] * 2 + [None]
    compared = quaid("compare", picture, odd["pipe"], *store)
    assert compared.returncode == 1 and "a named pipe" in compared.stderr
    list_of_pictures = tmp_path / "list.jsonl"
    os.mkfifo(list_of_pictures)
    for command in ("evaluate", "calibrate"):
        tried = quaid(command, list_of_pictures, *store)
        assert tried.returncode != 0 and "a named pipe" in tried.stderr
