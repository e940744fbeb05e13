"""`quaid ail self-check`: what of an installation is missing or wrong, what that costs, and what to do about
it.

Takes the folder that AIL_HOME names, gives one `Check` per subject, good ones too. Nothing is started or
repaired, and nothing is written but the schema of a feature store that is empty. AIL's servers are asked only
what its modules noted there.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from douglas_quaid.config import shown
from douglas_quaid.errors import ConfigError, DouglasQuaidError

from ..config import MODULES, SECTION, Places, Settings
from ..servers import AilServers
from .install import CRAWLED, QUEUES, entry_file, installed, launched, publishers
from .interpreter import Facts, ask, interpreter
from .patching import PatchState, status
from .working_tree import CORE_CFG, LAUNCHER, MODULES_CFG, Checkout

#: Oldest and newest redis-py for both. spec: ours from 5, requirements.txt of AIL to 7.4.1.
REDIS = ((5,), (7, 4, 1))


class Grade(str, Enum):
    OK = "ok"
    #: Works, with the cost that is told.
    WARNING = "warning"
    #: Does not work as long as it stays.
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    subject: str
    grade: Grade
    says: str
    cost: str = ""
    remedy: str = ""


def self_check(home: Path, *, python: Path | None = None) -> list[Check]:
    """All checks, in the order in which to repair what they find.

    python: AIL's interpreter; otherwise the one of its virtual environment AILENV. Raises ConfigError only
    when the folder is no AIL checkout.
    """
    checkout = Checkout.of(home)
    parts: tuple[Callable[[], Iterator[Check]], ...] = (
        lambda: _python(checkout, python),
        lambda: _modules(checkout),
        lambda: _starts(checkout),
        lambda: _store(checkout),
        lambda: _running(checkout),
        lambda: _patches(checkout),
        lambda: _updater(checkout),
    )
    return [check for part in parts for check in _survived(part)]


def _survived(part: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """The checks of a part, and as the last one an error that ended it: one broken file does not hide what
    others say.
    """
    try:
        yield from part()
    except DouglasQuaidError as error:
        yield Check("configuration", Grade.FAILURE, str(error), "What depends on it could not be checked.")


def _python(checkout: Checkout, given: Path | None) -> Iterator[Check]:
    python = given or interpreter(checkout.home)
    if python is None:
        remedy = "Install AIL (installing_deps.sh), or say which interpreter runs its modules"
        yield Check(
            "interpreter",
            Grade.FAILURE,
            f"{checkout.home} has no AILENV/bin/python",
            "AIL's modules cannot be started, ours neither.",
            remedy,
        )
        return
    try:
        facts = ask(checkout.home, python)
    except ConfigError as error:
        yield Check(
            "interpreter",
            Grade.FAILURE,
            str(error),
            "AIL's modules cannot be started, ours neither.",
            "Repair AIL's virtual environment AILENV",
        )
        return
    pip = f"{python} -m pip install"
    broken = dict(facts.broken)
    if broken:
        says = "; ".join(f"{name}: {error}" for name, error in broken.items())
        remedy = f"{pip} '.[ail]', in a clone of Douglas-Quaid"
        yield Check(
            "package",
            Grade.FAILURE,
            f"AIL's interpreter cannot import {says}",
            "Our modules do not start.",
            remedy,
        )
    else:
        yield Check(
            "package", Grade.OK, f"douglas-quaid {facts.release('douglas-quaid')} can be imported by {python}"
        )
    yield _hashing(facts, pip)
    yield _redis(facts.release("redis"), pip)
    if facts.strangers or facts.root_on_path:
        says = (
            "; ".join(f"`{name}` is {place}" for name, place in facts.strangers)
            or f"{checkout.home} itself is on sys.path"
        )
        remedy = "Uninstall the package that brings that name, and take the folder out of PYTHONPATH and *.pth files"
        yield Check(
            "AIL's packages",
            Grade.FAILURE,
            says,
            "Modules of AIL import the wrong code, or fail when they start.",
            remedy,
        )
    else:
        yield Check(
            "AIL's packages",
            Grade.OK,
            "no other package takes the names of AIL's own (lib, modules, core, importer)",
        )


def _hashing(facts: Facts, pip: str) -> Check:
    release = facts.release("xxhash")
    if facts.xxhash_error:
        says = f"xxhash {release or 'is missing'}: {facts.xxhash_error}"
        return Check(
            "xxhash",
            Grade.FAILURE,
            says,
            "AIL cannot queue anything: every module fails at its first message.",
            f"{pip} 'xxhash<4'",
        )
    return Check("xxhash", Grade.OK, f"xxhash {release} hashes text, as AIL's queues need it")


def _redis(release: str | None, pip: str) -> Check:
    numbers = tuple(int(part) for part in re.findall(r"\d+", release or ""))[:3]
    if REDIS[0] <= numbers <= REDIS[1]:
        return Check("redis", Grade.OK, f"redis {release} is one that both AIL and Douglas-Quaid work with")
    grade = Grade.FAILURE if numbers < REDIS[0] else Grade.WARNING
    return Check(
        "redis",
        grade,
        f"redis {release or 'is missing'}; AIL and Douglas-Quaid share 5 to 7.4.1",
        "Untested with AIL.",
        f"{pip} 'redis>=5,<=7.4.1'",
    )


def _modules(checkout: Checkout) -> Iterator[Check]:
    sections, cfg = installed(checkout), checkout.parsed(MODULES_CFG)
    for module in MODULES:
        entry = (checkout.home / entry_file(module)).is_file()
        if module not in sections:
            fallback = module == CRAWLED
            cost = (
                "Screenshots that AIL puts on no queue are not seen (P1 and P2 put them on one)."
                if fallback
                else "AIL sends us nothing."
            )
            grade = (
                Grade.OK
                if fallback and _queued_by_ail(checkout)
                else Grade.WARNING
                if fallback
                else Grade.FAILURE
            )
            yield Check(
                module,
                grade,
                f"{MODULES_CFG} has no section [{module}]",
                "" if grade is Grade.OK else cost,
                "quaid ail install",
            )
        elif not entry:
            cost = "The module cannot be started, and its queue grows without end."
            yield Check(
                module,
                Grade.FAILURE,
                f"there is a section [{module}], but no {entry_file(module)}",
                cost,
                "quaid ail install",
            )
        elif (there := cfg.get(module, "subscribe", fallback="")) != QUEUES[module]:
            yield Check(
                module,
                Grade.FAILURE,
                f"[{module}] subscribes to {there!r}",
                "It gets other objects than it can use.",
                f"subscribe = {QUEUES[module]}",
            )
        elif "Tags" not in cfg.get(module, "publish", fallback="").split(","):
            yield Check(
                module,
                Grade.FAILURE,
                f"[{module}] does not publish to Tags",
                "No tag can be written; the module fails.",
                "publish = Tags",
            )
        else:
            yield Check(module, Grade.OK, f"entry file and section are there; it subscribes to {there}")
    if CRAWLED in sections and _queued_by_ail(checkout):
        says = f"P1 and P2 are applied, and {CRAWLED} is installed too"
        yield Check(
            "both ways",
            Grade.WARNING,
            says,
            "Each screenshot is looked at twice; the second time ends at once.",
            "quaid ail install without it",
        )


def _queued_by_ail(checkout: Checkout) -> bool:
    return all(
        found.state in (PatchState.APPLIED, PatchState.UPSTREAM)
        for found in status(checkout.home)
        if found.patch.name in ("P1", "P2")
    )


def _starts(checkout: Checkout) -> Iterator[Check]:
    missing = [module for module in installed(checkout) if module not in launched(checkout)]
    if missing:
        cost = "They do not run unless something else starts them; the queue of a module that does not run grows without end."
        remedy = "quaid ail install with the launcher's windows, or the systemd units"
        yield Check(
            "launcher", Grade.WARNING, f"{LAUNCHER} does not start {' and '.join(missing)}", cost, remedy
        )
    elif installed(checkout):
        yield Check("launcher", Grade.OK, f"{LAUNCHER} starts what is installed")


def _store(checkout: Checkout) -> Iterator[Check]:
    cfg = checkout.parsed(CORE_CFG)
    if not cfg.has_section(SECTION):
        yield Check(
            "options",
            Grade.WARNING,
            f"{CORE_CFG} has no section [{SECTION}]",
            "Every option has its default.",
            "quaid ail install",
        )
    settings = Settings.read(checkout.home)
    if cfg.has_section(SECTION):
        yield Check("options", Grade.OK, f"the options in {CORE_CFG} are sound")
    config = settings.engine_config()
    if settings.store is None and "DOUGLAS_QUAID_STORE" in os.environ:
        says = (
            f"`store` is not set in {CORE_CFG}; DOUGLAS_QUAID_STORE of this shell says {shown(config.store)}"
        )
        yield Check(
            "options",
            Grade.WARNING,
            says,
            "AIL's modules use another store, unless they are started with the same variable.",
            "Set it there",
        )
    if config.store.startswith("embedded:"):
        yield _embedded(checkout, config.store)
        return
    taken = _ails_own(checkout, config.store)
    if taken:
        remedy = f"Run a Redis or Valkey of its own, and name it as `store` in {CORE_CFG}, [{SECTION}]"
        yield Check(
            "store",
            Grade.FAILURE,
            f"{shown(config.store)} is AIL's own server [{taken}]",
            "Our data and AIL's would be in one place.",
            remedy,
        )
        return
    from douglas_quaid.engine import Engine

    try:
        with Engine.open(config=config, mend=False) as engine:
            images = engine.stats().store.images
    except DouglasQuaidError as error:
        cost = "Our modules take nothing off their queues until it is there; nothing is lost."
        yield Check(
            "store",
            Grade.FAILURE,
            str(error),
            cost,
            f"Start it, or correct `store` in {CORE_CFG}, [{SECTION}]",
        )
    else:
        yield Check("store", Grade.OK, f"{shown(config.store)} answers, {images:,} images")


def _embedded(checkout: Checkout, url: str) -> Check:
    owner = checkout.home.stat().st_uid
    remedy = f"For more than a trial run a Redis or Valkey, and name it as `store` in {CORE_CFG}, [{SECTION}]"
    if owner != os.geteuid():
        cost = "What AIL's modules store there this user does not see, and the other way round."
        says = f"{url} is a store of one user; this user is not the one whom the checkout belongs to"
        return Check("store", Grade.FAILURE, says, cost, f"Run this as AIL's user. {remedy}")
    return Check(
        "store",
        Grade.WARNING,
        f"{url} is a store in this user's folder",
        "Modules that run as another user have another store.",
        remedy,
    )


def _ails_own(checkout: Checkout, url: str) -> str | None:
    """The section of core.cfg whose server the URL names."""
    cfg, here = checkout.parsed(CORE_CFG), {"localhost", "127.0.0.1", "::1"}
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "localhost", parts.port or 6379
    except ValueError:
        raise ConfigError(
            f"{shown(url)} is no address of a store; expected such as redis://localhost:6390"
        ) from None
    if parts.scheme == "unix":
        return None
    for section in cfg.sections():
        theirs, at = cfg.get(section, "host", fallback=""), cfg.get(section, "port", fallback="")
        if (
            section.startswith(("Redis_", "Kvrocks_"))
            and at == str(port)
            and (theirs == host or {theirs, host} <= here)
        ):
            return section
    return None


def _running(checkout: Checkout) -> Iterator[Check]:
    modules = installed(checkout)
    if not modules:
        return
    since = (checkout.home / MODULES_CFG).stat().st_mtime
    with AilServers(Places.read(checkout.home)) as servers:
        try:
            ours = {module: servers.queue(module) for module in modules}
            theirs = {
                name: _alive(name, servers.queue(name).heartbeats) for name in publishers(checkout, modules)
            }
        except DouglasQuaidError as error:
            yield Check(
                "AIL",
                Grade.WARNING,
                str(error),
                "What runs, and what must be started again, could not be checked.",
                "Start AIL",
            )
            return
    stale = [name for name, started in theirs.items() if any(start < since for start in started)]
    if stale:
        cost = "They learn of subscribers when they start: until then they send our modules nothing."
        yield Check(
            "publishers",
            Grade.FAILURE,
            f"{', '.join(stale)} started before {MODULES_CFG} was changed",
            cost,
            f"Restart {', '.join(stale)}",
        )
    else:
        yield Check("publishers", Grade.OK, "no publisher runs that is older than modules.cfg")
    for module, queue in ours.items():
        if not _alive(module, queue.heartbeats):
            says = f"{module} does not run here; {queue.waiting} messages wait for it"
            yield Check(
                "processes", Grade.WARNING, says, "Its queue grows without end while AIL runs.", "Start it"
            )


def _alive(module: str, heartbeats: dict[int, int]) -> list[float]:
    """When those of its processes that run on this machine were started, seconds since 1970. AIL lists the
    dead too.
    """
    started = []
    for pid in heartbeats:
        process = Path(f"/proc/{pid}")
        try:
            if f"{module}.py".encode() in (process / "cmdline").read_bytes():
                ticks = int(
                    (process / "stat").read_text().rpartition(")")[2].split()[19]
                )  # spec: proc(5), field 22, since the machine started
                up = float(Path("/proc/uptime").read_text().split()[0])
                started.append(time.time() - up + ticks / os.sysconf("SC_CLK_TCK"))
        except OSError:  # ended, or on another machine
            continue
    return started


def _patches(checkout: Checkout) -> Iterator[Check]:
    for found in status(checkout.home):
        each = found.patch
        there = found.state in (PatchState.APPLIED, PatchState.UPSTREAM)
        remedy = (
            "" if there else f"quaid ail patch {each.name}" if found.state is not PatchState.CHANGED else ""
        )
        yield Check(
            f"patch {each.name}",
            Grade.OK if there else Grade.WARNING,
            found.says,
            "" if there else each.cost,
            remedy,
        )


def _updater(checkout: Checkout) -> Iterator[Check]:
    modified = checkout.modified()
    if modified is None:
        yield Check(
            "updater",
            Grade.OK,
            "the checkout is no git repository, or git is not here; AIL's updater does not work on it",
        )
        return
    blocking = [name for name in modified if not name.startswith("configs/")]
    if blocking or MODULES_CFG in modified:
        says = f"changed and not committed: {', '.join([*blocking, *([MODULES_CFG] if MODULES_CFG in modified else [])])}"
        cost = (
            "AIL's updater refuses to run."
            if blocking
            else "AIL's updater stops when the new version changes that file too."
        )
        yield Check(
            "updater",
            Grade.WARNING,
            says,
            cost,
            "Commit it in the checkout, and: git config pull.rebase true",
        )
    else:
        yield Check("updater", Grade.OK, "nothing is in the way of AIL's updater")
