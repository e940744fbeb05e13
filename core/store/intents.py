"""What is done across tags, and how it survives a crash at any point.

A change that spans shards is a row of small atomic steps. Before the first, an *intent* that says all that is
needed to do them is recorded under `meta`; after the last it is removed. Every step can be repeated, and
whoever opens the store repeats the steps of the intents it finds, so an interrupted change is finished then.
An intent that is done leaves no byte behind. Only verdicts need one: a person's judgement is one step, and
forgetting begins in one shard with a mark that says as much (forgetting.py).

*Fences* keep a slow writer from undoing a forget. Each tag has a number that every forget raises, after the
record is gone and before it cleans up. A writer reads the fences of the tags it will touch before anything
else, and each of its steps is refused where the fence has moved; it then looks again, and finds that the
image is gone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import CorruptRecord, StoreError, UnknownVersion
from ..records import ImageId
from .connection import Connection
from .keys import META, as_text, key
from .scripts import META_STEP, Command

VERSION = 1
#: Beginnings of one change that forgets of other images may interrupt before it is given up. chosen.
ATTEMPTS = 1000
MOVED = b"fence"


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """One verdict of an intent, as both sides will keep it."""

    other: ImageId
    joins: bool
    confidence: float
    rank: float
    #: About `other`, for the side of the image that was judged.
    forward: bytes
    #: The reverse, for the side of `other`.
    backward: bytes


@dataclass(frozen=True, slots=True)
class Intent:
    """Verdicts that are being recorded: the image that was searched for, and the others."""

    intent_id: str
    image_id: ImageId
    pairs: tuple[JudgedPair, ...] = ()

    def mentions(self, image_id: ImageId) -> bool:
        """Whether it is about this image."""
        return image_id == self.image_id or any(pair.other == image_id for pair in self.pairs)

    def encode(self) -> bytes:
        pairs = [
            [p.other, p.joins, p.confidence, p.rank, _ascii(p.forward), _ascii(p.backward)]
            for p in self.pairs
        ]
        return json.dumps({"version": VERSION, "image": self.image_id, "pairs": pairs}).encode()

    @classmethod
    def decode(cls, intent_id: str, data: bytes) -> Intent:
        try:
            values = json.loads(data)
            if values["version"] != VERSION:
                raise UnknownVersion(
                    f"the store holds an unfinished change of format {values['version']}, this program reads {VERSION}"
                )
            pairs = tuple(
                JudgedPair(o, bool(j), float(c), float(r), base64.b64decode(f), base64.b64decode(b))
                for o, j, c, r, f, b in values["pairs"]
            )
            return cls(intent_id, values["image"], pairs)
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptRecord(f"unfinished change {intent_id} cannot be read: {error}") from None


class Interrupted(Exception):
    """A fence moved: the change begins again from its first look."""


class Journal:
    """Intents and fences on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pending(self) -> list[Intent]:
        found = self._connection.ask(Command(META, "HGETALL", key(META, "intents")))
        return [Intent.decode(as_text(name), value) for name, value in sorted(found.items())]

    def stands(self, intent: Intent) -> bool:
        """Whether the change was not ended by somebody else."""
        return bool(self._connection.ask(Command(META, "HEXISTS", key(META, "intents"), intent.intent_id)))

    def record(self, intent: Intent, fences: dict[str, bytes]) -> None:
        self.meta("intend", fences, intent.encode(), intent_id=intent.intent_id)

    def meta(
        self, operation: str, fences: dict[str, bytes], *arguments: bytes | str, intent_id: str = ""
    ) -> object:
        """One operation of meta.lua. Raises Interrupted when the fence has moved."""
        return self.unmoved(
            self._connection.ask(META_STEP(META, operation, fences[META], intent_id, *arguments))
        )

    def fences(self, tags: Iterable[str]) -> dict[str, bytes]:
        wanted = list(dict.fromkeys(tags))
        answers = self._connection.run([Command(tag, "HGET", key(tag, "head"), "fence") for tag in wanted])
        return {tag: answer or b"0" for tag, answer in zip(wanted, answers, strict=True)}

    @staticmethod
    def unmoved(answer: object) -> object:
        if answer == MOVED:
            raise Interrupted
        return answer


def gave_up(change: str, image_id: ImageId) -> StoreError:
    return StoreError(
        f"{change} image {image_id} was interrupted {ATTEMPTS} times by the forgetting of others; try again"
    )


def _ascii(data: bytes) -> str:
    return base64.b64encode(data).decode()
