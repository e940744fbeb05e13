"""schemathesis asks a service what its OpenAPI document allows and forbids: nothing fails, and every status,
answer and error is as documented.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.service import Service

from douglas_quaid import Engine
from douglas_quaid.demo.pictures import sample
from douglas_quaid.store.embedded import stop_embedded

pytest.importorskip("uvicorn", reason="the extra `service` is not installed")
pytest.importorskip("schemathesis", reason="it tests the document of the service")

#: What schemathesis is asked. Left out is `positive_data_acceptance`: no schema can say that a file must be a
#: picture, an image must exist, or a name means something in this store.
CHECKS = ["--checks", "all", "--exclude-checks", "positive_data_acceptance"]
#: A run that is the same each time.
STEADY = ["--seed", "1", "--generation-database", "none", "--phases", "coverage,fuzzing", "--no-color"]
CLI = "from schemathesis.cli import schemathesis; schemathesis()"


def test_the_service_does_what_its_document_says(tmp_path: Path) -> None:
    # Given a service with a picture, and a key that may do all
    store = f"embedded:{tmp_path / 'store'}"
    with Engine.open(store) as engine:
        engine.add(sample("indexed/cat.jpg"), occurrence="misp:attribute:1")
        secret = engine.create_key("tests", ["read", "write", "review", "admin"], sees=["all"])
    service = Service(tmp_path, store, "--rate", "0").start()
    try:
        # when it is asked hundreds of things that the document allows, and things that it forbids
        command = [sys.executable, "-c", CLI, "run", f"{service.url}openapi.json", "--max-examples", "1"]
        key = ["-H", f"Authorization: Bearer {secret}"]
        done = subprocess.run(
            [*command, *key, *CHECKS, *STEADY], cwd=tmp_path, capture_output=True, text=True, check=False
        )
    finally:
        service.stop()
        stop_embedded(tmp_path / "store")
    # then nothing fails, no answer is unlike its schema, and no status is undocumented.
    lines = [line[:200] for line in done.stdout.splitlines()]
    assert done.returncode == 0, "\n".join(lines[-150:])
    assert "a request failed" not in service.log.read_text()
