"""What the sync writes into MISP: a relationship between two attributes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

#: Namespace of the UUIDs of relationships. chosen at random; it never changes.
NAMESPACE = uuid.UUID("5e1f3c0a-6c0b-4d0e-9a53-7d2f4b9c1e60")


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship in MISP's analyst data."""

    #: UUID of the one attribute, the lesser of the two.
    attribute: str
    #: UUID of the other attribute.
    related: str
    #: `similar` or `same-as`. spec: MISP's list of relationship types.
    kind: str

    @property
    def uuid(self) -> str:
        """UUID of the relationship. It follows from the pair, so that each is written once."""
        return str(uuid.uuid5(NAMESPACE, f"{self.attribute} {self.kind} {self.related}"))
