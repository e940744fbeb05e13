"""The Lua scripts, each a file beside this one: every change that must be whole is one of them.

Sent with plain EVAL, so nothing has to be loaded, and the server keeps the compiled form. A script declares
one key, the prefix of its tag, and touches only keys under it, which the head of its file names.
"""

from importlib import resources

from .keys import Command, prefix

#: Bytes of a row. spec: FORMAT.md.
ROW_BYTES = 72
#: Bytes of a visual word. spec: FORMAT.md.
WORD_BYTES = 11


class Script:
    """A script made of files of this folder, one after the other, without their comments."""

    def __init__(self, *names: str) -> None:
        folder = resources.files(__package__)
        text = "\n".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in names)
        lines = [line.strip() for line in text.splitlines()]
        self._source = f"local ROW, WORD = {ROW_BYTES}, {WORD_BYTES}\n" + "\n".join(
            line for line in lines if line and not line.startswith("--")
        )

    def __call__(self, tag: str, *arguments: bytes | str | int | float) -> Command:
        """Return the command that runs the script on a tag."""
        return Command(tag, "EVAL", self._source, 1, prefix(tag), *arguments)


#: Adds an image, or notes where a known one was seen. Its first argument is the number of rows in a chunk, as
#: that of all scripts that change columns.
PUT_IMAGE = Script("fence", "shard", "link_queue", "replace_features", "put_image")
#: Steps of forgetting an image in its shard.
FORGET_IMAGE = Script("fence", "shard", "link_queue", "forget_image")
#: Rewrites a slice of the columns.
COMPACT = Script("fence", "shard", "compact")
#: Writes or drops verdicts on the sides of images.
VERDICT_SIDES = Script("fence", "verdict_sides")
#: Raises the fence of a tag.
RAISE_FENCE = Script("fence", "raise_fence")
#: Puts features that were extracted again in the place of the old ones.
RENEW_IMAGE = Script("fence", "shard", "replace_features", "renew_image")
#: Notes something about an image, such as that it was linked.
MARK_IMAGE = Script("fence", "link_queue", "mark_image")
#: What processes that link ask the queue.
LINKERS = Script("fence", "link_queue", "linkers")
#: Changes a field of a hash whose fields are counted.
COUNTED_FIELD = Script("fence", "counted_field")
#: Removes a lock.
RELEASE_LOCK = Script("fence", "release_lock")
#: Takes and gives back leases.
LEASE = Script("fence", "lease")
#: Steps of self-check --repair under one tag.
REPAIR = Script("fence", "shard", "repair")
#: Changes under the tag `meta`: intents, judgements and clusters.
META_CHANGE = Script("fence", "clusters", "meta")
