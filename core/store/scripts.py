"""The Lua scripts, each a file beside this one: every change that must be whole is one of them.

Sent with plain EVAL, so nothing has to be loaded, and the server keeps the compiled form. A script declares
one key, the prefix of its tag, and touches only keys under it. Sizes that Python and Lua share are put in
front of the text here.
"""

from __future__ import annotations

from importlib import resources

from .commands import Command
from .keys import prefix

#: spec: FORMAT.md.
ROW_BYTES = 72
#: Rows in one string. chosen: 128 keep a chunk of words (8 KB an image) near 1 MB, for stores that rewrite
#: it.
CHUNK_ROWS = 128
#: spec: FORMAT.md.
WORD_BYTES = 16
#: Verdicts kept on one image's side; the lowest ranked go first. chosen: more than anybody reads.
VERDICT_CAP = 1000

_SIZES = f"local ROW, CHUNK, WORD, CAP = {ROW_BYTES}, {CHUNK_ROWS}, {WORD_BYTES}, {VERDICT_CAP}\n"


class Script:
    """A script by file name, sent without its comments. Calling it with a tag and arguments gives the command
    that runs it there.
    """

    def __init__(self, name: str, *, after: str | None = None) -> None:
        folder = resources.files(__package__)
        lines = [
            line.strip()
            for part in (after, name)
            if part
            for line in (folder / f"{part}.lua").read_text(encoding="utf-8").splitlines()
        ]
        self._source = _SIZES + "\n".join(line for line in lines if line and not line.startswith("--"))

    def __call__(self, tag: str, *arguments: bytes | str | int | float) -> Command:
        return Command(tag, "EVAL", self._source, 1, prefix(tag), *arguments)


PUT = Script("put", after="shard")
FORGET_IMAGE = Script("forget_image", after="shard")
SIDES = Script("sides", after="shard")
COMPACT = Script("compact", after="shard")
BUMP = Script("bump")
MARK = Script("mark")
RELEASE_LOCK = Script("release_lock")
META_STEP = Script("meta", after="clusters")
