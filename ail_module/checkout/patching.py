"""Small changes to AIL's own code that make our results visible there, each optional, each with its reason
and what leaving it away costs.

An edit is exact text after a context that must occur exactly once: no line numbers, no fuzz. Every edit
leaves a marker of ours in the file, so that what AIL has by itself one day is told from what was put there
here, and taking an edit back gives the bytes that were there before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from douglas_quaid.errors import ConfigError

from .file_changes import FileChange, Plan, apply
from .working_tree import CORE_CFG, Checkout, Text

#: In every text of ours that stands in a file of AIL.
MARK = "quaid ail"


class PatchState(str, Enum):
    ABSENT = "not applied"
    APPLIED = "applied"
    UPSTREAM = "in AIL already"
    PARTLY = "applied in part"
    #: AIL's text is another than the one this patch was made for, or ours was edited.
    CHANGED = "does not fit"


@dataclass(frozen=True, slots=True)
class Edit:
    """`after` then `old` becomes `after` then `new`; `new` holds the marker and is unlike anything else in
    the file.
    """

    #: The file's path in the checkout.
    name: str
    after: str
    old: str
    new: str
    #: Regular expression: AIL's own text does already what this edit is for.
    has: str

    def state(self, text: Text) -> PatchState:
        if any(line.endswith(self.mark) for line in text.lines.splitlines()):
            return PatchState.APPLIED if text.count(self.new) == 1 else PatchState.CHANGED
        if re.search(self.has, text.lines):
            return PatchState.UPSTREAM
        return PatchState.ABSENT if text.count(self.after + self.old) == 1 else PatchState.CHANGED

    @property
    def mark(self) -> str:
        """The comment of ours that ends a line while the edit is applied."""
        return next(line[line.index(f"{MARK} ") :] for line in self.new.splitlines() if f"{MARK} " in line)

    def applied(self, text: Text) -> Text:
        return (
            text.replaced(self.after + self.old, self.after + self.new)
            if self.state(text) is PatchState.ABSENT
            else text
        )

    def reverted(self, text: Text) -> Text:
        return text.replaced(self.new, self.old) if self.state(text) is PatchState.APPLIED else text


@dataclass(frozen=True, slots=True)
class Patch:
    name: str
    title: str
    reason: str
    #: Of leaving it away.
    cost: str
    #: What of AIL must be started again to see it.
    restart: tuple[str, ...]
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class PatchStatus:
    patch: Patch
    state: PatchState
    #: One sentence; for what does not fit, which text was looked for in which file.
    says: str


_QUEUE = "                            "
_P1 = Edit(
    "bin/crawlers/Crawler.py",
    "screenshot.add_correlation('domain', '', self.domain.id)\n",
    f"{_QUEUE}# self.add_message_to_queue(obj=screenshot, queue='Images') # TODO screenshot OCR\n",
    f"{_QUEUE}self.add_message_to_queue(obj=screenshot, queue='Images')  # {MARK} patch P1\n",
    r"\n +self\.add_message_to_queue\(obj=screenshot, queue='Images'\)",
)
_P2 = (
    Edit(
        "bin/lib/crawlers.py",
        "if capture.get('png'):  # TODO add option to disable screenshot/har save\n"
        "                    screenshot = self.process_screenshot(item, capture['png'])\n",
        "",
        f"                    if screenshot:  # {MARK} patch P2\n                        objs.append(screenshot)\n",
        r"objs\.append\(screenshot\)\n",
    ),
    Edit(
        "bin/modules/Global.py",
        "            self.add_message_to_queue(obj=self.obj, queue='Images', message=message)\n",
        "",
        f"        elif self.obj.type == 'screenshot':  # {MARK} patch P2\n            self.add_message_to_queue(obj=self.obj, queue='Images')\n",
        r"self\.obj\.type == 'screenshot':",
    ),
)


def _row(kind: str, other: str) -> Edit:
    """One more type in one row of CORRELATION_TYPES_BY_OBJ, whatever else the row lists."""
    return Edit(
        "bin/lib/correlations_engine.py",
        f'\n    "{kind}": [',
        "",
        f'"{other}",  # {MARK} patch P3: {kind}-{other}\n        ',
        rf'\n    "{kind}": \[(?:[^\]#]|#[^\n]*\n)*?"{other}"',
    )


_P4 = Edit(
    "bin/lib/objects/ail_objects.py",
    "        src, dest = get_relationship_src_dest('decoded', obj1, obj2)\n",
    "",
    f"    elif set(obj_types) <= {{'image', 'screenshot'}}:  # {MARK} patch P4\n        relationship = 'similar'\n        src, dest = obj1, obj2\n",
    r"relationship = 'similar'",
)


def _comma(name: str) -> Edit:
    first = "'07244254f73e822bd4a95d916d8b27f2246b02c428adc29082d09550c6ed6e1a'"
    return Edit(
        name,
        "self.placeholder_screenshots = {",
        f"{first}   # blank\n",
        f"{first},  # blank; {MARK} patch P5\n",
        rf"{first},",
    )


_ALL = (
    Patch(
        "P1",
        "the crawler queues its screenshots",
        "The line that sends crawled screenshots to the queue Images is commented out in AIL since October 2025.",
        "Crawled screenshots reach us through VisualCorrelationCrawled only, by way of their items and some time later. (With P1, CodeReader gets them too.)",
        ("Crawler",),
        (_P1,),
    ),
    Patch(
        "P2",
        "imported captures queue their screenshots",
        "AIL keeps the screenshot of an imported capture (Lacus, Lookyloo), but puts it on no queue, and Global has no branch for screenshots.",
        "Screenshots of imported captures reach us through VisualCorrelationCrawled only; AIL's tools/reprocess_objects.py -t screenshot reaches no module.",
        ("CrawlerImporter", "Global"),
        _P2,
    ),
    Patch(
        "P3",
        "pages draw correlations between images and screenshots",
        "AIL's pages, counters, graph and deletion know the pairs of types in CORRELATION_TYPES_BY_OBJ only, and image/screenshot is none of them.",
        "Correlations are stored, but no page, graph or export shows them: tags are all that an analyst sees. AIL does not delete them with their object.",
        ("Flask (the pages)", "MISP_Thehive_Auto_Push"),
        (
            _row("image", "image"),
            _row("image", "screenshot"),
            _row("screenshot", "image"),
            _row("screenshot", "screenshot"),
        ),
    ),
    Patch(
        "P4",
        "exports call such pairs similar",
        "AIL labels any pair with a screenshot `screenshot-of` in MISP exports, and pairs of images not at all. It matters where P3 is applied.",
        "With P3, an export to MISP says that one screenshot is a screenshot of the other; pairs of images are exported without a relation.",
        ("Flask (the pages)", "MISP_Thehive_Auto_Push"),
        (_P4,),
    ),
    Patch(
        "P5",
        "blank pages are known again",
        "A comma is missing after the first of AIL's three known placeholder screenshots, so that blank and not-found pages are not recognised.",
        "Blank pages are correlated with domains in AIL. Our own filter of empty pictures keeps them out of the results either way.",
        ("Crawler", "CrawlerImporter"),
        (_comma("bin/crawlers/Crawler.py"), _comma("bin/lib/crawlers.py")),
    ),
)


def patches() -> tuple[Patch, ...]:
    """All that are offered, in the order of their names."""
    return _ALL


def status(home: Path) -> tuple[PatchStatus, ...]:
    """How each patch stands in a checkout. Raises ConfigError when it is none."""
    checkout = Checkout.of(home)
    return tuple(_status(checkout, each) for each in _ALL)


def plan_patch(home: Path, names: Sequence[str], *, revert: bool = False) -> Plan:
    """What applying (or taking back) these patches changes. Raises ConfigError for unknown names, and for
    texts that do not fit.
    """
    checkout = Checkout.of(home)
    chosen = [_named(name) for name in names]
    notes: list[str] = []
    for each in chosen:
        found = _status(checkout, each)
        fits = found.state is not PatchState.CHANGED
        if not fits and not revert:
            raise ConfigError(f"{each.name} ({each.title}) is not applied: {found.says}")
        if found.state is PatchState.UPSTREAM or not fits:
            notes.append(f"{each.name}: {found.says}")
    edits = [edit for each in chosen for edit in each.edits]
    changes = edited(checkout, taken=edits) if revert else edited(checkout, put=edits)
    if changes:
        touched = {change.name for change in changes}
        restart = dict.fromkeys(
            name for each in chosen if touched & {edit.name for edit in each.edits} for name in each.restart
        )
        notes += [f"Restart in AIL: {', '.join(restart)}.", *dirty_tree(changes)]
    return Plan(checkout.home, changes, tuple(notes))


def patch(home: Path, names: Sequence[str], revert: bool = False) -> Plan:
    """Applies patches by name, or takes them back; gives what was changed. Raises ConfigError with the
    checkout as it was.
    """
    plan = plan_patch(home, names, revert=revert)
    apply(plan)
    return plan


def edited(
    checkout: Checkout, *, put: Sequence[Edit] = (), taken: Sequence[Edit] = ()
) -> tuple[FileChange, ...]:
    """The files that change when edits are taken back, in reverse order, and others are put in, one after the
    other.
    """
    names = dict.fromkeys(edit.name for edit in (*put, *taken))
    before = {name: text for name in names if (text := checkout.read(name)) is not None}
    after = dict(before)
    for edit in reversed(taken):
        if edit.name in after:
            after[edit.name] = edit.reverted(after[edit.name])
    for edit in put:
        if edit.name in after:
            after[edit.name] = edit.applied(after[edit.name])
    return tuple(
        FileChange(name, before[name].bytes, after[name].bytes)
        for name in before
        if after[name] != before[name]
    )


def dirty_tree(changes: Sequence[FileChange]) -> tuple[str, ...]:
    """What AIL's updater makes of changed tracked files, and what to do about it."""
    tracked = [
        change.name
        for change in changes
        if change.before is not None and change.after is not None and change.name != CORE_CFG
    ]
    if not tracked:
        return ()
    return (
        f"git tracks {', '.join(tracked)}: AIL's updater stops at modified files outside configs/, and at modules.cfg when the new version changes it too. "
        f"Commit it in the checkout: git add {' '.join(tracked)} && git commit -m 'Visual correlation'; and let the updater's `git pull` put such commits "
        "on top: git config pull.rebase true",
    )


