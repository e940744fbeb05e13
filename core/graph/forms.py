"""The graph of a store as text, in three forms, each made while it is read.

- visjs: as the first Douglas-Quaid dumped its database, for visjs-classificator and vis-network: `clusters`
  with their `members`, `nodes`, and an edge from a cluster to each of its images.
- GraphML and Cytoscape.js: clusters and images are nodes, told apart by `kind`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from xml.sax.saxutils import escape, quoteattr

from ..batches import in_groups
from ..records import ImageId
from .walk import AT_ONCE, Group, Names

#: Yields all groups anew at each call.
Walk = Callable[[], Iterator[Group]]

_GRAPHML = """<?xml version="1.0" encoding="UTF-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">
<key id="kind" for="node" attr.name="kind" attr.type="string"/>
<key id="label" for="node" attr.name="label" attr.type="string"/>
<graph id="douglas-quaid" edgedefault="directed">
"""


class GraphFormat(str, Enum):
    """How a graph is written."""

    #: JSON of vis-network.
    VISJS = "visjs"
    #: GraphML, an XML format of many tools.
    GRAPHML = "graphml"
    #: JSON of Cytoscape.js.
    CYTOSCAPE = "cytoscape"

    @property
    def media(self) -> str:
        """Return the media type."""
        return "application/xml" if self is GraphFormat.GRAPHML else "application/json"


def graph(walk: Walk, form: GraphFormat, names: Names) -> Iterator[str]:
    """Yield the text of a graph in pieces."""
    writers = {
        GraphFormat.VISJS: _visjs,
        GraphFormat.GRAPHML: _graphml,
        GraphFormat.CYTOSCAPE: _cytoscape,
    }
    return writers[form](walk, names)


def _visjs(walk: Walk, names: Names) -> Iterator[str]:
    yield '{"meta": {"source": "DBDUMP"},\n"clusters": ['
    clusters = (
        {
            "label": "",
            "id": group.cluster,
            "image": "",
            "shape": "image",
            "members": list(group.members),
            "group": "",
        }
        for group in walk()
        if group.cluster
    )
    yield from _items(clusters)
    yield '],\n"nodes": ['
    nodes = (
        {
            "label": labels.get(image_id, ""),
            "id": image_id,
            "image": labels.get(image_id, ""),
            "shape": "image",
        }
        for some, labels in _named(walk, names)
        for group in some
        for image_id in group.members
    )
    yield from _items(nodes)
    yield '],\n"edges": ['
    edges = (
        {"from": group.cluster, "to": image_id, "color": "gray"}
        for group in walk()
        if group.cluster
        for image_id in group.members
    )
    yield from _items(edges)
    yield "]}\n"


def _cytoscape(walk: Walk, names: Names) -> Iterator[str]:
    def elements() -> Iterator[dict[str, object]]:
        for some, labels in _named(walk, names):
            for group in some:
                if group.cluster:
                    yield {"group": "nodes", "data": {"id": group.cluster, "kind": "cluster"}}
                for image_id in group.members:
                    about = {"id": image_id, "kind": "image", "label": labels.get(image_id, "")}
                    yield {"group": "nodes", "data": about}
                    if group.cluster:
                        edge = {
                            "id": f"{group.cluster} {image_id}",
                            "source": group.cluster,
                            "target": image_id,
                        }
                        yield {"group": "edges", "data": edge}

    yield '{"elements": ['
    yield from _items(elements())
    yield "]}\n"


def _graphml(walk: Walk, names: Names) -> Iterator[str]:
    yield _GRAPHML
    for some, labels in _named(walk, names):
        for group in some:
            if group.cluster:
                yield _node(group.cluster, "cluster", "")
            for image_id in group.members:
                yield _node(image_id, "image", labels.get(image_id, ""))
                if group.cluster:
                    yield f"<edge source={quoteattr(group.cluster)} target={quoteattr(image_id)}/>\n"
    yield "</graph>\n</graphml>\n"


def _node(name: str, kind: str, label: str) -> str:
    data = f'<data key="kind">{kind}</data>'
    if label:
        data += f'<data key="label">{escape(_plain(label))}</data>'
    return f"<node id={quoteattr(name)}>{data}</node>\n"


def _plain(text: str) -> str:
    """The text without characters that XML cannot hold, which are written as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _named(walk: Walk, names: Names) -> Iterator[tuple[list[Group], Mapping[ImageId, str]]]:
    for some in in_groups(walk(), AT_ONCE):
        yield some, names([image_id for group in some for image_id in group.members])


def _items(items: Iterator[Mapping[str, object]]) -> Iterator[str]:
    before = "\n"
    for item in items:
        yield before + json.dumps(item)
        before = ",\n"
