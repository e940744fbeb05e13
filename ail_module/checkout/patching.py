"""Patches of AIL's own code, which make our results visible there: each is optional and says what it is for.

P1, P2, P4, P5 and P6 are files in `patches/`. P3 adds entries to lists whose other entries differ between
versions of AIL, so it is code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from douglas_quaid import ConfigError

from ..config import CORE_CFG
from .edits import MARK, Edit, Insertion, PatchState, diffs, edited
from .working_tree import Checkout, FileChange, Plan


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch, as it is offered."""

    #: P1 to P6.
    name: str
    #: What it does.
    title: str
    #: Why it is needed, in sentences.
    reason: str
    #: What happens without it, in sentences.
    cost: str
    #: What of AIL must be restarted to see it.
    restart: tuple[str, ...]
    #: What it changes.
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class PatchStatus:
    """How a patch stands in a checkout."""

    #: The patch.
    patch: Patch
    #: Its state.
    state: PatchState
    #: One sentence. If the patch does not fit, it names the text that was looked for, and the file.
    says: str

    @property
    def in_force(self) -> bool:
        """Whether AIL does what the patch is for."""
        return self.state in (PatchState.APPLIED, PatchState.UPSTREAM)

    @property
    def fits(self) -> bool:
        """Whether the patch can be applied, as a whole or the rest of it."""
        return self.state in (PatchState.ABSENT, PatchState.PARTLY)


def _row(kind: str, other: str) -> Insertion:
    """One more type in one row of CORRELATION_TYPES_BY_OBJ, whatever else the row lists."""
    mark, start = f"{MARK} P3: {kind}-{other}", f'\n    "{kind}": ['
    upstream = rf'\n    "{kind}": \[(?:[^\]#]|#[^\n]*\n)*?"{other}"'
    new = f'"{other}",  # {mark}\n        '
    return Insertion("bin/lib/correlations_engine.py", mark, upstream, start.strip(), start, new)


@cache
def patches() -> tuple[Patch, ...]:
    """Return all patches that are offered, in the order of their names."""
    types = ("image", "screenshot")
    return (
        Patch(
            "P1",
            "the crawler queues its screenshots",
            "The line that sends crawled screenshots to the queue Images has been commented out in AIL since "
            "October 2025.",
            "Crawled screenshots are found through their items by VisualCorrelationCrawled only, some time "
            "later. (With P1, CodeReader gets them, too.)",
            ("Crawler",),
            diffs("P1"),
        ),
        Patch(
            "P2",
            "imported captures queue their screenshots",
            "AIL keeps the screenshot of an imported capture (Lacus, Lookyloo) but puts it on no queue, and "
            "its module Global has no branch for screenshots.",
            "Screenshots of imported captures are found by VisualCorrelationCrawled only, and AIL's "
            "tools/reprocess_objects.py -t screenshot reaches no module.",
            ("CrawlerImporter", "Global"),
            diffs("P2"),
        ),
        Patch(
            "P3",
            "pages draw correlations between images and screenshots",
            "AIL's pages, counters, graph and deletion know only the pairs of types in "
            "CORRELATION_TYPES_BY_OBJ, and image/screenshot is not among them.",
            "Correlations are stored, but no page, graph or export shows them: tags are all that an analyst "
            "sees. AIL does not delete them with their object.",
            ("Flask (the pages)", "MISP_Thehive_Auto_Push"),
            tuple(_row(kind, other) for kind in types for other in types),
        ),
        Patch(
            "P4",
            "exports call such pairs similar",
            "AIL labels any pair with a screenshot `screenshot-of` in MISP exports, and does not label pairs "
            "of images. It matters where P3 is applied.",
            "With P3, an export to MISP says that one screenshot is a screenshot of the other; pairs of "
            "images are exported without a relation.",
            ("Flask (the pages)", "MISP_Thehive_Auto_Push"),
            diffs("P4"),
        ),
        Patch(
            "P5",
            "blank pages are known again",
            "A comma is missing behind the first of AIL's three known placeholder screenshots, so blank and "
            "not-found pages are not recognised.",
            "AIL correlates blank pages with domains. Our own filter of blank pictures keeps them out of our "
            "results either way.",
            ("Crawler", "CrawlerImporter"),
            diffs("P5"),
        ),
        Patch(
            "P6",
            "pages of images and screenshots show the module's note",
            "AIL's page of a picture has no place for a text of a module but the description that AIL makes "
            "with a model (Ollama), and whatever stands there keeps AIL from making one.",
            "The note (which pictures it matches, where they were seen, and why) is shown as the "
            "description, and only if ollama_enabled is False in core.cfg; otherwise it is stored and not "
            "shown.",
            ("Flask (the pages)", "VisualCorrelation", "VisualCorrelationCrawled"),
            diffs("P6"),
        ),
    )


