"""Attributes whose file is not in the store although the sync has read it: it is not a picture, or a broken
one. The sync does not request them again unless they change, and a hover says why they show nothing.

Most malware samples are not pictures, so these are kept as hashes only. Of a picture that failed the reason
is kept too; whether it fails depends on the limits of the process and on the MISP that has the file.
"""

from __future__ import annotations

from douglas_quaid import Correlator

from .attribute import Outcome, Status
from .bookmark import PersistentSet, digest

#: Name of the set of attributes that are not pictures. They are the same for every MISP and all limits.
NOT_PICTURES = "misp:not-pictures"
#: Maximum length of a reason. chosen: what a hover shows in a few lines.
REASON_CHARACTERS = 300


class SetAside:
    """What the sync of one MISP, with the limits of this process, does not request again."""

    def __init__(self, engine: Correlator, misp: str) -> None:
        """Read what earlier passes have set aside."""
        limits = engine.config
        self._engine = engine
        self._not_pictures = PersistentSet(engine, NOT_PICTURES)
        self._failed = PersistentSet(
            engine, f"misp:aside:{digest(misp, limits.max_bytes, limits.max_pixels)}"
        )

    def __contains__(self, state: str) -> bool:
        """Return whether this state of an attribute is set aside. Raises StoreError."""
        return state in self._not_pictures or state in self._failed

    def add(self, outcome: Outcome) -> None:
        """Set aside an attribute that was skipped or failed; in effect from `save` on. Raises StoreError."""
        name = state(outcome.attribute, outcome.timestamp)
        if name in self:
            return
        if outcome.status is Status.SKIPPED:
            self._not_pictures.add(name)
        else:
            self._failed.add(name)
            reason = (outcome.reason or "")[:REASON_CHARACTERS]
            self._engine.set_bookmark(_reason_of(outcome.attribute), f"{outcome.timestamp} {reason}")

    def save(self) -> None:
        """Write what was added to the store. Raises StoreError."""
        self._not_pictures.save()
        self._failed.save()


def state(attribute: str, timestamp: int) -> str:
    """Return a name for one state of an attribute (UUID)."""
    return f"{attribute}@{timestamp}"


def why_unread(engine: Correlator, attribute: str, timestamp: int) -> str | None:
    """Return why this state of an attribute (UUID) is not in the store.

    Empty for a file that is not a picture; None if no pass of a sync has read it. Raises StoreError.
    """
    of, _, reason = (engine.bookmark(_reason_of(attribute)) or "").partition(" ")
    if reason and of == str(timestamp):
        return reason
    return "" if state(attribute, timestamp) in PersistentSet(engine, NOT_PICTURES) else None


def _reason_of(attribute: str) -> str:
    return f"misp:unread:{attribute}"
