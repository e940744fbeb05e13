"""What is written about the program is true: commands, options and settings are in the README or the pages
that it links to, and the sessions shown there run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import click
import pytest
from PIL import Image

from douglas_quaid import Engine
from douglas_quaid.answers import Hit
from douglas_quaid.cli import main as cli
from douglas_quaid.config import PREFIX, Config
from douglas_quaid.demo.queries import DEMO_QUERIES
from douglas_quaid.records import Configuration, Decision, Evidence, JudgementWord, Reason, Relation
from douglas_quaid.store.embedded import stop_embedded

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
#: Pages that have tests of their own, by where they stand.
APART = {"misp_module", "ail_module", "docker", "tests", "CHANGELOG.md"}


def linked(text: str) -> list[Path]:
    """Files of the project that a page links to."""
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    return [ROOT / target for target in dict.fromkeys(targets) if "://" not in target]


#: The README and the pages that it links to, which hold what is looked up.
PAGES = [
    README,
    *(
        path.read_text("utf-8")
        for path in linked(README)
        if path.suffix == ".md" and path.exists() and path.relative_to(ROOT).parts[0] not in APART
    ),
]
TEXT = "\n".join(PAGES)
#: The page about the engine, with all that is a contract for programs.
ENGINE = (ROOT / "core" / "README.md").read_text("utf-8")
SAMPLES = ROOT / "core" / "samples"


def commands(group: click.Group, path: tuple[str, ...] = ("quaid",)) -> dict[str, click.Command]:
    """Every command by the words that call it: `quaid add`, `quaid collection create`."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        words = (*path, name)
        found.update(
            commands(command, words) if isinstance(command, click.Group) else {" ".join(words): command}
        )
    return found


COMMANDS = commands(cli.main)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_and_explains_itself(name: str) -> None:
    assert re.search(rf"\b{name}\b(?!-)", TEXT), f"neither README.md nor a page it links to shows `{name}`"
    assert COMMANDS[name].help, f"`{name} --help` says nothing"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented(name: str) -> None:
    for option in COMMANDS[name].params:
        for flag in option.opts:
            if isinstance(option, click.Option) and flag.startswith("--") and not option.hidden:
                assert re.search(rf"{re.escape(flag)}\b", TEXT), (
                    f"neither README.md nor a page it links to mentions {flag} of `{name}`"
                )


@pytest.mark.parametrize("field", fields(Config), ids=lambda field: field.name)
def test_every_setting_is_documented_with_its_default(field: object) -> None:
    variable = PREFIX + field.name.upper()  # type: ignore[attr-defined]
    row = re.search(rf"^\|\s*`{variable}`\s*\|\s*(?:`([^`]*)`)?\s*\|", TEXT, re.MULTILINE)
    assert row, f"neither README.md nor a page it links to has a table row for `{variable}`"
    default = field.default  # type: ignore[attr-defined]
    shown = (row.group(1) or "").replace(",", "")
    assert shown == (
        str(int(default))
        if isinstance(default, bool)
        else f"{default:g}"
        if isinstance(default, float)
        else str(default)
    )


def test_the_licences_of_all_samples_are_listed_and_no_others() -> None:
    listed = set(re.findall(r"^\| `([^`]+)` \|", (SAMPLES / "LICENCES.md").read_text("utf-8"), re.MULTILINE))
    shipped = {
        str(path.relative_to(SAMPLES)) for path in SAMPLES.rglob("*") if path.suffix in {".png", ".jpg"}
    }
    assert listed == shipped


def test_the_samples_are_small_and_open() -> None:
    pictures = [path for path in SAMPLES.rglob("*") if path.suffix in {".png", ".jpg"}]
    assert sum(path.stat().st_size for path in pictures) < 1_500_000
    for path in pictures:
        with Image.open(path) as picture:
            picture.load()


def test_the_licence_is_the_official_text() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.split("\n", 2)[:2] == [
        "                    GNU AFFERO GENERAL PUBLIC LICENSE",
        "                       Version 3, 19 November 2007",
    ]
    assert len(text) == 34520 or len(text) == 34523, (
        "neither of the two official forms, with http and with https addresses"
    )


