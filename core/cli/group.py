"""The command group `quaid`, and how a command is added to it. `quaid --help` loads nothing heavy.

Exit status: 0 all done; 1 some inputs failed, each with its line, and the rest were done; 2 wrong usage or
configuration.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from importlib.metadata import entry_points, version
from typing import TYPE_CHECKING, Any

import click

from ..errors import ConfigError, DouglasQuaidError
from .terminal import OutputLost, abandon, complain, error_json, json_line, prepare

if TYPE_CHECKING:
    from ..correlator import Correlator
    from ..engine import Engine

#: Entry-point group through which installed adapters add their commands.
ENTRY_POINTS = "douglas_quaid.commands"


class Commands(click.Group):
    """Our own commands, and those of installed adapters."""

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run a command and end with its exit status; what click itself says about errors goes through
        terminal.py.
        """
        prepare()
        run: Any = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **extra)
        try:
            status = run(*args, standalone_mode=False, **extra)
        except click.UsageError as error:
            complain(*_usage(error))
            sys.exit(error.exit_code)
        except click.ClickException as error:
            complain(f"Error: {error.format_message()}")
            sys.exit(error.exit_code)
        except click.Abort:
            complain("Aborted!")
            sys.exit(1)
        except (OutputLost, OSError) as error:  # OSError: of click, which prints help and version
            abandon(sys.stdout)
            reason = error.strerror if isinstance(error, OSError) else error
            complain(f"standard output cannot be written: {reason}")
            sys.exit(1)
        sys.exit(status if isinstance(status, int) else 0)

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(
            {*super().list_commands(context), *(point.name for point in entry_points(group=ENTRY_POINTS))}
        )

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of this name; an adapter is only loaded when its command is used."""
        own = super().get_command(context, name)
        if own is not None:
            return own
        found = entry_points(group=ENTRY_POINTS, name=name)
        loaded = next(iter(found)).load() if found else None
        return loaded if isinstance(loaded, click.Command) else None


def _usage(error: click.UsageError) -> list[str]:
    """What click says about wrong usage, line by line."""
    if error.ctx is None:
        return [f"Error: {error.format_message()}"]
    hint = f"Try '{error.ctx.command_path} {error.ctx.help_option_names[0]}' for help."
    return [*error.ctx.get_usage().split("\n"), hint, "", f"Error: {error.format_message()}"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("douglas-quaid"), prog_name="quaid")
def main() -> None:
    """Have we seen this picture, or a piece of it, before, and how sure are we?"""


def command(
    name: str, *, group: click.Group = main, through_service: bool = False
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Return a decorator that makes a function a command with the options --store and --json, and --key-file
    for one that also works through a service.

    The function returns the exit status, or None for 0. An error of ours or of a file becomes one line and an
    exit status.
    """

    def wrap(function: Callable[..., int | None]) -> click.Command:
        @group.command(name)
        @click.option(
            "--store",
            metavar="URL",
            help="URL of the feature store: embedded: (default), embedded:PATH, redis://, rediss://, unix://,"
            " redis+cluster://"
            + ("; or of a service, http:// or https://HOST[:PORT]/." if through_service else "."),
        )
        @click.option(
            "--json",
            "as_json",
            is_flag=True,
            help="Print one JSON object per line, and nothing else on standard output.",
        )
        @wraps(function)
        def run(*, store: str | None, as_json: bool, **options: Any) -> None:
            try:
                status = function(store=store, as_json=as_json, **options)
            except (DouglasQuaidError, OSError) as error:
                if as_json:
                    json_line(error_json(error))
                complain(f"{type(error).__name__}: {error}")
                sys.exit(2 if isinstance(error, ConfigError) else 1)
            sys.exit(status or 0)

        if through_service:
            run.params.append(
                click.Option(
                    ["--key-file"],
                    metavar="FILE",
                    help="File with the key for a service; default: DOUGLAS_QUAID_KEY.",
                )
            )
        return run

    return wrap


def with_engine(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Return a function that takes the URL of a store, and calls this one with the engine of that store."""

    @wraps(function)
    def run(*, store: str | None, **options: Any) -> int | None:
        with open_engine(store) as engine:
            return function(engine=engine, **options)

    return run


def with_correlator(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Return a function that takes the URL of a store or a service and the file of a key, and calls this one
    with what answers there.
    """

    @wraps(function)
    def run(*, store: str | None, key_file: str | None, **options: Any) -> int | None:
        with open_correlator(store, key_file) as engine:
            return function(engine=engine, **options)

    return run


def open_correlator(store: str | None, key_file: str | None) -> Correlator:
    """Return the engine of a store, or the client of a service (default: the configured one). Raises
    ConfigError, StoreError, FormatError.
    """
    from ..opening import open_correlator as opened

    return opened(store, key=None if key_file is None else _key_in(key_file))


def _key_in(path: str) -> str:
    """The key in a file, which holds nothing else."""
    from ..files import read_regular

    return read_regular(path, max_bytes=4096).decode("ascii", "replace").strip()


def open_engine(store: str | None) -> Engine:
    """Return the engine of a store (default: the configured one). Raises ConfigError, StoreError,
    FormatError.
    """
    from ..engine import Engine

    return Engine.open(store)
