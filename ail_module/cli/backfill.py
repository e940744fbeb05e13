"""`quaid ail backfill`: the pictures that AIL had before us."""

from __future__ import annotations

import click

from douglas_quaid.cli.group import command
from douglas_quaid.cli.terminal import complain, json_line, print_result, say
from douglas_quaid.errors import ConfigError

from ..config import MODULES, Locations, Settings, ail_home
from .group import HOME, ail, open_engine


@command("backfill", group=ail)
@HOME
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
    """Store the images and screenshots that AIL has on disk, then search for matches among all of them. It
    can be interrupted and run again.
    """
    from dataclasses import asdict

    from ..backfill.picture_files import Broken
    from ..backfill.run import Backfill, BackfillOptions, Progress
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