def test_the_changelog_says_what_every_release_means_for_stored_data() -> None:
    releases = re.split(r"^## ", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert releases
    for release in releases:
        assert "### Stored data" in release, (
            f"CHANGELOG.md: {release.splitlines()[0]} has no heading `### Stored data`"
        )


#: Every page of the project.
DOCUMENTS = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
]


def headings(page: Path) -> set[str]:
    """The names by which links reach the headings of a page, as GitHub makes them."""
    found = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.exists(), f"{page.relative_to(ROOT)} links to {target}"
        if heading:
            assert heading in headings(there), f"{page.relative_to(ROOT)} links to {target}#{heading}"


def rows(page: str, heading: str) -> set[str]:
    """What is set as code in the first column of the tables below a heading."""
    section = re.split(r"^#", page.partition(f" {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\|(.*?)(?<!\\)\|", section, re.MULTILINE)
    return {code for cell in cells for code in re.findall(r"`([^`]+)`", cell)}


#: Keys of a hit: its fields, of which labels have a longer name there, and the differences of its evidence.
HIT_KEYS = [field.name for field in fields(Hit) if field.name != "labels"]
HIT_KEYS += ["occurrence_labels", "differences"]


@pytest.mark.parametrize("name", sorted(cli.main.commands | {"misp": None, "ail": None}))
def test_every_command_is_in_the_table_of_the_readme(name: str) -> None:
    assert any(re.match(rf"quaid {name}\b(?!-)", code) for code in rows(README, "Commands")), name


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Hits", HIT_KEYS),
        ("Evidence", [field.name for field in fields(Evidence) if field.name not in HIT_KEYS]),
        ("Reasons", [reason.value for reason in Reason]),
        ("Judgements", [word.value for word in JudgementWord]),
    ],
)
def test_what_a_program_reads_is_documented(heading: str, names: list[str]) -> None:
    assert rows(ENGINE, heading) == set(names)


def test_every_configuration_and_relation_is_documented() -> None:
    for configuration in Configuration:
        assert f"`{configuration.value}`" in ENGINE
    for value in (*Decision, *Relation):
        assert value.value in rows(README, "What the answers mean")


def test_every_method_of_the_engine_is_documented() -> None:
    methods = {name for name in dir(Engine) if not name.startswith("_")} - {"config", "calibration"}
    assert rows(ENGINE, "Python") == methods


def comparable(text: str) -> str:
    """Output without what differs from run to run or with the next calibration: ids, folders, times, every
    number, and the width of columns.
    """
    text = re.sub(r"file:path:/\S*/demo-output", "file:path:/demo-output", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "ID", re.sub(r"\bc-[0-9a-f]{10}\b", "CLUSTER", text))
    return re.sub(r"(?<=\S) +", " ", re.sub(r"\d+(\.\d+)?", "N", text))


@dataclass(frozen=True)
class Session:
    folder: Path
    #: Command, what the page says it prints, what it did.
    steps: tuple[tuple[str, str, subprocess.CompletedProcess[str]], ...]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The blocks marked `console`, run in an empty folder: lines after `$` are commands, the others what they
    print.
    """
    folder = tmp_path_factory.mktemp("session")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DOUGLAS_QUAID_STORE": f"embedded:{folder / 'store'}",
    }

    def run(command: str) -> subprocess.CompletedProcess[str]:
        shell = ["bash", "-o", "pipefail", "-c", command]
        return subprocess.run(
            shell, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    blocks = re.findall(r"^```console\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    steps = [
        step for block in blocks for step in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]
    yield Session(folder, tuple((command, expected, run(command)) for command, expected in steps))
    stop_embedded(folder / "store")


def test_the_sessions_print_what_is_said(session: Session) -> None:
    assert session.steps
    for command, expected, done in session.steps:
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        assert comparable(done.stdout) == comparable(expected), f"$ {command}\n{done.stderr}"


def test_the_page_of_the_demonstration_needs_nothing_else(session: Session) -> None:
    page = (session.folder / "demo-output" / "index.html").read_text("utf-8")
    assert len(re.findall(r"<article ", page)) == len(DEMO_QUERIES)
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:)|url\(|@import""", page)
