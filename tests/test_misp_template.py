"""`quaid misp template`: the object template in the files of a MISP."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support.command_line import runner

from douglas_quaid.cli.main import main
from douglas_quaid.misp.mapping import template_definition
from douglas_quaid.misp.template import TEMPLATE

DEFINITION = "definition.json"


@pytest.fixture
def misp(tmp_path: Path) -> Path:
    """The folder of a MISP with one template."""
    folder = tmp_path / "MISP"
    (folder / "app/files/misp-objects/objects/file").mkdir(parents=True)
    (folder / "app/files/misp-objects/objects/file" / DEFINITION).write_text("{}")
    return folder


def objects(misp: Path) -> Path:
    return misp / "app/files/misp-objects/objects"


def quaid(*arguments: object) -> Result:
    return runner().invoke(main, ["misp", "template", *map(str, arguments)], catch_exceptions=False)


def test_the_template_is_shown() -> None:
    assert json.loads(quaid("show").stdout) == template_definition()


@pytest.mark.parametrize("named", [lambda misp: misp, objects])
def test_the_template_is_installed_once(misp: Path, named: Callable[[Path], Path]) -> None:
    # When it is installed, then it is where MISP reads it, and the next command is told
    done = quaid("install", named(misp))
    written = objects(misp) / TEMPLATE / DEFINITION
    assert done.exit_code == 0 and json.loads(written.read_text()) == template_definition()
    assert f"{misp}/app/Console/cake Admin updateObjectTemplates" in done.stdout
    assert written.stat().st_mode & 0o777 == objects(misp).stat().st_mode & 0o666
    # And a second time nothing is written
    before = written.stat()
    line = json.loads(quaid("install", named(misp), "--json").stdout)
    assert line["status"] == "known" and written.stat() == before
    # And an earlier version is replaced
    written.write_text(json.dumps(template_definition() | {"version": 0}))
    assert json.loads(quaid("install", misp, "--json").stdout)["status"] == "updated"
    assert json.loads(written.read_text()) == template_definition()
    assert os.listdir(written.parent) == [DEFINITION]


def test_the_next_command_can_be_pasted_whatever_the_folder_is_called(misp: Path) -> None:
    renamed = misp.rename(misp.with_name("a misp; true"))
    assert f"'{renamed}'/app/Console/cake Admin" in quaid("install", renamed).stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_root_belong_to_the_owner_of_the_folder(misp: Path) -> None:
    os.chown(objects(misp), 12345, 12346)
    done = quaid("install", misp)
    for path in (objects(misp) / TEMPLATE, objects(misp) / TEMPLATE / DEFINITION):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
    assert "sudo -u '#12345' " in done.stdout


@pytest.mark.parametrize("empty", ["", "app/files/misp-objects/objects"])
def test_a_folder_without_templates_is_refused(tmp_path: Path, empty: str) -> None:
    (tmp_path / empty).mkdir(parents=True, exist_ok=True)
    done = quaid("install", tmp_path)
    assert done.exit_code == 2 and "there are no object templates here" in done.stderr
    assert not list(tmp_path.rglob(DEFINITION))


@pytest.mark.parametrize("known", [{"uuid": "another", "version": 1}, {"version": "x"}, [], "text"])
def test_another_template_stays(misp: Path, known: Any) -> None:
    written = objects(misp) / TEMPLATE / DEFINITION
    written.parent.mkdir()
    written.write_text(json.dumps(known))
    done = quaid("install", misp)
    assert done.exit_code == 2 and "another template" in done.stderr
    assert json.loads(written.read_text()) == known


def test_a_later_version_stays(misp: Path) -> None:
    written = objects(misp) / TEMPLATE / DEFINITION
    written.parent.mkdir()
    written.write_text(json.dumps(template_definition() | {"version": 999}))
    done = quaid("install", misp)
    assert done.exit_code == 2 and "a later version" in done.stderr
    assert json.loads(written.read_text())["version"] == 999


@pytest.mark.parametrize("link", ["template", "definition", "dangling definition", "objects"])
def test_links_out_of_the_folder_are_not_followed(misp: Path, tmp_path: Path, link: str) -> None:
    # Given a link in the folder of MISP to somewhere else
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / DEFINITION).write_text(json.dumps(template_definition() | {"version": 0}))
    if link == "objects":
        objects(misp).rename(tmp_path / "outside" / "objects")
        objects(misp).symlink_to(outside / "objects")
    elif link == "template":
        (objects(misp) / TEMPLATE).symlink_to(outside)
    else:
        (objects(misp) / TEMPLATE).mkdir()
        to = outside / (DEFINITION if link == "definition" else "new.json")
        (objects(misp) / TEMPLATE / DEFINITION).symlink_to(to)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    # Then nothing is written there
    done = quaid("install", misp)
    assert done.exit_code == 2 and "link" in done.stderr
    assert before == {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
