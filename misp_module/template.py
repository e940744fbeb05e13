"""The object template `image-similarity`, bundled until MISP's own collection of templates has it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

NAME = "image-similarity"
FOLDER = Path(__file__).resolve().parent / "templates"


@cache
def definition() -> dict[str, Any]:
    """As MISP's template collections spell it; PyMISP reads it as it is."""
    found: dict[str, Any] = json.loads((FOLDER / NAME / "definition.json").read_text("utf-8"))
    return found
