"""What the commands `quaid ail ...` share: their group, their options, and the question before AIL is
changed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

import douglas_quaid  # the engine is loaded when it is first used
from douglas_quaid.cli.terminal import confirmed

from ..config import Settings, ail_home

Command = TypeVar("Command", bound=Callable[..., Any])


@click.group(name="ail", context_settings={"help_option_names": ["-h", "--help"]})
def ail() -> None:
    """AIL: the modules for its queues, and the images that an instance holds."""


def with_home(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Return a command with the option --ail-home, from a function that takes AIL's folder as `home`."""

    @click.option("--ail-home", "given", metavar="DIR", help="Folder of AIL; default: $AIL_HOME.")
    @wraps(function)
    def run(*, given: str | None, **options: Any) -> int | None:
        return function(home=ail_home(given), **options)

    return run


def shown_first(function: Command) -> Command:
    """Return a command with the options --dry-run and --yes, for changes outside of our store."""
    with_yes = click.option("--yes", is_flag=True, help="Do it without asking.")(function)
    return click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")(with_yes)


def agreed(question: str, *, dry_run: bool, yes: bool, as_json: bool) -> bool:
    """Return whether to go on, and ask if no option says so. Raises ConfigError if nobody can be asked."""
    if dry_run or yes:
        return not dry_run
    if as_json:
        raise douglas_quaid.ConfigError("--json asks no questions; add --dry-run or --yes")
    return confirmed(question)


def open_engine(settings: Settings, store: str | None) -> douglas_quaid.Correlator:
    """Return the engine of the modules' store, or of the one that --store names. Raises ConfigError and
    StoreError.
    """
    return douglas_quaid.open_correlator(config=settings.engine_config(store=store), mend=False)
