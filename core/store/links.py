"""Which images were linked, that is searched for and their verdicts stored, and which wait for it again."""

import time

from ..records import ImageId
from .connection import StorePart
from .keys import as_text, on_image, on_meta, shard
from .scripts import MARK_LINKED


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
                MARK_LINKED(shard(image_id), image_id, int(time.time())),
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
        return sorted(as_text(member) for member in self.connection.ask(on_meta("SMEMBERS", "relink")))
