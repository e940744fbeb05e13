"""Redis commands that know which server they go to."""

from __future__ import annotations

from ..records import ImageId
from .keys import META, key, shard


class Command(tuple[object, ...]):
    """One Redis command with its arguments."""

    #: The tag its keys lie under, which says on which server they are.
    tag: str

    def __new__(cls, tag: str, *parts: object) -> Command:
        command = super().__new__(cls, parts)
        command.tag = tag
        return command


def on_meta(verb: str, name: str, *arguments: object) -> Command:
    """Return a command on a key of the tag `meta`."""
    return Command(META, verb, key(META, name), *arguments)


def on_shard(tag: str, verb: str, name: str, *arguments: object) -> Command:
    """Return a command on a key of a shard."""
    return Command(tag, verb, key(tag, name), *arguments)


def on_image(verb: str, kind: str, image_id: ImageId, *arguments: object) -> Command:
    """Return a command on the key of this kind, such as `img`, that an image has in its shard."""
    return on_shard(shard(image_id), verb, f"{kind}:{image_id}", *arguments)
