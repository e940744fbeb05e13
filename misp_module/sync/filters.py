"""Which attributes of a MISP are indexed. MISP applies the filters that it supports; those that it does not
support, or must not get wrong, are checked here too.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass

from ..attributes import FILE_TYPES
from .attribute import INHERIT, Attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What a pass reads; by default everything that the key may see."""

    #: Tags of the attribute or its event: any of these, and none of those that begin with `!`; % is a
    #: wildcard.
    tags: tuple[str, ...] = ()
    #: Creator organisation (name, id or UUID); `!` excludes it.
    org: str | None = None
    #: Whether only published events are read.
    published: bool = False
    #: Allowed distribution levels; empty: all.
    distribution: tuple[int, ...] = ()
    #: Attribute types.
    types: tuple[str, ...] = FILE_TYPES
    #: Id or UUID of the only event to read.
    event: str | None = None

    def passes(self, attribute: Attribute) -> bool:
        """Return whether the attribute passes the filters that are checked here."""
        return (
            attribute.type in self.types and self._may_be_shown(attribute) and not self._excluded(attribute)
        )

    def digest(self) -> str:
        """Return a name for this set of filters, independent of the order of their values."""
        values = {
            name: sorted(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:24]

    def _may_be_shown(self, attribute: Attribute) -> bool:
        """Whether every level from the event to the attribute is allowed; `inherit` means the level above."""
        return not self.distribution or all(
            level == INHERIT or level in self.distribution for level in attribute.distribution
        )

    def _excluded(self, attribute: Attribute) -> bool:
        """MISP knows only tags that it has seen, and hides some from exports, so excluded tags are checked
        here.
        """
        excluded = [re.escape(tag[1:]).replace("%", ".*") for tag in self.tags if tag.startswith("!")]
        return any(
            re.fullmatch(pattern, tag, re.IGNORECASE)
            for pattern in excluded
            for tag in (*attribute.tags, *attribute.event_tags)
        )
