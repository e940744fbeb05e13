"""`quaid ail self-check`: what of an installation is missing or wrong, what that costs, and what to do.

Nothing is started or repaired, and nothing is written but the schema of an empty feature store. AIL's servers
are asked only what AIL's modules noted there.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from douglas_quaid import ConfigError, DouglasQuaidError
from douglas_quaid.store_url import shown

from ..config import CORE_CFG, MODULES, SECTION, Locations, Settings
from ..servers import AilServers, Queue, running
from .check import Check, Grade
from .install import CRAWLED, QUEUES, entry_file, installed, launched, publishers
from .interpreter import Facts, ask, interpreter, interpreter_checks
from .patching import status
from .running_code import running_code
from .working_tree import LAUNCHER, MODULES_CFG, Checkout


def self_check(home: Path, *, python: Path | None = None, store: str | None = None) -> list[Check]:
    """Return a check for each subject, in the order in which to repair what they find.

    `python`: AIL's interpreter, if it is not the one of its virtual environment AILENV. `store`: URL of the
    feature store, if it is not the one of core.cfg. Raises ConfigError if the folder is not an AIL checkout.
    """
    checkout = Checkout.of(home)
    python = python or interpreter(checkout.home)
    facts = _facts(checkout, python)
    known = None if isinstance(facts, str) else facts
    parts: tuple[Callable[[], Iterator[Check]], ...] = (
        lambda: interpreter_checks(checkout, python, facts),
        lambda: _modules(checkout),
        lambda: _launcher(checkout),
        lambda: _store(checkout, store, known),
        lambda: _processes(checkout),
        lambda: running_code(checkout, known.changed if known else None),
        lambda: _patches(checkout),
        lambda: _updater(checkout),
    )
    return [check for part in parts for check in _survived(part)]


def _facts(checkout: Checkout, python: Path | None) -> Facts | str:
    """What AIL's interpreter has, or why that is not known."""
    try:
        return ask(checkout.home, python) if python else "there is no interpreter"
    except ConfigError as error:
        return str(error)


