"""Pairs that a person should look at, as values for Python and lines of JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .answers import Hit, timestamp
from .records import ImageId


@dataclass(frozen=True, slots=True)
class Review:
    """A stored pair that a person should look at."""

    #: The image on whose side the verdict is kept: the query.
    image_id: ImageId
    #: The other image, and what was measured.
    hit: Hit
    #: When it was judged (UTC).
    judged: datetime

    def to_json(self) -> dict[str, Any]:
        """Return the pair as in an answer of the service."""
        return {
            "a": self.image_id,
            "b": self.hit.image_id,
            "judged": timestamp(self.judged),
        } | self.hit.to_json()


@dataclass(frozen=True, slots=True)
class Reviews:
    """Some of the pairs that a person should look at."""

    #: The pairs.
    pairs: tuple[Review, ...]
    #: Where the next question goes on; None if there are no more.
    next: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the pairs as in an answer of the service."""
        return {"reviews": [pair.to_json() for pair in self.pairs], "next": self.next}
