"""The calibration that a store's operator chose: one for all processes of all adapters, until another is
chosen or it is taken away.

Here it is text under an id; what it says is calibration.py's affair. Beside it lies how far stored verdicts
and links have been done anew with it, so that a walk through all images that was interrupted goes on where it
was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..records import ImageId, StoredVerdict
from . import verdicts as codec
from .connection import StorePart
from .keys import META, SHARDS, as_text, key, shard
from .scripts import Command

#: Image ids read in one round trip. chosen: 20 KB.
IDS_AT_ONCE = 256


class Standing(StorePart):
    """The part of the store that is about the calibration in use."""

    def calibration_id(self) -> str | None:
        """Of the calibration that was chosen for this store; None where none was."""
        found = self.connection.ask(Command(META, "HGET", key(META, "calibration"), "id"))
        return None if found is None else as_text(found)

    def calibration_text(self) -> str | None:
        """Its file."""
        found = self.connection.ask(Command(META, "HGET", key(META, "calibration"), "file"))
        return None if found is None else as_text(found)

    def keep_calibration(self, calibration_id: str, text: str) -> None:
        """From now on every process judges with this one; id and file change in one step."""
        self.connection.ask(
            Command(META, "HSET", key(META, "calibration"), "id", calibration_id, "file", text)
        )

    def drop_calibration(self) -> None:
        """From now on every process judges with the one that it ships with."""
        self.connection.ask(Command(META, "HDEL", key(META, "calibration"), "id", "file"))

    def progress(self, walk: str) -> str | None:
        """How far a walk came that is not done: text of its own making."""
        found = self.connection.ask(Command(META, "HGET", key(META, "calibration"), f"walk:{walk}"))
        return None if found is None else as_text(found)

    def set_progress(self, walk: str, text: str | None) -> None:
        """None: it is done."""
        field = f"walk:{walk}"
        self.connection.ask(
            Command(META, "HDEL", key(META, "calibration"), field)
            if text is None
            else Command(META, "HSET", key(META, "calibration"), field, text)
        )

    def ids_after(self, image_id: ImageId | None = None) -> Iterator[list[ImageId]]:
        """All image ids behind this one, in their order, some at a time; images added or forgotten meanwhile
        may be missing or there.
        """
        last = image_id or ""
        for tag in SHARDS[SHARDS.index(last[0]) if last else 0 :]:
            while True:
                start = f"({last}" if last.startswith(tag) else "-"
                found = self.connection.ask(
                    Command(tag, "ZRANGEBYLEX", key(tag, "ids"), start, "+", "LIMIT", 0, IDS_AT_ONCE)
                )
                if not found:
                    break
                ids = [as_text(member) for member in found]
                yield ids
                last = ids[-1]

    def kept_verdicts(self, ids: Sequence[ImageId]) -> list[list[StoredVerdict]]:
        """Every verdict on the side of each of these images, those that are a no-match by now too, in the
        order of the other images' ids.
        """
        found = self.connection.run(
            [Command(shard(image_id), "HGETALL", key(shard(image_id), f"ver:{image_id}")) for image_id in ids]
        )
        return [
            [codec.decode(as_text(other), data) for other, data in sorted(verdicts.items())]
            for verdicts in found
        ]
