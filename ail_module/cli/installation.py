"""`quaid ail install`, `uninstall`, `patch`, `systemd-unit`, `self-check`: an AIL checkout, with our modules
and without.

Everything that is written is shown first as a unified diff, and asked for on a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from douglas_quaid.cli.group import command
from douglas_quaid.cli.terminal import json_line, say

from ..config import MODULES, ail_home
from .group import HOME, agreed, ail, shown_first

if TYPE_CHECKING:
    from ..checkout.file_changes import Plan


@command("install", group=ail)
@HOME
@click.option(
    "--no-crawled",
    is_flag=True,
    help="Without the module for screenshots that AIL does not queue; patch P1 replaces it.",
)
@click.option("--launcher", is_flag=True, help="Also start the modules from bin/LAUNCH.sh, as AIL's own.")
@click.option(
    "--patch",
    "names",
    multiple=True,
    metavar="NAME",
    help="Also apply this patch (see `quaid ail patch`); `all`: every one that fits. Repeatable.",
)
@shown_first
def install(
    home: str | None,
    no_crawled: bool,
    launcher: bool,
    names: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Put the modules into an AIL checkout: entry files, queues, options. --store URL goes into core.cfg."""
    from ..checkout.edits import PatchState
    from ..checkout.install import plan_install
    from ..checkout.patching import plan_patch, status

    where = ail_home(home)
    plans = [plan_install(where, store=store, crawled=not no_crawled, launcher=launcher)]
    if names:
        fitting = [
            each.patch.name for each in status(where) if each.state in (PatchState.ABSENT, PatchState.PARTLY)
        ]
        plans.append(plan_patch(where, fitting if names == ("all",) else list(names)))
    code = _carry_out(plans, dry_run=dry_run, yes=yes, as_json=as_json)
    missing = [
        each
        for each in status(where)
        if each.state is not PatchState.APPLIED and each.state is not PatchState.UPSTREAM
    ]
    if missing and not names and not as_json:
        say(
            "\nPatches of AIL that are not applied (all optional; apply them with `quaid ail patch NAME...`):"
        )
        for each in missing:
            say(f"  {each.patch.name}  {each.patch.title}. Without it: {each.patch.cost}")
    return code


@command("uninstall", group=ail)
@HOME
@shown_first
def uninstall(home: str | None, dry_run: bool, yes: bool, store: str | None, as_json: bool) -> int:
    """Take the modules, their options and all patches of ours out of an AIL checkout. The store stays."""
    from ..checkout.install import plan_uninstall

    return _carry_out([plan_uninstall(ail_home(home))], dry_run=dry_run, yes=yes, as_json=as_json)


@command("patch", group=ail)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@HOME
@click.option("--revert", is_flag=True, help="Take them back.")
@shown_first
def patch(
    names: tuple[str, ...],
    home: str | None,
    revert: bool,
    dry_run: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Apply small patches to AIL's own code, or list them: P1 to P5, each with what it is for and what its
    absence costs.
    """
    from ..checkout.patching import plan_patch, status

    where = ail_home(home)
    if names:
        return _carry_out(
            [plan_patch(where, names, revert=revert)], dry_run=dry_run, yes=yes, as_json=as_json
        )
    for each in status(where):
        one = each.patch
        if as_json:
            json_line(
                {
                    "patch": one.name,
                    "title": one.title,
                    "state": each.state.value,
                    "says": each.says,
                    "reason": one.reason,
                    "without": one.cost,
                }
            )
        else:
            say(f"{one.name}  {one.title}: {each.state.value}\n    {one.reason}\n    Without it: {one.cost}")
            say(f"    Restart after a change: {', '.join(one.restart)}")
    return 0


@command("systemd-unit", group=ail)
@click.argument("module", type=click.Choice(MODULES), default=MODULES[0])
@HOME
def systemd_unit(module: str, home: str | None, store: str | None, as_json: bool) -> None:
    """Print a systemd unit that runs a module instead of a window of AIL's launcher."""
    from ..checkout.install import systemd_unit as unit

    text = unit(ail_home(home), module)
    if as_json:
        json_line({"module": module, "unit": text})
    else:
        say(text.rstrip("\n"))


def _carry_out(plans: Sequence[Plan], *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Show, ask, write; nothing at all is written when one of the plans cannot be."""
    from ..checkout.file_changes import Plan

    changes = [change for plan in plans for change in plan.changes]
    notes = [note for plan in plans for note in plan.notes]
    if not as_json:
        for plan in plans:
            if plan.diff:
                click.echo(plan.diff, nl=False)
        if not changes:
            say("Nothing to change.")
    write = bool(changes) and agreed(
        f"Write {len(changes)} files below {plans[0].home}?", dry_run=dry_run, yes=yes, as_json=as_json
    )
    if write:
        Plan(plans[0].home, tuple(changes)).write()
    if as_json:
        diff = "".join(plan.diff for plan in plans)
        json_line(
            {
                "home": str(plans[0].home),
                "changes": [change.name for change in changes],
                "written": write,
                "notes": notes,
                "diff": diff,
            }
        )
        return 0
    for note in notes:
        say(f"* {note}")
    if changes:
        say("Written." if write else "Nothing was written.")
    return 0


@command("self-check", group=ail)
@HOME
@click.option(
    "--python",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="AIL's interpreter; default: AILENV/bin/python in its folder.",
)
def self_check(home: str | None, python: str | None, store: str | None, as_json: bool) -> int:
    """Say what of an installation is missing or wrong, what that costs, and what to do. Exit status 1 if
    something does not work.
    """
    from dataclasses import asdict
    from pathlib import Path

    from ..checkout.check import Grade
    from ..checkout.self_check import self_check as checks

    failed = False
    for check in checks(ail_home(home), python=Path(python).absolute() if python else None):
        failed |= check.grade is Grade.FAILURE
        if as_json:
            json_line(asdict(check) | {"grade": check.grade.value})
            continue
        mark = {Grade.OK: "ok     ", Grade.WARNING: "WARNING", Grade.FAILURE: "FAIL   "}[check.grade]
        rest = "".join(f"\n        {text}" for text in (check.cost, check.remedy) if text)
        say(f"{mark} {check.subject}: {check.says}{rest}")
    return 1 if failed else 0
