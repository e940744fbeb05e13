"""What a hash list says of a query: the answer about an entry that has no pixels, as value and as JSON; and
how times are written in answers.

Field names and their meaning are a contract; later versions only add.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from .records import Decision


@dataclass(frozen=True, slots=True)
class ListedHit:
    """An entry of a hash list that is near the query, or has a hash of its bytes. It is at most a review: no
    pixels say whether it shows the same, and who made the list may be mistaken.
    """

    #: Name of the list.
    list: str
    #: Name of the entry in it.
    entry_id: str
    #: Collection that the list belongs to.
    collection: str
    #: Traffic light of the list; empty for none.
    tlp: str
    #: The answer: a review.
    decision: Decision
    #: Which hash agrees: sha256, sha1 or md5 of the bytes, or pdq.
    by: str
    #: Hamming distance of the PDQ hashes, 0 to 256 bits; None where a hash of the bytes is equal.
    pdq_bits: int | None
    #: What agrees, in words.
    sentence: str
    #: Labels of the entry.
    labels: Mapping[str, str]
    #: When the list says it was first seen (UTC).
    first_seen: datetime | None
    #: When the list says it was last seen (UTC).
    last_seen: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Return it as in a line of the command line."""
        return asdict(self) | {
            "decision": self.decision.value,
            "labels": dict(self.labels),
            "first_seen": timestamp(self.first_seen),
            "last_seen": timestamp(self.last_seen),
        }


def with_listed(decision: Decision, listed: Sequence[ListedHit]) -> Decision:
    """Return the decision about a query whose images gave `decision`, and which these entries are near."""
    return Decision.REVIEW if listed and decision is Decision.NO_MATCH else decision


def timestamp(moment: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC, to the second: 2026-11-22T14:30:00Z; None for None."""
    return None if moment is None else moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
