"""Runs of `quaid misp sync`: the pictures, the output of a run, and the contents of the store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from douglas_quaid.engine import Engine
from support.misp_server import Attribute
from support.pictures import photo, png

#: Small pictures, all different.
PICTURES = [png(photo(seed, 96, 72)) for seed in range(12)]


class Done:
    """Exit status and output of a run."""

    def __init__(self, status: int, output: str, errors: str) -> None:
        self.status, self.output, self.errors = status, output, errors
        said = [json.loads(line) for line in output.splitlines()] if output.startswith("{") else []
        self.lines: list[dict[str, Any]] = [line for line in said if "attribute" in line]
        self.summary: dict[str, Any] = next((line["summary"] for line in said if "summary" in line), {})

    def statuses(self) -> Counter[str]:
        return Counter(line["status"] for line in self.lines)

    def of(self, attribute: Attribute) -> list[str]:
        return [line["status"] for line in self.lines if line["attribute"] == attribute.uuid]


Sync = Callable[..., Done]


def places(engine: Engine) -> dict[str, str]:
    """Return the image id of each attribute in the store; each has exactly one image."""
    found = sorted(map(str, engine.occurrences("misp:attribute:")))
    seen = engine.sightings(found)
    assert all(len(images) == 1 for images in seen)
    return {
        place.removeprefix("misp:attribute:"): images[0].image_id
        for place, images in zip(found, seen, strict=True)
    }
