"""The object template `image-similarity`, bundled until MISP's own collection of templates includes it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

#: Name of the template.
NAME = "image-similarity"
#: Folder with one folder for each template.
FOLDER = Path(__file__).resolve().parent / "templates"


@cache
def definition() -> dict[str, Any]:
    """Return the template in the JSON form of misp-objects, which PyMISP accepts unchanged."""
    found: dict[str, Any] = json.loads((FOLDER / NAME / "definition.json").read_text("utf-8"))
    return found
