"""Asking about a picture that is dropped or pasted: the answer with its evidence; nothing is stored unless a
person says so.
"""

from __future__ import annotations

from typing import Any

from ..answers import Hit
from ..errors import ConfigError
from ..review.pairs import outline, overlaying
from ..service.disclosure import HIDDEN_PROBLEM
from ..service.refusals import Reply
from ..service.uploads import Body, Upload
from ..store.access_keys import Right
from .asked import Asked, Route
from .pair_view import verdict_json
from .rendering import json_data, page
from .shown import shown
from .sight import Sight
from .words import DECISIONS

#: Hits of an answer. chosen: a page.
HITS = 12


def show(asked: Asked) -> Reply:
    """Return the page."""
    return page("ask.html", **asked.common)


def query(asked: Asked) -> Reply:
    """Search for a picture; nothing is stored."""
    upload = _image(asked)
    result = asked.engine.query(upload.read(), limit=HITS, name=upload.name)
    sight = asked.sight
    visible = sight.visible([hit.image_id for hit in result.hits])
    problems = [shown(problem) if sight.sees_all else HIDDEN_PROBLEM for problem in result.problems]
    return json_data(
        {
            "name": shown(upload.name, 120),
            "image_id": result.image_id,
            "known": any(hit.image_id == result.image_id for hit in result.hits),
            "decision": DECISIONS[result.decision],
            "informative": result.informative,
            "searched": result.images_searched,
            "complete": result.complete,
            "problems": problems[:3],
            "hits": [
                _hit_json(hit, sight, seen=seen) for hit, seen in zip(result.hits, visible, strict=True)
            ],
        }
    )


def add(asked: Asked) -> Reply:
    """Store a picture that was asked about, under the name of its file."""
    upload = _image(asked)
    result = asked.engine.add(upload.read(), name=upload.name)
    return json_data({"image_id": result.image_id, "status": result.status})


def _image(asked: Asked) -> Upload:
    if "image" not in asked.files:
        raise ConfigError("the picture is missing")
    return asked.files["image"]


def _hit_json(hit: Hit, sight: Sight, *, seen: bool) -> dict[str, Any]:
    """A hit; of one whose image the caller does not see, what the operations tell of it."""
    (info,) = sight.engine.infos([hit.image_id])
    matrix = overlaying(hit.evidence)
    return {
        "id": hit.image_id if seen else None,
        "matrix": None if matrix is None else list(matrix),
        "outline": [list(point) for point in outline(matrix)],
        "where": sight.places(info) if seen and info is not None else None,
    } | verdict_json(hit)


#: The paths of this file.
ROUTES = (
    Route(method="GET", path="/ask", right=Right.READ, handler=show),
    Route(
        method="POST",
        path="/query",
        right=Right.READ,
        handler=query,
        data=True,
        body=Body.PICTURE,
        heavy=True,
    ),
    Route(
        method="POST", path="/add", right=Right.WRITE, handler=add, data=True, body=Body.PICTURE, heavy=True
    ),
)
