"""Fixtures of a scratch AIL; a test file asks for them with `pytest_plugins = ["support.ail_fixtures"]`.

`ail` is one home that is empty for each test; `own_ail` makes homes that a test may change, each a git
repository. Both take every test through both forms, `double` and `real`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from support.ail_host import AilHome, Form


def need(form: Form) -> None:
    """Skip the test if there is no checkout to copy."""
    if form == "real" and not (os.environ.get("AIL_HOME") and os.environ.get("AIL_PYTHON")):
        pytest.skip(
            "the double alone is tested; for the real AIL: AIL_HOME (a checkout) and AIL_PYTHON "
            "(an interpreter with its needs and this package)"
        )


@pytest.fixture(scope="session", params=["double", "real"])
def ail_form(request: pytest.FixtureRequest) -> Form:
    need(request.param)
    return cast(Form, request.param)


def quick_folder() -> str | None:
    """Return a folder in memory if there is room, because AIL makes seven folders for each picture."""
    memory = Path("/dev/shm")
    return (
        str(memory)
        if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30
        else None
    )


@pytest.fixture(scope="session")
def shared_ail(ail_form: Form) -> Iterator[AilHome]:
    with tempfile.TemporaryDirectory(prefix=f"ail-{ail_form}-", dir=quick_folder()) as folder:
        home = AilHome(Path(folder), ail_form)
        try:
            yield home.start()
        finally:
            home.close()


@pytest.fixture
def ail(shared_ail: AilHome) -> Iterator[AilHome]:
    """Return an empty AIL, in both forms."""
    shared_ail.reset()
    yield shared_ail
    shared_ail.kill()


@pytest.fixture
def own_ail(ail_form: Form, tmp_path: Path) -> Iterator[Callable[[], AilHome]]:
    """Return a function that makes a home for this test alone: a git repository whose servers do not run."""
    made: list[AilHome] = []

    def make() -> AilHome:
        made.append(AilHome(tmp_path / f"home{len(made)}", ail_form, git=True))
        return made[-1]

    yield make
    for home in made:
        home.close()
