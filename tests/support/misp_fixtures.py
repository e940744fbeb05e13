"""Fixtures for `quaid misp sync`: a MISP, a store, and the command between them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from douglas_quaid.cli.main import main
from douglas_quaid.engine import Engine
from douglas_quaid.misp.sync.client import Patience
from support.command_line import runner
from support.misp_runs import Done, Sync
from support.misp_server import KEY, Misp, misp_server

#: Short waits where the server states no time.
PATIENCE = Patience(first_wait=0.01)


@pytest.fixture
def misp() -> Iterator[Misp]:
    with misp_server() as server:
        yield server


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The right key, in the environment."""
    monkeypatch.setenv("MISP_KEY", KEY)
    return KEY


@pytest.fixture
def sync(misp: Misp, store_url: str, key: str) -> Sync:
    """One pass with JSON lines."""

    def run(*arguments: str, json_lines: bool = True) -> Done:
        misp.requests.clear()
        options = ["--url", misp.url, "--store", store_url, *(["--json"] if json_lines else []), *arguments]
        result = runner().invoke(main, ["misp", "sync", *options], obj=PATIENCE, catch_exceptions=False)
        assert key not in result.stdout + result.stderr
        return Done(result.exit_code, result.stdout, result.stderr)

    return run
