"""The response formats of misp-modules. No other file of the adapter builds these dictionaries.

An error is always accompanied by `results`: without that key, MISP stops enriching the remaining attributes
of the event. A hover does not show errors, so in a hover the reason is also a row of the results.
"""

from collections.abc import Sequence
from typing import Any

#: What misp-modules serialises to JSON, the outer border of this package.
Response = dict[str, Any]


def empty() -> Response:
    """Return a response without results."""
    return {"results": {}}


def text_row(text: str) -> Response:
    """Return a response that shows one line of text in a hover."""
    return {"results": [{"types": ["text"], "values": [text]}]}


def failure(reason: str, *, hover: bool) -> Response:
    """Return an error response. In a hover the reason is shown as a row of text too."""
    return {"error": reason} | (text_row(reason) if hover else empty())


def with_objects(objects: Sequence[Any], *, queried: Sequence[Any] | None) -> Response:
    """Return a response with MISP objects.

    `queried` are the queried attributes as JSON, which MISP's preview needs to name the target of a
    reference. It is None in a hover, where MISP accepts objects only.
    """
    attributes = {} if queried is None else {"Attribute": list(queried)}
    return {"results": attributes | {"Object": list(objects)}}
