"""The lock files are in step with setup.cfg, hold only hashed files of PyPI, and name no other index."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"docker.txt": ("misp", "service"), "ci.txt": ("embedded", "test"), "build.txt": ()}


def entries(name: str) -> list[Requirement]:
    """Every requirement of a lock, without its hashes."""
    text = (ROOT / "requirements" / name).read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    for line in lines:
        assert re.search(r" --hash=sha256:[0-9a-f]{64}", line), f"{name}: {line[:60]} has no hash"
    return [Requirement(line.split(" --hash=")[0]) for line in lines]


def declared(name: str) -> list[Requirement]:
    """What setup.cfg, or the input of a lock, asks for."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    texts = [(ROOT / "requirements" / "build.in").read_text("utf-8")]
    if LOCKS[name]:
        extras = setup["options.extras_require"]
        texts = [setup["options"]["install_requires"], *(extras[extra] for extra in LOCKS[name])]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_locked_within_its_range(name: str) -> None:
    locked: dict[str, list[Requirement]] = {}
    for entry in entries(name):
        locked.setdefault(canonicalize_name(entry.name), []).append(entry)
    for wanted in declared(name):
        found = locked.get(canonicalize_name(wanted.name), [])
        assert found, f"{name} lacks {wanted}; run requirements/lock"
        for entry in found:
            (pin,) = entry.specifier
            assert pin.operator == "==" and wanted.specifier.contains(pin.version, prereleases=True), (
                f"{name} has {entry}, setup.cfg wants {wanted}; run requirements/lock"
            )


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index_and_no_place(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text("utf-8")
    assert not re.search(r"--(extra-)?index|--find-links|--trusted|://| @ ", text)
