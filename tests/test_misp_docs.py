"""The README of the MISP module is true: settings, options, relations, errors, and its transcript."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import click
import pytest
from PIL import Image
from support.misp_server import KEY, Misp, misp_server
from support.ports import free_port

from douglas_quaid.config import PREFIX
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation.edits import encoded, resized
from douglas_quaid.misp.commands import misp
from douglas_quaid.misp.mapping import template_definition
from douglas_quaid.misp.settings import NAMES, Disclosure, Settings
from douglas_quaid.store.embedded import stop_embedded

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "misp_module"
README = (FOLDER / "README.md").read_text("utf-8")
#: Time for the whole transcript, which takes about ten.
SECONDS = 300


def test_every_setting_is_in_the_table_with_its_default() -> None:
    defaults = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
    assert set(defaults) == set(NAMES)
    for name in NAMES:
        row = re.search(rf"^\| `{name}` \| `([^`]+)` \|", README, re.MULTILINE)
        assert row, f"misp_module/README.md has no table row for the setting `{name}`"
        assert Settings.parse({name: row.group(1)}) == Settings(), (
            f"misp_module/README.md gives another default for `{name}` than {defaults[name]!r}"
        )
    assert Settings().disclose == Disclosure()


@pytest.mark.parametrize("name", misp.commands)
def test_every_command_and_option_is_in_the_readme(name: str) -> None:
    assert f"quaid misp {name}" in README
    for option in misp.commands[name].params:
        for flag in (*option.opts, *option.secondary_opts):
            if isinstance(option, click.Option) and flag.startswith("--") and not option.hidden:
                assert re.search(rf"`{re.escape(flag)}\b", README), (
                    f"misp_module/README.md does not mention {flag} of `quaid misp {name}`"
                )


def test_every_relation_of_the_object_is_explained() -> None:
    explained = set(re.findall(r"^\| `([a-z0-9-]+)` \|", README, re.MULTILINE))
    assert set(template_definition()["attributes"]) <= explained


def test_the_symptoms_are_texts_of_the_program() -> None:
    texts = "\n".join(
        text for folder in (FOLDER, ROOT / "core") for path in folder.rglob("*.py") for text in literals(path)
    )
    table = re.search(r"^## Troubleshooting\n(.*?)^## ", README, re.MULTILINE | re.DOTALL)
    assert table
    symptoms = [
        part
        for row in re.findall(r"^\| (`[^|]*) \|", table.group(1), re.MULTILINE)
        for part in re.findall(r"`([^`]+)`", row)
    ]
    assert len(symptoms) > 10
    for symptom in symptoms:
        for fragment in filter(None, (part.strip() for part in symptom.split("…"))):
            assert fragment in texts, f"misp_module/README.md explains {symptom!r}, which no code says"


def literals(path: Path) -> Iterator[str]:
    """Return every string constant of a file; adjacent parts are one, and placeholders are left out."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_file_that_the_readme_names_exists() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README):
        if "://" not in target:
            assert (FOLDER / target).exists(), f"misp_module/README.md links to {target}"


def test_every_heading_that_the_readme_names_exists() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    for target in re.findall(r"\]\(#([^)]+)\)", README):
        assert target in headings


def test_the_pictures_of_answers_are_small() -> None:
    pictures = [FOLDER / target for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)]
    assert pictures
    assert sum(path.stat().st_size for path in pictures) <= 150_000
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()


