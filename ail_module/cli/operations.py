"""`quaid ail backfill`, `status`, `dead-letters`, `cluster`, `reconcile`: what the modules work on, and how
they are doing.
"""

from __future__ import annotations

from datetime import datetime

import click

from douglas_quaid.cli.group import command
from douglas_quaid.cli.terminal import complain, json_line, say
from douglas_quaid.errors import ConfigError

from ..config import MODULES, Locations, Settings, ail_home
from .group import HOME, agreed, ail, open_engine, shown_first


@command("backfill", group=ail)
@HOME
@click.option(
    "--type",
    "kinds",
    multiple=True,
    type=click.Choice(["image", "screenshot"]),
    help="Only these. Repeatable; default: both.",
)
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), metavar="N", help="At most so many pictures a second."
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="At most so many new files in this run; the next run goes on behind them.",
)
@click.option("--no-link", is_flag=True, help="Store only; a later run searches for matches.")
@click.option(
    "--write",
    is_flag=True,
    help="Afterwards hand what matches to the module's queue, which writes AIL's tags and correlations.",
)
@click.option(
    "--without-ail",
    is_flag=True,
    help="Do not ask AIL's Kvrocks on which domains pictures were seen and which are unsafe; AIL need not run.",
)
@click.option("--dry-run", is_flag=True, help="Count what is there and what is new; store nothing.")
def backfill(
    home: str | None,
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
    """Store the images and screenshots that AIL has on disk, then search for matches among all of them. Can
    be interrupted and run again.
    """
    from dataclasses import asdict

    from ..backfill.pace import Progress
    from ..backfill.picture_files import Broken
    from ..backfill.run import Backfill, BackfillOptions
    from ..objects import TYPES
    from ..servers import AilServers

    if no_link and write:
        raise ConfigError("--write needs the matches, and --no-link searches for none; give one of them")
    where = ail_home(home)
    settings, locations = Settings.read(where), Locations.read(where)

    def tell(broken: Broken) -> None:
        if as_json:
            json_line(broken.to_json())
        else:
            complain(f"broken   {broken.reason}")

    def progress(at: Progress) -> None:
        share = "" if at.share is None else f", {at.share:.0%} of the folder"
        click.echo(f"{at.stage}: {at.done:,} done{share}, {at.rate:.1f}/s", err=True)

    with open_engine(settings, store) as engine, AilServers(locations) as servers:
        options = BackfillOptions(kinds=kinds or TYPES, rate=rate, limit=limit)
        asked = None if without_ail or dry_run else servers
        run = Backfill(engine, locations, settings, options, ail=asked, tell=tell, progress=progress)
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
    words = (
        {"added": "to add", "known": "known already"}
        if dry_run
        else {"hash_only": "of these hashes only", "sent": f"sent to {MODULES[0]}"}
    )
    always = ("added", "known", "matching")
    say(
        ", ".join(
            f"{count:,} {words.get(name, name)}" for name, count in line.items() if count or name in always
        )
    )
    if not counts.complete:
        say(f"--limit {limit} ended the walk; the next run goes on there, and links when all are stored")
    elif not dry_run and counts.matching > counts.sent:
        say(
            f"{counts.matching - counts.sent:,} match others and AIL was not told: `quaid ail backfill --write` hands them to the module"
        )
    return 1 if counts.broken else 0


@command("status", group=ail)
@HOME
def status(home: str | None, store: str | None, as_json: bool) -> int:
    """What waits, since when, who works, how fast, what failed, and what the store holds. Exit status 1 if
    something is wrong.
    """
    from ..servers import AilServers
    from .status import read_status, status_text

    where = ail_home(home)
    settings = Settings.read(where)
    with open_engine(settings, store) as engine, AilServers(Locations.read(where)) as servers:
        found = read_status(engine, servers, settings)
    if as_json:
        json_line(found.to_json())
    else:
        say(status_text(found))
    return 1 if found.warnings else 0


@command("dead-letters", group=ail)
@click.argument("gids", nargs=-1, metavar="[GID]...")
@HOME
@click.option(
    "--error",
    "errors",
    multiple=True,
    metavar="CLASS",
    help="Only those with this error, such as FileNotThere. Repeatable.",
)
@click.option(
    "--requeue", is_flag=True, help="Put them into the module's queue again, and take them off this list."
)
@click.option("--remove", is_flag=True, help="Take them off this list.")
@shown_first
def dead_letters(
    gids: tuple[str, ...],
    home: str | None,
    errors: tuple[str, ...],
    requeue: bool,
    remove: bool,
    dry_run: bool,
    yes: bool,
    store: str | None,
    as_json: bool,
) -> int:
    """List the messages that were given up, with their reasons; all, or those of the objects GID
    (image::<sha256>).
    """
    from ..runtime import dead_letters as letters
    from ..servers import AilServers

    if requeue and remove:
        raise ConfigError("--requeue takes them off the list by itself; give --requeue or --remove")
    where = ail_home(home)
    settings = Settings.read(where)
    with open_engine(settings, store) as engine, AilServers(Locations.read(where)) as servers:
        found = [
            letter
            for letter in letters.dead_letters(engine)
            if (not gids or letter.gid in gids) and (not errors or letter.error in errors)
        ]
        found.sort(key=lambda letter: (letter.last, letter.gid))
        for letter in found:
            if as_json:
                json_line(letter.to_json())
            else:
                say(
                    f"{letter.gid}  {letter.module}, {letter.attempts} tries, last {letter.last:%Y-%m-%d %H:%M} UTC\n    {letter.error}: {letter.reason}"
                )
        missing = set(gids) - {letter.gid for letter in found}
        for gid in sorted(missing):
            complain(f"{gid}: no such dead letter")
        if not as_json:
            say(f"{len(found):,} dead letters")
        verb = "Requeue" if requeue else "Remove"
        if (
            found
            and (requeue or remove)
            and agreed(f"{verb} {len(found):,} dead letters?", dry_run=dry_run, yes=yes, as_json=as_json)
        ):
            for letter in found:
                if requeue:  # first queued, then taken off: a crash in between repeats one, and loses none
                    servers.push(
                        letter.module,
                        [
                            letter.message
                            if letter.gid == letter.message
                            else f"{letter.gid};{letter.message}"
                        ],
                    )
                letters.remove(engine, letter.gid)
            if not as_json:
                say(f"{verb}d {len(found):,}.")
    return 1 if missing else 0


@command("cluster", group=ail)
@click.argument("name", metavar="ID")
@HOME
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(1),
    metavar="N",
    help="Most domains, chats and objects to print (--json: all).",
)
def cluster(name: str, home: str | None, limit: int, store: str | None, as_json: bool) -> None:
    """A cluster's domains, chats, objects, first and last time seen. ID: cluster id, image id, or an object
    (screenshot::<sha256>).
    """
    from .cluster_report import report

    with open_engine(Settings.read(ail_home(home)), store) as engine:
        found = report(engine, name)
    if as_json:
        json_line(found.to_json())
        return
    say(
        f"{found.cluster}: {found.images:,} images, {len(found.objects):,} objects of AIL, "
        + _seen(found.first_seen, found.last_seen)
    )
    if found.representative:
        say(f"  the others are correlated with {found.representative.gid}")
    for title, lines in (
        (
            "domains",
            [f"{each.name}  {each.objects:,} object{'s' * (each.objects != 1)}" for each in found.domains],
        ),
        (
            "chats",
            [f"{each.name}  {each.objects:,} object{'s' * (each.objects != 1)}" for each in found.chats],
        ),
        ("objects, latest first", [obj.gid for obj in found.objects]),
    ):
        if lines:
            say(
                f"{title} ({len(lines):,}):"
                + "".join(f"\n  {line}" for line in lines[:limit])
                + ("\n  ..." if len(lines) > limit else "")
            )


