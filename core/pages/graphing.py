"""The graph: every image that the caller sees as a dot, clusters as discs, pairs between them as lines."""

from __future__ import annotations

from ..batches import in_groups
from ..records import ImageId
from ..review.layout import places
from ..service.refusals import Reply
from ..store.access_keys import Right
from ..store.values import noting
from .asked import Asked, Route
from .rendering import json_data, page
from .shown import shown

#: Images that are shown. chosen: what a browser draws smoothly; the first ones by id, and the page says so.
MOST_IMAGES = 20_000
#: Images that are read in one round trip. chosen.
AT_ONCE = 1000


def show(asked: Asked) -> Reply:
    """Return the page."""
    return page("graph.html", **asked.common)


def data(asked: Asked) -> Reply:
    """Return dots and lines: columns of numbers, because there are many."""
    engine, sight = asked.engine, asked.sight
    homes, hosts, days = dict[ImageId, str](), dict[ImageId, str](), dict[ImageId, int]()
    more = False
    with noting():
        for ids in in_groups(engine.image_ids(), AT_ONCE):
            if len(homes) >= MOST_IMAGES:
                more = True
                break
            names = engine.cluster_ids(ids)
            for image_id, name, info in zip(ids, names, engine.infos(ids), strict=True):
                if info is None or not sight.sees(info):
                    continue
                homes[image_id] = name or image_id
                seen = (one.occurrence.host for one in info.sightings)
                hosts[image_id] = next((host for host in seen if sight.caller.sees("host", host)), "")
                days[image_id] = 0 if info.first_seen is None else int(info.first_seen.timestamp()) // 86_400
        found = {(a, b): match for some in engine.edges() for a, b, match in some}
    edges = {
        pair: match
        for pair, match in found.items()
        if pair[0] in homes and pair[1] in homes and homes[pair[0]] != homes[pair[1]]
    }
    at = places(homes, edges)
    ids = list(at)
    number = {image_id: n for n, image_id in enumerate(ids)}
    kinds = sorted(set(hosts.values()))
    return json_data(
        {
            "ids": ids,
            "x": [at[image_id][0] for image_id in ids],
            "y": [at[image_id][1] for image_id in ids],
            "host": [kinds.index(hosts[image_id]) for image_id in ids],
            "day": [days[image_id] for image_id in ids],
            "hosts": [shown(kind, 40) or "not known" for kind in kinds],
            "edges": [[number[a], number[b], int(match)] for (a, b), match in sorted(edges.items())],
            "more": more,
        }
    )


#: The paths of this file.
ROUTES = (
    Route(method="GET", path="/graph", right=Right.READ, handler=show),
    Route(method="GET", path="/graph-data", right=Right.READ, handler=data, data=True, heavy=True),
)
