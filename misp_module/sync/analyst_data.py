"""What we write into MISP: a relationship between two attributes, as a value."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

#: chosen at random, once and for all: UUIDs of relationships follow from it.
NAMESPACE = uuid.UUID("5e1f3c0a-6c0b-4d0e-9a53-7d2f4b9c1e60")


@dataclass(frozen=True, slots=True)
class Relationship:
    #: UUID; of the two the lesser one.
    attribute: str
    related: str
    #: `similar` or `same-as`. spec: MISP's list of relationship types.
    kind: str

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self.attribute} {self.kind} {self.related}"))
