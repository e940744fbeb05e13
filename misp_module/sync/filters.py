"""Which attributes of a MISP are wanted. What MISP can filter it filters; what it cannot, or must not get
wrong, is checked here too.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass

from .attribute import INHERIT, Attribute

#: The types that carry a file. spec: MISP describeTypes.
TYPES = ("attachment", "malware-sample")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    #: On the attribute or its event: any of these, and none of those that begin with `!`; % stands for
    #: anything.
    tags: tuple[str, ...] = ()
    #: Creator organisation: name, id or UUID; `!` excludes it.
    org: str | None = None
    #: Only attributes of published events.
    published: bool = False
    #: Allowed levels; empty: all that the key may see.
    distribution: tuple[int, ...] = ()
    types: tuple[str, ...] = TYPES
    #: Id or UUID.
    event: str | None = None

    def passes(self, attribute: Attribute) -> bool:
        return (
            attribute.type in self.types and self._may_be_shown(attribute) and not self._excluded(attribute)
        )

    def digest(self) -> str:
        """Names this set of filters, whatever order they were given in."""
        values = {
            name: sorted(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]

    def _may_be_shown(self, attribute: Attribute) -> bool:
        """Whether every level from the event down to the attribute is among the allowed ones; `inherit` says
        what is above it says.
        """
        return not self.distribution or all(
            level == INHERIT or level in self.distribution for level in attribute.distribution
        )

    def _excluded(self, attribute: Attribute) -> bool:
        """MISP knows only tags it has seen, and hides some from exports; an excluded tag that we do see
        excludes.
        """
        excluded = [re.escape(tag[1:]).replace("%", ".*") for tag in self.tags if tag.startswith("!")]
        return any(
            re.fullmatch(pattern, tag, re.IGNORECASE)
            for pattern in excluded
            for tag in (*attribute.tags, *attribute.event_tags)
        )
