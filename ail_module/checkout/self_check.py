"""`quaid ail self-check`: what of an installation is missing or wrong, what that costs, and what to do.

Nothing is started or repaired, and nothing is written but the schema of an empty feature store. AIL's servers
are asked only what AIL's modules noted there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from douglas_quaid.errors import DouglasQuaidError

from ..config import MODULES
from .check import Check, failure, ok, warning
from .edits import PatchState
from .install import CRAWLED, QUEUES, entry_file, installed, launched
from .interpreter_checks import interpreter_checks
from .patching import status
from .server_checks import process_checks, store_checks
from .working_tree import LAUNCHER, MODULES_CFG, Checkout


def self_check(home: Path, *, python: Path | None = None) -> list[Check]:
    """Return a check for each subject, in the order in which to repair what they find.

    `python`: AIL's interpreter, if it is not the one of its virtual environment AILENV. Raises ConfigError if
    the folder is not an AIL checkout.
    """
    checkout = Checkout.of(home)
    parts: tuple[Callable[[], Iterator[Check]], ...] = (
        lambda: interpreter_checks(checkout, python),
        lambda: _modules(checkout),
        lambda: _launcher(checkout),
        lambda: store_checks(checkout),
        lambda: process_checks(checkout),
        lambda: _patches(checkout),
        lambda: _updater(checkout),
    )
    return [check for part in parts for check in _survived(part)]


def _survived(part: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks of a part, with an error that ended it as the last one: a broken file hides no other one."""
    try:
        yield from part()
    except DouglasQuaidError as error:
        yield failure("configuration", str(error), "What depends on it could not be checked.")


def _modules(checkout: Checkout) -> Iterator[Check]:
    for module in MODULES:
        yield _module(checkout, module)
    if CRAWLED in installed(checkout) and _queued_by_ail(checkout):
        yield warning(
            "both ways",
            f"P1 and P2 are applied, and {CRAWLED} is installed, too",
            "Each screenshot is processed twice; the second time ends at once.",
            "quaid ail install --no-crawled",
        )


def _module(checkout: Checkout, module: str) -> Check:
    cfg = checkout.parsed(MODULES_CFG)
    if not cfg.has_section(module):
        says = f"{MODULES_CFG} has no section [{module}]"
        if module != CRAWLED:
            return failure(module, says, "AIL sends us nothing.", "quaid ail install")
        if _queued_by_ail(checkout):
            return ok(module, says)
        cost = "Screenshots that AIL puts on no queue are not seen (P1 and P2 put them on one)."
        return warning(module, says, cost, "quaid ail install")
    if not (checkout.home / entry_file(module)).is_file():
        says = f"there is a section [{module}], but no {entry_file(module)}"
        cost = "The module cannot be started, and its queue grows without end."
        return failure(module, says, cost, "quaid ail install")
    if (queue := cfg.get(module, "subscribe", fallback="")) != QUEUES[module]:
        says = f"[{module}] subscribes to {queue!r}"
        return failure(module, says, "It gets objects that it cannot use.", f"subscribe = {QUEUES[module]}")
    if "Tags" not in cfg.get(module, "publish", fallback="").split(","):
        says = f"[{module}] does not publish to Tags"
        return failure(module, says, "No tag can be written; the module fails.", "publish = Tags")
    return ok(module, f"entry file and section are there; it subscribes to {queue}")


def _queued_by_ail(checkout: Checkout) -> bool:
    """Whether AIL puts all screenshots on the queue Images."""
    return all(found.in_force for found in status(checkout.home) if found.patch.name in ("P1", "P2"))


def _launcher(checkout: Checkout) -> Iterator[Check]:
    modules = installed(checkout)
    missing = [module for module in modules if module not in launched(checkout)]
    if missing:
        yield warning(
            "launcher",
            f"{LAUNCHER} does not start {' and '.join(missing)}",
            "They do not run unless something else starts them; the queue of a module that does not run "
            "grows without end.",
            "quaid ail install --launcher, or the systemd units",
        )
    elif modules:
        yield ok("launcher", f"{LAUNCHER} starts what is installed")


def _patches(checkout: Checkout) -> Iterator[Check]:
    for found in status(checkout.home):
        subject, name = f"patch {found.patch.name}", found.patch.name
        if found.in_force:
            yield ok(subject, found.says)
        else:
            remedy = "" if found.state is PatchState.CHANGED else f"quaid ail patch {name}"
            yield warning(subject, found.says, found.patch.cost, remedy)


def _updater(checkout: Checkout) -> Iterator[Check]:
    modified = checkout.modified()
    if modified is None:
        says = "the checkout is not a git repository, or git is missing; AIL's updater does not work on it"
        yield ok("updater", says)
        return
    blocking = [name for name in modified if not name.startswith("configs/")]
    changed = [*blocking, *(name for name in modified if name == MODULES_CFG)]
    if not changed:
        yield ok("updater", "nothing is in the way of AIL's updater")
        return
    yield warning(
        "updater",
        f"changed and not committed: {', '.join(changed)}",
        "AIL's updater refuses to run."
        if blocking
        else "AIL's updater stops when the new version changes that file too.",
        "Commit it in the checkout, and: git config pull.rebase true",
    )
