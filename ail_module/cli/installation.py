"""`quaid ail install`, `uninstall`, `patch`, `systemd-unit`, `self-check`: our modules in an AIL checkout.

Everything that is to be written is shown first as a unified diff, and asked for on a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from douglas_quaid.cli.group import command
from douglas_quaid.cli.terminal import json_line, print_result, say, show_text

from ..checkout.check import Grade
from ..checkout.install import plan_install, plan_uninstall, systemd_unit
from ..checkout.patching import plan_patch, status
from ..checkout.working_tree import Plan
from ..config import MODULES
from .group import agreed, ail, shown_first, with_home


@command("install", group=ail)
@with_home
@click.option(
    "--no-crawled",
    is_flag=True,
    help="Without the module for screenshots that AIL does not queue; patches P1 and P2 replace it.",
)
@click.option("--launcher", is_flag=True, help="Also start the modules from bin/LAUNCH.sh, like AIL's own.")
@click.option(
    "--patch",
    "names",
    multiple=True,
    metavar="NAME",
    help="Also apply this patch (see `quaid ail patch`), or `all` that fit. Repeatable.",
)
@shown_first
def install(
    home: Path,
    no_crawled: bool,
    launcher: bool,
    names: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Put the modules into an AIL checkout: entry files, queues, options. --store URL goes into core.cfg."""
    plans = [plan_install(home, store=store, crawled=not no_crawled, launcher=launcher)]
    if names:
        plans.append(plan_patch(home, names))
    _carry_out(plans, dry_run=dry_run, yes=yes, as_json=as_json)
    missing = [each.patch for each in status(home) if not each.in_force]
    if missing and not names and not as_json:
        say("", "Patches of AIL that are not applied (all optional; `quaid ail patch NAME...` applies them):")
        for patch in missing:
            say(f"  {patch.name}  {patch.title}. Without it: {patch.cost}")


@command("uninstall", group=ail)
@with_home
@shown_first
def uninstall(home: Path, dry_run: bool, yes: bool, store: str | None, as_json: bool) -> None:
    """Remove the modules, their options and all patches of ours from an AIL checkout. The store stays."""
    _carry_out([plan_uninstall(home)], dry_run=dry_run, yes=yes, as_json=as_json)


@command("patch", group=ail)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@with_home
@click.option("--revert", is_flag=True, help="Take the patches out.")
@shown_first
def patch(
    names: tuple[str, ...],
    home: Path,
    revert: bool,
    dry_run: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Apply small patches to AIL's own code, or list them: P1 to P6, each with its purpose and what happens
    without it; `all` stands for every one that fits.
    """
    if names:
        _carry_out([plan_patch(home, names, revert=revert)], dry_run=dry_run, yes=yes, as_json=as_json)
        return
    for each in status(home):
        one = each.patch
        line = {
            "patch": one.name,
            "title": one.title,
            "state": each.state.value,
            "says": each.says,
            "reason": one.reason,
            "without": one.cost,
        }
        print_result(
            line,
            f"{one.name}  {one.title}: {each.state.value}",
            f"    {one.reason}",
            f"    Without it: {one.cost}",
            f"    Restart after a change: {', '.join(one.restart)}",
            as_json=as_json,
        )


@command("systemd-unit", group=ail)
@click.argument("module", type=click.Choice(MODULES), default=MODULES[0])
@with_home
def unit(module: str, home: Path, store: str | None, as_json: bool) -> None:
    """Print a systemd unit that runs a module instead of a window of AIL's launcher."""
    text = systemd_unit(home, module)
    print_result({"module": module, "unit": text}, *text.rstrip("\n").split("\n"), as_json=as_json)


@command("self-check", group=ail)
@with_home
@click.option(
    "--python",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="AIL's interpreter; default: AILENV/bin/python in its folder.",
)
def self_check(home: Path, python: str | None, store: str | None, as_json: bool) -> int:
    """Say what of an installation is missing or wrong, what that costs, and what to do. Exit status 1 if
    something does not work.
    """
    from ..checkout import self_check

    marks = {Grade.OK: "ok     ", Grade.WARNING: "WARNING", Grade.FAILURE: "FAIL   "}
    checks = self_check.self_check(home, python=Path(python).absolute() if python else None, store=store)
    for check in checks:
        rest = [f"        {text}" for text in (check.cost, check.remedy) if text]
        text = f"{marks[check.grade]} {check.subject}: {check.says}"
        print_result(asdict(check) | {"grade": check.grade.value}, text, *rest, as_json=as_json)
    return 1 if any(check.grade is Grade.FAILURE for check in checks) else 0


def _carry_out(plans: Sequence[Plan], *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Show, ask and write. Nothing is written if one of the plans cannot be."""
    home = plans[0].home
    changes = tuple(change for plan in plans for change in plan.changes)
    notes = [note for plan in plans for note in plan.notes]
    diff = "".join(plan.diff for plan in plans)
    if not as_json:
        show_text(diff)
        if not changes:
            say("Nothing to change.")
    question = f"Write {len(changes)} files below {home}?"
    written = bool(changes) and agreed(question, dry_run=dry_run, yes=yes, as_json=as_json)
    if written:
        Plan(home, changes).write()
    if as_json:
        json_line(
            {
                "home": str(home),
                "changes": [change.name for change in changes],
                "written": written,
                "notes": notes,
                "diff": diff,
            }
        )
        return
    for note in notes:
        say(f"* {note}")
    if changes:
        say("Written." if written else "Nothing was written.")
