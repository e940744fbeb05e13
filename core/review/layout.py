"""Where the images of a store lie on a plane: each cluster is a disc, and clusters that pairs connect lie
beside each other. The same store gives the same places, whoever asks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ..records import ImageId

#: Angle between two members on the spiral of a disc. spec: the golden angle, by which a sunflower is packed.
GOLDEN = math.pi * (3 - math.sqrt(5))
#: Space between two discs, in distances of two members. chosen.
GAP = 1.6

#: Places of images, in distances of two members of a disc.
Places = dict[ImageId, tuple[float, float]]


def places(homes: Mapping[ImageId, str], edges: Iterable[tuple[ImageId, ImageId]]) -> Places:
    """Return the places of images. `homes`: the cluster of each; `edges`: pairs that connect clusters."""
    members = defaultdict[str, list[ImageId]](list)
    for image_id, home in sorted(homes.items()):
        members[home].append(image_id)
    found: Places = {}
    discs = [(home, _radius(len(members[home]))) for home in _in_order(members, homes, edges)]
    width = math.sqrt(sum((2 * radius + GAP) ** 2 for _, radius in discs)) * 1.2
    x = y = row = 0.0
    for home, radius in discs:  # rows of discs, as lines of a text
        size = 2 * radius + GAP
        if x > 0 and x + size > width:
            x, y, row = 0.0, y + row, 0.0
        row = max(row, size)
        for n, image_id in enumerate(members[home]):
            distance, angle = math.sqrt(n) * 0.55, n * GOLDEN
            found[image_id] = (
                round(x + size / 2 + distance * math.cos(angle), 2),
                round(y + size / 2 + distance * math.sin(angle), 2),
            )
        x += size
    return found


def _radius(count: int) -> float:
    return 0.5 + math.sqrt(max(0, count - 1)) * 0.55


def _in_order(
    members: Mapping[str, Sequence[ImageId]],
    homes: Mapping[ImageId, str],
    edges: Iterable[tuple[ImageId, ImageId]],
) -> list[str]:
    """Return the clusters: those that pairs connect one after the other, the largest group first."""
    parent = {home: home for home in members}

    def root(home: str) -> str:
        while parent[home] != home:
            parent[home] = parent[parent[home]]
            home = parent[home]
        return home

    for a, b in edges:
        if a in homes and b in homes:
            parent[root(homes[a])] = root(homes[b])
    sizes = defaultdict[str, int](int)
    for home, ids in members.items():
        sizes[root(home)] += len(ids)
    names = dict[str, str]()
    for home in sorted(members):
        names.setdefault(root(home), home)
    return sorted(
        members,
        key=lambda home: (-sizes[root(home)], names[root(home)], -len(members[home]), home),
    )
