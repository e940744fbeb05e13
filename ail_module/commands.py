"""The commands `quaid ail ...`; found by `quaid` through the entry-point group `douglas_quaid.commands`. Loads nothing heavy.

Whatever changes AIL's files or queues is shown first, and asked for on a terminal: `--dry-run` ends there, `--yes` asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

import click

from douglas_quaid.cli import command
from douglas_quaid.errors import ConfigError
from douglas_quaid.terminal import complain, json_line, say

from .config import MODULES, Places, Settings, ail_home

if TYPE_CHECKING:
    from douglas_quaid.engine import Engine

    from .plan import Plan

F = TypeVar("F", bound=Callable[..., Any])


@click.group(name="ail", context_settings={"help_option_names": ["-h", "--help"]})
def ail() -> None:
    """AIL: the modules for its queues, and the images that an instance holds."""


HOME = click.option("--ail-home", "home", metavar="DIR", help="The folder of AIL; default: $AIL_HOME.")


def shown_first(function: F) -> F:
    """The options of what changes something outside of our store."""
    dry_run = click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
    yes = click.option("--yes", is_flag=True, help="Do it without asking.")
    return dry_run(yes(function))


# -- the checkout ------------------------------------------------------------------------------------------------------------


@command("install", group=ail)
@HOME
@click.option("--no-crawled", is_flag=True, help="Without the module for screenshots that AIL does not queue; patch P1 replaces it.")
@click.option("--launcher", is_flag=True, help="Also start the modules from bin/LAUNCH.sh, as AIL's own.")
@click.option("--patch", "names", multiple=True, metavar="NAME", help="Also apply this patch (see `quaid ail patch`); `all`: every one that fits. Repeatable.")
@shown_first
def install(home: str | None, no_crawled: bool, launcher: bool, names: tuple[str, ...], dry_run: bool, yes: bool, store: str | None, as_json: bool) -> int:
    """Put the modules into an AIL checkout: entry files, queues, options. --store URL goes into core.cfg."""
    from .install import plan_install
    from .patches import PatchState, plan_patch, status

    where = ail_home(home)
    plans = [plan_install(where, store=store, crawled=not no_crawled, launcher=launcher)]
    if names:
        fitting = [each.patch.name for each in status(where) if each.state in (PatchState.ABSENT, PatchState.PARTLY)]
        plans.append(plan_patch(where, fitting if names == ("all",) else list(names)))
    code = _carry_out(plans, dry_run=dry_run, yes=yes, as_json=as_json)
    missing = [each for each in status(where) if each.state is not PatchState.APPLIED and each.state is not PatchState.UPSTREAM]
    if missing and not names and not as_json:
        say("\nPatches of AIL that are not applied (all optional; apply them with `quaid ail patch NAME...`):")
        for each in missing:
            say(f"  {each.patch.name}  {each.patch.title}. Without it: {each.patch.cost}")
    return code


@command("uninstall", group=ail)
@HOME
@shown_first
def uninstall(home: str | None, dry_run: bool, yes: bool, store: str | None, as_json: bool) -> int:
    """Take the modules, their options and all patches of ours out of an AIL checkout. The store stays."""
    from .install import plan_uninstall

    return _carry_out([plan_uninstall(ail_home(home))], dry_run=dry_run, yes=yes, as_json=as_json)


@command("patch", group=ail)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@HOME
@click.option("--revert", is_flag=True, help="Take them back.")
@shown_first
def patch(names: tuple[str, ...], home: str | None, revert: bool, dry_run: bool, yes: bool, store: str | None, as_json: bool) -> int:
    """Apply small patches to AIL's own code, or list them: P1 to P5, each with what it is for and what its absence costs."""
    from .patches import plan_patch, status

    where = ail_home(home)
    if names:
        return _carry_out([plan_patch(where, names, revert=revert)], dry_run=dry_run, yes=yes, as_json=as_json)
    for each in status(where):
        one = each.patch
        if as_json:
            json_line({"patch": one.name, "title": one.title, "state": each.state.value, "says": each.says, "reason": one.reason, "without": one.cost})
        else:
            say(f"{one.name}  {one.title}: {each.state.value}\n    {one.reason}\n    Without it: {one.cost}\n    Restart after a change: {one.restart}")
    return 0


@command("systemd-unit", group=ail)
@click.argument("module", type=click.Choice(MODULES), default=MODULES[0])
@HOME
def systemd_unit(module: str, home: str | None, store: str | None, as_json: bool) -> None:
    """Print a systemd unit that runs a module instead of a window of AIL's launcher."""
    from .install import systemd_unit as unit

    text = unit(ail_home(home), module)
    if as_json:
        json_line({"module": module, "unit": text})
    else:
        say(text.rstrip("\n"))


