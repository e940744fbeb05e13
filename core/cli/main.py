"""The command `quaid`: one command for each verb of `Engine`, and those about the installation itself."""

from pathlib import Path

import click

from . import pictures, stored  # noqa: F401 - adds their commands to the group
from .calibrate import calibrate
from .evaluate import evaluate
from .group import command, main
from .terminal import json_line, print_result

__all__ = ["main"]


@command("self-check")
def self_check(store: str | None, as_json: bool) -> int:
    """Check the installation and the store.

    Each problem is shown with its remedy.
    """
    from .self_check import run_checks

    failed = 0
    for check in run_checks(store):
        failed += not check.ok
        print_result(
            {"check": check.name, "ok": check.ok, "detail": check.detail},
            f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}",
            as_json=as_json,
        )
    return 1 if failed else 0


@command("demo")
@click.option(
    "--output",
    default="demo-output",
    show_default=True,
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Folder for the pictures and the page.",
)
def demo(output: str, store: str | None, as_json: bool) -> int:
    """Run the demonstration.

    It adds sample pictures to a throwaway store, queries edited versions, and writes a page with the
    evidence.
    """
    from .demo import demonstrate

    return demonstrate(Path(output), store, json_line if as_json else None)


command("evaluate")(evaluate)
command("calibrate")(calibrate)
