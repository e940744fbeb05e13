"""What core/service/README.md says about the service is true, and its sessions run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.server import Server
from support.service import Service

from douglas_quaid.config import PREFIX
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation import edits
from douglas_quaid.service.openapi import ERRORS
from douglas_quaid.service.operations import OPERATIONS
from douglas_quaid.store.access_keys import Right

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "core" / "service" / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh-session\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
STEPS = [
    step for block in BLOCKS for step in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


@pytest.fixture(scope="module")
def folder(shared_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Service]]:
    """A folder with two pictures, and a service on an empty store."""
    shared_server.redis.flushall()
    folder = tmp_path_factory.mktemp("transcript")
    (folder / "coffee.jpg").write_bytes(sample("indexed/coffee.jpg"))
    smaller = edits.edit("resize_50", edits.opened(folder / "coffee.jpg"))
    (folder / "smaller.png").write_bytes(edits.png(smaller))
    service = Service(folder, shared_server.url).start()
    yield folder, service
    service.stop()


def comparable(text: str) -> str:
    """Output without ids."""
    return re.sub(r"\b[0-9a-f]{64}\b|\bc-[0-9a-f]{32}\b", "ID", text)


def test_the_sessions_print_what_is_said(folder: tuple[Path, Service]) -> None:
    here, service = folder
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "DOUGLAS_QUAID_STORE": service.store,
    }
    assert len(STEPS) > 8
    for command, expected in STEPS:
        # The service of the page is on its usual port, that of the test on a free one.
        typed = command.replace("http://localhost:8484/", service.url.replace("127.0.0.1", "localhost"))
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", typed],
            cwd=here,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"
        assert comparable(done.stdout) == comparable(expected), f"$ {command}\n{done.stderr}"


def test_every_operation_right_and_status_is_on_the_page() -> None:
    for operation in OPERATIONS:
        path = operation.path.replace("{name}", "ID").replace("{other}", "OTHER")
        assert f"`{operation.method} {path}" in PAGE
    for right in Right:
        assert re.search(rf"^\| `{right.value}` \|", PAGE, re.MULTILINE)
    for status in ERRORS:
        assert re.search(rf"^\| .*\b{status}\b.*\|", PAGE, re.MULTILINE), status