def status(home: Path) -> tuple[PatchStatus, ...]:
    """Return how each patch stands in a checkout.

    Raises ConfigError if the folder is not a checkout, or if git is missing.
    """
    checkout = Checkout.of(home)
    return tuple(_status(checkout, each) for each in patches())


def plan_patch(home: Path, names: Sequence[str], *, revert: bool = False) -> Plan:
    """Return what changes if these patches are applied, or taken out with `revert`; the name `all` stands for
    those that fit, or are there.

    Raises ConfigError if a name is unknown, a patch does not fit, or git is missing.
    """
    checkout = Checkout.of(home)
    notes: list[str] = []
    chosen = [_named(name) for name in names if name.lower() != "all"]
    if len(chosen) < len(names):
        chosen = [each.patch for each in status(home) if revert or each.state is not PatchState.CHANGED]
        notes += [
            f"{each.patch.name} ({each.patch.title}) is left out: {each.says}"
            for each in status(home)
            if each.patch not in chosen
        ]
    for each in chosen:
        found = _status(checkout, each)
        if found.state is PatchState.CHANGED and not revert:
            raise ConfigError(f"{each.name} ({each.title}) is not applied: {found.says}")
        if found.state in (PatchState.UPSTREAM, PatchState.CHANGED):
            notes.append(f"{each.name}: {found.says}")
    edits = [edit for each in chosen for edit in each.edits]
    changes = edited(checkout, taken=edits) if revert else edited(checkout, put=edits)
    if changes:
        touched = {change.name for change in changes}
        restart = dict.fromkeys(
            name for each in chosen if touched & {edit.name for edit in each.edits} for name in each.restart
        )
        notes += [f"Restart in AIL: {', '.join(restart)}.", *commit_note(changes)]
    return Plan(checkout.home, changes, tuple(notes))


def commit_note(changes: Sequence[FileChange]) -> tuple[str, ...]:
    """Return a note about changed files that git tracks, for AIL's updater refuses to work over them."""
    tracked = [
        change.name
        for change in changes
        if change.before is not None and change.after is not None and change.name != CORE_CFG
    ]
    if not tracked:
        return ()
    return (
        f"git tracks {', '.join(tracked)}. AIL's updater stops at modified files outside configs/, and at "
        "modules.cfg if the new version changes it, too. Commit the change in the checkout: "
        f"git add {' '.join(tracked)} && git commit -m 'Visual correlation'; and let the updater's `git "
        "pull` put such commits on top: git config pull.rebase true",
    )


def _named(name: str) -> Patch:
    for each in patches():
        if each.name.lower() == name.lower():
            return each
    raise ConfigError(
        f"{name!r} is not a patch; patches are {', '.join(each.name for each in patches())}, and all"
    )


def _status(checkout: Checkout, each: Patch) -> PatchStatus:
    states = set()
    for edit in each.edits:
        text = checkout.read(edit.name)
        state = PatchState.CHANGED if text is None else edit.state(text)
        if state is PatchState.CHANGED:
            differs = f"AIL's text differs (looked for {edit.sought!r})"
            found = "there is no such file" if text is None else differs
            says = f"{edit.name}: {found}; AIL has changed, or somebody edited it. Look at the file by hand"
            return PatchStatus(each, state, says)
        states.add(state)
    if len(states) == 1:
        (state,) = states
    else:
        state = PatchState.PARTLY if PatchState.ABSENT in states else PatchState.APPLIED
    about = {
        PatchState.UPSTREAM: "AIL has this by itself; nothing to do",
        PatchState.PARTLY: "applied in part; apply it again, or take it out",
    }
    return PatchStatus(each, state, about.get(state, f"{state.value}: {each.title}"))
