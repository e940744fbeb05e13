"""The queue of images that were added and are to be linked later: a stream in each shard, which any number of
processes on any number of machines read as one consumer group.

An image enters it in the step that adds it, and leaves it in the step that notes that it was linked, or when
it is forgotten. So a process may be killed at any moment: what it had in work is given to another one, at
once where the process is known to have ended, else after `IDLE_SECONDS`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..batches import grouped, in_groups
from ..records import ImageId
from . import values
from .connection import StorePart
from .keys import SHARDS, as_text, key, on_image, on_shard, shard
from .owners import has_ended
from .scripts import LINKERS

#: Seconds after which an image that another machine's process had in work is given to somebody else. chosen:
#: far above the slowest link, and doing one twice changes nothing.
IDLE_SECONDS = 300
#: Seconds after which a consumer of another machine that has nothing in work is removed. chosen.
GONE_SECONDS = 86_400
#: Images looked at in one round trip. chosen.
AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Waiting:
    """An image that was given to a process to be linked."""

    #: The image.
    image_id: ImageId
    #: How often it was given to a process, this time included.
    tries: int


class LinkQueue(StorePart):
    """The part of the store that keeps which images are to be linked later."""

    def __len__(self) -> int:
        """Return the number of images in the queue, those in work included."""
        return sum(self.connection.run([on_shard(tag, "XLEN", "unlinked") for tag in SHARDS]))

    def add(self, ids: Sequence[ImageId]) -> int:
        """Queue those of these images that were not linked, are in no queue and were not forgotten; return
        how many.
        """
        unlinked = [
            i
            for i, (there, linked) in zip(
                ids,
                self.connection.run([on_image("HMGET", "img", i, "first", "linked") for i in ids]),
                strict=True,
            )
            if there and not linked
        ]
        return sum(
            self.connection.ask(LINKERS(tag, "add", *some))
            for tag, all_of_tag in grouped(unlinked, shard).items()
            for some in in_groups(all_of_tag, AT_ONCE)
        )

    def claim(self, consumer: str, count: int) -> list[Waiting]:
        """Return images that this consumer is to link, at most `count` of each shard; empty if there are none
        that nobody has in work. `consumer`: a name from `new_owner`.
        """
        commands = []
        for tag, others in zip(SHARDS, self._consumers(), strict=True):
            gone = [name for name, idle in others if name != consumer and _is_gone(name, idle)]
            commands.append(LINKERS(tag, "claim", consumer, count, 1000 * IDLE_SECONDS, *gone))
        return [
            Waiting(values.image_id(key(tag, "unlinked"), image_id), tries)
            for tag, found in zip(SHARDS, self.connection.run(commands), strict=True)
            for image_id, tries in found
        ]

    def give_up(self, image_id: ImageId) -> None:
        """Take an image out of the queue that cannot be linked now. `add` queues it again."""
        self.connection.ask(LINKERS(shard(image_id), "give up", image_id))

    def leave(self, consumer: str) -> None:
        """Remove a consumer that will not ask again; what it has in work stays, and is given to others."""
        self.connection.run([LINKERS(tag, "leave", consumer) for tag in SHARDS])

    def _consumers(self) -> Iterator[list[tuple[str, float]]]:
        """Names of the consumers of each shard, and the seconds since they asked; with work that waits for
        ended ones, 0.
        """
        for found in self.connection.run([LINKERS(tag, "consumers") for tag in SHARDS]):
            yield [(as_text(name), 0.0 if pending else idle / 1000) for name, pending, idle in found]


def _is_gone(name: str, idle: float) -> bool:
    return has_ended(name) or idle > GONE_SECONDS
