"""What is printed stays on its line and shows what it holds; a stream that is closed or full
leaves no traceback.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from support.modules import MODULES, tree

from douglas_quaid.cli.terminal import json_line, note, say, visible
from douglas_quaid.demo.pictures import sample

QUAID = str(Path(sys.executable).with_name("quaid"))
#: Where printing is allowed.
PRINTER = "douglas_quaid.cli.terminal"
PRINTING = {"print", "input", "echo", "secho", "confirm", "prompt", "echo_via_pager", "progressbar", "pause"}

HOSTILE = {
    "a line": "a.png\nadded    2f0a58d53f00  bank.png",
    "a carriage return": "a\radded.png",
    "an escape sequence": "a\x1b[2J\x1b]0;title\x07.png",
    "a C1 control": "a\x9b31m.png",
    "a bidirectional override": "invoice\u202egnp.exe",
    "a zero-width character": "bank\u200b.png",
    "a line separator": "a\u2028b.png",
    "no text at all": "a\udcff\udc80.png",
}


@pytest.mark.parametrize("name", MODULES)
def test_only_one_module_prints(name: str) -> None:
    if name == PRINTER:
        return
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            value = getattr(node.func, "value", ast.Name("click"))
            owner = value.id if isinstance(value, ast.Name) else ""
            assert called not in PRINTING or owner != "click", (
                f"{MODULES[name]}:{node.lineno} calls {called}; use douglas_quaid.cli.terminal"
            )
        if isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr"):
            stream = isinstance(node.value, ast.Name) and node.value.id == "sys"
            handed_on = name.endswith("cli.group")  # `main` gives up on a stream that is lost
            assert not stream or handed_on, f"{MODULES[name]}:{node.lineno} uses sys.{node.attr}"


@given(st.text())
def test_every_text_is_one_visible_line(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable() and len(shown.splitlines()) <= 1


def test_what_can_be_seen_is_printed_as_it_is() -> None:
    assert visible("Größe 10 × 20 – 写真.png") == "Größe 10 × 20 – 写真.png"


def test_hostile_file_names_are_shown_and_forge_nothing(tmp_path: Path, store_url: str) -> None:
    # Given a picture and a text under each of such names
    folder = tmp_path / "in"
    folder.mkdir()
    for name in HOSTILE.values():
        (folder / name).write_bytes(sample("indexed/coffee.jpg"))
        (folder / f"{name}.txt").write_text("no picture")
    values = (name.split(chr(0xDCFF))[0] for name in HOSTILE.values())
    labels = [word for number, value in enumerate(values) for word in ("--label", f"k{number}={value}")]
    for command in (["add"], ["query"], ["add", *labels]):
        # when they are added and queried, through pipes
        done = subprocess.run(
            [QUAID, *command, folder, "--store", store_url], capture_output=True, check=False
        )
        # then each picture has its lines and no other, and none of the characters reaches the terminal
        assert done.returncode == 1, done.stderr
        for output in (done.stdout, done.stderr):
            text = output.decode()
            assert all(character.isprintable() or character in "\n\x1b" for character in text), text
            assert "\x1b[2J" not in text and "\x9b" not in text
        lines = done.stdout.splitlines()
        assert done.stdout.count(b"\n") == (len(HOSTILE) if command[0] == "add" else len(lines))
        assert not any(line.startswith(b"added    2f0a58d53f00") for line in lines)
        # and JSON keeps the exact names
        done = subprocess.run(
            [QUAID, *command, folder, "--store", store_url, "--json"], capture_output=True, check=False
        )
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert sorted(answer["path"] for answer in answers) == sorted(map(str, folder.iterdir()))
        assert all(0x20 <= byte < 0x7F or byte == 0x0A for byte in done.stdout)


def test_json_escapes_every_control_character(capsys: pytest.CaptureFixture[str]) -> None:
    json_line({"a": "\x7f\x9b\n\ud800\u202e"})
    printed = capsys.readouterr().out
    assert json.loads(printed)["a"] == "\x7f\x9b\n\ud800\u202e"
    assert printed.rstrip("\n").isprintable() and printed.isascii()


def test_what_is_logged_is_one_visible_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nb")
    note("c\x1b[31md")
    assert capsys.readouterr() == ("a\\nb\n", "c\\x1b[31md\n")
    program = (
        "import logging\nfrom douglas_quaid.cli.terminal import prepare\n"
        "prepare()\nlogging.getLogger('x').warning('bad %s', 'a\\nmatch\\x1b[2J')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == "bad a\\nmatch\\x1b[2J\n" and isinstance(logging.lastResort, logging.Handler)


def test_wrong_usage_is_shown_and_forges_nothing() -> None:
    for arguments in (["--no\x1b[2Jsuch"], ["x\nmatch"], ["query", "--limit", "\x1b]0;x\x07", "a"]):
        done = subprocess.run([QUAID, *arguments], capture_output=True, check=False)
        assert done.returncode == 2 and b"\x1b[2J" not in done.stderr and b"\x1b]" not in done.stderr
        assert b"\nmatch" not in done.stderr and b"Error: " in done.stderr


COMMANDS = (
    "--help",
    "--version",
    "query --help",
    "stats",
    "stats --json",
    "add {p}",
    "add --json {p}",
    "misp module-path",
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("end", [">&-", ">/dev/full", ">&- 2>&-", ">/dev/full 2>&1", "| true"])
def test_an_output_that_is_closed_or_full_is_a_short_line(
    command: str, end: str, tmp_path: Path, store_url: str
) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(sample("indexed/coffee.jpg"))
    line = f"{QUAID} {command.format(p=picture)} {end}"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        env=os.environ | {"DOUGLAS_QUAID_STORE": store_url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1
    if "true" not in end:  # which may end before or after what is printed
        assert done.returncode == 1
        assert "cannot be written" in done.stderr or "2>" in end


@pytest.mark.parametrize("end", ["2>&-", "2>/dev/full", "<&- 2>&-", "<&-"])
def test_errors_that_nobody_can_read_change_no_status(end: str, tmp_path: Path, store_url: str) -> None:
    for command, status in ((f"query {tmp_path}/none", 1), ("nothing", 2), ("stats", 0), ("add -", 1)):
        done = subprocess.run(
            ["bash", "-c", f"{QUAID} {command} {end if command != 'add -' else '<&- ' + end}"],
            env=os.environ | {"DOUGLAS_QUAID_STORE": store_url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status and "Traceback" not in done.stderr, (command, done)


def test_json_goes_to_its_file_while_a_bar_is_shown(tmp_path: Path) -> None:
    # Given a terminal for errors, and a file for the output
    terminal, end = pty.openpty()
    program = (
        "from douglas_quaid.cli.terminal import json_line, with_progress\n"
        "for n in with_progress(range(6), 6, 'adding'): json_line({'n': n, 'text': 'word ' * 100})"
    )
    with open(tmp_path / "out", "wb") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, stderr=end, check=True)
    os.close(end)
    shown = os.read(terminal, 65_536)
    os.close(terminal)
    # Then the bar is on the terminal, and every line in the file
    assert b"adding" in shown and b"word" not in shown
    assert [json.loads(line)["n"] for line in (tmp_path / "out").read_text().splitlines()] == list(range(6))


def test_a_file_that_cannot_be_written_is_named(store_url: str) -> None:
    command = [QUAID, "demo", "--output", "/proc/none/report", "--store", store_url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "/proc/none" in done.stderr and "standard output" not in done.stderr
