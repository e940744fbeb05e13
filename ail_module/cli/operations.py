"""`quaid ail status`, `dead-letters`, `cluster`, `reconcile`, `backfill`: what the modules work on, how they
are doing, and the pictures that AIL had before us.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import click

from douglas_quaid import ConfigError
from douglas_quaid.cli.group import command
from douglas_quaid.cli.terminal import complain, json_line, note, print_result, say

from ..config import MODULES, Locations, Settings
from .group import agreed, ail, open_engine, shown_first, with_home


@command("status", group=ail)
@with_home
def status(home: Path, store: str | None, as_json: bool) -> int:
    """Show what waits and since when, which processes run and how fast, what failed, and what the store
    holds; also while a server is down. Exit status 1 if something is wrong.
    """
    from ..servers import AilServers
    from .status import read_status, status_lines

    settings = Settings.read(home)
    with AilServers(Locations.read(home)) as servers:
        found = read_status(lambda: open_engine(settings, store), servers, settings)
    print_result(found.to_json(), *status_lines(found), as_json=as_json)
    return 1 if found.warnings else 0


@command("dead-letters", group=ail)
@click.argument("gids", nargs=-1, metavar="[GID]...")
@with_home
@click.option(
    "--error",
    "errors",
    multiple=True,
    metavar="CLASS",
    help="Only those with this error, such as FileNotThere. Repeatable.",
)
@click.option(
    "--requeue", is_flag=True, help="Put them into the module's queue again, and remove them from this list."
)
@click.option("--remove", is_flag=True, help="Remove them from this list.")
@shown_first
def dead_letters(
    gids: tuple[str, ...],
    home: Path,
    errors: tuple[str, ...],
    requeue: bool,
    remove: bool,
    dry_run: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """List the messages that were given up, with their reasons: all of them, or those of the objects GID
    (image::<sha256>, or ail:image:<sha256>).
    """
    from ..objects import AilObject
    from ..runtime import monitoring
    from ..servers import AilServers

    if requeue and remove:
        raise ConfigError("--requeue removes them from the list, too; give --requeue or --remove")
    settings = Settings.read(home)
    asked = {obj.gid if (obj := AilObject.of(gid)) else gid for gid in gids}
    with open_engine(settings, store) as engine, AilServers(Locations.read(home)) as servers:
        found = sorted(
            (
                letter
                for letter in monitoring.dead_letters(engine)
                if (not asked or letter.gid in asked) and (not errors or letter.error in errors)
            ),
            key=lambda letter: (letter.last, letter.gid),
        )
        for letter in found:
            tries = f"{letter.attempts} tries, last {letter.last:%Y-%m-%d %H:%M} UTC"
            text = (f"{letter.gid}  {letter.module}, {tries}", f"    {letter.error}: {letter.reason}")
            print_result(letter.to_json(), *text, as_json=as_json)
        missing = asked - {letter.gid for letter in found}
        for gid in sorted(missing):
            complain(f"{gid}: no such dead letter")
        if not as_json:
            say(f"{len(found):,} dead letters")
        verb = "Requeue" if requeue else "Remove"
        question = f"{verb} {len(found):,} dead letters?"
        to_change = found and (requeue or remove)
        if to_change and agreed(question, dry_run=dry_run, yes=yes, as_json=as_json):
            for letter in found:
                if requeue:  # first queued, then removed: a crash in between repeats one, and loses none
                    has_id = letter.gid != letter.message
                    servers.push(letter.module, [f"{letter.gid};{letter.message}" if has_id else letter.gid])
                monitoring.remove_dead_letter(engine, letter.gid)
            if not as_json:
                say(f"{verb}d {len(found):,}.")
    return 1 if missing else 0


@command("cluster", group=ail)
@click.argument("name", metavar="ID")
@with_home
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Maximum number of domains, chats and objects to print (--json: all).",
)
def cluster(name: str, home: Path, limit: int, store: str | None, as_json: bool) -> None:
    """Show a cluster's domains, chats and objects, and when it was seen. ID: cluster id, image id, or an
    object (screenshot::<sha256>, or ail:screenshot:<sha256>).
    """
    from .cluster_report import report, report_lines

    with open_engine(Settings.read(home), store) as engine:
        found = report(engine, name)
    print_result(found.to_json(), *report_lines(found, limit), as_json=as_json)


@command("reconcile", group=ail)
@with_home
@shown_first
def reconcile(home: Path, dry_run: bool, yes: bool, store: str | None, as_json: bool) -> None:
    """Follow analysts' answers in AIL and vetoes now; the modules do it by themselves. --dry-run lists each
    answer and each change. Runs in AIL's interpreter: AILENV/bin/quaid.
    """
    from ..publishing.ledger import written_objects
    from ..servers import AilServers
    from .ail_sink import open_sink, translated_errors
    from .reconciliation import reconciled, rehearsed

    settings = Settings.read(home)
    with (
        open_engine(settings, store) as engine,
        AilServers(Locations.read(home)) as servers,
        translated_errors(),
    ):
        objects = sorted(set(written_objects(engine)))
        if not as_json:
            say(
                f"Something was written to AIL about {len(objects):,} objects. What no longer holds is "
                "removed or moved; nothing else is touched."
            )
        if not objects or not (
            dry_run or agreed("Check all of them?", dry_run=False, yes=yes, as_json=as_json)
        ):
            return
        sink = open_sink(home, servers)
        if dry_run:
            answers, changed = rehearsed(engine, sink, settings, objects, as_json=as_json)
        else:
            answers, changed = reconciled(engine, sink, settings, objects, as_json=as_json)
    summary = {"objects": len(objects), "answers": answers, "changed": changed, "dry_run": dry_run}
    text = f"{answers:,} answers; {changed:,} other objects changed in AIL"
    if dry_run:
        text = f"{answers:,} answers and {changed:,} changes in AIL to come; nothing was changed"
    print_result({"summary": summary}, text, as_json=as_json)


@command("backfill", group=ail)
@with_home
@click.option(
    "--type",
    "kinds",
    multiple=True,
    type=click.Choice(["image", "screenshot"]),
    help="Only this type. Repeatable; default: all.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    metavar="N",
    help="Maximum number of pictures per second.",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Maximum number of new files in this run; the next run goes on behind them.",
)
@click.option("--no-link", is_flag=True, help="Store only; a later run searches for matches.")
@click.option(
    "--write",
    is_flag=True,
    help="Afterwards put what matches into the module's queue: it writes AIL's tags and correlations.",
)
@click.option(
    "--without-ail",
    is_flag=True,
    help="Do not ask AIL's Kvrocks where pictures were seen and which are unsafe. AIL need not run.",
)
@click.option("--dry-run", is_flag=True, help="Count what is there and what is new; store nothing.")
def backfill(
    home: Path,
    kinds: tuple[str, ...],
    rate: float | None,
    limit: int | None,
    no_link: bool,
    write: bool,
    without_ail: bool,
    dry_run: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """Store the images and screenshots that AIL has on disk, then search for matches among all of them. It
    can be interrupted and run again.
    """
    from ..backfill.picture_files import Broken
    from ..backfill.run import Backfill, BackfillOptions, Progress
    from ..objects import TYPES
    from ..servers import AilServers

    if no_link and write:
        raise ConfigError("--write needs the matches, and --no-link searches for none; give one of them")
    settings, locations = Settings.read(home), Locations.read(home)

    def tell(broken: Broken) -> None:
        if as_json:
            json_line({"path": broken.path, "error": broken.reason})
        else:
            complain(f"broken   {broken.reason}")

    def progress(at: Progress) -> None:
        share = "" if at.share is None else f", {at.share:.0%} of the folder"
        note(f"{at.stage}: {at.done:,} done{share}, {at.rate:.1f}/s")

    with open_engine(settings, store) as engine, AilServers(locations) as servers, ExitStack() as ending:
        options = BackfillOptions(kinds=kinds or TYPES, rate=rate, limit=limit)
        asked = None if without_ail or dry_run else servers
        run = Backfill(engine, locations, settings, options, ail=asked, tell=tell, progress=progress)
        ending.callback(run.close)
        if dry_run:
            counts, shown = run.survey(), ["added", "known", "broken"]
        else:
            counts, shown = run.add(), ["added", "hash_only", "known", "skipped", "broken"]
            if not no_link and counts.complete:
                run.link()
                run.write(servers if write else None, MODULES[0])
                shown += ["linked", "matching", "sent"]
    line = {name: count for name, count in asdict(counts).items() if name in shown}
    words = {"hash_only": "of these hashes only", "sent": f"sent to {MODULES[0]}"}
    if dry_run:
        words = {"added": "to add", "known": "known already"}
    told = [item for item in line.items() if item[1] or item[0] in ("added", "known", "matching")]
    print_result(
        {"summary": line | {"complete": counts.complete, "dry_run": dry_run}},
        ", ".join(f"{count:,} {words.get(name, name)}" for name, count in told),
        as_json=as_json,
    )
    if not as_json and not counts.complete:
        say(f"--limit {limit} ended the run; the next run goes on there, and links when all files are stored")
    elif not as_json and not dry_run and counts.matching > counts.sent:
        say(
            f"{counts.matching - counts.sent:,} match others and AIL was not told: "
            "`quaid ail backfill --write` puts them into the module's queue"
        )
    return 1 if counts.broken else 0
