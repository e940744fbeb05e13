"""What failed: how often a message was tried, and the messages that were given up, each with its reason.

Kept as bookmarks of our store, `ail:attempts:<gid>` and `ail:dead:<gid>`, because AIL has neither a counter
nor a place for what failed. The counter cannot be part of the message, because AIL's ledger names a message
by the hash of its text. Every function may raise StoreError.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from douglas_quaid.answers import timestamp
from douglas_quaid.engine import Engine

#: Start of the names of dead letters among the store's bookmarks.
DEAD = "ail:dead:"
#: Start of the names of counters.
ATTEMPTS = "ail:attempts:"
#: Maximum length of a reason, a message and a global id that is kept. chosen.
REASON_CHARACTERS = 1000
#: Maximum length of a global id in the name of a bookmark. A malformed id may be longer, and is hashed.
_NAME_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    #: Global id as it was queued; for a message without one, the whole message.
    gid: str
    #: Text of the message.
    message: str
    #: The module that gave it up.
    module: str
    #: Class of the error.
    error: str
    #: What the error said.
    reason: str
    #: When it failed for the first time.
    first: datetime
    #: When it was given up.
    last: datetime
    #: How often it was tried.
    attempts: int

    def to_json(self) -> dict[str, object]:
        """Return the fields as JSON has them."""
        return asdict(self) | {"first": timestamp(self.first), "last": timestamp(self.last)}

    @classmethod
    def parse(cls, text: str) -> DeadLetter:
        """Return the dead letter in a bookmark. Raises ValueError, KeyError or TypeError if there is none."""
        given = json.loads(text)
        times = {name: datetime.fromisoformat(given[name]) for name in ("first", "last")}
        return cls(**(given | times))


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures of an object since it was last done."""

    #: How many.
    attempts: int
    #: When the first one was.
    first: datetime


def count_failure(engine: Engine, gid: str) -> Failures:
    """Count one more failure of an object, and return all of them."""
    count, _, first = (engine.bookmark(ATTEMPTS + _short(gid)) or "").partition(" ")
    try:
        failures = Failures(int(count) + 1, datetime.fromisoformat(first))
    except ValueError:  # there is no counter, or an unreadable one
        failures = Failures(1, _now())
    engine.set_bookmark(ATTEMPTS + _short(gid), f"{failures.attempts} {failures.first.isoformat()}")
    return failures


def forget_failures(engine: Engine, gid: str) -> None:
    """Remove the counter and the dead letter of an object that was done."""
    engine.set_bookmark(ATTEMPTS + _short(gid), None)
    engine.set_bookmark(DEAD + _short(gid), None)


def bury(
    engine: Engine, *, gid: str, message: str, module: str, error: Exception, failures: Failures | None = None
) -> DeadLetter:
    """Keep a message as a dead letter in place of an earlier one, and return it. Its counter starts anew."""
    now = _now()
    failures = failures or Failures(1, now)
    letter = DeadLetter(
        gid=gid[:REASON_CHARACTERS],
        message=message[:REASON_CHARACTERS],
        module=module,
        error=type(error).__name__,
        reason=(" ".join(str(error).split()) or "no reason given")[:REASON_CHARACTERS],
        first=failures.first,
        last=now,
        attempts=failures.attempts,
    )
    engine.set_bookmark(
        DEAD + _short(gid), json.dumps(asdict(letter), sort_keys=True, default=datetime.isoformat)
    )
    engine.set_bookmark(ATTEMPTS + _short(gid), None)
    return letter


def dead_letters(engine: Engine) -> Iterator[DeadLetter]:
    """Yield all dead letters, in no order. A bookmark that cannot be read is passed over."""
    for _, text in engine.bookmarks(DEAD):
        try:
            yield DeadLetter.parse(text)
        except (ValueError, KeyError, TypeError):
            continue


def remove(engine: Engine, gid: str) -> bool:
    """Remove the dead letter of an object, and return whether there was one."""
    return engine.set_bookmark(DEAD + _short(gid), None)


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def _short(gid: str) -> str:
    kept = gid[:REASON_CHARACTERS]  # as a letter has it
    if len(kept) <= _NAME_CHARACTERS:
        return kept
    return "sha256-" + hashlib.sha256(kept.encode("utf-8", "surrogatepass")).hexdigest()
