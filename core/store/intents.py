"""How a change that spans shards survives a crash at any point.

Such a change is a series of small atomic steps. Before the first, an *intent* that holds all that the steps
need is recorded under `meta`; after the last it is removed. Every step can be repeated, and whoever opens the
store repeats the steps of the intents it finds, so an interrupted change is finished then. A finished intent
leaves no byte behind. Only verdicts need one: a person's judgement is a single step, and forgetting begins
with a mark in one shard that serves the same purpose (forgetting.py).

*Fences* keep a slow writer from undoing a forget. Each tag has a number that every forget raises, after the
record is gone and before it cleans up. A writer first reads the fences of the tags it will touch, and each
of its steps is refused where the fence has moved. It then starts again and finds that the image is gone.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..errors import StoreError, UnknownVersion
from ..records import ImageId, StoredVerdict
from . import verdict_codec as codec
from .connection import StorePart
from .keys import META, Command, as_text, key, on_meta, on_shard
from .scripts import META_CHANGE
from .values import broken, image_id, left_out_if_broken

#: Format of an intent; see FORMAT.md.
VERSION = 1
#: How often the forgetting of other images may interrupt one change before it is given up. chosen.
ATTEMPTS = 1000
#: What a script answers when a fence has moved.
MOVED = b"fence"


@dataclass(frozen=True, slots=True)
class Intent:
    """Verdicts that are being recorded."""

    #: Random hexadecimal digits.
    intent_id: str
    #: The query.
    image_id: ImageId
    #: The verdicts about it.
    verdicts: tuple[StoredVerdict, ...]

    def mentions(self, image_id: ImageId) -> bool:
        """Return whether the image is the query or one of the others."""
        return image_id == self.image_id or any(found.image_id == image_id for found in self.verdicts)

    def encode(self) -> bytes:
        """Return the bytes that are stored."""
        verdicts = [
            [found.image_id, base64.b64encode(codec.encode(found.verdict, found.judged)).decode()]
            for found in self.verdicts
        ]
        return json.dumps({"version": VERSION, "image": self.image_id, "verdicts": verdicts}).encode()

    @classmethod
    def decode(cls, intent_id: str, data: bytes) -> Intent:
        """Return an intent from its stored bytes.

        Raises UnknownVersion for another format, CorruptRecord for bytes that cannot be read.
        """
        name = f"{key(META, 'intents')}, unfinished change {intent_id!r}"
        try:
            values = json.loads(data)
            if values["version"] != VERSION:
                raise UnknownVersion(
                    f"the store holds an unfinished change of format {values['version']},"
                    f" this program reads {VERSION}; use a newer douglas-quaid"
                )
            verdicts = tuple(
                codec.decode(image_id(name, other.encode()), base64.b64decode(text))
                for other, text in values["verdicts"]
            )
            return cls(intent_id, image_id(name, values["image"].encode()), verdicts)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise broken(name, f"it cannot be read ({error})") from None


class Interrupted(Exception):
    """A fence moved: the change starts again."""


class Intents(StorePart):
    """The part of the store that keeps intents and fences."""

    def pending(self) -> list[Intent]:
        """Return all recorded intents. Raises FormatError for one that cannot be read."""
        intents = list[Intent]()
        for name, value in sorted(self.connection.ask(on_meta("HGETALL", "intents")).items()):
            with left_out_if_broken():
                intents.append(Intent.decode(as_text(name), value))
        return intents

    def stands(self, intent: Intent) -> bool:
        """Return whether nobody else has finished the intent."""
        return bool(self.connection.ask(on_meta("HEXISTS", "intents", intent.intent_id)))

    def meta(
        self, operation: str, fences: dict[str, bytes], *arguments: bytes | str, intent_id: str = ""
    ) -> object:
        """Run an operation of meta.lua and return its answer. Raises Interrupted when the fence has moved."""
        return self.unmoved(
            self.connection.ask(META_CHANGE(META, operation, fences[META], intent_id, *arguments))
        )

    def settle(self, change: str, image_id: str, operation: str, *arguments: bytes | str) -> object:
        """Run an operation of meta.lua, again while images are forgotten, and return its answer; `change` and
        `image_id` say what it is about. Raises StoreError when that does not end.
        """
        answer: object = MOVED
        for fences in self.attempts(change, image_id, [META]):
            with suppress(Interrupted):
                answer = self.meta(operation, fences, secrets.token_hex(16), *arguments)
                break
        return answer

    def attempts(self, change: str, image_id: ImageId, tags: Iterable[str]) -> Iterator[dict[str, bytes]]:
        """Yield the fences of these tags, as they are now, for each attempt of a change: decimal text.

        Raises StoreError when the forgetting of other images has interrupted it ATTEMPTS times.
        """
        for fences, _ in self.looks(change, image_id, tags, ()):
            yield fences

    def looks(
        self, change: str, image_id: ImageId, tags: Iterable[str], commands: Sequence[Command]
    ) -> Iterator[tuple[dict[str, bytes], list[Any]]]:
        """Do as `attempts`, and yield the answers to these commands, too: they run after the fences are read,
        in the same round trip. Raises StoreError.
        """
        wanted = list(dict.fromkeys(tags))
        fences = [on_shard(tag, "HGET", "head", "fence") for tag in wanted]
        for _ in range(ATTEMPTS):
            answers = self.connection.run([*fences, *commands])
            found = zip(wanted, answers, strict=False)
            yield {tag: b"0" if answer is None else answer for tag, answer in found}, answers[len(wanted) :]
        raise StoreError(
            f"{change} image {image_id} was interrupted {ATTEMPTS} times by the forgetting of others;"
            " try again"
        )

    @staticmethod
    def unmoved(answer: object) -> object:
        """Return the answer of a script. Raises Interrupted when it says that the fence has moved."""
        if answer == MOVED:
            raise Interrupted
        return answer
