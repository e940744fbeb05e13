"""An event of MISP as far as it decides which objects of a response are new, and which events correlate."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

#: Relation, value and type of an attribute, which is what MISP compares.
Row = tuple[str, str, str]


@dataclass
class SavedEvent:
    """The objects of an event."""

    objects: list[dict[str, Any]] = field(default_factory=list)

    def save(self, answer: Any) -> int:
        """Save a response as MISP does, and return how many objects are new.

        MISP takes an object for known if one object of the event has as many rows that are among the new
        one's as the new one has (`Event::__findCurrentObjectId`).
        """
        new = [found for found in answer["results"].get("Object", []) if not self._knows(found)]
        self.objects += new
        return len(new)

    def _knows(self, found: dict[str, Any]) -> bool:
        wanted = set(rows(found))
        counts = Counter(
            number for number, saved in enumerate(self.objects) for row in rows(saved) if row in wanted
        )
        return any(count >= len(found["Attribute"]) for count in counts.values())

    def correlating(self) -> set[str]:
        """Return the values by which MISP connects this event with others."""
        return {
            part["value"]
            for found in self.objects
            for part in found["Attribute"]
            if not part["disable_correlation"]
        }


def rows(found: dict[str, Any]) -> list[Row]:
    return [(part["object_relation"], part["value"], part["type"]) for part in found["Attribute"]]