def steps(kind: str) -> list[tuple[str, str]]:
    """Return commands and their output from the blocks of this kind; commands follow `$` and `>`."""
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    found = [
        step
        for block in blocks
        for step in re.findall(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]
    return [
        (re.sub(r"^> ", "", command, flags=re.MULTILINE).rstrip("\n"), output) for command, output in found
    ]


def run(commands: list[str], folder: Path, instead: dict[str, str]) -> list[tuple[int, str]]:
    """Run the commands in one shell, and return exit status and output of each.

    `instead` maps texts of the README to what replaces them here.
    """
    script = "set -o pipefail\n" + "".join(f"{command}\nprintf '\\036%d\\036' $?\n" for command in commands)
    for written, here in instead.items():
        script = script.replace(written, here)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "MISP_"))
    }
    # One worker, so that pictures are added in the same order each time.
    environment |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_PROXY": "*",
        f"{PREFIX}WORKERS": "1",
    }
    (folder / "transcript.sh").write_text(script, "utf-8")
    shell = subprocess.Popen(
        ["bash", "transcript.sh"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output = shell.communicate(timeout=SECONDS)[0].decode()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)  # the server too, should the transcript not have got so far
        stop_embedded(folder / "trial")
    for written, here in instead.items():
        output = output.replace(here, written)
    parts = output.split("\x1e")
    return [(int(status), text) for text, status in zip(parts[::2], parts[1::2], strict=False)]


def comparable(text: str) -> str:
    """Return output without what differs between runs and calibrations: ids, folders, times, numbers."""
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UUID", text)
    text = re.sub(r"\bc-[0-9a-f]{10,32}\b", "CLUSTER", text)
    text = re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{12})\b", "ID", text)
    return re.sub(r"\d+(\.\d+)?", "N", text).rstrip("\n")


def check(kind: str, folder: Path, instead: dict[str, str]) -> None:
    written = steps(kind)
    assert len(written) > 4
    done = run([command for command, _ in written], folder, instead)
    for (command, expected), (status, printed) in zip(written, done, strict=True):
        assert status == 0, f"$ {command}\n{printed}\n{log_of(folder)}"
        assert comparable(printed) == comparable(expected), f"$ {command}\n{log_of(folder)}"


@pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="the transcript uses curl and jq"
)
def test_the_transcript_prints_what_the_readme_says(tmp_path: Path) -> None:
    check("console", tmp_path, {"6666": str(free_port())})


def test_the_sync_prints_what_the_readme_says(tmp_path: Path) -> None:
    with misp_server() as misp:
        fill(misp)
        (tmp_path / "misp_key").write_text(KEY, "utf-8")
        check("console sync", tmp_path, {"https://misp.example.org": misp.url})


def fill(misp: Misp) -> None:
    """Add two phishing reports, and an event of legitimate pages."""
    page = sample("asked/bank-imitation.png")
    with Image.open(io.BytesIO(page)) as picture:
        smaller = encoded(resized(picture.convert("RGB"), 0.8), "JPEG", quality=70)
    titles = ("Phishing against Example Bank", "Report of a customer")
    reports = [
        misp.event(info, uuid=f"e0000000-0000-4000-8000-00000000000{number}")
        for number, info in enumerate(titles, 1)
    ]
    misp.attach(reports[0], page, "account-locked.png", uuid="a0000000-0000-4000-8000-000000000001")
    misp.attach(reports[0], b"%PDF-1.7 no picture", "letter.pdf", uuid="a0000000-0000-4000-8000-000000000002")
    misp.attach(reports[1], smaller, "screen.jpg", uuid="a0000000-0000-4000-8000-000000000003")
    misp.attach(reports[1], page[:600], "cut-short.png", uuid="a0000000-0000-4000-8000-000000000004")
    legitimate = misp.event(
        "Sign-in pages", uuid="e0000000-0000-4000-8000-000000000009", tags=["douglas-quaid:baseline"]
    )
    labels = 'brand="Example Bank" domain=bank.example'
    misp.attach(
        legitimate,
        sample("indexed/bank-login.png"),
        "login.png",
        comment=labels,
        uuid="a0000000-0000-4000-8000-000000000009",
    )


def log_of(folder: Path) -> str:
    log = folder / "misp-modules.log"
    return "\n".join(log.read_text("utf-8").splitlines()[-5:]) if log.exists() else ""


def test_the_settings_of_the_transcript_are_settings() -> None:
    for command, _ in steps("console"):
        for given in re.findall(r"config: (\{[^}]*\})", command):
            Settings.parse(json.loads(re.sub(r"(\w+):(?!//)", r'"\1":', given)))
