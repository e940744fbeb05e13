"""What is written about the program is true: commands, options and settings are in the README, and its session runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest
from douglas_quaid import cli
from douglas_quaid.config import PREFIX, Config
from douglas_quaid.store.embedded import stop_embedded
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SAMPLES = ROOT / "core" / "samples"


def commands(group: click.Group, path: tuple[str, ...] = ("quaid",)) -> dict[str, click.Command]:
    """Every command by the words that call it: `quaid add`, `quaid collection create`."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        words = (*path, name)
        found.update(commands(command, words) if isinstance(command, click.Group) else {" ".join(words): command})
    return found


COMMANDS = commands(cli.main)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_explains_itself(name: str) -> None:
    assert re.search(rf"\b{name}\b(?!-)", README), f"README.md does not show `{name}`"
    assert COMMANDS[name].help, f"`{name} --help` says nothing"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_in_the_readme(name: str) -> None:
    for option in COMMANDS[name].params:
        for flag in option.opts:
            if isinstance(option, click.Option) and flag.startswith("--") and not option.hidden:
                assert re.search(rf"{re.escape(flag)}\b", README), f"README.md does not mention {flag} of `{name}`"


@pytest.mark.parametrize("field", fields(Config), ids=lambda field: field.name)
def test_every_setting_is_in_the_readme_with_its_default(field: object) -> None:
    variable = PREFIX + field.name.upper()  # type: ignore[attr-defined]
    row = re.search(rf"^\|\s*`{variable}`\s*\|\s*`([^`]*)`\s*\|", README, re.MULTILINE)
    assert row, f"README.md has no table row for `{variable}`"
    default = field.default  # type: ignore[attr-defined]
    shown = row.group(1).replace(",", "")
    assert shown == (str(int(default)) if isinstance(default, bool) else f"{default:g}" if isinstance(default, float) else str(default))


def test_the_licences_of_all_samples_are_listed_and_no_others() -> None:
    listed = set(re.findall(r"^\| `([^`]+)` \|", (SAMPLES / "LICENCES.md").read_text("utf-8"), re.MULTILINE))
    shipped = {str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*") if path.suffix in {".png", ".jpg"}}
    assert listed == shipped


def test_the_samples_are_small_and_open() -> None:
    pictures = [path for path in SAMPLES.rglob("*") if path.suffix in {".png", ".jpg"}]
    assert sum(path.stat().st_size for path in pictures) < 1_500_000
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()


def test_the_licence_is_the_official_text() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.split("\n", 2)[:2] == ["                    GNU AFFERO GENERAL PUBLIC LICENSE", "                       Version 3, 19 November 2007"]
    assert len(text) == 34520 or len(text) == 34523, "neither of the two official forms, with http and with https addresses"


def test_the_changelog_says_what_every_release_means_for_stored_data() -> None:
    releases = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert releases
    for release in releases:
        assert "### Stored data" in release, f"CHANGELOG.md: {release.splitlines()[0]} has no heading `### Stored data`"


def test_every_file_that_the_readme_names_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (ROOT / target).exists(), f"README.md links to {target}"


def comparable(text: str) -> str:
    """Output without what differs from run to run or with the next calibration: ids, folders, times, and every number."""
    text = re.sub(r"file:path:/\S*/demo-output", "file:path:/demo-output", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "ID", text)
    return re.sub(r"\d+(\.\d+)?", "N", text)


def test_the_session_of_the_readme_runs_and_prints_what_it_says(tmp_path: Path) -> None:
    # Given the blocks marked `console`, whose lines after `$` are commands and whose other lines are what they print,
    blocks = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    steps = [step for block in blocks for step in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)]
    assert steps
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DOUGLAS_QUAID_STORE": f"embedded:{tmp_path / 'store'}",
    }
    try:
        for command, expected in steps:
            # when they run one after the other in an empty folder,
            done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False)
            # then each prints what the README shows.
            assert comparable(done.stdout) == comparable(expected), f"$ {command}\n{done.stderr}"
    finally:
        stop_embedded(tmp_path / "store")
