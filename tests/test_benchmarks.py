"""Every benchmark can be started: it is imported, and tells how it is used."""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "benchmarks"
FILES = {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.py"))}
#: Files that are commands; the others are imported by them.
COMMANDS = [name for name, text in FILES.items() if 'if __name__ == "__main__":' in text]


def test_there_are_commands_and_the_readme_names_each() -> None:
    readme = (FOLDER / "README.md").read_text("utf-8")
    assert len(COMMANDS) >= 20
    # (peers.py starts peers_perception.py itself, with another interpreter)
    unnamed = {name for name in COMMANDS if f"{name}.py" not in readme and f"benchmarks.{name}" not in readme}
    assert unnamed <= {"peers_perception"}


@pytest.mark.parametrize("name", [name for name in FILES if name not in ("__init__", *COMMANDS)])
def test_what_benchmarks_share_can_be_imported(name: str) -> None:
    assert importlib.import_module(f"benchmarks.{name}").__doc__


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_its_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, f"benchmarks.{name}", raising=False)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"benchmarks.{name}", run_name="__main__", alter_sys=True)
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {name}.py")
