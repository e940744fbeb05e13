"""Single changes of AIL's own files, each of which can be undone to the byte.

Every edit leaves a mark of ours at the end of a line. The mark tells what was put there here from what AIL
has by itself one day.
"""

import os
import re
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from douglas_quaid import ConfigError

from .working_tree import Checkout, FileChange, Text

#: Start of every mark.
MARK = "quaid ail"


class PatchState(str, Enum):
    """How an edit, or a patch, stands in a checkout."""

    #: It is not there, and fits.
    ABSENT = "not applied"
    #: It is there.
    APPLIED = "applied"
    #: AIL's own code does what it is for.
    UPSTREAM = "in AIL already"
    #: Some edits of a patch are there.
    PARTLY = "applied in part"
    #: AIL's text is not the one it was made for, or somebody edited ours.
    CHANGED = "does not fit"


@dataclass(frozen=True, slots=True)
class Edit(ABC):
    """One change of one file."""

    #: Path of the file in the checkout.
    name: str
    #: The comment of ours that ends a line while the edit is applied.
    mark: str
    #: Regular expression of what AIL's text has if it does by itself what the edit is for.
    upstream: str
    #: The line of AIL's text where the edit belongs, for messages.
    sought: str

    @abstractmethod
    def applied(self, text: Text) -> Text | None:
        """Return a text with this edit; None if it does not fit."""

    @abstractmethod
    def reverted(self, text: Text) -> Text | None:
        """Return a text without this edit; None if it is not there as it was made."""

    def state(self, text: Text) -> PatchState:
        """Return how this edit stands in a text."""
        if self._is_marked(text):
            return PatchState.CHANGED if self.reverted(text) is None else PatchState.APPLIED
        if re.search(self.upstream, text.lines):
            return PatchState.UPSTREAM
        return PatchState.CHANGED if self.applied(text) is None else PatchState.ABSENT

    def put(self, text: Text) -> Text:
        """Return a text with this edit, or the same text if it is there, needless or does not fit."""
        needless = self._is_marked(text) or re.search(self.upstream, text.lines)
        return text if needless else self.applied(text) or text

    def taken(self, text: Text) -> Text:
        """Return a text without this edit, or the same text if it is not there as it was made."""
        return (self.reverted(text) if self._is_marked(text) else None) or text

    def _is_marked(self, text: Text) -> bool:
        return any(line.endswith(self.mark) for line in text.lines.splitlines())


@dataclass(frozen=True, slots=True)
class Insertion(Edit):
    """A text of ours behind a text that occurs exactly once in the file."""

    #: AIL's text.
    after: str
    #: Ours, with the mark.
    new: str

    def applied(self, text: Text) -> Text | None:
        """Return a text with the insertion; None if its place is not there exactly once."""
        return text.replaced(self.after, self.after + self.new) if text.count(self.after) == 1 else None

    def reverted(self, text: Text) -> Text | None:
        """Return a text without the insertion; None if it is not there exactly once."""
        return text.replaced(self.new, "") if text.count(self.new) == 1 else None


@dataclass(frozen=True, slots=True)
class Diff(Edit):
    """The part of a .patch file that changes one file, applied by `git apply`."""

    #: In the form of `diff -U0` or with more context.
    diff: bytes

    def applied(self, text: Text) -> Text | None:
        """Return a text with the diff applied; None if git refuses it. Raises ConfigError without git."""
        return self._by_git(text)

    def reverted(self, text: Text) -> Text | None:
        """Return a text with the diff taken out; None if git refuses it. Raises ConfigError without git."""
        return self._by_git(text, "--reverse", "-C0")

    def _by_git(self, text: Text, *options: str) -> Text | None:
        if text.own(text.lines) != text.raw:  # line endings of both kinds
            return None
        with TemporaryDirectory() as folder:  # a copy: nothing is written to AIL before it was shown
            path = Path(folder, self.name)
            path.parent.mkdir(parents=True)
            path.write_bytes(Text(text.lines).bytes)
            alone = {
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CEILING_DIRECTORIES": str(Path(folder).parent),
            }
            try:
                done = subprocess.run(
                    ["git", "apply", "-p0", "--unidiff-zero", "--whitespace=nowarn", *options],
                    cwd=folder,
                    env={**os.environ, **alone},
                    input=self.diff,
                    capture_output=True,
                )
            except FileNotFoundError:
                raise ConfigError(
                    "patches of AIL's code need the command `git`, which is not installed; install git"
                ) from None
            return Text(text.own(Text.of(path.read_bytes()).raw)) if done.returncode == 0 else None


def diffs(patch: str) -> tuple[Diff, ...]:
    """Return the edits of `patches/<patch>.patch`, one for each file that it changes."""
    mark = f"{MARK} {patch}"
    text = files(__package__).joinpath("patches", f"{patch}.patch").read_text("utf-8")
    found = []
    for part in re.split(r"(?m)^(?=--- )", text)[1:]:
        name, sought = re.findall(r"(?m)^(?:--- |[- ](?!-) *)(.*)", part)[:2]
        (marked,) = re.findall(rf"(?m)^\+ *(.*?) +#.*{mark}$", part)
        found.append(Diff(name, mark, rf"(?m)^ *{re.escape(marked)}", sought, part.encode()))
    return tuple(found)


def edited(
    checkout: Checkout, *, put: Sequence[Edit] = (), taken: Sequence[Edit] = ()
) -> tuple[FileChange, ...]:
    """Return the files that change if some edits are taken out, last one first, and others are put in then.

    Raises ConfigError if a file cannot be read.
    """
    names = dict.fromkeys(edit.name for edit in (*put, *taken))
    before = {name: text for name in names if (text := checkout.read(name)) is not None}
    after = dict(before)
    steps = [(edit.name, edit.taken) for edit in reversed(taken)] + [(edit.name, edit.put) for edit in put]
    for name, step in steps:
        if name in after:
            after[name] = step(after[name])
    return tuple(
        FileChange(name, text.bytes, after[name].bytes)
        for name, text in before.items()
        if after[name] != text
    )
