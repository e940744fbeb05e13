"""Which images were linked, that is searched for and their verdicts stored, which wait for it again, and
whose verdicts are older than their features.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..records import ImageId
from . import values
from .connection import StorePart
from .keys import META, key, on_image, on_meta, shard
from .scripts import MARK_IMAGE


@dataclass(frozen=True, slots=True)
class RenewalState:
    """An image whose features were renewed."""

    #: The image.
    image_id: ImageId
    #: When they were renewed: unix seconds, by the clock of the process that did so.
    at: float
    #: Whether its older verdicts were judged again since then.
    judged: bool
    #: Whether it was linked since then.
    linked: bool


class Links(StorePart):
    """The part of the store that keeps which images were linked."""

    def is_linked(self, image_id: ImageId) -> bool:
        """Return whether the image was linked and does not wait to be linked again."""
        linked, waiting = self.connection.run(
            [
                on_image("HEXISTS", "img", image_id, "linked"),
                on_meta("SISMEMBER", "relink", image_id),
            ]
        )
        return bool(linked) and not waiting

    def mark_linked(self, image_id: ImageId) -> None:
        """Note that the image was linked. An image that was forgotten meanwhile is left alone."""
        self.connection.run(
            [
                MARK_IMAGE(shard(image_id), image_id, "linked", int(time.time())),
                on_meta("SREM", "relink", image_id),
            ]
        )

    def await_link(self, image_id: ImageId) -> None:
        """Note that a linked image is to be linked again."""
        self.connection.ask(on_meta("SADD", "relink", image_id))

    def waiting(self) -> list[ImageId]:
        """Return the images to be linked again, in order: they lost a connection when another image was
        forgotten or a judgement taken back, or were added to a baseline collection.
        """
        return sorted(
            values.image_ids(key(META, "relink"), self.connection.ask(on_meta("SMEMBERS", "relink")))
        )

    def renewals(self, ids: Sequence[ImageId]) -> list[RenewalState]:
        """Return those of these images whose features were ever renewed, in order, in one round trip."""
        answers = self.connection.run(
            [on_image("HMGET", "img", i, "renewed", "rejudged", "linked") for i in ids]
        )
        return [
            RenewalState(
                i,
                values.seconds(f"{key(shard(i), f'img:{i}')}, renewed", renewed),
                rejudged == renewed,
                bool(linked),
            )
            for i, (renewed, rejudged, linked) in zip(ids, answers, strict=True)
            if renewed
        ]

    def mark_renewed(self, image_id: ImageId) -> None:
        """Note that all verdicts about an image are to be judged again, though its features are the same."""
        self.connection.ask(MARK_IMAGE(shard(image_id), image_id, "renewed", repr(time.time())))

    def mark_judged(self, renewal: RenewalState) -> None:
        """Note that the verdicts about an image that are older than this renewal were judged again."""
        self.connection.ask(
            MARK_IMAGE(shard(renewal.image_id), renewal.image_id, "rejudged", repr(renewal.at))
        )
