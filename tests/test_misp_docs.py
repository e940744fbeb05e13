"""What is written about the MISP module is true: settings, options, relations and error texts are in its README, and its transcript runs."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import click
import pytest
from PIL import Image

from douglas_quaid.config import PREFIX
from douglas_quaid.misp.commands import misp
from douglas_quaid.misp.settings import NAMES, Disclosure, Settings
from douglas_quaid.misp.template import definition
from douglas_quaid.store.embedded import stop_embedded

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "misp_module"
README = (FOLDER / "README.md").read_text("utf-8")
SECONDS = 300
"""For the whole transcript; it takes about ten."""


def test_every_setting_is_in_the_table_with_its_default() -> None:
    defaults = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
    assert set(defaults) == set(NAMES)
    for name in NAMES:
        row = re.search(rf"^\| `{name}` \| (?:`([^`]*)`)? ?\|", README, re.MULTILINE)
        assert row, f"misp_module/README.md has no table row for the setting `{name}`"
        assert Settings.parse({name: row.group(1) or ""}) == Settings(), f"misp_module/README.md gives another default for `{name}` than {defaults[name]!r}"
        assert (row.group(1) is None) == (defaults[name] in (None, ())), f"misp_module/README.md is silent about the default of `{name}`"
    assert Settings().disclose == Disclosure()


@pytest.mark.parametrize("name", misp.commands)
def test_every_command_and_option_is_in_the_readme(name: str) -> None:
    assert f"quaid misp {name}" in README
    for option in misp.commands[name].params:
        for flag in (*option.opts, *option.secondary_opts):
            if isinstance(option, click.Option) and flag.startswith("--") and not option.hidden:
                assert re.search(rf"`{re.escape(flag)}\b", README), f"misp_module/README.md does not mention {flag} of `quaid misp {name}`"


def test_every_relation_of_the_object_is_explained() -> None:
    explained = set(re.findall(r"^\| `([a-z0-9-]+)` \|", README, re.MULTILINE))
    assert set(definition()["attributes"]) <= explained


def test_the_symptoms_are_texts_of_the_program() -> None:
    texts = "\n".join(text for folder in (FOLDER, ROOT / "core") for path in folder.rglob("*.py") for text in literals(path))
    table = re.search(r"^## Troubleshooting\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    assert table
    symptoms = [part for row in re.findall(r"^\| (`[^|]*) \|", table.group(1), re.MULTILINE) for part in re.findall(r"`([^`]+)`", row)]
    assert len(symptoms) > 10
    for symptom in symptoms:
        for fragment in filter(None, (part.strip() for part in symptom.split("…"))):
            assert fragment in texts, f"misp_module/README.md explains {symptom!r}, which no code says"


def literals(path: Path) -> Iterator[str]:
    """Every text in a file; parts that lie side by side are one, as Python reads them, and what is filled in is left out."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_file_that_the_readme_names_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README):
        if "://" not in target:
            assert (FOLDER / target).exists(), f"misp_module/README.md links to {target}"


def test_every_heading_that_the_readme_names_exists() -> None:
    headings = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)}
    for target in re.findall(r"\]\(#([^)]+)\)", README):
        assert target in headings


def test_the_pictures_of_answers_are_small() -> None:
    pictures = [FOLDER / target for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)]
    assert pictures
    assert sum(path.stat().st_size for path in pictures) <= 150_000
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()


def steps() -> list[tuple[str, str]]:
    """Command and output of the blocks marked `console`: lines after `$` and `>` are commands, the others what they print."""
    blocks = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    found = [step for block in blocks for step in re.findall(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", block, re.MULTILINE)]
    return [(re.sub(r"^> ", "", command, flags=re.MULTILINE).rstrip("\n"), output) for command, output in found]


def run(commands: list[str], folder: Path) -> list[tuple[int, str]]:
    """Exit status and output of each, typed one after the other into one shell."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = "set -o pipefail\n" + "".join(f"{command}\nprintf '\\036%d\\036' $?\n" for command in commands).replace("6666", str(port))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_PROXY": "*"}
    (folder / "transcript.sh").write_text(script, "utf-8")
    shell = subprocess.Popen(["bash", "transcript.sh"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output = shell.communicate(timeout=SECONDS)[0].decode().replace(str(port), "6666").replace(str(folder), "/home/ana")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)  # the server too, should the transcript not have got so far
        stop_embedded(folder / "trial")
    parts = output.split("\x1e")
    return [(int(status), text) for text, status in zip(parts[::2], parts[1::2], strict=False)]


def comparable(text: str) -> str:
    """Output without what differs from run to run or with the next calibration: ids, folders, times, and every number."""
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)
    text = re.sub(r"\bc-[0-9a-f]{10,32}\b", "CLUSTER", text)
    text = re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{12})\b", "ID", text)
    return re.sub(r"\d+(\.\d+)?", "N", text).rstrip("\n")


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="the transcript uses curl and jq")
def test_the_transcript_prints_what_the_readme_says(tmp_path: Path) -> None:
    written = steps()
    assert len(written) > 10
    done = run([command for command, _ in written], tmp_path)
    for (command, expected), (status, printed) in zip(written, done, strict=True):
        assert status == 0, f"$ {command}\n{printed}\n{log_of(tmp_path)}"
        assert comparable(printed) == comparable(expected), f"$ {command}\n{log_of(tmp_path)}"


def log_of(folder: Path) -> str:
    log = folder / "misp-modules.log"
    return "\n".join(log.read_text("utf-8").splitlines()[-5:]) if log.exists() else ""


def test_the_settings_of_the_transcript_are_settings() -> None:
    for command, _ in steps():
        for given in re.findall(r"config: (\{[^}]*\})", command):
            Settings.parse(json.loads(re.sub(r"(\w+):(?!//)", r'"\1":', given)))