def _carry_out(plans: Sequence[Plan], *, dry_run: bool, yes: bool, as_json: bool) -> int:
    """Show, ask, write; nothing at all is written when one of the plans cannot be."""
    from .plan import apply

    changes = [change for plan in plans for change in plan.changes]
    notes = [note for plan in plans for note in plan.notes]
    if as_json and changes and not (dry_run or yes):
        raise ConfigError("--json asks no questions; add --dry-run or --yes")
    if not as_json:
        for plan in plans:
            if plan.diff:
                click.echo(plan.diff, nl=False)
        if not changes:
            say("Nothing to change.")
    write = bool(changes) and not dry_run and (yes or click.confirm(f"Write {len(changes)} files below {plans[0].home}?", err=True))
    if write:
        for plan in plans:
            apply(plan)
    if as_json:
        json_line({"home": str(plans[0].home), "changes": [change.name for change in changes], "written": write, "notes": notes})
        return 0
    for note in notes:
        say(f"* {note}")
    if changes:
        say("Written." if write else "Nothing was written.")
    return 0


# -- the pictures that are there -----------------------------------------------------------------------------------------------


@command("backfill", group=ail)
@HOME
@click.option("--type", "kinds", multiple=True, type=click.Choice(["image", "screenshot"]), help="Only these. Repeatable; default: both.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), metavar="N", help="At most so many pictures a second.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many files in this run; the next run goes on behind them.")
@click.option("--no-link", is_flag=True, help="Store only; a later run searches for matches.")
@click.option("--write", is_flag=True, help="Afterwards hand what matches to the module's queue, which writes AIL's tags and correlations.")
@click.option("--no-tags", is_flag=True, help="Do not ask AIL's Kvrocks which objects are unsafe: all are kept alike, and AIL need not run.")
@click.option("--dry-run", is_flag=True, help="Count what is there and what is new; store nothing.")
def backfill(
    home: str | None,
    kinds: tuple[str, ...],
    rate: float | None,
    limit: int | None,
    no_link: bool,
    write: bool,
    no_tags: bool,
    dry_run: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Store the images and screenshots that AIL has on disk, then search for matches among all of them. Can be interrupted and run again."""
    from dataclasses import asdict

    from .backfill import Backfill, Progress
    from .objects import TYPES
    from .servers import AilServers
    from .walk import Broken

    if no_link and write:
        raise ConfigError("--write hands on what was found to match, and --no-link finds nothing; give one of them")
    where = ail_home(home)
    settings, places = Settings.read(where), Places.read(where)

    def tell(broken: Broken) -> None:
        if as_json:
            json_line(broken.to_json())
        else:
            complain(f"broken   {broken.reason}")

    def progress(at: Progress) -> None:
        share = "" if at.share is None else f", {at.share:.0%} of the folder"
        click.echo(f"{at.stage}: {at.done:,} done{share}, {at.rate:.1f}/s", err=True)

    with ExitStack() as stack:
        engine, servers = stack.enter_context(_open(settings, store)), stack.enter_context(AilServers(places))
        asked = None if no_tags or dry_run else servers
        run = Backfill(engine, places, settings, kinds=kinds or TYPES, rate=rate, limit=limit, ail=asked, tell=tell, progress=progress)
        if dry_run:
            counts = run.survey()
            wanted = ["added", "known", "broken"]
        else:
            counts = run.add()
            wanted = ["added", "hash_only", "known", "skipped", "broken"]
            if not no_link and counts.complete:
                run.link()
                run.write(servers if write else None, MODULES[0])
                wanted += ["linked", "matching", "sent"]
    line = {name: count for name, count in asdict(counts).items() if name in wanted}
    if as_json:
        json_line({"summary": line | {"complete": counts.complete, "dry_run": dry_run}})
        return 1 if counts.broken else 0
    words = {"added": "to add", "known": "known already"} if dry_run else {"hash_only": "of these hashes only", "sent": f"sent to {MODULES[0]}"}
    always = ("added", "known", "matching")
    say(", ".join(f"{count:,} {words.get(name, name)}" for name, count in line.items() if count or name in always))
    if not counts.complete:
        say(f"--limit {limit} ended the walk; the next run goes on there, and links when all are stored")
    elif not dry_run and counts.matching > counts.sent:
        say(f"{counts.matching - counts.sent:,} match others and AIL was not told: `quaid ail backfill --write` hands them to the module")
    return 1 if counts.broken else 0


# -- operations ----------------------------------------------------------------------------------------------------------------


@command("status", group=ail)
@HOME
def status(home: str | None, store: str | None, as_json: bool) -> int:
    """What waits, since when, who works, how fast, what failed, and what the store holds. Exit status 1 if something is wrong."""
    from .servers import AilServers
    from .status import read_status, status_text

    where = ail_home(home)
    settings = Settings.read(where)
    with _open(settings, store) as engine, AilServers(Places.read(where)) as servers:
        found = read_status(engine, servers, settings)
    if as_json:
        json_line(found.to_json())
    else:
        say(status_text(found))
    return 1 if found.warnings else 0


def _open(settings: Settings, store: str | None) -> Engine:
    """The store of the modules, or the one that --store names."""
    from douglas_quaid.engine import Engine

    return Engine.open(config=settings.engine_config(store=store), mend=False)
