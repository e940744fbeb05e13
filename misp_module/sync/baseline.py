"""Labels for pictures that fill a collection: whose page it is, read from the attribute's comment and from
tags.

`brand`, `domain` and `page` (such as "sign-in page") come from tags such as `douglas-quaid:brand="Example
Bank"` on the attribute, else from `brand=...`, `domain=...` and `page=...` in its comment, else from such
tags on the event.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .attribute import Attribute
from .labels import clean

KEYS = ("brand", "domain", "page")
_TAG = re.compile(r'douglas-quaid:(\w+)="?([^"]*)"?', re.IGNORECASE)
_PAIR = re.compile(
    r"""(?:^|[\s,;(])(brand|domain|page)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s,;]+))""", re.IGNORECASE
)


def membership_labels(attribute: Attribute) -> dict[str, str]:
    in_comment = {
        key.lower(): next(filter(None, values), "")
        for key, *values in _PAIR.findall(attribute.comment[:10_000])
    }
    labels = _of_tags(attribute.event_tags) | in_comment | _of_tags(attribute.tags)
    return {key: clean(labels[key]) for key in KEYS if labels.get(key)}


def _of_tags(tags: Iterable[str]) -> dict[str, str]:
    found = (_TAG.fullmatch(tag) for tag in tags)
    return {match[1].lower(): match[2] for match in found if match}
