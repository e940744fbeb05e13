"""Self-check of what is outside of the checkout: the feature store, and AIL's running modules."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

from douglas_quaid.config import shown
from douglas_quaid.errors import ConfigError, DouglasQuaidError

from ..config import SECTION, Locations, Settings
from ..processes import running
from ..servers import AilServers, Queue
from .check import Check, failure, ok, warning
from .install import installed, publishers
from .working_tree import CORE_CFG, MODULES_CFG, Checkout


def store_checks(checkout: Checkout) -> Iterator[Check]:
    """Yield the checks of our options in core.cfg, and of the store that they name.

    Raises ConfigError if the options are wrong.
    """
    has_section = checkout.parsed(CORE_CFG).has_section(SECTION)
    if not has_section:
        missing = f"{CORE_CFG} has no section [{SECTION}]"
        yield warning("options", missing, "Every option has its default.", "quaid ail install")
    settings = Settings.read(checkout.home)
    if has_section:
        yield ok("options", f"the options in {CORE_CFG} are valid")
    config = settings.engine_config()
    if settings.store is None and "DOUGLAS_QUAID_STORE" in os.environ:
        yield warning(
            "options",
            f"`store` is not set in {CORE_CFG}; DOUGLAS_QUAID_STORE of this shell says {shown(config.store)}",
            "AIL's modules use another store, unless they are started with the same variable.",
            "Set it there",
        )
    if config.store.startswith("embedded:"):
        yield _embedded(checkout, config.store)
        return
    if taken := _section_of(checkout, config.store):
        yield failure(
            "store",
            f"{shown(config.store)} is AIL's own server [{taken}]",
            "Our data and AIL's would be in one place.",
            f"Run a Redis or Valkey of its own, and name it as `store` in {CORE_CFG}, [{SECTION}]",
        )
        return
    from douglas_quaid.engine import Engine

    try:
        with Engine.open(config=config, mend=False) as engine:
            yield ok("store", f"{shown(config.store)} answers, {engine.stats().store.images:,} images")
    except DouglasQuaidError as error:
        yield failure(
            "store",
            str(error),
            "Our modules take nothing off their queues until it is there; nothing is lost.",
            f"Start it, or correct `store` in {CORE_CFG}, [{SECTION}]",
        )


def process_checks(checkout: Checkout) -> Iterator[Check]:
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
            unknown = "What runs, and what must be restarted, could not be checked."
            yield warning("AIL", str(error), unknown, "Start AIL")
            return
    stale = ", ".join(name for name, started in starts.items() if any(start < changed for start in started))
    if stale:
        yield failure(
            "publishers",
            f"{stale} started before {MODULES_CFG} was changed",
            "They learn of subscribers when they start: until then they send our modules nothing.",
            f"Restart {stale}",
        )
    else:
        yield ok("publishers", "no publisher runs that is older than modules.cfg")
    for module, queue in ours.items():
        if not _starts(queue):
            yield warning(
                "processes",
                f"{module} does not run here; {queue.waiting} messages wait for it",
                "Its queue grows without end while AIL runs.",
                "Start it",
            )


def _starts(queue: Queue) -> list[float]:
    """When the processes of a module that run on this machine started, in seconds since 1970."""
    return [float(queue.starts[pid]) for pid in running(queue.starts)]


def _embedded(checkout: Checkout, url: str) -> Check:
    remedy = f"For more than a trial run a Redis or Valkey, and name it as `store` in {CORE_CFG}, [{SECTION}]"
    if checkout.home.stat().st_uid != os.geteuid():
        return failure(
            "store",
            f"{url} is a store of one user, and the checkout belongs to another user than this one",
            "This user does not see what AIL's modules store there, nor the other way round.",
            f"Run this as AIL's user. {remedy}",
        )
    return warning(
        "store",
        f"{url} is a store in this user's folder",
        "Modules that run as another user have another store.",
        remedy,
    )


def _section_of(checkout: Checkout, url: str) -> str | None:
    """The section of core.cfg whose server a URL names. Raises ConfigError if the URL is malformed."""
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
