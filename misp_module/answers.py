"""The shapes in which MISP takes answers; the one place that knows them.

An error always comes with `results`: without them MISP ends the enrichment of all other attributes of the
event. A hover shows no errors at all, so there the reason is a line of the result too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: What misp-modules turns into JSON; the border of this package.
Answer = dict[str, Any]


def nothing() -> Answer:
    return {"results": {}}


def said(text: str) -> Answer:
    """A line in a hover."""
    return {"results": [{"types": ["text"], "values": [text]}]}


def failed(reason: str, *, hovering: bool) -> Answer:
    return {"error": reason} | (said(reason) if hovering else nothing())


def objects(found: Sequence[Any], *, echoed: Sequence[Any] | None) -> Answer:
    """`echoed`: the queried attributes, so that MISP can name what the objects refer to; None in a hover,
    which shows objects only.
    """
    return {
        "results": {"Object": list(found)}
        if echoed is None
        else {"Attribute": list(echoed), "Object": list(found)}
    }