def _seen(first: datetime | None, last: datetime | None) -> str:
    return f"seen {first:%Y-%m-%d} to {last:%Y-%m-%d}" if first and last else "seen in AIL never"


@command("reconcile", group=ail)
@HOME
@shown_first
def reconcile(home: str | None, dry_run: bool, yes: bool, store: str | None, as_json: bool) -> int:
    """Act upon analysts' answers in AIL and on vetoes, now; the modules do it by themselves. Runs in AIL's
    interpreter: AILENV/bin/quaid.
    """
    from ..objects import AilObject
    from ..publishing.feedback import FeedbackReader
    from ..publishing.ledger import Ledger
    from ..publishing.publisher import Publisher
    from ..servers import AilServers
    from .ail_sink import open_sink, translated_errors

    where = ail_home(home)
    settings = Settings.read(where)
    with (
        open_engine(settings, store) as engine,
        AilServers(Locations.read(where)) as servers,
        translated_errors(),
    ):
        gids = sorted({gid for gid, _ in Ledger(engine).entries()})
        if not as_json:
            say(
                f"Something was written to AIL about {len(gids):,} objects. What no longer holds is removed or moved; nothing else is touched."
            )
        if not gids or not agreed("Check all of them?", dry_run=dry_run, yes=yes, as_json=as_json):
            return 0
        sink = open_sink(where, servers)
        reader = FeedbackReader(engine, sink, settings)
        answers = [answer for gid in gids for answer in reader.read(AilObject.parse(gid))]
        answers += reader.finish()
        for answer in answers:
            line = {
                "object": answer.obj.gid,
                "said": answer.said,
                "image": answer.other,
                "refused": answer.refused,
            }
            if as_json:
                json_line(line)
            else:
                refused = f" (refused: {answer.refused})" if answer.refused else ""
                say(f"{answer.obj.gid}: {answer.said} {answer.other}{refused}")
        changed = Publisher(engine, sink, settings).sweep()
    if as_json:
        json_line({"summary": {"objects": len(gids), "answers": len(answers), "changed": changed}})
    else:
        say(f"{len(answers):,} answers; {changed:,} other objects changed in AIL")
    return 0
