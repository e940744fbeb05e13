"""The grey thumbnails that the store keeps, for a browser."""

from __future__ import annotations

from ..errors import NotFound
from ..service.refusals import Reply
from ..store.access_keys import Right
from .asked import Asked, Route
from .rendering import HEADERS


def thumbnail(asked: Asked) -> Reply:
    """Return the thumbnail of an image. Raises NotFound where none was kept, and for an image that may not
    be shown.
    """
    asked.sight.require(asked.name)
    features = asked.engine.features([asked.name])[0]
    if features is None or features.thumbnail is None:
        raise NotFound(f"no thumbnail was kept of image {asked.name[:64]}")
    return Reply(200, features.thumbnail, "image/webp", HEADERS)


#: The paths of this file.
ROUTES = (Route(method="GET", path="/thumbnail/{name}", right=Right.READ, handler=thumbnail, data=True),)
