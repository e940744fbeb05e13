"""Runs of `quaid misp sync`: the pictures, what a run said, and what the store has then."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from douglas_quaid.engine import Engine
from support.misp_server import Attribute
from support.pictures import photo, png

#: Small, no two alike.
PICTURES = [png(photo(seed, 96, 72)) for seed in range(12)]


class Done:
    """What a run said."""

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
    """Image id of each attribute that has a place in the store; each has one image."""
    found = sorted(map(str, engine.occurrences("misp:attribute:")))
    seen = engine.sightings(found)
    assert all(len(images) == 1 for images in seen)
    return {
        place.removeprefix("misp:attribute:"): images[0].image_id
        for place, images in zip(found, seen, strict=True)
    }