def _survived(part: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks of a part, with an error that ended it as the last one: a broken file hides no other one."""
    try:
        yield from part()
    except DouglasQuaidError as error:
        yield Check("configuration", Grade.FAILURE, str(error), "What depends on it could not be checked.")


def _modules(checkout: Checkout) -> Iterator[Check]:
    for module in MODULES:
        yield _module(checkout, module)
    if CRAWLED in installed(checkout) and _queued_by_ail(checkout):
        yield Check(
            "both ways",
            Grade.WARNING,
            f"P1 and P2 are applied, and {CRAWLED} is installed, too",
            "Each screenshot is processed twice; the second time ends at once.",
            "quaid ail install --no-crawled",
        )


def _module(checkout: Checkout, module: str) -> Check:
    cfg = checkout.parsed(MODULES_CFG)
    if not cfg.has_section(module):
        missing = f"{MODULES_CFG} has no section [{module}]"
        if module != CRAWLED:
            return Check(module, Grade.FAILURE, missing, "AIL sends us nothing.", "quaid ail install")
        if _queued_by_ail(checkout):
            return Check(module, Grade.OK, missing)
        return Check(
            module,
            Grade.WARNING,
            missing,
            "Screenshots that AIL puts on no queue are not seen (P1 and P2 put them on one).",
            "quaid ail install",
        )
    if not (checkout.home / entry_file(module)).is_file():
        return Check(
            module,
            Grade.FAILURE,
            f"there is a section [{module}], but no {entry_file(module)}",
            "The module cannot be started, and its queue grows without end.",
            "quaid ail install",
        )
    if (queue := cfg.get(module, "subscribe", fallback="")) != QUEUES[module]:
        return Check(
            module,
            Grade.FAILURE,
            f"[{module}] subscribes to {queue!r}",
            "It gets objects that it cannot use.",
            f"subscribe = {QUEUES[module]}",
        )
    if "Tags" not in cfg.get(module, "publish", fallback="").split(","):
        return Check(
            module,
            Grade.FAILURE,
            f"[{module}] does not publish to Tags",
            "No tag can be written; the module fails.",
            "publish = Tags",
        )
    return Check(module, Grade.OK, f"entry file and section are there; it subscribes to {queue}")


def _queued_by_ail(checkout: Checkout) -> bool:
    """Whether AIL puts all screenshots on the queue Images."""
    return all(found.in_force for found in status(checkout.home) if found.patch.name in ("P1", "P2"))


def _launcher(checkout: Checkout) -> Iterator[Check]:
    modules = installed(checkout)
    missing = [module for module in modules if module not in launched(checkout)]
    if missing:
        yield Check(
            "launcher",
            Grade.WARNING,
            f"{LAUNCHER} does not start {' and '.join(missing)}",
            "They do not run unless something else starts them; the queue of a module that does not run "
            "grows without end.",
            "quaid ail install --launcher, or the systemd units",
        )
    elif modules:
        yield Check("launcher", Grade.OK, f"{LAUNCHER} starts what is installed")


def _store(checkout: Checkout, given: str | None, facts: Facts | None) -> Iterator[Check]:
    """Yield the checks of our options in core.cfg, and of the store that they name, or the `given` one.

    Raises ConfigError if the options are wrong.
    """
    has_section = checkout.parsed(CORE_CFG).has_section(SECTION)
    if not has_section:
        yield Check(
            "options",
            Grade.WARNING,
            f"{CORE_CFG} has no section [{SECTION}]",
            "Every option has its default.",
            "quaid ail install",
        )
    settings = Settings.read(checkout.home)
    if has_section:
        yield Check("options", Grade.OK, f"the options in {CORE_CFG} are valid")
    config = settings.engine_config(store=given)
    if given is not None and given != (in_modules := settings.engine_config().store):
        yield Check(
            "options",
            Grade.WARNING,
            f"--store says {shown(given)}; AIL's modules use {shown(in_modules)}",
            "What is said about the store is not about the one of the modules.",
            f"Set `store` in {CORE_CFG}, [{SECTION}], or leave out --store",
        )
    elif settings.store is None and given is None and "DOUGLAS_QUAID_STORE" in os.environ:
        yield Check(
            "options",
            Grade.WARNING,
            f"`store` is not set in {CORE_CFG}; DOUGLAS_QUAID_STORE of this shell says {shown(config.store)}",
            "AIL's modules use another store, unless they are started with the same variable.",
            "Set it there",
        )
    if config.store.startswith("embedded:"):
        yield _embedded(checkout, config.store, facts)
        return
    if taken := _section_of(checkout, config.store):
        yield Check(
            "store",
            Grade.FAILURE,
            f"{shown(config.store)} is AIL's own server [{taken}]",
            "Our data and AIL's would be in one place.",
            f"Run a Redis or Valkey of its own, and name it as `store` in {CORE_CFG}, [{SECTION}]",
        )
        return
    from douglas_quaid import open_correlator

    try:
        with open_correlator(config=config, mend=False) as engine:
            yield Check(
                "store", Grade.OK, f"{shown(config.store)} answers, {engine.stats().store.images:,} images"
            )
    except DouglasQuaidError as error:
        yield Check(
            "store",
            Grade.FAILURE,
            str(error),
            "Our modules take nothing off their queues until it is there; nothing is lost.",
            f"Start it, or correct `store` in {CORE_CFG}, [{SECTION}]",
        )


def _processes(checkout: Checkout) -> Iterator[Check]:
    """Yield the checks of AIL's running modules: publishers that do not know of ours yet, and ours.

    Raises ConfigError if AIL's configuration cannot be read.
    """
    modules = installed(checkout)
    if not modules:
        return
    changed = (checkout.home / MODULES_CFG).stat().st_mtime
    with AilServers(Locations.read(checkout.home)) as servers:
        try:
            ours = {module: servers.queue(module) for module in modules}
            starts = {name: _starts(servers.queue(name)) for name in publishers(checkout, modules)}
        except DouglasQuaidError as error:
            yield Check(
                "AIL",
                Grade.WARNING,
                str(error),
                "What runs, and what must be restarted, could not be checked.",
                "Start AIL",
            )
            return
    stale = ", ".join(name for name, started in starts.items() if any(start < changed for start in started))
    if stale:
        yield Check(
            "publishers",
            Grade.FAILURE,
            f"{stale} started before {MODULES_CFG} was changed",
            "They learn of subscribers when they start: until then they send our modules nothing.",
            f"Restart {stale}",
        )
    else:
        yield Check("publishers", Grade.OK, "no publisher runs that is older than modules.cfg")
    for module, queue in ours.items():
        if not _starts(queue):
            yield Check(
                "processes",
                Grade.WARNING,
                f"{module} does not run here; {queue.waiting} messages wait for it",
                "Its queue grows without end while AIL runs.",
                "Start it"
                if module != CRAWLED
                else "Start it, or with P1 and P2 install without it: quaid ail install --no-crawled",
            )


def _starts(queue: Queue) -> list[float]:
    """When the processes of a module that run on this machine started, in seconds since 1970."""
    return [float(queue.starts[pid]) for pid in running(queue.starts)]


def _embedded(checkout: Checkout, url: str, facts: Facts | None) -> Check:
    remedy = f"For more than a trial run a Redis or Valkey, and name it as `store` in {CORE_CFG}, [{SECTION}]"
    if checkout.home.stat().st_uid != os.geteuid():
        return Check(
            "store",
            Grade.FAILURE,
            f"{url} is a store of one user, and the checkout belongs to another user than this one",
            "This user does not see what AIL's modules store there, nor the other way round.",
            f"Run this as AIL's user. {remedy}",
        )
    if facts and facts.embedded_error:
        return Check(
            "store",
            Grade.FAILURE,
            f"AIL's interpreter cannot start the store {url}: {facts.embedded_error}",
            "Our modules take nothing off their queues; nothing is lost.",
            "For a trial run (Python 3.11 or newer): pip install '.[ail,embedded]' in a clone of "
            f"Douglas-Quaid, with AIL's interpreter. {remedy}",
        )
    return Check(
        "store",
        Grade.WARNING,
        f"{url} is a store in this user's folder",
        "Modules that run as another user have another store.",
        remedy,
    )


def _section_of(checkout: Checkout, url: str) -> str | None:
    """The section of core.cfg whose server a URL names. Raises ConfigError if its port is out of range."""
    cfg, here = checkout.parsed(CORE_CFG), {"localhost", "127.0.0.1", "::1"}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", str(parts.port or 6379)
    except ValueError:
        raise ConfigError(
            f"{shown(url)} is not an address of a store; expected for example redis://localhost:6390"
        ) from None
    for section in cfg.sections() if parts.scheme != "unix" else ():
        theirs, at = cfg.get(section, "host", fallback=""), cfg.get(section, "port", fallback="")
        same_host = theirs == host or {theirs, host} <= here
        if section.startswith(("Redis_", "Kvrocks_")) and at == port and same_host:
            return section
    return None


def _patches(checkout: Checkout) -> Iterator[Check]:
    for found in status(checkout.home):
        yield Check(
            f"patch {found.patch.name}",
            Grade.OK if found.in_force else Grade.WARNING,
            found.says,
            "" if found.in_force else found.patch.cost,
            f"quaid ail patch {found.patch.name}" if found.fits else "",
        )


def _updater(checkout: Checkout) -> Iterator[Check]:
    modified = checkout.modified()
    if modified is None:
        yield Check(
            "updater",
            Grade.OK,
            "the checkout is not a git repository, or git is missing; AIL's updater does not work on it",
        )
        return
    blocking = [name for name in modified if not name.startswith("configs/")]
    changed = [*blocking, *(name for name in modified if name == MODULES_CFG)]
    if not changed:
        yield Check("updater", Grade.OK, "nothing is in the way of AIL's updater")
        return
    yield Check(
        "updater",
        Grade.WARNING,
        f"changed and not committed: {', '.join(changed)}",
        "AIL's updater refuses to run."
        if blocking
        else "AIL's updater stops when the new version changes that file too.",
        "Commit it in the checkout, and: git config pull.rebase true",
    )
