"""What failed: how often a message was tried, and the messages that were given up, each with its reason.

Kept as bookmarks in our store, `ail:attempts:<gid>` and `ail:dead:<gid>`, JSON: AIL has neither a counter nor
a place for what failed. A message's text cannot carry the counter, because AIL's ledger names a message by
the hash of its text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from douglas_quaid.answers import timestamp
from douglas_quaid.engine import Engine

DEAD = "ail:dead:"
ATTEMPTS = "ail:attempts:"
#: Longest reason that is kept, and longest message. chosen.
REASON_CHARACTERS = 1000
#: Longest part of a bookmark's name; a malformed global id may be longer, and is then named by its hash.
_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    #: Global id as it was queued; of a message without one, all of it.
    gid: str
    message: str
    module: str
    #: Name of the error's class.
    error: str
    reason: str
    #: When it failed for the first time, and the last.
    first: datetime
    last: datetime
    attempts: int

    @property
    def name(self) -> str:
        """By which `find` and `remove` know it."""
        return _named(self.gid)

    def to_json(self) -> dict[str, object]:
        return asdict(self) | {"first": timestamp(self.first), "last": timestamp(self.last)}

    @classmethod
    def parse(cls, text: str) -> DeadLetter:
        """Raises ValueError, KeyError and TypeError for what is no letter of ours."""
        given = json.loads(text)
        return cls(
            **(
                given
                | {
                    "first": datetime.fromisoformat(given["first"]),
                    "last": datetime.fromisoformat(given["last"]),
                }
            )
        )


@dataclass(frozen=True, slots=True)
class Failures:
    """How often an object failed, and since when."""

    attempts: int
    first: datetime


def count_failure(engine: Engine, gid: str) -> Failures:
    """One more; gives all so far. Raises StoreError."""
    known = engine.bookmark(ATTEMPTS + _named(gid))
    try:
        count, _, first = (known or "0 ").partition(" ")
        failures = Failures(int(count) + 1, datetime.fromisoformat(first))
    except ValueError:  # none, or none of ours
        failures = Failures(1, datetime.now(timezone.utc).replace(microsecond=0))
    engine.set_bookmark(ATTEMPTS + _named(gid), f"{failures.attempts} {failures.first.isoformat()}")
    return failures


def forget_failures(engine: Engine, gid: str) -> None:
    """The object was done: neither counter nor letter is kept. Raises StoreError."""
    engine.set_bookmark(ATTEMPTS + _named(gid), None)
    engine.set_bookmark(DEAD + _named(gid), None)


def bury(
    engine: Engine, *, gid: str, message: str, module: str, error: Exception, failures: Failures | None = None
) -> DeadLetter:
    """Keep it as a dead letter in place of an earlier one, and start its counter anew. Raises StoreError."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    failures = failures or Failures(1, now)
    reason = (" ".join(str(error).split()) or "no words")[:REASON_CHARACTERS]
    letter = DeadLetter(
        gid[:REASON_CHARACTERS],
        message[:REASON_CHARACTERS],
        module,
        type(error).__name__,
        reason,
        failures.first,
        now,
        failures.attempts,
    )
    fields = asdict(letter) | {"first": letter.first.isoformat(), "last": letter.last.isoformat()}
    engine.set_bookmark(DEAD + _named(gid), json.dumps(fields, sort_keys=True))
    engine.set_bookmark(ATTEMPTS + _named(gid), None)
    return letter


def dead_letters(engine: Engine) -> Iterator[DeadLetter]:
    """All, in no order, read as they are asked for; a bookmark that is no letter of ours is passed over.
    Raises StoreError.
    """
    for _, text in engine.bookmarks(DEAD):
        try:
            yield DeadLetter.parse(text)
        except (ValueError, KeyError, TypeError):
            continue


def find(engine: Engine, gid: str) -> DeadLetter | None:
    """The letter of this object. Raises StoreError."""
    text = engine.bookmark(DEAD + _named(gid))
    return DeadLetter.parse(text) if text else None


def remove(engine: Engine, gid: str) -> bool:
    """Whether there was one. Raises StoreError."""
    return engine.set_bookmark(DEAD + _named(gid), None)


def _named(gid: str) -> str:
    kept = gid[:REASON_CHARACTERS]  # as a letter has it
    return (
        kept
        if len(kept) <= _NAME_CHARACTERS
        else "sha256-" + hashlib.sha256(kept.encode("utf-8", "surrogatepass")).hexdigest()
    )