def _named(name: str) -> Patch:
    for each in _ALL:
        if each.name.lower() == name.lower():
            return each
    raise ConfigError(f"{name!r} is no patch; patches are {', '.join(each.name for each in _ALL)}")


def _status(checkout: Checkout, each: Patch) -> PatchStatus:
    states: list[PatchState] = []
    for edit in each.edits:
        text = checkout.read(edit.name)
        state = PatchState.CHANGED if text is None else edit.state(text)
        if state is PatchState.CHANGED:
            what = (
                "there is no such file"
                if text is None
                else f"AIL's text there is not what this patch was made for (looked for {_first_line(edit)!r})"
            )
            return PatchStatus(
                each,
                state,
                f"{edit.name}: {what}; AIL has changed, or somebody edited it. Look at the file by hand",
            )
        states.append(state)
    if all(state is PatchState.UPSTREAM for state in states):
        return PatchStatus(each, PatchState.UPSTREAM, "AIL has this by itself; nothing to do")
    if all(state is PatchState.ABSENT for state in states):
        return PatchStatus(each, PatchState.ABSENT, f"not applied: {each.title}")
    if PatchState.ABSENT not in states:
        return PatchStatus(each, PatchState.APPLIED, f"applied: {each.title}")
    return PatchStatus(each, PatchState.PARTLY, "applied in part; apply it again, or take it back")


def _first_line(edit: Edit) -> str:
    return (edit.old or edit.after).strip().splitlines()[0]
